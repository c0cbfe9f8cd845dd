package carrier

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"holdfast.dev/link/poll"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/wire"
)

// two starts two carriers that know each other.
func two(t *testing.T, kind transport.Kind) (a, b *node) {
	t.Helper()
	a, b, ca, cb := twoWith(t, kind, func(*transport.Peer) {})
	ok(t, a.configure(ca))
	ok(t, b.configure(cb))
	return a, b
}

// twoWith starts two carriers and makes their configurations, to be changed.
func twoWith(t *testing.T, kind transport.Kind, change func(p *transport.Peer)) (a, b *node, ca, cb *transport.Config) {
	t.Helper()
	x, y, port := addrs(t)
	a, b = newNode(t, x, port), newNode(t, y, port)
	ca, cb = config(kind, x, y, port), config(kind, y, x, port)
	change(&ca.Peers[0])
	change(&cb.Peers[0])
	if kind == transport.TLS {
		a.auth = newAuthority(t)
		ca.Identities, cb.Identities = []transport.Identity{a.auth.identity(x.String())}, []transport.Identity{a.auth.identity(y.String())}
	}
	return a, b, ca, cb
}

var carried = []transport.Kind{transport.UDP, transport.TCP, transport.TLS}

// TestThereAndBack: adverts and reports reach the other side as they were, from whom they are configured to be.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	for _, kind := range carried {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			a, b := two(t, kind)
			eventually(t, "both are connected", func() bool { return a.up() && b.up() })
			a.send(kind, b.addr, 51, 7, 100)
			eventually(t, "an advert has come", func() bool { return b.got(51, 7) == 1 })
			m := local.Msg{Type: local.Report, Kind: kind, Src: b.addr, Dst: a.addr, VRID: 51, State: 1, Priority: 90, Hears: true}
			_, err := b.vrrp.Write(local.Append(nil, &m))
			ok(t, err)
			eventually(t, "a report has come", func() bool {
				a.mu.Lock()
				defer a.mu.Unlock()
				for _, m := range a.heard {
					if m.Type == local.Told && m.VRID == 51 && m.State == 1 && m.Priority == 90 && m.Hears && m.Src == b.addr {
						return true
					}
				}
				return false
			})
			m = local.Msg{Type: local.Hand, Kind: kind, Src: b.addr, Dst: a.addr, VRID: 52, State: 2}
			_, err = b.vrrp.Write(local.Append(nil, &m))
			ok(t, err)
			eventually(t, "a word in a hand-over has come", func() bool { return a.handed(52, 2, b.addr) })
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, m := range b.heard {
				if m.Type == local.Received && (m.Src != a.addr || m.Dst != b.addr || m.Origin != a.addr || m.Kind != kind) {
					t.Errorf("%+v", m)
				}
			}
		})
	}
}

// TestOldWordsAreNoNews: what the vrrp role said long ago, and the carrier reads only now because it stood still, is not passed on.
func TestOldWordsAreNoNews(t *testing.T) {
	t.Parallel()
	for _, kind := range carried {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			a, b := two(t, kind)
			eventually(t, "both are connected", func() bool { return a.up() && b.up() })
			for vrid := byte(1); vrid <= 100; vrid++ {
				m := local.Msg{Type: local.Send, Kind: kind, Src: a.addr, Dst: b.addr, Payload: advert(vrid, 7, 100), Since: int64(poll.Mono().Add(-time.Second))}
				_, err := a.vrrp.Write(local.Append(nil, &m))
				ok(t, err)
			}
			a.send(kind, b.addr, 101, 7, 100)
			eventually(t, "an advert has come", func() bool { return b.got(101, 7) == 1 })
			for vrid := byte(1); vrid <= 100; vrid++ {
				if b.got(vrid, 7) != 0 {
					t.Fatalf("an advert of VRID %d came that was said an interval before", vrid)
				}
			}
		})
	}
}

// TestOneConnection: both sides dial at once, and one connection remains.
func TestOneConnection(t *testing.T) {
	t.Parallel()
	a, b := two(t, transport.TCP)
	eventually(t, "both are connected", func() bool { return a.up() && b.up() })
	eventually(t, "the counters say so", func() bool { return a.lastLink().Count.Connects >= 1 && b.lastLink().Count.Connects >= 1 })
}

// handed reports whether a word in a hand-over has come.
func (n *node) handed(vrid, step uint8, from netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.heard, func(m local.Msg) bool {
		return m.Type == local.Handed && m.VRID == vrid && m.State == step && m.Src == from && m.Origin == from
	})
}

// TestOtherRelease: who does not know of hand-overs is not bothered with them.
func TestOtherRelease(t *testing.T) {
	t.Parallel()
	a, b := two(t, transport.TCP)
	eventually(t, "both are connected", func() bool { return a.up() && b.up() })
	b.carrier.mu.Lock()
	p := b.carrier.all[0]
	b.carrier.mu.Unlock()
	p.mu.Lock()
	p.Can = wire.CanReport
	p.mu.Unlock()
	m := local.Msg{Type: local.Hand, Kind: transport.TCP, Src: b.addr, Dst: a.addr, VRID: 52, State: 1}
	_, err := b.vrrp.Write(local.Append(nil, &m))
	ok(t, err)
	b.send(transport.TCP, a.addr, 51, 7, 100)
	eventually(t, "what was sent after it has come", func() bool { return a.got(51, 7) == 1 })
	if a.handed(52, 1, b.addr) {
		t.Error("it was told of a hand-over")
	}
}
