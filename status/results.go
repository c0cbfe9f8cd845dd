package status

import (
	"sync/atomic"
	"time"
	"unsafe"

	"holdfast.dev/clock"
	"holdfast.dev/track"
)

// Geometry of what is shown of tracked scripts.
const (
	// Results is of how many scripts the last run is shown.
	Results = Sources
	// MaxOutput is how much of what a script printed is shown, in octets from the end.
	MaxOutput = 1024

	resultsAt  = headerSize + RunsKept*runSize
	resultSize = 1536
)

// result is a track.Report under a sequence counter.
type result struct {
	seq          atomic.Uint64
	used         bool
	kind, signal uint8
	signals      int32
	code         int32
	length       int32 // of output
	run          uint64
	at, wall     int64
	began, took  int64
	name         text
	failure      [256]byte
	output       [MaxOutput]byte
}

var _ [resultSize - unsafe.Sizeof(result{})]byte

func (r *Runs) result(i int) *result {
	return (*result)(unsafe.Pointer(&r.mem[resultsAt+i*resultSize]))
}

// PutResult shows what is known of a tracked script at place i, 0 to Results-1; nil empties the place, out of range does nothing. Its State
// is not shown here.
func (r *Runs) PutResult(i int, rep *track.Report) {
	if i < 0 || i >= Results {
		return
	}
	e := r.result(i)
	seq := (e.seq.Load() + 1) | 1
	e.seq.Store(seq)
	if e.used = rep != nil; rep != nil {
		last := &rep.Last
		e.kind, e.signal, e.signals, e.code = uint8(rep.State.Kind), uint8(last.Signal), int32(rep.Signals), int32(last.Code)
		e.run, e.at, e.wall, e.began, e.took = last.Run, int64(rep.At.Mono), rep.At.Wall, int64(rep.Began), int64(last.Took)
		put(e.name[:], rep.State.Source)
		put(e.failure[:], last.Err)
		e.length = int32(copy(e.output[:], last.Output[max(len(last.Output)-MaxOutput, 0):]))
	}
	e.seq.Store(seq + 1)
	if h := r.header(); rep != nil && h.results.Load() <= uint64(i) {
		h.results.Store(uint64(i) + 1)
	}
}

// ClearResults empties all places, as a new writer does.
func (r *Runs) ClearResults() {
	for i := range r.TopResult() {
		r.PutResult(i, nil)
	}
}

// TopResult is the number of places that may show something.
func (r *Runs) TopResult() int { return int(min(r.header().results.Load(), Results)) }

// Result reads place i. Of its State only kind and name are known.
func (r *Runs) Result(i int) (rep track.Report, ok bool) {
	if i < 0 || i >= Results {
		return rep, false
	}
	e := r.result(i)
	for range 1000 {
		before := e.seq.Load()
		if before%2 != 0 {
			continue
		}
		ok = e.used
		rep = track.Report{
			State: track.State{Kind: track.Kind(e.kind), Source: get(e.name[:])},
			Last: track.Ended{
				Run: e.run, Code: int(e.code), Signal: int(e.signal), Err: get(e.failure[:]), Took: time.Duration(e.took),
				Output: string(e.output[:min(max(e.length, 0), MaxOutput)]),
			},
			At: clock.Now{Mono: clock.Instant(e.at), Wall: e.wall}, Began: clock.Instant(e.began), Signals: int(e.signals),
		}
		if e.seq.Load() == before {
			return rep, ok
		}
	}
	return track.Report{}, false
}

// AllResults reads all that is shown.
func (r *Runs) AllResults() map[track.ID]track.Report {
	all := map[track.ID]track.Report{}
	for i := range r.TopResult() {
		if rep, ok := r.Result(i); ok {
			all[rep.State.ID()] = rep
		}
	}
	return all
}
