package vrrp

import (
	"fmt"
	"time"

	"holdfast.dev/host"
)

// A MASTER announces its addresses again when the network may have come to believe something else: another router that spoke for them is
// silent now, or a link that they are reached through was away, with it whatever a switch behind it had learnt.

// againEvery is how often that happens at the most. What comes sooner is put off until then.
const againEvery = time.Second

// again announces all addresses as after a take-over: at once, and once more after garp_master_delay.
func (r *Router) again(format string, args ...any) {
	now := r.engine.now.Mono
	if r.state != Master || r.leave != nil {
		return
	}
	why := fmt.Sprintf(format, args...)
	if r.quietUntil != 0 && now < r.quietUntil {
		r.againAt, r.againWhy = r.quietUntil, why
		r.arm()
		return
	}
	r.againAt, r.quietUntil = 0, now.Add(againEvery)
	r.report(Info, 1, "%s: announcing the addresses again", why)
	r.burst(r.spec.Garp.Repeat)
	if d := r.spec.Garp.Delay; d > 0 {
		r.burstAt = now.Add(d)
	}
	r.arm()
}

// rivalHeard notes that another router speaks for our addresses, which counts as gone when it was silent for as long as makes a master count as
// down.
func (r *Router) rivalHeard(interval time.Duration) {
	if r.state != Master {
		return
	}
	longer := max(interval, r.spec.Interval)
	r.rivalGoneAt = r.engine.now.Mono.Add(time.Duration(r.spec.DownAdverts+1) * longer)
	r.arm()
}

// rivalGone is for when it does.
func (r *Router) rivalGone() {
	r.rivalGoneAt = 0
	r.again("the other router that spoke for them is gone")
}

// linkBack announces what is reached through a link that has come up, or that has become a port of a bridge or bond.
func (e *Engine) linkBack(l, old *link) {
	cameUp := l.IsUp() && (!old.isUp() || old.Index != l.Index)
	joined := l.IsUp() && l.Master != 0 && old != nil && old.Master != l.Master
	if l.Ours() || !cameUp && !joined {
		return // ours come up because of the addresses
	}
	reached := e.above(l)
	for _, r := range e.routers {
		if r.state == Master && r.announcesOn(reached) {
			r.again("interface %s is back", l.Name)
		}
	}
}

func (l *link) isUp() bool { return l != nil && l.Link.IsUp() }

// above is the link, and all links that packets leave through it from: bridges and bonds that it is a port of, and what stands on one of
// them.
func (e *Engine) above(l *link) map[string]bool {
	seen := map[int]bool{l.Index: true}
	names := map[string]bool{l.Name: true}
	for list := []*link{l}; len(list) > 0; list = list[1:] {
		for _, o := range e.links {
			below := list[0]
			port := o.Index == below.Master && o.Kind != host.VRF
			stands := o.Base == below.Index && below.Base != o.Index // the ends of a veth name each other
			if !seen[o.Index] && (port || stands) {
				seen[o.Index], names[o.Name] = true, true
				list = append(list, o)
			}
		}
	}
	return names
}

// announcesOn reports whether any address of the router stands on one of the links.
func (r *Router) announcesOn(links map[string]bool) bool {
	for i := range r.keeper.items {
		if it := &r.keeper.items[i]; !it.isEntry() && links[it.address.Link] {
			return true
		}
	}
	return false
}
