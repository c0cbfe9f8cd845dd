package status

import (
	"sync/atomic"
	"unsafe"

	"holdfast.dev/clock"
)

// Runs is the memory in which the process that runs scripts shows what became of those that notify and those that are tracked, as Page is that of the elections. One process
// writes it, any number read it.
type Runs struct{ mem []byte }

// Geometry of the memory.
const (
	RunsKept = 8192 // scripts
	// RunsSize is the size of the memory in octets.
	RunsSize = resultsAt + Results*resultSize
	runSize  = 264

	runsMagic   = 0x6873637269707473 // "hscripts"
	runsVersion = 3
)

type runsHeader struct {
	magic, version uint64
	last           atomic.Uint64
	results        atomic.Uint64 // places of tracked scripts in use are below
	start, run     Histogram
}

// Run is a notify script that was begun.
type Run struct {
	ID     uint64 // counts from 1 while the daemon lives
	Object string // "INSTANCE" or "GROUP"
	Name   string
	State  string
	What   string // the keyword that names the script
	// Decided and Queued are those of the transition that it tells of: with Object, Name and State they say which one.
	Decided, Queued clock.Instant
	Arrived         clock.Instant // the process that runs scripts heard of it
	Asked           clock.Instant // nothing was before it any more
	Forked          clock.Instant // it had a process; 0 while it had none, or where that was not told
	Started         clock.Instant // the program was executed; 0 while it was not
	Ended           clock.Instant // 0 while it runs
	Fail            string        // why it was no success; empty for success
}

type run struct {
	seq, id                                                 atomic.Uint64
	decided, queued, arrived, asked, forked, started, ended int64
	name                                                    text
	object, state, what                                     [24]byte
	fail                                                    [56]byte
}

var (
	_ [runSize - unsafe.Sizeof(run{})]byte
	_ [headerSize - unsafe.Sizeof(runsHeader{})]byte
)

// OpenRuns takes memory of RunsSize octets, 8-byte aligned. Memory that is all zero becomes empty; what is only read has to be made by
// somebody else before.
func OpenRuns(mem []byte) (*Runs, error) {
	if len(mem) < RunsSize || uintptr(unsafe.Pointer(&mem[0]))%8 != 0 {
		return nil, ErrPage
	}
	r := &Runs{mem}
	h := r.header()
	if h.magic == 0 && h.version == 0 {
		h.magic, h.version = runsMagic, runsVersion
	}
	if h.magic != runsMagic || h.version != runsVersion {
		return nil, ErrPage
	}
	return r, nil
}

func (r *Runs) header() *runsHeader { return (*runsHeader)(unsafe.Pointer(&r.mem[0])) }

func (r *Runs) run(id uint64) *run {
	return (*run)(unsafe.Pointer(&r.mem[headerSize+int(id%RunsKept)*runSize]))
}

// Add puts a script into the ring in place of the oldest and returns its number; the ID in v is not looked at.
func (r *Runs) Add(v *Run) uint64 {
	id := r.header().last.Load() + 1
	r.set(id, v)
	r.header().last.Store(id)
	return id
}

// Set replaces what is known of a script, if it is still in the ring.
func (r *Runs) Set(id uint64, v *Run) {
	if r.run(id).id.Load() == id {
		r.set(id, v)
	}
}

func (r *Runs) set(id uint64, v *Run) {
	e := r.run(id)
	seq := (e.seq.Load() + 1) | 1
	e.seq.Store(seq)
	e.id.Store(id)
	e.decided, e.queued, e.arrived = int64(v.Decided), int64(v.Queued), int64(v.Arrived)
	e.asked, e.forked, e.started, e.ended = int64(v.Asked), int64(v.Forked), int64(v.Started), int64(v.Ended)
	put(e.name[:], v.Name)
	put(e.object[:], v.Object)
	put(e.state[:], v.State)
	put(e.what[:], v.What)
	put(e.fail[:], v.Fail)
	e.seq.Store(seq + 1)
}

// Last is the number of the newest script, 0 for none.
func (r *Runs) Last() uint64 { return r.header().last.Load() }

// Run reads a script into v and reports whether it is in the ring.
func (r *Runs) Run(id uint64, v *Run) bool {
	last := r.Last()
	if id == 0 || id > last || last-id >= RunsKept {
		return false
	}
	e := r.run(id)
	for range 1000 {
		before := e.seq.Load()
		if before%2 != 0 {
			continue
		}
		mine := e.id.Load() == id
		*v = Run{
			ID: id, Object: get(e.object[:]), Name: get(e.name[:]), State: get(e.state[:]), What: get(e.what[:]), Fail: get(e.fail[:]),
			Decided: clock.Instant(e.decided), Queued: clock.Instant(e.queued), Arrived: clock.Instant(e.arrived),
			Asked: clock.Instant(e.asked), Forked: clock.Instant(e.forked), Started: clock.Instant(e.started), Ended: clock.Instant(e.ended),
		}
		if e.seq.Load() == before {
			return mine
		}
	}
	return false
}

// Start and Took are histograms of scripts: from the hand-over of the transition to the program's execution, and from there to its end.
func (r *Runs) Start() *Histogram { return &r.header().start }

// Took is how long scripts ran.
func (r *Runs) Took() *Histogram { return &r.header().run }
