package poll

import (
	"math"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
)

// origin joins the runtime's clock to the kernel's. Go reads CLOCK_MONOTONIC without a system call, but tells only differences; a
// timerfd wants the kernel's own count.
var origin = calibrate()

type reference struct {
	at   time.Time
	mono int64 // CLOCK_MONOTONIC at that time, or a little later
}

// calibrate reads both clocks many times, the kernel's after Go's, and keeps the pair that lies closest together. The reading that
// Now makes of it is therefore never behind the kernel's: when a timerfd has fired, Now is at or past its deadline.
func calibrate() reference {
	ref := reference{at: time.Now(), mono: math.MaxInt64}
	for range 32 {
		since := int64(time.Since(ref.at))
		ref.mono = min(ref.mono, kernelClock(unix.CLOCK_MONOTONIC)-since)
	}
	return ref
}

// Now reads the three clocks. Mono is CLOCK_MONOTONIC as the kernel counts it (at most a microsecond ahead, never behind), so it
// may be compared with deadlines that are given to a Poller. It costs about 0.3 microseconds, nearly all of it for
// CLOCK_BOOTTIME, the one clock that Go cannot read without a system call; see BenchmarkNow.
func Now() clock.Now {
	t := time.Now()
	return clock.Now{
		Mono: clock.Instant(origin.mono + int64(t.Sub(origin.at))),
		Boot: clock.Instant(kernelClock(unix.CLOCK_BOOTTIME)),
		Wall: t.UnixNano(),
	}
}

// Mono is the Mono of Now alone, without a system call.
func Mono() clock.Instant {
	return clock.Instant(origin.mono + int64(time.Since(origin.at)))
}

// kernelClock is a clock as the kernel counts it. It cannot fail for the clocks that every kernel has.
func kernelClock(id uintptr) int64 {
	var ts unix.Timespec
	unix.RawSyscall(unix.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}
