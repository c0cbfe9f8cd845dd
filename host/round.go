package host

import "errors"

// Round does one round of work against a kernel: takes its events in, looks at what they made doubtful, and has at most
// one batch of operations made. It reports whether there is more to be done at once; the caller should let others run
// in between, and take the Reports. The error says what could not be read; it is tried again in the next round, before
// which the caller should wait a little.
func (r *Reconciler) Round(k Kernel) (more bool, err error) { return r.round(k, MaxBatch) }

// round is Round with batches of at most limit.
func (r *Reconciler) round(k Kernel, limit int) (more bool, err error) {
	events, state := k.Poll(r.events[:0])
	r.events = events
	for i := range events {
		r.Observe(&events[i])
	}
	if state == Overrun && r.synced {
		r.stats.Overruns++
	}
	if state == Overrun || !r.synced {
		if err = r.resync(k); err != nil {
			err = errors.New("reading what the kernel holds: " + err.Error())
		}
	}
	for _, index := range r.Suspects(limit) {
		v, e := k.Look(index)
		if e != nil {
			err = errors.New("reading a link: " + e.Error())
			break
		}
		r.Looked(index, v)
	}
	if ask := r.Queries(); len(ask) > 0 && err == nil {
		routes, rules, e := k.Tables(ask)
		if e != nil {
			err = errors.New("reading routes and rules: " + e.Error())
		} else {
			r.Entries(routes, rules)
		}
	}
	if state == Drained && len(r.suspects) == 0 {
		r.drained()
	}
	if ops := r.Next(limit); len(ops) > 0 {
		r.results = k.Apply(ops, r.results[:0])
		r.Done(r.results)
	}
	return len(events) > 0 || r.Pending(), err
}

func (r *Reconciler) resync(k Kernel) error {
	links, err := k.Snapshot()
	if err == nil {
		r.Sync(links)
	}
	return err
}
