package durations

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast.dev/host"
	"holdfast.dev/host/kernel"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/interop/lab"
)

const redTable = 100

// enslave moves eth0 into a VRF called red. It loses its IPv6 addresses by that.
func (r *router) enslave() {
	t := r.world.t
	t.Helper()
	nstest.OK(t, r.ns.AddVRF("red", redTable))
	nstest.OK(t, r.ns.SetUp("red"))
	nstest.OK(t, r.ns.SetMaster("eth0", "red"))
	_ = r.ns.DelAddr("eth0", "fe80::"+r.name[1:]+"/64") // it may have stayed
	nstest.OK(t, r.ns.AddAddr("eth0", "fe80::"+r.name[1:]+"/64"))
}

// routesIn lists the destinations of the IPv4 routes that are in a table.
func (r *router) routesIn(table byte) (list []string) {
	t := r.world.t
	t.Helper()
	nstest.Do(t, r.ns, func() {
		conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
		nstest.OK(t, err)
		defer conn.Close()
		msgs, err := conn.Execute(netlink.Message{
			Header: netlink.Header{Type: unix.RTM_GETROUTE, Flags: netlink.Request | netlink.Dump},
			Data:   append([]byte{unix.AF_INET}, make([]byte, 11)...),
		})
		nstest.OK(t, err)
		for _, m := range msgs {
			attrs, err := netlink.UnmarshalAttributes(m.Data[12:])
			nstest.OK(t, err)
			for _, a := range attrs {
				if dst, ok := netip.AddrFromSlice(a.Data); ok && a.Type == unix.RTA_DST && m.Data[4] == table {
					list = append(list, netip.PrefixFrom(dst, int(m.Data[1])).String())
				}
			}
		}
	})
	return list
}

// link is one interface of the router.
func (r *router) link(name string) (found host.Link) {
	t := r.world.t
	t.Helper()
	nstest.Do(t, r.ns, func() {
		all, err := kernel.Read()
		nstest.OK(t, err)
		for i := range all {
			if all[i].Name == name {
				found = all[i]
			}
		}
	})
	return found
}

// inVRF are instances of router n: with routes in the VRF, over IPv6, with a virtual MAC, and of unicast without an interface.
func inVRF(n, priority int) string {
	var f lab.File
	add := func(r lab.Router) {
		r.Name, r.Version, r.Priority, r.Interval = fmt.Sprintf("VI_%d", r.VRID), 3, priority, 500*ms
		f.Routers = append(f.Routers, r)
	}
	add(lab.Router{VRID: 1, VIPs: []string{"10.0.0.101/24"}, Lines: []string{
		"virtual_routes {\n\t\t10.5.0.0/16 via 10.0.0.254 dev eth0 vrf red\n\t\t10.6.0.0/16 via 10.0.0.254 dev eth0 table 100\n\t}",
	}})
	add(lab.Router{VRID: 2, VIPs: []string{"fe80::102/64", "fd00::102/64"}})
	add(lab.Router{VRID: 3, VIPs: []string{"10.0.0.103/24"}, Lines: []string{"use_vmac"}})
	add(lab.Router{
		VRID: 4, VIPs: []string{"10.0.0.104/32 dev eth0"}, Src: fmt.Sprintf("10.0.0.%d", n),
		Peers: []string{fmt.Sprintf("10.0.0.%d", 3-n)}, Lines: []string{"vrf red"},
	})
	text := f.Text()
	i := strings.LastIndex(text, "\tinterface eth0\n")
	return text[:i] + text[i+len("\tinterface eth0\n"):]
}

// TestVRF: a master and a backup whose interface is in a VRF.
func TestVRF(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.routers[0], w.routers[1]
	for _, r := range w.routers {
		r.enslave()
	}
	const settled = 4 * time.Second
	a.run(ours, inVRF(1, 200))
	time.Sleep(settled)
	b.run(ours, inVRF(2, 100))
	time.Sleep(settled)
	master := func(r *router, yes bool) {
		t.Helper()
		for link, list := range map[string]string{"eth0": "10.0.0.101/24 10.0.0.104/32 fd00::102/64 fe80::102/64", "vrrp.3": "10.0.0.103/24"} {
			l := r.link(link)
			has := describe(&l) + " "
			for p := range strings.FieldsSeq(list) {
				if strings.Contains(has, " "+p+" ") != yes {
					t.Errorf("%s has %s on %s: %v", r.name, p, link, !yes)
				}
			}
		}
		if red := r.link("red"); r.link("vrrp.3").Master != red.Index {
			t.Errorf("%s: the macvlan is not in the VRF", r.name)
		}
		routes := r.routesIn(redTable)
		for _, dst := range []string{"10.5.0.0/16", "10.6.0.0/16"} {
			if slices.Contains(routes, dst) != yes {
				t.Errorf("%s: routes %v", r.name, routes)
			}
		}
	}
	master(a, true)
	master(b, false)
	for id := uint8(1); id <= 4; id++ {
		v := lab.Router{VRID: id, VIPs: []string{"10.0.0.1/32"}}
		if id == 2 {
			v.VIPs[0] = "fe80::1/64"
		}
		if all := w.heard(v); all == 0 {
			t.Errorf("virtual router %d: no advert", id)
		}
	}
	a.freeze()
	time.Sleep(settled)
	master(b, true)
}

// heard counts the adverts of a virtual router, whatever hardware address they come from.
func (w *world) heard(v lab.Router) (n int) {
	for _, f := range w.wire.all() {
		if a, _, ok := decode(f.bytes); ok && a.VRID == v.VRID && is6(v) == (f.bytes[12] == 0x86) {
			n++
		}
	}
	return n
}
