package vrrp

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp/wire"
)

// A MASTER that makes way on purpose says so with priority 0 and sends nothing more, but keeps its addresses, and answers for them, until
// somebody else has them: each goes when another station claims it, and all that is left when the handover's time has come. Nothing is
// announced meanwhile. A fault ends it at once. docs/decisions/0007 says why.

const (
	heirGrace  = 50 * time.Millisecond  // from a successor's first advert until all of its announcements must have come
	leaveGrace = 100 * time.Millisecond // beyond the interval within which any backup takes over: its skew time is shorter
	stopMargin = time.Second            // of the time that a stop may take, left to the kernel and to notifications
)

// handover is a sync group, or a router alone, that makes way.
type handover struct {
	members []*Router     // those that still have addresses
	heir    netip.Addr    // the router whose advert was heard first
	began   clock.Instant // priority 0 was sent
	at      clock.Instant // all that is left goes
}

// leavers are all routers that make way, and how they are found.
type leavers struct {
	list   []*Router
	byVRID map[portKey][]*Router
	byAddr map[netip.Addr][]keptAddr
}

// keptAddr is one address that a router that makes way still has, or had.
type keptAddr struct {
	router *Router
	item   int
}

// Leaving reports whether any router makes way and still has addresses. While it is true the claims of other stations must be told
// (Claimed).
func (e *Engine) Leaving() bool { return len(e.leavers.list) > 0 }

// Parting reports whether any router that is no longer configured has something left to do or to tell.
func (e *Engine) Parting() bool { return len(e.owners) > len(e.routers) }

// LeavingPorts lists the sockets that are needed by routers that are no longer configured, so that they hear their successors.
func (e *Engine) LeavingPorts() []Port {
	var c Config
	for _, r := range e.leavers.list {
		if r.removed {
			c.Routers = append(c.Routers, *r.spec)
		}
	}
	return c.Ports()
}

// handOver begins to make way with those of the routers that are MASTER and whose addresses stand. They leave together, at latest at the
// latest; the zero Instant is no limit. The caller then ends their terms, which sends priority 0.
func (e *Engine) handOver(routers []*Router, latest clock.Instant) {
	h := &handover{began: e.now.Mono}
	wait := time.Duration(0)
	for _, r := range routers {
		if r.state == Master && r.keeper.part() {
			h.members = append(h.members, r)
			wait = max(wait, r.spec.Interval)
		}
	}
	h.at = clock.Min(e.now.Mono.Add(wait+leaveGrace), latest)
	if h.at <= e.now.Mono {
		return
	}
	for _, r := range h.members {
		r.leave, r.leaveAt = h, h.at
		e.leavers.add(r)
		r.report(Info, 0, "handing over: the addresses stay until they are taken over, for %v at most", h.at.Sub(h.began))
	}
}

func (l *leavers) add(r *Router) {
	if l.byVRID == nil {
		l.byVRID, l.byAddr = map[portKey][]*Router{}, map[netip.Addr][]keptAddr{}
	}
	l.list = append(l.list, r)
	k := portKey{r.spec.Port(), r.spec.VRID}
	l.byVRID[k] = append(l.byVRID[k], r)
	for i := range r.keeper.items {
		if it := &r.keeper.items[i]; !it.parted && !it.isEntry() {
			a := it.address.Prefix.Addr()
			l.byAddr[a] = append(l.byAddr[a], keptAddr{r, i})
		}
	}
}

func (l *leavers) remove(r *Router) {
	l.list = slices.DeleteFunc(l.list, func(o *Router) bool { return o == r })
	k := portKey{r.spec.Port(), r.spec.VRID}
	l.byVRID[k] = slices.DeleteFunc(l.byVRID[k], func(o *Router) bool { return o == r })
	if len(l.list) == 0 {
		*l = leavers{}
	}
}

// part prepares for making way: what stands is kept, nothing else is wanted. It reports whether anything is kept. An IPv6 address
// whose duplicates are looked for is not: the successor would find one.
func (k *keeper) part() (kept bool) {
	for i := range k.items {
		it := &k.items[i]
		if !it.standing || it.address.Prefix.Addr().Is6() && it.address.Flags&host.FlagNoDAD == 0 {
			it.part()
		}
		kept = kept || !it.parted && !it.isEntry() // routes and rules are of use to the addresses only
	}
	k.refresh()
	return kept
}

func (it *item) part() {
	it.parted, it.standing, it.fresh, it.holdUntil, it.err = true, false, false, 0, ""
}

// empty reports whether every address has been given up.
func (k *keeper) empty() bool {
	for i := range k.items {
		if it := &k.items[i]; !it.parted && !it.isEntry() {
			return false
		}
	}
	return true
}

// letGo gives up what is left, and ends the router's part in the handover.
func (r *Router) letGo() {
	e := r.engine
	r.stay()
	r.keeper.want(false)
	if r.removed || e.stopping {
		r.unpromote()
	}
	e.touch(&r.keeper)
	r.parted()
	r.arm()
	if e.stopping && !e.keep && !e.Leaving() {
		e.dropStatic()
	}
}

// stay takes the router out of its handover, with the addresses that it still has.
func (r *Router) stay() {
	h := r.leave
	r.leave, r.leaveAt = nil, 0
	h.members = slices.DeleteFunc(h.members, func(m *Router) bool { return m == r })
	r.engine.leavers.remove(r)
	r.changed()
}

// parted tells that the router has no addresses any more (rule Y1).
func (r *Router) parted() {
	switch {
	case r.removed:
		r.tellLater(notify.Deleted)
	case r.engine.stopping:
		r.tellLater(notify.Stop)
	}
}

// end gives up what all members still have.
func (h *handover) end(format string, args ...any) {
	for _, r := range slices.Clone(h.members) {
		r.report(Info, 0, format, args...)
		r.letGo()
	}
}

// limit brings the end forward.
func (h *handover) limit(at clock.Instant) {
	if at >= h.at {
		return
	}
	h.at = at
	for _, r := range h.members {
		r.leaveAt = at
		r.arm()
	}
}

// due ends the handover, because its time has come.
func (h *handover) due(now clock.Instant) {
	if h.heir.IsValid() {
		h.end("%s has taken over: the addresses are given up", h.heir)
		return
	}
	h.end("nobody was heard taking over within %v: the addresses are given up", now.Sub(h.began).Round(time.Millisecond))
}

// overhear passes an advert to a router that is in no election any more but makes way. It reports whether there is one.
func (e *Engine) overhear(p *Received, key portKey) bool {
	r := choose(e.leavers.byVRID[key], p)
	if r == nil || r.state == Backup {
		return false
	}
	if adv, ok := r.hear(p); ok {
		r.heardLeaving(p.Src, &adv)
	}
	return true
}

// heardLeaving is all that a router that makes way makes of an advert: somebody has taken over. Priorities do not matter, but that of
// a router that leaves, too.
func (r *Router) heardLeaving(src netip.Addr, adv *wire.Advert) {
	h := r.leave
	if adv.Priority == wire.PriorityRelease || src == r.source || h.heir.IsValid() {
		return
	}
	h.heir = src
	h.limit(r.engine.now.Mono.Add(heirGrace))
	for _, m := range slices.Clone(h.members) {
		if m.spec.isVirtual() { // its claims look like ours, and an answer of ours would take back what the switches have just learnt
			m.report(Info, 0, "%s has taken over: the addresses are given up", src)
			m.letGo()
		}
	}
}

// claimed gives up the addresses that other stations say are theirs.
func (e *Engine) claimed(ev *Claimed) {
	if !e.Leaving() {
		return
	}
	var less []*Router
	for i := range ev.Claims {
		c := &ev.Claims[i]
		for _, kept := range e.leavers.byAddr[c.Addr] {
			r := kept.router
			if r.leave == nil || !e.takes(c, &r.keeper.items[kept.item]) {
				continue
			}
			r.keeper.items[kept.item].part()
			if r.claims++; r.claims == 1 {
				less = append(less, r)
			}
		}
	}
	for _, r := range less {
		r.report(Info, 1, "addresses that others have claimed and that are given up: %d", r.claims)
		r.claims = 0
		r.less()
	}
}

// takes reports whether the claim is another station's, for the address of the item, and on its link. All of our own interfaces are us:
// the kernel may answer on one for an address of another.
func (e *Engine) takes(c *Claim, it *item) bool {
	l := e.link(it.address.Link)
	if it.parted || l == nil || l.Index != c.Index || c.MAC == [6]byte{} || c.MAC[0]&1 != 0 {
		return false
	}
	for _, own := range e.links {
		if own.MAC == c.MAC {
			return false
		}
	}
	return true
}

// less goes on with fewer addresses.
func (r *Router) less() {
	if r.keeper.empty() {
		r.report(Info, 0, "all addresses have been taken over")
		r.letGo()
		return
	}
	r.engine.touch(&r.keeper)
	r.changed()
}

// lostLeaving is for an address that somebody deleted: it is not put back.
func (r *Router) lostLeaving(l *host.Lost) {
	if it := r.keeper.find(l.Key); it != nil && !it.parted {
		it.part()
		r.less()
	}
}

// linkLost ends the handovers that have to do with a link that does not work any more: nothing would be heard there of a successor.
func (e *Engine) linkLost(name string) {
	for _, r := range slices.Clone(e.leavers.list) {
		if r.leave != nil && r.uses(name) {
			r.leave.end("interface %s down: the addresses are given up", name)
		}
	}
}

func (r *Router) uses(link string) bool {
	return r.spec.Link == link || slices.ContainsFunc(r.keeper.items, func(it item) bool {
		return it.address.Link == link && !it.parted
	})
}

// settleLeavers ends, before a new configuration comes, the handovers of routers that are still configured, and of removed ones whose
// name or identity comes back: what is told of the old one comes before what is told of the new. A name is another router's already where
// all has been told.
func (e *Engine) settleLeavers(next *Config) {
	if !e.Leaving() && !e.Parting() {
		return
	}
	back := func(r *Router) bool {
		return slices.ContainsFunc(next.Routers, func(s Spec) bool {
			return s.Name == r.spec.Name && r.toldLast != notify.Deleted || s.Identity() == r.spec.Identity()
		})
	}
	for _, r := range slices.Clone(e.leavers.list) {
		switch {
		case r.leave == nil: // it went with another one
		case !r.removed:
			r.leave.end("the configuration changes: the addresses are given up")
		case back(r):
			r.leave.end("configured again: the addresses are given up")
		}
	}
	for _, o := range slices.Sorted(maps.Keys(e.owners)) {
		if r := e.owners[o]; r.removed && r.leave == nil && back(r) {
			r.flushTold()
		}
	}
}
