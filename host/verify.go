package host

import (
	"maps"
	"net/netip"
	"slices"
)

// Suspects returns the numbers of links, at most limit, that are to be looked at because events contradict what we believe.
func (r *Reconciler) Suspects(limit int) []int {
	var out []int
	for _, l := range r.suspects[:min(limit, len(r.suspects))] {
		out = append(out, l.Index)
	}
	return out
}

// Looked takes in what a link looked like. It settles which of our addresses are gone, and why.
func (r *Reconciler) Looked(index int, v View) {
	r.stats.Looks++
	r.suspects = slices.DeleteFunc(r.suspects, func(l *linkState) bool {
		if l.Index == index {
			l.suspect = false
		}
		return !l.suspect
	})
	l := r.links[index]
	if l == nil {
		return
	}
	l.dying = v.Gone
	r.verify(l, v)
}

// Sync takes in everything that the kernel holds.
func (r *Reconciler) Sync(links []Link) {
	r.stats.Resyncs++
	r.synced = true
	r.out.Synced = true
	present := make(map[int]struct{}, len(links))
	for i := range links {
		present[links[i].Index] = struct{}{}
	}
	for _, index := range slices.Sorted(maps.Keys(r.links)) {
		l := r.links[index]
		r.cancel(l)
		if _, ok := present[index]; !ok {
			r.vanish(l)
		}
	}
	clear(r.early)
	r.doubtTables()
	r.wall.doubt = r.wall.doubt || r.wall.made.Table != "" // what was lost may have told of it
	for i := range links {
		facts := links[i]
		facts.Addrs = nil
		l := r.linkNew(facts.Index, facts)
		l.dying = false
		if l.Forward6 != facts.Forward6 {
			l.Forward6 = facts.Forward6
			r.show(l)
		}
		r.replace(l, links[i].Addrs)
		r.verify(l, View{Up: facts.Up, Addrs: links[i].Addrs})
	}
	r.stirAll()
}

// replace takes over the addresses of other people, and the order of all.
func (r *Reconciler) replace(l *linkState, addrs []LinkAddr) {
	old := l.list
	fresh := newLinkState(l.Link)
	for _, a := range addrs {
		s := fresh.put(a)
		if b := l.find(a.Prefix, a.Peer); b != nil {
			s.ours, s.set = b.ours, b.set
		}
	}
	differs := false
	for _, s := range old {
		switch {
		case s.ours && fresh.find(s.Prefix, s.Peer) == nil:
			n := fresh.put(s.LinkAddr) // verify says what became of it
			n.ours, n.set = true, s.set
		case !s.ours && fresh.find(s.Prefix, s.Peer) == nil:
			if f := r.restoring(l, s.spot()); f != nil {
				f.s = fresh.put(s.LinkAddr)
				continue
			}
			differs = true
		}
	}
	for _, s := range fresh.list {
		if b := l.find(s.Prefix, s.Peer); b == nil || (!s.ours && !b.same(s.LinkAddr)) {
			differs = true
		}
	}
	l.list, l.four, l.at, l.nets, l.six = fresh.list, fresh.four, fresh.at, fresh.nets, fresh.six
	if differs {
		r.show(l)
	}
}

// restoring is the operation, made or about to be made, that puts back an address of somebody else's; nil if there is none.
func (r *Reconciler) restoring(l *linkState, at spot) *flight {
	for _, list := range [][]flight{r.flight, r.carry} {
		for i := range list {
			if f := &list[i]; f.it == nil && f.link == l && f.s != nil && f.s.spot() == at {
				return f
			}
		}
	}
	return nil
}

// verify compares what should stand on a link with what is seen there. Addresses with an operation on its way are left to
// its answer.
func (r *Reconciler) verify(l *linkState, v View) {
	seen := make(map[spot]*LinkAddr, len(v.Addrs))
	six := map[netip.Addr]struct{}{}
	for i := range v.Addrs {
		a := &v.Addrs[i]
		seen[a.spot()] = a
		if a.Prefix.Addr().Is6() {
			six[a.Prefix.Addr()] = struct{}{}
		}
	}
	for _, it := range r.itemsOn(l.Name) {
		if it.flying > 0 {
			continue
		}
		a := seen[it.spot]
		_, alias := six[it.at.Addr()]
		r.verifyItem(l, it, a, alias, v)
	}
	r.verifyRest(l, seen, v)
	if v.Up {
		l.fell = false
	}
}

func (r *Reconciler) verifyItem(l *linkState, it *item, a *LinkAddr, alias bool, v View) {
	s := l.at[it.spot]
	if a != nil {
		if s == nil {
			s = l.put(*a)
			r.show(l)
		} else if s.Prefix == a.Prefix {
			s.LinkAddr, s.told, s.vague = *a, true, false
		}
		if len(it.owners) > 0 && !it.queued {
			if !s.ours {
				s.ours, s.set = true, it.addr
				r.out.Held = true
				r.show(l)
			}
			it.stands, it.linkless = true, false
		}
		return
	}
	if s != nil {
		if s.ours {
			r.out.Held = true
		}
		l.remove(s)
	}
	switch six := it.at.Addr().Is6(); {
	case !it.stands || alias:
	case it.queued: // it is about to be looked into, and added
		it.stands = false
		r.askAll(it)
	default:
		r.lose(it, v.Gone || (six && (!v.Up || l.fell)), v.Up)
	}
}

// verifyRest does so with what nobody wants or ceases to want: ours that could not be deleted, and other people's that we
// had to do with a moment ago. For the others events are enough.
func (r *Reconciler) verifyRest(l *linkState, seen map[spot]*LinkAddr, v View) {
	for i := len(l.list) - 1; i >= 0; i-- {
		s := l.list[i]
		it := r.items[l.Name][s.spot()]
		switch {
		case seen[s.spot()] != nil || (it != nil && it.flying > 0):
		case !s.ours && r.restoring(l, s.spot()) != nil: // or else it is forgotten when its primary address goes once more before that
		case s.ours:
			l.remove(s)
			r.out.Held = true
		default:
			if _, recent := l.recent[s.spot()]; recent {
				l.remove(s)
				r.show(l)
			}
		}
	}
	for i := range v.Addrs {
		a := v.Addrs[i]
		if _, recent := l.recent[a.spot()]; recent && l.find(a.Prefix, a.Peer) == nil && r.items[l.Name][a.spot()] == nil {
			l.put(a)
			r.show(l)
		}
	}
}
