package durations

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/host"
	"holdfast.dev/host/kernel"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/interop/lab"
)

// links is what the kernel of a router has: its interfaces, each with its addresses, "eth0: 10.0.0.1/24 fe80::1/64".
func (r *router) links() (list []string) {
	r.world.t.Helper()
	nstest.Do(r.world.t, r.ns, func() {
		all, err := kernel.Read()
		nstest.OK(r.world.t, err)
		for i := range all {
			list = append(list, describe(&all[i]))
		}
	})
	return list
}

func describe(l *host.Link) string {
	var addrs []string
	for _, a := range l.Addrs {
		addrs = append(addrs, a.Prefix.String())
	}
	slices.Sort(addrs)
	return strings.TrimSpace(l.Name + ": " + strings.Join(addrs, " "))
}

// hold holds that a router has exactly these interfaces and addresses, besides those that it was made with.
func (r *router) hold(when string, want ...string) {
	r.world.t.Helper()
	got := slices.DeleteFunc(r.links(), func(l string) bool {
		return strings.HasPrefix(l, "lo:") || strings.HasPrefix(l, "nlmon0:") || strings.HasPrefix(l, "eth0: 10.0.0.") && strings.Count(l, " ") == 2
	})
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.world.t.Errorf("%s: %s has %q, want %q", when, r.name, got, want)
	}
}

// ipvlans are instances of router n on ipvlans of their own.
func ipvlans(n, priority int) (f lab.File) {
	add := func(r lab.Router, own string) {
		r.Name, r.Version, r.Priority, r.Interval = fmt.Sprintf("VI_%d", r.VRID), 3, priority, 500*ms
		r.Lines = []string{fmt.Sprintf("use_ipvlan ipv%d %s", r.VRID, own)}
		f.Routers = append(f.Routers, r)
	}
	add(lab.Router{VRID: 1, VIPs: []string{"10.0.0.101/24"}}, fmt.Sprintf("10.0.0.1%d/24", n))
	add(lab.Router{VRID: 2, VIPs: []string{"10.0.0.102/32"}, Peers: []string{fmt.Sprintf("10.0.0.2%d", 3-n)}}, fmt.Sprintf("10.0.0.2%d/24", n))
	add(lab.Router{VRID: 3, VIPs: []string{"fe80::103/64", "fd00::103/64"}}, "")
	add(lab.Router{VRID: 4, VIPs: []string{"fe80::104/64"}}, fmt.Sprintf("fe80::1%d/64", n))
	return f
}

// TestIPVLAN: a master and a backup with four virtual routers on ipvlans of one interface: over IPv4 to the group and to a peer, over IPv6 from the
// interface's own address and from that of the ipvlan.
func TestIPVLAN(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.routers[0], w.routers[1]
	master, backup := ipvlans(1, 200), ipvlans(2, 100)
	elected(w, ours, master, backup)
	idle := func(n int) []string {
		return []string{fmt.Sprintf("ipv1: 10.0.0.1%d/24", n), fmt.Sprintf("ipv2: 10.0.0.2%d/24", n), "ipv3:", fmt.Sprintf("ipv4: fe80::1%d/64", n)}
	}
	held := func(n int) []string {
		return []string{
			fmt.Sprintf("ipv1: 10.0.0.101/24 10.0.0.1%d/24", n), fmt.Sprintf("ipv2: 10.0.0.102/32 10.0.0.2%d/24", n),
			"ipv3: fd00::103/64 fe80::103/64", fmt.Sprintf("ipv4: fe80::104/64 fe80::1%d/64", n),
		}
	}
	a.hold("elected", held(1)...)
	b.hold("elected", idle(2)...)
	for i, src := range []string{"10.0.0.11", "10.0.0.21", "fe80::1", "fe80::11"} {
		c := master.Routers[i]
		if all := w.adverts(c); len(all) < 4 || len(all.of(b)) > 0 {
			t.Errorf("%s: %d adverts, %d of them of the backup", name(c), len(all), len(all.of(b)))
		}
		if last, ok := w.adverts(c).last(); ok && last.src != netip.MustParseAddr(src) {
			t.Errorf("%s: adverts come from %v, not %s", name(c), last.src, src)
		}
	}
	if len(w.announcements(a, netip.MustParseAddr("10.0.0.101"))) == 0 {
		t.Error("the address was not announced")
	}
	a.stop()
	time.Sleep(backup.Settled())
	a.hold("stopped")
	b.hold("in the place of the one that stopped", held(2)...)
	b.stop()
	time.Sleep(2 * time.Second)
	b.hold("stopped as well")
}
