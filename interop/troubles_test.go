package interop

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
	"holdfast.dev/link/frame"
)

// TestTroubles: a router that does not yield and announces other addresses, and a station that claims one of ours, are said in the log, in
// the JSON dump and to notify_trouble, and it is said when it is over.
func TestTroubles(t *testing.T) {
	t.Parallel()
	l := lab.New(t, lab.Options{Nodes: 1})
	us := l.Nodes[0]
	r := lab.Router{Name: "VI_1", Version: 3, VRID: 51, Priority: 200, Interval: second / 2, VIPs: []string{"10.0.0.100/24", "10.0.0.101/24"}}
	dir := t.TempDir()
	told, script := filepath.Join(dir, "told"), filepath.Join(dir, "tell")
	text := fmt.Sprintf("#!/bin/sh\nprintf '%%s|' \"$@\" >> %s\necho >> %s\n", told, told)
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	mine := r
	mine.Lines = []string{"notify_trouble " + script}
	d := us.Start(ours(t), lab.File{Global: []string{"script_user root"}, Routers: []lab.Router{mine}}.Text())
	d.WaitLog(0, "Entering MASTER STATE", time.Minute)

	other := r
	other.VIPs = []string{"10.0.0.100/24", "10.0.0.102/24"}
	rival := flood{from: "10.0.0.77", priority: 50}.frame(t, other)
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 77}
	claim, err := frame.AppendGARP(nil, mac, netip.MustParseAddr("10.0.0.101"))
	if err != nil {
		t.Fatal(err)
	}
	begun := []string{
		"trouble two_masters: 10.0.0.77 advertises too, with priority 50, ours is 200",
		"trouble other_addresses: 10.0.0.77 announces 2 addresses, 2 are configured here; 10.0.0.102 is not among them",
		"trouble address_claimed: 02:00:00:00:00:4d says that 10.0.0.101 is at it",
	}
	for _, want := range begun {
		l.WaitFor(want, time.Minute, func() bool {
			us.Give(rival, claim)
			return strings.Contains(d.Log(), want)
		})
	}
	shown, _ := dump(l, us).json[0]["data"]["troubles"].([]any)
	kinds := ""
	for _, x := range shown {
		m, _ := x.(map[string]any)
		kinds += fmt.Sprintf("%v of %v, ", m["kind"], m["from"])
	}
	for _, want := range []string{"two_masters of 10.0.0.77", "other_addresses of 10.0.0.77", "address_claimed of 10.0.0.101"} {
		if !strings.Contains(kinds, want) {
			t.Errorf("%q is not in the dump: %s", want, kinds)
		}
	}
	d.WaitLog(0, "trouble two_masters of 10.0.0.77 is over", time.Minute)
	d.WaitLog(0, "trouble other_addresses of 10.0.0.77 is over", time.Minute)
	for _, want := range []string{
		"INSTANCE|VI_1|TROUBLE|two_masters|10.0.0.77|advertises too", "INSTANCE|VI_1|TROUBLE|address_claimed|02:00:00:00:00:4d|says that",
		"INSTANCE|VI_1|TROUBLE_OVER|two_masters|10.0.0.77|",
	} {
		l.WaitFor("told: "+want, time.Minute, func() bool {
			b, _ := os.ReadFile(told)
			return strings.Contains(string(b), want)
		})
	}
}
