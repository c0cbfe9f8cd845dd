package poll

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
)

func TestMain(m *testing.M) {
	if os.Getenv(burnEnv) != "" {
		burnProcess()
	}
	goleak.VerifyTestMain(m)
}

func newPoller(t testing.TB) *Poller {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// wait is Wait with a test's patience: a poller that never returns fails the test by being woken.
func wait(t testing.TB, p *Poller) Ready {
	t.Helper()
	late := time.AfterFunc(time.Minute, func() {
		t.Errorf("Wait did not return")
		p.Close()
	})
	defer late.Stop()
	r, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// idle checks that there is nothing to report, by arming a deadline and getting that alone.
func idle(t testing.TB, p *Poller) {
	t.Helper()
	set(t, p, Mono().Add(20*time.Millisecond))
	if r := wait(t, p); !r.Timer || r.Woken || len(r.Tokens) != 0 {
		t.Errorf("not idle: %+v", r)
	}
}

func set(t testing.TB, p *Poller, at clock.Instant) {
	t.Helper()
	if err := p.SetDeadline(at); err != nil {
		t.Fatal(err)
	}
}

func pipe(t testing.TB) (r, w int) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	return fds[0], fds[1]
}

// TestDeadline: never early, past ones at once, each once, unset ones never.
func TestDeadline(t *testing.T) {
	t.Parallel()
	p := newPoller(t)
	for _, d := range []time.Duration{5 * time.Millisecond, 0, -time.Hour, 300 * time.Microsecond, -1, 20 * time.Millisecond} {
		at := Mono().Add(d)
		if at < 1 {
			at = 1 // before the boot of the machine
		}
		set(t, p, at)
		if r := wait(t, p); !r.Timer || r.Woken || len(r.Tokens) > 0 {
			t.Errorf("%v: %+v", d, r)
		}
		if now := Mono(); now.Before(at) {
			t.Errorf("%v: fired %v early", d, at.Sub(now))
		}
		if now := Now().Mono; now.Before(at) {
			t.Errorf("%v: by Now, fired %v early", d, at.Sub(now))
		}
	}
	idle(t, p) // reported once each

	set(t, p, Mono().Add(time.Millisecond))
	set(t, p, Mono().Add(time.Hour)) // replaces the nearer one
	set(t, p, 0)
	time.AfterFunc(20*time.Millisecond, p.Wake)
	if r := wait(t, p); r.Timer || !r.Woken {
		t.Errorf("no deadline: %+v", r)
	}
}

// TestDeadlineAgain: setting the deadline that has just been reported fires again, setting one that has not does not disturb it.
func TestDeadlineAgain(t *testing.T) {
	t.Parallel()
	p := newPoller(t)
	at := Mono()
	for range 3 {
		set(t, p, at)
		set(t, p, at)
		if !wait(t, p).Timer {
			t.Error("did not fire")
		}
	}
	// It has expired but was not reported; put off, it must not be reported.
	set(t, p, Mono())
	time.Sleep(5 * time.Millisecond)
	set(t, p, Mono().Add(time.Hour))
	time.AfterFunc(20*time.Millisecond, p.Wake)
	if r := wait(t, p); r.Timer || !r.Woken {
		t.Errorf("a deadline that was put off: %+v", r)
	}
}

// TestWake from other goroutines: none is lost, many are one.
func TestWake(t *testing.T) {
	t.Parallel()
	p := newPoller(t)
	for range 100 {
		p.Wake()
	}
	if r := wait(t, p); !r.Woken || r.Timer {
		t.Errorf("%+v", r)
	}
	idle(t, p)

	// Every request is answered before the next is made, so that a lost wake-up hangs.
	const goroutines, rounds = 4, 500
	asked := make(chan chan struct{}, goroutines)
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			answer := make(chan struct{})
			for range rounds {
				asked <- answer
				p.Wake()
				<-answer
			}
		})
	}
	for left := goroutines * rounds; left > 0; {
		if !wait(t, p).Woken {
			t.Error("returned without a wake-up")
		}
		for more := true; more; {
			select {
			case answer := <-asked:
				left--
				answer <- struct{}{}
			default:
				more = false
			}
		}
	}
	all.Wait()
}

// TestDescriptors: reported until read, by the token they were added with, and no longer after Remove.
func TestDescriptors(t *testing.T) {
	t.Parallel()
	p := newPoller(t)
	r, w := pipe(t)
	const token = Token(0xfedc_ba98_7654_3210)
	if err := p.Add(r, token); err != nil {
		t.Fatal(err)
	}
	idle(t, p)
	if _, err := unix.Write(w, []byte("xy")); err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	for range 2 {
		for range 2 {
			if got := wait(t, p); len(got.Tokens) != 1 || got.Tokens[0] != token {
				t.Errorf("%+v", got)
			}
		}
		if _, err := unix.Read(r, b[:]); err != nil {
			t.Fatal(err)
		}
	}
	idle(t, p)
	if _, err := unix.Write(w, []byte("z")); err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(r); err != nil {
		t.Fatal(err)
	}
	idle(t, p)

	if err := p.Remove(r); !errors.Is(err, unix.ENOENT) {
		t.Errorf("removed twice: %v", err)
	}
	if err := p.Add(r, 1); err != nil {
		t.Error(err)
	}
	if err := p.Add(r, 1); !errors.Is(err, unix.EEXIST) {
		t.Errorf("added twice: %v", err)
	}
	for _, taken := range []Token{timerToken, wakeToken} {
		if err := p.Add(w, taken); err == nil {
			t.Errorf("token %d was accepted", taken)
		}
	}
}

// TestManyDescriptors: more than one Wait can report are all reported in turn, and neither they nor the deadline are starved.
func TestManyDescriptors(t *testing.T) {
	t.Parallel()
	p := newPoller(t)
	const n = maxReady*2 + 10
	for i := range n {
		r, w := pipe(t)
		if err := p.Add(r, Token(i)); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(w, []byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	set(t, p, 1)
	p.Wake()
	seen := map[Token]bool{}
	timer, woken := false, false
	for range 20 {
		r := wait(t, p)
		timer, woken = timer || r.Timer, woken || r.Woken
		for _, token := range r.Tokens {
			seen[token] = true
		}
	}
	if len(seen) != n || !timer || !woken {
		t.Errorf("%d of %d descriptors, timer %v, woken %v", len(seen), n, timer, woken)
	}
}

// TestClose from another goroutine, while one waits; and all that may come after it.
func TestClose(t *testing.T) {
	t.Parallel()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error)
	go func() {
		_, err := p.Wait()
		waited <- err
	}()
	time.Sleep(5 * time.Millisecond)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := <-waited; !errors.Is(err, ErrClosed) {
		t.Errorf("Wait: %v", err)
	}
	if _, err := p.Wait(); !errors.Is(err, ErrClosed) {
		t.Errorf("Wait after Close: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	r, _ := pipe(t)
	if err := p.Add(r, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("Add after Close: %v", err)
	}
	if err := p.Remove(r); !errors.Is(err, ErrClosed) {
		t.Errorf("Remove after Close: %v", err)
	}
	if err := p.SetDeadline(1); !errors.Is(err, unix.EBADF) {
		t.Errorf("SetDeadline after Close: %v", err)
	}
	p.Wake()
}

// TestCloseRace: producers that wake while the poller is closed never write to a descriptor that is no longer its own.
func TestCloseRace(t *testing.T) {
	t.Parallel()
	for range 50 {
		p, err := New()
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				for range 100 {
					p.pending.Store(false)
					p.Wake()
				}
			})
		}
		all.Go(func() {
			for {
				if _, err := p.Wait(); err != nil {
					return
				}
			}
		})
		p.Close()
		all.Wait()
	}
}

// TestRest: the kernel takes the thread off its processor.
func TestRest(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := newPoller(t)
	slept, taken := switches(t, "voluntary_ctxt_switches"), switches(t, "nonvoluntary_ctxt_switches")
	const times = 20
	for range times {
		p.Rest()
	}
	slept, taken = switches(t, "voluntary_ctxt_switches")-slept, switches(t, "nonvoluntary_ctxt_switches")-taken
	// Somebody else may get the processor just as the thread is about to sleep, for so long that it need not any more.
	if slept+taken < times || slept < times/2 {
		t.Errorf("slept %d times in %d, and was taken off its processor %d times", slept, times, taken)
	}
}

// switches is how often the thread has left its processor, in one of the kernel's two ways.
func switches(t *testing.T, way string) (n int) {
	t.Helper()
	text, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n"+way+":")
	if !ok {
		t.Fatal("the kernel does not count context switches")
	}
	for _, c := range strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]) {
		n = n*10 + int(c-'0')
	}
	return n
}

// TestNow holds the readings to the kernel's own.
func TestNow(t *testing.T) {
	t.Parallel()
	for range 1000 {
		before := kernelClock(unix.CLOCK_MONOTONIC)
		now, mono := Now(), Mono()
		after := kernelClock(unix.CLOCK_MONOTONIC)
		const ahead = int64(time.Millisecond) // half of it happens only if the calibration was preempted 32 times
		for _, m := range []clock.Instant{now.Mono, mono} {
			if int64(m) < before || int64(m) > after+ahead {
				t.Fatalf("%d is not between %d and %d", m, before, after)
			}
		}
		if now.Boot < now.Mono-clock.Instant(ahead) {
			t.Fatalf("up for %d, of it awake for %d", now.Boot, now.Mono)
		}
		if d := time.Since(time.Unix(0, now.Wall)); d < -time.Hour || d > time.Hour {
			t.Fatalf("wall clock %v off", d)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	p := newPoller(t)
	r, w := pipe(t)
	if err := p.Add(r, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(w, []byte{1}); err != nil {
		t.Fatal(err)
	}
	at := Mono()
	n := testing.AllocsPerRun(100, func() {
		at++
		_ = p.SetDeadline(at)
		p.Wake()
		for timer, woken := false, false; !timer || !woken; {
			r, err := p.Wait()
			if err != nil || len(r.Tokens) != 1 {
				t.Error(r, err)
				return
			}
			timer, woken = timer || r.Timer, woken || r.Woken
		}
		Now()
	})
	if n != 0 {
		t.Errorf("%v allocations a round", n)
	}
}
