package carrier

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/link/poll"
	"holdfast.dev/transport"
)

// Datagram sends frames. A socket without room loses them, as a network would. The mutex is held.
func (p *pair) Datagram(b []byte) error {
	if p.from == nil {
		return nil
	}
	to := netip.AddrPortFrom(zoned(p.key.Addr, p.Peer.Zone), p.key.Port)
	if err := p.write(b, source(p.from.at, p.key.Local), to); !errors.Is(err, unix.EAGAIN) {
		return err
	}
	return nil
}

// write sends a datagram. While the peer answers, the kernel is told so: else it would ask for the hardware address again and again, and after a time in
// which nothing came through only every second.
func (p *pair) write(b, oob []byte, to netip.AddrPort) error {
	udp := p.from.udp
	if to.Addr().Zone() != "" || !p.Status().Up {
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

// Again sends a datagram some time later.
func (p *pair) Again(after time.Duration, b []byte) {
	time.AfterFunc(after, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.Repeat(b)
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
	now, out := poll.Mono(), p.c.local.begin()
	defer out.flush()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.batch = out
	err := p.ReadDatagram(now, b)
	p.batch = nil
	if err != nil {
		p.c.tell.complain("garbage "+p.key.Addr.String(), "udp peer %v: %v", p.key.Addr, err)
	}
}
