package host

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Wall is a firewall of ours, a table of nftables: packets to an address that is barred are not taken, and none is sent from it (rule N1).
// Neighbour discovery passes, and so does what the machine forwards. The zero Wall is none.
type Wall struct {
	WallName
	Priority int32 // of its chains, which see input and output
	V4, V6   bool  // which families have addresses that may be barred; the other's table is not made
	ByIndex  bool  // a link-local address goes with the number of its interface instead of the name (rule N5)
	Counters bool  // what is dropped is counted
}

// WallName says which table it is.
type WallName struct {
	Table string `json:"table"` // its name, in the families ip and ip6
	// Mark is the comment of its sets, at most MaxMark octets. A table with another one is not ours.
	Mark string `json:"mark"`
}

// MaxMark is the longest Mark.
const MaxMark = 120

// Bar is an address that is barred. One that is link-local is so on its link only, or in the VRF that this is in: Link or Index tells which.
type Bar struct {
	Addr  netip.Addr
	Link  string
	Index int
}

// WallAction says what a WallOp does.
type WallAction uint8

// What can be done to the firewall, each in one transaction: a packet meets either what was before or what is after.
const (
	WallWrite  WallAction = iota // make the tables anew, with Add in them
	WallChange                   // bar Add, and Remove no more
	WallDrop                     // delete the tables
)

// WallOp is an Op that changes the firewall.
type WallOp struct {
	Do          WallAction
	Wall        Wall
	Add, Remove []Bar
}

// String is the operation as tests and logs write it: "wall keepalived +10.0.0.3 -fe80::1%eth0".
func (o *WallOp) String() string {
	var b strings.Builder
	switch b.WriteString("wall " + o.Wall.Table); o.Do {
	case WallWrite:
		b.WriteString(" anew")
	case WallDrop:
		b.WriteString(" gone")
	}
	for _, bar := range o.Add {
		b.WriteString(" +" + bar.String())
	}
	for _, bar := range o.Remove {
		b.WriteString(" -" + bar.String())
	}
	return b.String()
}

// String is the address as people write it: "10.0.0.3", "fe80::1%eth0".
func (b Bar) String() string {
	switch {
	case b.Index != 0:
		return fmt.Sprintf("%s%%%d", b.Addr, b.Index)
	case b.Link != "":
		return b.Addr.String() + "%" + b.Link
	}
	return b.Addr.String()
}

// wall is what a Reconciler knows of the firewall.
type wall struct {
	spec    Wall // wanted by somebody, or the last that was while anything is barred
	wanted  bool // spec is
	made    Wall // the kernel holds it, as far as we know
	want    map[Bar]int
	have    map[Bar]struct{}
	adds    []Bar // to be looked into: wanted, and not there when they were noted
	drops   []Bar // the same: there, and not wanted
	doubt   bool  // somebody else has changed it
	flying  bool
	failure string  // why it could not be written
	waiting []*item // addresses that must not stand before they are barred
}

// claimWall takes over the firewall that Static wants. It is told last of all owners when a configuration comes into force, so that the
// first table has all that is to be barred, also for those who go on where another process has stopped.
func (r *Reconciler) claimWall(id Owner, w Wall) {
	if id != Static {
		return
	}
	if r.wall.wanted = w != (Wall{}); r.wall.wanted {
		r.wall.spec = w
		r.wall.failure = ""
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

// wallDue reports whether the firewall is not what it should be.
func (r *Reconciler) wallDue() bool {
	w := &r.wall
	switch {
	case w.flying || w.failure != "":
		return false
	case !w.wanted && len(w.want) == 0:
		return w.made != (Wall{})
	case w.spec == (Wall{}): // told of in a moment
		return false
	}
	return w.doubt || w.made != w.spec || len(w.adds)+len(w.drops) > 0
}

// planWall issues what the firewall needs. What is to be barred no more waits until the addresses are gone: those have let go of it then.
func (r *Reconciler) planWall() {
	w := &r.wall
	if !r.wallDue() {
		return
	}
	op := &WallOp{Do: WallChange, Wall: w.spec}
	switch {
	case !w.wanted && len(w.want) == 0, w.made.Table != "" && w.made.Table != w.spec.Table:
		op.Do, op.Wall = WallDrop, w.made
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
		return
	}
	w.flying, w.doubt = true, false
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

// landWall takes the kernel's answer.
func (r *Reconciler) landWall(f *flight, res OpResult) {
	w, op := &r.wall, f.op.Wall
	w.flying = false
	if res.Outcome == Refused || res.Outcome == Unknown {
		r.stats.Refused++
		r.wallRefused(op, res)
		return
	}
	switch op.Do {
	case WallDrop:
		w.made, w.have = Wall{}, nil
	case WallWrite:
		w.made, w.have = op.Wall, make(map[Bar]struct{}, len(op.Add))
	}
	for _, b := range op.Add {
		w.have[b] = struct{}{}
	}
	for _, b := range op.Remove {
		delete(w.have, b)
	}
	r.stats.Walls++
	r.freeWall()
}

// wallRefused begins anew if a change did not go through: the table may be gone. Where it can't be written either, nothing that is to be barred may
// stand.
func (r *Reconciler) wallRefused(op *WallOp, res OpResult) {
	w := &r.wall
	if op.Do == WallChange {
		w.doubt = true
		return
	}
	text := "firewall: " + res.Text
	r.out.Troubles = append(r.out.Troubles, text)
	if op.Do == WallDrop {
		w.made, w.have = Wall{}, nil // the next table is written as if it were the first
		return
	}
	w.made, w.have, w.failure = Wall{}, nil, text
	for _, it := range r.barred() {
		r.askAll(it)
	}
	r.freeWall()
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
