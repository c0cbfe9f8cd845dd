package sim

import (
	"slices"
	"time"
)

// acknowledged takes what a packet says of what we have sent.
func (s *sock) acknowledged(g *segment) {
	if s.at != open || len(s.flight) == 0 {
		return
	}
	progress := g.ack > s.una
	if progress {
		s.acked += g.ack - s.una
		s.una = g.ack
	}
	latest := g.sent
	for i := range s.flight {
		f := &s.flight[i]
		arrived := f.end() <= s.una && progress
		if f.seq == g.block && g.what == bare && !arrived {
			arrived = !f.beyond
			f.beyond = true // selective acknowledgement
		} else if f.beyond {
			continue
		}
		if arrived && !f.again {
			s.measured(s.m.w.now.Sub(f.sent))
		}
	}
	s.flight = slices.DeleteFunc(s.flight, func(f flight) bool { return f.end() <= s.una })
	for i := range s.flight { // what was sent before something that has arrived is lost (RFC 8985)
		if f := &s.flight[i]; !f.beyond && g.what == bare && f.sent < latest {
			f.lost = true
		}
	}
	if progress {
		s.since = s.m.w.now
		s.window = min(s.window+1, fullWindow)
		s.back = min(max(s.srtt+4*s.rttvar, leastRTO), mostRTO)
		s.armed = false
	}
	waited := len(s.unsent) > 0
	if s.push(); waited && len(s.unsent) == 0 {
		s.ready()
	}
	s.settle()
}

// measured takes a round trip into the estimate (RFC 6298 section 2).
func (s *sock) measured(rtt time.Duration) {
	if s.srtt == 0 {
		s.srtt, s.rttvar = max(rtt, 1), rtt/2
		return
	}
	s.rttvar = (3*s.rttvar + max(s.srtt-rtt, rtt-s.srtt)) / 4
	s.srtt = max((7*s.srtt+rtt)/8, 1)
}

// receive takes data, acknowledges it, and gives the process what is in order.
func (s *sock) receive(g *segment) {
	f := flight{seq: g.seq, data: g.data, fin: g.fin}
	switch {
	case f.end() <= s.got:
	case s.gone && len(g.data) > 0: // there is nobody who could read it
		s.put(&segment{what: rst})
		s.forget()
		return
	case len(s.in)+len(g.data) > readRoom:
		return // no room, and so no acknowledgement
	case f.seq > s.got:
		if !slices.ContainsFunc(s.beyond, func(o flight) bool { return o.seq == f.seq }) {
			f.data = append([]byte(nil), g.data...)
			s.beyond = append(s.beyond, f)
		}
	default:
		s.order(&f)
	}
	s.put(&segment{what: bare, block: g.seq, sent: g.sent})
	s.settle()
}

// order takes what comes next, and all that has waited for it.
func (s *sock) order(f *flight) {
	for f != nil {
		s.in = append(s.in, f.data...)
		s.got = f.end()
		s.eof = s.eof || f.fin
		i := slices.IndexFunc(s.beyond, func(o flight) bool { return o.seq == s.got })
		f = nil
		if i >= 0 {
			next := s.beyond[i]
			s.beyond = slices.Delete(s.beyond, i, i+1)
			f = &next
		}
	}
	s.ready()
}
