package vrrp

import (
	"slices"

	"holdfast.dev/clock"
	"holdfast.dev/host"
)

// Routes and rules are items of a keeper as addresses are. They are announced by nobody, and that they stand is not what makes a
// MASTER: one that the kernel refuses is tried again and again and the router goes on.

func (it *item) isEntry() bool { return it.key.IsEntry() }

// uses reports whether the item can't stand without the link, or may not be able to.
func (it *item) uses(link string) bool {
	if it.route != nil {
		return len(it.route.Hops) > 0 && it.route.Hops[0].Dev == "" || it.route.Uses(link)
	}
	return it.rule == nil && it.address.Link == link
}

// add puts the item into a state.
func (it *item) add(st *host.State) {
	switch {
	case it.route != nil:
		st.Routes = append(st.Routes, *it.route)
	case it.rule != nil:
		st.Rules = append(st.Rules, *it.rule)
	default:
		st.Addresses = append(st.Addresses, it.address)
	}
}

// strike puts it among what is to be absent.
func (it *item) strike(st *host.State) {
	switch {
	case it.key.IsWall(): // that Static wants none is enough
	case it.route != nil:
		st.AbsentRoutes = append(st.AbsentRoutes, *it.route)
	case it.rule != nil:
		st.AbsentRules = append(st.AbsentRules, *it.rule)
	default:
		st.Absent = append(st.Absent, it.key)
	}
}

// unpromote ends the promotion of secondary addresses, with the last address at the earliest (rule K12).
func (r *Router) unpromote() {
	if r.keeper.promote != "" && r.leave == nil {
		r.keeper.promote = ""
		r.engine.touch(&r.keeper)
	}
}

// wanted lists the items of a specification: addresses, then routes, then rules (rule K10).
func (s *Spec) wanted() []item {
	items := make([]item, 0, len(s.Addresses)+len(s.Routes)+len(s.Rules))
	for i := range s.Addresses {
		a := &s.Addresses[i]
		items = append(items, item{key: a.Key, address: a.Address, noTrack: a.NoTrack, extra: a.Extra})
	}
	for i := range s.Routes {
		rt := &s.Routes[i]
		items = append(items, item{key: rt.Key(), route: &rt.Route, noTrack: rt.NoTrack})
	}
	for i := range s.Rules {
		ru := &s.Rules[i]
		items = append(items, item{key: ru.Key(), rule: &ru.Rule, noTrack: ru.NoTrack})
	}
	return items
}

// same reports whether nothing has to be done to have b where a is wanted.
func (it *item) same(b *item) bool {
	if it.route != nil && b.route != nil {
		return it.route.Same(b.route)
	}
	a := it.address
	a.Barred = b.address.Barred // that is the firewall's business
	return it.key == b.key && a == b.address
}

// name is the item as people write it.
func name(k host.Key) string {
	if k.IsEntry() {
		return k.Entry
	}
	return k.Prefix.String() + " on " + k.Link
}

// kind is the same with what it is in front: "address 10.0.0.3/24 on eth0", "route 10.9.0.0/16".
func kind(k host.Key) string {
	if k.IsEntry() {
		return k.Entry
	}
	return "address " + name(k)
}

// unremovedOf is unremoved for an answer to the newest generation.
func (k *keeper) unremovedOf(a *host.Applied, now clock.Instant) []host.Result {
	if a.Gen != k.gen {
		return nil
	}
	return k.unremoved(a.Unremoved, now)
}

// unremoved notes what should be gone and the kernel refused to delete. It is named again as absent, ever more seldom, until it
// is gone. It returns what was noted for the first time.
func (k *keeper) unremoved(list []host.Result, now clock.Instant) (news []host.Result) {
	for i := range list {
		res := &list[i]
		at := slices.IndexFunc(k.stuck, func(it item) bool { return it.key == res.Key })
		if at < 0 {
			it := k.payload(res.Key)
			if it == nil {
				continue
			}
			k.stuck = append(k.stuck, item{key: it.key, address: it.address, route: it.route, rule: it.rule})
			at = len(k.stuck) - 1
			news = append(news, *res)
		}
		k.stuck[at].refuse(res.Err, now)
	}
	return news
}

// payload finds what a key is of, in what is wanted and in what was wanted until a moment ago.
func (k *keeper) payload(key host.Key) *item {
	if it := k.find(key); it != nil {
		return it
	}
	if i := slices.IndexFunc(k.dropped, func(it item) bool { return it.key == key }); i >= 0 {
		return &k.dropped[i]
	}
	if key.IsWall() {
		return &item{key: key}
	}
	return nil
}

// cleared forgets what was asked for once more and is gone now.
func (k *keeper) cleared() {
	k.dropped = nil
	k.stuck = slices.DeleteFunc(k.stuck, func(it item) bool { return it.holdUntil == 0 })
}
