package host

import (
	"cmp"
	"net/netip"
	"slices"
)

// Want replaces what the owner wants. Gen comes back in Applied, of which every Want causes at least one unless a newer
// one overtakes it; also if there is nothing to do. What the owner no longer wants is deleted if nobody else wants it.
func (r *Reconciler) Want(id Owner, gen uint64, want State) {
	o := r.owners[id]
	if o == nil {
		o = &owner{id: id}
		r.owners[id] = o
	}
	o.gen, o.results, o.unremoved = gen, nil, nil
	r.touch(o)

	for _, n := range r.claimLinks(o, want.Links) {
		r.askLink(n, o)
	}
	r.claimWall(o, want.Wall)
	adds, gone, entries := r.claim(o, &want)
	gone, goneEntries, knobs := split(gone)
	gone = append(gone, r.leftovers(want.Absent)...)
	goneEntries = append(goneEntries, r.entryLeftovers(&want)...)
	for _, it := range rulesFirst(goneEntries) {
		r.ask(it, o)
	}
	blocked := r.blockedNets(gone)
	late := adds[:0:0]
	for _, it := range adds {
		if _, ok := blocked[it.net(it.addr.Peer)]; ok {
			late = append(late, it)
			continue
		}
		r.ask(it, o)
	}
	for _, it := range append(r.primariesLast(gone), late...) {
		r.ask(it, o)
	}
	for _, it := range append(knobs, entries...) {
		r.ask(it, o) // carried out when the addresses have been answered
	}
}

// split separates addresses from routes and rules, and from switches.
func split(items []*item) (addresses, entries, knobs []*item) {
	for _, it := range items {
		switch {
		case it.entry != nil:
			entries = append(entries, it)
		case it.knob != nil:
			knobs = append(knobs, it)
		default:
			addresses = append(addresses, it)
		}
	}
	return addresses, entries, knobs
}

// Forget ends an owner: what it wanted is deleted if nobody else wants it, and nothing is reported to it any more.
func (r *Reconciler) Forget(id Owner) {
	o := r.owners[id]
	if o == nil {
		return
	}
	links := r.claimLinks(o, nil)
	_, gone, _ := r.claim(o, &State{})
	gone, entries, knobs := split(gone)
	delete(r.owners, id)
	for _, n := range links {
		r.enqueueLink(n)
	}
	r.out.Lost = slices.DeleteFunc(r.out.Lost, func(l Lost) bool { return l.Owner == id })
	for _, it := range append(append(rulesFirst(entries), r.primariesLast(gone)...), knobs...) {
		r.enqueue(it)
	}
}

// claim makes o an owner of what is wanted, and of nothing else. It returns the items of addresses, those of routes and
// rules, and those that nobody wants any more.
func (r *Reconciler) claim(o *owner, want *State) (adds, gone, entries []*item) {
	r.stamp++
	old := o.wants
	o.wants = make([]*item, 0, len(want.Addresses)+len(want.Routes)+len(want.Rules))
	for i := range want.Addresses {
		a := want.Addresses[i]
		if !a.valid() {
			o.results = append(o.results, Result{Key: a.Key, Err: NotAnAddress})
			continue
		}
		key := a.Key
		a.Prefix = a.kernelPrefix()
		it := r.item(place{a.Link, spotOf(a.Prefix, a.Peer)})
		if it.stamp == r.stamp {
			continue // named twice
		}
		it.own(o, r.stamp)
		it.key, it.addr, it.absent = key, a, false
		if r.setBar(it); a.Barred {
			r.wall.failure = "" // it is tried again
		}
		adds = append(adds, it)
	}
	entries = append(r.claimKnobs(o, want.Promote), r.claimEntries(o, want)...)
	for _, it := range old {
		if it.stamp == r.stamp {
			continue
		}
		if it.disown(o.id); len(it.owners) == 0 {
			gone = append(gone, it)
		}
	}
	return adds, gone, entries
}

func (it *item) own(o *owner, stamp uint64) {
	it.stamp = stamp
	o.wants = append(o.wants, it)
	if !slices.Contains(it.owners, o.id) {
		it.owners = append(it.owners, o.id)
	}
}

func (it *item) disown(id Owner) {
	if i := slices.Index(it.owners, id); i >= 0 {
		it.owners = slices.Delete(it.owners, i, i+1)
	}
	if len(it.owners) == 0 {
		it.stands, it.linkless, it.atWall = false, false, false
	}
}

// leftovers are the items of keys that should be absent. One that anybody wants is left alone.
func (r *Reconciler) leftovers(keys []Key) (gone []*item) {
	for _, k := range keys {
		a := Address{Key: k}
		if !a.valid() {
			continue // it can't be there either
		}
		it := r.item(place{k.Link, spot{k.Prefix, k.Net}})
		if len(it.owners) == 0 {
			it.key, it.absent = k, true
			gone = append(gone, it)
		}
	}
	return gone
}

// item returns the item of a place, and makes it if need be.
func (r *Reconciler) item(p place) *item {
	m := r.items[p.link]
	if m == nil {
		m = map[spot]*item{}
		r.items[p.link] = m
	}
	it := m[p.spot]
	if it == nil {
		r.seq++
		it = &item{seq: r.seq, place: p, key: p.key(), addr: Address{Key: p.key()}}
		m[p.spot] = it
	}
	return it
}

// itemsOn returns the items of a link in a fixed order.
func (r *Reconciler) itemsOn(link string) []*item {
	list := make([]*item, 0, len(r.items[link]))
	for _, it := range r.items[link] {
		list = append(list, it)
	}
	slices.SortFunc(list, func(a, b *item) int { return cmp.Compare(a.seq, b.seq) })
	return list
}

// tidy lets go of an item that nobody has any business with.
func (r *Reconciler) tidy(it *item) {
	if len(it.owners) > 0 || it.queued || it.awaits || it.flying > 0 || len(it.waiters) > 0 {
		return
	}
	if it.knob != nil {
		if !it.knob.ours { // else it could not be switched off
			delete(r.knobs, it.link)
		}
		return
	}
	if e := it.entry; e != nil {
		if !e.ours || !e.there { // else it could not be removed, and is not to be forgotten
			r.tables.remove(it)
		}
		return
	}
	r.unbar(it)
	m := r.items[it.link]
	delete(m, it.spot)
	if len(m) == 0 {
		delete(r.items, it.link)
	}
}

// ask has the item looked into, and tells o what came of it.
func (r *Reconciler) ask(it *item, o *owner) {
	if !slices.Contains(it.waiters, o) {
		it.waiters = append(it.waiters, o)
		if o.pending++; it.isAddress() {
			o.addresses++
		}
	}
	r.enqueue(it)
}

// askAll does so for all owners: nobody asked for it now.
func (r *Reconciler) askAll(it *item) {
	for _, id := range it.owners {
		if o := r.owners[id]; o != nil {
			r.ask(it, o)
		}
	}
	r.enqueue(it)
}

func (r *Reconciler) enqueue(it *item) {
	if !it.queued {
		it.queued = true
		r.queue.push(it)
	}
}

// netAt is an IPv4 network on a link.
type netAt struct {
	link string
	net  netip.Prefix
}

// net is what an address has to itself: an IPv4 address its network, of which it may be the primary one; an IPv6 address, which stands
// once whatever its prefix length, only itself.
func (it *item) net(peer netip.Prefix) netAt {
	if at := it.at.Addr(); at.Is6() {
		return netAt{it.link, netip.PrefixFrom(at, at.BitLen())}
	}
	return netAt{it.link, network(it.at, peer)}
}

// blockedNets are the networks whose primary address is about to go: what is added before that becomes a secondary
// address and is dropped together with it. An IPv6 address with another prefix length is in the way as well: what is added while it
// stands is not there when it has gone. Elsewhere adding comes first, so that a link is never without an address.
func (r *Reconciler) blockedNets(gone []*item) map[netAt]struct{} {
	blocked := map[netAt]struct{}{}
	for _, it := range gone {
		l := r.names[it.link]
		if l == nil || l.at[it.spot] == nil {
			continue
		}
		s := l.at[it.spot]
		if it.at.Addr().Is6() || s.Flags&FlagSecondary == 0 || l.nets[network(s.Prefix, s.Peer)][0] == s {
			blocked[it.net(s.Peer)] = struct{}{}
		}
	}
	return blocked
}

// primariesLast orders deletions so that secondary addresses go one by one, and nothing is dropped by the way.
func (r *Reconciler) primariesLast(gone []*item) []*item {
	var primary []*item
	rest := gone[:0:0]
	for _, it := range gone {
		l := r.names[it.link]
		if l != nil && l.at[it.spot] != nil && len(l.secondaries(l.at[it.spot])) > 0 {
			primary = append(primary, it)
			continue
		}
		rest = append(rest, it)
	}
	return append(rest, primary...)
}
