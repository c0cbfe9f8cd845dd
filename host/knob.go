package host

// knob is what an item has that is promote_secondaries of a link: with it set, the kernel keeps the other IPv4 addresses of a network
// when the primary one is deleted. It is switched on while anybody wants it, and off again if it was we who switched it on
// (rule K12). What a killed process has switched on stays on.
type knob struct {
	index int  // the link that it was switched on, 0 for none
	ours  bool // it was off before
}

// Knob is an Op that switches promote_secondaries of a link.
type Knob struct {
	Link string
	On   bool
}

// Key identifies the switch in results.
func (k Knob) Key() Key { return Key{Entry: "promote_secondaries of " + k.Link} }

func (it *item) isAddress() bool { return it.entry == nil && it.knob == nil }

// claimKnobs makes o an owner of the switches. Stamp is that of claim.
func (r *Reconciler) claimKnobs(o *owner, links []string) (adds []*item) {
	for _, link := range links {
		it := r.knobs[link]
		if it == nil {
			r.seq++
			it = &item{seq: r.seq, place: place{link: link}, key: Knob{Link: link}.Key(), knob: &knob{}}
			if r.knobs == nil {
				r.knobs = map[string]*item{}
			}
			r.knobs[link] = it
		}
		if it.stamp != r.stamp {
			it.own(o, r.stamp)
			adds = append(adds, it)
		}
	}
	return adds
}

func (r *Reconciler) planKnob(it *item) {
	k, wanted, l := it.knob, len(it.owners) > 0, r.names[it.link]
	switch {
	case l == nil || l.dying:
		it.stands, it.linkless, *k = false, wanted, knob{}
		text := ""
		if wanted {
			text = NoSuchInterface
		}
		r.settle(it, text)
	case wanted && k.index == l.Index, !wanted && (!k.ours || k.index != l.Index):
		it.stands = wanted
		r.settle(it, "")
	default:
		it.linkless = false
		r.issue(flight{op: Op{Index: l.Index, Knob: &Knob{Link: it.link, On: wanted}}, it: it})
	}
}

// landKnob notes what the kernel made of it, and returns what it had against it.
func (r *Reconciler) landKnob(f *flight, res OpResult, text string) string {
	it, on := f.it, f.op.Knob.On
	switch res.Outcome {
	case Done, Exists:
		*it.knob = knob{}
		if on {
			*it.knob = knob{index: f.op.Index, ours: res.Outcome == Done}
		}
		it.stands = on
	case NoLink:
		if it.stands, it.linkless = false, on; on {
			return NoSuchInterface
		}
	}
	return text
}

// resumeKnob goes on with the switch of a link that has come.
func (r *Reconciler) resumeKnob(l *linkState) {
	if it := r.knobs[l.Name]; it != nil && len(it.owners) > 0 && it.knob.index != l.Index {
		r.askAll(it)
	}
}
