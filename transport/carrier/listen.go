package carrier

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"holdfast.dev/transport"
	"holdfast.dev/transport/pairing"
	"holdfast.dev/transport/wire"
)

// gate holds strangers back: who is let in takes memory and, with TLS, work.
type gate struct {
	mu        sync.Mutex
	pending   map[netip.Addr]int
	all       int
	strangers int
	of        [2]bucket // of strangers, of peers' addresses
}

func newGate() *gate {
	return &gate{
		pending: map[netip.Addr]int{},
		of:      [2]bucket{newBucket(strangersAtOnce, strangersPerSec), newBucket(peersAtOnce, peersPerSec)},
	}
}

// enter lets a connection in until leave. Peers' addresses have room of their own.
func (g *gate) enter(from netip.Addr, peer bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	which := 0
	if peer {
		which = 1
	}
	if g.all >= maxPending || g.pending[from] >= pairing.MaxPerAddress || !peer && g.strangers >= maxStrangers || !g.of[which].take(time.Now(), 1) {
		return false
	}
	g.pending[from]++
	g.all++
	if !peer {
		g.strangers++
	}
	return true
}

func (g *gate) leave(from netip.Addr, peer bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if !peer {
		g.strangers--
	}
	if g.pending[from]--; g.pending[from] == 0 {
		delete(g.pending, from)
	}
}

// listener is one socket that the supervisor has opened.
type listener struct {
	at   transport.Listen
	tcp  *net.TCPListener
	udp  *net.UDPConn
	used bool // by the configuration in force
}

func newListener(at transport.Listen, f *os.File) (*listener, error) {
	l := &listener{at: at}
	if at.TCP {
		n, err := net.FileListener(f)
		if err != nil {
			return nil, err
		}
		tcp, ok := n.(*net.TCPListener)
		if !ok {
			_ = n.Close()
			return nil, errors.New("not a TCP socket")
		}
		l.tcp = tcp
		return l, nil
	}
	n, err := net.FilePacketConn(f)
	if err != nil {
		return nil, err
	}
	udp, ok := n.(*net.UDPConn)
	if !ok {
		_ = n.Close()
		return nil, errors.New("not a UDP socket")
	}
	l.udp = udp
	return l, nil
}

func (l *listener) close() {
	if l.tcp != nil {
		_ = l.tcp.Close()
	}
	if l.udp != nil {
		_ = l.udp.Close()
	}
}

// accept lets connections in until the socket is closed.
func (c *carrier) accept(l *listener) {
	for {
		n, err := l.tcp.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			c.tell.complain("accept", "port %d: %v", l.at.Port, err)
			time.Sleep(50 * time.Millisecond) // out of descriptors: others will close some
			continue
		}
		from, to := addrOf(n.RemoteAddr()), addrOf(n.LocalAddr())
		callers := c.index.Load().callers(l.at.Port, from, to)
		if !callers.any() || !c.gate.enter(from, callers.known) {
			c.refused(from, callers)
			abort(n)
			c.slow()
			continue
		}
		c.work.Go(func() { c.serve(n, from, callers) })
	}
}

// refused counts and tells of a connection that was not let in.
func (c *carrier) refused(from netip.Addr, cs callers) {
	if cs.any() {
		c.tell.complain("flood", "connections that have not introduced themselves come too fast; one of %v was closed", from)
		return
	}
	c.tell.complain("stranger", "%v has connected and is not a peer", from)
}

// slow makes a flood of connections that are refused wait in the kernel now and then.
func (c *carrier) slow() {
	if !c.refusals.take() {
		time.Sleep(5 * time.Millisecond)
	}
}

// slowly is a limit that all accepting goroutines share.
type slowly struct {
	mu sync.Mutex
	of bucket
}

func (s *slowly) take() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of.take(time.Now(), 1)
}

// serve finds out who has dialled us.
func (c *carrier) serve(tcp *net.TCPConn, from netip.Addr, cs callers) {
	defer tcp.Close()
	left := false
	leave := func() {
		if !left {
			left = true
			c.gate.leave(from, cs.known)
		}
	}
	defer leave()
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { tune(int(fd)) })
	_ = tcp.SetDeadline(time.Now().Add(pairing.HelloWithin))
	p, n, shown, err := c.identify(tcp, cs)
	if err != nil {
		c.denied(from, err)
		return
	}
	r := newReader(n, raw, wire.MaxFrame)
	h, err := c.greet(n, r, nil)
	if err != nil {
		c.denied(from, err)
		return
	}
	conn := p.accepted()
	conn.proof = shown
	if !conn.attach(n, tcp) {
		return
	}
	leave()
	w, err := conn.run(r, &h)
	p.ended(conn, w, err)
	conn.over()
}

// denied tells of somebody who was let in and turned out to be nobody.
func (c *carrier) denied(from netip.Addr, err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errors.New("did not introduce itself in time")
	}
	if w := why(err); errors.As(err, new(pairing.Parted)) || w == transport.Reset || w == transport.EndOfStream || w == transport.Dropped {
		return // it has changed its mind, which happens while both sides dial
	}
	c.tell.complain("denied "+from.String(), "connection from %v was refused: %v", from, err)
}

// accepted gives a connection that was accepted a place in its pair.
func (p *pair) accepted() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	conn := newConn(p)
	p.Accepted(conn)
	return conn
}

// identify finds the peer. With TLS that is who proves to be one, wherever he comes from.
func (c *carrier) identify(tcp *net.TCPConn, cs callers) (p *pair, out net.Conn, shown *identity, err error) {
	var n net.Conn = tcp
	if len(cs.tls) > 0 && len(cs.tcp) > 0 {
		var first [1]byte
		if _, err := tcp.Read(first[:]); err != nil {
			return nil, nil, nil, err
		}
		n = &begun{TCPConn: tcp, first: first[:]}
		if first[0] != handshake {
			cs.tls = nil
		}
	}
	if len(cs.tls) == 0 {
		if len(cs.tcp) == 0 {
			return nil, nil, nil, pairing.Denied("not a peer's address")
		}
		return cs.tcp[0], n, nil, nil
	}
	shown = cs.tls[0].identityNow()
	t := tls.Server(n, shown.server())
	if err := t.Handshake(); err != nil {
		_, err = handshakeFailed(err)
		return nil, nil, nil, err
	}
	p, err = choose(cs, t.ConnectionState().PeerCertificates)
	if err != nil {
		_, _ = t.Write((&wire.Bye{Reason: wire.ByeUnknown}).Append(nil))
		_ = t.CloseWrite()
		return nil, nil, nil, err
	}
	return p, t, shown, nil
}

// choose finds the peer that certificates prove. Where they are good for several, it is the one whose address it is.
func choose(cs callers, certs []*x509.Certificate) (*pair, error) {
	var found []*pair
	var last error = pairing.Denied("nobody")
	for _, p := range cs.tls {
		p.mu.Lock()
		id, peer := p.identity, p.Peer
		p.mu.Unlock()
		if err := id.proves(&peer, certs); err != nil {
			last = err
			continue
		}
		found = append(found, p)
	}
	if i := slices.IndexFunc(found, func(p *pair) bool { return p.key.Addr == cs.from }); i >= 0 {
		return found[i], nil
	}
	switch len(found) {
	case 0:
		return nil, last
	case 1:
		return found[0], nil
	}
	return nil, pairing.Denied("its certificate is good for several peers, and its address is none of theirs")
}

func (p *pair) identityNow() *identity {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.identity
}

// handshake is the first octet of TLS; of ours it is the high octet of a length, and less.
const handshake = 0x16

// begun is a connection of which the first octet was read.
type begun struct {
	*net.TCPConn
	first []byte
}

// Read gives back what was read before.
func (b *begun) Read(p []byte) (int, error) {
	if len(b.first) > 0 && len(p) > 0 {
		n := copy(p, b.first)
		b.first = b.first[n:]
		return n, nil
	}
	return b.TCPConn.Read(p)
}

var _ syscall.Conn = (*begun)(nil)
