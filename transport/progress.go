package transport

import (
	"time"

	"holdfast.dev/clock"
)

// Bounds of how a connection is watched.
const (
	minNudge   = 10 * time.Millisecond // between two PINGs that are to bring acknowledgements about
	maxNudges  = 64                    // without progress; then the connection is left to itself
	minStall   = 50 * time.Millisecond // from when on a connection without acknowledgement is not relied on
	unknownRTT = 20 * time.Millisecond
	deafAfter  = 3 * time.Second  // without hearing anything a connection is not relied on,
	deadAfter  = 12 * time.Second // and is given up
	doubtful   = 4                // times the round trip that is known are not believed at once
	askAgain   = time.Second      // between PINGs because of that
	minKeep    = 20 * time.Millisecond
	maxKeep    = time.Second
	provenIn   = time.Second      // a connection that has lived for so long may take the place of others
	lossHold   = 20 * time.Second // for how long more than one connection is kept after a loss
	maxWant    = 3
)

// progress is what is known of the acknowledgement of what was written.
type progress struct {
	measure clock.Instant // when to measure next; 0 for not before something is written
	asked   bool          // a measurement is under way
	mark    uint64        // octets that were written by since
	since   clock.Instant // when mark was set, and is not acknowledged; 0 for all is
	acked   uint64
	resent  uint64
	nudges  int
	nudge   clock.Instant // when to nudge next; 0 for not
	stalls  int
}

// lossy is how many connections the path needs.
type lossy struct {
	want  int
	until clock.Instant
}

// rttOf is the round trip to reckon with.
func rttOf(c *conn) time.Duration {
	if c.rtt <= 0 {
		return unknownRTT
	}
	return c.rtt
}

// stallAfter is for how long nothing may be acknowledged before a connection is not relied on. TCP repeats after 200 ms at the earliest when
// nothing tells it of a loss, and then ever more rarely.
func stallAfter(c *conn) time.Duration { return max(3*rttOf(c), minStall) }

// stalled reports whether something is not acknowledged that should be.
func (s *Session) stalled(c *conn) bool {
	return !c.track.since.IsZero() && s.now.Sub(c.track.since) >= stallAfter(c)
}

// healthy reports whether adverts on the connection can be expected to arrive in time.
func (s *Session) healthy(c *conn) bool {
	return !s.stalled(c) && s.now.Sub(c.heard) < deafAfter
}

// usable is how many connections are healthy.
func (s *Session) usable() (n int) {
	for _, c := range s.conns {
		if s.healthy(c) {
			n++
		}
	}
	return n
}

// keep is how often at least something is written: else nobody would notice that the path is gone.
func (s *Session) keep() time.Duration { return min(max(s.peer.Interval, minKeep), maxKeep) }

// flush asks for all that waits to be written.
func (s *Session) flush() {
	for _, c := range s.conns {
		if !c.lane.empty() {
			s.do(Flush{c.id})
		}
	}
}

// wrote notes that something was written, so that its acknowledgement is to be looked for.
func (s *Session) wrote(c *conn) {
	c.wrote = s.now
	if c.track.measure.IsZero() {
		c.track.measure = s.now.Add(patience(c))
	}
}

// patience is the time after which an acknowledgement should be there.
func patience(c *conn) time.Duration { return max(rttOf(c)*5/4, minNudge/2) }

// measured takes a look at how much is acknowledged.
func (s *Session) measured(m Measured) {
	c := s.conn(m.ID)
	if c == nil {
		return
	}
	t := &c.track
	t.asked = false
	if m.RTT > 0 {
		s.trip(c, m.RTT)
	}
	if m.Resent > t.resent {
		t.resent = m.Resent
		s.lost(2)
	}
	if m.Acked > t.acked {
		t.acked, t.nudges = m.Acked, 0
	}
	switch {
	case m.Out == 0:
		*t = progress{acked: t.acked, resent: t.resent, stalls: t.stalls}
		if s.now.Sub(c.wrote) < patience(c) {
			t.measure = s.now.Add(patience(c))
		}
		return
	case t.since.IsZero() || m.Acked >= t.mark:
		t.mark, t.since, t.nudge = m.Acked+m.Out, s.now, 0
		if s.now.Sub(c.wrote) >= patience(c) {
			t.nudge = s.now // what was written last should be acknowledged by now
		}
	case t.nudge.IsZero():
		t.nudge = s.now
	}
	t.measure = s.now.Add(patience(c))
}

// trip takes TCP's estimate of the round trip. After a time in which nothing came through it may be seconds, and would be for many packets more; then
// the next loss would not be noticed for as long. Whether the path has become so slow, a PING tells.
func (s *Session) trip(c *conn, rtt time.Duration) {
	if known := rttOf(c); rtt > doubtful*known {
		if c.asked == 0 || s.now.Sub(c.asked) >= askAgain {
			c.asked = s.now
			s.poke(c)
		}
		if c.rtt > 0 {
			return
		}
	}
	c.rtt = rtt
}

// answered takes the round trip of a PING, which is an upper bound. TCP's estimate has room for what varies, so that it stays unless it is far off.
func (c *conn) answered(now, asked clock.Instant) {
	trip := now.Sub(asked)
	switch {
	case trip <= 0 || c.asked == 0 || asked.Before(c.asked):
	case c.rtt > doubtful*trip:
		c.rtt = 2 * trip
	case trip > c.rtt:
		c.rtt = trip
	}
}

// mindConns nudges, measures, keeps alive and gives up.
func (s *Session) mindConns() {
	if s.lossy.want > 1 && !s.now.Before(s.lossy.until) {
		s.lossy.want--
		s.lossy.until = s.now.Add(lossHold)
	}
	for i := 0; i < len(s.conns); i++ {
		c := s.conns[i]
		if s.now.Sub(c.heard) >= deadAfter {
			s.drop(c)
			s.status.Why = Unreachable
			i--
			continue
		}
		s.mindConn(c)
	}
}

func (s *Session) mindConn(c *conn) {
	t := &c.track
	if !t.measure.IsZero() && !s.now.Before(t.measure) && !t.asked {
		t.asked, t.measure = true, 0
		s.do(Measure{c.id})
	}
	if s.stalled(c) && t.stalls == 0 {
		t.stalls = 1
		s.lost(s.lossy.want + 1)
	} else if t.since.IsZero() {
		t.stalls = 0
	}
	if !t.nudge.IsZero() && !s.now.Before(t.nudge) && t.nudges < maxNudges {
		t.nudges++
		t.nudge = s.now.Add(max(minNudge, rttOf(c)/2))
		s.poke(c)
	}
	if s.now.Sub(c.wrote) >= s.keep() {
		s.poke(c)
	}
}

// poke writes a PING: the other side's kernel tells ours what it has, which repairs a loss within a round trip.
func (s *Session) poke(c *conn) {
	s.do(Nudge{c.id})
	s.wrote(c)
}

// lost notes that the path loses packets, so that more than one connection is kept for a while.
func (s *Session) lost(want int) {
	s.lossy.want = min(max(s.lossy.want, want), maxWant)
	s.lossy.until = s.now.Add(lossHold)
}

// connDue is when a connection needs to be looked after.
func (s *Session) connDue(c *conn) clock.Instant {
	t := &c.track
	at := clock.Min(c.heard.Add(deadAfter), c.wrote.Add(s.keep()))
	if deaf := c.heard.Add(deafAfter); s.now.Before(deaf) {
		at = clock.Min(at, deaf)
	}
	if !t.asked {
		at = clock.Min(at, t.measure)
	}
	if !t.since.IsZero() && !s.stalled(c) {
		at = clock.Min(at, t.since.Add(stallAfter(c)))
	}
	if t.nudges < maxNudges {
		at = clock.Min(at, t.nudge)
	}
	return at
}
