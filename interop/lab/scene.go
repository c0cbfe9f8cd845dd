package lab

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// VR is a virtual router as the routers of a lab are configured for it.
type VR struct {
	ID       uint8
	VIPs     []netip.Addr
	Interval time.Duration // the longest that any of them advertises at
	Unseen   bool          // its adverts are carried by something that the lab can't read: the addresses alone are asserted on
}

func (v VR) is6() bool { return v.VIPs[0].Is6() }

func (v VR) String() string { return fmt.Sprintf("virtual router %d", v.ID) }

// Scene asserts on virtual routers that move together. From the first Elect to the end of the test there is always
// either a master, which alone advertises, in time, and alone holds every address, or a Move in progress.
type Scene struct {
	lab    *Lab
	vrs    []VR
	master *Node     // nil before the first Elect and after Leave
	since  time.Time // when it had settled
}

// settle is left to the last packets and address changes of a move before the one master is asserted.
const settle = 300 * time.Millisecond

// Scene begins to watch virtual routers.
func (l *Lab) Scene(vrs ...VR) *Scene {
	s := &Scene{lab: l, vrs: vrs}
	l.T.Cleanup(func() {
		if !l.T.Failed() {
			s.quiet(time.Now())
		}
	})
	return s
}

// Elect waits until want is the one master, for at most within and the margin. From then on it has to stay it.
func (s *Scene) Elect(want *Node, within time.Duration) {
	s.lab.T.Helper()
	s.reach(want, time.Now(), within)
}

// ElectAny waits like Elect, but for whichever router it is that wins.
func (s *Scene) ElectAny(within time.Duration) *Node {
	s.lab.T.Helper()
	from := time.Now()
	var winner *Node
	ok := s.lab.poll(from, within+patience, func() bool {
		for _, n := range s.lab.Nodes {
			if s.missing(n, from) == "" {
				winner = n
			}
		}
		return winner != nil
	})
	if !ok {
		s.lab.T.Fatalf("no router is the one master within %v, nor a minute later: %s", within, s.missing(s.lab.Nodes[0], from))
	}
	s.reach(winner, from, within)
	return winner
}

// Move does something after which want has to be the one master within a time. Until then there may be none, and two
// for no longer than it takes one of them to hear the other.
func (s *Scene) Move(want *Node, within time.Duration, do func()) {
	s.lab.T.Helper()
	s.Leave(do)
	from := s.since
	s.reach(want, from, within)
}

// Leave does something after which nothing is asserted until the next Elect.
func (s *Scene) Leave(do func()) {
	s.lab.T.Helper()
	from := time.Now()
	s.quiet(from)
	s.master, s.since = nil, from
	do()
}

// End looks back for the last time: nothing is asserted from here on.
func (s *Scene) End() {
	s.lab.T.Helper()
	s.Leave(func() {})
}

// Apart waits until each of the routers is master, as those that do not understand or do not hear each other are, for
// at most within and the margin. What they have sent since the last Leave counts: keepalived begins to wait for its next
// advert anew with each that it hears, also with those that it drops, so that the other may silence it (rule E1).
// Nothing is asserted from here until the next Elect.
func (s *Scene) Apart(within time.Duration, routers ...*Node) {
	s.lab.T.Helper()
	if s.master != nil {
		s.End()
	}
	from, begin := s.since, time.Now()
	for _, n := range routers {
		s.lab.WaitFor(n.Name+" is master on its own", time.Until(begin.Add(within)), func() bool {
			now := time.Now()
			for _, v := range s.vrs {
				if !v.Unseen && !s.lab.rec.advertises(n, v, from, now) || !n.Has(v.VIPs[0]) {
					return false
				}
			}
			return true
		})
	}
}

// Stay lets time go by and then looks back at it.
func (s *Scene) Stay(d time.Duration) {
	s.lab.T.Helper()
	s.lab.Pass(d)
	s.quiet(time.Now())
}

// reach waits for want, and judges the time since from.
func (s *Scene) reach(want *Node, from time.Time, within time.Duration) {
	s.lab.T.Helper()
	s.lab.rec.note("%s should be master within %v", want.Name, within)
	ok := s.lab.poll(from, within+patience, func() bool { return s.missing(want, from) == "" })
	if !ok {
		s.lab.T.Fatalf("%s is not the one master within %v, nor a minute later: %s", want.Name, within, s.missing(want, from))
	}
	if took, bound := time.Since(from), within+Margin+s.lab.meter.late(from); took > bound {
		s.lab.T.Errorf("%s is the one master only after %v, more than the %v that it should take and what the machine made of it, %v",
			want.Name, took, within, bound)
	}
	s.lab.rec.note("%s is the one master", want.Name)
	s.lab.Pass(settle)
	now := time.Now()
	for _, v := range s.vrs {
		s.contest(v, from, now)
	}
	s.master, s.since = want, now
}

// missing tells what keeps want from being seen as the one master; nothing if it is.
func (s *Scene) missing(want *Node, from time.Time) string {
	now := time.Now()
	for _, v := range s.vrs {
		for _, vip := range v.VIPs {
			// A moment that everything known now is older than.
			holders := s.lab.rec.spans(vip, now.Add(-time.Millisecond), now)
			if len(holders) != 1 || holders[0].node != want {
				return fmt.Sprintf("%v is held by %s", vip, names(holders))
			}
		}
		adverts := s.lab.rec.advertsOf(v, from, now)
		if v.Unseen {
			continue
		}
		if len(adverts) == 0 {
			return fmt.Sprintf("nobody advertises %v", v)
		}
		if last := adverts[len(adverts)-1]; last.Node != want || last.Priority == 0 {
			return fmt.Sprintf("the last advert of %v is of %s with priority %d", v, last.Node.Name, last.Priority)
		}
	}
	return ""
}

func names(spans []span) string {
	if len(spans) == 0 {
		return "nobody"
	}
	var out []string
	for _, h := range spans {
		out = append(out, h.node.Name)
	}
	return strings.Join(out, " and ")
}

// quiet asserts that there was exactly one master since the last move.
func (s *Scene) quiet(to time.Time) {
	s.lab.T.Helper()
	if s.master == nil || !s.since.Before(to) {
		return
	}
	for _, v := range s.vrs {
		s.quietAdverts(v, to)
		for _, vip := range v.VIPs {
			s.quietAddress(vip, to)
		}
	}
}

func (s *Scene) quietAdverts(v VR, to time.Time) {
	s.lab.T.Helper()
	if v.Unseen {
		return
	}
	last := s.since
	for _, a := range append(s.lab.rec.advertsOf(v, s.since, to), Advert{At: to, Node: s.master, Priority: 1}) {
		switch gap := a.At.Sub(last); {
		case a.Node != s.master:
			s.lab.T.Errorf("%s: %s advertises %v with priority %d, but %s is its master",
				clock(a.At), a.Node.Name, v, a.Priority, s.master.Name)
			return
		case a.Priority == 0:
			s.lab.T.Errorf("%s: %s gives %v up", clock(a.At), a.Node.Name, v)
			return
		case gap > v.Interval+Margin+s.lab.meter.late(last):
			s.lab.T.Errorf("%s: %s was silent about %v for %v", clock(a.At), s.master.Name, v, gap)
			return
		}
		last = a.At
	}
}

func (s *Scene) quietAddress(vip netip.Addr, to time.Time) {
	s.lab.T.Helper()
	spans := s.lab.rec.spans(vip, s.since, to)
	if len(spans) == 1 && spans[0].node == s.master && spans[0].from.Equal(s.since) && spans[0].to.Equal(to) {
		return
	}
	var b strings.Builder
	for _, h := range spans {
		fmt.Fprintf(&b, " %s from %s to %s;", h.node.Name, clock(h.from), clock(h.to))
	}
	s.lab.T.Errorf("%v should have been with %s from %s to %s, but was with:%s",
		vip, s.master.Name, clock(s.since), clock(to), b.String())
}

// contest asserts that two masters that hear each other last no longer than the next advert of one of them takes.
func (s *Scene) contest(v VR, from, to time.Time) {
	s.lab.T.Helper()
	bound := v.Interval + Margin + s.lab.meter.late(from)
	if d, who := contested(s.lab.rec.advertsOf(v, from, to), v.Interval); d > bound {
		s.lab.T.Errorf("%s advertise %v side by side for %v, more than %v", who, v, d, bound)
	}
	for _, vip := range v.VIPs {
		if d := shared(s.lab.rec.spans(vip, from, to)); d > bound {
			s.lab.T.Errorf("%v is with two routers for %v, more than %v", vip, d, bound)
		}
	}
}

// contested is the longest time in which the sender of adverts changes to and fro. One change is a hand-over.
func contested(adverts []Advert, interval time.Duration) (longest time.Duration, who string) {
	var first time.Time // the change that began it
	var last *Advert
	for i := range adverts {
		a := &adverts[i]
		if a.Priority == 0 {
			last = nil // whoever comes next is no rival of this one
			continue
		}
		if last != nil && last.Node != a.Node && a.At.Sub(last.At) < 2*interval {
			if first.IsZero() {
				first = a.At
			}
			if d := a.At.Sub(first); d > longest {
				longest, who = d, last.Node.Name+" and "+a.Node.Name
			}
		} else if last != nil && a.At.Sub(first) > 3*interval {
			first = time.Time{} // both changes are long enough apart to be two
		}
		last = a
	}
	return longest, who
}

// shared is the longest time in which at least two of the spans overlap.
func shared(spans []span) (longest time.Duration) {
	for i, a := range spans {
		for _, b := range spans[i+1:] {
			from, to := b.from, a.to // spans are in order of their beginning
			if b.to.Before(to) {
				to = b.to
			}
			longest = max(longest, to.Sub(from))
		}
	}
	return longest
}
