package host

// NotALink is the text of a Result for a virtual link that makes no sense.
const NotALink = "not an interface that can be made"

// planLinks compares virtual links with what stands, a few at a time.
func (r *Reconciler) planLinks(limit int) {
	for room := linkBatch; room > 0 && len(r.carry) < limit && r.nodes.len() > 0; {
		n := r.nodes.pop()
		n.queued = false
		if n.flying {
			n.again = true
			continue
		}
		if r.planLink(n) {
			room--
		}
	}
}

// planLink reports whether it has issued an operation.
func (r *Reconciler) planLink(n *node) bool {
	l := r.present(n.name)
	if n.made && l != nil {
		n.made, n.shaped = false, l.Index
	}
	if len(n.owners) == 0 {
		r.planUnwantedLink(n, l)
		return false
	}
	base := r.present(n.want.Base)
	switch {
	case base == nil && l != nil && l.Up && l.Ours():
		return r.issueLink(n, LinkDown, l, nil)
	case base == nil:
		r.settleLink(n, NoSuchInterface)
	case l == nil && !n.made:
		return r.issueLink(n, LinkMake, nil, base)
	case l == nil: // the kernel is about to tell of it
	case !n.want.fits(&l.Link, &base.Link) && l.Ours():
		return r.issueLink(n, LinkDrop, l, base)
	case !n.want.fits(&l.Link, &base.Link):
		r.settleLink(n, "an interface of that name exists, and is not ours nor what is wanted: a "+string(n.want.Kind)+" on "+n.want.Base)
	case n.shaped != l.Index || n.shape != n.want || n.master != r.vrf(base):
		return r.issueLink(n, LinkShape, l, base)
	case n.up() && !l.Up:
		return r.issueLink(n, LinkUp, l, base)
	case !n.up() && l.Up:
		r.later(n)
	default:
		r.settleLink(n, "")
	}
	return false
}

// planUnwantedLink has what is ours deleted. A link that was there before us stays, and is taken down.
func (r *Reconciler) planUnwantedLink(n *node, l *linkState) {
	if l != nil && (l.Ours() || l.Up && n.shaped == l.Index) {
		r.later(n)
		return
	}
	r.settleLink(n, "")
}

func (r *Reconciler) later(n *node) {
	if !n.isLate {
		n.isLate = true
		r.late.push(n)
	}
}

// planLate issues what takes the kernel long, when addresses don't wait for anything.
func (r *Reconciler) planLate(limit int) {
	for room := lateBatch; room > 0 && len(r.carry) < limit && r.queue.len() == 0 && r.late.len() > 0; {
		n := r.late.pop()
		n.isLate = false
		l, base := r.present(n.name), r.present(n.want.Base)
		switch {
		case n.flying || n.queued:
			n.again = n.flying
		case l == nil || n.up() || len(n.owners) > 0 && !l.Up:
			r.enqueueLink(n)
		case len(n.owners) == 0 && l.Ours():
			r.issueLink(n, LinkDrop, l, base)
		default:
			r.issueLink(n, LinkDown, l, base)
			room--
		}
	}
}

// present is the link of that name, nil if there is none or its end is on its way.
func (r *Reconciler) present(name string) *linkState {
	if l := r.names[name]; l != nil && !l.dying {
		return l
	}
	return nil
}

// vrf is the VRF that a link is in, 0 for none.
func (r *Reconciler) vrf(l *linkState) int {
	if m := r.links[l.Master]; m != nil && m.Kind == VRF {
		return m.Index
	}
	return 0
}

func (r *Reconciler) issueLink(n *node, do LinkAction, l, base *linkState) bool {
	op := &LinkOp{Do: do, Want: n.want}
	index := 0
	if base != nil {
		op.Base, op.Master = base.Index, r.vrf(base)
	} else if l != nil {
		op.Base = l.Base
	}
	if l != nil {
		index = l.Index
	}
	if base != nil && n.want.below(&base.Link) != base.Index {
		op.Sibling = r.brother(n)
	} else {
		op.Sibling = r.sibling(op.Base, index)
	}
	op.Alone = do == LinkDrop && op.Sibling == 0
	n.flying, n.leaving, n.sinking = true, do == LinkDrop, do == LinkDown
	if do == LinkMake || do == LinkShape {
		n.shape, n.master = n.want, op.Master
	}
	r.carry = append(r.carry, flight{op: Op{Index: index, Link: op}, node: n})
	return true
}

// sibling finds another macvlan of ours on a base, but for those that are about to be deleted.
func (r *Reconciler) sibling(base, except int) int {
	found := 0
	for index, l := range r.links {
		if index != except && l.Kind == Macvlan && l.Base == base && base != 0 && !l.dying && l.Ours() && (found == 0 || index < found) && !r.leaving(l.Name) {
			found = index
		}
	}
	return found
}

// brother finds another macvlan of ours that is wanted, or was, on the base of n, which the kernel does not tell of.
func (r *Reconciler) brother(n *node) int {
	found := 0
	for other := range r.onBase[n.want.Base] {
		l := r.present(other.name)
		if other != n && l != nil && l.Kind == Macvlan && l.Ours() && (found == 0 || l.Index < found) && !r.leaving(other.name) {
			found = l.Index
		}
	}
	return found
}

// leaving reports whether the deletion of a link is planned or under way.
func (r *Reconciler) leaving(name string) bool {
	n := r.virtual[name]
	return n != nil && n.leaving && n.flying
}

// landLink takes the kernel's answer to an operation on a virtual link. What it did is learnt from its events.
func (r *Reconciler) landLink(f *flight, res OpResult) {
	n := f.node
	n.flying = false
	if n.again {
		n.again = false
		r.enqueueLink(n)
	}
	switch res.Outcome {
	case Refused, Unknown:
		r.stats.Refused++
		text := res.Text
		if text == "" {
			text = "refused by the kernel"
		}
		n.shaped = 0
		if !n.queued {
			r.settleLink(n, text)
		}
		return
	case NoLink:
		return // an event will say so
	}
	if res.Text != "" {
		r.out.Troubles = append(r.out.Troubles, n.name+": "+res.Text)
	}
	switch f.op.Link.Do {
	case LinkMake:
		n.made = true
	case LinkShape:
		n.shaped = f.op.Index
		r.enqueueLink(n)
	case LinkDown:
		if l := r.links[f.op.Index]; l != nil && l.Up { // what stands on it goes with it, before we are told
			n.downed = l.Index
		}
	case LinkDrop:
		if l := r.links[f.op.Index]; l != nil {
			l.dying = true // it is no sibling of others any more
		}
	}
}
