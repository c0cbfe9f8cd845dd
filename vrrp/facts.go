package vrrp

import (
	"slices"

	"holdfast.dev/host"
	"holdfast.dev/track"
)

// link is an interface with what is worked out once for all routers on it.
type link struct {
	host.Link
	sources []host.LinkAddr // its addresses that no router has as a virtual one (rule A32)
	debounced
}

// link returns the interface of that name, or nil.
func (e *Engine) link(name string) *host.Link {
	if l := e.links[name]; l != nil {
		return &l.Link
	}
	return nil
}

func (e *Engine) trackChanged(s track.State) {
	if e.sources[s.ID()] == s {
		return
	}
	e.sources[s.ID()] = s
	e.reassess(e.index.bySource[s.ID()], WhyRecovered)
}

func (e *Engine) linkChanged(l *host.Link) {
	was := e.links[l.Name]
	old := e.link(l.Name)
	c := &link{Link: *l}
	e.debounce(c, e.links[l.Name])
	c.Addrs = slices.Clone(l.Addrs)
	c.sources = e.index.sourcesOf(&c.Link)
	e.links[l.Name] = c
	if old.IsUp() && (!c.IsUp() || old.Index != c.Index) {
		e.linkLost(l.Name)
	}
	cameUp := c.IsUp() && (!old.IsUp() || old.Index != c.Index)
	users := e.index.byLink[l.Name]
	if cameUp {
		for _, r := range users {
			r.keeper.linkUp(l.Name)
			if !l.Ours() { // which come up because addresses are wanted
				r.keeper.forgive()
			}
		}
	}
	e.reassess(users, WhyRecovered)
	e.linkBack(c, was)
	if !cameUp {
		return
	}
	for _, r := range users {
		if l.Ours() && !r.keeper.settled() {
			continue // it comes up because its addresses are wanted
		}
		if r.state == Master && r.keeper.missing() {
			e.touch(&r.keeper) // what the kernel dropped with the link is wanted again
		}
		r.arm()
	}
	if e.static.linkUp(l.Name); e.static.missing() {
		e.touch(&e.static)
	}
}

func (e *Engine) linkGone(name string) {
	if e.links[name] == nil {
		return
	}
	delete(e.links, name)
	delete(e.settling, name)
	e.linkLost(name)
	e.reassess(e.index.byLink[name], WhyRecovered)
}

func (e *Engine) overflow(ev *Overflow) {
	for _, r := range e.index.byPort[ev.Port] {
		r.overflowed = e.now.Mono
	}
}

// reassess takes in changed facts: about all of the routers first, and only then their states, so that a sync group is judged by what all
// of its members say.
func (e *Engine) reassess(routers []*Router, why Why) {
	if e.stopping {
		return
	}
	for _, r := range routers {
		r.takeIn()
	}
	e.pass++
	c := Cause{Why: why, At: e.now.Mono}
	for _, r := range routers {
		switch {
		case r.group == nil:
			r.follow(c)
		case r.group.pass != e.pass:
			r.group.pass = e.pass
			r.group.follow(c)
		}
	}
}
