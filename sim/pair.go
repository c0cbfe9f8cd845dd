package sim

import (
	"errors"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/wire"
)

// pair is what a carrier has with one peer.
type pair struct {
	c       *bearer
	peer    transport.Peer
	link    uint8
	to      *carriage // nil if no machine of ours has the address
	session *transport.Session
	seen    transport.Arrivals
	lines   []*line // dials, and what is up
	can     wire.Capability
	sent    uint64
	doubt   clock.Instant
	closed  bool
	// introduced says that the peer has been on a connection of ours, and speaks as we do.
	introduced bool
	next       clock.Instant // when the session wants to be woken; 0 for never

	gramUp    bool
	gramHeard clock.Instant
	gramNext  clock.Instant
	gramAsked clock.Instant
	gramLossy clock.Instant // until when adverts are sent twice

	truth truth
}

func newPair(c *bearer, peer transport.Peer) *pair {
	p := &pair{c: c, peer: peer}
	p.to, p.link = c.w.machineAt(peer.Addr)
	now := c.mono()
	seed := uint64(now)
	for _, b := range c.m.id {
		seed = seed*31 + uint64(b)
	}
	p.session = transport.NewSession(now, peer, c.m.id, seed)
	p.gramNext = now
	p.step(transport.Wake{})
	return p
}

// step gives the session an event and does what it wants.
func (p *pair) step(events ...transport.Event) {
	if p.closed || !p.peer.Kind.Connected() {
		return
	}
	for i := 0; i < len(events); i++ {
		for _, a := range p.session.Step(p.c.mono(), events[i]) {
			if ev := p.perform(a); ev != nil {
				events = append(events, ev)
			}
		}
	}
	p.next, _ = p.session.Deadline()
	p.c.w.checks.carrying.stepped(p)
}

// due is when the session wants to be woken.
func (p *pair) due() clock.Instant {
	if p.closed {
		return 0
	}
	if !p.peer.Kind.Connected() {
		return p.gramNext
	}
	at := p.next
	for _, l := range p.lines {
		at = clock.Min(at, l.deadline)
	}
	return at
}

// wake lets the session know that time has passed.
func (p *pair) wake() {
	now := p.c.mono()
	if !p.peer.Kind.Connected() {
		p.tickGram(now)
		return
	}
	if p.next != 0 && p.next <= now {
		p.step(transport.Wake{})
	}
}

func (p *pair) line(id transport.ConnID) *line {
	for _, l := range p.lines {
		if l.id == id {
			return l
		}
	}
	return nil
}

// forget takes a connection off the list.
func (p *pair) forget(l *line) {
	if i := slices.Index(p.lines, l); i >= 0 {
		p.lines = slices.Delete(p.lines, i, i+1)
	}
}

func (p *pair) perform(a transport.Action) transport.Event {
	switch a := a.(type) {
	case transport.Dial:
		p.dial(a.ID)
	case transport.Drop:
		if l := p.line(a.ID); l != nil {
			p.forget(l)
			l.sock.abort()
		}
	case transport.Close:
		if l := p.line(a.ID); l != nil {
			p.forget(l)
			p.finish(l, wire.ByeSurplus)
		}
	case transport.Flush:
		if l := p.line(a.ID); l != nil {
			l.signal = true
		}
	case transport.Nudge:
		if l := p.line(a.ID); l != nil {
			l.ping, l.signal = true, true
		}
	case transport.Measure:
		m := transport.Measured{ID: a.ID}
		if l := p.line(a.ID); l != nil {
			s := l.sock
			m.Acked, m.Out, m.Resent = s.acked, s.next-s.una, s.resent
			m.RTT = (s.srtt + 2*s.rttvar).Truncate(time.Microsecond)
		}
		return m
	case transport.Died:
		p.c.w.checks.carrying.died(p)
		p.log("its daemon is dead")
		p.c.m.tell(p.tellsOf(local.Died))
	case transport.Changed:
		st := p.session.Status()
		if st.Up {
			p.log("connected")
		} else {
			p.log("not connected: %v", st.Why)
		}
		p.tellLink()
	}
	return nil
}

func (p *pair) log(format string, args ...any) {
	if w := p.c.w; w.Log != nil {
		w.Log.line(w, p.c.m.n.name, "link", "%v peer %v: "+format, append([]any{p.peer.Kind, p.peer.Addr}, args...)...)
	}
}

func (p *pair) dial(id transport.ConnID) {
	now := p.c.mono()
	l := &line{pair: p, id: id, stage: knocking, deadline: now.Add(2 * helloWithin)}
	p.lines = append(p.lines, l)
	if p.to == nil {
		l.sock = &sock{flow: &flow{}, m: p.c.m, at: dialling} // nobody answers
		return
	}
	l.sock = p.c.m.dialTo(p.to, p.link, uint8(p.peer.Kind))
}

// finish has a connection say why and end.
func (p *pair) finish(l *line, reason wire.Reason) {
	if l.stage != upright {
		l.sock.abort()
		return
	}
	l.last, l.signal = reason, true
	l.deadline = p.c.mono().Add(flushWithin)
	p.c.loose = append(p.c.loose, l)
}

// close ends everything with the peer, politely.
func (p *pair) close(reason wire.Reason) {
	if p.closed {
		return
	}
	p.closed = true
	if !p.peer.Kind.Connected() {
		p.sendGram((&wire.Bye{Reason: reason}).Append(nil))
	}
	for _, l := range p.lines {
		p.finish(l, reason)
	}
	p.lines = nil
}

// tellLink tells the election thread how the connection is.
func (p *pair) tellLink() {
	m := p.tellsOf(local.Link)
	if m.Up = p.gramUp; p.peer.Kind.Connected() {
		m.Up = p.session.Status().Up
	}
	p.c.m.tell(m)
}

// send takes an advert or a report of the engine.
func (p *pair) send(s *saying) {
	if p.closed || s.Type == local.Hand && p.can&wire.CanHand == 0 {
		return
	}
	now := p.c.mono()
	slot, life, frame, ok := p.encode(now, s)
	if !ok {
		return
	}
	if !p.peer.Kind.Connected() {
		if life <= 0 {
			return
		}
		p.sendTwice(now, s.Type, life, frame)
		return
	}
	p.session.Queue(now, slot, life, frame)
	p.step(transport.Queued{})
}

// encode makes the frame of what the engine sends.
func (p *pair) encode(now clock.Instant, s *saying) (slot transport.Slot, life time.Duration, frame []byte, ok bool) {
	said := transport.Said(now, s.Since)
	p.sent = max(p.sent+1, wire.Micros(int64(said)))
	stamp := wire.Stamp{Epoch: wire.Epoch(p.c.m.id), Sent: p.sent, Origin: s.Src, ID: s.ID}
	if s.Type == local.Report {
		r := wire.Report{Stamp: stamp, IPv6: s.IPv6, Hears: s.Hears, VRID: s.VRID, State: s.State, Priority: s.Priority}
		return transport.ReportSlot(transport.RouterID{IPv6: s.IPv6, VRID: s.VRID, ID: s.ID}), transport.ReportLife - now.Sub(said), r.Append(nil), s.VRID != 0
	}
	if s.Type == local.Hand {
		h := wire.Hand{Stamp: stamp, IPv6: s.IPv6, VRID: s.VRID, Step: s.State}
		return transport.HandSlot(transport.RouterID{IPv6: s.IPv6, VRID: s.VRID, ID: s.ID}), transport.HandLife - now.Sub(said), h.Append(nil), s.VRID != 0
	}
	claim, ok := wire.ReadClaim(s.Payload)
	if !ok {
		return slot, 0, nil, false
	}
	p.c.w.checks.carrying.sent(p, &stamp, s.at)
	a := wire.Advert{Stamp: stamp, IPv6: s.Dst.Is6(), Packet: s.Payload}
	return transport.AdvertSlot(transport.RouterID{IPv6: a.IPv6, VRID: claim.VRID, ID: s.ID}), claim.Interval - now.Sub(said), a.Append(nil), true
}

// ended tells the session of the end of a dial or a connection.
func (p *pair) ended(l *line, why transport.Why) {
	if i := slices.Index(p.lines, l); i < 0 {
		return
	}
	p.forget(l)
	if why == transport.Denied {
		p.introduced = false
	}
	p.step(transport.Ended{ID: l.id, Why: why})
}

// whyOf is the end of a connection in the session's words.
func whyOf(e ending) transport.Why {
	switch e {
	case wasRefused:
		return transport.Refused
	case wasReset:
		return transport.Reset
	}
	return transport.Unreachable
}

// partedError is the end that the other side has announced.
type partedError struct{ reason wire.Reason }

func (e *partedError) Error() string { return e.reason.String() }

var errDenied = errors.New("not accepted")

// endOf is what an error on a connection means.
func endOf(err error) transport.Why {
	var bye *partedError
	switch {
	case !errors.As(err, &bye):
		return transport.Denied
	case bye.reason == wire.ByeStop:
		return transport.Stopping
	case bye.reason == wire.ByeVersion, bye.reason == wire.ByeUnknown:
		return transport.Denied
	}
	return transport.Goodbye
}
