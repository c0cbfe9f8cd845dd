package node

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"holdfast.dev/config"
	"holdfast.dev/host"
	"holdfast.dev/internal/netns/nstest"
)

// drivers is what the drivers of a test say, and what was made of it.
type drivers struct {
	mu    sync.Mutex
	up    map[string]bool // nil for one that does not tell
	asked []string
	seen  []string
	lines int
}

func (d *drivers) ask(link, method string) (up, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, link+"/"+method)
	up, ok = d.up[link]
	return up, ok
}

func (d *drivers) set(link string, up bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.up[link] = up
}

// last is what was made of an interface last.
func (d *drivers) last(link string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range slices.Backward(d.seen) {
		if name, _, _ := cut(s); name == link {
			return s
		}
	}
	return ""
}

func cut(s string) (name string, up bool, ok error) {
	_, ok = fmt.Sscanf(s, "%s %t", &name, &up)
	return name, up, ok
}

// newDrivers has a linkBeats ask the drivers of a test.
func newDrivers(t *testing.T, up map[string]bool) (*drivers, *linkBeats) {
	d := &drivers{up: up}
	b := newLinkBeats(func(rep *host.Report) {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, lk := range rep.Changed {
			d.seen = append(d.seen, fmt.Sprintf("%s %v", lk.Name, lk.Running))
		}
	}, func(string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.lines++
	})
	b.ask = d.ask
	b.Start()
	t.Cleanup(b.Close)
	return d, b
}

func changed(name string, running bool) *host.Report {
	return &host.Report{Changed: []host.Link{{Name: name, Index: 2, Up: true, Running: running}}}
}

// TestADriverReplacesTheKernelsWord is rule L18.
func TestADriverReplacesTheKernelsWord(t *testing.T) {
	d, b := newDrivers(t, map[string]bool{"eth0": true, "eth1": false})
	b.Use(polled{methods: map[string]string{"eth0": "MII", "eth2": ""}})
	b.Take(changed("eth0", true))
	b.Take(changed("eth1", true)) // nobody wants its driver's word
	b.Take(changed("eth2", true)) // its driver does not tell
	is := func(what, link, want string) {
		t.Helper()
		nstest.Eventually(t, what, func() bool { return d.last(link) == want })
	}
	nstest.Eventually(t, "the driver is asked in the way that is configured", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return slices.Contains(d.asked, "eth0/MII") && slices.Contains(d.asked, "eth2/")
	})
	d.set("eth0", false)
	is("the link is down as its driver says", "eth0", "eth0 false")
	b.Take(changed("eth0", true)) // the kernel says otherwise
	is("and stays so", "eth0", "eth0 false")
	d.set("eth0", true)
	is("it is up again", "eth0", "eth0 true")
	b.Take(changed("eth0", false))
	is("the kernel's word does not count", "eth0", "eth0 true")
	b.Use(polled{})
	is("it counts when nobody is asked any more", "eth0", "eth0 false")
	is("it counts of others", "eth1", "eth1 true")
	is("it counts where the driver does not tell", "eth2", "eth2 true")
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.ContainsFunc(d.asked, func(s string) bool { return s == "eth1/" }) || d.lines != 1 {
		t.Errorf("asked %v, %d complaints", d.asked, d.lines)
	}
}

func TestAllInterfacesMayBePolled(t *testing.T) {
	d, b := newDrivers(t, map[string]bool{"eth0": false, "lo": false})
	b.Use(polled{all: true})
	lo := changed("lo", true)
	lo.Changed[0].Loopback = true
	b.Take(lo)
	b.Take(changed("eth0", true))
	nstest.Eventually(t, "the driver's word counts", func() bool { return d.last("eth0") == "eth0 false" })
	b.Take(&host.Report{Gone: []string{"eth0"}})
	b.Take(changed("eth0", true)) // another one of that name: the old word is none about it
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.Contains(d.asked, "lo/") {
		t.Error("the loopback interface has no link")
	}
}

func TestWhoIsPolled(t *testing.T) {
	c := &config.Config{
		Instances: []config.Instance{
			{Interface: "eth0", Rare: &config.Rare{LinkbeatPolling: true}}, {Interface: "eth1", Rare: &config.Rare{}}, {Interface: "eth2"},
		},
		Linkbeat: []config.Linkbeat{{Interface: "eth3", Method: "ETHTOOL"}},
	}
	p := polledOf(c)
	for link, want := range map[string]string{"eth0": "", "eth3": "ETHTOOL"} {
		if m, ok := p.method(link); !ok || m != want {
			t.Errorf("%s: %q %v", link, m, ok)
		}
	}
	for _, link := range []string{"eth1", "eth2"} {
		if _, ok := p.method(link); ok {
			t.Errorf("%s is polled", link)
		}
	}
	c.Process.LinkbeatPolling = true
	if _, ok := new(polledOf(c)).method("eth1"); !ok {
		t.Error("not all are polled")
	}
}

// TestAskDriver asks the real kernel: a veth whose other end is down has no link.
func TestAskDriver(t *testing.T) {
	a, b := nstest.New(t), nstest.New(t)
	nstest.OK(t, a.AddVeth("ve0", b, "ve1"))
	nstest.OK(t, a.SetUp("ve0"))
	ask := func(link, method string) (up, ok bool) {
		nstest.Do(t, a, func() { up, ok = askDriver(link, method) })
		return up, ok
	}
	for _, method := range []string{"ETHTOOL", "IOCTL", ""} {
		if up, ok := ask("ve0", method); up || !ok {
			t.Errorf("%q: up %v, known %v before the other end is up", method, up, ok)
		}
	}
	nstest.OK(t, b.SetUp("ve1"))
	for _, method := range []string{"ETHTOOL", "IOCTL", ""} {
		nstest.Eventually(t, "the link is there by "+method, func() bool { up, ok := ask("ve0", method); return up && ok })
	}
	if _, ok := ask("ve0", "MII"); ok {
		t.Error("a veth has no MII")
	}
	for _, link := range []string{"none", "a_name_that_is_too_long", ""} {
		if _, ok := ask(link, ""); ok {
			t.Errorf("%q has a driver", link)
		}
	}
}
