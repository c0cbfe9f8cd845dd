package node

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/link"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// thread stands for the election thread: it takes sockets and gives them back.
type thread struct {
	mu   sync.Mutex
	k    *portKeeper
	open map[vrrp.PortID]*link.Port
	said []string
	news int // sockets that came
}

func newThread(t *testing.T) (*thread, *portKeeper) {
	th := &thread{open: map[vrrp.PortID]*link.Port{}}
	th.k = newPortKeeper(th.change, func(text string) {
		th.mu.Lock()
		defer th.mu.Unlock()
		th.said = append(th.said, text)
	})
	t.Cleanup(th.k.Shut)
	return th, th.k
}

func (th *thread) change(c portChange) {
	th.mu.Lock()
	defer th.mu.Unlock()
	if old := th.open[c.ID]; old != nil {
		delete(th.open, c.ID)
		th.k.Close(old)
	}
	if c.Port != nil {
		th.open[c.ID] = c.Port
		th.news++
	}
}

// ports lists what is open.
func (th *thread) ports() string {
	th.mu.Lock()
	defer th.mu.Unlock()
	var names []string
	for _, name := range []string{"eth0", "eth1"} {
		for _, id := range []vrrp.PortID{{Link: name}, {Link: name, AH: true}, {Link: name, IPv6: true}} {
			if p := th.open[id]; p != nil {
				names = append(names, fmt.Sprintf("%s#%d", p.Name(), p.Index()))
			}
		}
	}
	return strings.Join(names, " ")
}

func (th *thread) sockets() int {
	th.k.mu.Lock()
	defer th.k.mu.Unlock()
	return len(th.k.sockets)
}

// veth makes a pair of interfaces, both up.
func veth(t *testing.T, name, peer string) int {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	nstest.OK(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: peer}))
	for _, n := range []string{name, peer} {
		l, err := netlink.LinkByName(n)
		nstest.OK(t, err)
		nstest.OK(t, netlink.LinkSetUp(l))
	}
	l, err := netlink.LinkByName(name)
	nstest.OK(t, err)
	return l.Attrs().Index
}

func remove(t *testing.T, name string) {
	t.Helper()
	l, err := netlink.LinkByName(name)
	nstest.OK(t, err)
	nstest.OK(t, netlink.LinkDel(l))
}

// groups reads which IPv4 groups of the interface somebody joined, without 224.0.0.1.
func groups(t *testing.T, name string) string {
	t.Helper()
	l, err := net.InterfaceByName(name)
	nstest.OK(t, err)
	addrs, err := l.MulticastAddrs()
	nstest.OK(t, err)
	var out []string
	for _, a := range addrs {
		if ip := a.(*net.IPAddr).IP.To4(); ip != nil && !ip.Equal(net.IPv4(224, 0, 0, 1)) {
			out = append([]string{ip.String()}, out...) // the newest comes first
		}
	}
	return strings.Join(out, " ")
}

func small(*vrrp.Port, int) int { return 0 }

// routers is a configuration with routers on interfaces: "eth0 51 224.0.0.18".
func routers(lines ...string) *vrrp.Config {
	c := &vrrp.Config{}
	for _, line := range lines {
		var s vrrp.Spec
		var group string
		if _, err := fmt.Sscan(line, &s.Link, &s.VRID, &group); err != nil {
			panic(err)
		}
		s.Group = netip.MustParseAddr(group)
		s.IPv6 = s.Group.Is6()
		c.Routers = append(c.Routers, s)
	}
	return c
}

func TestPortsFollowTheConfiguration(t *testing.T) {
	if !inside(t) {
		return
	}
	th, k := newThread(t)
	k.Link("eth0", veth(t, "eth0", "far0"), 1500)
	k.Link("eth1", veth(t, "eth1", "far1"), 1500)
	one := routers("eth0 51 224.0.0.18")
	nstest.OK(t, k.Prepare(one, small))
	k.Commit(nil)
	first := th.ports()
	if !strings.HasPrefix(first, "eth0 (IPv4)") || groups(t, "eth0") != "224.0.0.18" {
		t.Fatalf("%q, groups %q", first, groups(t, "eth0"))
	}

	// What was prepared alone goes with Abort, group by group.
	two := routers("eth0 51 224.0.0.18", "eth0 52 224.0.0.99", "eth1 51 224.0.0.18", "eth1 51 ff02::12")
	nstest.OK(t, k.Prepare(two, small))
	if groups(t, "eth0") != "224.0.0.18 224.0.0.99" || th.sockets() != 3 {
		t.Fatalf("prepared: %q, groups %q", th.ports(), groups(t, "eth0"))
	}
	k.Abort()
	nstest.Eventually(t, "what was prepared is closed", func() bool {
		return th.ports() == first && groups(t, "eth0") == "224.0.0.18" && groups(t, "eth1") == ""
	})

	// A second Prepare takes the place of the first.
	nstest.OK(t, k.Prepare(two, small))
	nstest.OK(t, k.Prepare(routers("eth0 51 224.0.0.18", "eth0 53 224.0.0.98"), small))
	nstest.Eventually(t, "what was prepared first is closed", func() bool {
		return groups(t, "eth0") == "224.0.0.18 224.0.0.98" && groups(t, "eth1") == ""
	})
	k.Commit(nil)
	nstest.OK(t, k.Prepare(one, small))
	before := k.Commit(routers("eth1 8 224.0.0.96").Ports())
	held := k.Commit(routers("eth1 9 224.0.0.97").Ports()) // somebody still makes way there
	k.Release(before)                                      // comes late
	nstest.Eventually(t, "what is not needed is left", func() bool {
		return groups(t, "eth0") == "224.0.0.18" && groups(t, "eth1") == "224.0.0.97"
	})
	k.Release(held)
	nstest.Eventually(t, "the last port of one that left is closed", func() bool { return th.ports() == first && th.sockets() == 1 })

	// The same again changes nothing.
	news := th.news
	for range 3 {
		nstest.OK(t, k.Prepare(one, small))
		k.Commit(nil)
	}
	if th.news != news || th.ports() != first || len(k.slots) != 1 {
		t.Errorf("a socket was replaced: %q, %d slots", th.ports(), len(k.slots))
	}
}

func TestPortsFollowTheInterfaces(t *testing.T) {
	if !inside(t) {
		return
	}
	th, k := newThread(t)
	c := routers("eth0 51 224.0.0.18", "eth0 51 ff02::12")
	c.Routers[0].AuthType = wire.AuthAH // which needs two sockets
	nstest.OK(t, k.Prepare(c, small))   // there is no interface yet
	index := veth(t, "eth0", "far0")
	k.Link("eth0", index, 1500)
	k.Commit(nil)
	want := func(index int) string {
		return strings.ReplaceAll("eth0 (IPv4)#N eth0 (IPv4, AH)#N eth0 (IPv6)#N", "N", strconv.Itoa(index))
	}
	nstest.Eventually(t, "it is opened when it appears", func() bool { return th.ports() == want(index) })
	remove(t, "eth0")
	k.Link("eth0", 0, 0)
	if th.ports() != "" {
		t.Fatalf("%q is open without an interface", th.ports())
	}
	nstest.Eventually(t, "its sockets are closed", func() bool { return th.sockets() == 0 })
	index = veth(t, "eth0", "far0")
	k.Link("eth0", index, 1500)
	if th.ports() != want(index) {
		t.Fatalf("%q, want %q", th.ports(), want(index))
	}
	// Made anew under the same name, in one report.
	remove(t, "eth0")
	veth(t, "spacer", "far1")
	index = veth(t, "eth0", "far0")
	k.Link("eth0", index, 1500)
	if th.ports() != want(index) {
		t.Fatalf("%q, want %q", th.ports(), want(index))
	}

	// It vanishes, and nobody has told us: no reason to refuse a configuration, and it is tried again.
	next := routers("eth0 51 224.0.0.18", "eth1 51 224.0.0.18")
	k.Link("eth1", 4711, 1500)
	nstest.OK(t, k.Prepare(next, small))
	k.Commit(nil)
	if th.ports() != fmt.Sprintf("eth0 (IPv4)#%d", index) || len(th.said) != 1 {
		t.Fatalf("%q, said %q", th.ports(), th.said)
	}
	index1 := veth(t, "eth1", "far2")
	k.mu.Lock()
	k.links["eth1"] = linkFacts{index1, 1500} // as if it had been the right one from the beginning
	k.mu.Unlock()
	nstest.Eventually(t, "it is tried again", func() bool { return strings.Contains(th.ports(), fmt.Sprintf("eth1 (IPv4)#%d", index1)) })

	// Between Prepare and Commit.
	nstest.OK(t, k.Prepare(c, small))
	remove(t, "eth0")
	k.Link("eth0", 0, 0)
	index = veth(t, "eth0", "far0")
	k.Link("eth0", index, 1500)
	k.Commit(nil)
	if th.ports() != want(index) {
		t.Fatalf("%q, want %q", th.ports(), want(index))
	}

	// A socket that the thread can't use is replaced.
	id := vrrp.PortID{Link: "eth0"}
	th.mu.Lock()
	broken := th.open[id]
	delete(th.open, id)
	th.mu.Unlock()
	k.Broken(id, broken)
	nstest.Eventually(t, "another socket comes", func() bool { return th.ports() == want(index) && th.sockets() == 3 })
}

func TestPortsThatCannotBeOpened(t *testing.T) {
	if !inside(t) {
		return
	}
	th, k := newThread(t)
	k.Link("eth0", veth(t, "eth0", "far0"), 1500)
	limit := func(text string) {
		nstest.OK(t, os.WriteFile("/proc/sys/net/ipv4/igmp_max_memberships", []byte(text), 0))
	}
	limit("20")
	nstest.OK(t, k.Prepare(routers("eth0 1 224.0.0.18"), small))
	k.Commit(nil)
	var many []string
	for i := range 21 {
		many = append(many, fmt.Sprintf("eth0 %d 239.0.0.%d", i+1, i+1))
	}
	limit("0")
	err := k.Prepare(routers(many...), small)
	if !errors.Is(err, unix.ENOBUFS) || !strings.Contains(err.Error(), "igmp_max_memberships") {
		t.Fatalf("21 groups: %v", err)
	}
	k.Abort()
	if groups(t, "eth0") != "224.0.0.18" {
		t.Errorf("a configuration that was refused left groups behind: %q", groups(t, "eth0"))
	}
	limit("20") // of one socket: there will be two
	nstest.OK(t, k.Prepare(routers(many...), small))
	k.Commit(nil)
	if n := len(strings.Fields(groups(t, "eth0"))); n != 21 {
		t.Errorf("%d groups, want 21", n)
	}
	if len(th.said) != 0 {
		t.Errorf("said %q", th.said)
	}
	k.Shut()
	if th.sockets() != 0 || len(k.sockets) != 0 {
		t.Error("sockets are left")
	}
	k.Link("eth0", 0, 0) // after the end nothing happens
	k.Commit(nil)
	k.Broken(vrrp.PortID{Link: "eth0"}, nil)
	k.Release(nil)
}
