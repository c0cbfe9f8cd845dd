package pairing

import (
	"bytes"
	"cmp"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/wire"
)

// gram is what a peer by UDP has in place of a session.
type gram struct {
	up       bool
	heard    clock.Instant
	rtt      time.Duration
	connects uint64
	err      string        // of the last send
	asked    clock.Instant // when the last PING left; 0 for it was answered
	lossy    clock.Instant // until when every advert is sent twice; 0 for not
}

// Every second a peer by UDP is told who we are and asked for its clock. One that is not heard of for three is gone.
const (
	gramEvery = time.Second
	gramDeaf  = 3 * time.Second
	// After a PING without an answer, every advert is sent once more, some time later.
	gramLossy    = 20 * time.Second
	minGramAgain = 2 * time.Millisecond
	maxGramAgain = 100 * time.Millisecond
)

// tick is what is done every second.
func (p *Pair[L]) tick(now clock.Instant) {
	if p.Closed {
		return
	}
	g := &p.gram
	if g.up && g.asked != 0 {
		g.lossy = now.Add(gramLossy)
	}
	g.asked = now
	h := p.out.Hello()
	h.Clock = wire.Micros(int64(now))
	p.datagram((&wire.Ping{Token: uint64(now)}).Append(h.Append(nil)))
	if g.up && now.Sub(g.heard) >= gramDeaf {
		g.up, p.Trouble = false, cmp.Or(g.err, "no answer")
		p.out.Changed()
	}
	p.out.Wait(now.Add(gramEvery))
}

// datagram sends frames. What can't be sent is lost, as in a network.
func (p *Pair[L]) datagram(b []byte) {
	p.gram.err = ""
	if err := p.out.Datagram(b); err != nil {
		p.gram.err = err.Error()
		if !p.gram.up {
			p.Trouble = p.gram.err
		}
	}
}

// sendDatagram sends what was encoded; an advert, which claims an interval, where packets are lost once more.
func (p *Pair[L]) sendDatagram(now clock.Instant, t local.Type, interval time.Duration) {
	p.datagram(p.outgoing)
	if t != local.Send {
		return
	}
	p.Count.Sent++
	if now < p.gram.lossy {
		p.out.Again(min(max(interval/3, minGramAgain), maxGramAgain), bytes.Clone(p.outgoing))
	}
}

// Repeat sends what Again was asked for with.
func (p *Pair[L]) Repeat(b []byte) {
	if !p.Closed {
		p.datagram(b)
	}
}

// ReadDatagram takes one that has come from the peer. An error says what it can't be.
func (p *Pair[L]) ReadDatagram(now clock.Instant, b []byte) error {
	in := inward[L]{now: now}
	for len(b) > 0 {
		f, rest, err := wire.Next(b)
		if err == nil {
			err = p.gramFrame(&in, &f)
		}
		if err != nil {
			p.Count.Refused++
			return err
		}
		b = rest
	}
	p.gram.heard = now
	return nil
}

// gramFrame deals with one frame of a datagram.
func (p *Pair[L]) gramFrame(in *inward[L], f *wire.Frame) error {
	switch f.Type {
	case wire.TypeHello:
		var h wire.Hello
		if err := h.Parse(f); err != nil {
			return err
		}
		return p.gramHello(in.now, &h)
	case wire.TypePing:
		var ping wire.Ping
		if err := ping.Parse(f); err != nil {
			return err
		}
		p.datagram((&wire.Pong{Token: ping.Token, Clock: wire.Micros(int64(in.now))}).Append(nil))
		return nil
	case wire.TypePong:
		var pong wire.Pong
		if pong.Parse(f) == nil && clock.Instant(pong.Token) <= in.now {
			if pong.Token == uint64(p.gram.asked) {
				p.gram.asked = 0
			}
			p.gram.rtt = min(in.now.Sub(clock.Instant(pong.Token)), time.Minute)
		}
	case wire.TypeBye:
		if p.gram.up && !p.Closed {
			p.gram.up, p.Trouble = false, parted(f).Error()
			p.out.Changed()
		}
		return nil
	}
	return p.word(in, f)
}

// gramHello takes the peer's introduction.
func (p *Pair[L]) gramHello(now clock.Instant, h *wire.Hello) error {
	ours := p.out.Hello()
	if _, err := Meet(&ours, h); err != nil {
		return err
	}
	if wire.Epoch(h.Node) != p.seen.Epoch() {
		p.gram.asked, p.gram.lossy = 0, 0 // it was not loss, but the end of its earlier life
	}
	p.seen.Sample(now, wire.Epoch(h.Node), h.Clock)
	p.Can = h.Can
	if !p.gram.up && !p.Closed {
		p.gram.up, p.gram.heard = true, now
		p.gram.connects++
		p.out.Changed()
	}
	return nil
}
