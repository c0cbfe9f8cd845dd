package leftover

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"holdfast.dev/config"
	"holdfast.dev/host"
	"holdfast.dev/host/kernel"
	"holdfast.dev/internal/netns/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

func configuration(link string, addrs ...string) *config.Config {
	c := &config.Config{Instances: []config.Instance{{Name: "V", Accept: true}}}
	for _, a := range addrs {
		c.Instances[0].Addresses = append(c.Instances[0].Addresses, config.Address{Prefix: netip.MustParsePrefix(a), Dev: link})
	}
	return c
}

// Exactly what the file and the configuration name goes, not what happens to be like it.
func TestSweep(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	nstest.Do(t, a, func() {
		links, err := netlink.LinkList()
		nstest.OK(t, err)
		var link netlink.Link
		for _, l := range links {
			if l.Attrs().Flags&net.FlagLoopback == 0 {
				link = l
			}
		}
		name := link.Attrs().Name
		for _, s := range []string{"10.5.0.1/24", "10.5.0.9/24", "10.5.0.9/32", "10.5.0.10/32", "10.5.0.11/32"} {
			addr, err := netlink.ParseAddr(s)
			nstest.OK(t, err)
			nstest.OK(t, netlink.AddrAdd(link, addr))
		}
		path := filepath.Join(t.TempDir(), "x.state")
		nstest.OK(t, Record(path, configuration(name, "10.5.0.9/32"), configuration(name, "10.5.0.9/32", "10.5.0.77/32")))
		removed := swept(t, path, configuration(name, "10.5.0.10/32", "10.5.0.78/32"))
		slices.Sort(removed)
		if want := []string{"10.5.0.10/32 on " + name, "10.5.0.9/32 on " + name}; !slices.Equal(removed, want) {
			t.Errorf("what was removed is called %q, not %q", removed, want)
		}
		left, err := netlink.AddrList(link, netlink.FAMILY_V4)
		nstest.OK(t, err)
		var got []string
		for _, l := range left {
			got = append(got, l.IPNet.String())
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != "10.5.0.1/24 10.5.0.11/32 10.5.0.9/24" {
			t.Error("left:", s)
		}
		if _, err := os.Lstat(path); err == nil {
			t.Error("the file is still there")
		}
		swept(t, path, nil)
		nstest.OK(t, Forget(path))
	})
}

// What a process that died ran goes, unless its successor's configuration names it.
func TestDrop(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	nstest.Do(t, a, func() {
		links, err := netlink.LinkList()
		nstest.OK(t, err)
		link := links[slices.IndexFunc(links, func(l netlink.Link) bool { return l.Attrs().Flags&net.FlagLoopback == 0 })]
		for _, s := range []string{"10.6.0.1/24", "10.6.0.9/32", "10.6.0.10/32"} {
			addr, err := netlink.ParseAddr(s)
			nstest.OK(t, err)
			nstest.OK(t, netlink.AddrAdd(link, addr))
		}
		name := link.Attrs().Name
		nstest.OK(t, Drop(configuration(name, "10.6.0.9/32", "10.6.0.10/32"), configuration(name, "10.6.0.10/32")))
		left, err := netlink.AddrList(link, netlink.FAMILY_V4)
		nstest.OK(t, err)
		if len(left) != 2 || left[0].IPNet.String() == "10.6.0.9/32" || left[1].IPNet.String() == "10.6.0.9/32" {
			t.Error("left:", left)
		}
	})
}

// Routes and rules go the same way, and what only resembles them stays.
func TestSweepRouting(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	nstest.Do(t, a, func() {
		link, err := netlink.LinkByName("eth0")
		nstest.OK(t, err)
		_, dst, err := net.ParseCIDR("10.5.0.0/16")
		nstest.OK(t, err)
		for _, protocol := range []int{4, 18} {
			nstest.OK(t, netlink.RouteAppend(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: dst, Protocol: netlink.RouteProtocol(protocol)}))
		}
		for i, protocol := range []uint8{18, 4} {
			r := netlink.NewRule()
			r.Priority, r.Table, r.Src, r.Protocol = 100+i, 7, dst, protocol
			nstest.OK(t, netlink.RuleAdd(r))
		}
		c := &config.Config{
			Routes: []config.Route{{Family: config.IPv4, Dst: netip.MustParsePrefix("10.5.0.0/16"), Dev: "eth0", Type: 1, Table: 254, Protocol: 18}},
			Instances: []config.Instance{{Name: "V", Accept: true, Routing: &config.Routing{Rules: []config.Rule{
				{Family: config.IPv4, From: netip.MustParsePrefix("10.5.0.0/16"), Table: 7, Priority: 100, Protocol: 18},
				{Family: config.IPv4, From: netip.MustParsePrefix("10.5.0.0/16"), Table: 7, Priority: 101, Protocol: 18},
			}}}},
		}
		path := filepath.Join(t.TempDir(), "x.state")
		nstest.OK(t, Record(path, nil, c))
		swept(t, path, nil)
		routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Dst: dst}, netlink.RT_FILTER_DST)
		nstest.OK(t, err)
		rules, err := netlink.RuleList(netlink.FAMILY_V4)
		nstest.OK(t, err)
		rules = slices.DeleteFunc(rules, func(r netlink.Rule) bool { return r.Table != 7 })
		if len(routes) != 1 || routes[0].Protocol != 4 || len(rules) != 1 || rules[0].Priority != 101 {
			t.Errorf("left: %v %v", routes, rules)
		}
	})
}

// A file of another boot or another namespace says nothing about here, and a damaged one is not obeyed.
func TestForeignFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.state")
	nstest.OK(t, Record(path, nil, configuration("eth0", "10.5.0.9/32")))
	items, err := read(path)
	if err != nil || items.Len() != 1 {
		t.Fatal(items, err)
	}
	data, err := os.ReadFile(path)
	nstest.OK(t, err)
	nstest.OK(t, os.WriteFile(path, []byte(strings.Replace(string(data), `"boot_id": "`, `"boot_id": "x`, 1)), 0o600))
	if items, err := read(path); err != nil || items.Len() != 0 {
		t.Error(items, err)
	}
	for _, bad := range []string{"", "{", `{"version":1,"addresses":[{"interface":"a/b","address":"1.2.3.4/32"}]}`, `{"version":1,"interfaces":["../x"]}`} {
		nstest.OK(t, os.WriteFile(path, []byte(bad), 0o600))
		if _, err := Sweep(path, nil); err == nil {
			t.Errorf("%q was obeyed", bad)
		}
	}
}

// Of virtual interfaces those go that we made and that the file or the configuration names; their base is as it was before.
func TestSweepLinks(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	virtual := func(names ...string) *config.Config {
		c := &config.Config{}
		for i, name := range names {
			c.Instances = append(c.Instances, config.Instance{
				Name: name, VRID: uint8(i + 1), Interface: "eth0", Family: config.IPv4,
				Virtual: &config.VirtualLink{Name: name, MAC: config.HardwareAddr{0, 0, 0x5e, 0, 1, uint8(i + 1)}},
			})
		}
		return c
	}
	made := make(chan host.Report, 100)
	nstest.Do(t, a, func() {
		w, err := kernel.Open(kernel.Config{Report: func(r host.Report) { made <- r }})
		nstest.OK(t, err)
		w.Start()
		var s host.State
		for i, name := range []string{"one", "two", "three"} {
			s.Links = append(s.Links, host.VirtualLink{
				Name: name, Base: "eth0", Kind: host.Macvlan, Mode: host.MacvlanBridge, For: host.IPv4, MAC: [6]byte{2, 0, 0, 0, 1, byte(i)},
			})
		}
		w.Want(1, 1, s)
		for r := range made {
			if len(r.Applied) > 0 && r.Applied[0].Final {
				break
			}
		}
		nstest.OK(t, w.Close())
	})
	nstest.OK(t, a.AddMacvlan("foreign", "eth0"))
	arp := func() string { v, _ := a.Sysctl("net/ipv4/conf/eth0/arp_ignore"); return strings.TrimSpace(v) }
	path := filepath.Join(t.TempDir(), "x.state")
	left := func() (names string) {
		nstest.Do(t, a, func() {
			links, err := netlink.LinkList()
			nstest.OK(t, err)
			for _, l := range links {
				if l.Type() == "macvlan" {
					names += l.Attrs().Name + " "
				}
			}
		})
		return names + arp()
	}
	if got := left(); got != "one two three foreign 1" {
		t.Fatal(got)
	}
	nstest.Do(t, a, func() {
		nstest.OK(t, Record(path, nil, virtual("one", "foreign")))
		swept(t, path, nil)
	})
	if got := left(); got != "two three foreign 1" {
		t.Error(got)
	}
	nstest.Do(t, a, func() {
		nstest.OK(t, Drop(virtual("two", "three"), virtual("three")))
		swept(t, path, virtual("three"))
	})
	if got := left(); got != "foreign 0" {
		t.Error(got)
	}
}

// swept removes what is left, and returns what that was.
func swept(t *testing.T, path string, c *config.Config) []string {
	t.Helper()
	removed, err := Sweep(path, c)
	nstest.OK(t, err)
	return removed
}
