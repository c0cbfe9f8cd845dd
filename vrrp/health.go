package vrrp

import (
	"fmt"
	"net/netip"

	"holdfast.dev/host"
	"holdfast.dev/vrrp/wire"
)

// health is what stands against a router's running, worked out anew from the facts whenever one of them changes.
type health struct {
	fault   string // the first fault found, in words; empty for none
	faults  int
	pending string // what is waited for before the first state; empty for nothing
	delta   int    // what the trackers add to the base priority
}

func (h *health) fail(format string, args ...any) {
	if h.faults++; h.faults == 1 {
		h.fault = fmt.Sprintf(format, args...)
	}
}

// assess works out the health of the router (rules J1 to J10, K4, L2).
func (r *Router) assess() health {
	var h health
	s := r.spec
	if s.ConfigFault != "" {
		h.fail("%s", s.ConfigFault)
	}
	if r.unsendable != "" {
		h.fail("%s", r.unsendable)
	}
	link := r.engine.link(s.Link)
	if s.Link != "" && !s.DontTrackPrimary && !r.engine.isUp(s.Link) {
		if link == nil {
			h.fail("interface %s does not exist", s.Link)
		} else {
			h.fail("interface %s down", s.Link)
		}
	}
	if h.faults == 0 && (link.IsUp() || !r.engine.isUp(s.Link)) { // while a delay keeps a dead link up, its addresses do not count
		r.assessSource(link, &h)
	}
	for _, b := range s.Links {
		h.assessLink(b, r.engine.isUp(b.Link))
	}
	for i := range s.Trackers {
		b := &s.Trackers[i]
		st := r.engine.sources[b.ID()]
		effect := b.Effect(st)
		h.delta += effect.Delta
		if effect.Fault {
			h.fail("%s", b.Why(st))
		}
		if effect.Pending {
			h.pending = "first result of " + b.ID().String()
		}
	}
	if r.linkFault != "" {
		h.fail("%s", r.linkFault)
	}
	for _, key := range s.Statics {
		if it := r.engine.static.find(key); it != nil && it.err != "" && !it.standing && !(it.err == host.NoSuchInterface && s.makes(key.Link)) {
			h.fail("static %s can't be set", kind(key))
		}
	}
	if r.keeper.refused {
		h.fail("the kernel accepts none of the addresses")
	}
	return h
}

func (h *health) assessLink(b LinkBinding, up bool) {
	switch {
	case b.Weight == 0 && up == b.Reverse:
		h.fail("tracked interface %s %s", b.Link, map[bool]string{true: "up", false: "down"}[up])
	case b.Weight == 0:
	case up == (b.Weight > 0) && b.Reverse:
		h.delta -= b.Weight
	case up == (b.Weight > 0):
		h.delta += b.Weight
	}
}

// assessSource finds the source address of the adverts and says what is wrong with it.
func (r *Router) assessSource(link *host.Link, h *health) {
	s := r.spec
	if s.Link == "" {
		r.source = s.Source
		return
	}
	found := r.findSource()
	switch {
	case found.addr.IsValid():
		r.source = found.addr
	case found.failed.IsValid():
		h.fail("DADFAILED: another host uses the source address %s", found.failed)
	case found.tentative.IsValid() && r.state == Init:
		h.pending = "duplicate address detection of " + found.tentative.String()
	case found.tentative.IsValid():
		h.fail("source address %s is still tentative", found.tentative)
	case s.Source.IsValid() && s.TrackSource:
		h.fail("src address not configured")
	case s.Source.IsValid():
		r.source = s.Source // it may yet come; until then the kernel refuses to send from it, or not (IPv4)
	case s.IPv6:
		h.fail("no IPv6 address for interface")
	default:
		h.fail("no IPv4 address for interface")
	}
	if s.DontTrackPrimary && h.faults > 0 && !link.IsUp() {
		h.faults, h.fault = 0, ""
	}
	if h.faults > 0 && s.IPv6 {
		r.source = netip.Addr{} // rule H5: there is no saying goodbye from an address that does not work
	}
}

type sourceFound struct{ addr, tentative, failed netip.Addr }

// findSource chooses among the link's addresses (rules E7, K5): the configured one, else the one in use as long as it is there,
// else the first that is no virtual address; for IPv6 a link-local one.
func (r *Router) findSource() (found sourceFound) {
	l := r.engine.links[r.spec.Link]
	if l == nil {
		return found
	}
	list := l.sources
	if r.spec.Source.IsValid() {
		list = l.Addrs
	}
	for i := range list {
		a := &list[i]
		addr := a.Prefix.Addr()
		switch {
		case !r.mayBeSource(addr):
		case a.Flags&host.FlagDADFailed != 0:
			found.failed = addr
		case a.Flags&host.FlagTentative != 0:
			found.tentative = addr
		case !found.addr.IsValid() || addr == r.source:
			found.addr = addr
		}
	}
	return found
}

func (r *Router) mayBeSource(addr netip.Addr) bool {
	if r.spec.Source.IsValid() {
		return addr == r.spec.Source
	}
	return addr.Is6() == r.spec.IPv6 && (addr.Is4() || addr.IsLinkLocalUnicast())
}

// takeIn works out anew what the router can do. The priority changes at once, the state in follow.
func (r *Router) takeIn() {
	if r.removed {
		return
	}
	old := r.source
	r.health = r.assess()
	r.reprioritise()
	if old != r.source && r.state == Master {
		r.master = r.source
	}
	r.changed()
}

// follow moves the router where its health allows it to be. c is the cause of a recovery.
func (r *Router) follow(c Cause) {
	switch {
	case r.removed:
	case r.health.faults > 0:
		if r.state != Fault {
			r.becomeFault(Cause{Why: WhyFault, Text: r.health.fault, At: r.engine.now.Mono})
		}
	case r.health.pending != "": // rule J9; what runs already goes on
	case r.state == Init:
		r.start(Cause{Why: WhyStart, At: r.engine.now.Mono})
	case r.state == Fault:
		r.start(c)
	}
}

// reprioritise works out the effective priority (rule B5); a BACKUP's deadline moves by what the down time changes (rule B4).
func (r *Router) reprioritise() {
	p := int(r.spec.Priority)
	switch {
	case r.spec.Owner() && r.lowered:
		p = wire.PriorityOwner - 1
	case !r.spec.Owner():
		p = min(max(p+r.health.delta, 1), wire.PriorityOwner-1)
	}
	if uint8(p) == r.priority {
		return
	}
	before, old := r.downTime(), r.priority
	r.priority = uint8(p)
	if old != 0 {
		r.report(Info, 0, "Changing effective priority from %d to %d", old, p)
		r.tellPriority()
	}
	if r.downAt != 0 && !r.released {
		r.downAt = r.downAt.Add(r.downTime() - before)
		r.arm()
	}
	r.reportSoon()
	r.changed()
}
