package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/internal/graph"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp"
)

// A recording is everything that a driver was given, from the beginning of its process or from any later moment, and a digest of what it
// did, so that the same decisions can be had again. It is text: one JSON object a line. The first says what it is and, if the engine was not
// new, what its state was ([recordHead]); each other one is an event ([recordLine]). Passwords and keys are in it, without which the
// adverts could not be verified again: the file is for its owner only.
const (
	recordFormat  = "holdfast recording"
	recordVersion = 3
)

// recordHead is the first line.
type recordHead struct {
	Format  string
	Version int
	Start   clock.Now       // of the process
	State   json.RawMessage `json:",omitempty"` // see package graph: only a program of the same build can read it
}

// recordLine is one event.
type recordLine struct {
	N [3]int64        // monotonic, boot and wall clock in nanoseconds
	K string          // kind: the name of the event's type, or "generation"
	E json.RawMessage `json:",omitempty"`
	X []string        `json:",omitempty"` // what became of the adverts that were sent, if any failed: the error or ""
	D uint64          `json:",omitempty"` // digest of all outputs; 0 for none
}

// Recorder drives an engine as a Driver does, and while it is told to, passes on all that it is given. It belongs to the thread that owns
// the engine.
type Recorder struct {
	*Driver
	tee   *tee
	sink  func(line []byte) bool // nil while nothing is recorded
	left  int                    // octets that may still be written
	used  bool                   // the engine is not new any more
	start clock.Now              // of the process
}

// NewRecorder makes a driver of a new engine of a process that started at now. Nothing is recorded yet.
func NewRecorder(now clock.Now, out Outputs) *Recorder {
	t := &tee{Outputs: out}
	return &Recorder{Driver: NewDriver(vrrp.New(now), t), tee: t, start: now}
}

// Record begins a recording of at most limit octets. sink gets its lines, which are its own from then on, and must not wait; when it returns
// false, or the limit is reached, the recording is over. If the engine has been used already, its whole state is written down first,
// which takes some microseconds for every virtual router.
func (r *Recorder) Record(limit int, sink func(line []byte) bool) error {
	head, err := json.Marshal(recordHead{Format: recordFormat, Version: recordVersion, Start: r.start})
	if err != nil {
		return err
	}
	if r.used {
		state, err := graph.Encode(&recordState{r.Engine, r.failed})
		if err != nil {
			return err
		}
		// Not by json.Marshal, which would look through all of it.
		head = append(append(append(head[:len(head)-1], `,"State":`...), state...), '}')
	}
	r.sink, r.left, r.tee.on = sink, limit, true
	if r.write(head); r.sink == nil {
		return fmt.Errorf("the state alone is longer than %d octets", limit)
	}
	return nil
}

// Recording reports whether anything is recorded now.
func (r *Recorder) Recording() bool { return r.sink != nil }

// End ends a recording.
func (r *Recorder) End() { r.sink, r.tee.on = nil, false }

// Handle is Driver.Handle, recorded.
func (r *Recorder) Handle(now clock.Now, ev vrrp.Event) {
	r.used = true
	if r.sink == nil {
		r.Driver.Handle(now, ev)
		return
	}
	l := recordLine{N: [3]int64{int64(now.Mono), int64(now.Boot), now.Wall}, K: kindOf(ev)}
	if l.K != "AdvertsDue" && l.K != "Wakeup" {
		l.E, _ = json.Marshal(ev) // events are plain values
	}
	r.tee.begin()
	r.Driver.Handle(now, ev)
	l.X, l.D = r.tee.end()
	r.add(l)
}

// SetGeneration is Engine.SetGeneration, recorded.
func (r *Recorder) SetGeneration(gen uint64) {
	r.used = true
	r.Engine.SetGeneration(gen)
	if r.sink != nil {
		r.add(recordLine{K: "generation", E: fmt.Append(nil, gen)})
	}
}

func (r *Recorder) add(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		r.End()
		return
	}
	r.write(b)
}

func (r *Recorder) write(line []byte) {
	line = append(line, '\n')
	if r.left -= len(line); r.left < 0 || !r.sink(line) {
		r.End()
	}
}

// recordState is everything that decides what comes of an event.
type recordState struct {
	engine *vrrp.Engine
	failed map[host.Owner]string
}

// tee passes outputs on and digests them.
type tee struct {
	Outputs
	on     bool     // outputs are digested
	replay bool     // adverts fare as errs says
	errs   []string // of the adverts of this event
	failed bool
	digest uint64
	sum    interface {
		io.Writer
		Sum64() uint64
		Reset()
	}
}

func (t *tee) begin() {
	if t.sum == nil {
		t.sum = fnv.New64a()
	}
	t.sum.Reset()
	t.failed, t.digest = false, 0
	if !t.replay {
		t.errs = t.errs[:0]
	}
}

func (t *tee) end() (errs []string, digest uint64) {
	if t.failed {
		errs = t.errs
	}
	return errs, t.digest
}

func (t *tee) note(format string, args ...any) {
	if !t.on {
		return
	}
	fmt.Fprintf(t.sum, format, args...)
	t.digest = t.sum.Sum64()
}

// Send notes an advert and what became of it.
func (t *tee) Send(s *vrrp.Send) error {
	if !t.on {
		return t.Outputs.Send(s)
	}
	t.note("send %v %v %v %v %v %v %x\n", s.Owner, s.Port, s.Src, s.Dst, s.TTL, s.ID, s.Payload)
	err, text := t.Outputs.Send(s), ""
	if t.replay {
		if err = nil; len(t.errs) > 0 && t.errs[0] != "" {
			err = errors.New(t.errs[0])
		}
		t.errs = t.errs[min(1, len(t.errs)):]
		return err
	}
	if err != nil {
		text, t.failed = err.Error(), true
	}
	t.errs = append(t.errs, text)
	return err
}

// Announce notes announcements.
func (t *tee) Announce(items []vrrp.Announcement) {
	t.note("announce %v\n", items)
	t.Outputs.Announce(items)
}

// Want notes a desired state.
func (t *tee) Want(o host.Owner, gen uint64, want host.State) {
	t.note("want %v %v %v\n", o, gen, want)
	t.Outputs.Want(o, gen, want)
}

// Forget notes the end of an owner.
func (t *tee) Forget(o host.Owner) {
	t.note("forget %v\n", o)
	t.Outputs.Forget(o)
}

// Tell notes a notification.
func (t *tee) Tell(ev notify.Event) {
	t.note("tell %v\n", ev)
	t.Outputs.Tell(ev)
}

// Note notes what a peer is told.
func (t *tee) Note(n *vrrp.Note) {
	t.note("note %v\n", *n)
	t.Outputs.Note(n)
}

// Report notes a line of the log.
func (t *tee) Report(r *vrrp.Report) {
	t.note("report %v\n", *r)
	t.Outputs.Report(r)
}

// Refused notes an advert that was not taken.
func (t *tee) Refused(r *vrrp.Refused) {
	t.note("refused %v %v %v\n", r.Owner, r.From, r.Reason)
	t.Outputs.Refused(r)
}

// Moved notes a transition.
func (t *tee) Moved(m *vrrp.Transition) {
	t.note("moved %v\n", *m)
	t.Outputs.Moved(m)
}
