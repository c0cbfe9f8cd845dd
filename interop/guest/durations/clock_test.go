package durations

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/interop/lab"
)

// steps are what somebody did to the wall clock of the guest in the course of a test.
type steps struct {
	t     *testing.T
	total []time.Duration // beyond what it was at first, after none, one, two ... of them
}

// newSteps sees to it that the clock is right again in the end.
func newSteps(t *testing.T) *steps {
	s := &steps{t: t, total: []time.Duration{0}}
	t.Cleanup(func() { s.by(-s.total[len(s.total)-1]) })
	return s
}

// by sets the wall clock forward or, below 0, back.
func (s *steps) by(d time.Duration) {
	s.t.Helper()
	var now unix.Timespec
	nstest.OK(s.t, unix.ClockGettime(unix.CLOCK_REALTIME, &now))
	now = unix.NsecToTimespec(now.Nano() + int64(d))
	nstest.OK(s.t, unix.ClockSettime(unix.CLOCK_REALTIME, &now))
	s.total = append(s.total, s.total[len(s.total)-1]+d)
}

// undo gives captured frames, whose times are those of the wall clock, the times that they would have without the steps. A frame belongs
// behind the first step that puts it behind its predecessor, and not more than a minute: steps are longer than that.
func (s *steps) undo(frames []captured) {
	s.t.Helper()
	step := 0
	for i := 1; i < len(frames); i++ {
		last := frames[i-1].at
		for ; ; step++ {
			if step == len(s.total) {
				s.t.Fatalf("frame %d has a time that no step explains: %v after %v", i, frames[i].at, last)
			}
			at := frames[i].at.Add(-s.total[step])
			if d := at.Sub(last); d > -100*ms && d < time.Minute {
				frames[i].at = at
				break
			}
		}
	}
}

// TestClockSteps sets the wall clock while one router is master, while its backup waits for it to be silent for long enough, and after that: by
// an hour, months, years, forward and back. Adverts keep their times, nobody takes over before the time or after it, and nobody
// believes that it had slept.
func TestClockSteps(t *testing.T) {
	both(t, func(t *testing.T, p program) {
		const year = 365 * 24 * time.Hour
		w, s := newWorld(t, 2), newSteps(t)
		master, backup := pair([]lab.Router{
			{VRID: 1, Version: 2, Priority: 100, Interval: time.Second, Lines: []string{"nopreempt"}, State: "BACKUP"},
			{VRID: 2, Version: 3, Priority: 100, Interval: 100 * ms, VIPs: []string{"fe80::100/64"}},
			{VRID: 3, Version: 3, Priority: 100, Interval: 100 * ms, Peers: []string{"the other"}},
			{VRID: 4, Version: 3, Priority: 100, Interval: 10 * ms},
		})
		elected(w, p, master, backup)
		began := time.Now()
		for _, d := range []time.Duration{time.Hour, -2 * time.Hour, 3 * year, -year, -90 * time.Second} {
			s.by(d)
			time.Sleep(1205 * ms) // not a multiple of an interval
		}
		calm := time.Since(began)
		w.routers[0].freeze()
		time.Sleep(15 * ms) // none of the backups has waited for long enough
		s.by(6 * time.Hour)
		time.Sleep(200 * ms) // one has
		s.by(-3 * year)
		time.Sleep(backup.Settled())
		s.by(year)
		time.Sleep(1500 * ms)
		w.routers[1].freeze()
		s.undo(w.wire.all())
		first := began.Add(-time.Second).Round(0) // without its monotonic reading, as the times of frames are
		for _, c := range backup.Routers {
			stepped(t, p, w, c, first, first.Add(calm))
		}
		for _, r := range w.routers {
			if log, err := os.ReadFile(r.file("log")); err != nil || p == ours && strings.Contains(string(log), "stood still") {
				t.Errorf("%s: it thinks that it had slept: %v", r.name, err)
			}
		}
	})
}

// stepped judges one virtual router: its master until calm, and its successor.
func stepped(t *testing.T, p program, w *world, c lab.Router, from, calm time.Time) {
	t.Helper()
	all := w.adverts(c).since(from)
	old, young := all.of(w.routers[0]), all.of(w.routers[1])
	if len(old) < int(calm.Sub(from)/c.Interval) || len(young) < 2 {
		t.Errorf("%s: %d adverts of router 1, %d of router 2", name(c), len(old), len(young))
		return
	}
	last, _ := old.last()
	if p == ours && (young[0].at.Before(last.at) || young[0].Priority == 0) {
		t.Errorf("%s: router 2 advertised while router 1 did", name(c))
	}
	judge(t, p, name(c)+", from a silent master", young[0].at.Sub(last.at), c.Down())
	for who, l := range map[string]list{"the master": old, "its successor": young} {
		var off time.Duration
		for i := 1; i < len(l); i++ {
			off = max(off, (l[i].at.Sub(l[i-1].at) - c.Interval).Abs())
		}
		t.Logf("%s: %s: %s: %d adverts, off by %v at most from one to the next", p.name, name(c), who, len(l), off)
		if p == ours && off > tolerance {
			t.Errorf("%s: adverts of %s are off by %v", name(c), who, off)
		}
	}
}
