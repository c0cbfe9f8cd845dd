package notify

import (
	"cmp"
	"slices"
)

// Departed is an instance that a reload deleted, with its scripts. A MASTER hands over first and is told as DELETED when its addresses are
// gone; any number of reloads may come before that.
type Departed struct {
	Gen    uint64 // the last that had it
	Spec   *ObjectSpec
	Limits Limits
}

// Departed lists the deleted instances of which nobody was told yet, for a process that takes the place of this one.
func (d *Dispatcher) Departed() []Departed {
	var out []Departed
	for _, g := range d.gone {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b Departed) int { return cmp.Compare(a.Spec.Name, b.Spec.Name) })
	return out
}

// Restore takes over what another process has listed.
func (d *Dispatcher) Restore(list []Departed) {
	for _, g := range list {
		if g.Spec != nil && len(d.gone) < maxGone {
			d.gone[key{g.Spec.Object, g.Spec.Name}] = g
		}
	}
}

// maxGone bounds them: an event that never comes, because its sender died, must not be waited for without end.
const maxGone = 1 << 13

// part notes the instances that the generation in force does not have and the one before had, if anybody is to be told of their end.
func (d *Dispatcher) part() {
	if d.previous == nil {
		return
	}
	for k, o := range d.previous.objects {
		if k.object != Instance || d.current.objects[k] != nil || o.Any == nil && len(o.Scripts) == 0 {
			continue
		}
		own := *o // the other objects of its generation are let go
		d.gone[k] = Departed{d.previous.spec.Gen, &own, d.previous.limits}
	}
	for len(d.gone) > maxGone {
		oldest := d.current.spec.Gen
		for _, g := range d.gone {
			oldest = min(oldest, g.Gen)
		}
		for k, g := range d.gone {
			if g.Gen == oldest {
				delete(d.gone, k)
			}
		}
	}
}

// terms gives the generation in whose terms an event is meant, which for the end of a deleted instance may be long out of force.
func (d *Dispatcher) terms(ev *Event) *table {
	k := key{ev.Object, ev.Name}
	if g, ok := d.gone[k]; ok && ev.State == Deleted && ev.Gen == g.Gen {
		delete(d.gone, k)
		return &table{spec: &Spec{Gen: g.Gen}, limits: g.Limits, objects: map[key]*ObjectSpec{k: g.Spec}}
	}
	return d.table(ev.Gen)
}
