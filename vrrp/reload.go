package vrrp

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp/wire"
)

// configure goes from the configuration in force to a new one. The first comes from nothing, and is no different. Routers are
// matched by identity, then by name; what is equal in both is not touched, and timers in flight keep their deadlines.
func (e *Engine) configure(ev *Configure) {
	first := len(e.cfg.Routers) == 0 && e.nextOwner == 0
	e.rebaseDelay(ev.Config, first)
	next := ev.Config
	matched := e.match(next)
	for _, r := range e.routers {
		if !slices.Contains(matched, r) {
			e.remove(r)
		}
	}
	e.cfg = next
	e.routers = e.routers[:0:0]
	var fresh []*Router
	for i := range next.Routers {
		r := matched[i]
		if r == nil {
			r = e.add(&next.Routers[i])
			fresh = append(fresh, r)
		} else {
			r.reconfigure(&next.Routers[i])
		}
		e.routers = append(e.routers, r)
	}
	e.index()
	e.regroup(next.Groups)
	e.configureStatic(next.Static)
	e.resume(fresh, ev.Resume)
	for _, r := range e.routers {
		r.reassess(Cause{Why: WhyReload, At: e.now.Mono})
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

// match finds for each spec the router that it continues, or nil.
func (e *Engine) match(next *Config) []*Router {
	byID := make(map[Identity]*Router, len(e.routers))
	byName := make(map[string]*Router, len(e.routers))
	for _, r := range e.routers {
		byID[r.spec.Identity()] = r
		byName[r.spec.Name] = r
	}
	matched := make([]*Router, len(next.Routers))
	taken := map[*Router]bool{}
	for i := range next.Routers {
		if r := byID[next.Routers[i].Identity()]; r != nil && !taken[r] {
			matched[i], taken[r] = r, true
		}
	}
	for i := range next.Routers {
		if r := byName[next.Routers[i].Name]; matched[i] == nil && r != nil && !taken[r] {
			matched[i], taken[r] = r, true
		}
	}
	return matched
}

// add makes a router. What an earlier run may have left of its addresses is deleted with its first desired state (rule C5).
func (e *Engine) add(s *Spec) *Router {
	e.nextOwner++
	r := &Router{engine: e, owner: e.nextOwner, since: e.now}
	r.advert.router, r.timer.router = r, r
	r.keeper.owner = r.owner
	e.owners[r.owner] = r
	r.setSpec(s)
	r.keeper.configure(s.Addresses)
	for i := range s.Addresses {
		r.keeper.absent = append(r.keeper.absent, s.Addresses[i].Key)
	}
	e.touch(&r.keeper)
	return r
}

// remove takes a router out of the configuration: priority 0 if it is MASTER, its addresses go, and it is told as deleted (rule P8).
func (e *Engine) remove(r *Router) {
	e.report(Info, 0, "(%s) removed from the configuration", r.spec.Name)
	r.becomeStopped(Cause{Why: WhyReload, At: e.now.Mono}, false)
	r.group = nil
	r.leaving = true
	r.tell(notify.Deleted)
	if r.keeper.settled() {
		e.forget(r)
	}
}

// forget drops the last of a removed router.
func (e *Engine) forget(r *Router) {
	r.advertAt, r.downAt, r.burstAt, r.lowerAt, r.refreshAt, r.toldBy = 0, 0, 0, 0, 0, 0
	r.keeper.want(false)
	r.keeper.retry = 0
	e.adverts.set(&r.advert, 0)
	e.timers.set(&r.timer, 0)
	delete(e.owners, r.owner)
}

// setSpec takes over a specification and what follows from it alone.
func (r *Router) setSpec(s *Spec) {
	r.spec = s
	r.carried = 0
	for i := range s.Addresses {
		if !s.Addresses[i].Excluded {
			r.carried++
		}
	}
	r.expect = wire.Expect{Version: s.Version, AuthType: s.AuthType, Password: s.Password, Interval: s.Interval, Accept: s.Accept}
	if s.IPv6 {
		r.expect.Accept = wire.FormPseudo | wire.FormBad // the kernel has checked it and may have offloaded it
	}
	if r.masterInterval == 0 {
		r.masterInterval = s.Interval
	}
	if !s.Unicast() && s.Group.Is4() {
		r.options.Group = s.Group
	}
	r.makeTemplate()
}

// makeTemplate lays out the adverts. What can't be sent was refused when the configuration was loaded, or is a fault.
func (r *Router) makeTemplate() {
	p := r.spec.params()
	if r.groupSum {
		p.Sum = wire.FormGroup
	}
	t, err := wire.NewTemplate(p)
	if err != nil {
		s := *r.spec
		s.ConfigFault = err.Error()
		r.spec = &s
		return
	}
	r.template = t
}

// reconfigure changes a running router to a new specification.
func (r *Router) reconfigure(s *Spec) {
	if reflect.DeepEqual(r.spec, s) {
		return
	}
	e, old := r.engine, r.spec
	if old.Identity() != s.Identity() {
		// The same name for another virtual router: it leaves the old one and begins anew.
		if r.state == Master {
			r.stepDown(Cause{Why: WhyReload, At: e.now.Mono}, 0)
		}
		r.becomeInit()
		if r.group != nil && r.group.state == Master {
			r.group.state = Backup
		}
	}
	before := r.downTime()
	r.setSpec(s)
	if s.Interval != old.Interval && r.state == Master {
		r.masterInterval = s.Interval
		r.advertAt = clock.Min(r.advertAt, e.now.Mono.Add(s.Interval))
	}
	if r.downAt != 0 && !r.released {
		r.downAt = max(r.downAt.Add(r.downTime()-before), e.now.Mono)
	}
	if !s.Garp.equalTimers(&old.Garp) && r.state == Master {
		r.refreshAt = 0
		if s.Garp.Refresh > 0 {
			r.refreshAt = e.now.Mono.Add(s.Garp.Refresh)
		}
	}
	if r.keeper.configure(s.Addresses) {
		e.touch(&r.keeper)
	}
	r.changed()
	r.arm()
}

func (g *Garp) equalTimers(o *Garp) bool { return g.Refresh == o.Refresh }

// index rebuilds what is looked up by packet and by address.
func (e *Engine) index() {
	clear(e.ports)
	clear(e.virtual)
	e.tick = 0
	for _, r := range e.routers {
		k := portKey{r.spec.Port(), r.spec.VRID}
		e.ports[k] = append(e.ports[k], r)
		for i := range r.spec.Addresses {
			e.virtual[r.spec.Addresses[i].Key]++
		}
		if e.tick == 0 || r.spec.Interval < e.tick {
			e.tick = r.spec.Interval
		}
	}
}

// regroup makes the sync groups of a new configuration; a group keeps its state if it keeps its name or its members do.
func (e *Engine) regroup(specs []GroupSpec) {
	old := map[string]*group{}
	for _, g := range e.groups {
		old[g.spec.Name] = g
	}
	byName := make(map[string]*Router, len(e.routers))
	for _, r := range e.routers {
		r.group = nil
		byName[r.spec.Name] = r
	}
	e.groups = nil
	for i := range specs {
		g := old[specs[i].Name]
		if g == nil {
			g = &group{engine: e}
		}
		g.spec, g.members = &specs[i], nil
		for _, name := range specs[i].Members {
			if r := byName[name]; r != nil && r.group == nil {
				r.group = g
				g.members = append(g.members, r)
			}
		}
		if len(g.members) == 0 {
			continue
		}
		g.adopt()
		e.groups = append(e.groups, g)
	}
}

// adopt works out the state of a group from those of its members after a reload (rule P11). Members that disagree are made to agree
// on BACKUP: a member may have been MASTER alone before it joined.
func (g *group) adopt() {
	count := map[State]int{}
	for _, m := range g.members {
		count[m.state]++
	}
	n := len(g.members)
	switch {
	case count[Init] == n:
		g.state = Init
	case count[Fault] > 0:
		g.state = Fault
	case count[Master]+count[Init] == n && count[Master] > 0:
		g.state = Master
	default:
		g.state = Backup
		for _, m := range g.members {
			if m.state == Master {
				m.stepDown(Cause{Why: WhyGroup, Text: "sync group " + g.spec.Name, At: g.engine.now.Mono}, m.downTime())
			}
		}
	}
}

func (e *Engine) configureStatic(addrs []host.Address) {
	list := make([]Address, len(addrs))
	for i := range addrs {
		list[i].Address = addrs[i]
	}
	if e.static.configure(list) {
		e.touch(&e.static)
	}
}

// resume lets new routers go on where an earlier process of ours stopped a moment ago.
func (e *Engine) resume(fresh []*Router, from []Resume) {
	if len(from) == 0 {
		return
	}
	byID := map[Identity]*Resume{}
	for i := range from {
		byID[from[i].Identity] = &from[i]
	}
	ready := map[*Router]bool{}
	for _, r := range fresh {
		was := byID[r.spec.Identity()]
		if was == nil {
			continue
		}
		r.toldLast = was.Told
		r.health = r.assess()
		r.reprioritise()
		ready[r] = was.State == Master && r.health.faults == 0 && r.mayResume(was)
	}
	for _, r := range fresh {
		if !ready[r] || !r.group.all(ready) {
			continue
		}
		r.keeper.absent = nil
		r.becomeMaster(Cause{Why: WhyResumed, At: e.now.Mono})
		if r.group != nil {
			r.group.state, r.group.told = Master, notify.Master
		}
	}
}

// mayResume: the peers must still be waiting for our next advert, with one interval to spare.
func (r *Router) mayResume(was *Resume) bool {
	limit := min(r.spec.DownAdverts, 3) - 1
	silent := r.engine.now.Boot.Sub(was.LastAdvert)
	return was.LastAdvert != 0 && silent >= 0 && silent < was.Interval*time.Duration(limit)
}

// stop makes every router leave (rule Q10).
func (e *Engine) stop(keep bool) {
	if e.stopping {
		return
	}
	e.stopping, e.keep = true, keep
	for _, r := range e.routers {
		master := r.state == Master
		r.becomeStopped(Cause{Why: WhyStop, At: e.now.Mono}, keep)
		r.tellLater(notify.Stop)
		if !master || keep || r.keeper.settled() {
			r.flushTold()
		}
	}
	for _, g := range e.groups {
		g.pending = notify.Stop
		g.flushTold()
	}
	if !keep {
		e.static.want(false)
		e.touch(&e.static)
	}
}

// Ports lists the sockets that the routers of a configuration need, with the multicast groups to join and the VRIDs to let in.
func (c *Config) Ports() []Port {
	byID := map[PortID]*Port{}
	var order []PortID
	for i := range c.Routers {
		s := &c.Routers[i]
		id := s.Port()
		p := byID[id]
		if p == nil {
			p = &Port{ID: id, VRIDs: map[uint8]bool{}}
			byID[id] = p
			order = append(order, id)
		}
		p.VRIDs[s.VRID] = true
		p.Routers++
		if !s.Unicast() && !slices.Contains(p.Groups, s.Group) {
			p.Groups = append(p.Groups, s.Group)
		}
	}
	ports := make([]Port, len(order))
	for i, id := range order {
		ports[i] = *byID[id]
		slices.SortFunc(ports[i].Groups, func(a, b netip.Addr) int { return a.Compare(b) })
	}
	return ports
}

// Port is one socket that is needed.
type Port struct {
	ID      PortID
	Groups  []netip.Addr
	VRIDs   map[uint8]bool
	Routers int
}

// Equal reports whether two ports need the same socket.
func (p *Port) Equal(o *Port) bool {
	return p.ID == o.ID && slices.Equal(p.Groups, o.Groups) && maps.Equal(p.VRIDs, o.VRIDs) && p.Routers == o.Routers
}
