package notify

import (
	"fmt"
	"slices"
	"time"

	"holdfast.dev/clock"
)

// From SIGTERM at a script's limit to SIGKILL, and from there until it is given up.
const (
	killAfter   = 2 * time.Second
	giveUpAfter = 2 * time.Second
)

// Dispatcher delivers events to scripts: per object in order and one script at a time, different objects side by side. It is
// pure: somebody else runs what it asks for.
type Dispatcher struct {
	current  *table
	previous *table // for events that were decided before a reload, and those of what it deleted
	prepared *table
	gone     map[key]Departed // instances that a reload deleted and that were not told so yet

	objects map[key]*object
	ready   []*object // those with something queued and nothing running, by the Seq of their first
	jobs    map[uint64]*job
	lastJob uint64
	soonest clock.Instant  // no job is due before; 0 for none
	resume  map[Resume]int // key without Steps
	stop    clock.Instant  // 0 unless stopping
	actions []Action
}

// object is the queue of one virtual router or sync group.
type object struct {
	key
	queue   []*delivery
	job     *job
	ready   bool
	seen    uint64 // Seq of the last event that was taken
	told    string // last state that was told
	acked   uint64
	members []string
	merged  int // left out since the last line about it
}

// delivery is an event on its way.
type delivery struct {
	ev    Event
	at    clock.Instant // when it arrived
	steps []step
	next  int           // first step that has not begun
	group time.Duration // how long it waits for a group's members
	until clock.Instant // it is waiting for them
}

// job is a script that runs.
type job struct {
	id      uint64
	obj     *object
	d       *delivery
	what    string
	limit   time.Duration
	asked   clock.Instant
	due     clock.Instant // next signal
	signals int
}

// NewDispatcher makes a Dispatcher without a configuration.
func NewDispatcher() *Dispatcher {
	return &Dispatcher{
		gone: make(map[key]Departed), objects: make(map[key]*object), jobs: make(map[uint64]*job), resume: make(map[Resume]int),
	}
}

// Prepare takes the scripts of a generation that may come into force. Events of that generation are served from now on.
func (d *Dispatcher) Prepare(s *Spec) { d.prepared = newTable(s) }

// Abort forgets the prepared generation.
func (d *Dispatcher) Abort(gen uint64) {
	if d.prepared != nil && d.prepared.spec.Gen == gen {
		d.prepared = nil
	}
}

// Commit puts the prepared generation into force. The one before is kept for events that are meant in its terms, and of those before
// that the instances that were deleted and have still to be told so. It reports whether there was such a generation.
func (d *Dispatcher) Commit(gen uint64) bool {
	if d.prepared == nil || d.prepared.spec.Gen != gen {
		return false
	}
	d.previous, d.current, d.prepared = d.current, d.prepared, nil
	d.part()
	for k, o := range d.objects { // forget what no generation has
		_, waits := d.gone[k]
		if o.job == nil && len(o.queue) == 0 && !waits && d.current.objects[k] == nil && (d.previous == nil || d.previous.objects[k] == nil) {
			delete(d.objects, k)
		}
	}
	return true
}

// table gives the generation in whose terms an event is meant, else the one in force.
func (d *Dispatcher) table(gen uint64) *table {
	for _, t := range []*table{d.current, d.previous, d.prepared} {
		if t != nil && t.spec.Gen == gen {
			return t
		}
	}
	return d.current
}

// Idle reports whether everything was delivered or given up.
func (d *Dispatcher) Idle() bool { return len(d.ready) == 0 && len(d.jobs) == 0 }

// Deadline is when Step must next be called with Wakeup; ok is false when nothing is due.
func (d *Dispatcher) Deadline() (at clock.Instant, ok bool) {
	if len(d.jobs) > 0 {
		at = d.soonest
	}
	if d.current != nil && len(d.jobs) < d.current.limits.Parallel {
		for _, o := range d.ready {
			at = clock.Min(at, o.queue[0].until)
		}
	}
	if !d.Idle() {
		at = clock.Min(at, d.stop)
	}
	return at, at != 0
}

// Step advances to now and applies in. The actions are to be performed in order; the slice is reused by the next call.
func (d *Dispatcher) Step(now clock.Now, in Input) []Action {
	d.actions = d.actions[:0]
	switch in := in.(type) {
	case Arrived:
		d.arrived(now, &in.Event)
	case Began:
		d.began(in)
	case Ended:
		d.ended(in)
	case Renewed:
		d.renew()
	case Resume:
		d.resume[Resume{Seq: in.Seq, Decided: in.Decided}] = in.Steps
	case Stopping:
		d.stop = max(in.Until, 1)
	}
	d.expire(now)
	d.pump(now)
	return d.actions
}

func (d *Dispatcher) do(a Action) { d.actions = append(d.actions, a) }

func (d *Dispatcher) say(level int, format string, args ...any) {
	d.do(Say{level, fmt.Sprintf(format, args...)})
}

func (d *Dispatcher) renew() {
	for _, o := range d.objects {
		o.seen, o.acked = 0, 0
		for _, q := range o.queue {
			q.ev.Seq = 0 // of another count: it orders nothing and is acknowledged to nobody
		}
	}
	clear(d.resume)
}

// arrived queues an event. One that was taken before is answered again and not run again.
func (d *Dispatcher) arrived(now clock.Now, ev *Event) {
	k := key{ev.Object, ev.Name}
	o := d.objects[k]
	if o == nil {
		o = &object{key: k}
		d.objects[k] = o
	}
	if ev.Seq != 0 && ev.Seq <= o.seen {
		if o.acked > 0 {
			d.do(Ack{k.object, k.name, o.acked})
		}
		return
	}
	o.seen = max(o.seen, ev.Seq)
	t := d.terms(ev)
	if t == nil {
		d.say(levelWarn, "%s %s: nothing is configured yet for state %s", k.object, k.name, ev.State)
		d.ack(o, ev.Seq)
		return
	}
	if spec := t.objects[k]; spec != nil {
		o.members = spec.Members
	}
	steps := t.steps(ev, o.told)
	if ev.IsState() {
		o.told = ev.State
	}
	q := &delivery{ev: *ev, at: now.Mono, steps: steps, group: t.limits.Group}
	former := Resume{Seq: ev.Seq, Decided: ev.Times.Decided}
	q.next = min(d.resume[former], len(steps))
	delete(d.resume, former)
	if q.next > 0 {
		d.say(levelWarn, "%s %s: %s was begun before this process was restarted and is not run again",
			k.object, k.name, steps[q.next-1].what)
	}
	o.queue = append(o.queue, q)
	d.shorten(o, t.limits)
	d.enlist(o)
}

// shorten leaves out events that a later one has superseded, when there are too many or when merging is asked for. The newest
// state always stays, and so does the newest of each event that is not a state.
func (d *Dispatcher) shorten(o *object, l Limits) {
	waiting := o.queue
	if o.job != nil {
		waiting = waiting[1:]
	}
	if len(waiting) < 2 || !l.Merge && len(waiting) <= l.Queue {
		return
	}
	seen := map[string]bool{}
	keep := slices.Clone(o.queue[:len(o.queue)-len(waiting)])
	for _, q := range slices.Backward(waiting) {
		kind := q.ev.State
		if q.ev.IsState() {
			kind = ""
		}
		if seen[kind] && q.next == 0 {
			o.merged++
			continue
		}
		seen[kind] = true
		keep = slices.Insert(keep, len(o.queue)-len(waiting), q)
	}
	o.queue = keep
	if !l.Merge {
		d.say(levelWarn, "%s %s: its scripts are too slow, %d superseded states were left out", o.object, o.name, o.merged)
		o.merged = 0
	}
}

// enlist puts an object among those that are ready, by the Seq of what is first in its queue.
func (d *Dispatcher) enlist(o *object) {
	if o.ready || o.job != nil || len(o.queue) == 0 {
		return
	}
	o.ready = true
	at, _ := slices.BinarySearchFunc(d.ready, o.queue[0].ev.Seq, func(r *object, seq uint64) int {
		if r.queue[0].ev.Seq <= seq {
			return -1
		}
		return 1
	})
	d.ready = slices.Insert(d.ready, at, o)
}
