package carrier

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"holdfast.dev/link/poll"
	"holdfast.dev/transport"
	"holdfast.dev/transport/pairing"
	"holdfast.dev/transport/wire"
)

// conn is one connection, from the moment that it is dialled, or that a stranger has turned out to be the peer.
type conn struct {
	pairing.Conn // guarded by the pair's mutex

	pair *pair
	wake chan struct{}
	done chan struct{} // closed when nothing is to be done on it any more
	once sync.Once
	// proof is what we have shown to one who dialled us; nil for none. It is not ours any more if a configuration has replaced it meanwhile.
	proof *identity

	// Guarded by the pair's mutex.
	net   net.Conn // what is written to: TLS, or tcp
	tcp   *net.TCPConn
	raw   syscall.RawConn
	certs []*x509.Certificate
}

func newConn(p *pair) *conn {
	return &conn{pair: p, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// Signal makes the writer look for something to write.
func (c *conn) Signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Drop ends the connection at once. The pair's mutex is held, or nobody else knows the connection.
func (c *conn) Drop() {
	c.over()
	if c.tcp != nil {
		abort(c.tcp)
	}
}

// over ends the writer. What was written still arrives.
func (c *conn) over() { c.once.Do(func() { close(c.done) }) }

// Finish has the writer say why and end. The pair's mutex is held.
func (c *conn) Finish() {
	c.Signal()
	tcp := c.tcp
	time.AfterFunc(pairing.FlushWithin, func() { abort(tcp) }) // whatever the other side does
}

// Measure asks the kernel. The pair's mutex is held.
func (c *conn) Measure() (transport.Measured, bool) {
	if c.raw == nil {
		return transport.Measured{}, false
	}
	return measure(c.raw)
}

// Local is our address. The pair's mutex is held.
func (c *conn) Local() netip.Addr {
	if c.net == nil {
		return netip.Addr{}
	}
	return addrOf(c.net.LocalAddr())
}

// attach gives a connection its sockets. It reports false if it is not wanted any more.
func (c *conn) attach(n net.Conn, tcp *net.TCPConn) bool {
	c.pair.mu.Lock()
	defer c.pair.mu.Unlock()
	select {
	case <-c.done:
		return false
	default:
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	c.net, c.tcp, c.raw = n, tcp, raw
	if t, ok := n.(*tls.Conn); ok {
		c.certs = t.ConnectionState().PeerCertificates
	}
	return true
}

// run introduces us, and then reads until the end.
func (c *conn) run(r *reader, h *wire.Hello) (transport.Why, error) {
	if !c.pair.up(c, h) {
		return transport.Dropped, nil
	}
	go c.write()
	return c.read(r)
}

// write puts on the wire whatever there is, as soon as TCP sends it at once: what it would have to queue waits here, where a newer advert
// replaces it.
func (c *conn) write() {
	b := make([]byte, 0, pairing.Batch+wire.MaxFrame)
	for {
		select {
		case <-c.wake:
		case <-c.done:
			return
		}
		for c.patient() {
			var last bool
			if b, last = c.collect(b[:0]); len(b) == 0 {
				break
			}
			if _, err := c.net.Write(b); err != nil {
				return // the reader finds out
			}
			if last {
				c.hangUp()
				return
			}
			c.pair.mu.Lock()
			c.pair.Step(poll.Mono(), transport.Wrote{ID: c.ID})
			c.pair.mu.Unlock()
		}
	}
}

// hangUp ends our half. The other side answers by ending its own, when it has read everything.
func (c *conn) hangUp() {
	if t, ok := c.net.(*tls.Conn); ok {
		_ = t.CloseWrite()
	}
	_ = c.tcp.CloseWrite()
}

// patient waits until the kernel has sent everything. It reports false at the end of the connection.
func (c *conn) patient() bool {
	const least, most = 2 * time.Millisecond, 16 * time.Millisecond
	for wait := least; ; wait = min(2*wait, most) {
		n, err := unsent(c.raw)
		if err != nil {
			return false
		}
		if n == 0 {
			return true
		}
		select {
		case <-time.After(wait):
		case <-c.done:
			return false
		}
	}
}

// collect takes what is to be written.
func (c *conn) collect(b []byte) (out []byte, last bool) {
	now := poll.Mono()
	c.pair.mu.Lock()
	defer c.pair.mu.Unlock()
	return c.pair.Collect(now, c, b)
}
