package transport

import "holdfast.dev/clock"

// before reports whether a ranks before b. Those that are to be replaced come last. Of the others both sides must agree as to who closes what, and they do: first come those that the smaller
// node has dialled, and among those of one node, which it alone closes, the newest.
func (s *Session) before(a, b *conn) bool {
	if x, y := s.healthy(a), s.healthy(b); x != y {
		return x
	}
	if a.old != b.old {
		return b.old
	}
	if a.mine != b.mine {
		return a.mine == s.self.Less(a.node)
	}
	return a.id > b.id
}

// first is the connection that ranks first; nil for none.
func (s *Session) first() (best *conn) {
	for _, c := range s.conns {
		if best == nil || s.before(c, best) {
			best = c
		}
	}
	return best
}

// surplus reports whether the connection is ours to close: enough others rank before it and have proved themselves. proven is when those
// will have; 0 if there are not enough.
func (s *Session) surplus(c *conn) (now bool, proven clock.Instant) {
	if !c.mine || !s.healthy(c) {
		return false, 0
	}
	better := 0
	for _, o := range s.conns {
		if o == c || !s.healthy(o) || !s.before(o, c) {
			continue
		}
		better++
		proven = max(proven, o.since.Add(provenIn))
	}
	if better < s.lossy.want {
		return false, 0
	}
	return !s.now.Before(proven), proven
}

// trim closes what both sides having dialled at once, or a loss that is over, has left.
func (s *Session) trim() {
	for i := 0; i < len(s.conns); i++ {
		c := s.conns[i]
		now, _ := s.surplus(c)
		if at := s.outdated(c); now || !at.IsZero() && !s.now.Before(at) {
			s.remove(c.id)
			s.do(Close{c.id})
			i--
		}
	}
}

// outdated is when a connection that is to be replaced is, whoever has dialled it: others have proved themselves by then; 0 for not yet.
func (s *Session) outdated(c *conn) (at clock.Instant) {
	if !c.old {
		return 0
	}
	for _, o := range s.conns {
		if !o.old && s.healthy(o) {
			at = clock.Min(at, o.since.Add(provenIn))
		}
	}
	return at
}

func (s *Session) trimDue() (at clock.Instant) {
	for _, c := range s.conns {
		at = clock.Min(at, s.outdated(c))
		if now, proven := s.surplus(c); !now {
			at = clock.Min(at, proven)
		}
	}
	return at
}
