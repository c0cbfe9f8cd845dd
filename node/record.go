package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp"
)

// A recording is everything that a driver was given since its process began, and a digest of what it did, so that the same decisions can
// be had again. It is text: one JSON object a line. The first says what it is ([recordHead]), each other one is an event
// ([recordLine]). Passwords and keys are in it, without which the adverts could not be verified again: the file is for its owner only.
const (
	recordFormat  = "holdfast recording"
	recordVersion = 1
	// RecordLimit is how long a recording gets if nothing else is said, in octets: about half a million events.
	RecordLimit = 64 << 20
)

// recordHead is the first line.
type recordHead struct {
	Format  string
	Version int
	Start   clock.Now // of the process
}

// recordLine is one event.
type recordLine struct {
	N [3]int64        // monotonic, boot and wall clock in nanoseconds
	K string          // kind: the name of the event's type, or "generation"
	E json.RawMessage `json:",omitempty"`
	X []string        `json:",omitempty"` // what became of the adverts that were sent, if any failed: the error or ""
	D uint64          `json:",omitempty"` // digest of all outputs; 0 for none
}

// Recorder drives an engine as a Driver does, and keeps all that it is given until the limit is reached. It is used by the thread that
// owns the engine; only Bytes' result may be passed on.
type Recorder struct {
	Driver *Driver
	tee    *tee
	buf    []byte
	limit  int
	full   bool
}

// NewRecorder begins a recording of at most limit octets with a new engine of a process that started at now.
func NewRecorder(now clock.Now, out Outputs, limit int) *Recorder {
	r := &Recorder{tee: &tee{Outputs: out}, limit: limit}
	r.Driver = NewDriver(vrrp.New(now), r.tee)
	r.add(recordHead{recordFormat, recordVersion, now})
	return r
}

// Handle is Driver.Handle, recorded.
func (r *Recorder) Handle(now clock.Now, ev vrrp.Event) {
	if r.full {
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
	r.Driver.Engine.SetGeneration(gen)
	r.add(recordLine{K: "generation", E: fmt.Append(nil, gen)})
}

// Bytes is the recording so far. What has been returned is never changed; Full reports whether it ends before its time.
func (r *Recorder) Bytes() (recording []byte, full bool) {
	return r.buf[:len(r.buf):len(r.buf)], r.full
}

func (r *Recorder) add(v any) {
	b, err := json.Marshal(v)
	if r.full = r.full || err != nil || len(r.buf)+len(b)+1 > r.limit; !r.full {
		r.buf = append(append(r.buf, b...), '\n')
	}
}

// tee passes outputs on and digests them.
type tee struct {
	Outputs
	replay bool     // nothing is passed on, and adverts fare as errs says
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
		t.errs = nil
	}
}

func (t *tee) end() (errs []string, digest uint64) {
	if t.failed {
		errs = t.errs
	}
	return errs, t.digest
}

func (t *tee) note(format string, args ...any) {
	fmt.Fprintf(t.sum, format, args...)
	t.digest = t.sum.Sum64()
}

// Send notes an advert and what became of it.
func (t *tee) Send(s *vrrp.Send) error {
	t.note("send %v %v %v %v %v %v %x\n", s.Owner, s.Port, s.Src, s.Dst, s.TTL, s.ID, s.Payload)
	if t.replay {
		text := ""
		if len(t.errs) > 0 {
			text, t.errs = t.errs[0], t.errs[1:]
		}
		if text != "" {
			return errors.New(text)
		}
		return nil
	}
	err, text := t.Outputs.Send(s), ""
	if err != nil {
		text, t.failed = err.Error(), true
	}
	t.errs = append(t.errs, text)
	return err
}

// Announce notes announcements.
func (t *tee) Announce(items []vrrp.Announcement) {
	t.note("announce %v\n", items)
	if !t.replay {
		t.Outputs.Announce(items)
	}
}

// Want notes a desired state.
func (t *tee) Want(o host.Owner, gen uint64, want host.State) {
	t.note("want %v %v %v\n", o, gen, want)
	if !t.replay {
		t.Outputs.Want(o, gen, want)
	}
}

// Forget notes the end of an owner.
func (t *tee) Forget(o host.Owner) {
	t.note("forget %v\n", o)
	if !t.replay {
		t.Outputs.Forget(o)
	}
}

// Tell notes a notification.
func (t *tee) Tell(ev notify.Event) {
	t.note("tell %v\n", ev)
	if !t.replay {
		t.Outputs.Tell(ev)
	}
}

// Report notes a line of the log.
func (t *tee) Report(r *vrrp.Report) {
	t.note("report %v\n", *r)
	if !t.replay {
		t.Outputs.Report(r)
	}
}

// Refused notes an advert that was not taken.
func (t *tee) Refused(r *vrrp.Refused) {
	t.note("refused %v %v %v\n", r.Owner, r.From, r.Reason)
	if !t.replay {
		t.Outputs.Refused(r)
	}
}

// Moved notes a transition.
func (t *tee) Moved(m *vrrp.Transition) {
	t.note("moved %v\n", *m)
	if !t.replay {
		t.Outputs.Moved(m)
	}
}

// Publish notes nothing: it tells what is, not what is decided.
func (t *tee) Publish(r *vrrp.Router) {
	if !t.replay {
		t.Outputs.Publish(r)
	}
}
