package kernel

import (
	"errors"
	"fmt"
	"slices"

	"holdfast.dev/host"
)

// Swept is what Sweep did.
type Swept struct {
	Removed []host.Key
	Failed  []host.Result // what is still there, and why
}

// Sweep deletes exactly these items, where they are present, in the network namespace of the calling thread: what a run that
// was killed has left behind (rule C5). That something bears our mark is no reason to delete it: it may be another
// daemon's. What the kernel drops together with a primary address is put back.
func Sweep(left Items) (Swept, error) {
	var out Swept
	q, err := newRequests(0, false)
	if err != nil {
		return out, err
	}
	defer func() { _ = q.close() }()
	links, err := q.snapshot()
	if err != nil {
		return out, err
	}
	want := host.State{Absent: left.Keys, AbsentRoutes: left.Routes, AbsentRules: left.Rules}
	routes, rules, err := q.tables(host.Asks(links, want))
	if err != nil {
		return out, err
	}
	ops := host.Diff(host.Machine{Links: links, Routes: routes, Rules: rules}, want, host.ProtoMark)
	for len(ops) > 0 {
		batch := ops[:min(len(ops), host.MaxBatch)]
		ops = ops[len(batch):]
		for i, res := range q.apply(batch, nil) {
			out.note(&batch[i], res)
		}
	}
	return out, nil
}

// SweepLinks deletes the virtual interfaces with these names, where they are present and we or an earlier run made them, and gives the
// interfaces that they stand on their settings back. It returns what it deleted.
func SweepLinks(names []string) (removed []string, err error) {
	q, err := newRequests(0, false)
	if err != nil {
		return nil, err
	}
	defer func() { _ = q.close() }()
	links, err := q.snapshot()
	if err != nil {
		return nil, err
	}
	var ops []host.Op
	for i := range links {
		l := &links[i]
		if l.Kind != host.Macvlan && l.Kind != host.IPVLAN || !l.Ours() || !slices.Contains(names, l.Name) {
			continue
		}
		base := baseOf(l)
		beside := func(o *host.Link) bool { return baseOf(o) == base && o.Kind == host.Macvlan && o.Ours() }
		alone := !slices.ContainsFunc(links[i+1:], func(o host.Link) bool { return beside(&o) && slices.Contains(names, o.Name) })
		alone = alone && !slices.ContainsFunc(links, func(o host.Link) bool { return beside(&o) && !slices.Contains(names, o.Name) })
		ops = append(ops, host.Op{
			Index: l.Index, Link: &host.LinkOp{Do: host.LinkDrop, Want: host.VirtualLink{Name: l.Name}, Base: base, Alone: alone},
		})
	}
	var errs []error
	for batch := range slices.Chunk(ops, host.MaxBatch) {
		for i, res := range q.dropLinks(batch, nil) {
			switch res.Outcome {
			case host.Done:
				removed = append(removed, batch[i].Link.Want.Name)
			case host.Refused, host.Unknown:
				errs = append(errs, errors.New(res.Text))
			}
		}
	}
	return removed, errors.Join(errs...)
}

// SweepWalls deletes these tables of firewalls, where they are present and bear their mark. A kernel without nftables has none.
func SweepWalls(names []host.WallName) (removed []host.WallName, err error) {
	w, err := newWalls()
	if err != nil {
		if lacking(err) {
			err = nil
		}
		return nil, err
	}
	defer func() { _ = w.close() }()
	var errs []error
	for _, name := range names {
		dropped, err := w.dropMarked(name)
		if dropped {
			removed = append(removed, name)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("table %s: %w", name.Table, err))
		}
	}
	return removed, errors.Join(errs...)
}

func (s *Swept) note(op *host.Op, res host.OpResult) {
	failed := res.Outcome == host.Refused || res.Outcome == host.Unknown
	switch {
	case failed && op.Delete:
		s.Failed = append(s.Failed, host.Result{Key: op.Key(), Err: res.Text})
	case failed:
		s.Failed = append(s.Failed, host.Result{Key: op.Address.Key, Err: "putting it back after its primary address was deleted: " + res.Text})
	case op.Delete && res.Outcome == host.Done:
		s.Removed = append(s.Removed, op.Key())
	}
}
