package track

import (
	"fmt"
	"strings"

	"holdfast.dev/clock"
)

// ended takes the end of a run into account. A second word on the same run, and one on a run of a command that the
// configuration no longer has, change nothing: a run has exactly one outcome.
func (s *Script) ended(now clock.Now, e Ended) {
	if !s.running || e.Run != s.run {
		return
	}
	told := s.ending > 0
	s.running, s.ending, s.signal = false, 0, 0
	if s.stale {
		s.base, s.next = now.Mono, now.Mono
	}
	if s.removed || s.stale {
		return
	}
	s.last = e
	ok, reason := s.verdict(e, told)
	if s.spec.Kind == OfScript && e.Err == "" && e.Signal == 0 && e.Code != s.code {
		s.code = e.Code
		s.do(Say{Level: Info, Text: fmt.Sprintf("Script `%s` now returning %d", s.spec.Name, e.Code)})
	}
	s.count(ok, reason)
}

// verdict says whether a run was a success, and if not why not, in keepalived's words. A script that ends by our signal has
// timed out; one that catches it and exits with 0 is still a success (rules J7 and J8, verified against 2.2.7).
func (s *Script) verdict(e Ended, told bool) (ok bool, reason string) {
	switch {
	case e.Err != "" && s.spec.Kind == OfCheck:
		return false, e.Err
	case e.Err != "":
		return false, "could not be run: " + e.Err
	case told && (e.Signal == sigTerm || e.Signal == sigKill):
		return false, "timed_out"
	case e.Signal != 0:
		return false, fmt.Sprintf("due to signal %d", e.Signal)
	case e.Code != 0:
		return false, fmt.Sprintf("exited with status %d", e.Code)
	}
	return true, ""
}

// The signals that we send ourselves.
const (
	sigKill = 9
	sigTerm = 15
)

// count is rule J6. The first result counts as rise successes or fall failures; a change goes to the end of the range, so
// that it takes fall failures in a row to undo rise successes (verified against 2.2.7).
func (s *Script) count(ok bool, reason string) {
	limit := s.spec.Rise + s.spec.Fall - 1
	up := s.counter >= s.spec.Rise
	switch {
	case s.state.Status == Unknown && ok:
		s.counter = limit
	case s.state.Status == Unknown:
		s.counter = 0
	case ok:
		s.counter = min(s.counter+1, limit)
		if !up && s.counter >= s.spec.Rise {
			s.counter = limit
		}
	default:
		s.counter = max(s.counter-1, 0)
		if up && s.counter < s.spec.Rise {
			s.counter = 0
		}
	}
	status := Down
	if s.counter >= s.spec.Rise {
		status = Up
	}
	if status == s.state.Status {
		return
	}
	s.become(status, reason)
}

// shownOutput is how much of a script's output the log shows, in bytes from its end.
const shownOutput = 200

func tail(text string) string {
	return strings.TrimSpace(text[max(len(text)-shownOutput, 0):])
}

// noun is what the log calls a source of this kind.
func (s *Script) noun() string {
	if s.spec.Kind == OfCheck {
		return "VRRP_Check"
	}
	return "VRRP_Script"
}

// become is the only place where the verdict on the source changes by a result.
func (s *Script) become(status Status, reason string) {
	s.state = State{Kind: s.spec.Kind, Source: s.spec.Name, Status: status, Reason: reason}
	text := fmt.Sprintf("%s(%s) succeeded", s.noun(), s.spec.Name)
	level := Info
	if status == Down {
		level = Warn
		text = fmt.Sprintf("%s(%s) failed (%s)", s.noun(), s.spec.Name, reason)
		if reason == "timed_out" {
			text = fmt.Sprintf("%s(%s) timed_out", s.noun(), s.spec.Name)
		}
	}
	s.do(Say{Level: level, Text: text})
	if status == Down && s.last.Output != "" && s.ending < immortal {
		s.do(Say{Level: Info, Text: fmt.Sprintf("Script `%s` printed at the end: %q", s.spec.Name, tail(s.last.Output))})
	}
	s.do(Change{s.state})
}
