package poll

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
)

// burnEnv makes the test program compute until its standard input ends.
const burnEnv = "HOLDFAST_TEST_BURN"

func burnProcess() {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for n := uint64(1); ; n++ {
		sink.Store(n * n)
	}
}

var sink atomic.Uint64

// burnOutside starts n processes that compute.
func burnOutside(b *testing.B, n int) {
	b.Helper()
	for range n {
		cmd := exec.Command("/proc/self/exe", "-test.run=^$")
		cmd.Env = append(os.Environ(), burnEnv+"=1")
		in, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	}
}

// burnInside starts n goroutines that compute.
func burnInside(b *testing.B, n int) {
	stop := make(chan struct{})
	b.Cleanup(func() { close(stop) })
	for range n {
		go func() {
			for n := uint64(1); ; n++ {
				sink.Store(n * n)
				if n%1024 == 0 {
					select {
					case <-stop:
						return
					default:
					}
				}
			}
		}()
	}
}

// realTime makes this thread SCHED_RR, as the election thread may be configured.
func realTime(b *testing.B) {
	b.Helper()
	prio := int32(10)
	if _, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, unix.SCHED_RR, uintptr(unsafe.Pointer(&prio))); errno != 0 {
		b.Skipf("not permitted to be real-time: %v", errno)
	}
	b.Cleanup(func() { // the same goroutine, so the same thread
		prio = 0
		unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, unix.SCHED_NORMAL, uintptr(unsafe.Pointer(&prio)))
	})
}

func report(b *testing.B, late []time.Duration) {
	slices.Sort(late)
	at := func(q float64) float64 {
		return float64(late[min(int(q*float64(len(late))), len(late)-1)].Nanoseconds()) / 1000
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(at(0.5), "p50-us")
	b.ReportMetric(at(0.99), "p99-us")
	b.ReportMetric(at(1), "max-us")
}

// BenchmarkLateness is how long after a deadline Wait has returned, with 2 Ps, every 2 ms; use -benchtime 500x.
func BenchmarkLateness(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for _, rr := range []bool{false, true} {
		for _, load := range []struct{ inside, outside int }{{0, 0}, {1, 0}, {2, 0}, {0, 2}, {1, 2}} {
			b.Run(fmt.Sprintf("rr=%v/inside=%d/outside=%d", rr, load.inside, load.outside), func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				burnInside(b, load.inside)
				burnOutside(b, load.outside)
				if rr { // last: a process inherits the policy of the thread that starts it
					realTime(b)
				}
				p := newPoller(b)
				var late []time.Duration
				for b.Loop() {
					at := Mono().Add(2 * time.Millisecond)
					_ = p.SetDeadline(at)
					if _, err := p.Wait(); err != nil {
						b.Fatal(err)
					}
					late = append(late, Mono().Sub(at))
				}
				report(b, late)
			})
		}
	}
}

// BenchmarkWake is how long after Wake the waiting goroutine runs.
func BenchmarkWake(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for _, outside := range []int{0, 2} {
		b.Run(fmt.Sprintf("outside=%d", outside), func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			burnOutside(b, outside)
			p := newPoller(b)
			var at atomic.Int64
			next, done := make(chan struct{}, 1), make(chan struct{})
			go func() {
				defer close(done)
				for range next {
					time.Sleep(time.Millisecond)
					at.Store(int64(Mono()))
					p.Wake()
				}
			}()
			var late []time.Duration
			for b.Loop() {
				next <- struct{}{}
				if _, err := p.Wait(); err != nil {
					b.Fatal(err)
				}
				late = append(late, Mono().Sub(clock.Instant(at.Load())))
			}
			close(next)
			<-done
			report(b, late)
		})
	}
}

func BenchmarkNow(b *testing.B) {
	b.Run("three clocks", func(b *testing.B) {
		for b.Loop() {
			Now()
		}
	})
	b.Run("monotonic", func(b *testing.B) {
		for b.Loop() {
			Mono()
		}
	})
	b.Run("monotonic by system call", func(b *testing.B) {
		for b.Loop() {
			kernelClock(unix.CLOCK_MONOTONIC)
		}
	})
}

// BenchmarkRound is a round with nothing to do: arm the timer, wait, read the clocks.
func BenchmarkRound(b *testing.B) {
	p := newPoller(b)
	b.ReportAllocs()
	for b.Loop() {
		now := Now()
		_ = p.SetDeadline(now.Mono)
		if _, err := p.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInbox(b *testing.B) {
	p := newPoller(b)
	q := NewInbox[int](64, p.Wake, nil)
	b.ReportAllocs()
	for b.Loop() {
		_ = q.Put(1)
		if _, err := p.Wait(); err != nil {
			b.Fatal(err)
		}
		q.Take()
	}
}
