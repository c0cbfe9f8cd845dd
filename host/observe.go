package host

import (
	"maps"
	"slices"
)

// Observe takes in what the kernel told of its own accord.
func (r *Reconciler) Observe(ev *Event) {
	r.stats.Events++
	switch ev.Kind {
	case LinkNew:
		r.linkNew(ev.Index, ev.Link)
	case LinkDel:
		if l := r.links[ev.Index]; l != nil {
			r.vanish(l)
		}
		delete(r.early, ev.Index)
	case AddrNew:
		if l := r.links[ev.Index]; l != nil && ev.Addr.Prefix.IsValid() {
			r.addrNew(l, ev.Addr)
		}
	case AddrDel:
		if l := r.links[ev.Index]; l != nil {
			r.addrDel(l, ev.Addr)
		}
	case EntryChanged:
		r.entryChanged(ev)
	case WallAnswered:
		r.wallAnswered(ev.Answer)
		r.settleWall()
	case WallChanged:
		r.wall.doubt = r.wall.made != (Wall{})
	case Forward6:
		l := r.links[ev.Index]
		switch {
		case l == nil: // the kernel tells this of a new link before it tells of the link
			if ev.Index > 0 {
				r.early[ev.Index] = ev.Forward
			}
		case l.Forward6 != ev.Forward:
			l.Forward6 = ev.Forward
			r.show(l)
		}
	}
}

func (r *Reconciler) linkNew(index int, now Link) *linkState {
	now.Index = index
	l := r.links[index]
	if l == nil {
		now.Forward6 = r.early[index]
		delete(r.early, index)
		l = newLinkState(now)
		r.links[index] = l
		r.christen(l)
		r.changed = append(r.changed, l)
		r.resume(l, true)
		r.stirLinks(l.Name)
		return l
	}
	if sameFacts(&l.Link, &now) {
		return l
	}
	r.show(l)
	before := l.Link
	now.Forward6 = before.Forward6
	if now.Name != before.Name {
		delete(r.links, index) // not its own namesake
		r.depart(l)
		r.links[index] = l
	}
	l.Link = now
	switch {
	case now.Name != before.Name:
		r.christen(l)
		r.strand(l)
		r.resume(l, true)
	case now.Up && !before.Up:
		r.doubt(l) // what is missing from now on the link has not taken
		r.resume(l, false)
	case !now.Up && before.Up:
		l.fell = true
		r.free(l.Name)
		r.doubtTables()
	case now.VRFTable != before.VRFTable:
		r.resumeEntries(l.Name)
	}
	r.linkMoved(&before, &now)
	if now.Master != before.Master {
		r.moved(l)
	}
	return l
}

// christen lets a link be known by its name. Two links have the same one only in stale events, when everything has just
// been read anew: the older link's end is still to be told.
func (r *Reconciler) christen(l *linkState) {
	if other := r.names[l.Name]; other != nil && other != l {
		r.namesakes = true
	}
	r.names[l.Name] = l
}

// namesake lets another link have the name that one has just given up.
func (r *Reconciler) namesake(name string) {
	if !r.namesakes {
		return
	}
	for _, index := range slices.Sorted(maps.Keys(r.links)) {
		if l := r.links[index]; l.Name == name {
			r.names[name] = l
			r.show(l)
			r.strand(l)
			r.resume(l, true)
			return
		}
	}
}

// vanish removes a link: all its addresses are gone with it.
func (r *Reconciler) vanish(l *linkState) {
	delete(r.links, l.Index)
	r.depart(l)
	for _, s := range l.list {
		if s.ours {
			r.out.Held = true
		}
	}
}

// depart ends a link under its present name.
func (r *Reconciler) depart(l *linkState) {
	r.cancel(l)
	if r.names[l.Name] != l {
		return // the name belongs to another link already
	}
	delete(r.names, l.Name)
	r.out.Gone = append(r.out.Gone, l.Name)
	r.doubtTables()
	for _, it := range r.itemsOn(l.Name) {
		if it.stands {
			r.lose(it, true, false)
		}
	}
	if n := r.virtual[l.Name]; n != nil {
		n.made, n.shaped = false, 0
	}
	r.free(l.Name)
	r.stirLinks(l.Name)
	r.namesake(l.Name)
}

// strand has the addresses deleted that we put on a link when it had another name: nobody answers for them now, unless
// somebody wants them there too.
func (r *Reconciler) strand(l *linkState) {
	for _, s := range l.list {
		if s.ours {
			r.enqueue(r.item(place{l.Name, s.spot()}))
			r.out.Held = true
		}
	}
}

// resume goes on with what is wanted on a link: with everything, if it is a new one, otherwise with what it lacked because
// the link was down.
func (r *Reconciler) resume(l *linkState, all bool) {
	for _, it := range r.itemsOn(l.Name) {
		if len(it.owners) > 0 && !it.stands && (all || it.linkless) {
			r.askAll(it)
		}
	}
	r.resumeKnob(l)
	r.resumeEntries(l.Name)
}

// doubtful reports whether an event about an address may have to do with what we are doing, or did a moment ago.
func (r *Reconciler) doubtful(l *linkState, at spot) bool {
	_, recent := l.recent[at]
	return recent || r.items[l.Name][at] != nil
}

// remember notes that events about the address of an operation are not to be believed for a while.
func (r *Reconciler) remember(f *flight) {
	if len(f.link.recent) == 0 {
		r.recents = append(r.recents, f.link)
	}
	f.link.recent[f.s.spot()] = struct{}{}
}

// drained says that no event is left that is older than the latest operation.
func (r *Reconciler) drained() {
	for _, l := range r.recents {
		clear(l.recent)
	}
	clear(r.recents)
	r.recents = r.recents[:0]
}

func (r *Reconciler) addrNew(l *linkState, a LinkAddr) {
	if s := l.find(a.Prefix, a.Peer); s != nil {
		const telling = FlagTentative | FlagDADFailed
		if s.ours && (s.Flags^a.Flags)&telling == 0 {
			s.LinkAddr, s.told = a, true
			return
		}
		if !s.same(a) {
			r.show(l)
		}
		s.LinkAddr, s.told = a, true
		return
	}
	if r.doubtful(l, a.spot()) {
		r.doubt(l)
		return
	}
	l.put(a)
	r.show(l)
}

func (r *Reconciler) addrDel(l *linkState, a LinkAddr) {
	r.doubtTables()
	s := l.find(a.Prefix, a.Peer)
	if s == nil {
		return
	}
	if s.ours || r.doubtful(l, a.spot()) {
		r.doubt(l)
		return
	}
	if a.Prefix.Addr().Is6() && len(r.items[l.Name]) > 0 {
		r.doubt(l) // with another prefix length it may be what makes one of ours stand
	}
	l.remove(s)
	r.show(l)
}
