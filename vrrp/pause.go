package vrrp

import (
	"time"

	"holdfast.dev/clock"
)

// pause remembers when we last stood still: not scheduled, stopped by a signal, or suspended with the machine. Whoever stands
// still hears nothing, so silence during a pause is no proof that a master is gone.
type pause struct {
	end    clock.Instant
	length time.Duration
}

// observe compares the clocks of two Steps. due is when the second should have run at the latest; zero if nothing was due.
func (p *pause) observe(last, now clock.Now, due clock.Instant) {
	var late time.Duration
	if due != 0 && now.Mono > due {
		late = now.Mono.Sub(max(due, last.Mono))
	}
	if suspended := now.Boot.Sub(last.Boot) - now.Mono.Sub(last.Mono); suspended > 0 {
		late += suspended
	}
	if late > 0 && (late >= p.length || now.Mono.Sub(p.end) > p.length) {
		p.end, p.length = now.Mono, late
	}
}

// hides reports whether a pause could have swallowed an advert of a master with the given interval, and no full interval has
// passed since in which it could have been heard again.
func (p *pause) hides(interval time.Duration, now clock.Instant) bool {
	return p.length > interval/2 && now.Sub(p.end) < interval
}
