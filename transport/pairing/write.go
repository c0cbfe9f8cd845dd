package pairing

import (
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/wire"
)

// Send takes an advert, a report or a word in a hand-over of the engine. It reports whether something waits for Step with Queued.
func (p *Pair[L]) Send(now clock.Instant, m *local.Msg) (waits bool) {
	if p.Closed {
		return false
	}
	p.source = m.Src
	if m.Type == local.Hand && p.Can&wire.CanHand == 0 {
		return false // it knows goodbyes only
	}
	slot, life, ok := p.encode(now, m)
	if !ok {
		p.Count.Refused++
		return false
	}
	if !p.Peer.Kind.Connected() {
		if life > 0 { // else this process stood still
			p.sendDatagram(now, m.Type, life)
		}
		return false
	}
	p.Session.Queue(now, slot, life, p.outgoing)
	return true
}

// encode makes the frame of what the engine sends.
func (p *Pair[L]) encode(now clock.Instant, m *local.Msg) (slot transport.Slot, life time.Duration, ok bool) {
	said := transport.Said(now, m.Since)
	p.sent = max(p.sent+1, wire.Micros(int64(said)))
	stamp := wire.Stamp{Epoch: wire.Epoch(p.node), Sent: p.sent, Origin: m.Src, ID: m.ID}
	if m.Type == local.Report {
		r := wire.Report{Stamp: stamp, IPv6: m.IPv6, Hears: m.Hears, VRID: m.VRID, State: m.State, Priority: m.Priority}
		p.outgoing = r.Append(p.outgoing[:0])
		return transport.ReportSlot(transport.RouterID{IPv6: m.IPv6, VRID: m.VRID, ID: m.ID}), transport.ReportLife - now.Sub(said), m.VRID != 0
	}
	if m.Type == local.Hand {
		h := wire.Hand{Stamp: stamp, IPv6: m.IPv6, VRID: m.VRID, Step: m.State}
		p.outgoing = h.Append(p.outgoing[:0])
		return transport.HandSlot(transport.RouterID{IPv6: m.IPv6, VRID: m.VRID, ID: m.ID}), transport.HandLife - now.Sub(said), m.VRID != 0
	}
	claim, ok := wire.ReadClaim(m.Payload)
	if !ok || len(m.Payload) > wire.MaxPacket {
		return slot, 0, false
	}
	if p.Watch != nil {
		p.Watch.Stamped(&stamp)
	}
	a := wire.Advert{Stamp: stamp, IPv6: m.Dst.Is6(), Packet: m.Payload}
	p.outgoing = a.Append(p.outgoing[:0])
	return transport.AdvertSlot(transport.RouterID{IPv6: a.IPv6, VRID: claim.VRID, ID: m.ID}), claim.Interval - now.Sub(said), true
}

// Early is what may be written behind our HELLO: that of the peer was seen before, and it is believed again by now.
func (p *Pair[L]) Early(now clock.Instant) []byte {
	if !p.introduced || p.Closed {
		return nil
	}
	return p.Session.Early(now, nil, Batch)
}

// Collect appends to b what is to be written on a connection, about Batch octets at most. last says that the connection ends behind it. When it is
// written, Step with Wrote follows.
func (p *Pair[L]) Collect(now clock.Instant, l L, b []byte) (out []byte, last bool) {
	c := l.State()
	for _, token := range c.pongs {
		b = (&wire.Pong{Token: token, Clock: wire.Micros(int64(now))}).Append(b)
	}
	c.pongs = c.pongs[:0]
	if c.ping {
		b = (&wire.Ping{Token: uint64(now)}).Append(b)
		c.ping = false
	}
	b = p.Session.Take(now, c.ID, b, Batch-len(b))
	if len(b) == 0 && c.last != 0 {
		return (&wire.Bye{Reason: c.last}).Append(b), true
	}
	return b, false
}
