package transport

import (
	"time"

	"holdfast.dev/clock"
)

// Session is all connections with one peer, as a machine: it decides when to dial, which connections to keep and what goes over them.
//
// In order, one connection is enough. While packets are lost, TCP holds back what came after them; then the session keeps a second and a
// third, and sends every advert on all of them: whichever is faster counts, and the receiver drops the rest.
type Session struct {
	peer Peer
	self NodeID
	rand uint64

	ids      ConnID
	dials    []*attempt
	conns    []*conn // oldest first
	out      Outbox
	dialling dialling
	lossy    lossy
	suspect  suspicion
	parted   clock.Instant // when a life of the peer said that it stops; 0 for never
	left     NodeID        // which
	status   Status
	spoken   ConnID // the connection that ranks first

	now     clock.Instant
	actions []Action
}

// conn is a connection that is up.
type conn struct {
	id    ConnID
	node  NodeID
	mine  bool // we have dialled it
	old   bool // another one is to take its place
	since clock.Instant
	heard clock.Instant
	wrote clock.Instant
	rtt   time.Duration
	asked clock.Instant // when a PING left that is to tell the round trip; 0 for none
	lane  lane
	track progress
}

// Bounds of what is kept for one peer.
const (
	maxConns = 6
	maxDials = 8
)

// NewSession makes a machine for the peer. seed is anything that differs between sessions and nodes: it spreads dials in time.
func NewSession(now clock.Instant, peer Peer, self NodeID, seed uint64) *Session {
	s := &Session{peer: peer, self: self, rand: seed | 1, now: now}
	s.dialling.next = now
	s.lossy.want = 1
	return s
}

// Reconfigure changes what may change without a new session: intervals and FastFail. Routers that are gone are forgotten.
func (s *Session) Reconfigure(now clock.Instant, peer Peer) {
	s.peer = peer
	s.out.forget(now)
	for _, c := range s.conns {
		c.lane.reset()
		s.out.fill(now, &c.lane)
	}
}

// Accepted gives a connection that was accepted its number. It is not up yet.
func (s *Session) Accepted() ConnID { return s.newID() }

func (s *Session) newID() ConnID {
	s.ids++
	return s.ids
}

// Status is what can be told about the session now.
func (s *Session) Status() Status { return s.status }

// Held is what is kept for the peer: connections, dials under way, and what still has to go over one of the connections, at most.
func (s *Session) Held() (conns, dials, queued int) {
	for _, c := range s.conns {
		queued = max(queued, len(c.lane.order))
	}
	return len(s.conns), len(s.dials), queued
}

// Outbox is where what is to be sent goes; Step with Queued follows.
func (s *Session) Outbox() *Outbox { return &s.out }

// Queue puts a frame into the outbox and into the lanes of all connections. Step with Queued follows.
func (s *Session) Queue(now clock.Instant, slot Slot, life time.Duration, frame []byte) {
	at := s.out.Put(now, slot, life, frame)
	for _, c := range s.conns {
		c.lane.push(at)
	}
}

// Take appends frames for a connection to b, at most room octets. There is nothing for one that is not up.
func (s *Session) Take(now clock.Instant, id ConnID, b []byte, room int) []byte {
	if c := s.conn(id); c != nil {
		return s.out.take(now, &c.lane, b, room)
	}
	return b
}

// Early appends to b what the peer would be told as soon as it had introduced itself, at most room octets: it did so on an earlier connection.
func (s *Session) Early(now clock.Instant, b []byte, room int) []byte {
	var l lane
	s.out.fill(now, &l)
	return s.out.take(now, &l, b, room)
}

// Step advances to now and applies ev. The actions are performed in order; the slice is reused by the next call.
func (s *Session) Step(now clock.Instant, ev Event) []Action {
	s.now = max(now, s.now)
	s.actions = s.actions[:0]
	switch ev := ev.(type) {
	case Queued:
		s.flush()
	case Reached:
		s.reached(ev.ID)
	case Up:
		s.up(ev)
	case Ended:
		s.ended(ev)
	case Heard:
		if c := s.conn(ev.ID); c != nil {
			c.heard = s.now
		}
	case Spoke:
		s.suspect.spoke(s.now, ev.Claims)
	case Measured:
		s.measured(ev)
	case Answered:
		if c := s.conn(ev.ID); c != nil {
			c.answered(s.now, ev.Asked)
		}
	case Renew:
		s.renew()
	case Wrote:
		if c := s.conn(ev.ID); c != nil {
			s.wrote(c)
		}
	}
	s.mind()
	return s.actions
}

func (s *Session) do(a Action) { s.actions = append(s.actions, a) }

// mind does what the time asks for, whatever happened.
func (s *Session) mind() {
	s.mindConns()
	s.mindSuspicion()
	s.mindDials()
	s.trim()
	s.tell()
}

// Deadline is when Step must be called with Wake at the latest.
func (s *Session) Deadline() (at clock.Instant, ok bool) {
	for _, c := range s.conns {
		at = clock.Min(at, s.connDue(c))
	}
	at = clock.Min(at, s.dialDue())
	at = clock.Min(at, s.suspicionDue())
	at = clock.Min(at, s.trimDue())
	if s.lossy.want > 1 {
		at = clock.Min(at, s.lossy.until)
	}
	return at, !at.IsZero()
}

func (s *Session) conn(id ConnID) *conn {
	for _, c := range s.conns {
		if c.id == id {
			return c
		}
	}
	return nil
}

func (s *Session) attempt(id ConnID) *attempt {
	for _, d := range s.dials {
		if d.id == id {
			return d
		}
	}
	return nil
}

// up takes a connection that both sides have agreed on.
func (s *Session) up(ev Up) {
	d := s.attempt(ev.ID)
	mine := d != nil
	s.forgetDial(ev.ID)
	if s.conn(ev.ID) != nil {
		return
	}
	if s.now.Sub(s.parted) > partedFor {
		s.parted = 0 // its carrier was not needed for a while, and is again
	}
	s.dropFormer(ev.Node)
	s.makeRoom()
	c := &conn{id: ev.ID, node: ev.Node, mine: mine, since: s.now, heard: s.now, wrote: s.now, rtt: ev.RTT}
	c.old = ev.Old || mine && d.old
	s.conns = append(s.conns, c)
	s.out.fill(s.now, &c.lane)
	s.status.Connects++
	s.dialling.succeeded(s.now)
	s.suspect.clear()
	s.flush()
}

// dropFormer ends what is left of an earlier life of the peer: it can't answer any more, and nothing of it may be heard.
func (s *Session) dropFormer(node NodeID) {
	kept := s.conns[:0]
	for _, c := range s.conns {
		if c.node == node {
			kept = append(kept, c)
		} else {
			s.do(Drop{c.id})
		}
	}
	clear(s.conns[len(kept):])
	s.conns = kept
}

// renew has all connections replaced. What takes too long to be dialled anew does no harm: they stay until then.
func (s *Session) renew() {
	for _, c := range s.conns {
		c.old = true
	}
	for _, d := range s.dials {
		d.old = true
	}
	s.dialling.next = s.now
}

// fresh is how many connections are healthy and not to be replaced.
func (s *Session) fresh() (n int) {
	for _, c := range s.conns {
		if !c.old && s.healthy(c) {
			n++
		}
	}
	return n
}

// makeRoom drops a connection where there are too many: the worst, and of equals the oldest.
func (s *Session) makeRoom() {
	for len(s.conns) >= maxConns {
		worst := s.conns[0]
		for _, c := range s.conns {
			if s.healthy(worst) && !s.healthy(c) {
				worst = c
			}
		}
		s.drop(worst)
	}
}

// drop ends a connection at once.
func (s *Session) drop(c *conn) {
	s.remove(c.id)
	s.do(Drop{c.id})
}

func (s *Session) remove(id ConnID) {
	for i, c := range s.conns {
		if c.id == id {
			s.conns = append(s.conns[:i], s.conns[i+1:]...)
			return
		}
	}
}

// ended notes the end of a dial or of a connection.
func (s *Session) ended(ev Ended) {
	if ev.Why != Dropped {
		s.status.Why = ev.Why
	}
	if d := s.attempt(ev.ID); d != nil {
		s.forgetDial(ev.ID)
		s.dialEnded(d, ev.Why)
		return
	}
	c := s.conn(ev.ID)
	if c == nil {
		return
	}
	s.remove(ev.ID)
	if ev.Why == Stopping {
		s.parted, s.left = s.now, c.node
		s.suspect.clear()
	}
	if s.usable() > 0 {
		return
	}
	switch {
	case !s.parted.IsZero() && c.node == s.left: // what it has said on one connection goes for all
		s.dialling.backOff(s)
	case ev.Why.sudden():
		s.suspect.begin(s.now, s.peer.FastFail)
		s.dialling.next = s.now
	default:
		s.dialling.next = s.now
	}
}

// tell says when somebody should hear of a change.
func (s *Session) tell() {
	up := s.usable() > 0
	if first := s.first(); first != nil {
		s.status.RTT, s.spoken = first.rtt, first.id
	}
	changed := up != s.status.Up
	s.status.Up, s.status.Conns = up, len(s.conns)
	if changed {
		s.do(Changed{})
	}
}

// spread makes a time of d, a quarter more or less.
func (s *Session) spread(d time.Duration) time.Duration {
	s.rand ^= s.rand << 13
	s.rand ^= s.rand >> 7
	s.rand ^= s.rand << 17
	return d*3/4 + time.Duration(s.rand%uint64(d/2+1))
}
