package track

import (
	"fmt"
	"time"

	"holdfast.dev/clock"
)

// From the first SIGTERM to SIGKILL, to the second SIGKILL, and between all that follow (rule J7).
const (
	killAfter  = 2 * time.Second
	killAgain  = 2 * time.Second
	killPeriod = 10 * time.Second
)

// Script is the machine of one vrrp_script or vrrp_check: when it runs, when it is told to end, and what its results mean.
type Script struct {
	spec    Spec
	state   State
	counter int // rule J6: 0..rise+fall-1, up from rise on
	code    int // the exit code that was said last

	base    clock.Instant // what the schedule counts from
	next    clock.Instant // next start
	run     uint64        // number of the last run
	running bool
	began   bool // since the last Report
	stale   bool // the run that is going on is of a command that the configuration no longer has
	removed bool

	ending  int           // signals sent to the run that is going on
	signal  clock.Instant // when the next one is due
	last    Ended
	actions []Action
}

// NewScript makes the machine of a script that is first run at once. With reload set the source appeared at a reload and
// holds nobody back until its first result (rule P10).
func NewScript(spec Spec, now clock.Now, reload bool) *Script {
	return &Script{
		spec: spec.withDefaults(), state: State{Kind: spec.Kind, Source: spec.Name, Reload: reload},
		base: now.Mono, next: now.Mono,
	}
}

// State is the last word on the source.
func (s *Script) State() State { return s.state }

// Done reports whether the script was removed and its last run has ended.
func (s *Script) Done() bool { return s.removed && !s.running }

// Deadline is when Step must next be called with Wakeup; ok is false when nothing is due.
func (s *Script) Deadline() (at clock.Instant, ok bool) {
	if !s.removed {
		at = s.next
	}
	if s.running {
		at = clock.Min(at, s.signal)
	}
	return at, at != 0
}

// Step advances to now and applies ev. The actions are to be performed in order; the slice is reused by the next call.
func (s *Script) Step(now clock.Now, ev Event) []Action {
	s.actions = s.actions[:0]
	switch ev := ev.(type) {
	case Ended:
		s.ended(now, ev)
	case Reconfigure:
		s.reconfigure(now, ev.Spec)
	case Remove:
		s.remove(now)
	}
	if s.running && s.signal != 0 && !now.Mono.Before(s.signal) {
		s.sendSignal(now)
	}
	if !s.removed && s.next != 0 && !now.Mono.Before(s.next) {
		s.start(now)
	}
	return s.actions
}

func (s *Script) do(a Action) { s.actions = append(s.actions, a) }

// start begins a run, or says why not (rule J5), and sets the next start. Starts are multiples of the interval from the
// first, so they never drift; those that were slept through are left out.
func (s *Script) start(now clock.Now) {
	late := now.Mono.Sub(s.base)
	s.next = s.base.Add((late/s.spec.Interval + 1) * s.spec.Interval)
	if s.running {
		what := "already running"
		if s.ending > 0 {
			what = "being timed out"
		}
		if s.spec.Kind == OfCheck {
			return // it was told to end a moment ago, and its reason is told where it changes
		}
		s.do(Say{Level: Warn, Text: fmt.Sprintf("Track %s %s is %s, expect idle - skipping run", s.spec.Kind, s.spec.Name, what)})
		s.immortal()
		return
	}
	s.run++
	s.running, s.began, s.stale, s.ending = true, true, false, 0
	s.signal = now.Mono.Add(s.spec.Timeout)
	s.do(Say{Level: Debug, Detail: 2, Text: fmt.Sprintf("Running vrrp %s %s", s.spec.Kind, s.spec.Name)})
	s.do(Run{Run: s.run, Spec: s.spec})
}

// sendSignal is rule J7: SIGTERM at the timeout, SIGKILL 2 s later, again after 2 s, then every 10 s.
func (s *Script) sendSignal(now clock.Now) {
	s.do(Signal{Run: s.run, Kill: s.ending > 0})
	s.ending++
	switch s.ending {
	case 1:
		s.signal = now.Mono.Add(killAfter)
	case 2:
		s.signal = now.Mono.Add(killAgain)
	case immortal:
		s.signal = now.Mono.Add(killPeriod)
		s.immortal()
	default:
		s.signal = now.Mono.Add(killPeriod)
	}
}

// immortal is how many signals make a run one that nothing can end: killed two seconds ago, and it still runs.
const immortal = 3

// immortal counts such a run as a failure, and so each later one that can't begin because of it: the kernel may hold it for ever.
func (s *Script) immortal() {
	if s.ending >= immortal && !s.stale && !s.removed {
		s.count(false, "timed_out, and can't be killed")
	}
}

// remove ends the script. What is still running is told to end now.
func (s *Script) remove(now clock.Now) {
	if s.removed {
		return
	}
	s.removed = true
	if s.running && s.ending == 0 {
		s.signal = now.Mono
	}
}

// reconfigure takes over a new Spec. The result of an unchanged command is kept, and so is a run of it that is going on;
// any other command starts anew, once a run of the old one has been told to end and has ended.
func (s *Script) reconfigure(now clock.Now, spec Spec) {
	spec = spec.withDefaults()
	old := s.spec
	s.spec = spec
	s.state.Kind, s.state.Source = spec.Kind, spec.Name
	if old.SameCommand(&spec) {
		s.reschedule(now, old.Interval)
		s.keep()
		return
	}
	s.counter, s.code, s.last = 0, 0, Ended{}
	s.state = State{Kind: spec.Kind, Source: spec.Name, Reload: true}
	s.do(Change{s.state})
	s.base, s.next = now.Mono, now.Mono
	if s.running {
		s.next, s.stale = 0, true
		if s.ending == 0 {
			s.signal = now.Mono
		}
	}
}

// reschedule counts a changed interval from the last start that was due.
func (s *Script) reschedule(now clock.Now, old time.Duration) {
	if s.stale || old == s.spec.Interval {
		return
	}
	s.base = s.next.Add(-old)
	s.next = max(s.base.Add(s.spec.Interval), now.Mono)
}

// keep carries the result over a reload, in terms of the new rise and fall.
func (s *Script) keep() {
	switch s.state.Status {
	case Up:
		s.counter = s.spec.Rise + s.spec.Fall - 1
		s.do(Say{Level: Info, Text: fmt.Sprintf("%s(%s) considered successful on reload", s.noun(), s.spec.Name)})
	case Down:
		s.counter = 0
		s.do(Say{Level: Info, Text: fmt.Sprintf("%s(%s) considered unsuccessful on reload", s.noun(), s.spec.Name)})
	}
}
