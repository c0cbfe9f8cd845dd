package sim

import (
	"net/netip"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/pairing"
	"holdfast.dev/transport/wire"
)

// pair is the real Pair, and what it acts on here.
type pair struct {
	*pairing.Pair[*line]
	c     *bearer
	link  uint8
	to    *carriage     // nil if no machine of ours has the address
	next  clock.Instant // when the pair wants to be woken; 0 for never
	said  clock.Instant // of the world: when the election thread said what is sent now
	truth truth
}

func newPair(c *bearer, peer transport.Peer) *pair {
	now := c.mono()
	p := &pair{c: c}
	p.to, p.link = c.w.machineAt(peer.Addr)
	p.Pair = pairing.New[*line](now, peer, c.m.id, p)
	p.Watch = p
	if p.next = now; peer.Kind.Connected() {
		p.Wake(now)
	}
	return p
}

// due is when the pair wants to be woken, or one of its lines.
func (p *pair) due() clock.Instant {
	if p.Closed {
		return 0
	}
	at := p.next
	for _, l := range p.Conns {
		at = clock.Min(at, l.deadline)
	}
	return at
}

// wake lets the pair know that time has passed.
func (p *pair) wake() {
	if now := p.c.mono(); p.next != 0 && p.next <= now {
		p.Wake(now)
	}
}

// Hello introduces the machine.
func (p *pair) Hello() wire.Hello { return p.c.hello() }

// Wait asks for wake.
func (p *pair) Wait(until clock.Instant) {
	p.next = until
	p.c.w.checks.carrying.stepped(p)
}

// Dial begins a connection.
func (p *pair) Dial() *line {
	l := &line{pair: p, stage: knocking, deadline: p.c.mono().Add(2 * pairing.HelloWithin)}
	if p.to == nil {
		l.sock = &sock{flow: &flow{}, m: p.c.m, at: dialling} // nobody answers
		return l
	}
	l.sock = p.c.m.dialTo(p.to, p.link, uint8(p.Peer.Kind))
	return l
}

// Changed tells of a connection that is up or gone.
func (p *pair) Changed() {
	if st := p.Status(); st.Up {
		p.log("connected")
	} else {
		p.log("not connected: %v", st.Why)
	}
	p.tellLink()
}

func (p *pair) log(format string, args ...any) {
	if w := p.c.w; w.Log != nil {
		w.Log.line(w, p.c.m.n.name, "link", "%v peer %v: "+format, append([]any{p.Peer.Kind, p.Peer.Addr}, args...)...)
	}
}

// tellLink tells the election thread how the connection is.
func (p *pair) tellLink() {
	m := p.About(local.Link)
	m.Up = p.Status().Up
	p.Tell(&m)
}

// Tell hands a message to the election thread.
func (p *pair) Tell(m *local.Msg) {
	if m.Type == local.Died {
		p.c.w.checks.carrying.died(p)
		p.log("its daemon is dead")
	}
	p.c.m.tell(*m)
}

// Datagram puts one on the wire.
func (p *pair) Datagram(b []byte) error {
	if p.to != nil {
		p.c.w.launch(&segment{gram: true, to: p.to, source: p.c.m.n.id, data: append([]byte(nil), b...)}, p.link)
	}
	return nil
}

// Again sends a datagram some time later.
func (p *pair) Again(after time.Duration, b []byte) {
	m := p.c.m
	m.after(after, func() {
		if m.carrier == p.c && max(m.n.paused, m.stopped) <= p.c.w.now {
			p.Repeat(b)
		}
	})
}

// Stamped notes when an advert was said.
func (p *pair) Stamped(s *wire.Stamp) { p.c.w.checks.carrying.sent(p, s, p.said) }

// Judged checks what an advert is taken for.
func (p *pair) Judged(a *wire.Advert, c *wire.Claim, v transport.Verdict) {
	p.c.w.checks.carrying.judged(p, a, v)
	if v != transport.Fresh || p.Closed {
		return
	}
	life := 2 * c.Interval
	if c.Priority == 0 {
		life = c.Interval
	}
	p.c.w.checks.carrying.taken(p, a, c, life)
}

// send takes what the engine says.
func (p *pair) send(s *saying) {
	p.said = s.at
	if now := p.c.mono(); p.Send(now, &s.Msg) {
		p.Step(now, transport.Queued{})
	}
}

// Signal says that there may be something to write.
func (l *line) Signal() { l.signal = true }

// Drop ends the connection at once.
func (l *line) Drop() { l.sock.abort() }

// Finish lets the last word be said.
func (l *line) Finish() {
	c := l.pair.c
	l.signal, l.deadline = true, c.mono().Add(pairing.FlushWithin)
	c.loose = append(c.loose, l)
}

// Measure is what the machine's kernel knows.
func (l *line) Measure() (transport.Measured, bool) {
	s := l.sock
	return transport.Measured{
		Acked: s.acked, Out: s.next - s.una, Resent: s.resent, RTT: (s.srtt + 2*s.rttvar).Truncate(time.Microsecond),
	}, true
}

// Local is not known to the process.
func (l *line) Local() netip.Addr { return netip.Addr{} }
