package track

import (
	"fmt"

	"holdfast.dev/clock"
)

// Report is what is known of a script or check besides its State.
type Report struct {
	State State
	Last  Ended     // how the last run ended; its Run is 0 before the first end
	At    clock.Now // when that was; monotonic and wall time
	// Began is when the run that goes on began, 0 for none, and Signals how often it was told to end.
	Began   clock.Instant
	Signals int
}

// Report fills in r what the machine knows at the moment. What r held before tells what is new.
func (s *Script) Report(now clock.Now, r *Report) {
	r.State = s.state
	if s.last.Run != r.Last.Run {
		r.At = clock.Now{Mono: now.Mono, Wall: now.Wall}
	}
	r.Last = s.last
	switch {
	case !s.running:
		r.Began = 0
	case r.Began == 0 || s.began:
		r.Began = now.Mono
	}
	r.Signals, s.began = s.ending, false
}

// Outcome says how the last run ended, in words; empty before the first end.
func (r *Report) Outcome() string {
	e := &r.Last
	check := r.State.Kind == OfCheck
	switch {
	case e.Run == 0:
		return ""
	case e.Err != "" && check:
		return e.Err
	case e.Err != "":
		return "could not be run: " + e.Err
	case e.Signal != 0 && check:
		return "took too long"
	case e.Signal != 0:
		return fmt.Sprintf("ended by signal %d", e.Signal)
	case check:
		return "succeeded"
	}
	return fmt.Sprintf("exited with status %d", e.Code)
}
