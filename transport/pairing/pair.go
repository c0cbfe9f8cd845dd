package pairing

import (
	"net/netip"
	"slices"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/wire"
)

// Pair is what a carrier has with one peer. What it is told the time by is CLOCK_MONOTONIC.
type Pair[L Line] struct {
	Peer    transport.Peer
	Session *transport.Session // of TCP and TLS; by UDP it has nothing to do
	Conns   []L                // dials, and what is up
	Count   local.Counts
	Can     wire.Capability // what the peer can do
	Trouble string          // why the last dial or connection ended, in more words than Status has; empty for no other
	Closed  bool
	Watch   Watch // nil for nobody

	out        Outside[L]
	node       transport.NodeID
	seen       transport.Arrivals
	source     netip.Addr    // the source that the engine gave last
	sent       uint64        // last Stamp.Sent
	doubt      clock.Instant // when the peer's clock was last asked for
	introduced bool          // the peer has been on a connection of ours, and speaks as we do
	gram       gram
	outgoing   []byte    // the frame that was made last
	told       local.Msg // what was told last
}

// New begins with a peer. Wake follows.
func New[L Line](now clock.Instant, peer transport.Peer, self transport.NodeID, out Outside[L]) *Pair[L] {
	seed := uint64(now)
	for _, b := range self {
		seed = seed*31 + uint64(b)
	}
	return &Pair[L]{Peer: peer, Session: transport.NewSession(now, peer, self, seed), out: out, node: self}
}

// Reconfigure changes what may change about a peer that stays. Wake follows.
func (p *Pair[L]) Reconfigure(now clock.Instant, peer transport.Peer) {
	p.Peer = peer
	p.Session.Reconfigure(now, peer)
}

// Wake lets the pair know that time has passed.
func (p *Pair[L]) Wake(now clock.Instant) {
	if p.Peer.Kind.Connected() {
		p.Step(now, transport.Wake{})
		return
	}
	p.tick(now)
}

// Step gives the session events and does what it wants.
func (p *Pair[L]) Step(now clock.Instant, events ...transport.Event) {
	if p.Closed || !p.Peer.Kind.Connected() {
		return
	}
	for i := 0; i < len(events); i++ {
		for _, a := range p.Session.Step(now, events[i]) {
			if ev := p.perform(a); ev != nil {
				events = append(events, ev)
			}
		}
	}
	at, _ := p.Session.Deadline()
	p.out.Wait(at)
}

// perform does one thing, and returns what is to be told to the session about it at once.
func (p *Pair[L]) perform(a transport.Action) transport.Event {
	switch a := a.(type) {
	case transport.Dial:
		l := p.out.Dial()
		l.State().ID = a.ID
		p.Conns = append(p.Conns, l)
	case transport.Drop:
		if l, ok := p.line(a.ID); ok {
			p.Forget(l)
			l.Drop()
		}
	case transport.Close:
		if l, ok := p.line(a.ID); ok {
			p.Forget(l)
			p.finish(l, wire.ByeSurplus)
		}
	case transport.Flush:
		if l, ok := p.line(a.ID); ok {
			l.Signal()
		}
	case transport.Nudge:
		if l, ok := p.line(a.ID); ok {
			p.ping(l)
		}
	case transport.Measure:
		return p.measure(a.ID)
	case transport.Died:
		p.told = p.About(local.Died)
		p.out.Tell(&p.told)
	case transport.Changed:
		p.out.Changed()
	}
	return nil
}

func (p *Pair[L]) line(id transport.ConnID) (l L, ok bool) {
	for _, l := range p.Conns {
		if l.State().ID == id {
			return l, true
		}
	}
	return l, false
}

func (p *Pair[L]) measure(id transport.ConnID) transport.Event {
	var m transport.Measured
	if l, ok := p.line(id); ok {
		if got, ok := l.Measure(); ok {
			m = got
		}
	}
	m.ID = id
	return m
}

func (p *Pair[L]) ping(l L) {
	l.State().ping = true
	l.Signal()
}

// Wanted reports whether the connection is one of the pair's, and the pair goes on.
func (p *Pair[L]) Wanted(l L) bool { return !p.Closed && slices.Contains(p.Conns, l) }

// Forget takes a connection off the list. It reports false if it is on it no more.
func (p *Pair[L]) Forget(l L) bool {
	i := slices.Index(p.Conns, l)
	if i >= 0 {
		p.Conns = slices.Delete(p.Conns, i, i+1)
	}
	return i >= 0
}

// Accepted takes a connection of the peer that we have accepted. Greeted and Ended tell how it goes.
func (p *Pair[L]) Accepted(l L) {
	l.State().ID = p.Session.Accepted()
	p.Conns = append(p.Conns, l)
}

// Reached says that the peer's port has answered a dial.
func (p *Pair[L]) Reached(now clock.Instant, l L) {
	p.Step(now, transport.Reached{ID: l.State().ID})
}

// Greeted says that both sides know each other, by the peer's HELLO. old is for what we have proved is not in the configuration any more.
func (p *Pair[L]) Greeted(now clock.Instant, l L, h *wire.Hello, old bool) {
	if !p.Wanted(l) {
		return
	}
	c := l.State()
	c.Up, p.introduced, p.Can = true, true, h.Can
	p.seen.Sample(now, wire.Epoch(h.Node), h.Clock)
	p.Step(now, transport.Up{ID: c.ID, Node: h.Node, Old: old})
}

// Ended takes the end of a dial or connection. trouble says more of why, or nothing.
func (p *Pair[L]) Ended(now clock.Instant, l L, w transport.Why, trouble string) {
	if !p.Forget(l) {
		return // it was not wanted any more
	}
	p.Trouble = trouble
	if w == transport.Denied {
		p.introduced = false
		p.Count.Refused++
	}
	p.Step(now, transport.Ended{ID: l.State().ID, Why: w})
}

// Close ends everything with the peer, politely.
func (p *Pair[L]) Close(reason wire.Reason) {
	if p.Closed {
		return
	}
	p.Closed = true
	if !p.Peer.Kind.Connected() {
		p.datagram((&wire.Bye{Reason: reason}).Append(nil))
	}
	for _, l := range p.Conns {
		p.finish(l, reason)
	}
	p.Conns = nil
}

// finish has a connection say why and end.
func (p *Pair[L]) finish(l L, reason wire.Reason) {
	if c := l.State(); c.Up {
		c.last = reason
		l.Finish()
		return
	}
	l.Drop()
}

// Status is what can be told of the pair now.
func (p *Pair[L]) Status() transport.Status {
	if p.Peer.Kind.Connected() {
		return p.Session.Status()
	}
	return transport.Status{Up: p.gram.up, RTT: p.gram.rtt, Connects: p.gram.connects}
}

// About begins a message about the peer.
func (p *Pair[L]) About(t local.Type) local.Msg {
	var none L
	return local.Msg{Type: t, Kind: p.Peer.Kind, IPv6: p.Peer.IPv6(), Src: p.Peer.Addr, Dst: p.mine(none)}
}

// mine is the address of ours that the peer is told apart by: what the engine sends from.
func (p *Pair[L]) mine(on L) netip.Addr {
	var none L
	switch {
	case p.Peer.Local.IsValid():
		return p.Peer.Local
	case p.source.IsValid():
		return p.source
	case on != none:
		return on.Local()
	}
	return netip.Addr{}
}
