package host

import (
	"cmp"
	"net/netip"
	"slices"
)

// Query asks for a part of what the tables hold.
type Query struct {
	V6    bool
	Rules bool
	Table uint32 // of routes
	Proto uint8  // of routes
}

// tables is what we know about routing tables and rules.
type tables struct {
	items   map[Key]*item
	byDst   map[netip.Prefix][]*item
	suspect bool   // to be read
	rules   []Rule // of both families, as last read, in the kernel's order
	routes  map[netip.Prefix][]*Route
}

func (t *tables) add(it *item) {
	if t.items == nil {
		t.items, t.byDst = map[Key]*item{}, map[netip.Prefix][]*item{}
	}
	t.items[it.key] = it
	if rt := it.entry.route; rt != nil {
		t.byDst[rt.Dst] = append(t.byDst[rt.Dst], it)
	}
	t.suspect = true
}

func (t *tables) remove(it *item) {
	delete(t.items, it.key)
	rt := it.entry.route
	if rt == nil {
		return
	}
	if t.byDst[rt.Dst] = without(t.byDst[rt.Dst], it); len(t.byDst[rt.Dst]) == 0 {
		delete(t.byDst, rt.Dst)
	}
}

// noteAdded and noteRemoved keep what was read up to date with what we do.
func (t *tables) noteAdded(e *entry) {
	if ru := e.rule; ru != nil {
		i := slices.IndexFunc(t.rules, func(have Rule) bool { return have.V6 == ru.V6 && have.Priority > ru.Priority })
		if i < 0 {
			i = len(t.rules)
		}
		t.rules = slices.Insert(t.rules, i, *ru)
		return
	}
	list := t.routes[e.seen.Dst]
	if e.route.Enter == EnterBefore && !e.route.Is6() {
		list = slices.Insert(list, 0, e.seen)
	} else {
		list = append(list, e.seen)
	}
	if t.routes == nil {
		t.routes = map[netip.Prefix][]*Route{}
	}
	t.routes[e.seen.Dst] = list
}

func (t *tables) noteRemoved(e *entry) {
	if e.rule != nil {
		t.rules = without(t.rules, *e.rule)
		return
	}
	list := t.routes[e.seen.Dst]
	if i := slices.IndexFunc(list, func(have *Route) bool { return e.seen.like(have) == alike }); i >= 0 {
		t.routes[e.seen.Dst] = slices.Delete(list, i, i+1)
	}
}

// sorted are the items in a fixed order.
func (t *tables) sorted() []*item {
	list := make([]*item, 0, len(t.items))
	for _, it := range t.items {
		list = append(list, it)
	}
	slices.SortFunc(list, func(a, b *item) int { return cmp.Compare(a.seq, b.seq) })
	return list
}

// doubtTables has the tables read again, if anything of ours may be in them.
func (r *Reconciler) doubtTables() {
	r.tables.suspect = r.tables.suspect || len(r.tables.items) > 0
}

// Queries returns what is to be read of the tables now, and nothing if that is not called for. Entries takes the answer.
func (r *Reconciler) Queries() []Query {
	if !r.tables.suspect || !r.synced {
		return nil
	}
	seen := map[Query]bool{}
	var list []Query
	for _, it := range r.tables.sorted() {
		e, q := it.entry, Query{}
		switch rt := e.route; {
		case rt == nil:
			q = Query{V6: e.rule.V6, Rules: true}
		case e.seen != nil:
			q = Query{V6: rt.Is6(), Table: e.seen.Table, Proto: rt.Proto}
		default:
			n, ok := r.numbered(rt)
			if !ok {
				n = rt
			}
			q = Query{V6: rt.Is6(), Table: n.Table, Proto: rt.Proto}
		}
		if !seen[q] && (q.Rules || q.Table != 0) {
			seen[q] = true
			list = append(list, q)
		}
	}
	r.tables.suspect = len(list) > 0
	if len(list) == 0 {
		r.Entries(nil, nil)
	}
	return list
}

// Entries takes in what the tables hold: the answer to Queries. It settles which of our entries are gone, and why.
func (r *Reconciler) Entries(routes []Route, rules []Rule) {
	r.tables.suspect, r.tables.rules = false, rules
	byDst := make(map[netip.Prefix][]*Route, len(routes))
	for i := range routes {
		if dst := routes[i].Dst; len(r.tables.byDst[dst]) > 0 {
			byDst[dst] = append(byDst[dst], &routes[i])
		}
	}
	r.tables.routes = byDst
	held := make(map[Rule]bool, len(rules))
	for _, ru := range rules {
		held[ru] = true
	}
	for _, it := range r.tables.sorted() {
		e := it.entry
		e.read = true
		if was := e.held(); it.flying == 0 {
			if e.there, e.almost = false, false; e.rule != nil {
				e.there = held[*e.rule]
			} else {
				r.lookUp(e, byDst[e.route.Dst])
			}
			r.verifyEntry(it)
			r.out.Held = r.out.Held || was != e.held()
		}
		if e.parked && !r.awaitsAddresses(it) {
			r.enqueue(it)
		}
	}
}

// lookUp finds a route of ours among those to its destination.
func (r *Reconciler) lookUp(e *entry, list []*Route) {
	want, ok := r.numbered(e.route)
	if !ok {
		want = e.seen // under the number that its link had
	}
	if want == nil {
		return
	}
	for _, have := range list {
		switch want.like(have) {
		case alike:
			e.there, e.almost, e.seen = true, false, r.seen(want, have)
			return
		case almost:
			e.there, e.almost, e.seen = true, true, r.seen(want, have)
		}
	}
}

// seen is a route as it was read, as far as it is ours: the kernel makes one of several IPv6 routes. Its hops get the names
// of their links.
func (r *Reconciler) seen(want, have *Route) *Route {
	c := *have
	c.Hops = slices.Clone(have.Hops)
	if want.Is6() {
		c.Hops = slices.DeleteFunc(c.Hops, func(h Hop) bool {
			return !slices.ContainsFunc(want.Hops, func(w Hop) bool { return w.like(&h, want.Multi) })
		})
	}
	c.Multi = len(c.Hops) > 1
	for i := range c.Hops {
		if l := r.links[c.Hops[i].Index]; l != nil {
			c.Hops[i].Dev = l.Name
		}
	}
	return &c
}

// verifyEntry draws the conclusions from what was read of an entry.
func (r *Reconciler) verifyEntry(it *item) {
	e := it.entry
	wanted := len(it.owners) > 0
	if e.ours && !e.there {
		e.ours = false
		r.out.Held = true
	}
	switch {
	case e.unsure:
		r.found(it)
	case it.queued || e.parked: // it is about to be looked into
		it.stands = it.stands && e.there
	case !wanted:
		r.tidy(it)
	case e.almost:
		r.askAll(it)
	case e.there:
		it.stands, it.linkless, e.missed = true, false, false
		if !e.ours {
			e.ours, e.set = true, e.route
			r.out.Held = true
		}
	case it.stands:
		r.missing(it)
	}
	e.other = false
}

// found ends the doubt of an addition that met with something there.
func (r *Reconciler) found(it *item) {
	e := it.entry
	e.unsure = false
	switch wanted := len(it.owners) > 0; {
	case !wanted || e.almost:
		e.ours = e.ours && e.there
		r.enqueue(it)
	case e.there:
		it.stands, e.ours, e.set = true, true, e.route
		r.out.Held = true
		r.settle(it, "")
	default:
		it.stands = false
		r.settle(it, InTheWay)
	}
}

// missing deals with an entry that stood and is gone: with its link, by somebody's hand, or because the kernel drops routes
// with addresses. The last is put right at once and nobody is told. One that has expired stays away until it is wanted anew.
func (r *Reconciler) missing(it *item) {
	e := it.entry
	switch up := r.leadsUp(e); {
	case !up:
		e.missed = false
		r.lose(it, true, false)
	case e.other:
		e.missed = false
		r.lose(it, false, false)
	case e.route != nil && e.route.Expires > 0: // it was to go
		e.missed, it.stands = false, false
	case !e.missed:
		e.missed, r.tables.suspect = true, true
		e.ours = true // until that is clear
	default:
		e.missed, it.stands = false, false
		r.stats.Restored++
		r.askAll(it)
	}
}

// leadsUp reports whether the links are up that an entry was seen to need.
func (r *Reconciler) leadsUp(e *entry) bool {
	if e.seen == nil {
		return true
	}
	for i := range e.seen.Hops {
		if n := e.seen.Hops[i].Index; n != 0 {
			if l := r.links[n]; l == nil || !l.Up {
				return false
			}
		}
	}
	return true
}

// resumeEntries goes on with the entries that a link lacked.
func (r *Reconciler) resumeEntries(link string) {
	if len(r.tables.items) == 0 {
		return
	}
	for _, it := range r.tables.sorted() {
		if rt := it.entry.route; rt != nil && len(it.owners) > 0 && !it.stands && (it.linkless || rt.Uses(link)) {
			r.askAll(it)
		}
	}
	r.doubtTables()
}

// entryChanged takes in an event about a route or rule.
func (r *Reconciler) entryChanged(ev *Event) {
	if ev.By == BySelf || len(r.tables.items) == 0 {
		return
	}
	if ev.Route != nil {
		for _, it := range r.tables.byDst[ev.Route.Dst] {
			if rt := it.entry.seen; rt == nil || rt.Table == ev.Route.Table && rt.rank() == ev.Route.rank() {
				it.entry.other = it.entry.other || ev.By == ByOther
				r.tables.suspect = true
			}
		}
		return
	}
	if it := r.tables.items[ev.Rule.Key()]; it != nil {
		it.entry.other = it.entry.other || ev.By == ByOther
	}
	r.tables.suspect = true // which rule the kernel takes for one of ours may have changed
}

// Same reports whether nothing has to be done to have o where rt was added.
func (rt *Route) Same(o *Route) bool { return rt.Key() == o.Key() && sameRoute(rt, o) }

// sameRoute reports the same of two that have one Key.
func sameRoute(a, b *Route) bool {
	if a == nil || b == nil {
		return a == b // rules: their key is all there is
	}
	hop := func(x, y Hop) bool {
		e := x.Encap == y.Encap || (x.Encap != nil && y.Encap != nil && x.Encap.same(y.Encap))
		x.Encap, y.Encap, x.Index, y.Index = nil, nil, 0, 0
		return e && x == y
	}
	return slices.EqualFunc(a.Hops, b.Hops, hop) && slices.Equal(a.Metrics, b.Metrics) && a.Source == b.Source && a.Pref == b.Pref &&
		a.TTLProp == b.TTLProp && a.Multi == b.Multi && a.Expires == b.Expires && a.Realms == b.Realms &&
		a.Congestion == b.Congestion && a.CongLock == b.CongLock
}

func (e *Encap) same(o *Encap) bool {
	return e.Kind == o.Kind && e.TOS == o.TOS && e.TTL == o.TTL && e.Flags == o.Flags && e.ID == o.ID && e.Dst == o.Dst &&
		e.Src == o.Src && e.ILA == o.ILA && slices.Equal(e.Labels, o.Labels)
}
