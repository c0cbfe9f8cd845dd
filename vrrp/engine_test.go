package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/vrrp/wire"
)

var epoch = clock.Now{Mono: clock.Instant(1000 * time.Second), Boot: clock.Instant(1000 * time.Second), Wall: 1_700_000_000_000_000_000}

// eth0 is a link that is up with one address.
func eth0(addr string) *LinkChanged {
	return &LinkChanged{Link: host.Link{
		Name: "eth0", Index: 2, Up: true, Running: true, Multicast: true, MTU: 1500, MAC: [6]byte{2, 0, 0, 0, 0, 1},
		Addrs: []host.LinkAddr{{Prefix: netip.MustParsePrefix(addr)}},
	}}
}

func spec(name string, vrid, priority uint8) Spec {
	return Spec{
		Name: name, VRID: vrid, Version: 2, Link: "eth0", Group: wire.Group4(), Priority: priority, Interval: time.Second,
		DownAdverts: 3, Accept: wire.FormPlain, Garp: Garp{Repeat: 5, Delay: 5 * time.Second, RefreshRepeat: 1, LowerRepeat: 5},
		Addresses: []Address{{Address: host.Address{Key: host.Key{Link: "eth0", Prefix: netip.MustParsePrefix("192.0.2.100/32")}}}},
	}
}

// run steps the engine through its own deadlines until end, answering every desired state as a willing kernel does.
func run(e *Engine, from, end clock.Now, on func(clock.Now, Action)) clock.Now {
	now := from
	settle := func() {
		for _, o := range e.Dirty() {
			gen, want := e.Desired(o)
			ap := &Applied{host.Applied{Owner: o, Gen: gen, Final: true}}
			for _, a := range want.Addresses {
				ap.Results = append(ap.Results, host.Result{Key: a.Key})
			}
			for _, a := range e.Step(now, ap) {
				on(now, a)
			}
		}
	}
	settle()
	for {
		at, ok := e.Deadline()
		if !ok || at > end.Mono {
			return end
		}
		now = now.Add(max(0, at.Sub(now.Mono)))
		for _, a := range e.Step(now, &AdvertsDue{}) {
			on(now, a)
		}
		for _, a := range e.Step(now, &Wakeup{}) {
			on(now, a)
		}
		settle()
	}
}

func TestTakesOverAfterTheDownTime(t *testing.T) {
	e := New(epoch)
	e.Step(epoch, eth0("192.0.2.1/24"))
	e.Step(epoch, &Configure{Config: &Config{Routers: []Spec{spec("VI_1", 51, 200)}, Restore: true}})
	var master clock.Instant
	adverts, garps := 0, 0
	run(e, epoch, epoch.Add(20*time.Second), func(now clock.Now, a Action) {
		switch a := a.(type) {
		case *Transition:
			if a.To == Master {
				master = now.Mono
			}
		case *Send:
			adverts++
		case *Announce:
			garps += len(a.Items)
		}
	})
	want := 3*time.Second + 56*time.Second/256
	if got := master.Sub(epoch.Mono); got != want {
		t.Errorf("MASTER after %v, want %v", got, want)
	}
	if adverts != 17 {
		t.Errorf("%d adverts, want 17", adverts)
	}
	if garps != 10 {
		t.Errorf("%d gratuitous ARPs, want 10", garps)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	e := New(epoch)
	e.Step(epoch, eth0("192.0.2.1/24"))
	e.Step(epoch, &Configure{Config: &Config{Routers: []Spec{spec("VI_1", 51, 100)}, Restore: true}})
	tmpl, err := wire.NewTemplate((&e.cfg.Routers[0]).params())
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := tmpl.Append(nil, 200, netip.MustParseAddr("192.0.2.2"), wire.Group4())
	rx := &Received{Port: PortID{Link: "eth0"}, Src: netip.MustParseAddr("192.0.2.2"), Dst: wire.Group4(), TTL: 255, Payload: payload}
	now := epoch
	due, wake := &AdvertsDue{}, &Wakeup{}
	if n := testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Second)
		e.Step(now, due)
		e.Step(now, rx)
		e.Step(now, wake)
		e.Touched()
	}); n != 0 {
		t.Errorf("%v allocations a round as BACKUP, want none", n)
	}
	if e.Routers()[0].State() != Backup || e.Routers()[0].stats.Received == 0 {
		t.Fatal("not a BACKUP that hears a master")
	}
}
