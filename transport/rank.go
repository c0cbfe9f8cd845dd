package transport

import "holdfast.dev/clock"

// before reports whether a ranks before b. Both sides must agree as to who closes what, and they do: first come those that the smaller
// node has dialled, and among those of one node, which it alone closes, the newest.
func (s *Session) before(a, b *conn) bool {
	if x, y := s.healthy(a), s.healthy(b); x != y {
		return x
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
		if now, _ := s.surplus(c); now {
			s.remove(c.id)
			s.do(Close{c.id})
			i--
		}
	}
}

func (s *Session) trimDue() (at clock.Instant) {
	for _, c := range s.conns {
		if now, proven := s.surplus(c); !now {
			at = clock.Min(at, proven)
		}
	}
	return at
}
