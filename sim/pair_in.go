package sim

import (
	"errors"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/wire"
	"holdfast.dev/vrrp"
)

// look sees what has become of a connection.
func (c *bearer) look(l *line) {
	s := l.sock
	s.news = false
	if l.stage == knocking && s.at == open {
		c.reached(l)
	}
	l.buf = append(l.buf, s.in...)
	s.in = s.in[:0]
	err := c.read(l)
	switch {
	case err != nil:
		c.over(l, endOf(err))
	case s.eof:
		c.over(l, transport.EndOfStream)
	case s.at == closed:
		c.over(l, whyOf(s.why))
	case l.deadline != 0 && c.mono() >= l.deadline:
		s.abort()
		c.over(l, transport.Unreachable)
	}
}

// over is the end of a connection.
func (c *bearer) over(l *line, why transport.Why) {
	l.sock.close()
	c.guests = without(c.guests, l)
	c.loose = without(c.loose, l)
	if l.pair != nil {
		l.pair.ended(l, why)
	}
}

func without(list []*line, l *line) []*line {
	if i := slices.Index(list, l); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// reached is when the other side's kernel has answered a dial.
func (c *bearer) reached(l *line) {
	l.deadline = c.mono().Add(helloWithin)
	if transport.Kind(l.sock.kind) == transport.TLS {
		l.stage = shaking
		l.sock.write([]byte{clientHello})
	} else {
		l.stage = greeting
		c.greet(l)
	}
	c.w.checks.carrying.answered(l.pair)
	l.pair.step(transport.Reached{ID: l.id})
}

// read takes what has come.
func (c *bearer) read(l *line) error {
	if l.stage == shaking {
		if err := c.shake(l); err != nil || l.stage == shaking {
			return err
		}
	}
	if l.stage == greeting {
		if err := c.meetPeer(l); err != nil || l.stage == greeting {
			return err
		}
	}
	if l.stage == upright && l.pair != nil {
		return l.pair.take(l)
	}
	return nil
}

// shake goes on with the handshake of TLS. Who the other side is is known at its end.
func (c *bearer) shake(l *line) error {
	if len(l.buf) == 0 {
		return nil
	}
	first := l.buf[0]
	l.buf = l.buf[1:]
	switch {
	case l.pair != nil && first == serverFinished:
		l.sock.write([]byte{clientFinished})
		c.greet(l)
		l.stage = greeting
	case l.pair == nil && first == clientHello:
		l.sock.write([]byte{serverFinished})
		return c.shake(l)
	case l.pair == nil && first == clientFinished:
		c.greet(l)
		l.stage = greeting
	default:
		return errDenied
	}
	return nil
}

// meetPeer waits for the other side's HELLO.
func (c *bearer) meetPeer(l *line) error {
	f, rest, err := wire.Next(l.buf)
	if errors.Is(err, wire.ErrShort) {
		return nil
	}
	var h wire.Hello
	switch {
	case err != nil:
		return err
	case f.Type == wire.TypeBye:
		return farewell(&f)
	}
	if err := h.Parse(&f); err != nil {
		return err
	}
	if h.Min > c.m.speaks || h.Max < c.m.speaks {
		l.sock.write((&wire.Bye{Reason: wire.ByeVersion}).Append(nil))
		return errDenied
	}
	l.buf, l.stage, l.deadline = rest, upright, 0
	if l.pair == nil {
		p := c.callers(l)
		if p == nil {
			return errDenied // it was one when it came
		}
		c.guests = without(c.guests, l)
		l.pair, l.id = p, p.session.Accepted()
		p.lines = append(p.lines, l)
	}
	l.pair.can, l.pair.introduced = h.Can, true
	l.pair.seen.Sample(c.mono(), wire.Epoch(h.Node), h.Clock)
	c.w.checks.carrying.met(l.pair, h.Node)
	l.pair.step(transport.Up{ID: l.id, Node: h.Node})
	return nil
}

func farewell(f *wire.Frame) error {
	var y wire.Bye
	if err := y.Parse(f); err != nil {
		return err
	}
	return &partedError{y.Reason}
}

// take deals with all frames that have come.
func (p *pair) take(l *line) error {
	in := inward{now: p.c.mono()}
	n := 0
	var err error
	for err == nil {
		f, rest, ferr := wire.Next(l.buf)
		if errors.Is(ferr, wire.ErrShort) {
			break
		}
		if err = ferr; err == nil {
			l.buf = rest
			n++
			err = p.lineFrame(l, &in, &f)
		}
	}
	if n > 0 && !p.closed {
		if in.claims > 0 {
			p.step(transport.Heard{ID: l.id}, transport.Spoke{Claims: in.claims})
		} else {
			p.step(transport.Heard{ID: l.id})
		}
	}
	return err
}

// inward is what one look at a connection has brought.
type inward struct {
	now    clock.Instant
	claims time.Duration
}

func (p *pair) lineFrame(l *line, in *inward, f *wire.Frame) error {
	switch f.Type {
	case wire.TypePing:
		var ping wire.Ping
		if err := ping.Parse(f); err != nil {
			return err
		}
		if len(l.pongs) < maxPongs {
			l.pongs = append(l.pongs, ping.Token)
			l.signal = true
		}
		return nil
	case wire.TypeBye:
		err := farewell(f)
		p.c.w.checks.carrying.parted(p, err)
		return err
	}
	return p.frame(in, f, l)
}

// frame deals with what does not concern a connection.
func (p *pair) frame(in *inward, f *wire.Frame, l *line) error {
	switch f.Type {
	case wire.TypeHello:
		return nil
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
		if asked := clock.Instant(pong.Token); asked > 0 && asked <= in.now && p.seen.Known() {
			p.seen.Answered(in.now, asked, p.seen.Epoch(), pong.Clock)
			if l == nil {
				if asked == p.gramAsked {
					p.gramAsked = 0
				}
				return nil
			}
			p.step(transport.Answered{ID: l.id, Asked: asked})
		}
	default:
		if _, skip := f.Known(); !skip {
			return errDenied
		}
	}
	return nil
}

// advert hands an advert to the engine, if it counts.
func (p *pair) advert(in *inward, a *wire.Advert) {
	claim, ok := wire.ReadClaim(a.Packet)
	if !ok {
		return
	}
	life := 2 * claim.Interval
	if claim.Priority == 0 {
		life = claim.Interval
	}
	age, verdict := p.seen.Judge(in.now, a.Epoch, a.Sent, transport.RouterID{IPv6: a.IPv6, VRID: claim.VRID, ID: a.ID}, life)
	p.c.w.checks.carrying.judged(p, a, verdict)
	switch verdict {
	case transport.Stale:
		p.ask(in.now)
	case transport.Fresh:
		if p.closed {
			return
		}
		in.claims = max(in.claims, claim.Interval)
		m := p.tellsOf(local.Received)
		m.IPv6, m.ID, m.Origin, m.Age, m.Payload = a.IPv6, a.ID, a.Origin, age, a.Packet
		p.c.w.checks.carrying.taken(p, a, &claim, life)
		p.c.m.tell(m)
	}
}

// ask has the peer's clock looked at.
func (p *pair) ask(now clock.Instant) {
	if now.Sub(p.doubt) < 10*time.Millisecond {
		return
	}
	p.doubt = now
	for _, l := range p.lines {
		l.ping, l.signal = true, true
	}
}

// report hands on what the peer's router thinks.
func (p *pair) report(in *inward, r *wire.Report) {
	_, verdict := p.seen.JudgeReport(in.now, r.Epoch, r.Sent, transport.RouterID{IPv6: r.IPv6, VRID: r.VRID, ID: r.ID})
	if verdict != transport.Fresh || p.closed {
		return
	}
	m := p.tellsOf(local.Told)
	m.IPv6, m.ID, m.Origin, m.VRID, m.State, m.Priority, m.Hears = r.IPv6, r.ID, r.Origin, r.VRID, r.State, r.Priority, r.Hears
	p.c.m.tell(m)
}

// handed hands on the peer's word in a hand-over.
func (p *pair) handed(in *inward, h *wire.Hand) {
	_, verdict := p.seen.JudgeHand(in.now, h.Epoch, h.Sent, transport.RouterID{IPv6: h.IPv6, VRID: h.VRID, ID: h.ID})
	if verdict != transport.Fresh || p.closed {
		return
	}
	m := p.tellsOf(local.Handed)
	m.IPv6, m.ID, m.Origin, m.VRID, m.State = h.IPv6, h.ID, h.Origin, h.VRID, h.Step
	p.c.m.tell(m)
}

// A datagram a second tells a peer by UDP who we are and asks for its clock. One that is not heard of for three is gone.
const (
	gramEvery = time.Second
	gramDeaf  = 3 * time.Second
	gramLossy = 20 * time.Second // after a PING without an answer every advert is sent twice
)

func (p *pair) tickGram(now clock.Instant) {
	if p.closed || now < p.gramNext {
		return
	}
	p.gramNext = now.Add(gramEvery)
	if p.gramUp && p.gramAsked != 0 {
		p.gramLossy = now.Add(gramLossy)
	}
	p.gramAsked = now
	p.sendGram((&wire.Ping{Token: uint64(now)}).Append(p.c.hello()))
	if p.gramUp && now.Sub(p.gramHeard) >= gramDeaf {
		p.gramUp = false
		p.tellLink()
	}
}

// sendTwice sends an advert once more a while later, where packets are lost.
func (p *pair) sendTwice(now clock.Instant, t local.Type, interval time.Duration, frame []byte) {
	p.sendGram(frame)
	if c := p.c; t == local.Send && now < p.gramLossy {
		p.c.m.after(min(max(interval/3, 2*time.Millisecond), 100*time.Millisecond), func() {
			if !p.closed && c.m.carrier == c && max(c.m.n.paused, c.m.stopped) <= c.w.now {
				p.sendGram(frame)
			}
		})
	}
}

func (p *pair) sendGram(b []byte) {
	if p.to != nil {
		p.c.w.launch(&segment{gram: true, to: p.to, source: p.c.m.n.id, data: b}, p.link)
	}
}

// datagram deals with one.
func (p *pair) datagram(b []byte) {
	in := inward{now: p.c.mono()}
	for len(b) > 0 && !p.closed {
		f, rest, err := wire.Next(b)
		if err != nil || p.gramFrame(&in, &f) != nil {
			return
		}
		b = rest
	}
	p.gramHeard = in.now
}

func (p *pair) gramFrame(in *inward, f *wire.Frame) error {
	switch f.Type {
	case wire.TypeHello:
		var h wire.Hello
		if err := h.Parse(f); err != nil {
			return err
		}
		if h.Min > p.c.m.speaks || h.Max < p.c.m.speaks {
			return errDenied
		}
		p.seen.Sample(in.now, wire.Epoch(h.Node), h.Clock)
		p.can = h.Can
		if !p.gramUp {
			p.gramUp, p.gramHeard = true, in.now
			p.tellLink()
		}
		return nil
	case wire.TypePing:
		var ping wire.Ping
		if err := ping.Parse(f); err != nil {
			return err
		}
		p.sendGram((&wire.Pong{Token: ping.Token, Clock: wire.Micros(int64(in.now))}).Append(nil))
		return nil
	case wire.TypeBye:
		if p.gramUp {
			p.gramUp = false
			p.tellLink()
		}
		return nil
	}
	return p.frame(in, f, nil)
}

// event is what a message of the carrier means to the engine, as in package node; nil for nothing.
func (m *carriage) event(msg *local.Msg) vrrp.Event {
	port := vrrp.PortID{Transport: msg.Kind, IPv6: msg.IPv6, ID: msg.ID}
	switch msg.Type {
	case local.Received:
		m.rx = vrrp.Received{Port: port, Src: msg.Src, Dst: msg.Dst, Origin: msg.Origin, TTL: -1, Payload: msg.Payload}
		return &m.rx
	case local.Died:
		return &vrrp.PeerDied{Port: port, Src: msg.Src, Dst: msg.Dst}
	case local.Told:
		return &vrrp.PeerReport{
			Port: port, Src: msg.Src, Dst: msg.Dst, Origin: msg.Origin, VRID: msg.VRID, State: vrrp.State(msg.State), Priority: msg.Priority, Hears: msg.Hears,
		}
	case local.Handed:
		return &vrrp.PeerHand{Port: port, Src: msg.Src, Dst: msg.Dst, VRID: msg.VRID, Hand: vrrp.Hand(msg.State)}
	case local.Link:
		key := transport.PeerKey{Kind: msg.Kind, Local: msg.Dst, Addr: msg.Src}
		if up, known := m.shown[key]; known && up == msg.Up {
			return nil
		}
		m.shown[key] = msg.Up
		return &vrrp.PeerLink{Port: port, Src: msg.Src, Dst: msg.Dst, Up: msg.Up}
	}
	return nil
}
