package sim

import (
	"net/netip"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
	"holdfast.dev/transport/pairing"
	"holdfast.dev/transport/wire"
)

// bearer is the process of that role: for each peer the real Pair of package transport/pairing, on the kernel of tcp.go.
type bearer struct {
	m      *carriage
	w      *World
	pairs  []*pair
	guests []*line // accepted, and not introduced
	loose  []*line // of no session any more, until their last word is said
	tellAt clock.Instant

	scratch []*line
}

// tellEvery is how often the election thread hears of each connection (package transport/carrier).
const tellEvery = time.Second

// line is one connection as the process has it.
type line struct {
	pairing.Conn
	sock     *sock
	pair     *pair // nil for a guest
	stage    stage
	deadline clock.Instant // of the introduction, or of the last word; 0 for none
	buf      []byte
	signal   bool // there may be something to write
}

// stage is how far a line is.
type stage uint8

const (
	knocking stage = iota
	shaking        // hands, by TLS
	greeting
	upright
)

// The messages of a handshake, as far as it matters here: three that have to come one after the other.
const (
	clientHello    = 'C'
	serverFinished = 'S'
	clientFinished = 'F'
)

// mono is the machine's clock.
func (c *bearer) mono() clock.Instant { return c.m.n.clocks.now(c.w.now).Mono }

// configure begins, changes and ends what a configuration does.
func (c *bearer) configure(t *transport.Config) {
	before := c.pairs
	c.pairs = nil
	for i := range t.Peers {
		peer := t.Peers[i]
		at := slices.IndexFunc(before, func(p *pair) bool { return p.Peer.PeerKey == peer.PeerKey })
		if at < 0 {
			c.pairs = append(c.pairs, newPair(c, peer))
			continue
		}
		p := before[at]
		before = slices.Delete(slices.Clone(before), at, at+1)
		p.Reconfigure(c.mono(), peer)
		c.pairs = append(c.pairs, p)
		p.Step(c.mono(), transport.Wake{})
	}
	reason := wire.ByeChanged
	if len(t.Peers) == 0 {
		reason = wire.ByeStop
	}
	for _, p := range before {
		p.Close(reason)
	}
}

// meet greets an election thread that is new.
func (c *bearer) meet() {
	for _, p := range c.pairs {
		p.tellLink()
	}
}

// leave says goodbye to everybody.
func (c *bearer) leave() {
	c.hear()
	for _, p := range c.pairs {
		p.Close(wire.ByeStop)
	}
	for _, l := range c.guests {
		l.sock.abort()
	}
	c.guests = nil
}

// run does everything that there is to do.
func (c *bearer) run() {
	c.hear()
	c.admit()
	early := c.w.net.chance(50) // it is a matter of luck which thread runs first
	if early {
		c.wake()
	}
	for _, p := range c.pairs {
		c.lookAll(p.Conns)
	}
	c.lookAll(c.guests)
	c.lookAll(c.loose)
	c.datagrams()
	if !early {
		c.wake()
	}
	if c.w.now >= c.tellAt {
		c.tellAt = c.w.now.Add(tellEvery)
		c.meet()
	}
	c.write()
	c.arm()
}

// lookAll sees what has become of connections.
func (c *bearer) lookAll(list []*line) {
	if len(list) == 0 {
		return
	}
	now := c.mono()
	c.scratch = append(c.scratch[:0], list...)
	for _, l := range c.scratch {
		if l.sock.news || l.deadline != 0 && l.deadline <= now {
			c.look(l)
		}
	}
}

// wake lets all sessions know that time has passed.
func (c *bearer) wake() {
	for _, p := range c.pairs {
		p.wake()
	}
}

// hear takes what the election thread has said.
func (c *bearer) hear() {
	for i := range c.m.said {
		s := &c.m.said[i]
		for _, p := range c.pairs {
			if p.Peer.Kind == s.Kind && p.Peer.Addr == s.Dst && (p.Peer.Local == s.Src || !p.Peer.Local.IsValid()) {
				p.send(s)
			}
		}
	}
	clear(c.m.said)
	c.m.said = c.m.said[:0]
}

// admit takes the connections that the kernel has accepted.
func (c *bearer) admit() {
	waiting := c.m.waiting
	c.m.waiting = nil
	for _, s := range waiting {
		l := &line{sock: s, deadline: c.mono().Add(pairing.HelloWithin), stage: greeting}
		if c.callers(l) == nil || c.pending(s) >= pairing.MaxPerAddress {
			s.abort()
			continue
		}
		if transport.Kind(s.kind) == transport.TLS {
			l.stage = shaking
		} else {
			c.greet(l)
		}
		c.guests = append(c.guests, l)
	}
}

// pending counts the connections of the same address that are not introduced.
func (c *bearer) pending(s *sock) (n int) {
	for _, l := range c.guests {
		if l.sock.other().m == s.other().m {
			n++
		}
	}
	return n
}

// callers finds the peer that has dialled: by its address, or whatever that is by its certificate.
func (c *bearer) callers(l *line) *pair {
	from := hostAddr(linkName(l.sock.link), false, l.sock.other().m.n.id)
	for _, p := range c.pairs {
		_, link := addressed(p.Peer.Local)
		if p.Peer.Kind == transport.Kind(l.sock.kind) && p.Peer.Addr == from && link == l.sock.link && (p.Peer.Kind == transport.TLS || !l.sock.disguised && !l.sock.ends[0].m.hidden()) {
			return p
		}
	}
	return nil
}

func linkName(link uint8) string { return [...]string{"eth0", "eth1"}[link] }

// greet introduces us.
func (c *bearer) greet(l *line) {
	ours := c.hello()
	b := ours.Append(nil)
	if l.pair != nil {
		b = append(b, l.pair.Early(c.mono())...)
	}
	l.sock.write(b)
}

func (c *bearer) hello() wire.Hello {
	return wire.Hello{
		Min: c.m.speaks, Max: c.m.speaks, Can: wire.CanReport | wire.CanFastFail | wire.CanHand, Node: c.m.id,
		Clock: wire.Micros(int64(c.mono())), Release: "sim",
	}
}

// write writes what there is, on every connection that takes it.
func (c *bearer) write() {
	for again := true; again; {
		again = false
		for _, p := range c.pairs {
			for i := 0; i < len(p.Conns); i++ { // saying something may end another one: then this one's turn comes again
				again = c.utter(p.Conns[i]) || again
			}
		}
		for _, l := range c.loose {
			again = c.utter(l) || again
		}
	}
}

// utter writes on one connection, if nothing that was written waits there, and reports whether it did.
func (c *bearer) utter(l *line) bool {
	if !l.signal || l.stage != upright || l.sock.at != open || l.sock.shut || len(l.sock.unsent) > 0 {
		return false
	}
	b, last := l.pair.Collect(c.mono(), l, nil)
	if len(b) == 0 {
		l.signal = false
		return false
	}
	l.sock.write(b)
	if last {
		l.sock.finish()
		return true
	}
	l.pair.Step(c.mono(), transport.Wrote{ID: l.ID})
	return true
}

// arm works out when the process runs next.
func (c *bearer) arm() {
	at := c.tellAt
	mono := clock.Instant(0)
	for _, p := range c.pairs {
		mono = clock.Min(mono, p.due())
	}
	for _, list := range [...][]*line{c.guests, c.loose} {
		for _, l := range list {
			mono = clock.Min(mono, l.deadline)
		}
	}
	if mono != 0 {
		at = min(at, max(c.m.n.clocks.world(mono), c.w.now))
	}
	c.m.runAt(at.Add(c.m.n.late()))
}

// datagrams takes those that have come.
func (c *bearer) datagrams() {
	for i := range c.m.grams {
		g := &c.m.grams[i]
		for _, p := range c.pairs {
			if p.Peer.Kind == transport.UDP && p.Peer.Addr == g.from && p.Peer.Local == g.to {
				_ = p.ReadDatagram(c.mono(), g.data)
			}
		}
	}
	c.m.grams = c.m.grams[:0]
}

// sourceAddr is the address that a datagram of the machine comes from.
func (m *carriage) sourceAddr(link uint8) netip.Addr {
	if m.disguised {
		return hostAddr(linkName(link), false, 100+m.n.id)
	}
	return hostAddr(linkName(link), false, m.n.id)
}
