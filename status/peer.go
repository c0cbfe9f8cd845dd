package status

import (
	"net/netip"
	"sync/atomic"
	"time"
	"unsafe"

	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
)

// Peer is the connection to a peer whose adverts are carried by UDP, TCP or TLS.
type Peer struct {
	Kind   transport.Kind
	Addr   netip.Addr // as configured
	Local  netip.Addr // of ours; the zero Addr while unknown
	Up     bool
	Since  int64         // CLOCK_MONOTONIC in nanoseconds when Up last changed
	RTT    time.Duration // 0 for unknown
	Counts local.Counts
	Text   string // why not up, or what the peer can't
}

// peer is the same in memory.
type peer struct {
	seq       atomic.Uint64
	since     int64
	rtt       int64
	counts    local.Counts
	addr      [16]byte
	local     [16]byte
	used, up  bool
	transport uint8
	text      [112]byte
}

const peerSize = 256

var _ [peerSize - unsafe.Sizeof(peer{})]byte

func (p *Page) peer(i int) *peer {
	return (*peer)(unsafe.Pointer(&p.mem[peersAt+i*peerSize]))
}

// PutPeer shows a connection at place i, 0 to Peers-1; nil empties the place, out of range does nothing.
func (p *Page) PutPeer(i int, c *Peer) {
	if i < 0 || i >= Peers {
		return
	}
	e := p.peer(i)
	v := (e.seq.Load() + 1) | 1
	e.seq.Store(v)
	e.used = c != nil
	if c != nil {
		e.since, e.rtt, e.counts, e.up, e.transport = c.Since, int64(c.RTT), c.Counts, c.Up, uint8(c.Kind)
		putAddr(&e.addr, c.Addr)
		putAddr(&e.local, c.Local)
		put(e.text[:], c.Text)
	}
	e.seq.Store(v + 1)
	if h := p.header(); c != nil && h.peers.Load() <= uint64(i) {
		h.peers.Store(uint64(i) + 1)
	}
}

// TopPeer is the number of places that may show a connection.
func (p *Page) TopPeer() int { return int(min(p.header().peers.Load(), Peers)) }

// Peer reads place i and reports whether a connection is shown there.
func (p *Page) Peer(i int) (c Peer, ok bool) {
	if i < 0 || i >= Peers {
		return c, false
	}
	e := p.peer(i)
	for range 1000 {
		before := e.seq.Load()
		if before%2 != 0 {
			continue
		}
		c = Peer{
			Kind: transport.Kind(e.transport), Addr: getAddr(e.addr), Local: getAddr(e.local), Up: e.up, Since: e.since, RTT: time.Duration(e.rtt),
			Counts: e.counts, Text: get(e.text[:]),
		}
		ok = e.used
		if e.seq.Load() == before {
			return c, ok
		}
	}
	return Peer{}, false
}
