package host

import (
	"slices"
	"strings"
)

// wall is what a Reconciler knows of the firewall.
type wall struct {
	spec    Wall   // wanted by somebody, or the last that was while anything is barred
	wanted  bool   // spec is
	made    Wall   // the kernel holds it, as far as we know
	old     []Wall // may be there, and are to go: those that another one has replaced, and those that were not written, or not deleted
	want    map[Bar]int
	have    map[Bar]struct{} // barred, and nothing is under way that ends it
	adds    []Bar            // to be looked into: wanted, and not there when they were noted
	drops   []Bar            // the same: there, and not wanted
	doubt   bool             // somebody else has changed it
	flying  bool
	asked   *WallOp // flies, and was answered Later
	failure string  // why it could not be written
	stuck   string  // why an old one could not be deleted: as what failed it is tried again when Static wants anything
	waiting []*item // addresses that must not stand before they are barred
	asker   *owner  // Static, while it is to be told what comes of it
}

// claimWall takes over the firewall that Static wants. It is told last of all owners when a configuration comes into force, so that the
// first table has all that is to be barred, also for those who go on where another process has stopped.
func (r *Reconciler) claimWall(o *owner, spec Wall) {
	if o.id != Static {
		return
	}
	w := &r.wall
	w.stuck = ""
	if w.wanted = spec != (Wall{}); w.wanted {
		w.spec = spec
		w.failure = ""
	}
	if w.asker != o { // an earlier one was forgotten
		w.asker = o
		o.pending++
	}
}

// barOf is how an address is barred where it is wanted now; ok is false if it is not to be.
func (r *Reconciler) barOf(it *item) (bar Bar, ok bool) {
	if !it.addr.Barred || !it.isAddress() {
		return bar, false
	}
	a := it.at.Addr()
	bar.Addr = a
	if !a.Is6() || !a.IsLinkLocalUnicast() {
		return bar, true
	}
	bar.Link = it.link
	l := r.names[it.link]
	if l != nil && r.vrf(l) != 0 { // the kernel shows what comes in on it as the VRF's
		l = r.links[l.Master]
		bar.Link = l.Name
	}
	if !r.wall.spec.ByIndex {
		return bar, true
	}
	if l == nil {
		return bar, false
	}
	return Bar{Addr: a, Index: l.Index}, true
}

// moved is for a link that is in another VRF now.
func (r *Reconciler) moved(l *linkState) {
	for _, it := range r.itemsOn(l.Name) {
		if it.isBarred {
			r.enqueue(it)
		}
	}
}

// setBar has an item bar its address as it is wanted now. What it barred before is barred until it is wanted no more.
func (r *Reconciler) setBar(it *item) {
	bar, ok := r.barOf(it)
	if ok == it.isBarred && bar == it.bar {
		return
	}
	r.unbar(it)
	if !ok {
		return
	}
	w := &r.wall
	if w.want == nil {
		w.want = map[Bar]int{}
	}
	it.bar, it.isBarred = bar, true
	if w.want[bar]++; !w.has(bar) {
		w.adds = append(w.adds, bar)
	}
}

// unbar ends that.
func (r *Reconciler) unbar(it *item) {
	if !it.isBarred {
		return
	}
	w := &r.wall
	if w.want[it.bar]--; w.want[it.bar] == 0 {
		delete(w.want, it.bar)
		w.drops = append(w.drops, it.bar)
	}
	it.bar, it.isBarred = Bar{}, false
}

func (w *wall) has(bar Bar) bool {
	_, ok := w.have[bar]
	return ok
}

// mustAwaitWall reports whether a wanted address has to wait for the firewall. Where that can't be had the address can't either, and it says
// why.
func (r *Reconciler) mustAwaitWall(it *item) (wait bool, failure string) {
	r.setBar(it)
	w := &r.wall
	if !it.isBarred || w.has(it.bar) && !w.doubt {
		return false, ""
	}
	if w.failure != "" {
		return false, w.failure
	}
	w.adds = append(w.adds, it.bar) // it may have been wanted again while what removes it was on its way
	if !it.atWall {
		it.atWall = true
		w.waiting = append(w.waiting, it)
	}
	return true, ""
}

// idle reports whether no firewall is wanted, and nothing barred.
func (w *wall) idle() bool { return !w.wanted && len(w.want) == 0 }

// wallDue reports whether the firewall is not what it should be.
func (r *Reconciler) wallDue() bool {
	w := &r.wall
	stale := len(w.old) > 0 && w.stuck == ""
	switch {
	case w.flying:
		return false
	case w.idle():
		return w.made != (Wall{}) || stale
	case w.failure != "" || w.spec == (Wall{}): // the latter is told of in a moment
		return false
	}
	return w.doubt || w.made != w.spec || len(w.adds)+len(w.drops) > 0 || stale
}

// planWall issues what the firewall needs. What is to be barred no more waits until the addresses are gone: those have let go of it then. A
// firewall of another name is written before the old one goes.
func (r *Reconciler) planWall() {
	w := &r.wall
	if !r.wallDue() {
		return
	}
	op := &WallOp{Do: WallChange, Wall: w.spec}
	switch {
	case w.idle() && w.made != (Wall{}):
		op.Do, op.Wall = WallDrop, w.made
	case w.idle():
		op.Do, op.Wall = WallDrop, w.old[0]
	case w.doubt || w.made != w.spec:
		r.rebar()
		op.Do, op.Add = WallWrite, w.all()
	default:
		op.Add = pick(w.adds, func(b Bar) bool { return w.want[b] > 0 && !w.has(b) })
		op.Remove = pick(w.drops, func(b Bar) bool { return w.want[b] == 0 && w.has(b) })
	}
	w.adds, w.drops = nil, nil
	if op.Do == WallChange && len(op.Add)+len(op.Remove) == 0 {
		r.freeWall()
		if len(w.old) == 0 || w.stuck != "" {
			return
		}
		op.Do, op.Wall = WallDrop, w.old[0]
	}
	w.flying = true
	w.doubt = w.doubt && op.Do == WallDrop
	switch op.Do { // what is not sure to be barred until the answer counts as open
	case WallWrite:
		w.have = nil
	case WallChange:
		for _, b := range op.Remove {
			delete(w.have, b)
		}
	}
	r.carry = append(r.carry, flight{op: Op{Wall: op}, wall: true})
}

// rebar has link-local addresses barred by name or by number, whichever is wanted now.
func (r *Reconciler) rebar() {
	if r.wall.made.ByIndex == r.wall.spec.ByIndex {
		return
	}
	for _, it := range r.barred() {
		r.setBar(it)
	}
}

// barred are the items that are barred, in a fixed order.
func (r *Reconciler) barred() (list []*item) {
	for _, m := range r.items {
		for _, it := range m {
			if it.isBarred {
				list = append(list, it)
			}
		}
	}
	slices.SortFunc(list, func(a, b *item) int { return int(a.seq) - int(b.seq) })
	return list
}

// all is everything that is to be barred, in a fixed order.
func (w *wall) all() []Bar {
	list := make([]Bar, 0, len(w.want))
	for b := range w.want {
		list = append(list, b)
	}
	slices.SortFunc(list, compareBars)
	return list
}

func compareBars(a, b Bar) int {
	if c := a.Addr.Compare(b.Addr); c != 0 {
		return c
	}
	if c := strings.Compare(a.Link, b.Link); c != 0 {
		return c
	}
	return a.Index - b.Index
}

// pick returns the bars that f holds for, each once, in order.
func pick(list []Bar, f func(Bar) bool) (out []Bar) {
	slices.SortFunc(list, compareBars)
	for _, b := range slices.Compact(list) {
		if f(b) {
			out = append(out, b)
		}
	}
	return out
}

// landWall takes the kernel's answer, or that there will be one.
func (r *Reconciler) landWall(op *WallOp, res OpResult) {
	if res.Outcome == Later {
		r.wall.asked = op
		return
	}
	r.wallDone(op, res)
}

// wallAnswered takes the answer that was to come later.
func (r *Reconciler) wallAnswered(res OpResult) {
	if op := r.wall.asked; op != nil && res.Outcome != Later {
		r.wall.asked = nil
		r.wallDone(op, res)
	}
}

func (r *Reconciler) wallDone(op *WallOp, res OpResult) {
	w := &r.wall
	w.flying = false
	if res.Outcome == Refused || res.Outcome == Unknown {
		r.stats.Refused++
		r.wallRefused(op, res)
		return
	}
	switch op.Do {
	case WallDrop:
		w.forget(&op.Wall)
	case WallWrite:
		if w.made != (Wall{}) && !w.made.Same(&op.Wall.WallName) {
			w.leave(w.made)
		}
		w.forget(&op.Wall)
		w.made, w.have = op.Wall, make(map[Bar]struct{}, len(op.Add))
	}
	for _, b := range op.Add {
		w.have[b] = struct{}{}
	}
	r.stats.Walls++
	r.freeWall()
}

// forget notes that none of that name is there.
func (w *wall) forget(gone *Wall) {
	w.old = slices.DeleteFunc(w.old, func(o Wall) bool { return o.Same(&gone.WallName) })
	if w.made.Same(&gone.WallName) {
		w.made, w.have = Wall{}, nil
	}
}

// leave notes a firewall that is to go and may be there.
func (w *wall) leave(o Wall) {
	for i := range w.old {
		if have := &w.old[i]; have.Same(&o.WallName) {
			have.V4, have.V6 = have.V4 || o.V4, have.V6 || o.V6
			return
		}
	}
	w.old = append(w.old, o)
}

// wallRefused begins anew if a change did not go through: the table may be gone. Where it can't be written either, nothing that is to be barred may
// stand. What may be left of it is deleted when none is wanted, or was written.
func (r *Reconciler) wallRefused(op *WallOp, res OpResult) {
	w := &r.wall
	if op.Do == WallChange {
		w.doubt = true
		return
	}
	if w.made != (Wall{}) && (op.Do == WallWrite || w.made.Same(&op.Wall.WallName)) {
		w.leave(w.made)
		w.made, w.have = Wall{}, nil
	}
	w.leave(op.Wall)
	if op.Do == WallDrop {
		w.stuck = res.Text
		r.tellWall(op, res.Text)
		return
	}
	r.tellWall(op, res.Text)
	w.failure = "firewall: " + res.Text
	for _, it := range r.barred() {
		r.askAll(it)
	}
	r.freeWall()
}

// tellWall tells Static that an operation was refused, so that it wants the firewall again: there may be nobody else who does, and packets
// that may be taken may be dropped.
func (r *Reconciler) tellWall(op *WallOp, text string) {
	o := r.owners[Static]
	if o == nil {
		r.out.Troubles = append(r.out.Troubles, "firewall: "+text)
		return
	}
	key := op.Wall.Key()
	o.unremoved = slices.DeleteFunc(o.unremoved, func(res Result) bool { return res.Key == key })
	o.unremoved = append(o.unremoved, Result{Key: key, Err: text})
	r.touch(o)
}

// settleWall tells Static when nothing is under way for the firewall any more.
func (r *Reconciler) settleWall() {
	w := &r.wall
	o := w.asker
	if o == nil || w.flying || r.wallDue() || !w.wanted && len(w.want) > 0 {
		return
	}
	w.asker = nil
	if r.owners[o.id] != o {
		return // forgotten
	}
	o.pending--
	r.touch(o)
}

// freeWall lets the addresses go on that waited for the firewall.
func (r *Reconciler) freeWall() {
	list := r.wall.waiting
	r.wall.waiting = nil
	for _, it := range list {
		if it.atWall {
			it.atWall = false
			r.enqueue(it)
		}
	}
}
