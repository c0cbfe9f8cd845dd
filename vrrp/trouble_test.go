package vrrp

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp/wire"
)

// troubled is a MASTER that hears adverts which differ from its own.
type troubled struct {
	t   *testing.T
	e   *Engine
	now clock.Now
	rx  Received
}

func newTroubled(t *testing.T) *troubled {
	x := &troubled{t: t, e: New(epoch), now: epoch}
	x.e.Step(x.now, eth0("192.0.2.1/24"))
	s := spec("VI_1", 51, 200)
	s.Garp = Garp{Repeat: 1}
	x.e.Step(x.now, &Configure{Config: &Config{Restore: true, Routers: []Spec{s}}})
	x.now = run(x.e, x.now, x.now.Add(5*time.Second), func(clock.Now, Action) {})
	if x.e.routers[0].state != Master {
		t.Fatal("not MASTER")
	}
	return x
}

// hear hears an advert of priority 100 as the router would send it, but for the edit, a second after the one before.
func (x *troubled) prepare(src string, edit func(*Spec)) {
	s := *x.e.routers[0].spec
	edit(&s)
	tm, err := wire.NewTemplate(s.params())
	if err != nil {
		x.t.Fatal(err)
	}
	x.rx = Received{Port: s.Port(), Src: netip.MustParseAddr(src), Dst: wire.Group4(), TTL: 255, ID: 7}
	if x.rx.Payload, err = tm.Append(nil, 100, x.rx.Src, x.rx.Dst); err != nil {
		x.t.Fatal(err)
	}
}

func (x *troubled) hear() {
	x.now = x.now.Add(700 * time.Millisecond)
	x.e.Step(x.now, &x.rx)
	for _, r := range x.e.Touched() {
		var st Status
		r.Status(&st)
	}
}

func (x *troubled) status() (st Status) {
	x.e.routers[0].Status(&st)
	return st
}

// TestTroublesAllocateNothing: neither the packets of a trouble that goes on nor those of a forger with ever new addresses.
func TestTroublesAllocateNothing(t *testing.T) {
	for name, edit := range map[string]func(*Spec){
		"rival":   func(*Spec) {},
		"version": func(s *Spec) { s.Version = wire.V2 },
		"addresses": func(s *Spec) {
			s.Addresses = append(s.Addresses[:1:1], s.Addresses[0])
			s.Addresses[1].Prefix = netip.MustParsePrefix("192.0.2.9/32")
		},
		"interval": func(s *Spec) { s.Interval = 2 * time.Second },
	} {
		x := newTroubled(t)
		x.prepare("192.0.2.2", edit)
		for range 10 {
			x.hear()
		}
		if st := x.status(); st.TroubleCount == 0 {
			t.Fatalf("%s: no trouble", name)
		}
		x.e.routers[0].spec.LowerPrioNoAdvert = true // the line of the log about each answer is no part of this
		x.e.routers[0].answers = 1000
		step := func() {
			x.e.routers[0].answeredAt, x.e.routers[0].answers = x.now.Mono, 1000
			x.rx.Payload[6] ^= 0
			x.e.Step(x.now, &x.rx)
		}
		if n := testing.AllocsPerRun(100, step); n != 0 {
			t.Errorf("%s: %v allocations for a packet", name, n)
		}
	}
	x := newTroubled(t)
	x.prepare("192.0.2.2", func(s *Spec) { s.Version = wire.V2 })
	x.hear()
	i := 0
	forge := func() {
		i++
		x.rx.Src = netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)})
		x.e.Step(x.now, &x.rx)
	}
	if n := testing.AllocsPerRun(1000, forge); n != 0 {
		t.Errorf("%v allocations for a forged packet", n)
	}
	if r := x.e.routers[0]; r.seen.used != troubleRoom {
		t.Errorf("%d sightings", r.seen.used)
	}
}

// TestTroublesBounded: more senders than there is room for. What is remembered of the others is one trouble, three are shown, the rest is
// counted, and not all are told.
func TestTroublesBounded(t *testing.T) {
	x := newTroubled(t)
	lines := 0
	for round := range 6 {
		for i := range 20 {
			x.prepare("192.0.2.2", func(s *Spec) { s.Version = wire.V2 })
			x.rx.Src = netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)})
			x.now = x.now.Add(time.Millisecond)
			for _, a := range x.e.Step(x.now, &x.rx) {
				if r, ok := a.(*Report); ok && strings.Contains(r.Text, "trouble ") {
					lines++
				}
			}
		}
		if round < 5 {
			x.now = x.now.Add(900 * time.Millisecond)
		}
	}
	st := x.status()
	if st.TroubleCount != ShownTroubles || st.TroubleCount+st.MoreTroubles != troubleRoom+1 || lines == 0 || lines > tellLimit {
		t.Errorf("%d shown, %d more, %d lines", st.TroubleCount, st.MoreTroubles, lines)
	}
	for _, tr := range st.Troubles {
		if tr.Text == "" || tr.Count < troublePackets || tr.Since.Mono >= tr.Last.Mono {
			t.Errorf("%+v", tr)
		}
	}
}

// TestTroubleWords: every kind has a name and an advice, and no two have one name.
func TestTroubleWords(t *testing.T) {
	seen := map[string]bool{}
	for k := range TroubleKind(TroubleKinds) {
		if seen[k.String()] || k.String() == "" || (k.Advice() == "") != (k == NoTrouble) {
			t.Errorf("%d: %q, %q", k, k, k.Advice())
		}
		seen[k.String()] = true
	}
	if TroubleKind(200).String() != "unknown" || TroubleKind(200).Advice() != "" {
		t.Error("a kind that does not exist has a name")
	}
}
