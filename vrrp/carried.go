package vrrp

import (
	"net/netip"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
	"holdfast.dev/vrrp/wire"
)

// What only routers have whose adverts are carried (Spec.Transport): peers tell each other what they think, and the end of a connection says
// more than silence does. Nothing here holds an election up or off: without any of these events a router does what RFC 9568 says.

// reportEvery is how often a router tells its peers how it is, besides at once when that changes.
const reportEvery = time.Second

// connectTime is how long it may take until there is a connection.
const connectTime = time.Second

// freshReport is how old the last report of a peer may be to count.
const freshReport = 5 * time.Second

// peerView is what a router knows of one of its peers, at the same place as that in Spec.Peers.
type peerView struct {
	addr     netip.Addr
	origin   netip.Addr // the source of its adverts as it has it itself; the zero Addr while unknown
	heard    clock.Instant
	reported clock.Instant // 0 for never
	state    State
	priority uint8
	up       bool // there is a connection, and it answers
	hears    bool // us, as its last report says
	dead     bool // its daemon died, and nothing was heard of it since
	told     bool // that we hear it, in the last report
}

// byCarrier reports whether adverts go through the carrier.
func (r *Router) byCarrier() bool { return r.spec.Transport.Carried() }

// firstTime is how long a router listens that begins. With short intervals a connection, and what TLS takes for it, needs longer than the down time: until
// then there is nothing to be heard, and a take-over would be false.
func (r *Router) firstTime() time.Duration {
	if r.byCarrier() {
		return max(r.downTime(), connectTime)
	}
	return r.downTime()
}

// viewPeers makes room for what is known of the peers of a specification, and keeps what is known of those that stay.
func (r *Router) viewPeers() {
	old := r.views
	if r.views = nil; !r.spec.Transport.Carried() {
		r.reportAt = 0
		return
	}
	r.views = make([]peerView, len(r.spec.Peers))
	for i := range r.views {
		r.views[i].addr = r.spec.Peers[i].Addr
		for k := range old {
			if old[k].addr == r.views[i].addr {
				r.views[i] = old[k]
			}
		}
	}
	r.reportAt = r.engine.now.Mono
}

func (r *Router) view(a netip.Addr) *peerView {
	for i := range r.views {
		if r.views[i].addr == a {
			return &r.views[i]
		}
	}
	return nil
}

// origin is the source of a packet as its sender has it. It decides between equal priorities, so that both sides decide alike where addresses
// are translated on the way.
func (p *Received) origin() netip.Addr {
	if p.Origin.IsValid() {
		return p.Origin
	}
	return p.Src
}

// spokeUp notes an advert of a peer that was taken.
func (r *Router) spokeUp(p *Received) {
	v := r.view(p.Src)
	if v == nil {
		return
	}
	v.heard, v.origin, v.dead = r.engine.now.Mono, p.origin(), false
	r.endDead(v)
	if !v.told {
		r.reportSoon()
	}
}

// peersOf calls f for each router of a transport and family that has the peer and speaks from our address dst, which may be unknown.
func (e *Engine) peersOf(port PortID, src, dst netip.Addr, f func(r *Router, v *peerView)) {
	e.peersAmong(e.index.byPort[port], src, dst, f)
}

// peersAmong does the same for the routers of a list.
func (e *Engine) peersAmong(list []*Router, src, dst netip.Addr, f func(r *Router, v *peerView)) {
	e.mute = false
	if e.stopping {
		return
	}
	for _, r := range list {
		if own := r.spec.Source; own.IsValid() && dst.IsValid() && own != dst {
			continue
		}
		if v := r.view(src); v != nil {
			f(r, v)
		}
	}
}

// peerDied is told that a peer's daemon is dead, which was confirmed by its machine: nobody listens there any more. A BACKUP of it that no living
// peer outranks takes over as soon as everything that waits has been heard; any other one waits as after a goodbye (RFC 9568 section 6.4.2).
func (e *Engine) peerDied(ev *PeerDied) {
	e.peersOf(ev.Port, ev.Src, ev.Dst, func(r *Router, v *peerView) {
		if v.dead {
			return
		}
		v.dead, v.up = true, false
		held := r.state == Backup && r.master == v.addr || v.reported != 0 && v.state == Master
		if held {
			r.suspectLeft(v)
		}
		if r.state != Backup || r.master != v.addr || !r.spec.FastFail || r.lowered {
			return
		}
		wait := time.Duration(0)
		if r.outrankedBy(v) {
			wait = r.skew()
		}
		r.listen(wait)
		r.report(Info, 0, "the daemon of master %s is dead: taking over in %v unless another one is heard", v.addr, r.downAt.Sub(r.engine.now.Mono))
		r.released, r.died, r.handed = true, true, false
		r.arm()
	})
}

// outrankedBy reports whether another living peer than the dead one may come before us: it said so, or it is connected and has said nothing.
func (r *Router) outrankedBy(dead *peerView) bool {
	now := r.engine.now.Mono
	for i := range r.views {
		v := &r.views[i]
		if v == dead || v.dead {
			continue
		}
		if v.reported == 0 || now.Sub(v.reported) > freshReport {
			if v.up {
				return true
			}
			continue
		}
		mine := r.source
		switch other := v.address(); {
		case v.state != Backup && v.state != Master:
		case v.state == Master, v.priority > r.priority, v.priority == r.priority && other.Compare(mine) > 0:
			return true
		}
	}
	return false
}

func (v *peerView) address() netip.Addr {
	if v.origin.IsValid() {
		return v.origin
	}
	return v.addr
}

// peerReport takes in what a peer says of itself, and of us.
func (e *Engine) peerReport(ev *PeerReport) {
	if ev.State > Fault {
		return
	}
	e.peersAmong(e.index.byVRID[portKey{ev.Port, ev.VRID}], ev.Src, ev.Dst, func(r *Router, v *peerView) {
		v.reported, v.state, v.priority, v.hears, v.up = e.now.Mono, ev.State, ev.Priority, ev.Hears, true
		if ev.Origin.IsValid() {
			v.origin = ev.Origin
		}
		if r.state != Master {
			return
		}
		term := e.now.Mono.Sub(r.since.Mono)
		switch {
		case ev.State == Master:
			if s := r.suspect(TwoMasters, v.addr, 0); s != nil {
				r.begin(s, "says that it is MASTER too, with priority %d, ours is %d; it %s us", ev.Priority, r.priority, hearing(ev.Hears))
			}
		case !ev.Hears && ev.State == Backup && term > r.downTime()+2*reportEvery:
			if s := r.suspect(OneWay, v.addr, 0); s != nil {
				r.begin(s, "says that it hears nothing of us, and we %s it", hearing(r.hearsPeer(v)))
			}
		}
	})
}

func hearing(yes bool) string {
	if yes {
		return "hears"
	}
	return "does not hear"
}

// hearsPeer reports whether an advert of the peer came within the down time.
func (r *Router) hearsPeer(v *peerView) bool {
	return v.heard != 0 && r.engine.now.Mono.Sub(v.heard) < r.downTime()
}

// peerLink is told of the connection to a peer. It decides nothing: what is lost is silence.
func (e *Engine) peerLink(ev *PeerLink) {
	e.peersOf(ev.Port, ev.Src, ev.Dst, func(r *Router, v *peerView) {
		if v.up == ev.Up {
			return
		}
		if v.up = ev.Up; !ev.Up {
			v.reported = 0
			return
		}
		v.dead = false
		r.endDead(v)
		r.reportSoon() // it knows nothing of us
	})
}

// quietLeft is how long it is shown that a dead daemon may have left its addresses: until it is back, but not for ever.
const quietLeft = time.Hour

// suspectLeft says what nobody else can: whoever dies without a word leaves its addresses in its kernel, which goes on answering for them.
func (r *Router) suspectLeft(v *peerView) {
	s := r.sighting(PeerDead, v.addr)
	if s == nil || s.begun {
		return
	}
	s.quiet = quietLeft
	s.note(r.engine.now)
	r.begin(s, "has died while it was MASTER and its machine lives: the addresses may still be there")
}

// endDead ends that: its daemon is back, which swept first.
func (r *Router) endDead(v *peerView) {
	if r.seen == nil {
		return
	}
	r.seen.all(func(s *sighting) bool {
		if s.kind != PeerDead || s.From != v.addr {
			return false
		}
		r.end(s, "its daemon is back")
		return true
	})
}

// reportSoon tells the peers what has changed, at the end of this round.
func (r *Router) reportSoon() {
	if r.views != nil && !r.engine.stopping && r.leave == nil {
		r.reportAt = r.engine.now.Mono
		r.arm()
	}
}

// reportDue tells every peer how the router is.
func (r *Router) reportDue() {
	now := r.engine.now.Mono
	r.reportAt = now.Add(reportEvery)
	src := r.source
	if !src.IsValid() {
		src = r.spec.Source
	}
	if !src.IsValid() {
		return
	}
	for i := range r.views {
		v := &r.views[i]
		v.told = r.hearsPeer(v)
		r.note(v, src, NoHand)
	}
}

// note tells one peer how the router is, or a word in a hand-over.
func (r *Router) note(v *peerView, src netip.Addr, h Hand) {
	e := r.engine
	if e.noted == len(e.notes) {
		e.notes = append(e.notes, &Note{})
	}
	n := e.notes[e.noted]
	e.noted++
	*n = Note{Port: r.spec.Port(), Src: src, Dst: v.addr, VRID: r.spec.VRID, State: r.state, Priority: r.priority, Hears: v.told, Hand: h}
	e.do(n)
}

// anyForm is what is taken of carried adverts: what carries them has checksums, or better, and addresses may be translated on the way.
const anyForm = wire.FormPlain | wire.FormPseudo | wire.FormGroup | wire.FormBad

// carriedPort is the port that all routers of a transport and family share who have no ID.
func carriedPort(k transport.Kind, ipv6 bool) PortID { return PortID{Transport: k, IPv6: ipv6} }
