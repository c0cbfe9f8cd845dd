package vrrp

import (
	"time"

	"holdfast.dev/notify"
)

func (e *Engine) configureStatic(c *Config) {
	s := Spec{Addresses: make([]Address, len(c.Static)), Routes: make([]Route, len(c.StaticRoutes)), Rules: make([]Rule, len(c.StaticRules))}
	for i := range c.Static {
		s.Addresses[i].Address = c.Static[i]
	}
	for i := range c.StaticRoutes {
		s.Routes[i].Route = c.StaticRoutes[i]
	}
	for i := range c.StaticRules {
		s.Rules[i].Rule = c.StaticRules[i]
	}
	// The firewall is told of after everybody who has addresses behind it, see host.Reconciler.
	if e.static.configure(s.wanted(), nil) != keeperSame || e.static.wall != c.Wall {
		e.static.wall = c.Wall
		e.touch(&e.static)
	}
}

// resume lets new routers go on where an earlier process of ours stopped a moment ago.
func (e *Engine) resume(fresh []*Router, from []Resume) {
	if len(from) == 0 {
		return
	}
	before := remembered(from)
	ready := map[*Router]bool{}
	for _, r := range fresh {
		was := before(r.spec)
		if was == nil {
			continue
		}
		if r.ah != nil {
			r.ah.last, r.ah.heard = was.Sequence+1, was.Sequence+1 // it may have died before it could note the last one
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
		r.becomeMaster(Cause{Why: WhyResumed, At: e.now.Mono})
		if r.group != nil {
			r.group.state, r.group.told = Master, notify.Master
		}
	}
}

// remembered finds what a router was doing by its identity, and among those of one identity by its name.
func remembered(from []Resume) func(s *Spec) *Resume {
	byID := map[Identity][]*Resume{}
	for i := range from {
		byID[from[i].Identity] = append(byID[from[i].Identity], &from[i])
	}
	return func(s *Spec) *Resume {
		list := byID[s.Identity()]
		for _, was := range list {
			if was.Name == s.Name {
				return was
			}
		}
		if len(list) == 1 {
			return list[0]
		}
		return nil
	}
}

// mayResume: the peers must still be waiting for our next advert, with one interval to spare.
func (r *Router) mayResume(was *Resume) bool {
	limit := min(r.spec.DownAdverts, 3) - 1
	silent := r.engine.now.Boot.Sub(was.LastAdvert)
	return was.LastAdvert != 0 && silent >= 0 && silent < was.Interval*time.Duration(limit)
}
