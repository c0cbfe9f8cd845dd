package status

import (
	"net/netip"
	"sync/atomic"
	"time"
	"unsafe"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp"
)

// Step is a moment on the way of a transition.
type Step int

// The moments, in the order in which they come.
const (
	Caused    Step = iota // the packet or the deadline that led to it
	Woken                 // the round of the election thread that decided it began
	Decided               // the engine was given the cause
	Sent                  // MASTER: the first advert is on the wire
	Confirmed             // MASTER: the kernel holds all addresses
	Announced             // MASTER: the first gratuitous ARP or unsolicited NA is on the wire
	Queued                // it was handed to those who notify
	Steps
)

// Move is a transition of a virtual router, with the times of its steps.
type Move struct {
	ID   uint64 // counts from 1 while the daemon lives, over restarts of the vrrp process
	Name string
	// Text is the fault or the member of the group that led to it, empty for none.
	Text         string
	From, To     vrrp.State
	Why          vrrp.Why
	Peer         netip.Addr // sender of the advert that decided it, or the master that fell silent
	PeerPriority uint8
	Priority     uint8         // our effective one
	Wall         int64         // CLOCK_REALTIME of the decision, nanoseconds
	Late         time.Duration // how late the round began, if a deadline was what it had waited for
	At           [Steps]clock.Instant
}

// move is a Move in the ring: fixed in size and without pointers, under a sequence counter.
type move struct {
	seq, id                atomic.Uint64
	at                     [Steps]atomic.Int64
	wall, late             int64
	name, text             text
	peer                   [16]byte
	from, to, why          uint8
	peerPriority, priority uint8
}

const moveSize = 256

var _ [moveSize - unsafe.Sizeof(move{})]byte

func (p *Page) move(id uint64) *move {
	return (*move)(unsafe.Pointer(&p.mem[movesAt+int(id%Moves)*moveSize]))
}

// AddMove puts a transition into the ring in place of the oldest and returns its number; the ID in m is not looked at. It does not
// allocate. Names and texts longer than 64 octets are cut.
func (p *Page) AddMove(m *Move) uint64 {
	id := p.header().moves.Load() + 1
	e := p.move(id)
	v := (e.seq.Load() + 1) | 1
	e.seq.Store(v)
	e.id.Store(id)
	put(e.name[:], m.Name)
	put(e.text[:], m.Text)
	putAddr(&e.peer, m.Peer)
	e.from, e.to, e.why = uint8(m.From), uint8(m.To), uint8(m.Why)
	e.peerPriority, e.priority = m.PeerPriority, m.Priority
	e.wall, e.late = m.Wall, int64(m.Late)
	for i := range e.at {
		e.at[i].Store(int64(m.At[i]))
	}
	e.seq.Store(v + 1)
	p.header().moves.Store(id)
	return id
}

// SetStep notes when a transition came to a step, if it is still in the ring. One that was noted before stays.
func (p *Page) SetStep(id uint64, s Step, at clock.Instant) {
	if e := p.move(id); e.id.Load() == id && e.at[s].Load() == 0 {
		e.at[s].Store(int64(at))
	}
}

// LastMove is the number of the newest transition, 0 for none.
func (p *Page) LastMove() uint64 { return p.header().moves.Load() }

// Move reads a transition into m and reports whether it is in the ring.
func (p *Page) Move(id uint64, m *Move) bool {
	last := p.LastMove()
	if id == 0 || id > last || last-id >= Moves {
		return false
	}
	e := p.move(id)
	for range 1000 {
		before := e.seq.Load()
		if before%2 != 0 {
			continue
		}
		mine := e.id.Load() == id
		*m = Move{
			ID: id, Name: get(e.name[:]), Text: get(e.text[:]), From: vrrp.State(e.from), To: vrrp.State(e.to), Why: vrrp.Why(e.why),
			Peer: getAddr(e.peer), PeerPriority: e.peerPriority, Priority: e.priority, Wall: e.wall, Late: time.Duration(e.late),
		}
		for i := range m.At {
			m.At[i] = clock.Instant(e.at[i].Load())
		}
		if e.seq.Load() == before {
			return mine
		}
	}
	return false
}
