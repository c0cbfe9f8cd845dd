package host

import "slices"

// entry is what an item has that is a route or a rule instead of an address.
//
// A kernel drops routes without a word, when a link goes down or an address is deleted. So what happens to links, and any
// event about an entry of ours that we did not cause, makes the Reconciler read the tables again: see tables.
type entry struct {
	route *Route // as the latest owner wants it, or as it is to be deleted
	rule  *Rule
	set   *Route // as we added it, or as it was wanted when we adopted it
	seen  *Route // as the kernel holds it, links numbered

	there  bool // the kernel holds it
	almost bool // not quite as it should be
	ours   bool // added or adopted by us
	unsure bool // whether it stands is told by the next reading
	other  bool // somebody else has changed something there since the last reading
	missed bool // the last reading found it gone: if somebody deleted it the event is on its way
	parked bool // planned when the addresses of its owners have been answered, and the tables been read
	read   bool // the tables were read since it was made
}

// held reports whether a later run would have to remove it if this one were killed now.
func (e *entry) held() bool { return e.ours && e.there }

// claimEntries makes o an owner of the routes and rules. Stamp is that of claim.
func (r *Reconciler) claimEntries(o *owner, want *State) (adds []*item) {
	take := func(key Key, rt *Route, ru *Rule) {
		it := r.entryItem(key, rt, ru)
		if it.stamp == r.stamp {
			return // named twice
		}
		it.own(o, r.stamp)
		it.entry.route, it.entry.rule, it.absent = rt, ru, false
		adds = append(adds, it)
	}
	for i := range want.Routes {
		if rt := &want.Routes[i]; rt.Valid() {
			take(rt.Key(), rt, nil)
		} else {
			o.results = append(o.results, Result{Key: rt.Key(), Err: NotARoute})
		}
	}
	for i := range want.Rules {
		if ru := &want.Rules[i]; ru.Valid() {
			take(ru.Key(), nil, ru)
		} else {
			o.results = append(o.results, Result{Key: ru.Key(), Err: NotARule})
		}
	}
	return adds
}

// entryLeftovers are the items of routes and rules that should be absent. One that anybody wants is left alone.
func (r *Reconciler) entryLeftovers(want *State) (gone []*item) {
	note := func(it *item) {
		if len(it.owners) == 0 {
			it.absent = true
			gone = append(gone, it)
		}
	}
	for i := range want.AbsentRules {
		if ru := &want.AbsentRules[i]; ru.Valid() {
			note(r.entryItem(ru.Key(), nil, ru))
		}
	}
	for i := range want.AbsentRoutes {
		if rt := &want.AbsentRoutes[i]; rt.Valid() {
			note(r.entryItem(rt.Key(), rt, nil))
		}
	}
	return gone
}

// entryItem returns the item of a route or rule, and makes it if need be.
func (r *Reconciler) entryItem(key Key, rt *Route, ru *Rule) *item {
	it := r.tables.items[key]
	if it == nil {
		r.seq++
		it = &item{seq: r.seq, key: key, entry: &entry{route: rt, rule: ru}}
		r.tables.add(it)
	}
	return it
}

// rulesFirst orders entries that are to go (rule K10).
func rulesFirst(gone []*item) []*item {
	out := make([]*item, 0, len(gone))
	for _, rules := range []bool{true, false} {
		for _, it := range gone {
			if (it.entry.rule != nil) == rules {
				out = append(out, it)
			}
		}
	}
	return out
}

// planEntry compares what is wanted with what the tables hold.
func (r *Reconciler) planEntry(it *item) {
	e := it.entry
	if e.parked = !e.read || r.awaitsAddresses(it); e.parked {
		return
	}
	if len(it.owners) == 0 {
		absent := it.absent
		it.absent = false
		switch gone := e.there && (e.ours || absent); {
		case !gone:
			r.settle(it, "")
		case !r.removeExactly(it):
			r.settle(it, WouldHit)
		}
		return
	}
	want, ok := r.numbered(e.route)
	if it.linkless = !ok; !ok {
		it.stands = false
		if e.there && e.ours { // under a name that its link has no more
			r.removeExactly(it)
		}
		r.settle(it, NoSuchInterface)
		return
	}
	switch {
	case e.there && !e.ours && !e.almost:
		e.ours, e.set = true, e.route
		r.out.Held = true
		fallthrough
	case e.there && !e.almost && sameRoute(e.set, e.route):
		it.stands = true
		r.settle(it, "")
		return
	case e.there && !r.removeExactly(it):
		it.stands = !e.almost
		r.settle(it, WouldHit)
		return
	}
	r.addEntry(it, want)
}

// awaitsAddresses reports whether an owner's addresses are not all answered yet: the route may need one of them.
func (r *Reconciler) awaitsAddresses(it *item) bool {
	for _, id := range it.owners {
		if o := r.owners[id]; o != nil && o.addresses > 0 {
			return true
		}
	}
	return false
}

// numbered is the route with the numbers of its links and of its table; ok is false if a link is missing.
func (r *Reconciler) numbered(rt *Route) (out *Route, ok bool) {
	if rt == nil {
		return nil, true
	}
	c := *rt
	if c.Table == 0 && c.VRF != "" {
		l := r.names[c.VRF]
		if l == nil || l.VRFTable == 0 {
			return nil, false
		}
		c.Table = l.VRFTable
	}
	c.Hops = append([]Hop(nil), rt.Hops...)
	for i := range c.Hops {
		h := &c.Hops[i]
		if h.Dev == "" {
			continue
		}
		l := r.names[h.Dev]
		if l == nil || l.dying {
			return nil, false
		}
		h.Index = l.Index
	}
	return &c, true
}

func (r *Reconciler) addEntry(it *item, want *Route) {
	e := it.entry
	e.there, e.almost, e.ours, e.set, e.seen = true, false, true, e.route, want
	r.out.Held = true
	r.tables.noteAdded(e)
	r.issue(flight{op: Op{Route: want, Rule: e.rule}, it: it})
}

func (r *Reconciler) removeEntry(it *item) {
	e := it.entry
	e.there, e.almost = false, false
	r.out.Held = true
	r.tables.noteRemoved(e)
	r.issue(flight{op: Op{Delete: true, Route: e.seen, Rule: e.rule}, it: it})
}

// removeExactly removes an entry and no other. The kernel takes the first one that has everything which the request tells,
// and may have more: entries of ours that it would take instead are removed before, and added again. Another program's are
// not touched: then it does nothing and reports false.
func (r *Reconciler) removeExactly(it *item) bool {
	var back []*item
	for {
		other, ok := r.first(it)
		if !ok || other == it {
			break
		}
		if other == nil || !other.entry.ours || other.flying > 0 {
			r.enqueueAll(back)
			return false
		}
		r.removeEntry(other)
		back = append(back, other)
	}
	r.removeEntry(it)
	r.enqueueAll(back)
	return true
}

// first is the item of what the kernel would take for the entry of it: nil if that is nobody's. ok is false if there is
// nothing that it could take.
func (r *Reconciler) first(it *item) (other *item, ok bool) {
	e := it.entry
	if e.rule != nil {
		i := slices.IndexFunc(r.tables.rules, func(have Rule) bool { return e.rule.Meets(&have) })
		if i < 0 {
			return nil, false
		}
		return r.tables.items[r.tables.rules[i].Key()], true
	}
	list := r.tables.routes[e.seen.Dst]
	i := slices.IndexFunc(list, func(have *Route) bool { return e.seen.Meets(have) })
	if i < 0 || e.seen.like(list[i]) == alike {
		return it, i >= 0
	}
	for _, other := range r.tables.byDst[e.seen.Dst] {
		if o := other.entry; o.there && o.seen.like(list[i]) == alike {
			return other, true
		}
	}
	return nil, true
}

func (r *Reconciler) enqueueAll(items []*item) {
	for _, it := range items {
		it.again = true // it is on its way
	}
}

// landEntry puts right what is believed of the tables, and returns what the kernel had against the operation.
func (r *Reconciler) landEntry(f *flight, res OpResult, text string) string {
	it, e := f.it, f.it.entry
	r.tables.suspect = r.tables.suspect || e.rule != nil || res.Outcome == Exists || res.Outcome == Unknown
	if f.op.Delete {
		switch res.Outcome {
		case Refused, Unknown:
			e.there, e.read = true, res.Outcome == Refused
			return text
		case Done:
			r.stats.Deleted++
		}
		if !e.there { // otherwise it was added anew by the next operation
			e.ours = false
		}
		return ""
	}
	wanted := len(it.owners) > 0
	switch res.Outcome {
	case Done:
		r.stats.Added++
		it.stands = wanted
		return ""
	case Exists, NotThere:
		e.unsure = true
		return ""
	case Unknown:
		e.read, it.stands = false, false
		return text
	case NoLink:
		text, it.linkless = NoSuchInterface, wanted
	}
	e.there, e.ours, it.stands = false, false, false
	r.out.Held = true
	return text
}
