package carrier

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"holdfast.dev/link/poll"
	"holdfast.dev/transport"
	"holdfast.dev/transport/pairing"
	"holdfast.dev/transport/wire"
)

// Dial begins a connection in a goroutine of its own. The mutex is held.
func (p *pair) Dial() *conn {
	c := newConn(p)
	peer, identity := p.Peer, p.identity
	p.c.work.Go(func() {
		w, err := c.dialOut(&peer, identity)
		c.pair.ended(c, w, err)
		c.over()
	})
	return c
}

// dialOut connects, introduces us and serves the connection until its end.
func (c *conn) dialOut(peer *transport.Peer, identity *identity) (transport.Why, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*pairing.HelloWithin)
	defer cancel()
	go func() {
		select {
		case <-c.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	n, err := connect(ctx, peer)
	if err != nil {
		return why(err), err
	}
	tcp := n.(*net.TCPConn)
	defer tcp.Close()
	if !c.attach(tcp, tcp) {
		return transport.Dropped, nil
	}
	c.reached()
	_ = tcp.SetDeadline(time.Now().Add(pairing.HelloWithin))
	if peer.Kind == transport.TLS {
		t := tls.Client(tcp, identity.client(peer))
		if err := t.HandshakeContext(ctx); err != nil {
			return handshakeFailed(err)
		}
		n = t
		if !c.attach(t, tcp) {
			return transport.Dropped, nil
		}
	}
	r := newReader(n, c.raw, wire.MaxFrame)
	h, err := c.pair.c.greet(n, r, c.early())
	if err != nil {
		return why(err), err
	}
	return c.run(r, &h)
}

// connect makes the TCP connection.
func connect(ctx context.Context, peer *transport.Peer) (net.Conn, error) {
	d := net.Dialer{
		KeepAlive: -1, FallbackDelay: -1,
		Control: func(_, _ string, raw syscall.RawConn) error {
			return raw.Control(func(fd uintptr) { tune(int(fd)) })
		},
	}
	d.SetMultipathTCP(false)
	if peer.Local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(zoned(peer.Local, peer.Zone), 0))
	}
	return d.DialContext(ctx, "tcp", netip.AddrPortFrom(zoned(peer.Addr, peer.Zone), peer.Port).String())
}

func zoned(a netip.Addr, zone string) netip.Addr {
	if a.Is6() && a.IsLinkLocalUnicast() {
		return a.WithZone(zone)
	}
	return a
}

// handshakeFailed tells a peer that is not believed from one that is gone.
func handshakeFailed(err error) (transport.Why, error) {
	var alert *net.OpError // crypto/tls tells of the other side's alerts in one
	switch w := why(err); {
	case w != transport.Unreachable:
		return w, err
	case errors.As(err, &alert) && alert.Timeout(), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return transport.Unreachable, err
	}
	return transport.Denied, pairing.Denied(handshakeText(err))
}

// handshakeText says who does not accept whom: an alert of the other side is about what we have shown.
func handshakeText(err error) string {
	var alert *net.OpError
	if errors.As(err, &alert) && alert.Op == "remote error" && strings.Contains(alert.Err.Error(), "certificate") {
		return "it does not accept our certificate, its log says why (" + strings.TrimPrefix(alert.Err.Error(), "tls: ") + ")"
	}
	return "TLS: " + err.Error()
}

// reached lets the session know that the port has answered.
func (c *conn) reached() {
	c.pair.mu.Lock()
	defer c.pair.mu.Unlock()
	c.pair.Reached(poll.Mono(), c)
}

func (c *conn) early() []byte {
	c.pair.mu.Lock()
	defer c.pair.mu.Unlock()
	return c.pair.Early(poll.Mono())
}

// greet exchanges HELLOs. More is sent behind ours. The socket's deadline is its limit, and is taken off afterwards.
func (c *carrier) greet(n net.Conn, r *reader, more []byte) (h wire.Hello, err error) {
	ours := c.hello()
	if _, err := n.Write(append(ours.Append(nil), more...)); err != nil {
		return h, err
	}
	if h, err = r.hello(); err != nil {
		return h, err
	}
	if last, err := pairing.Meet(&ours, &h); err != nil {
		if len(last) > 0 {
			_, _ = n.Write(last)
		}
		return h, err
	}
	return h, n.SetDeadline(time.Time{})
}

// hello introduces us.
func (c *carrier) hello() wire.Hello {
	return wire.Hello{
		Min: wire.Version, Max: wire.Version, Can: wire.CanReport | wire.CanFastFail | wire.CanHand, Node: c.node,
		Clock: wire.Micros(int64(poll.Mono())), Release: c.release,
	}
}
