package interop

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// reloadLab is a settled pair, ours as the master a and keepalived as the backup b.
type reloadLab struct {
	*lab.Lab
	s    *lab.Scene
	a, b *lab.Node
	file lab.File
	d    diary
}

func newReloadLab(t *testing.T) *reloadLab {
	t.Helper()
	t.Parallel()
	long(t)
	l := lab.New(t, lab.Options{Nodes: 2})
	r := &reloadLab{Lab: l, a: l.Nodes[0], b: l.Nodes[1], d: newDiary(t, t.TempDir())}
	high, low := media[0].router(r.a, r.b, 200), media[0].router(r.b, r.a, 100)
	high.Lines = []string{r.d.hooks("VI_1"), "garp_master_delay 1"}
	r.file = lab.File{Global: []string{"script_user root"}, Routers: []lab.Router{high}}
	r.s = l.Scene(high.VR())
	r.a.Start(ours(t), r.file.Text())
	r.b.Start(lab.Keepalived(t), lab.File{Routers: []lab.Router{low}}.Text())
	r.s.Elect(r.a, low.Down())
	r.s.Stay(2 * second) // past the second burst of gratuitous ARP
	return r
}

// unmoved asserts that both daemons let things be as they were for longer than a backup waits.
func (r *reloadLab) unmoved(since time.Time, calls int) {
	r.T.Helper()
	r.s.Stay(downLow + second)
	if got := r.d.read(r.T.(*testing.T)); len(got) != calls {
		r.T.Errorf("scripts were called: %v", got[calls:])
	}
	for _, c := range append(r.a.Changes(since), r.b.Changes(since)...) {
		r.T.Errorf("%s: %s", c.Node.Name, c.What)
	}
}

func TestReloadSame(t *testing.T) {
	r := newReloadLab(t)
	calls, since := len(r.d.settled(t, r.Lab, 4)), time.Now()
	for range 3 {
		r.a.Daemon().Signal(unix.SIGHUP)
		r.s.Stay(700 * time.Millisecond)
	}
	r.unmoved(since, calls)
	if n := len(r.Claims(r.a, since)); n != 0 {
		t.Errorf("%d addresses were announced anew", n)
	}
}

func TestReloadBroken(t *testing.T) {
	r := newReloadLab(t)
	calls, since, skip := len(r.d.settled(t, r.Lab, 4)), time.Now(), len(r.a.Daemon().Log())
	broken := strings.Replace(r.file.Text(), "\tvirtual_router_id 51\n", "", 1)
	r.a.Daemon().Reload(broken)
	r.a.Daemon().WaitLog(skip, "virtual_router_id", second)
	r.unmoved(since, calls)
	// What was in force before is still, for the next reload as well.
	since = time.Now()
	r.a.Daemon().Reload(r.file.Text())
	r.unmoved(since, calls)
}

func TestReloadRenamed(t *testing.T) {
	r := newReloadLab(t)
	calls, since := len(r.d.settled(t, r.Lab, 4)), time.Now()
	renamed := r.file
	renamed.Routers = []lab.Router{r.file.Routers[0]}
	renamed.Routers[0].Name = "VI_renamed"
	r.a.Daemon().Reload(renamed.Text())
	r.unmoved(since, calls)
	skip := len(r.a.Daemon().Log())
	r.s.Move(r.b, skewLow, func() { r.a.Daemon().Stop() })
	if !strings.Contains(r.a.Daemon().Log()[skip:], "(VI_renamed)") {
		t.Error("the new name is nowhere in the log")
	}
}

func TestReloadAddress(t *testing.T) {
	r := newReloadLab(t)
	calls, since := len(r.d.settled(t, r.Lab, 4)), time.Now()
	third := netip.MustParseAddr("10.0.0.102")
	more := r.file
	more.Routers = []lab.Router{r.file.Routers[0]}
	more.Routers[0].VIPs = append(more.Routers[0].VIPs[:2:2], "10.0.0.102/24")
	// keepalived 2.2.7 drops adverts with another list of addresses (2.4.3 takes them, rule F10): the peer goes along.
	peer := lab.File{Routers: []lab.Router{media[0].router(r.b, r.a, 100)}}
	few := peer.Text()
	peer.Routers[0].VIPs = more.Routers[0].VIPs
	r.b.Daemon().Reload(peer.Text())
	r.a.Daemon().Reload(more.Text())
	r.WaitFor("the new address is there", second, func() bool { return r.a.Has(third) })
	r.WaitFor("the new address is announced", second, func() bool { return claimed(r.Claims(r.a, since), third) })
	r.s.Stay(downLow)
	r.b.Daemon().Reload(few)
	r.a.Daemon().Reload(r.file.Text())
	r.WaitFor("the new address is gone", second, func() bool { return !r.a.Has(third) })
	r.s.Stay(downLow)
	for _, c := range r.a.Changes(since) {
		if strings.Contains(c.What, "address") && !strings.Contains(c.What, "10.0.0.102") || c.What == "link" {
			t.Errorf("%s: %s", c.Node.Name, c.What)
		}
	}
	if got := r.d.read(t); len(got) != calls {
		t.Errorf("scripts were called: %v", got[calls:])
	}
}

func claimed(claims []lab.Claim, addr netip.Addr) bool {
	for _, c := range claims {
		if c.Addr == addr {
			return true
		}
	}
	return false
}
