package interop

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

const sigJSON = syscall.Signal(36)

// dumped is what a daemon has written on signals.
type dumped struct {
	data  map[string]map[string]string // by instance and label
	stats []string                     // lines, without what is counted
	json  []map[string]map[string]any
}

// dump asks a daemon for everything and reads it as monitors do.
func dump(l *lab.Lab, n *lab.Node) (out dumped) {
	l.T.Helper()
	read := func(sig syscall.Signal, name string) string {
		path := filepath.Join(n.Daemon().Dir, name)
		n.Daemon().Signal(sig)
		var text []byte
		same := 0
		l.WaitFor(name, 3*second, func() bool { // keepalived's can be seen while they are written
			before := len(text)
			text, _ = os.ReadFile(path)
			if same++; len(text) == 0 || len(text) != before {
				same = 0
			}
			return same >= 20
		})
		return string(text)
	}
	out.data = instances(read(unix.SIGUSR1, "keepalived.data"))
	for line := range strings.Lines(read(unix.SIGUSR2, "keepalived.stats")) {
		out.stats = append(out.stats, strings.TrimRight(line, " 0123456789\n"))
	}
	if err := json.Unmarshal([]byte(read(sigJSON, "keepalived.json")), &out.json); err != nil {
		l.T.Errorf("JSON of %s: %v", n.Daemon().Program.Name, err)
	}
	return out
}

// instances are the labels of all objects " VRRP Instance = ".
func instances(text string) map[string]map[string]string {
	out := map[string]map[string]string{}
	var at map[string]string
	for line := range strings.Lines(text) {
		switch label, value, _ := strings.Cut(strings.TrimRight(line, "\n"), " = "); {
		case label == " VRRP Instance":
			at = map[string]string{}
			out[value] = at
		case !strings.HasPrefix(line, "   "):
			at = nil
		case at != nil:
			at[label] = value
		}
	}
	return out
}

// differ are labels and keys whose values depend on the moment or the node, or are secret with us.
var differ = []string{
	"   Last transition", "   Using src_ip", "   Read timeout", "   Password", "last_transition", "auth_data", "advert_sent",
}

// newer are what keepalived 2.2.7 does not have yet, or calls otherwise than 2.4.3.
var newer = []string{"   Number of tracker faults", "   Authentication extension", "   Fault reason"}

// TestDumps: what programs read that watch keepalived is there, under the same labels and with the same values.
func TestDumps(t *testing.T) {
	if reference() {
		t.Skip("it is compared with itself")
	}
	t.Parallel()
	l := lab.New(t, lab.Options{Nodes: 2})
	a, b := l.Nodes[0], l.Nodes[1]
	a.Cut() // each is on its own
	f := lab.File{Routers: []lab.Router{
		{
			Name: "V1", Version: 2, VRID: 51, Priority: 110, Interval: second, VIPs: []string{"10.9.0.1/24 label eth0:one", "10.9.0.2/32"},
			Lines: []string{"authentication {\n\t\tauth_type PASS\n\t\tauth_pass secret\n\t}", "notify_master \"/bin/true m\" root", "nopreempt"},
		},
		{
			Name: "V2", Version: 3, VRID: 52, Priority: 90, Interval: second / 2, VIPs: []string{"10.9.1.1/24"},
			Lines: []string{"garp_master_refresh 30", "virtual_ipaddress_excluded {\n\t\t10.9.2.1/32\n\t}"},
		},
	}, Groups: []string{"vrrp_sync_group G {\n\tgroup {\n\t\tV1\n\t\tV2\n\t}\n}"}}
	a.Start(ours(t), f.Text())
	b.Start(theirs(t), f.Text())
	for _, n := range l.Nodes[:2] {
		l.WaitFor("both are MASTER", 10*second, func() bool { return len(n.Foreign()) == 4 })
	}
	l.Pass(second / 2)
	got, want := dump(l, a), dump(l, b)
	for name, labels := range want.data {
		for label, value := range got.data[name] {
			theirs, ok := labels[label]
			switch {
			case slices.Contains(newer, label) || slices.Contains(differ, label):
			case !ok:
				t.Errorf("%s: %q is no label of keepalived's", name, label)
			case value != theirs:
				t.Errorf("%s: %q is %q, with keepalived %q", name, label, value, theirs)
			}
		}
		if len(got.data[name]) < 20 {
			t.Errorf("%s: only %v", name, slices.Collect(maps.Keys(got.data[name])))
		}
	}
	compareJSON(t, got.json, want.json)
	for _, line := range want.stats {
		if !slices.Contains(got.stats, line) {
			t.Errorf("statistics lack %q", line)
		}
	}
}

func compareJSON(t *testing.T, got, want []map[string]map[string]any) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d instances, keepalived has %d", len(got), len(want))
	}
	for i := range want {
		for part, keys := range want[i] {
			for key, value := range keys {
				ours, ok := got[i][part][key]
				a, _ := json.Marshal(ours)
				b, _ := json.Marshal(value)
				switch {
				case !ok:
					t.Errorf("instance %d: %s lacks %q", i, part, key)
				case string(a) != string(b) && !slices.Contains(differ, key):
					t.Errorf("instance %d: %s has %q as %s, keepalived as %s", i, part, key, a, b)
				}
			}
		}
	}
}

// TestStatsAreCleared: SIGRTMAX-1 has the counters written, and begun anew.
func TestStatsAreCleared(t *testing.T) {
	if reference() {
		t.Skip("a property of ours")
	}
	t.Parallel()
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	r := lab.Router{Name: "V1", Version: 3, VRID: 51, Priority: 100, Interval: 100 * time.Millisecond, VIPs: []string{"10.9.0.1/24"}}
	a.Start(ours(t), lab.File{Routers: []lab.Router{r}}.Text())
	l.WaitFor("it is MASTER", 10*second, func() bool { return len(a.Foreign()) == 1 })
	path := filepath.Join(a.Daemon().Dir, "keepalived.stats")
	read := func(sig syscall.Signal, text string) {
		l.WaitFor("statistics with "+text, 10*second, func() bool {
			a.Daemon().Signal(sig)
			time.Sleep(50 * time.Millisecond)
			b, _ := os.ReadFile(path)
			return strings.Contains(string(b), text)
		})
	}
	read(unix.SIGUSR2, "Became master: 1\n")
	a.Daemon().Signal(syscall.Signal(63))
	read(unix.SIGUSR2, "Became master: 0\n")
}
