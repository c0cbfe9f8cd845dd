package pairing

import (
	"errors"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/wire"
)

// inward is what one look at a socket has brought.
type inward[L Line] struct {
	now    clock.Instant
	on     L             // the zero value for a datagram
	claims time.Duration // longest interval of the adverts that count; 0 for none
}

// Read takes the frames that have come on a connection off b, and counts them. rest is the beginning of another one. An error is the end of the
// connection, and one for Why.
func (p *Pair[L]) Read(now clock.Instant, l L, b []byte) (rest []byte, n int, err error) {
	in := inward[L]{now: now, on: l}
	for ; ; n++ {
		f, next, ferr := wire.Next(b)
		if errors.Is(ferr, wire.ErrShort) {
			break
		}
		if err = ferr; err == nil {
			err = p.frame(&in, &f)
		}
		if err != nil {
			break
		}
		b = next
	}
	if n > 0 {
		id := l.State().ID
		if in.claims > 0 {
			p.Step(now, transport.Heard{ID: id}, transport.Spoke{Claims: in.claims})
		} else {
			p.Step(now, transport.Heard{ID: id})
		}
	}
	if _, known := Why(err); err != nil && !known {
		err = Denied(err.Error())
	}
	return b, n, err
}

// frame deals with one that came on a connection.
func (p *Pair[L]) frame(in *inward[L], f *wire.Frame) error {
	switch f.Type {
	case wire.TypePing:
		var ping wire.Ping
		if err := ping.Parse(f); err != nil {
			return err
		}
		if c := in.on.State(); len(c.pongs) < maxPongs {
			c.pongs = append(c.pongs, ping.Token)
			in.on.Signal()
		}
		return nil
	case wire.TypeHello:
		return nil // again
	case wire.TypeBye:
		return parted(f)
	}
	return p.word(in, f)
}

// word deals with what does not depend on how it came.
func (p *Pair[L]) word(in *inward[L], f *wire.Frame) error {
	switch f.Type {
	case wire.TypeAdvert:
		var a wire.Advert
		if err := a.Parse(f); err != nil {
			return err
		}
		p.advert(in, &a)
	case wire.TypeReport:
		var r wire.Report
		if err := r.Parse(f); err != nil {
			return err
		}
		p.report(in, &r)
	case wire.TypeHand:
		var h wire.Hand
		if err := h.Parse(f); err != nil {
			return err
		}
		p.handed(in, &h)
	case wire.TypePong:
		var pong wire.Pong
		if err := pong.Parse(f); err != nil {
			return err
		}
		p.answered(in, &pong)
	default:
		if _, skip := f.Known(); !skip {
			return Denied("a frame that this release does not know")
		}
	}
	return nil
}

// advert hands an advert to the engine, if it counts.
func (p *Pair[L]) advert(in *inward[L], a *wire.Advert) {
	claim, ok := wire.ReadClaim(a.Packet)
	if !ok {
		p.Count.Refused++
		return
	}
	age, verdict := p.seen.Judge(in.now, a.Epoch, a.Sent, transport.RouterID{IPv6: a.IPv6, VRID: claim.VRID, ID: a.ID}, life(&claim))
	if p.Watch != nil {
		p.Watch.Judged(a, &claim, verdict)
	}
	switch verdict {
	case transport.Stale:
		p.Count.Stale++
		p.ask(in.now)
	case transport.Fresh:
		if p.Closed {
			return
		}
		p.Count.Received++
		in.claims = max(in.claims, claim.Interval)
		p.tell(in, &local.Msg{Type: local.Received, IPv6: a.IPv6, Origin: a.Origin, ID: a.ID, Age: age, Payload: a.Packet})
	}
}

// life is how old an advert may be. Two intervals, because TCP needs a round trip and more to repair a loss, and an advert that is not so
// old can hold no election for longer than the down time. A goodbye has one: by then somebody else may be master.
func life(c *wire.Claim) time.Duration {
	if c.Priority == 0 {
		return c.Interval
	}
	return 2 * c.Interval
}

// ask has the peer's clock looked at: it may have stood still.
func (p *Pair[L]) ask(now clock.Instant) {
	if now.Sub(p.doubt) < 10*time.Millisecond {
		return
	}
	p.doubt = now
	for _, l := range p.Conns {
		p.ping(l)
	}
}

// report hands on what the peer's router thinks.
func (p *Pair[L]) report(in *inward[L], r *wire.Report) {
	_, verdict := p.seen.JudgeReport(in.now, r.Epoch, r.Sent, transport.RouterID{IPv6: r.IPv6, VRID: r.VRID, ID: r.ID})
	if verdict != transport.Fresh || p.Closed {
		return
	}
	p.tell(in, &local.Msg{
		Type: local.Told, IPv6: r.IPv6, Origin: r.Origin, VRID: r.VRID, ID: r.ID, State: r.State, Priority: r.Priority, Hears: r.Hears,
	})
}

// handed hands on the peer's word in a hand-over.
func (p *Pair[L]) handed(in *inward[L], h *wire.Hand) {
	_, verdict := p.seen.JudgeHand(in.now, h.Epoch, h.Sent, transport.RouterID{IPv6: h.IPv6, VRID: h.VRID, ID: h.ID})
	if verdict != transport.Fresh || p.Closed {
		return
	}
	p.tell(in, &local.Msg{Type: local.Handed, IPv6: h.IPv6, Origin: h.Origin, VRID: h.VRID, ID: h.ID, State: h.Step})
}

// tell says who has said it.
func (p *Pair[L]) tell(in *inward[L], m *local.Msg) {
	p.told = *m
	p.told.Kind, p.told.Src, p.told.Dst = p.Peer.Kind, p.Peer.Addr, p.mine(in.on)
	p.out.Tell(&p.told)
}

// answered takes the peer's clock.
func (p *Pair[L]) answered(in *inward[L], pong *wire.Pong) {
	asked := clock.Instant(pong.Token)
	if asked <= 0 || asked > in.now || !p.seen.Known() {
		return
	}
	p.seen.Answered(in.now, asked, p.seen.Epoch(), pong.Clock)
	var none L
	if in.on != none {
		p.Step(in.now, transport.Answered{ID: in.on.State().ID, Asked: asked})
	}
}
