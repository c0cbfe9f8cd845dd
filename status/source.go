package status

import (
	"sync/atomic"
	"unsafe"

	"holdfast.dev/track"
)

// source is the state of a tracked source, as Record is that of a router.
type source struct {
	seq    atomic.Uint64
	wall   int64
	value  int64
	used   bool
	kind   uint8
	status uint8
	name   text
	reason [160]byte
}

const sourceSize = 256

var _ [sourceSize - unsafe.Sizeof(source{})]byte

func (p *Page) source(i int) *source {
	return (*source)(unsafe.Pointer(&p.mem[sourcesAt+i*sourceSize]))
}

// PutSource shows the state of a tracked source at place i, 0 to Sources-1; nil empties the place, out of range does nothing. wall is
// when the state began, CLOCK_REALTIME in nanoseconds.
func (p *Page) PutSource(i int, s *track.State, wall int64) {
	if i < 0 || i >= Sources {
		return
	}
	e := p.source(i)
	v := (e.seq.Load() + 1) | 1
	e.seq.Store(v)
	e.used = s != nil
	if s != nil {
		e.wall, e.value, e.kind, e.status = wall, int64(s.Value), uint8(s.Kind), uint8(s.Status)
		put(e.name[:], s.Source)
		put(e.reason[:], s.Reason)
	}
	e.seq.Store(v + 1)
	if h := p.header(); s != nil && h.sources.Load() <= uint64(i) {
		h.sources.Store(uint64(i) + 1)
	}
}

// TopSource is the number of places that may show a tracked source.
func (p *Page) TopSource() int { return int(min(p.header().sources.Load(), Sources)) }

// Source reads place i and reports whether a source is shown there.
func (p *Page) Source(i int) (s track.State, wall int64, ok bool) {
	if i < 0 || i >= Sources {
		return s, 0, false
	}
	e := p.source(i)
	for range 1000 {
		before := e.seq.Load()
		if before%2 != 0 {
			continue
		}
		s = track.State{
			Kind: track.Kind(e.kind), Source: get(e.name[:]), Status: track.Status(e.status), Value: int(e.value), Reason: get(e.reason[:]),
		}
		wall, ok = e.wall, e.used
		if e.seq.Load() == before {
			return s, wall, ok
		}
	}
	return track.State{}, 0, false
}
