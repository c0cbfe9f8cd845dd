package sim

import (
	"errors"
	"slices"

	"holdfast.dev/node"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/pairing"
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
		w, _ := pairing.Why(err)
		c.over(l, w)
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
		l.pair.Ended(c.mono(), l, why, "")
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
	l.deadline = c.mono().Add(pairing.HelloWithin)
	if transport.Kind(l.sock.kind) == transport.TLS {
		l.stage = shaking
		l.sock.write([]byte{clientHello})
	} else {
		l.stage = greeting
		c.greet(l)
	}
	c.w.checks.carrying.answered(l.pair)
	l.pair.Reached(c.mono(), l)
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
		return pairing.Denied("no TLS")
	}
	return nil
}

// meetPeer waits for the other side's HELLO.
func (c *bearer) meetPeer(l *line) error {
	h, rest, err := pairing.Introduced(l.buf)
	if errors.Is(err, wire.ErrShort) {
		return nil
	}
	if err != nil {
		return err
	}
	ours := c.hello()
	if last, err := pairing.Meet(&ours, &h); err != nil {
		if len(last) > 0 {
			l.sock.write(last)
		}
		return err
	}
	l.buf, l.stage, l.deadline = rest, upright, 0
	if l.pair == nil {
		p := c.callers(l)
		if p == nil {
			return pairing.Denied("nobody") // it was one when it came
		}
		c.guests = without(c.guests, l)
		l.pair = p
		p.Accepted(l)
	}
	c.w.checks.carrying.met(l.pair, h.Node)
	l.pair.Greeted(c.mono(), l, &h, false)
	return nil
}

// take deals with all frames that have come.
func (p *pair) take(l *line) (err error) {
	if l.buf, _, err = p.Read(p.c.mono(), l, l.buf); err != nil {
		p.c.w.checks.carrying.parted(p, err)
	}
	return err
}

// event is what a message of the carrier means to the engine; nil for nothing.
func (m *carriage) event(msg *local.Msg) vrrp.Event {
	if msg.Type == local.Link {
		key := transport.PeerKey{Kind: msg.Kind, Local: msg.Dst, Addr: msg.Src}
		if up, known := m.shown[key]; known && up == msg.Up {
			return nil
		}
		m.shown[key] = msg.Up
	}
	return node.Carried(msg, &m.rx)
}
