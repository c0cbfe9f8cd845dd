package transport

import (
	"time"

	"holdfast.dev/clock"
)

// Bounds of dialling.
const (
	minGap    = 20 * time.Millisecond // between two dials
	maxGap    = time.Second
	slowAfter = 30 * time.Second       // without success: the gap doubles
	shortLife = 300 * time.Millisecond // of a dial that nothing has answered, at least
	longLife  = 5 * time.Second        // of one such dial at a time, for paths that are slow
	midLife   = time.Second            // of one that was answered: TLS and HELLO are still to come, at least
	inFlight  = 6                      // dials that nothing has answered
	firstBack = 50 * time.Millisecond  // after a refusal
	deniedGap = time.Second            // after one side did not believe the other: TLS costs work
)

// attempt is a dial that is under way.
type attempt struct {
	id      ConnID
	begun   clock.Instant
	reached clock.Instant // when the port answered; 0 for not yet
	until   clock.Instant // when it is given up
	long    bool
	old     bool // it proves what is not true any more
}

// dialling is when to dial next.
type dialling struct {
	next  clock.Instant
	back  time.Duration // present back-off after refusals; 0 for none
	since clock.Instant // of the first dial without success; 0 for none
}

func (d *dialling) succeeded(now clock.Instant) { *d = dialling{next: now} }

// backOff puts the next dial off, for longer every time.
func (d *dialling) backOff(s *Session) {
	d.back = min(max(d.back*2, firstBack), maxGap)
	d.next = s.now.Add(s.spread(d.back))
}

// gap is the time between two dials while nothing answers: TCP would repeat its own first packet after a second only, and then ever more
// rarely, so dials replace each other.
func (s *Session) gap() time.Duration {
	g := s.peer.Interval / 2
	if s.usable() > 0 {
		g = s.peer.Interval // a connection beside others is in less of a hurry
	}
	if !s.dialling.since.IsZero() && s.now.Sub(s.dialling.since) > slowAfter {
		g *= 2
	}
	return min(max(g, minGap), maxGap)
}

// wanted reports whether another connection is needed.
func (s *Session) wanted() bool { return s.fresh() < s.lossy.want }

// mindDials gives up dials that have no hope, and begins one if it is time.
func (s *Session) mindDials() {
	wanted := s.wanted()
	kept := s.dials[:0]
	for _, d := range s.dials {
		// One that was answered may already be of use to the other side.
		if hopeless := !s.now.Before(d.until); hopeless || !wanted && d.reached.IsZero() {
			s.do(Drop{d.id})
			if hopeless {
				s.status.Why = Unreachable
			}
			if hopeless && !d.reached.IsZero() {
				s.suspect.askAgain(s.now)
			}
			continue
		}
		kept = append(kept, d)
	}
	clear(s.dials[len(kept):])
	s.dials = kept
	if !wanted {
		s.dialling.since = 0 // what was begun and is not needed has not failed
	}
	if wanted && !s.now.Before(s.dialling.next) && s.room() {
		s.dial()
	}
}

// dial begins one.
func (s *Session) dial() *attempt {
	d := &attempt{id: s.newID(), begun: s.now, long: true}
	for _, o := range s.dials {
		if o.long {
			d.long = false
		}
	}
	d.until = s.now.Add(s.life(d.long))
	s.dials = append(s.dials, d)
	if s.dialling.since.IsZero() {
		s.dialling.since = s.now
	}
	s.dialling.next = s.now.Add(s.spread(s.gap()))
	s.do(Dial{d.id})
	return d
}

// room reports whether another dial may begin.
func (s *Session) room() bool {
	unanswered := 0
	for _, d := range s.dials {
		if d.reached.IsZero() {
			unanswered++
		}
	}
	return unanswered < inFlight && len(s.dials) < maxDials
}

// life is for how long a dial that was begun now is waited for.
func (s *Session) life(long bool) time.Duration {
	if long {
		return longLife
	}
	return max(shortLife, 3*s.gap(), 2*s.status.RTT)
}

func (s *Session) dialDue() (at clock.Instant) {
	for _, d := range s.dials {
		at = clock.Min(at, d.until)
	}
	if s.wanted() && s.room() {
		at = clock.Min(at, max(s.dialling.next, 1))
	}
	return at
}

func (s *Session) forgetDial(id ConnID) {
	for i, d := range s.dials {
		if d.id == id {
			s.dials = append(s.dials[:i], s.dials[i+1:]...)
			return
		}
	}
}

// reached notes that the port was answered.
func (s *Session) reached(id ConnID) {
	if d := s.attempt(id); d != nil {
		d.reached, d.until = s.now, s.now.Add(max(midLife, 8*s.status.RTT))
		s.suspect.answered(s.now)
	}
}

// dialEnded notes how a dial that did not come up has ended.
func (s *Session) dialEnded(d *attempt, why Why) {
	if !d.reached.IsZero() {
		s.suspect.answered(s.now)
	}
	switch {
	case s.suspect.on && !d.begun.Before(s.suspect.begun):
		s.confirmEnded(d, why)
	case why == Refused:
		s.dialling.backOff(s)
	case why == Denied:
		s.dialling.backOff(s)
		s.dialling.next = max(s.dialling.next, s.now.Add(s.spread(deniedGap)))
	case why == Goodbye || why == Stopping || why.sudden():
		s.dialling.backOff(s)
	}
}
