package sim

import (
	"encoding/binary"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// timers: a BACKUP takes over when the RFC says, counted from the adverts that were delivered to it: never earlier, and where nothing has
// disturbed the node not later either. A MASTER advertises once in every interval, no more and no less. The checker counts in its
// own arithmetic.
type timers struct{ w *World }

// slack is what a round may be late on a machine that nothing is wrong with.
func (c *timers) slack() time.Duration { return c.w.Plan.Shape.Lateness + time.Microsecond }

// calm reports whether nothing has disturbed the node since then.
func (n *Node) calm(since clock.Instant) bool {
	return n.starve == 0 && n.halved == 0 && n.trouble < since
}

// hear notes an advert that is about to be delivered.
func (c *timers) hear(n *Node, now clock.Now, p *packet) {
	msg := message(p.ah, p.payload)
	if len(msg) < wire.HeaderLen {
		return
	}
	for _, x := range n.watches {
		s := x.spec
		if s == nil || s.VRID != msg[1] || s.IPv6 != p.dst.Is6() || s.Transport != p.kind || linkOf(s.Link) != p.link && !p.kind.Carried() {
			continue
		}
		if p.kind.Carried() && (s.Source != p.dst || !slices.ContainsFunc(s.Peers, func(q vrrp.Peer) bool { return q.Addr == p.src })) {
			continue
		}
		if s.Unicast() == p.dst.IsMulticast() {
			if s.HMAC != nil {
				x.tainted = now.Mono // it is refused, and what was signed before it is too
			}
			continue
		}
		hearing := x.state == vrrp.Backup || x.state == vrrp.Master
		if s.HMAC != nil && (!hearing || !x.believes(now, p)) || s.HMAC == nil && sealed(s, msg) {
			continue // whoever sent it: nothing comes of it
		}
		if s.Port().AH != p.ah || p.ah && (!hearing || !x.believesHeader(p)) {
			continue
		}
		if p.forged {
			x.tainted = now.Mono // who knows what it is
			continue
		}
		h, ok := understood(s, msg)
		if !ok || !hearing {
			continue
		}
		h.at = now.Mono
		x.heard[x.heardN%len(x.heard)] = h
		x.heardN++
	}
}

// understood reads an advert if a router that is configured so would.
func understood(s *vrrp.Spec, p []byte) (heard, bool) {
	h := heard{priority: p[2]}
	if p[0] != s.Version<<4|1 {
		return h, false
	}
	if s.Version == wire.V3 {
		h.interval = int64(binary.BigEndian.Uint16(p[4:])&0xfff) * int64(10*time.Millisecond)
		return h, true
	}
	h.interval = int64(p[5]) * int64(time.Second)
	if p[4] != s.AuthType || h.interval != int64(s.Interval) {
		return h, false
	}
	return h, s.AuthType != wire.AuthPass || string(p[len(p)-wire.AuthLen:]) == string(s.Password[:])
}

// reloaded notes that timers may have been moved by something else than adverts.
func (c *timers) reloaded(n *Node) {
	for _, x := range n.watches {
		x.tainted = n.clocks.now(c.w.now).Mono
	}
}

// skewTime and downTime are those of RFC 9568 section 6.1 and RFC 3768 section 6.1.
func skewTime(s *vrrp.Spec, priority uint8, interval time.Duration) time.Duration {
	if s.Version == wire.V2 {
		interval = time.Second
	}
	return interval * time.Duration(256-int(priority)) / 256
}

func downTime(s *vrrp.Spec, priority uint8, interval time.Duration) time.Duration {
	return time.Duration(s.DownAdverts)*interval + skewTime(s, priority, interval)
}

// moved looks at a take-over.
func (c *timers) moved(n *Node, x *watch, t *vrrp.Transition) {
	if t.From != vrrp.Backup || t.To != vrrp.Master || x.spec == nil || x.spec.Owner() {
		return
	}
	switch t.Cause.Why {
	case vrrp.WhyTimeout, vrrp.WhyReleased, vrrp.WhyPreempts:
	default:
		return
	}
	due, armed, known := c.expected(n, x)
	if !known || x.tainted >= armed {
		return
	}
	now := n.clocks.now(c.w.now).Mono
	if now < due {
		c.w.fail("timers", "%s: %s takes over %v too early (%s)", n.name, x.name, due.Sub(now), t.Cause.Why)
	}
	if len(n.groups_) == 0 && n.calm(armed.Add(-2*x.spec.Interval)) && now > due.Add(c.slack()) {
		c.w.fail("timers", "%s: %s takes over %v too late (%s)", n.name, x.name, now.Sub(due), t.Cause.Why)
	}
}

// firstConnection is what who begins allows for a connection, where that is longer than his down time.
const firstConnection = time.Second

// expected works out when a BACKUP must take over, and since when that has been so. It is not known where rules of holdfast's own have
// a say.
func (c *timers) expected(n *Node, x *watch) (due, armed clock.Instant, known bool) {
	s, priority := x.spec, n.priority(x)
	interval := s.Interval
	armed = x.since
	learnt := x.since // when the interval was learnt
	wait := downTime(s, priority, interval)
	switch x.why {
	case vrrp.WhyAddress, vrrp.WhyReload, vrrp.WhyGroup:
		return 0, 0, false
	case vrrp.WhyStart, vrrp.WhyRecovered:
		if s.Transport.Carried() {
			wait = max(wait, firstConnection)
		}
	}
	if x.heardN > len(x.heard) && x.heard[x.heardN%len(x.heard)].at >= x.since {
		armed = 0 // all that is remembered has to say it
	}
	for i := max(0, x.heardN-len(x.heard)); i < x.heardN; i++ {
		h := &x.heard[i%len(x.heard)]
		switch {
		case h.at < x.since:
		case h.priority == wire.PriorityRelease:
			armed, wait = h.at, skewTime(s, priority, interval)
		case h.priority >= priority || s.NoPreempt:
			armed = h.at
			if learnt = h.at; s.Version == wire.V3 {
				interval = time.Duration(h.interval)
			}
			wait = downTime(s, priority, interval)
		case s.PreemptDelay > 0:
			return 0, 0, false
		}
	}
	if armed == 0 || s.Version == wire.V3 && x.tainted >= learnt {
		return 0, 0, false
	}
	return max(armed, n.since.Mono.Add(n.delay)).Add(wait), armed, true
}

// priority is the effective one of a router.
func (n *Node) priority(x *watch) uint8 {
	var st vrrp.Status
	for _, r := range n.driver.Engine.Routers() {
		if r.Owner() == x.owner {
			r.Status(&st)
		}
	}
	return st.Priority
}

// sent looks at the time between two adverts.
func (c *timers) sent(n *Node, x *watch, now clock.Instant) {
	last, regular := x.sent, x.regular
	x.sent, x.sentBoot = now, n.clocks.now(c.w.now).Boot
	switch n.handling.(type) {
	case *vrrp.AdvertsDue, *vrrp.Wakeup:
		x.regular = now
	}
	if last == now { // another copy of it, for another peer
		x.regular = max(x.regular, regular)
		return
	}
	if x.state != vrrp.Master || x.spec == nil || last < x.since || last <= x.tainted || !n.calm(last) {
		return
	}
	if gap := now.Sub(last); gap > x.spec.Interval+c.slack() {
		c.w.fail("timers", "%s: %s advertises after %v", n.name, x.name, gap)
	}
	if gap := now.Sub(regular); x.regular == now && regular >= x.since && regular > x.tainted && n.calm(regular) && gap+c.slack() < x.spec.Interval {
		c.w.fail("timers", "%s: %s advertises again after %v", n.name, x.name, gap)
	}
}

// rounded sees to it that no MASTER is silent: one that slept, by whatever clock, speaks in its first round or is MASTER no more.
func (c *timers) rounded(n *Node, now clock.Now) {
	for _, x := range n.watches {
		if x.state != vrrp.Master || x.spec == nil || x.spec.DontTrackPrimary { // that one may have nothing to send from
			continue
		}
		if silent := now.Boot.Sub(x.sentBoot); silent > 3*x.spec.Interval && n.halved == 0 {
			c.w.fail("timers", "%s: %s is MASTER though it was silent for %v, and has not said so", n.name, x.name, silent)
		}
		if silent := now.Mono.Sub(x.sent); silent > x.spec.Interval+c.slack() && x.tainted < x.sent && n.calm(x.sent) {
			c.w.fail("timers", "%s: %s is MASTER and has been silent for %v", n.name, x.name, silent)
		}
	}
}
