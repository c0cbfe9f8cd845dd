package carrier

import (
	"bytes"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"holdfast.dev/transport"
)

// kill ends everything of a daemon at once, as kill -9 of all its processes does: connections end without a word, and nobody listens.
func (n *node) kill() {
	n.t.Helper()
	n.crash()
	n.closeSockets()
}

// crash ends the carrier's process alone: the supervisor keeps its sockets.
func (n *node) crash() {
	n.t.Helper()
	n.carrier.die()
	wait(n.t, n.ended)
	_ = n.ctl.Close()
	_ = n.vrrp.Close()
	n.ctl = nil
}

// TestDeath: with fast_fail the death of a whole daemon is told, and that of its carrier is not.
func TestDeath(t *testing.T) {
	t.Parallel()
	for _, kind := range []transport.Kind{transport.TCP, transport.TLS} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			a, b, ca, cb := twoWith(t, kind, func(p *transport.Peer) { p.FastFail, p.Interval = true, time.Second })
			ok(t, a.configure(ca))
			ok(t, b.configure(cb))
			eventually(t, "both are connected", func() bool { return a.up() && b.up() })
			b.crash()
			b.start()
			ok(t, b.configure(cb))
			eventually(t, "it is connected again", func() bool { return a.up() && b.up() })
			if n := a.deaths(); n != 0 {
				t.Errorf("%d deaths were told of when the carrier was started again", n)
			}
			b.kill()
			eventually(t, "the death is told", func() bool { return a.deaths() > 0 })
		})
	}
}

// TestOrphan: a carrier whose supervisor is gone says goodbye for a vrrp role that has, and lets peers find out for one that died without a word.
func TestOrphan(t *testing.T) {
	t.Parallel()
	for _, said := range []byte{0, 100} {
		t.Run(map[byte]string{0: "goodbye", 100: "nothing"}[said], func(t *testing.T) {
			t.Parallel()
			a, b, ca, cb := twoWith(t, transport.TCP, func(p *transport.Peer) { p.FastFail, p.Interval = true, time.Second })
			ok(t, a.configure(ca))
			ok(t, b.configure(cb))
			eventually(t, "both are connected", func() bool { return a.up() && b.up() })
			b.send(transport.TCP, a.addr, 51, 100, 4095)
			b.send(transport.TCP, a.addr, 51, said, 4095)
			eventually(t, "the advert was heard", func() bool { return a.got(51, said) > 0 })
			b.closeSockets()
			_ = b.vrrp.Close()
			_ = b.ctl.Close()
			wait(t, b.ended)
			b.ctl = nil
			eventually(t, "the connection is gone", func() bool { return !a.up() })
			if said != 0 {
				eventually(t, "the death is told", func() bool { return a.deaths() == 1 })
			} else if l := a.lastLink(); !strings.Contains(l.Text, "stops") && !strings.Contains(l.Text, "refused") {
				t.Errorf("%+v", l)
			}
		})
	}
}

// TestPoliteStop: who says goodbye has not died.
func TestPoliteStop(t *testing.T) {
	t.Parallel()
	a, b, ca, cb := twoWith(t, transport.TCP, func(p *transport.Peer) { p.FastFail = true })
	ok(t, a.configure(ca))
	ok(t, b.configure(cb))
	eventually(t, "both are connected", func() bool { return a.up() && b.up() })
	b.send(transport.TCP, a.addr, 51, 0, 100) // the last word of a MASTER
	eventually(t, "it was heard", func() bool { return a.got(51, 0) == 1 })
	b.stop()
	b.closeSockets()
	eventually(t, "the connection is gone", func() bool { return !a.up() })
	if l := a.lastLink(); l.Text == "" {
		t.Errorf("%+v", l)
	}
	// Refused dials follow, and are no death either.
	time.Sleep(200 * time.Millisecond)
	if n := a.deaths(); n != 0 {
		t.Errorf("%d deaths", n)
	}
}

// TestFlushedAtStop: what was given to the carrier before Stop arrives.
func TestFlushedAtStop(t *testing.T) {
	t.Parallel()
	for _, kind := range carried {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			a, b := two(t, kind)
			eventually(t, "both are connected", func() bool { return a.up() && b.up() })
			for vrid := byte(1); vrid <= 200; vrid++ {
				b.send(kind, a.addr, vrid, 0, 100)
			}
			// The supervisor stops the vrrp role first: its socket has ended, and been read to its end, before Stop comes.
			_ = b.vrrp.Close()
			b.stop()
			eventually(t, "all have come", func() bool {
				for vrid := byte(1); vrid <= 200; vrid++ {
					if a.got(vrid, 0) == 0 {
						return false
					}
				}
				return true
			})
		})
	}
}

// TestRestartedPeer: a daemon that was killed and comes back is connected again, with the same port.
func TestRestartedPeer(t *testing.T) {
	t.Parallel()
	a, b, ca, cb := twoWith(t, transport.TLS, func(*transport.Peer) {})
	ok(t, a.configure(ca))
	ok(t, b.configure(cb))
	for i := byte(1); i <= 3; i++ {
		eventually(t, "both are connected", func() bool { return a.up() && b.up() })
		a.send(transport.TLS, b.addr, 51, i, 100)
		eventually(t, "an advert comes", func() bool { return b.got(51, i) == 1 })
		b.kill()
		eventually(t, "the end is noticed", func() bool { return !a.up() })
		b.id[0]++
		b.start()
		ok(t, b.configure(cb))
	}
	eventually(t, "both are connected", func() bool { return a.up() && b.up() })
}

// TestNewSocket: a vrrp role that was started again gets a new socket, and the connection stays.
func TestNewSocket(t *testing.T) {
	t.Parallel()
	a, b := two(t, transport.TCP)
	eventually(t, "both are connected", func() bool { return a.up() && b.up() })
	_ = b.vrrp.Close()
	b.meet()
	a.send(transport.TCP, b.addr, 51, 1, 100)
	eventually(t, "an advert comes", func() bool {
		return b.got(51, 1) > 0 || func() bool { a.send(transport.TCP, b.addr, 51, 1, 100); return false }()
	})
	if c := a.lastLink().Count.Connects; c > 2 { // both may have dialled
		t.Errorf("%d connections", c)
	}
}

// TestNewCertificates: a configuration with new certificates does not break the connection; one that asks for somebody else does.
func TestNewCertificates(t *testing.T) {
	t.Parallel()
	a, b, ca, cb := twoWith(t, transport.TLS, func(*transport.Peer) {})
	ok(t, a.configure(ca))
	ok(t, b.configure(cb))
	eventually(t, "both are connected", func() bool { return a.up() && b.up() })
	time.Sleep(1500 * time.Millisecond) // until what both sides dialling has left is closed
	since := a.lastLink().Since
	ca.Identities[0] = a.auth.identity(a.addr.String())
	cb.Identities[0] = a.auth.identity(b.addr.String())
	ok(t, a.configure(ca))
	ok(t, b.configure(cb))
	for i := byte(1); i < 20; i++ {
		a.send(transport.TLS, b.addr, 51, i, 100)
		eventually(t, "an advert comes", func() bool { return b.got(51, i) == 1 })
	}
	for _, x := range []struct {
		by *node
		of transport.Identity
	}{{a, cb.Identities[0]}, {b, ca.Identities[0]}} {
		eventually(t, "only the new certificates are in use", func() bool { return x.by.shown(x.of) })
	}
	if l := a.lastLink(); l.Since != since || !l.Up {
		t.Errorf("the connection was broken: %+v", l)
	}
	ca.Peers[0].Name = "somebody.else"
	ok(t, a.configure(ca))
	eventually(t, "the connection is gone", func() bool { return !a.up() })
	if l := a.lastLink(); !strings.Contains(l.Text, "somebody.else") {
		t.Errorf("%q", l.Text)
	}
	b.send(transport.TLS, a.addr, 51, 77, 100)
	time.Sleep(100 * time.Millisecond)
	if a.got(51, 77) != 0 {
		t.Error("an advert of somebody else was heard")
	}
}

// TestUnchanged: the same configuration again changes nothing.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	a, b, ca, cb := twoWith(t, transport.TCP, func(*transport.Peer) {})
	ok(t, a.configure(ca))
	ok(t, b.configure(cb))
	eventually(t, "both are connected", func() bool { return a.up() && b.up() })
	since := a.lastLink().Since
	for range 5 {
		ok(t, a.configure(ca))
	}
	if l := a.lastLink(); l.Since != since {
		t.Errorf("%+v", l)
	}
	ca.Peers = nil
	ok(t, a.configure(ca))
	eventually(t, "the other side hears that it is not a peer any more", func() bool { return !b.up() })
}

func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	x, y, port := addrs(t)
	n := newNode(t, x, port)
	auth := newAuthority(t)
	id := auth.identity(x.String())
	for name, c := range map[string]struct {
		id   transport.Identity
		want string
	}{
		"no key":    {transport.Identity{Certificate: id.Certificate}, "transport_key"},
		"other key": {transport.Identity{Certificate: id.Certificate, Key: auth.identity().Key}, "transport_key"},
		"no CA":     {transport.Identity{Certificate: id.Certificate, Key: id.Key, CA: []byte("x")}, "transport_ca"},
	} {
		err := n.configure(config(transport.TLS, x, y, port, c.id))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ok(t, n.configure(config(transport.TLS, x, y, port, id)))
}

// shown reports whether there are connections, and the peer has shown this certificate on all of them.
func (n *node) shown(id transport.Identity) bool {
	block, _ := pem.Decode(id.Certificate)
	n.carrier.mu.Lock()
	p := n.carrier.all[0]
	n.carrier.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	up := 0
	for _, c := range p.Conns {
		if !c.Up {
			continue
		}
		if up++; len(c.certs) == 0 || !bytes.Equal(c.certs[0].Raw, block.Bytes) {
			return false
		}
	}
	return up > 0
}

// TestDates: certificates that are about to expire are told of, ours and the peer's.
func TestDates(t *testing.T) {
	t.Parallel()
	a, b := two(t, transport.TLS)
	eventually(t, "both are connected", func() bool { return a.up() && b.up() })
	a.carrier.mu.Lock()
	all := a.carrier.all
	a.carrier.mu.Unlock()
	a.carrier.sayDates(all, time.Now()) // they are short, and young
	a.carrier.sayDates(all, time.Now().Add(50*time.Minute))
	eventually(t, "it is said of both", func() bool {
		text := strings.Join(a.log(), "\n")
		return strings.Count(text, "expires on") == 2 && strings.Contains(text, "our transport_certificate expires on") &&
			strings.Contains(text, "the certificate of tls peer "+b.addr.String()+" expires on")
	})
}
