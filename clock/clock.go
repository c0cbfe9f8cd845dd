// Package clock holds the time values that the engines are given. Nothing in it reads a clock.
package clock

import "time"

// Instant is a point on a monotonic clock in nanoseconds. The zero Instant is "never" or "not set";
// real readings are always greater.
type Instant int64

// Add returns the instant d later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// Sub returns how long after j the instant i is; negative if it is earlier.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i - j) }

// Before reports whether i is earlier than j.
func (i Instant) Before(j Instant) bool { return i < j }

// IsZero reports whether i was never set.
func (i Instant) IsZero() bool { return i == 0 }

// Min returns the earlier of two deadlines, where a zero Instant means that there is none.
func Min(a, b Instant) Instant {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// Now is one reading of the three clocks of a Linux machine. All engines of a process get the same reading in a round.
type Now struct {
	Mono Instant // CLOCK_MONOTONIC: what timers and deadlines are measured in; stands still while the machine is suspended
	Boot Instant // CLOCK_BOOTTIME: as Mono, but runs on during suspend; zero is the boot of the machine
	Wall int64   // CLOCK_REALTIME in nanoseconds since 1970; may be stepped in either direction at any time
}

// Add returns the reading d later, on all three clocks. For tests and simulators.
func (n Now) Add(d time.Duration) Now {
	return Now{Mono: n.Mono.Add(d), Boot: n.Boot.Add(d), Wall: n.Wall + int64(d)}
}
