package vrrp

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/vrrp/wire"
)

var virtualMAC = [6]byte{0, 0, 0x5e, 0, 1, 51}

func virtualSpec(priority uint8) Spec {
	s := spec("V", 51, priority)
	s.MAC = virtualMAC
	s.Virtual = []host.VirtualLink{{Name: "vrrp.51", Base: "eth0", Kind: host.Macvlan, MAC: virtualMAC, For: host.IPv4}}
	s.Addresses[0].Link = "vrrp.51"
	return s
}

// vmacRouter is one router at work, and what it does.
type vmacRouter struct {
	e      *Engine
	now    clock.Now
	refuse func(host.VirtualLink) string
	sends  []Send
	said   []Announcement
	want   host.State // the latest
	up     bool
}

func newVMACRouter(t *testing.T, s Spec) *vmacRouter {
	t.Helper()
	v := &vmacRouter{e: New(epoch), now: epoch, refuse: func(host.VirtualLink) string { return "" }}
	v.step(eth0("192.0.2.1/24"))
	v.step(&Configure{Config: &Config{Restore: true, Routers: []Spec{s}}})
	return v
}

// step applies an event, and answers what is wanted of the kernel.
func (v *vmacRouter) step(ev Event) {
	for _, a := range v.e.Step(v.now, ev) {
		switch a := a.(type) {
		case *Send:
			v.sends = append(v.sends, *a)
		case *Announce:
			v.said = append(v.said, a.Items...)
		}
	}
	for _, o := range append([]host.Owner(nil), v.e.Dirty()...) {
		gen, want := v.e.Desired(o)
		if o == host.Static || gen == 0 {
			continue
		}
		v.want = want
		v.answer(o, gen)
	}
}

func (v *vmacRouter) answer(o host.Owner, gen uint64) {
	a := host.Applied{Owner: o, Gen: gen, Final: true, Results: results(v.want)}
	up := false
	for _, l := range v.want.Links {
		text := v.refuse(l)
		a.Results = append(a.Results, host.Result{Key: l.Key(), Err: text})
		up = up || l.Up && text == ""
	}
	if up != v.up {
		v.up = up
		v.step(&LinkChanged{Link: host.Link{
			Name: "vrrp.51", Index: 7, Up: up, MAC: virtualMAC, Kind: host.Macvlan, Base: 2, Alias: host.LinkMark,
		}})
	}
	v.step(&Applied{a})
}

func (v *vmacRouter) run(d time.Duration) {
	for end := v.now.Mono.Add(d); ; {
		at, ok := v.e.Deadline()
		if !ok || at > end {
			v.now = v.now.Add(end.Sub(v.now.Mono))
			return
		}
		v.now = v.now.Add(max(0, at.Sub(v.now.Mono)))
		v.step(&AdvertsDue{})
		v.step(&Wakeup{})
	}
}

func (v *vmacRouter) router() *Router { return v.e.owners[1] }

// The virtual link is there from the beginning, and up only while the router has its addresses; adverts come from the virtual MAC through
// the interface below.
func TestVirtualLinkIsUpWhileMaster(t *testing.T) {
	v := newVMACRouter(t, virtualSpec(100))
	if len(v.want.Links) != 1 || v.want.Links[0].Up || len(v.want.Addresses) != 0 {
		t.Fatalf("as BACKUP: %+v", v.want)
	}
	v.run(4 * time.Second)
	if v.router().state != Master || !v.want.Links[0].Up || len(v.want.Addresses) != 1 {
		t.Fatalf("as MASTER: %v, %+v", v.router().state, v.want)
	}
	for _, s := range v.sends {
		if s.MAC != virtualMAC || s.Index != 2 {
			t.Errorf("an advert from %x through %d", s.MAC, s.Index)
		}
	}
	for _, a := range v.said {
		if a.MAC != virtualMAC || a.Index != 2 {
			t.Errorf("an announcement from %x through %d", a.MAC, a.Index)
		}
	}
	if len(v.said) == 0 {
		t.Error("nothing was announced on a link that the kernel does not call running yet")
	}
	v.step(advertOf(200))
	if v.router().state != Backup || len(v.want.Links) != 1 || v.want.Links[0].Up || len(v.want.Addresses) != 0 {
		t.Errorf("as BACKUP again: %+v", v.want)
	}
	v.step(&Stop{Within: 5 * time.Second})
	if len(v.want.Links) != 0 {
		t.Errorf("after Stop: %+v", v.want)
	}
}

func advertOf(priority uint8) *Received {
	p := wire.Params{
		Version: 2, VRID: 51, Interval: time.Second, Sum: wire.FormPlain, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.100")},
	}
	t, err := wire.NewTemplate(p)
	if err != nil {
		panic(err)
	}
	src := netip.MustParseAddr("192.0.2.2")
	b, err := t.Append(nil, priority, src, wire.Group4())
	if err != nil {
		panic(err)
	}
	return &Received{Port: PortID{Link: "eth0"}, Src: src, Dst: wire.Group4(), TTL: 255, Payload: b}
}

// Its successor looks like the router itself, so that no claim tells that it has taken over: its first advert does, at once.
func TestVirtualMACGoesWithTheFirstAdvert(t *testing.T) {
	v := newVMACRouter(t, virtualSpec(100))
	v.run(4 * time.Second)
	v.step(&Stop{Within: 5 * time.Second})
	if !v.e.Leaving() || !v.want.Links[0].Up {
		t.Fatalf("it does not wait for a successor: %+v", v.want)
	}
	v.step(&Claimed{Claims: []Claim{{Index: 7, MAC: virtualMAC, Addr: netip.MustParseAddr("192.0.2.100")}}})
	if !v.e.Leaving() {
		t.Error("a claim from our own hardware address counted")
	}
	v.step(advertOf(50))
	if v.e.Leaving() || len(v.want.Links) != 0 || len(v.want.Addresses) != 0 {
		t.Errorf("after the successor's advert: %+v", v.want)
	}
}

// A virtual link that the kernel refuses is a fault. One that can't be up is tried again, ever more seldom.
func TestVirtualLinkRefused(t *testing.T) {
	v := newVMACRouter(t, virtualSpec(100))
	v.refuse = func(l host.VirtualLink) string {
		if l.Up {
			return "device or resource busy"
		}
		return ""
	}
	terms := 0
	for range 300 {
		before := v.router().state
		v.run(time.Second)
		if v.router().state == Master {
			t.Fatal("MASTER without its link")
		}
		if before == Backup && v.router().state == Fault {
			terms++
		}
	}
	if terms < 3 || terms > 20 {
		t.Errorf("tried %d times within 5 minutes", terms)
	}
	if len(v.want.Links) != 1 || v.want.Links[0].Up {
		t.Errorf("in FAULT: %+v", v.want)
	}
	v.refuse = func(host.VirtualLink) string { return "" }
	v.run(2 * time.Minute)
	if v.router().state != Master {
		t.Errorf("%v, though nothing is refused any more", v.router().state)
	}
}

// A base that does not exist is what the fault says; its virtual link is not another.
func TestVirtualLinkWithoutBase(t *testing.T) {
	v := newVMACRouter(t, virtualSpec(100))
	v.step(&LinkGone{Name: "eth0"})
	v.refuse = func(host.VirtualLink) string { return host.NoSuchInterface }
	v.run(time.Minute)
	if r := v.router(); r.state != Fault || r.health.faults != 1 {
		t.Errorf("%v, %+v", r.state, r.health)
	}
	v.refuse = func(host.VirtualLink) string { return "" }
	v.step(eth0("192.0.2.1/24"))
	v.run(4 * time.Second)
	if v.router().state != Master {
		t.Errorf("%v after the base came back", v.router().state)
	}
}

// A reload with the same file wants nothing of the kernel.
func TestVirtualLinkSameReload(t *testing.T) {
	v := newVMACRouter(t, virtualSpec(100))
	v.run(4 * time.Second)
	gen := v.router().keeper.gen
	v.step(&Configure{Config: &Config{Restore: true, Routers: []Spec{virtualSpec(100)}}})
	if v.router().keeper.gen != gen {
		t.Error("the same configuration was handed to the kernel again")
	}
	plain := spec("V", 51, 100)
	v.step(&Configure{Config: &Config{Restore: true, Routers: []Spec{plain}}})
	if v.router().state != Master || len(v.want.Links) != 0 || v.want.Addresses[0].Link != "eth0" {
		t.Errorf("without use_vmac: %v, %+v", v.router().state, v.want)
	}
}

// What went wrong in other VRRP daemons: docs/regressions.md.

// The macvlan is not wanted up before the first advert has left, and nothing is announced before it is up.
func TestRegressionA18_VirtualMACAdvertFirst(t *testing.T) {
	v := newVMACRouter(t, virtualSpec(100))
	v.refuse = func(l host.VirtualLink) string {
		if l.Up && len(v.sends) == 0 {
			t.Error("up before the first advert")
		}
		if l.Up && !v.up && len(v.said) > 0 {
			t.Error("announced before it was up")
		}
		return ""
	}
	v.run(4 * time.Second)
	if len(v.sends) == 0 || len(v.said) == 0 || !v.up {
		t.Errorf("%d adverts, %d announcements, up %v", len(v.sends), len(v.said), v.up)
	}
}

// A file in which only the VRID of an instance with a macvlan of its own name is another.
func TestRegressionB49_OnlyTheVRIDChanges(t *testing.T) {
	v := newVMACRouter(t, virtualSpec(100))
	v.run(4 * time.Second)
	next := virtualSpec(100)
	next.VRID, next.MAC = 52, [6]byte{0, 0, 0x5e, 0, 1, 52}
	next.Virtual[0].MAC = next.MAC
	v.sends = nil
	v.step(&Configure{Config: &Config{Restore: true, Routers: []Spec{next}}})
	v.run(10 * time.Second)
	if l := v.want.Links; len(l) != 1 || l[0].Name != "vrrp.51" || l[0].MAC != next.MAC || !l[0].Up {
		t.Errorf("wanted: %+v", l)
	}
	if last := v.sends[len(v.sends)-1]; last.MAC != next.MAC {
		t.Errorf("the last advert is from %x", last.MAC)
	}
}

// The interface below 500 macvlans goes down and comes back.
func TestRegressionC64_FiveHundredVirtualMACs(t *testing.T) {
	e := New(epoch)
	c := &Config{Restore: true}
	for i := range 500 {
		s := virtualSpec(100)
		s.Name, s.VRID, s.Link = fmt.Sprintf("V%d", i), uint8(i%250+1), fmt.Sprintf("eth%d", i/250)
		s.MAC[5] = s.VRID
		s.Virtual[0].Name, s.Virtual[0].Base, s.Virtual[0].MAC = fmt.Sprintf("vrrp%d.%d", i/250, s.VRID), s.Link, s.MAC
		s.Addresses[0].Link = s.Virtual[0].Name
		c.Routers = append(c.Routers, s)
	}
	tell := func(now clock.Now, up bool) {
		for i := range 2 {
			ev := eth0(fmt.Sprintf("192.0.2.%d/24", i+1))
			ev.Link.Name, ev.Link.Index, ev.Link.Running = fmt.Sprintf("eth%d", i), i+2, up
			e.Step(now, ev)
		}
	}
	flap(t, e, c, tell, func(r *Router) {
		if _, s := e.Desired(r.owner); len(s.Links) != 1 || s.Links[0].Up || len(s.Addresses) != 0 {
			t.Errorf("%s wants %+v", r.Name(), s)
		}
	})
}

// flap configures an engine whose links are up, and has them go down and come back. Each router is looked at after both.
func flap(t *testing.T, e *Engine, c *Config, tell func(now clock.Now, up bool), look func(*Router)) {
	t.Helper()
	tell(epoch, true)
	e.Step(epoch, &Configure{Config: c})
	now := run(e, epoch, epoch.Add(5*time.Second), func(clock.Now, Action) {})
	for _, want := range []State{Fault, Backup} {
		tell(now, want == Backup)
		for _, r := range e.Routers() {
			if r.State() != want {
				t.Errorf("%s is %v, not %v", r.Name(), r.State(), want)
			}
			look(r)
		}
	}
}
