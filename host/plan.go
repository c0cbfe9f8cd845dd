package host

import "slices"

// flight is an operation that was planned, and whose answer is still to come. What we believe of the link is changed when
// it is planned, so that the next one is planned for what will be there then, and put right by the answer.
type flight struct {
	op   Op
	link *linkState // nil for a route or rule
	node *node      // it is about a virtual link; then the rest below is nil
	wall bool       // it is about the firewall; the same
	it   *item      // nil: an address of somebody else's that is put back
	s    *standing  // the address that is added or deleted
	back bool       // it is put back, because the kernel drops it with its primary address; it may stand still
	was  Address    // of one of ours that is put back: its settings if it does
}

// Next returns the operations to be made now, in order, at most limit of them; none while the last ones were not answered
// with Done. The slice is reused by the next call.
func (r *Reconciler) Next(limit int) []Op {
	if !r.synced || len(r.flight) > 0 {
		return nil
	}
	r.planLinks(limit)
	for len(r.carry) < limit && r.queue.len() > 0 {
		it := r.queue.pop()
		it.queued = false
		r.plan(it)
	}
	r.planWall()
	r.settleWall()
	r.planLate(limit)
	n := min(limit, len(r.carry))
	r.flight = append(r.flight[:0], r.carry[:n]...)
	r.carry = slices.Delete(r.carry, 0, n)
	r.ops = r.ops[:0]
	for i := range r.flight {
		r.ops = append(r.ops, r.flight[i].op)
	}
	if n > 0 {
		r.stats.Batches++
	}
	return r.ops
}

// plan compares what is wanted at a place with what stands there.
func (r *Reconciler) plan(it *item) {
	if it.flying > 0 {
		it.again = true
		return
	}
	switch {
	case it.entry != nil:
		r.planEntry(it)
		return
	case it.knob != nil:
		r.planKnob(it)
		return
	}
	l := r.names[it.link]
	if l != nil && l.dying {
		l = nil
	}
	if len(it.owners) > 0 {
		r.planWanted(it, l)
	} else {
		r.planUnwanted(it, l)
	}
}

func (r *Reconciler) planWanted(it *item, l *linkState) {
	if it.awaits = r.mustAwait(it, l); it.awaits {
		it.stands, it.linkless = false, true
		return
	}
	if n := r.virtual[it.link]; n != nil && n.failure != "" && (l == nil || !l.covered(it.at, it.addr.Peer)) {
		it.stands, it.linkless = false, true
		r.settle(it, n.failure)
		return
	}
	if l == nil {
		it.stands, it.linkless = false, true
		r.settle(it, NoSuchInterface)
		return
	}
	it.linkless = false
	if wait, failure := r.mustAwaitWall(it); wait || failure != "" {
		r.planUnbarred(it, l, wait, failure)
		return
	}
	s := l.find(it.at, it.addr.Peer)
	switch {
	case s != nil && s.vague:
		r.add(it, l) // if it is there after all, the kernel says so
		return
	case s != nil:
		r.keep(it, l, s)
		return
	}
	if it.stands = l.covered(it.at, it.addr.Peer); it.stands {
		r.settle(it, "")
		return
	}
	r.add(it, l)
}

// planUnbarred is for an address that is to be barred and is not yet, or can't be. One that stands already goes on standing while it waits, and
// is taken away when the firewall can't be had.
func (r *Reconciler) planUnbarred(it *item, l *linkState, wait bool, failure string) {
	if wait {
		return
	}
	it.stands = false
	if s := l.at[it.spot]; s != nil {
		it.failure = failure
		r.restore(l, r.remove(it, l, s))
		return
	}
	r.settle(it, failure)
}

func (r *Reconciler) planUnwanted(it *item, l *linkState) {
	if it.awaits = r.mustAwaitDown(it, l); it.awaits {
		return
	}
	absent := it.absent
	it.absent = false
	if l != nil {
		if s := l.at[it.spot]; s != nil && (s.ours || absent) {
			r.restore(l, r.remove(it, l, s))
			return
		}
	}
	r.settle(it, "")
}

// keep has an address that stands stay, with the settings that are wanted now.
func (r *Reconciler) keep(it *item, l *linkState, s *standing) {
	if !s.ours {
		s.ours, s.set = true, it.addr // as it is, until something else is wanted (rule K6)
		r.out.Held = true
		r.show(l)
	}
	it.stands = true
	switch same, replaceable := sameSettings(&s.set, &it.addr); {
	case same:
		r.settle(it, "")
	case replaceable:
		op := r.adding(it, l)
		op.Replace = true
		r.issue(flight{op: op, link: l, it: it, s: s})
	default:
		dropped := r.remove(it, l, s)
		r.add(it, l)
		r.restore(l, dropped)
	}
}

func (r *Reconciler) adding(it *item, l *linkState) Op {
	return Op{Index: l.Index, Proto: r.mark, Valid: Forever, Address: it.addr}
}

func (r *Reconciler) add(it *item, l *linkState) { r.addBack(it, l, nil) }

// addBack is add; was is what is put back, nil for nothing.
func (r *Reconciler) addBack(it *item, l *linkState, was *standing) {
	op := r.adding(it, l)
	a := &it.addr
	s := l.put(LinkAddr{
		Prefix: it.at, Peer: a.Peer, Flags: a.Flags, Scope: a.Scope, Proto: op.Proto, Broadcast: a.Broadcast, Label: a.Label,
		Preferred: a.Preferred, Valid: op.Valid,
	})
	s.ours, s.told, s.set = true, false, it.addr
	r.out.Held = true
	f := flight{op: op, link: l, it: it, s: s, back: was != nil, was: s.set}
	switch {
	case was == nil:
	case was.ours:
		f.was = was.set
	default:
		r.show(l) // it was somebody else's, and is ours from now on
	}
	r.issue(f)
}

// remove returns what the kernel drops by the way.
func (r *Reconciler) remove(it *item, l *linkState, s *standing) (dropped []*standing) {
	op := Op{Index: l.Index, Delete: true, Address: Address{Key: s.Key(it.link), Peer: s.Peer}}
	r.issue(flight{op: op, link: l, it: it, s: s})
	if s.ours {
		r.out.Held = true
	} else {
		r.show(l)
	}
	dropped = l.secondaries(s)
	l.remove(s)
	r.doubtTables()
	return dropped
}

func (r *Reconciler) issue(f flight) {
	if f.it != nil {
		f.it.flying++
	}
	if f.link != nil {
		r.remember(&f)
	}
	r.carry = append(r.carry, f)
}

// restore puts back what the kernel drops together with a primary address, of ours and of other people's. If
// promote_secondaries is set they are there still, and adding them does nothing. What is to go anyway may go.
func (r *Reconciler) restore(l *linkState, dropped []*standing) {
	for _, s := range dropped {
		it := r.items[l.Name][s.spot()]
		l.remove(s)
		switch {
		case it != nil && len(it.owners) > 0:
			r.addBack(it, l, s)
		case !s.ours && (it == nil || (!it.absent && it.flying == 0)):
			op := Op{Index: l.Index, Proto: s.Proto, Valid: s.Valid, Metric: s.Metric, Address: s.asAddress(l.Name)}
			r.issue(flight{op: op, link: l, s: l.put(s.LinkAddr), back: true})
		default:
			kept := l.put(s.LinkAddr)
			kept.ours, kept.set = s.ours, s.set
			continue
		}
		r.stats.Restored++
	}
}

// cancel takes back what was planned for a link and not handed out, because the name that it was planned for has moved
// on or what stands there is about to be learnt anew. Other people's addresses are still put back.
func (r *Reconciler) cancel(l *linkState) {
	r.carry = slices.DeleteFunc(r.carry, func(f flight) bool {
		if f.link != l || f.it == nil {
			return false
		}
		r.undo(&f)
		f.it.flying--
		f.it.again = false
		r.enqueue(f.it)
		return true
	})
}

// undo makes the link look as it did before f was planned.
func (r *Reconciler) undo(f *flight) {
	l := f.link
	switch {
	case f.op.Replace:
	case f.op.Delete:
		if l.at[f.s.spot()] == nil {
			s := l.put(f.s.LinkAddr)
			s.ours, s.set = f.s.ours, f.s.set
			r.out.Held = true
		}
	case !f.back && l.at[f.s.spot()] == f.s:
		l.remove(f.s)
		r.out.Held = true
	}
}
