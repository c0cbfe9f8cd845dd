package host

import "slices"

// Done takes the kernel's answers to the operations that Next returned, in their order.
func (r *Reconciler) Done(results []OpResult) {
	for i := range r.flight {
		res := OpResult{Outcome: Unknown, Text: "no answer from the kernel"}
		if i < len(results) {
			res = results[i]
		}
		f := &r.flight[i]
		switch {
		case f.node != nil:
			r.landLink(f, res)
			continue
		case f.wall:
			r.landWall(f.op.Wall, res)
			continue
		}
		if f.link != nil {
			r.remember(f)
		}
		if f.it == nil {
			r.landForeign(f, res)
			continue
		}
		it := f.it
		text := r.land(f, res)
		if it.failure == "" {
			it.failure = text
		}
		if it.flying--; it.flying > 0 {
			continue
		}
		text, it.failure = it.failure, ""
		switch {
		case it.again:
			it.again = false
			r.enqueue(it)
		case !it.queued && (it.entry == nil || !it.entry.unsure):
			r.settle(it, text)
		}
	}
	clear(r.flight)
	r.flight = r.flight[:0]
	r.settleWall()
}

// land puts right what is believed of the link, and returns what the kernel had against the operation.
func (r *Reconciler) land(f *flight, res OpResult) (text string) {
	if res.Outcome == Refused || res.Outcome == Unknown {
		r.stats.Refused++
		if text = res.Text; text == "" {
			text = "refused by the kernel"
		}
	}
	switch {
	case f.it.entry != nil:
		return r.landEntry(f, res, text)
	case f.it.knob != nil:
		return r.landKnob(f, res, text)
	}
	switch {
	case f.op.Delete:
		r.landDelete(f, res)
		return text
	case f.op.Replace:
		r.landReplace(f, res)
		if res.Outcome == NoLink {
			return NoSuchInterface
		}
		return text
	}
	if res.Outcome == NoLink {
		text = NoSuchInterface
	}
	r.landAdd(f, res, text)
	return text
}

func (r *Reconciler) landDelete(f *flight, res OpResult) {
	switch res.Outcome {
	case Refused, Unknown:
		r.undo(f)
		r.doubt(f.link)
		if s := f.link.at[f.s.spot()]; s != nil {
			s.vague = res.Outcome == Unknown
		}
	case Done:
		r.stats.Deleted++
	}
}

func (r *Reconciler) landReplace(f *flight, res OpResult) {
	if res.Outcome == Done {
		f.s.set = f.op.Address
	} else {
		r.doubt(f.link)
	}
}

func (r *Reconciler) landAdd(f *flight, res OpResult, text string) {
	it, l := f.it, f.link
	wanted := len(it.owners) > 0
	switch res.Outcome {
	case Done:
		r.stats.Added++
		it.stands, f.s.vague = wanted, false
	case Exists, NotThere:
		it.stands, f.s.vague = wanted, false
		if same, _ := sameSettings(&f.was, &f.s.set); f.back && !same {
			f.s.set, it.again = f.was, true // it has never gone, and is as it was
		}
		r.doubt(l) // it is not known as what it stands
	case Unknown:
		f.s.vague = true
		r.doubt(l)
	default:
		if l.at[f.s.spot()] == f.s {
			l.remove(f.s)
			r.out.Held = true
		}
		it.linkless = wanted && res.Outcome == NoLink
		if it.stands { // it was to be put back only: nobody waits for an answer
			r.lose(it, res.Outcome == NoLink, false)
		}
	}
	if text != "" && it.stands && len(it.waiters) == 0 {
		r.out.Troubles = append(r.out.Troubles, it.place.String()+": "+text)
	}
}

// landForeign ends the restoring of an address that is not ours.
func (r *Reconciler) landForeign(f *flight, res OpResult) {
	switch res.Outcome {
	case Refused, NoLink, Unknown:
		if res.Outcome != NoLink {
			r.stats.Refused++
			r.out.Troubles = append(r.out.Troubles, f.op.Address.Key.String()+
				": the kernel dropped this address together with its primary address, and it can't be put back: "+res.Text)
		}
		if f.link.at[f.s.spot()] == f.s {
			f.link.remove(f.s)
			r.show(f.link)
		}
	}
}

// lose reports that an address which stood is gone, and if the link did it and is up again, has it put back.
func (r *Reconciler) lose(it *item, linkDown, up bool) {
	it.stands = false
	for _, id := range it.owners {
		r.out.Lost = append(r.out.Lost, Lost{Owner: id, Key: it.key, LinkDown: linkDown})
	}
	if !linkDown {
		return
	}
	if it.linkless = true; up {
		r.askAll(it)
	}
}

// settle tells the waiters of an item what came of it; the empty text is success.
func (r *Reconciler) settle(it *item, text string) {
	for _, o := range it.waiters {
		if r.owners[o.id] != o {
			continue // forgotten
		}
		if o.pending--; it.isAddress() {
			if o.addresses--; o.addresses == 0 {
				r.release(o)
			}
		}
		switch {
		case slices.Contains(it.owners, o.id):
			o.results = append(o.results, Result{Key: it.key, Err: text})
		case text != "":
			o.unremoved = append(o.unremoved, Result{Key: it.key, Err: text})
		}
		r.touch(o)
	}
	clear(it.waiters)
	it.waiters = it.waiters[:0]
	r.tidy(it)
}

// release goes on with the routes and rules that have waited for the owner's addresses.
func (r *Reconciler) release(o *owner) {
	for _, it := range o.wants {
		if it.entry != nil && it.entry.parked && it.entry.read {
			r.enqueue(it)
		}
	}
}
