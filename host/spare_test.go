package host

import (
	"net/netip"
	"testing"
)

// TestSpare: while it is on, a link is reported for what it is, not for the addresses that come and go on it; these are not
// forgotten.
func TestSpare(t *testing.T) {
	r := New(1)
	up := Link{Name: "eth0", Index: 2, Up: true, Running: true}
	come := func(text string) {
		r.Observe(&Event{Kind: AddrNew, Index: 2, Addr: LinkAddr{Prefix: netip.MustParsePrefix(text)}})
	}
	expect := func(what string, links, addrs int, spared bool) {
		t.Helper()
		rep := r.Reports()
		if len(rep.Changed) != links || links > 0 && len(rep.Changed[0].Addrs) != addrs || r.Spared() != spared {
			t.Errorf("%s: %+v, spared %v", what, rep.Changed, r.Spared())
		}
	}
	r.Spare(true)
	r.Sync([]Link{up})
	expect("a new link", 1, 0, false)
	come("10.0.0.1/24")
	come("10.0.0.2/24")
	expect("addresses", 0, 0, true)
	down := up
	down.Up, down.Running = false, false
	r.Observe(&Event{Kind: LinkNew, Index: 2, Link: down})
	expect("down", 1, 2, false)
	come("10.0.0.3/24")
	expect("one more address", 0, 0, true)
	r.Spare(false)
	expect("no longer sparing", 1, 3, false)
	r.Spare(true)
	come("10.0.0.4/24")
	expect("again", 0, 0, true)
	r.Observe(&Event{Kind: LinkDel, Index: 2})
	expect("the link is gone", 0, 0, false)
}
