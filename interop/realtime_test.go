package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// TestRealTimeWithThousandsOfAddresses: with vrrp_rt_priority and keepalived's default limit of it, one node takes over 2,000
// addresses of 250 instances, reads its file anew, and is stopped. Nothing of that computes for so long without sleeping that the
// kernel kills it.
func TestRealTimeWithThousandsOfAddresses(t *testing.T) {
	long(t)
	needRoot(t)
	if reference() {
		t.Skip("a property of ours")
	}
	t.Parallel()
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	f := lab.File{Global: []string{"vrrp_rt_priority 50"}}
	const routers, each = 250, 8
	for i := range routers {
		r := lab.Router{Name: fmt.Sprintf("V%d", i), Version: 3, VRID: uint8(i + 1), Priority: 100, Interval: 250 * time.Millisecond}
		for j := range each {
			r.VIPs = append(r.VIPs, fmt.Sprintf("10.77.%d.%d/32", i, j+1))
		}
		f.Routers = append(f.Routers, r)
	}
	a.Start(ours(t), f.Text())
	held := func() int { return len(a.Foreign()) }
	l.WaitFor("the addresses stand", 60*second, func() bool { return held() == routers*each })
	a.Daemon().Signal(unix.SIGHUP)
	l.WaitFor("the file was read anew", 20*second, func() bool { return strings.Contains(a.Daemon().Log(), "Reload complete") })
	a.Daemon().Stop()
	l.WaitFor("no address is left", 60*second, func() bool { return held() == 0 }) // those who watch are slower
	log := a.Daemon().Log()
	for _, what := range []string{"signal 9", "Respawning"} {
		if i := strings.Index(log, what); i >= 0 {
			t.Errorf("a process was killed:\n%s", log[max(0, i-1500):min(len(log), i+500)])
			return
		}
	}
}
