package vrrp

import (
	"time"

	"holdfast.dev/clock"
)

// pause remembers when we last stood still: not scheduled, stopped by a signal, or suspended with the machine. Whoever stands
// still hears nothing, so silence during a pause is no proof that a master is gone.
type pause struct {
	stood [4]stood // each shorter than the one before it: a shorter one matters to fewer routers, and only if it is later
	n     int
}

// stood is one time of standing still.
type stood struct {
	end    clock.Instant
	length time.Duration
}

// shortestPause is what could hide an advert of the shortest interval that there is, 10 ms.
const shortestPause = 5 * time.Millisecond

// observe compares the clocks of two Steps and returns how long the machine was suspended. due is when the second should have
// run at the latest; zero if nothing was due.
func (p *pause) observe(last, now clock.Now, due clock.Instant) (suspended time.Duration) {
	var late time.Duration
	if due != 0 {
		late = max(0, now.Mono.Sub(max(due, last.Mono)))
	}
	suspended = now.Boot.Sub(last.Boot) - now.Mono.Sub(last.Mono)
	late += max(0, suspended)
	if late > shortestPause {
		p.note(stood{end: now.Mono, length: late})
	}
	return suspended
}

func (p *pause) note(s stood) {
	kept := 0
	for _, old := range p.stood[:p.n] {
		if old.length > s.length && s.end.Sub(old.end) < 2*old.length {
			p.stood[kept] = old
			kept++
		}
	}
	kept = min(kept, len(p.stood)-1)
	p.stood[kept] = s
	p.n = kept + 1
}

// hides reports whether a pause could have swallowed an advert of a master with the given interval, and no full interval has
// passed since in which it could have been heard again.
func (p *pause) hides(interval time.Duration, now clock.Instant) bool {
	for _, s := range p.stood[:p.n] {
		if s.length > interval/2 && now.Sub(s.end) < interval {
			return true
		}
	}
	return false
}
