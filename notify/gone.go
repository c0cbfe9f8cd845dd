package notify

// departed is an instance that a reload deleted, with its scripts. A MASTER hands over first and is told as DELETED when its addresses are
// gone; any number of reloads may come before that.
type departed struct {
	gen    uint64 // the last that had it
	spec   *ObjectSpec
	limits Limits
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
		d.gone[k] = departed{d.previous.spec.Gen, &own, d.previous.limits}
	}
	for len(d.gone) > maxGone {
		oldest := d.current.spec.Gen
		for _, g := range d.gone {
			oldest = min(oldest, g.gen)
		}
		for k, g := range d.gone {
			if g.gen == oldest {
				delete(d.gone, k)
			}
		}
	}
}

// terms gives the generation in whose terms an event is meant, which for the end of a deleted instance may be long out of force.
func (d *Dispatcher) terms(ev *Event) *table {
	k := key{ev.Object, ev.Name}
	if g, ok := d.gone[k]; ok && ev.State == Deleted && ev.Gen == g.gen {
		delete(d.gone, k)
		return &table{spec: &Spec{Gen: g.gen}, limits: g.limits, objects: map[key]*ObjectSpec{k: g.spec}}
	}
	return d.table(ev.Gen)
}
