package interop

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast.dev/api"
	"holdfast.dev/internal/netns/relay"
	"holdfast.dev/interop/lab"
)

// spoiled is one of several pairs of routers that go through the same bad times side by side, each with a network of its own.
type spoiled struct {
	name string
	*lab.Lab
	p      lab.Program
	relay  *relay.Relay
	files  [2]lab.File
	told   [2]string // what the notify scripts of either have written
	begins [2]int    // how much of that, and of the logs, is of before
	from   time.Time
	skip   [2]int
}

func newSpoiled(t *testing.T, name string) *spoiled {
	t.Helper()
	l := lab.New(t, lab.Options{Nodes: 2, Limit: time.Hour})
	x := &spoiled{name: name, Lab: l}
	w := way{kind: name}
	if name == "keepalived" {
		w.kind = "ip"
		x.p = lab.Keepalived(t).RunsScripts(t)
	} else {
		x.p = ours(t)
	}
	dir := t.TempDir()
	for i, r := range w.routers(t, l) {
		if name == "keepalived" {
			r.Lines = nil
		}
		x.told[i] = filepath.Join(dir, l.Nodes[i].Name)
		script := filepath.Join(dir, fmt.Sprintf("notify%d", i))
		writeProgram(t, script, "echo \"$4\" >>"+x.told[i]+"\n")
		r.State, r.Version, r.Interval = "BACKUP", 2, second
		r.Lines = append(r.Lines, "notify "+script)
		x.files[i] = lab.File{Global: []string{"script_user root"}, Routers: []lab.Router{r}}
	}
	x.relay = l.Relay(l.Nodes[0], l.Nodes[1])
	for i, n := range l.Nodes {
		n.Start(x.p, x.files[i].Text())
	}
	return x
}

// begin waits until the first alone is master, and its scripts have been told.
func (x *spoiled) begin() {
	x.T.Helper()
	x.settled()
	x.WaitFor("the scripts have been told", carriedWait, func() bool { return lines(x.told[0]) >= 2 && lines(x.told[1]) >= 1 })
	x.Pass(second)
	for i, n := range x.Nodes {
		x.begins[i], x.skip[i] = lines(x.told[i]), len(n.Daemon().Log())
	}
}

func (x *spoiled) settled() {
	x.T.Helper()
	a, b := x.Nodes[0], x.Nodes[1]
	x.WaitFor("the first is master, and alone", carriedWait, func() bool { return len(a.Foreign()) == 2 && len(b.Foreign()) == 0 })
}

func lines(path string) int {
	text, _ := os.ReadFile(path)
	return strings.Count(string(text), "\n")
}

// damage is what the bad times did to it.
type damage struct {
	takeovers, higher, scripts int
	nobody, two                time.Duration
}

// damage counts up to a time, since when all is well.
func (x *spoiled) damage(until time.Time) (d damage) {
	x.T.Helper()
	x.settled()
	for i, n := range x.Nodes {
		log := n.Daemon().Log()[x.skip[i]:]
		d.higher += strings.Count(log, "with higher priority")
		d.scripts += lines(x.told[i]) - x.begins[i]
		if i == 1 {
			d.takeovers = strings.Count(log, "Entering MASTER STATE")
		}
	}
	d.nobody, d.two = x.Held(x.files[0].Routers[0].VR().VIPs[0], x.from, until)
	return d
}

// badTimes happen to all at the same moments. do gets every relay, and the time since the beginning.
func badTimes(t *testing.T, names []string, do func(each func(func(*relay.Relay)))) map[string]damage {
	t.Helper()
	var all []*spoiled
	for _, name := range names {
		all = append(all, newSpoiled(t, name))
	}
	for _, x := range all {
		x.begin()
	}
	for _, x := range all {
		x.from = time.Now()
	}
	do(func(f func(*relay.Relay)) {
		for _, x := range all {
			f(x.relay)
		}
	})
	time.Sleep(5 * time.Second)
	until, out := time.Now(), map[string]damage{}
	for _, x := range all {
		d := x.damage(until)
		out[x.name] = d
		t.Logf("%-10s false take-overs %d, with two masters %v, with none %v, \"with higher priority\" %d, scripts %d",
			x.name, d.takeovers, d.two.Round(10*time.Millisecond), d.nobody.Round(10*time.Millisecond), d.higher, d.scripts)
	}
	return out
}

// TestIncident2Network rebuilds the network of the incident, for as long as HOLDFAST_BURSTS says: every ten seconds or so there is a burst of two to
// six in which 60 to 100 % of the packets are lost, of one router or of both. The table is in docs/transport.md.
func TestIncident2Network(t *testing.T) {
	during, err := time.ParseDuration(os.Getenv("HOLDFAST_BURSTS"))
	if err != nil {
		t.Skip("HOLDFAST_BURSTS says for how long")
	}
	t.Parallel()
	random := rand.New(rand.NewPCG(2, 2))
	badTimes(t, append([]string{"keepalived"}, transports...), func(each func(func(*relay.Relay))) {
		for end := time.Now().Add(during); time.Now().Before(end); {
			time.Sleep(6*time.Second + time.Duration(random.IntN(4000))*time.Millisecond)
			loss, who := 600+random.IntN(401), random.IntN(3)
			each(func(r *relay.Relay) {
				if who != 1 {
					r.SetLossFrom(relay.Left, loss)
				}
				if who != 0 {
					r.SetLossFrom(relay.Right, loss)
				}
			})
			time.Sleep(2*time.Second + time.Duration(random.IntN(4000))*time.Millisecond)
			each(func(r *relay.Relay) { r.SetLoss(0) })
		}
	})
}

// TestForgetting has the backup behind a firewall which lets in what answers to something from there, and forgets what that was, for as long as
// HOLDFAST_BURSTS says: where the backup of the protocol is silent, nothing opens the firewall again until it takes over.
func TestForgetting(t *testing.T) {
	during, err := time.ParseDuration(os.Getenv("HOLDFAST_BURSTS"))
	if err != nil {
		t.Skip("HOLDFAST_BURSTS says for how long")
	}
	t.Parallel()
	names := append([]string{"keepalived"}, transports...)
	out := badTimes(t, names, func(each func(func(*relay.Relay))) {
		each(func(r *relay.Relay) { r.Guard(relay.Right) })
		for end := time.Now().Add(during); time.Now().Before(end); {
			each((*relay.Relay).Forget)
			time.Sleep(12 * time.Second)
		}
	})
	for _, name := range names[2:] {
		if n := out[name].takeovers; n > 0 {
			t.Errorf("%s: the firewall forgot, and the backup took over %d times", name, n)
		}
	}
}

// TestFirewallForgets is a short one of those: adverts come again although the backup is none that would take over.
func TestFirewallForgets(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"udp", "tls"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			long(t)
			lines := []string{"transport " + kind}
			if kind == "tls" {
				dir := certificates(t, "10.0.0.1", "10.0.0.2")
				lines = append(lines, "transport_certificate "+dir+"/NODE.pem", "transport_key "+dir+"/NODE.key", "transport_ca "+dir+"/ca.pem")
			}
			c := newCarriedLab(t, media[3], lines...)
			r := c.Relay(c.a, c.b)
			r.Guard(relay.Right)
			client := api.NewClient(filepath.Join(c.b.Daemon().Dir, "main.sock"))
			defer client.Close()
			received := func() (n uint64) {
				if st, err := client.Status(); err == nil && len(st.Connections) == 1 {
					n = st.Connections[0].Received
				}
				return n
			}
			for range 2 {
				c.WaitFor("adverts come", carriedWait, func() bool { return received() > 0 })
				r.Forget()
				from, before := time.Now(), received()
				c.WaitFor("adverts come after the firewall has forgotten", carriedWait, func() bool { return received() > before+1 })
				t.Logf("%s: two adverts more after %v", kind, time.Since(from).Round(10*time.Millisecond))
			}
			if log := c.b.Daemon().Log(); strings.Contains(log, "MASTER STATE") {
				t.Errorf("the backup took over:\n%s", log)
			}
		})
	}
}
