package runner

import (
	"holdfast.dev/clock"
	"holdfast.dev/notify"
	"holdfast.dev/status"
)

// shown is a script that is shown while it runs and after.
type shown struct {
	runs *status.Runs
	id   uint64
	run  status.Run
}

// show begins to show a script that is about to be started. It belongs to the goroutine of Run.
func (r *runner) show(a *notify.Run) *shown {
	ev := &a.Event
	s := &shown{runs: r.runs, run: status.Run{
		Object: string(ev.Object), Name: ev.Name, State: ev.State, What: a.What, Decided: ev.Times.Decided, Queued: ev.Times.Queued,
		Arrived: a.Arrived, Asked: now().Mono,
	}}
	s.id = s.runs.Add(&s.run)
	return s
}

// began is told when it got a process and when the program was executed.
func (s *shown) began(forked, at clock.Instant) {
	s.run.Forked, s.run.Started = forked, at
	s.runs.Set(s.id, &s.run)
	if from := s.run.Queued; from != 0 {
		s.runs.Start().Add(at.Sub(from))
	}
}

// ended is told how it ended, also if it was never executed.
func (s *shown) ended(fail string) {
	s.run.Ended, s.run.Fail = now().Mono, fail
	s.runs.Set(s.id, &s.run)
	if s.run.Started != 0 {
		s.runs.Took().Add(s.run.Ended.Sub(s.run.Started))
	}
}
