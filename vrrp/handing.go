package vrrp

import (
	"net/netip"
	"slices"

	"holdfast.dev/vrrp/wire"
)

// Hand is a word in a hand-over between routers whose adverts are carried. A MASTER that says goodbye (priority 0) knows from the reports of
// its peers who comes next, and tells that one; it takes over at once, where plain VRRP has everybody wait Skew_Time, and says when
// its addresses stand. Nothing depends on either word: without the first the goodbye counts as ever, without the second the adverts do.
type Hand uint8

// The words.
const (
	NoHand   Hand = iota
	TakeOver      // to the heir, behind priority 0: nobody who lives comes before you
	Taken         // to who said goodbye: the addresses stand here, and have been announced
)

func (h Hand) String() string {
	switch h {
	case NoHand:
		return "nothing"
	case TakeOver:
		return "take over"
	case Taken:
		return "taken over"
	}
	return "a word that this release does not know"
}

// goodbye is what a MASTER says last: priority 0 to all, and who comes next to that one.
func (r *Router) goodbye() {
	r.send(wire.PriorityRelease)
	if v := r.heir(); v != nil && r.source.IsValid() {
		r.report(Info, 1, "asking %s to take over at once", v.addr)
		r.note(v, r.source, TakeOver)
	}
}

// heir is the peer that would win the election if we were gone: of those that live, follow us and say that they are BACKUP the one with the
// highest priority; of equals the one with the highest address (RFC 9568 section 6.4.3). nil if there is none.
func (r *Router) heir() (best *peerView) {
	now := r.engine.now.Mono
	for i := range r.views {
		v := &r.views[i]
		if v.dead || !v.up || !v.hears || v.state != Backup || v.reported == 0 || now.Sub(v.reported) > freshReport {
			continue
		}
		if best == nil || v.priority > best.priority || v.priority == best.priority && v.address().Compare(best.address()) > 0 {
			best = v
		}
	}
	return best
}

// peerHand takes in a peer's word.
func (e *Engine) peerHand(ev *PeerHand) {
	switch ev.Hand {
	case TakeOver:
		e.peersAmong(e.index.byVRID[portKey{ev.Port, ev.VRID}], ev.Src, ev.Dst, func(r *Router, v *peerView) { r.inherit(v) })
	case Taken:
		e.taken(ev)
	}
}

// inherit takes over from a master that has named us, as soon as everything that waits has been heard; or after Skew_Time if we know of somebody
// who may come before us: it may not know him.
func (r *Router) inherit(v *peerView) {
	if r.state != Backup || r.master != v.addr || r.lowered {
		return
	}
	if r.outrankedBy(v) {
		r.report(Info, 1, "master %s asks us to take over, but another one may come first", v.addr)
		if !r.released {
			r.listen(r.skew())
			r.released, r.former = true, v.addr
			r.arm()
		}
		return
	}
	r.report(Info, 0, "master %s hands over to us", v.addr)
	r.listen(0)
	r.released, r.died, r.handed, r.former = true, false, true, v.addr
	r.arm()
}

// acknowledge tells the master before us, if it has said goodbye, that the addresses stand here and have been announced. It is told once.
func (r *Router) acknowledge() {
	if !r.former.IsValid() || r.state != Master || r.keeper.missing() {
		return
	}
	if v := r.view(r.former); v != nil && r.source.IsValid() {
		r.note(v, r.source, Taken)
	}
	r.former = netip.Addr{}
}

// taken ends our part in a handover: the addresses stand at the heir. On networks that have nothing to do with each other nobody hears its
// announcements.
func (e *Engine) taken(ev *PeerHand) {
	for _, r := range slices.Clone(e.leavers.byVRID[portKey{ev.Port, ev.VRID}]) {
		if own := r.spec.Source; r.leave == nil || r.view(ev.Src) == nil || own.IsValid() && ev.Dst.IsValid() && own != ev.Dst {
			continue
		}
		r.leave.inheritedBy(ev.Src, e)
		r.report(Info, 0, "%s has taken over and says that the addresses stand: ours are given up", ev.Src)
		r.letGo()
	}
}

// inheritedBy notes who has taken over: what is left of the addresses goes soon, whatever else is heard.
func (h *handover) inheritedBy(src netip.Addr, e *Engine) {
	if !h.heir.IsValid() {
		h.heir = src
		h.limit(e.now.Mono.Add(heirGrace))
	}
}

// carrierLost is told that nothing is heard of peers, nor told to them, until another carrier comes. Who makes way hears of no successor then; while
// the daemon ends no other carrier comes, and if it is its supervisor that died with it, peers have taken over already.
func (e *Engine) carrierLost() {
	e.mute = true
	if !e.stopping {
		return
	}
	for _, r := range slices.Clone(e.leavers.list) {
		if r.leave != nil && r.byCarrier() {
			r.report(Info, 0, "the process that carries adverts is gone: the addresses are given up")
			r.letGo()
		}
	}
}
