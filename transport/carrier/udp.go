package carrier

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
	"holdfast.dev/link/poll"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/wire"
)

// gram is what a peer by UDP has in place of a session.
type gram struct {
	from     *listener // the socket that its datagrams leave by; nil while there is none
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

// status is what can be told of the pair. The mutex is held.
func (p *pair) status() transport.Status {
	if p.key.Kind.Connected() {
		return p.session.Status()
	}
	return transport.Status{Up: p.gram.up, RTT: p.gram.rtt, Connects: p.gram.connects}
}

// tickGram is what is done every second. The mutex is held.
func (p *pair) tickGram() {
	if p.closed {
		return
	}
	now := poll.Mono()
	if p.gram.up && p.gram.asked != 0 {
		p.gram.lossy = now.Add(gramLossy)
	}
	p.gram.asked = now
	p.sendGram((&wire.Ping{Token: uint64(now)}).Append(p.c.hello()))
	if p.gram.up && now.Sub(p.gram.heard) >= gramDeaf {
		p.gram.up, p.trouble = false, "no answer"
		if p.gram.err != "" {
			p.trouble = p.gram.err
		}
		p.changed()
	}
	p.timer.Reset(gramEvery)
}

// sendGram sends frames in a datagram. A socket without room loses it, as a network would. The mutex is held.
func (p *pair) sendGram(b []byte) {
	if p.gram.from == nil {
		return
	}
	to := netip.AddrPortFrom(zoned(p.key.Addr, p.peer.Zone), p.key.Port)
	err := p.gram.write(b, source(p.gram.from.at, p.key.Local), to)
	p.gram.err = ""
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		p.gram.err = err.Error()
		if !p.gram.up {
			p.trouble = p.gram.err
		}
	}
}

// write sends a datagram. While the peer answers, the kernel is told so: else it would ask for the hardware address again and again, and after a time in
// which nothing came through only every second.
func (g *gram) write(b, oob []byte, to netip.AddrPort) error {
	udp := g.from.udp
	if to.Addr().Zone() != "" || !g.up {
		_, _, err := udp.WriteMsgUDPAddrPort(b, oob, to)
		return err
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return err
	}
	var dst unix.Sockaddr = &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
	if to.Addr().Is4() {
		dst = &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	var sent error
	err = raw.Control(func(fd uintptr) {
		_, sent = unix.SendmsgN(int(fd), b, oob, dst, unix.MSG_CONFIRM|unix.MSG_DONTWAIT)
	})
	return errors.Join(err, sent)
}

// sendDatagram sends what was encoded; an advert, which claims an interval, where packets are lost once more. The mutex is held.
func (p *pair) sendDatagram(now clock.Instant, t local.Type, interval time.Duration) {
	p.sendGram(p.outgoing)
	if t != local.Send {
		return
	}
	p.count.Sent++
	if now >= p.gram.lossy {
		return
	}
	again := bytes.Clone(p.outgoing)
	time.AfterFunc(min(max(interval/3, minGramAgain), maxGramAgain), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.closed {
			p.sendGram(again)
		}
	})
}

// source says which address of ours a datagram is to leave from, where the socket has all of them.
func source(at transport.Listen, src netip.Addr) []byte {
	if !src.IsValid() || !at.Addr.IsUnspecified() || src.IsLinkLocalUnicast() {
		return nil
	}
	if src.Is4() {
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: src.As4()})
	}
	return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: src.As16()})
}

// receive hears datagrams until the socket is closed.
func (c *carrier) receive(l *listener) {
	b := make([]byte, 64<<10)
	for {
		n, from, err := l.udp.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP message about something that was sent, which is read once
		}
		addr := from.Addr().Unmap().WithZone("")
		p := c.index.Load().gram(l.at.Port, addr, l.at.Addr)
		if p == nil {
			c.tell.complain("stranger", "%v has sent a datagram and is not a peer", addr)
			continue
		}
		p.datagram(b[:n])
	}
}

// datagram deals with one.
func (p *pair) datagram(b []byte) {
	in := inward{now: poll.Mono(), out: p.c.local.begin()}
	defer in.out.flush()
	p.mu.Lock()
	defer p.mu.Unlock()
	in.mute = p.closed
	for len(b) > 0 {
		f, rest, err := wire.Next(b)
		if err == nil {
			err = p.gramFrame(&in, &f)
		}
		if err != nil {
			p.count.Refused++
			p.c.tell.complain("garbage "+p.key.Addr.String(), "udp peer %v: %v", p.key.Addr, err)
			return
		}
		b = rest
	}
	p.gram.heard = in.now
}

// gramFrame deals with one frame of a datagram.
func (p *pair) gramFrame(in *inward, f *wire.Frame) error {
	switch f.Type {
	case wire.TypeHello:
		var h wire.Hello
		if err := h.Parse(f); err != nil {
			return err
		}
		if !h.Speaks() {
			return &deniedError{"it (" + h.Release + ") speaks no version of the protocol that this release does"}
		}
		if h.Node == p.c.node {
			return &deniedError{"the address is this daemon's own"}
		}
		if wire.Epoch(h.Node) != p.seen.Epoch() {
			p.gram.asked, p.gram.lossy = 0, 0 // it was not loss, but the end of its earlier life
		}
		p.seen.Sample(in.now, wire.Epoch(h.Node), h.Clock)
		p.can = h.Can
		if !p.gram.up && !p.closed {
			p.gram.up, p.gram.heard = true, in.now
			p.gram.connects++
			p.changed()
		}
		return nil
	case wire.TypePing:
		var ping wire.Ping
		if err := ping.Parse(f); err != nil {
			return err
		}
		p.sendGram((&wire.Pong{Token: ping.Token, Clock: wire.Micros(int64(in.now))}).Append(nil))
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
		if p.gram.up && !p.closed {
			p.gram.up, p.trouble = false, parted(f).Error()
			p.changed()
		}
		return nil
	}
	return p.frame(in, f, nil)
}
