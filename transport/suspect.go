package transport

import (
	"time"

	"holdfast.dev/clock"
)

// Bounds of the confirmation of a death.
const (
	confirmGap  = 2 * time.Millisecond // between dials that confirm
	maxConfirms = 16                   // such dials; then only silence can confirm
	lateness    = 20 * time.Millisecond
	partedFor   = 5 * time.Second  // after a goodbye a connection that comes up is one that was under way
	maxClaims   = 60 * time.Second // longest interval of silence that confirms
)

// suspicion is that the peer's daemon has died, because its connections have ended without a word. A mere reset on the way looks the same,
// so it is confirmed: by the peer's machine, which refuses the port, or by one interval in which the peer sends no advert while its port
// does not answer. A port that answers is proof of life, whoever answers there: the daemon's supervisor keeps it open while any process of
// its carrier is started again.
type suspicion struct {
	on       bool
	begun    clock.Instant
	since    clock.Instant // of the silence
	replied  clock.Instant // when the port is known to have answered last; 0 for not since the suspicion began
	sure     clock.Instant // when it has lasted for long enough, and all that came meanwhile was looked at; 0 for not yet
	confirms int
	again    clock.Instant // when to dial again; 0 for not

	claims   time.Duration // longest interval that the peer's adverts claimed lately
	claimsAt clock.Instant
}

// begin suspects, if that is asked for.
func (u *suspicion) begin(now clock.Instant, wanted bool) {
	if wanted && !u.on {
		*u = suspicion{on: true, begun: now, since: now, again: now, claims: u.claims, claimsAt: u.claimsAt}
	}
}

func (u *suspicion) clear() { *u = suspicion{claims: u.claims, claimsAt: u.claimsAt} }

// spoke notes an advert of the peer. It is no proof of life if it was under way when the connections ended, so it only puts off.
func (u *suspicion) spoke(now clock.Instant, claims time.Duration) {
	if claims = min(claims, maxClaims); claims >= u.claims || now.Sub(u.claimsAt) > 2*u.claims {
		u.claims, u.claimsAt = claims, now
	}
	if u.on {
		u.since = max(u.since, now)
	}
}

// answered notes that the port is known to have answered until now: silence counts from here.
func (u *suspicion) answered(now clock.Instant) {
	if u.on {
		u.since, u.replied = max(u.since, now), now
	}
}

// askAgain notes that a dial that was answered came to nothing. Whether the port still answers is asked anew.
func (u *suspicion) askAgain(now clock.Instant) {
	if u.on {
		u.since, u.again = now, now
	}
}

// silence is when the silence confirms.
func (s *Session) silence() clock.Instant {
	return s.suspect.since.Add(max(s.suspect.claims, s.peer.Interval, minGap))
}

// suspicionDue is when something is to be done about the suspicion.
func (s *Session) suspicionDue() clock.Instant {
	switch {
	case !s.suspect.on:
		return 0
	case s.answered():
		return s.suspect.again
	}
	return clock.Min(s.suspect.again, max(s.silence(), s.suspect.sure))
}

// answered reports whether a dial is under way that the port has answered.
func (s *Session) answered() bool {
	for _, d := range s.dials {
		if !d.reached.IsZero() {
			return true
		}
	}
	return false
}

// mindSuspicion dials, and decides when silence has confirmed.
func (s *Session) mindSuspicion() {
	u := &s.suspect
	if !u.on {
		return
	}
	if s.usable() > 0 {
		u.clear()
		return
	}
	if !u.again.IsZero() && !s.now.Before(u.again) {
		u.again = 0
		if u.confirms < maxConfirms {
			u.confirms++
			s.confirm()
		}
	}
	switch due := s.silence(); {
	case s.answered() || s.now.Before(due):
		u.sure = 0
	case u.sure.IsZero() && s.now.Sub(due) <= lateness:
		u.sure = s.now.Add(confirmGap) // until then whoever runs us looks at all that has come
	case s.now.Sub(max(due, u.sure)) > lateness: // we were not there
		u.since, u.sure = s.now, 0
	case s.now.Before(u.sure):
	case !s.unanswered(): // nobody has asked
		u.since, u.sure = s.now, 0
		s.confirm()
	default:
		s.died()
	}
}

// unanswered reports whether a dial that was begun since the port answered last has waited for longer than an answer takes.
func (s *Session) unanswered() bool {
	for _, d := range s.dials {
		if d.reached.IsZero() && d.begun >= s.suspect.replied && s.now.Sub(d.begun) >= min(max(minStall, 3*s.status.RTT), s.peer.Interval/2) {
			return true
		}
	}
	return false
}

// confirm dials, in the place of what has waited longest if there is no room.
func (s *Session) confirm() {
	if len(s.dials) >= maxDials {
		s.do(Drop{s.dials[0].id})
		s.forgetDial(s.dials[0].id)
	}
	s.dial()
}

// confirmEnded takes the answer of a dial that was to confirm.
func (s *Session) confirmEnded(d *attempt, why Why) {
	u := &s.suspect
	switch {
	case why == Refused:
		s.died()
		s.dialling.backOff(s)
	case why.sudden() && !d.reached.IsZero():
		// It was accepted by a machine whose daemon is just ending: processes of one daemon do not end at one moment.
		u.again = s.now.Add(confirmGap)
	case why == Denied || why == Goodbye || why == Stopping:
		u.clear() // somebody lives there, and says so
		s.dialling.backOff(s)
	}
}

func (s *Session) died() {
	s.suspect.clear()
	s.do(Died{})
}
