package vrrp

import (
	"reflect"

	"holdfast.dev/notify"
	"holdfast.dev/vrrp/wire"
)

// configure goes from the configuration in force to a new one. The first comes from nothing, and is no different. Routers are
// matched by identity, then by name; what is equal in both is not touched, and timers in flight keep their deadlines.
func (e *Engine) configure(ev *Configure) {
	if e.stopping {
		return
	}
	first := len(e.cfg.Routers) == 0 && e.nextOwner == 0
	e.rebaseDelay(ev.Config, first)
	next := ev.Config
	var before told
	if next.RepeatStates {
		before = e.allTold()
	}
	e.settleLeavers(next)
	matched, kept := e.match(next)
	words := e.toldNames()
	e.removeAll(kept, next, words)
	e.cfg = next
	e.routers = make([]*Router, len(next.Routers))
	var fresh, moved []*Router
	for i := range next.Routers {
		r := matched[i]
		if r == nil {
			r = e.add(&next.Routers[i])
			r.takeName(words)
			fresh = append(fresh, r)
		} else {
			was := r.spec.Name
			r.reconfigure(&next.Routers[i])
			if r.spec.Name != was && r.changeName(words) {
				moved = append(moved, r)
			}
		}
		r.gen = e.gen
		e.routers[i] = r
	}
	e.reindex()
	e.regroup(next.Groups)
	e.configureStatic(next)
	e.resume(fresh, ev.Resume)
	e.reassess(e.routers, WhyReload)
	for _, g := range e.groups {
		g.introduce()
	}
	if next.RepeatStates {
		e.repeatStates(before)
	}
	for _, r := range moved {
		r.tellState()
	}
}

// rebaseDelay makes the start-up delay that of the new configuration, counted from the start of the process (rule C8): deadlines that
// were computed from the old end move along. A delay that has ended stays ended.
func (e *Engine) rebaseDelay(next *Config, first bool) {
	if !first && e.delayEnd == 0 {
		return
	}
	end := e.started.Mono.Add(next.StartupDelay)
	if next.DelayAfterBoot > 0 {
		end = max(end, e.started.Mono.Add(next.DelayAfterBoot-e.started.Boot.Sub(0)))
	}
	if end <= e.now.Mono {
		end = 0
	}
	old := e.delayEnd
	e.delayEnd = end
	switch {
	case first && end != 0:
		e.report(Info, 0, "Delaying startup for %g seconds", end.Sub(e.now.Mono).Seconds())
	case old == end:
		return
	case end == 0:
		e.report(Info, 0, "Reduced delayed start passed")
	case !first:
		e.report(Info, 0, "Delaying startup for a further %g seconds", end.Sub(e.now.Mono).Seconds())
	}
	if first {
		return
	}
	shift := max(end, e.now.Mono).Sub(old)
	for _, r := range e.routers {
		if r.downAt != 0 {
			r.downAt = max(r.downAt.Add(shift), e.now.Mono)
			r.arm()
		}
	}
}

// match finds for each spec the router that it continues, or nil. Unicast routers may have one identity and differ in their peers
// (rule A29), so the name decides between them.
func (e *Engine) match(next *Config) (matched []*Router, kept map[*Router]bool) {
	type named struct {
		id   Identity
		name string
	}
	exact := make(map[named]*Router, len(e.routers))
	byID := make(map[Identity][]*Router, len(e.routers))
	byName := make(map[string]*Router, len(e.routers))
	for _, r := range e.routers {
		id := r.spec.Identity()
		exact[named{id, r.spec.Name}] = r
		byID[id] = append(byID[id], r)
		byName[r.spec.Name] = r
	}
	matched = make([]*Router, len(next.Routers))
	kept = make(map[*Router]bool, len(e.routers))
	try := func(i int, r *Router) {
		if matched[i] == nil && r != nil && !kept[r] {
			matched[i], kept[r] = r, true
		}
	}
	for i := range next.Routers {
		s := &next.Routers[i]
		try(i, exact[named{s.Identity(), s.Name}])
	}
	for i := range next.Routers {
		for _, r := range byID[next.Routers[i].Identity()] {
			try(i, r)
		}
	}
	for i := range next.Routers {
		try(i, byName[next.Routers[i].Name])
	}
	return matched, kept
}

// add makes a router. What an earlier run may have left of its addresses is deleted with its first desired state (rule C5).
func (e *Engine) add(s *Spec) *Router {
	e.nextOwner++
	r := &Router{engine: e, owner: e.nextOwner, since: e.now}
	r.advert.router, r.timer.router = r, r
	r.keeper.owner = r.owner
	e.owners[r.owner] = r
	r.setSpec(s)
	items := s.wanted()
	r.keeper.configure(items, s.Virtual)
	for i := range items {
		if it := &items[i]; it.isEntry() {
			r.keeper.leftovers = append(r.keeper.leftovers, *it)
		} else {
			r.keeper.absent = append(r.keeper.absent, it.key)
		}
	}
	e.touch(&r.keeper)
	return r
}

// remove takes a router out of the configuration: priority 0 if it is MASTER, its addresses go, and it is told as deleted (rule P8).
func (e *Engine) remove(r *Router) {
	e.report(Info, 0, "(%s) removed from the configuration", r.spec.Name)
	r.becomeStopped(Cause{Why: WhyReload, At: e.now.Mono}, false)
	r.group = nil
	r.removed = true
	if r.leave != nil {
		return // DELETED is told when the addresses are gone
	}
	r.tell(notify.Deleted)
	r.retire()
}

// removeTogether begins the handovers of the MASTERs that the new configuration does not have.
func (e *Engine) removeTogether(kept map[*Router]bool) {
	for _, r := range e.routers {
		if r.group == nil && !kept[r] {
			e.handOver([]*Router{r}, 0)
		}
	}
	for _, g := range e.groups {
		var gone []*Router
		for _, m := range g.members {
			if !kept[m] {
				gone = append(gone, m)
			}
		}
		e.handOver(gone, 0)
	}
}

// retire forgets a removed router once nothing more will come of it.
func (r *Router) retire() {
	if r.removed && r.leave == nil && r.told == nil && r.keeper.settled() && len(r.keeper.stuck) == 0 && r.engine.owners[r.owner] == r {
		r.engine.forget(r)
	}
}

// forget drops the last of a removed router.
func (e *Engine) forget(r *Router) {
	r.hush()
	r.untroubled()
	r.downAt, r.toldBy, r.leaveAt = 0, 0, 0
	r.keeper.want(false)
	r.keeper.retry = 0
	e.adverts.set(&r.advert, 0)
	e.timers.set(&r.timer, 0)
	delete(e.owners, r.owner)
	if !r.keeper.dirty {
		e.dirty = append(e.dirty, r.owner) // its last word
	}
}

// setSpec takes over a specification and what follows from it alone.
func (r *Router) setSpec(s *Spec) {
	r.spec = s
	if r.carried = 0; s.Promote {
		r.keeper.promote = s.Link
	} else {
		r.keeper.promote = ""
	}
	for i := range s.Addresses {
		if !s.Addresses[i].Excluded {
			r.carried++
		}
	}
	r.expect = wire.Expect{Version: s.Version, AuthType: s.AuthType, Password: s.Password, Interval: s.Interval, Accept: s.Accept}
	if s.IPv6 {
		r.expect.Accept = wire.FormPseudo | wire.FormBad // the kernel has checked it and may have offloaded it
	}
	if s.Transport.Carried() {
		r.expect.Accept = anyForm
	}
	if r.masterInterval == 0 {
		r.masterInterval = s.Interval
	}
	r.options = wire.Options{Trailer: true} // without auth_hmac it is refused, but by its name
	if !s.Unicast() && s.Group.Is4() {
		r.options.Group = s.Group
	}
	r.makeTemplate()
	r.setAuth(s)
	r.viewPeers()
}

// makeTemplate lays out the adverts. What can't be sent was refused when the configuration was loaded, or is a fault.
func (r *Router) makeTemplate() {
	p := r.spec.params()
	if r.groupSum {
		p.Sum = wire.FormGroup
	}
	r.unsendable = ""
	t, err := wire.NewTemplate(p)
	if err != nil {
		r.unsendable = err.Error()
	}
	r.template = t
}

// reconfigure changes a running router to a new specification.
func (r *Router) reconfigure(s *Spec) {
	if reflect.DeepEqual(r.spec, s) {
		r.spec = s
		return
	}
	e, old := r.engine, r.spec
	if old.Name != s.Name {
		r.flushTold() // under the name that it was about
	}
	if old.Identity() != s.Identity() {
		// The same name for another virtual router: it leaves the old one and begins anew.
		if r.state == Master {
			r.stepDown(Cause{Why: WhyReload, At: e.now.Mono}, 0)
		}
		r.becomeInit()
	}
	before, promote := r.downTime(), r.keeper.promote
	r.setSpec(s)
	if !s.Owner() {
		r.lowered = false
	}
	if s.Version != old.Version || s.Version == wire.V2 || r.heard == 0 || r.state == Master {
		r.masterInterval = s.Interval // else it is the one that was learnt (rule B3)
	}
	if r.downAt != 0 && !r.released {
		r.downAt = max(r.downAt.Add(r.downTime()-before), e.now.Mono)
	}
	if r.preemptAt != 0 {
		r.preemptAt = max(r.preemptAt.Add(s.PreemptDelay-old.PreemptDelay), e.now.Mono)
	}
	added := r.keeper.configure(s.wanted(), s.Virtual)
	if added != keeperSame || promote != r.keeper.promote {
		e.touch(&r.keeper)
	}
	if r.state == Master {
		r.retime(old, added == keeperMore)
	}
	r.changed()
	r.arm()
}

// retime fits the timers of a MASTER to a new specification.
func (r *Router) retime(old *Spec, added bool) {
	now, s := r.engine.now.Mono, r.spec
	if s.Interval != old.Interval && s.Interval > 0 {
		r.send(r.priority) // the others must not wait for it longer than they know, nor be told of it too late
		r.advertAt = now.Add(s.Interval)
	}
	if s.Garp.Refresh != old.Garp.Refresh {
		r.refreshAt = 0
		if s.Garp.Refresh > 0 {
			r.refreshAt = now.Add(s.Garp.Refresh)
		}
	}
	if s.Garp.Extra != old.Garp.Extra {
		r.extraAt = 0
		if s.Garp.Extra > 0 {
			r.extraAt = now.Add(s.Garp.Extra)
		}
	}
	if added && s.Garp.Delay > 0 {
		r.burstAt = now.Add(s.Garp.Delay) // new addresses have a second burst too
	}
}
