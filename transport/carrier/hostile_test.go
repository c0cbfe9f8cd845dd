package carrier

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/transport"
	"holdfast.dev/transport/wire"
)

func (n *node) at() string { return netip.AddrPortFrom(n.addr, n.port).String() }

// knock dials a node from an address. Who is closed at once may be told so by the dial already: that is an end like any other.
func knock(t *testing.T, from netip.Addr, n *node) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: patience}
	c, err := d.Dial("tcp", n.at())
	if errors.Is(err, unix.ECONNRESET) {
		mine, other := net.Pipe()
		_ = other.Close()
		return mine
	}
	ok(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// ends waits until the other side has ended the connection.
func ends(t *testing.T, c net.Conn) (said []byte) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	said, err := io.ReadAll(c)
	if ne, is := err.(net.Error); is && ne.Timeout() {
		t.Fatal("the connection is still open")
	}
	return said
}

// TestStrangers: whoever is not a peer, or not what it says, reaches nothing, is closed and told of in a line; peers are served meanwhile.
func TestStrangers(t *testing.T) {
	t.Parallel()
	a, b := two(t, transport.TCP)
	eventually(t, "both are connected", func() bool { return a.up() && b.up() })
	stranger := b.addr.Next()
	hello := (&wire.Hello{Min: 1, Max: 1, Node: transport.NodeID{9}}).Append(nil)
	evil := (&wire.Advert{Stamp: wire.Stamp{Epoch: 0x09000000, Sent: 1}, Packet: advert(51, 66, 100)}).Append(nil)
	c := knock(t, stranger, a)
	_, _ = c.Write(append(hello, evil...))
	ends(t, c)
	for name, bytes := range map[string][]byte{
		"garbage":       []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		"oversized":     {0xff, 0xff, 1, 0},
		"no HELLO":      evil,
		"wrong version": (&wire.Hello{Min: 9, Max: 9, Node: transport.NodeID{9}, Release: "9.9"}).Append(nil),
		"wrong magic":   append([]byte{0, 20, 1, 0}, make([]byte, 18)...),
	} {
		c := knock(t, b.addr, a) // from the peer's address
		_, _ = c.Write(bytes)
		ends(t, c)
		if a.got(51, 66) != 0 {
			t.Errorf("%s: an advert came through", name)
		}
	}
	c = knock(t, b.addr, a)
	_, _ = c.Write(append((&wire.Hello{Min: 1, Max: 1, Node: b.id}).Append(nil), 0xff, 0xff)) // after its HELLO
	ends(t, c)
	b.send(transport.TCP, a.addr, 51, 1, 100)
	eventually(t, "the peer is heard", func() bool { return a.got(51, 1) == 1 })
	text := strings.Join(a.log(), "\n")
	for _, want := range []string{stranger.String() + " has connected and is not a peer", "connection from " + b.addr.String() + " was refused"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no line with %q in\n%s", want, text)
		}
	}
	if n := len(a.log()); n > 20 {
		t.Errorf("%d lines", n)
	}
}

// TestSlowLoris: who says nothing, or too slowly, is closed, and takes no room from peers.
func TestSlowLoris(t *testing.T) {
	t.Parallel()
	a, b, ca, cb := twoWith(t, transport.TLS, func(*transport.Peer) {})
	ok(t, a.configure(ca))
	var slow []net.Conn
	refused := 0
	from := b.addr
	for i := range 300 {
		if i%10 == 0 {
			from = from.Next()
		}
		c := knock(t, from, a)
		_, _ = c.Write([]byte{handshake, 3})
		slow = append(slow, c)
	}
	ok(t, b.configure(cb))
	eventually(t, "the peer is connected all the same", func() bool { return a.up() && b.up() })
	for _, c := range slow {
		ends(t, c)
		refused++
	}
	if refused != len(slow) {
		t.Errorf("%d of %d", refused, len(slow))
	}
}

// TestFlood: thousands of connections leave nothing behind, and the peer is served.
func TestFlood(t *testing.T) {
	t.Parallel()
	a, b := two(t, transport.TCP)
	eventually(t, "both are connected", func() bool { return a.up() && b.up() })
	before := runtime.NumGoroutine()
	for i := range 2000 {
		from := b.addr
		if i%2 == 0 {
			from = b.addr.Next()
		}
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: patience}
		if c, err := d.Dial("tcp", a.at()); err == nil {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}
		if i%100 == 0 {
			b.send(transport.TCP, a.addr, byte(1+i/100), 1, 100)
		}
	}
	eventually(t, "the peer was heard", func() bool {
		for i := byte(1); i <= 20; i++ {
			if a.got(i, 1) != 1 {
				return false
			}
		}
		return true
	})
	eventually(t, "nothing is left of it", func() bool { return runtime.NumGoroutine() < before+200 })
	if n := len(a.log()); n > 20 {
		t.Errorf("%d lines", n)
	}
}

// TestWrongCertificates: neither side believes what does not prove who it is.
func TestWrongCertificates(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(a, b *node, cb *transport.Config){
		"another name":      func(a, b *node, cb *transport.Config) { cb.Identities[0] = a.auth.identity("somebody.else") },
		"another authority": func(a, b *node, cb *transport.Config) { cb.Identities[0] = newAuthority(a.t).identity(b.addr.String()) },
		"plain TCP":         func(_, _ *node, cb *transport.Config) { cb.Peers[0].Kind = transport.TCP },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, ca, cb := twoWith(t, transport.TLS, func(*transport.Peer) {})
			spoil(a, b, cb)
			ok(t, a.configure(ca))
			ok(t, b.configure(cb))
			b.send(cb.Peers[0].Kind, a.addr, 51, 66, 100)
			eventually(t, "it is told of", func() bool {
				return strings.Contains(strings.Join(a.log(), "\n"), "refused") || strings.Contains(strings.Join(a.log(), "\n"), "peer "+b.addr.String())
			})
			for range 20 {
				b.send(cb.Peers[0].Kind, a.addr, 51, 66, 100)
				time.Sleep(10 * time.Millisecond)
			}
			if a.up() || a.got(51, 66) != 0 {
				t.Error("it was believed")
			}
		})
	}
}

// TestNoCertificate: without one there is no HELLO.
func TestNoCertificate(t *testing.T) {
	t.Parallel()
	a, b, ca, _ := twoWith(t, transport.TLS, func(*transport.Peer) {})
	ok(t, a.configure(ca))
	c := tls.Client(knock(t, b.addr, a), &tls.Config{InsecureSkipVerify: true})
	if said := ends(t, c); len(said) > 0 {
		t.Errorf("%x", said)
	}
	old := tls.Client(knock(t, b.addr, a), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	if err := old.Handshake(); err == nil {
		t.Error("TLS 1.2 was spoken")
	}
}

// TestPin: a pinned key needs no authority, no name and no date, wherever it comes from.
func TestPin(t *testing.T) {
	t.Parallel()
	a, b, ca, cb := twoWith(t, transport.TLS, func(*transport.Peer) {})
	for _, x := range []struct{ mine, others *transport.Config }{{ca, cb}, {cb, ca}} {
		block, _ := pem.Decode(x.others.Identities[0].Certificate)
		cert, err := x509.ParseCertificate(block.Bytes)
		ok(t, err)
		x.mine.Peers[0].Pin = sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		x.mine.Peers[0].Name = "nobody"
	}
	ca.Identities[0].CA, cb.Identities[0].CA = nil, nil
	ok(t, a.configure(ca))
	ok(t, b.configure(cb))
	eventually(t, "both are connected", func() bool { return a.up() && b.up() })
}

// TestBehindTranslation: with TLS a peer is who it proves to be, though it comes from another address.
func TestBehindTranslation(t *testing.T) {
	t.Parallel()
	a, b, ca, cb := twoWith(t, transport.TLS, func(*transport.Peer) {})
	other := b.addr.Next()
	ca.Peers[0].Addr = other // where a believes b to be: nobody is there
	ok(t, a.configure(ca))
	ok(t, b.configure(cb))
	eventually(t, "both are connected", func() bool { return a.up() && b.up() })
	b.send(transport.TLS, a.addr, 51, 1, 100)
	eventually(t, "its advert comes from the configured address", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, m := range a.heard {
			if m.Src == other && m.Origin == b.addr {
				return true
			}
		}
		return false
	})
}

// TestSelf: a peer that is the daemon itself is an error, and no echo.
func TestSelf(t *testing.T) {
	t.Parallel()
	x, _, port := addrs(t)
	for _, kind := range []transport.Kind{transport.TCP, transport.UDP} {
		n := newNode(t, x, port)
		ok(t, n.configure(config(kind, x, x, port)))
		eventually(t, "it is told of", func() bool { return strings.Contains(strings.Join(n.log(), "\n"), "this daemon's own") })
		if n.up() {
			t.Error("it is connected with itself")
		}
		n.stop()
		n.closeSockets()
	}
}
