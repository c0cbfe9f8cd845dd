// Package status is the read model: what a node tells about itself. This file is the page of shared memory through which the election
// shows it, without ever waiting for a reader, and from which a restarted role learns what it was doing.
package status

import (
	"errors"
	"sync/atomic"
	"time"
	"unsafe"
)

// Geometry of the page. The memory of slots that were never used is never touched.
const (
	Slots = 8192 // virtual routers that can be shown
	// Moves is how many transitions are kept, and Sources of how many tracked sources the state is shown.
	Moves   = 4096
	Sources = 2048
	// Peers is of how many peers the connection is shown.
	Peers = 1024
	// Size of the memory in octets.
	Size = peersAt + Peers*peerSize

	slotSize  = 1536
	movesAt   = headerSize + Slots*slotSize
	sourcesAt = movesAt + Moves*moveSize
	peersAt   = sourcesAt + Sources*sourceSize

	headerSize = 4096
	magic      = 0x686f6c6466617374 // "holdfast"
	version    = 6
)

type header struct {
	magic   uint64
	version uint64
	beat    atomic.Uint64
	top     atomic.Uint64 // slots in use are below
	pid     atomic.Uint64

	lateMax, lateMost atomic.Int64 // nanoseconds
	malformed         atomic.Uint64
	overdue           atomic.Uint64

	moves   atomic.Uint64 // number of the last transition
	sources atomic.Uint64 // places of tracked sources in use are below
	peers   atomic.Uint64 // places of connections in use are below
	timings [timed]Histogram
}

// slot holds a record under a sequence counter: odd while it is written.
type slot struct {
	seq    atomic.Uint64
	used   atomic.Uint64
	record Record
}

var (
	_ [slotSize - unsafe.Sizeof(slot{})]byte
	_ [headerSize - unsafe.Sizeof(header{})]byte
)

// Page is the shared memory. One process writes it, any number read it.
type Page struct{ mem []byte }

// ErrPage is returned for memory that is not a page of this build.
var ErrPage = errors.New("not a status page of this version")

// Open takes memory of Size bytes, 8-byte aligned. Memory that is all zero becomes an empty page, so what may only be read has to be one
// already.
func Open(mem []byte) (*Page, error) {
	if len(mem) < Size || uintptr(unsafe.Pointer(&mem[0]))%8 != 0 {
		return nil, ErrPage
	}
	p := &Page{mem: mem}
	h := p.header()
	if h.magic == 0 && h.version == 0 {
		h.magic, h.version = magic, version
	}
	if h.magic != magic || h.version != version {
		return nil, ErrPage
	}
	return p, nil
}

func (p *Page) header() *header { return (*header)(unsafe.Pointer(&p.mem[0])) }

func (p *Page) slot(i int) *slot {
	return (*slot)(unsafe.Pointer(&p.mem[headerSize+i*slotSize]))
}

// Beat is a counter that grows while the election thread goes round.
func (p *Page) Beat() uint64 { return p.header().beat.Load() }

// AddBeat counts one round.
func (p *Page) AddBeat() { p.header().beat.Add(1) }

// PID of the process that writes the page, 0 before it has begun.
func (p *Page) PID() int { return int(p.header().pid.Load()) }

// SetPID says who writes.
func (p *Page) SetPID(pid int) { p.header().pid.Store(uint64(pid)) }

// SetLateness says how late rounds of the election thread began: the latest of all, and what 99 in 100 did not exceed.
func (p *Page) SetLateness(latest, most time.Duration) {
	h := p.header()
	h.lateMax.Store(int64(latest))
	h.lateMost.Store(int64(most))
}

// Lateness is what SetLateness was last told, over the life of the process that writes.
func (p *Page) Lateness() (latest, most time.Duration) {
	h := p.header()
	return time.Duration(h.lateMax.Load()), time.Duration(h.lateMost.Load())
}

// AddOverdue counts a round that was so late that its thread should come before others.
func (p *Page) AddOverdue() { p.header().overdue.Add(1) }

// Overdue is how many such rounds there were since the page was made.
func (p *Page) Overdue() uint64 { return p.header().overdue.Load() }

// AddMalformed counts a packet that was dropped before it could be said which virtual router it was for.
func (p *Page) AddMalformed() { p.header().malformed.Add(1) }

// Malformed is how many such packets there were since the page was made.
func (p *Page) Malformed() uint64 { return p.header().malformed.Load() }

// Put shows a record in slot i, 0 to Slots-1; out of range does nothing.
func (p *Page) Put(i int, r *Record) {
	if i < 0 || i >= Slots {
		return
	}
	s := p.slot(i)
	v := s.begin()
	s.record = *r
	s.used.Store(1)
	s.seq.Store(v + 1)
	if h := p.header(); h.top.Load() <= uint64(i) {
		h.top.Store(uint64(i) + 1)
	}
}

// Clear empties slot i.
func (p *Page) Clear(i int) {
	if i < 0 || i >= Slots {
		return
	}
	s := p.slot(i)
	v := s.begin()
	s.record = Record{}
	s.used.Store(0)
	s.seq.Store(v + 1)
}

// begin makes the counter odd, whatever a writer that died in the middle has left, and returns it.
func (s *slot) begin() uint64 {
	v := (s.seq.Load() + 1) | 1
	s.seq.Store(v)
	return v
}

// ClearAll empties the page, as a new writer does that does not go on with it.
func (p *Page) ClearAll() {
	for i := range p.Top() {
		p.Clear(i)
	}
	p.header().top.Store(0)
}

// Top is the number of slots that may be in use.
func (p *Page) Top() int { return int(min(p.header().top.Load(), Slots)) }

// Get reads slot i into r and reports whether it holds a record. A slot that its writer keeps changing, or left half
// written when it died, is read as empty after some tries.
func (p *Page) Get(i int, r *Record) bool {
	if i < 0 || i >= Slots {
		return false
	}
	s := p.slot(i)
	for range 1000 {
		before := s.seq.Load()
		if before%2 != 0 {
			continue
		}
		used := s.used.Load() != 0
		*r = s.record
		if s.seq.Load() == before {
			return used
		}
	}
	return false
}
