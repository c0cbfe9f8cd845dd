package sim

import (
	"strings"
	"testing"
	"time"

	"holdfast.dev/transport"
	"holdfast.dev/transport/pairing"
	"holdfast.dev/transport/wire"
)

// carriedDuel is a world of two nodes that are connected and have settled: n1 is MASTER.
func carriedDuel(t *testing.T, kind transport.Kind) *World {
	t.Helper()
	p := (&Story{edit: func(r *instance, _ *file) { r.transport = carried{kind: kind, fast: kind.Connected()} }}).plan()
	for i := range p.Shape.Nodes {
		r := &p.Shape.Nodes[i].File.routers[0]
		r.source, r.peers = hostAddr("eth0", false, i).String(), []string{hostAddr("eth0", false, 1-i).String()}
	}
	w := New(p)
	w.start()
	w.until(w.now.Add(10 * time.Second))
	if w.failure != nil {
		t.Fatal(w.failure)
	}
	return w
}

// TestCarriedViolationsAreNoticed: what the checkers of carried adverts are there for.
func TestCarriedViolationsAreNoticed(t *testing.T) {
	for _, c := range []struct {
		name, text string
		do         func(w *World, p *pair)
	}{
		{"a living daemon is called dead", "though it lives", func(w *World, p *pair) { w.checks.carrying.died(p) }},
		{"a living daemon is called dead after an interval", "can be reached", func(w *World, p *pair) {
			p.truth.answered = w.now.Add(-time.Minute)
			w.checks.carrying.died(p)
		}},
		{"a daemon that stops is called dead", "though it said that it stops", func(w *World, p *pair) {
			p.to.end()
			w.checks.carrying.parted(p, pairing.Parted(wire.ByeStop))
			w.checks.carrying.died(p)
		}},
		{"an old advert", "counts after", func(w *World, p *pair) {
			w.now = w.now.Add(3 * time.Second)
			w.checks.carrying.taken(p, carriedAdvert(w, p, 2500*time.Millisecond), &wire.Claim{VRID: 51}, 2*time.Second)
		}},
		{"an earlier advert", "older than the one before", func(w *World, p *pair) {
			w.checks.carrying.taken(p, carriedAdvert(w, p, 0), &wire.Claim{VRID: 51}, 2*time.Second)
			w.checks.carrying.taken(p, carriedAdvert(w, p, time.Millisecond), &wire.Claim{VRID: 51}, 2*time.Second)
		}},
		{"an advert of nobody", "nobody has sent", func(w *World, p *pair) {
			w.checks.carrying.judged(p, &wire.Advert{Stamp: wire.Stamp{Sent: 1}}, transport.Fresh)
		}},
		{"dials without end", "connections and dials", func(w *World, p *pair) {
			conns, dials := transport.Most()
			for range conns + dials {
				p.Conns = append(p.Conns, p.Dial())
			}
			w.checks.carrying.stepped(p)
		}},
	} {
		w := carriedDuel(t, transport.TCP)
		c.do(w, w.real[1].carriage.carrier.pairs[0])
		if f := w.failure; f == nil || f.Check != "carrying" || !strings.Contains(f.Text, c.text) {
			t.Errorf("%s: %v", c.name, f)
		}
	}
}

// carriedAdvert is one that the peer has said some time ago.
func carriedAdvert(w *World, p *pair, ago time.Duration) *wire.Advert {
	a := &wire.Advert{Stamp: wire.Stamp{Epoch: wire.Epoch(p.to.id), Sent: uint64(w.now) - uint64(ago)}, Packet: []byte{0x31, 51, 200, 1, 0, 100, 0, 0}}
	w.checks.carrying.sent(&pair{c: p.to.carrier, to: p.c.m, link: p.link}, &a.Stamp, w.now.Add(-ago))
	return a
}

// TestDeathOfACarriedDaemon: it is known at once, and that of the carrier alone is not told.
func TestDeathOfACarriedDaemon(t *testing.T) {
	for _, kind := range []transport.Kind{transport.TCP, transport.TLS} {
		w := carriedDuel(t, kind)
		n1, n2 := w.real[0], w.real[1]
		crashCarrier(w, &Fault{A: uint64(200 * time.Millisecond)}, n1)
		w.until(w.now.Add(5 * time.Second))
		if s := n2.watches[0].state; w.failure != nil || s.String() != "BACKUP" {
			t.Fatalf("%v: after the carrier was started again n2 is %v; %v", kind, s, w.failure)
		}
		kill(w, &Fault{}, n1)
		w.until(w.now.Add(20 * time.Millisecond))
		if s := n2.watches[0].state; w.failure != nil || s.String() != "MASTER" {
			t.Errorf("%v: 20 ms after the death of the daemon n2 is %v; %v", kind, s, w.failure)
		}
	}
}
