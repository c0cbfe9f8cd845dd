package sim

import (
	"errors"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
	"holdfast.dev/transport/pairing"
	"holdfast.dev/transport/wire"
)

// carrying: what is carried comes to the engine in order and young enough to mean something, a daemon is called dead only when it is, one that
// stopped politely is not, and what is kept for a peer is bounded at every instant.
type carrying struct {
	w    *World
	said map[saidKey]clock.Instant // when the election thread said an advert
}

// saidKey names an advert on its way to one peer.
type saidKey struct {
	epoch    uint32
	from, to int
	link     uint8
	sent     uint64
}

// truth is what the checker knows of a pair.
type truth struct {
	node     transport.NodeID // the life that it was connected with last
	bye      bool             // which has said that it stops
	answered clock.Instant    // a dial was, or something was heard
	newest   map[[2]byte]clock.Instant
	epoch    uint32
	begun    clock.Instant // the first of it was heard
	ways     [64]way       // of what was judged lately
	waysN    int
}

// way is how long something was under way.
type way struct {
	at   clock.Instant
	took time.Duration
}

const (
	atOnce = 20 * time.Millisecond // in which a process may not have looked
	lately = 30 * time.Second

	maxRouters = 64 // that a node of a world ever has had, under all its VRIDs
)

func (c *carrying) sent(p *pair, s *wire.Stamp, at clock.Instant) {
	if p.to == nil {
		return
	}
	if c.said == nil {
		c.said = map[saidKey]clock.Instant{}
	}
	c.said[saidKey{s.Epoch, p.c.m.n.id, p.to.n.id, p.link, s.Sent}] = at
}

// when finds out when an advert was said.
func (c *carrying) when(p *pair, s *wire.Stamp) (clock.Instant, bool) {
	at, ok := c.said[saidKey{s.Epoch, p.to.n.id, p.c.m.n.id, p.link, s.Sent}]
	return at, ok
}

// judged notes how long an advert was under way.
func (c *carrying) judged(p *pair, a *wire.Advert, v transport.Verdict) {
	at, ok := c.when(p, &a.Stamp)
	if !ok {
		c.w.fail("carrying", "%s: an advert from %s that nobody has sent", p.c.m.n.name, p.Peer.Addr)
		return
	}
	if t := &p.truth; v != transport.Former {
		if a.Epoch != t.epoch {
			t.epoch, t.begun, t.waysN = a.Epoch, c.w.now, 0
		}
		t.ways[t.waysN%len(t.ways)] = way{c.w.now, c.w.now.Sub(at)}
		t.waysN++
	}
}

// least is the shortest time under way that is remembered and not too long ago.
func (t *truth) least(now clock.Instant) time.Duration {
	least := time.Duration(1 << 62)
	for i := range min(t.waysN, len(t.ways)) {
		if x := &t.ways[i]; now.Sub(x.at) <= lately {
			least = min(least, x.took)
		}
	}
	return least
}

// taken holds that an advert that is given to the engine is the newest of its router, and not too old.
func (c *carrying) taken(p *pair, a *wire.Advert, claim *wire.Claim, life time.Duration) {
	at, _ := c.when(p, &a.Stamp)
	t := &p.truth
	t.answered = c.w.now
	key := [2]byte{a.Packet[1]}
	if a.IPv6 {
		key[1] = 1
	}
	if t.newest == nil {
		t.newest = map[[2]byte]clock.Instant{}
	}
	if last := t.newest[key]; at < last {
		c.w.fail("carrying", "%s: an advert of %s (VRID %d, priority %d) counts that is %v older than the one before", p.c.m.n.name, p.Peer.Addr, claim.VRID, claim.Priority, last.Sub(at))
	}
	t.newest[key] = at
	if p.c.m.slept(2*lately) || p.to.slept(2*lately) {
		return // its clock has stood still
	}
	if m := p.c.m; m.cameTo > at && t.begun >= m.cameTo {
		return // the process stood still while it came, and knows nothing of the clock of this life of the peer
	}
	if took := c.w.now.Sub(at); took > life+t.least(c.w.now)+c.error() {
		c.w.fail("carrying", "%s: an advert of %s (VRID %d, priority %d) counts after %v, though it may be %v old, and others took %v lately",
			p.c.m.n.name, p.Peer.Addr, claim.VRID, claim.Priority, took, life, t.least(c.w.now))
	}
}

// error is by how much clocks may be wrong about a time.
func (c *carrying) error() time.Duration {
	if c.w.Plan.Shape.Kind == Drift {
		return 4 * lately * worstRate / million
	}
	return 2 * time.Microsecond
}

// met notes whom a pair is connected with.
func (c *carrying) met(p *pair, id transport.NodeID) {
	p.truth.node, p.truth.bye, p.truth.answered = id, false, c.w.now
}

func (c *carrying) answered(p *pair) { p.truth.answered = c.w.now }

// parted notes a goodbye.
func (c *carrying) parted(p *pair, err error) {
	var bye pairing.Parted
	p.truth.bye = p.truth.bye || errors.As(err, &bye) && wire.Reason(bye) == wire.ByeStop
}

// died holds that a peer's daemon is dead: that it is, or that nothing has come back from its machine for an interval.
func (c *carrying) died(p *pair) {
	name, t := p.c.m.n.name, &p.truth
	switch {
	case p.to == nil, p.to.rejected != 0 && c.w.now.Sub(p.to.rejected) < p.Peer.Interval: // somebody lies, or is left out of this world
	case t.bye:
		c.w.fail("carrying", "%s: the daemon of %s is called dead, though it said that it stops", name, p.Peer.Addr)
	case !p.to.lives || p.to.id != t.node, p.to.shutPort(p): // a reload may take its port away; it says so, which may be lost
	case slices.ContainsFunc(p.Conns, func(l *line) bool {
		return l.stage == knocking && l.sock.at == open && c.w.now.Sub(l.sock.since) > atOnce
	}):
		c.w.fail("carrying", "%s: the daemon of %s is called dead, though it lives and its port has answered, which nobody has looked at", name, p.Peer.Addr)
	case c.w.now.Sub(t.answered) < p.Peer.Interval-2*p.Peer.Interval*worstRate/million: // its clock may be fast
		c.w.fail("carrying", "%s: the daemon of %s is called dead, though it lives and was heard %v ago", name, p.Peer.Addr, c.w.now.Sub(t.answered))
	case !c.w.apart(p, max(p.Peer.Interval, c.w.now.Sub(t.answered))): // what was lost since it was heard explains the silence
		c.w.fail("carrying", "%s: the daemon of %s is called dead, though it lives and can be reached", name, p.Peer.Addr)
	}
}

// shutPort reports whether the daemon does not listen for the peer, or did not a moment ago: by another configuration.
func (m *carriage) shutPort(p *pair) bool {
	return !m.listens(p.link, uint8(p.Peer.Kind)) || m.opened != 0 && m.w.now.Sub(m.opened) < max(p.Peer.Interval, time.Second)
}

// apart reports whether anything may have kept a packet from a peer, or its answer, for some of the time that has just passed.
func (w *World) apart(p *pair, since time.Duration) bool {
	return p.to.n.asleep > w.now || max(p.to.spoilt, p.c.m.spoilt) >= w.now.Add(-since)
}

// stepped holds that what is kept for a peer is bounded.
func (c *carrying) stepped(p *pair) {
	conns, dials, queued := p.Session.Held()
	mostConns, mostDials := transport.Most()
	if n := len(p.Conns); n > mostConns+mostDials || conns > mostConns || dials > mostDials {
		c.w.fail("carrying", "%s: %d connections and dials for %s, of which the session knows %d and %d", p.c.m.n.name, n, p.Peer.Addr, conns, dials)
	}
	if most := 3 * len(p.c.m.n.watches); queued > most && p.c.m.n.alive && p.c.m.n.config != nil && p.c.w.calm && p.c.w.now > p.c.w.calmAt.Add(lately) {
		c.w.fail("carrying", "%s: %d frames wait for %s, of %d routers", p.c.m.n.name, queued, p.Peer.Addr, most/3)
	}
	if queued > 3*maxRouters {
		c.w.fail("carrying", "%s: %d frames wait for %s", p.c.m.n.name, queued, p.Peer.Addr)
	}
}

// connected holds that everybody has a connection to everybody, by the machines' own reckoning.
func (c *carrying) connected(late string) {
	for _, n := range c.w.real {
		m := n.carriage
		if m.carrier == nil {
			continue
		}
		for _, p := range m.carrier.pairs {
			if p.to == nil || !p.Peer.Kind.Connected() || !p.to.listens(p.link, uint8(p.Peer.Kind)) {
				continue
			}
			if st := p.Session.Status(); !st.Up {
				c.w.fail("carrying", "%s: no connection with %s (%v), %s", n.name, p.Peer.Addr, st.Why, late)
			}
		}
	}
}

// healed forgets what can't arrive any more.
func (c *carrying) healed() {
	for k, at := range c.said {
		if c.w.now.Sub(at) > 4*lately {
			delete(c.said, k)
		}
	}
}
