package notify

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast.dev/clock"
	_ "holdfast.dev/internal/steady" // the same on CI every time
)

// Whatever comes in whatever order: scripts of one object run one at a time and in order, each event's scripts exactly once,
// never more than the limit at once, and in the end nothing waits.
func TestRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &random{T: t, d: NewDispatcher(), now: epoch.Mono, busy: map[string]uint64{}, last: map[string]string{}, ran: map[string]int{}}
		w.parallel = rapid.IntRange(1, 4).Draw(t, "parallel")
		s := twoAndGroup(Limits{Parallel: w.parallel, Run: time.Second, Group: time.Duration(rapid.IntRange(1, 3000).Draw(t, "group")) * time.Millisecond})
		w.d.Prepare(s)
		w.d.Commit(1)
		t.Repeat(map[string]func(*rapid.T){
			"event": w.event, "again": w.again, "end": w.end, "time": w.time,
		})
		for n := 0; !w.d.Idle(); n++ {
			if n > 10000 {
				t.Fatal("never idle")
			}
			w.time(t)
			w.end(t)
		}
		for _, ev := range w.sent {
			for i := range 2 {
				if n := w.ran[fmt.Sprint(ev.Seq, i)]; n != 1 {
					t.Fatalf("script %d of %+v ran %d times", i, ev, n)
				}
			}
		}
	})
}

type random struct {
	*rapid.T
	d        *Dispatcher
	now      clock.Instant
	parallel int
	seq      uint64
	sent     []Event
	jobs     []uint64
	busy     map[string]uint64 // object → its job
	last     map[string]string // object → last script, as a string that sorts
	ran      map[string]int
}

func (w *random) event(t *rapid.T) {
	w.seq++
	name := rapid.SampledFrom([]string{"A", "B", "G"}).Draw(t, "name")
	ev := Event{Seq: w.seq, Gen: 1, Object: Instance, Name: name, State: rapid.SampledFrom([]string{Master, Backup, Fault}).Draw(t, "state")}
	if name == "G" {
		ev.Object = Group
	}
	w.sent = append(w.sent, ev)
	w.step(Arrived{ev})
}

func (w *random) again(t *rapid.T) {
	if len(w.sent) > 0 {
		w.step(Arrived{rapid.SampledFrom(w.sent).Draw(t, "again")})
	}
}

func (w *random) end(t *rapid.T) {
	if len(w.jobs) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.jobs)-1).Draw(t, "job")
	id := w.jobs[i]
	w.jobs = append(w.jobs[:i], w.jobs[i+1:]...)
	for name, job := range w.busy {
		if job == id {
			delete(w.busy, name)
		}
	}
	w.step(Ended{Job: id})
	w.step(Ended{Job: id, Fail: "twice"})
}

// time moves the clock to somewhere before the time limit of scripts that began now.
func (w *random) time(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "ms")) * time.Millisecond)
	w.step(Wakeup{})
}

func (w *random) step(in Input) {
	for _, a := range w.d.Step(clock.Now{Mono: w.now}, in) {
		switch a := a.(type) {
		case Run:
			name := a.Event.Name
			if w.d.jobs[w.busy[name]] != nil { // else it was given up a moment ago
				w.Fatalf("two scripts of %s at once", name)
			}
			this := fmt.Sprintf("%08d %d", a.Event.Seq, a.Step)
			if this <= w.last[name] {
				w.Fatalf("%s: %s after %s", name, this, w.last[name])
			}
			w.last[name], w.busy[name] = this, a.Job
			w.ran[fmt.Sprint(a.Event.Seq, a.Step)]++
			w.jobs = append(w.jobs, a.Job)
		case Ack:
			if n := len(w.sent); n == 0 || a.Seq > w.sent[n-1].Seq {
				w.Fatalf("acknowledged %+v", a)
			}
		}
	}
	for name, id := range w.busy { // given up: it does not hold the object any longer
		if w.d.jobs[id] == nil {
			delete(w.busy, name)
		}
	}
	if len(w.d.jobs) > w.parallel {
		w.Fatalf("%d at once, limit %d", len(w.d.jobs), w.parallel)
	}
	if at, ok := w.d.Deadline(); ok && at <= w.now {
		w.Fatalf("after a step the deadline is %v ago", w.now.Sub(at))
	}
}
