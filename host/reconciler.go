package host

import (
	"cmp"
	"net/netip"
	"slices"
)

// Reconciler makes a kernel hold what its owners want. It is driven from outside (Round): it is told what is wanted, what
// the kernel's events say and what came of its operations, and says what to do next and what is to be reported.
//
// It is level-triggered: an operation is made only where what stands is not what is wanted. It carries out each Want once.
// What the kernel refuses, and what somebody deletes, it reports and leaves alone; whoever wants it decides whether and
// when to want it again. Only with a link do addresses come (back) without being asked for again: when it appears, or
// comes up after the kernel has dropped its IPv6 addresses, what is wanted on it still is added then.
//
// Events are late and tell of our own doings too, so no event about an address of ours is believed: it makes the
// Reconciler look at the link. Since looking and operating take turns, what is seen needs no guessing; the port id in an
// event, which the kernel leaves empty for IPv6, is not needed.
//
// A Reconciler must not be used from two goroutines at a time.
type Reconciler struct {
	mark uint8 // IFA_PROTO of what we add

	synced    bool
	links     map[int]*linkState
	names     map[string]*linkState
	early     map[int]bool // forwarding of links that were not announced yet
	namesakes bool         // two links were seen with one name

	virtual map[string]*node              // the virtual links that are wanted or are to go, by name
	onBase  map[string]map[*node]struct{} // by the name of their base
	nodes   queue[*node]                  // to be looked into
	late    queue[*node]                  // to be taken down or deleted, when nothing else is to be done

	owners map[Owner]*owner
	items  map[string]map[spot]*item // by link name
	tables tables
	knobs  map[string]*item // by link name
	wall   wall
	stamp  uint64 // of the Want that is being taken in
	seq    uint64 // of the latest item

	queue  queue[*item]
	carry  []flight // planned, not handed out yet; the links are described as if they had been carried out already
	flight []flight // handed out, not answered yet

	ops     []Op // these are reused
	events  []Event
	results []OpResult

	suspects []*linkState
	changed  []*linkState
	dirty    []*owner
	recents  []*linkState
	sparing  bool // see Spare

	out   Report
	stats Stats
}

// owner is one who wants something.
type owner struct {
	id        Owner
	gen       uint64
	wants     []*item
	links     []*node
	pending   int // items whose waiters include this owner
	addresses int // those of them that are addresses
	results   []Result
	unremoved []Result
	dirty     bool
}

// item is a place where an address is wanted, or should be gone, or was a moment ago; or such a route or rule.
type item struct {
	place
	knob   *knob   // of promote_secondaries of the link; at and addr mean nothing then
	entry  *entry  // of a route or rule; place and addr mean nothing then
	key    Key     // as the owner calls it
	addr   Address // as it is to stand, Prefix in the kernel's form; as the latest owner wants it
	owners []Owner // who wants it, nobody if it is to go
	absent bool    // to be deleted even if we did not add it

	stamp    uint64
	seq      uint64 // the order in which items were made: nothing may depend on the order of a map
	stands   bool   // wanted, and there
	linkless bool   // wanted, and not there because of its link: goes on when the link does
	queued   bool
	awaits   bool     // its virtual link to be there and up, or to be down
	bar      Bar      // how its address is barred, if it is
	isBarred bool     // bar counts
	atWall   bool     // it waits for the firewall
	flying   int      // operations planned or on their way
	again    bool     // something changed while they were; look into it once more
	failure  string   // what the kernel said to them, if not yes
	waiters  []*owner // who is to be told what comes of it
}

// New returns a Reconciler that marks what it adds with the IFA_PROTO value mark. It does nothing until it was given a
// Snapshot.
func New(mark uint8) *Reconciler {
	return &Reconciler{
		mark:    mark,
		links:   map[int]*linkState{},
		names:   map[string]*linkState{},
		early:   map[int]bool{},
		virtual: map[string]*node{},
		onBase:  map[string]map[*node]struct{}{},
		owners:  map[Owner]*owner{},
		items:   map[string]map[spot]*item{},
	}
}

// Reports returns what there is to tell since the last call. The value is the caller's.
func (r *Reconciler) Reports() Report {
	for _, o := range r.dirty {
		o.dirty = false
		if r.owners[o.id] != o {
			continue // forgotten meanwhile
		}
		r.out.Applied = append(r.out.Applied, Applied{
			Owner: o.id, Gen: o.gen, Results: o.results, Unremoved: o.unremoved, Final: o.pending == 0,
		})
		o.results, o.unremoved = nil, nil
	}
	later := r.changed[:0]
	for _, l := range r.changed {
		if r.links[l.Index] == l && r.sparing && l.sameShown() {
			later = append(later, l)
			continue
		}
		l.changed = false
		if r.links[l.Index] == l {
			l.shown, l.wasShown = l.Link, true
			r.out.Changed = append(r.out.Changed, l.snapshot())
		}
	}
	clear(r.changed[len(later):])
	r.dirty, r.changed = r.dirty[:0], later
	out := r.out
	r.out = Report{}
	return out
}

// Spare has links of which only addresses changed wait for a Reports after Spare(false). Each report of a link has all of its
// addresses: of thousands that come and go one by one, the caller had better be told now and then, not every time.
func (r *Reconciler) Spare(on bool) { r.sparing = on }

// Spared reports whether the last Reports left a link out because of Spare.
func (r *Reconciler) Spared() bool { return len(r.changed) > 0 }

// Held returns the items that stand and that we added or adopted, sorted: what a later run would have to remove if this
// one were killed now.
func (r *Reconciler) Held() []Key {
	var keys []Key
	for _, l := range r.links {
		for _, s := range l.list {
			if s.ours {
				keys = append(keys, s.Key(l.Name))
			}
		}
	}
	for _, it := range r.tables.items {
		if it.entry.held() {
			keys = append(keys, it.key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// Stats returns the counters.
func (r *Reconciler) Stats() Stats { return r.stats }

// Pending reports whether there is anything to be done at once: operations to be made, or links to be looked at.
func (r *Reconciler) Pending() bool {
	return len(r.suspects) > 0 || (r.synced && (len(r.carry)+r.queue.len()+r.nodes.len()+r.late.len() > 0 || r.tables.suspect || r.wallDue()))
}

func compareKeys(a, b Key) int {
	if a.Link != b.Link {
		if a.Link < b.Link {
			return -1
		}
		return 1
	}
	return cmp.Or(comparePrefixes(a.Prefix, b.Prefix), comparePrefixes(a.Net, b.Net), cmp.Compare(a.Entry, b.Entry))
}

func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), a.Bits()-b.Bits())
}

// touch has the owner reported.
func (r *Reconciler) touch(o *owner) {
	if !o.dirty {
		o.dirty = true
		r.dirty = append(r.dirty, o)
	}
}

// show has the link reported.
func (r *Reconciler) show(l *linkState) {
	if !l.changed {
		l.changed = true
		r.changed = append(r.changed, l)
	}
}

// doubt has the link looked at.
func (r *Reconciler) doubt(l *linkState) {
	if !l.suspect {
		l.suspect = true
		r.suspects = append(r.suspects, l)
	}
}

// queue holds what something has to be done about, in the order in which that came up.
type queue[T any] struct {
	list []T
	head int
}

func (q *queue[T]) len() int { return len(q.list) - q.head }

func (q *queue[T]) push(x T) { q.list = append(q.list, x) }

func (q *queue[T]) pop() (x T) {
	x, q.list[q.head] = q.list[q.head], x
	if q.head++; q.head == len(q.list) {
		q.list, q.head = q.list[:0], 0
	}
	return x
}
