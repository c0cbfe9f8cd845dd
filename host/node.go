package host

import (
	"maps"
	"slices"
)

// node is a virtual link that is wanted, or that was and is to go.
type node struct {
	name   string
	want   VirtualLink // as the latest owner wants it; Up does not count
	owners []Owner
	ups    []Owner // those that want it up

	stamp   uint64
	made    bool        // by us, and the kernel has not told of it yet
	shaped  int         // the link that was given the settings
	shape   VirtualLink // which ones
	master  int         // and which VRF
	downed  int         // the link that we have taken down, until the kernel has told of that; 0 for none
	queued  bool
	isLate  bool // in the late queue
	flying  bool
	leaving bool   // what flies deletes it
	sinking bool   // what flies takes it down
	again   bool   // something changed meanwhile; look into it once more
	failure string // why it is not what it should be
	waiters []*owner
}

func (n *node) up() bool { return len(n.ups) > 0 }

// How many virtual links are changed within one batch. To take one down costs some 15 ms, most of which is spent waiting for other processors;
// addresses must not wait for many. To delete many together costs hardly more than to delete one.
const (
	linkBatch = 8
	lateBatch = 4
)

// claimLinks makes o an owner of the virtual links, and of no others. It returns all that are concerned.
func (r *Reconciler) claimLinks(o *owner, links []VirtualLink) (concerned []*node) {
	r.stamp++
	old := o.links
	o.links = nil
	for i := range links {
		v := links[i]
		if !v.valid() {
			o.results = append(o.results, Result{Key: v.Key(), Err: NotALink})
			continue
		}
		n := r.node(v)
		if n.stamp == r.stamp {
			continue // named twice
		}
		n.stamp = r.stamp
		o.links = append(o.links, n)
		n.own(o.id, v.Up)
		concerned = append(concerned, n)
	}
	for _, n := range old {
		if n.stamp != r.stamp {
			n.owners, n.ups = drop(n.owners, o.id), drop(n.ups, o.id)
			concerned = append(concerned, n)
		}
	}
	return concerned
}

// node returns the virtual link of that name, as it is wanted now.
func (r *Reconciler) node(v VirtualLink) *node {
	n := r.virtual[v.Name]
	if n == nil {
		n = &node{name: v.Name}
		r.virtual[v.Name] = n
	}
	if n.want.Base != v.Base {
		r.unbase(n)
		if r.onBase[v.Base] == nil {
			r.onBase[v.Base] = map[*node]struct{}{}
		}
		r.onBase[v.Base][n] = struct{}{}
	}
	n.want = v
	n.want.Up = false
	return n
}

func (r *Reconciler) unbase(n *node) {
	if m := r.onBase[n.want.Base]; m != nil {
		if delete(m, n); len(m) == 0 {
			delete(r.onBase, n.want.Base)
		}
	}
}

func (n *node) own(id Owner, up bool) {
	n.owners, n.ups = append(drop(n.owners, id), id), drop(n.ups, id)
	if up {
		n.ups = append(n.ups, id)
	}
}

func drop(list []Owner, id Owner) []Owner {
	if i := slices.Index(list, id); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// askLink has the virtual link looked into, and tells o what came of it.
func (r *Reconciler) askLink(n *node, o *owner) {
	if !slices.Contains(n.waiters, o) {
		n.waiters = append(n.waiters, o)
		o.pending++
	}
	r.enqueueLink(n)
}

func (r *Reconciler) enqueueLink(n *node) {
	n.failure = ""
	if !n.queued {
		n.queued = true
		r.nodes.push(n)
	}
}

// stirLinks has everything looked into that has to do with a link of that name: the one of that name itself, and those on it.
func (r *Reconciler) stirLinks(name string) {
	if n := r.virtual[name]; n != nil {
		r.enqueueLink(n)
	}
	r.stirOn(name)
}

func (r *Reconciler) stirOn(base string) {
	if len(r.onBase[base]) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.virtual)) {
		if n := r.virtual[name]; n.want.Base == base {
			r.enqueueLink(n)
		}
	}
}

// linkMoved is for a link of which something changed.
func (r *Reconciler) linkMoved(before, now *Link) {
	if now.Name != before.Name {
		if n := r.virtual[before.Name]; n != nil && now.Ours() && r.virtual[now.Name] == nil {
			stray := n.want // it has the hardware address that the next of that name is to have
			stray.Name = now.Name
			r.enqueueLink(r.node(stray))
		}
		r.stirLinks(now.Name)
		return
	}
	if n := r.virtual[now.Name]; n != nil {
		if !now.Up {
			n.downed = 0
		}
		v := &n.shape
		if v.Kind == Macvlan && now.MAC != v.MAC || now.Mode != v.Mode || now.Master != before.Master && now.Master != n.master {
			n.shaped = 0
		}
		r.enqueueLink(n)
	}
	if now.Master != before.Master {
		r.stirOn(now.Name)
	}
}

// stirAll has all virtual links looked into, after the kernel was read anew. What was planned for them is planned again.
func (r *Reconciler) stirAll() {
	r.carry = slices.DeleteFunc(r.carry, func(f flight) bool {
		if f.node == nil {
			return false
		}
		f.node.flying = false
		return true
	})
	for _, name := range slices.Sorted(maps.Keys(r.virtual)) {
		n := r.virtual[name]
		n.made, n.downed = n.made && r.names[name] != nil, 0
		r.enqueueLink(n)
	}
}

// mustAwait reports whether a wanted address has to wait for its virtual link: until that is there and up, and was looked into since anything
// about it changed. What stands on one that is about to be taken down or made anew goes with it. Where the link can't be had it does not wait.
func (r *Reconciler) mustAwait(it *item, l *linkState) bool {
	n := r.virtual[it.link]
	return n != nil && n.up() && n.failure == "" && (n.queued || n.flying && (n.leaving || n.sinking) || l == nil || !l.Up || n.downed == l.Index)
}

// mustAwaitDown reports whether an address that is to go has to wait until its virtual link is down: the kernel says goodbye to the
// multicast group of an IPv6 address, from a hardware address that may be another router's by now.
func (r *Reconciler) mustAwaitDown(it *item, l *linkState) bool {
	n := r.virtual[it.link]
	if n == nil || n.up() || n.failure != "" || l == nil || !l.Up || it.at.Addr().Is4() {
		return false
	}
	s := l.at[it.spot]
	return s != nil && s.ours
}

// free lets the addresses go on that waited for their virtual link.
func (r *Reconciler) free(link string) {
	for _, it := range r.itemsOn(link) {
		if it.awaits {
			it.awaits = false
			r.enqueue(it)
		}
	}
}

// settleLink tells the waiters of a virtual link what came of it; the empty text is success.
func (r *Reconciler) settleLink(n *node, text string) {
	n.failure = text
	if text != "" && text != NoSuchInterface { // whoever wants it has to want it again, even if nobody has asked for it now
		for _, id := range n.owners {
			if o := r.owners[id]; o != nil && !slices.Contains(n.waiters, o) {
				n.waiters = append(n.waiters, o)
				o.pending++
			}
		}
	}
	r.free(n.name)
	for _, o := range n.waiters {
		if r.owners[o.id] != o {
			continue // forgotten
		}
		o.pending--
		switch {
		case slices.Contains(n.owners, o.id):
			o.results = append(o.results, Result{Key: n.want.Key(), Err: text})
		case text != "" && len(n.owners) == 0: // otherwise nothing was to be removed
			o.unremoved = append(o.unremoved, Result{Key: n.want.Key(), Err: text})
		}
		r.touch(o)
	}
	clear(n.waiters)
	n.waiters = n.waiters[:0]
	if len(n.owners) == 0 && !n.queued && !n.isLate && !n.flying && r.virtual[n.name] == n {
		r.unbase(n)
		delete(r.virtual, n.name)
	}
}
