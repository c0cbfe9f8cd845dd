package track

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
)

// bench drives one Script and writes down what it wants, a line per action with the time since the start.
type bench struct {
	s   *Script
	now clock.Now
	out []string
	run uint64 // the run that was asked for last
}

var start = clock.Now{Mono: 1e12, Boot: 1e12, Wall: 1e18}

func newBench(spec Spec) *bench {
	return &bench{s: NewScript(spec, start, false), now: start}
}

func (b *bench) step(ev Event) {
	for _, a := range b.s.Step(b.now, ev) {
		at := b.now.Mono.Sub(start.Mono)
		switch a := a.(type) {
		case Run:
			b.run = a.Run
			b.out = append(b.out, fmt.Sprintf("%v run", at))
		case Signal:
			b.out = append(b.out, fmt.Sprintf("%v signal kill=%v", at, a.Kill))
		case Change:
			b.out = append(b.out, fmt.Sprintf("%v %s", at, a.State.Status))
		case Say:
			if a.Detail < 2 {
				b.out = append(b.out, fmt.Sprintf("%v %q", at, a.Text))
			}
		}
	}
}

// until wakes the script at each of its deadlines up to d after the start, and then moves the clock there.
func (b *bench) until(d time.Duration) {
	end := start.Mono.Add(d)
	for n := 0; ; n++ {
		at, ok := b.s.Deadline()
		if !ok || end.Before(at) {
			break
		}
		if n > 10_000 {
			panic("deadline stands still")
		}
		if b.now.Mono.Before(at) {
			b.now = b.now.Add(at.Sub(b.now.Mono))
		}
		b.step(Wakeup{})
	}
	b.now = start.Add(d)
}

func (b *bench) exit(code int) { b.step(Ended{Run: b.run, Code: code}) }
func (b *bench) want(t *testing.T, lines ...string) {
	t.Helper()
	got, want := strings.Join(b.out, "\n"), strings.Join(lines, "\n")
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	b.out = nil
}

// The runs of two scripts as keepalived 2.2.7 counted them: exit codes, and the run at which it changed its mind.
func TestRiseFall(t *testing.T) {
	for _, c := range []struct {
		name       string
		rise, fall int
		codes      string
		changes    string // "run number:status"
	}{
		{"first success counts as rise", 2, 3, "0111100010110101000", "1:up 4:down 7:up"},
		{"first failure counts as fall", 3, 2, "1000011123010100000", "1:down 4:up 7:down 17:up"},
		{"one and one", 1, 1, "01001", "1:up 2:down 3:up 5:down"},
		{"a lone success does not undo a fall", 2, 3, "01110101", "1:up 4:down"},
		{"a lone failure does not undo a rise", 2, 3, "0100101", "1:up"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewScript(Spec{Name: "s", Rise: c.rise, Fall: c.fall, Interval: time.Second}, start, false)
			now := start
			var got []string
			for i, code := range c.codes {
				s.Step(now, Wakeup{})
				for _, a := range s.Step(now, Ended{Run: uint64(i + 1), Code: int(code - '0')}) {
					if ch, ok := a.(Change); ok {
						got = append(got, fmt.Sprintf("%d:%s", i+1, ch.State.Status))
					}
				}
				now = now.Add(time.Second)
			}
			if g := strings.Join(got, " "); g != c.changes {
				t.Errorf("got %s, want %s", g, c.changes)
			}
		})
	}
}

func TestFirstRunAtOnceAndNoDrift(t *testing.T) {
	b := newBench(Spec{Name: "s", Interval: 2 * time.Second})
	b.until(0)
	b.now = b.now.Add(1500 * time.Millisecond)
	b.exit(0)
	b.want(t, "0s run", `1.5s "VRRP_Script(s) succeeded"`, "1.5s up")
	b.until(2 * time.Second)
	b.exit(0)
	b.want(t, "2s run")
	// A late round does not move the schedule.
	b.now = start.Add(4700 * time.Millisecond)
	b.step(Wakeup{})
	b.exit(0)
	b.until(6 * time.Second)
	b.exit(0)
	b.want(t, "4.7s run", "6s run")
	// Of starts that were slept through only one is made up for.
	b.now = start.Add(61 * time.Second)
	b.step(Wakeup{})
	b.exit(0)
	b.until(62 * time.Second)
	b.want(t, "1m1s run", "1m2s run")
}

func TestTimeoutEscalates(t *testing.T) {
	b := newBench(Spec{Name: "s", Interval: 3 * time.Second, Timeout: time.Second})
	b.until(16 * time.Second)
	b.want(t,
		"0s run", "1s signal kill=false", "3s signal kill=true",
		`3s "Track script s is being timed out, expect idle - skipping run"`,
		"5s signal kill=true", `5s "VRRP_Script(s) failed (timed_out, and can't be killed)"`, "5s down",
		`6s "Track script s is being timed out, expect idle - skipping run"`,
		`9s "Track script s is being timed out, expect idle - skipping run"`,
		`12s "Track script s is being timed out, expect idle - skipping run"`,
		"15s signal kill=true",
		`15s "Track script s is being timed out, expect idle - skipping run"`)
	b.step(Ended{Run: 1, Signal: 9})
	b.want(t) // it is known
	b.until(18 * time.Second)
	b.want(t, "18s run")
}

// A run that nothing can end, because the kernel holds it, is a failure, and so are those that can't begin because of it. When it ends after
// all, everything is as before.
func TestImmortalRun(t *testing.T) {
	b := newBench(Spec{Name: "s", Interval: 5 * time.Second, Timeout: time.Second, Fall: 2})
	b.step(Wakeup{})
	b.exit(0)
	b.out = nil
	b.until(21 * time.Second)
	b.want(t, "5s run", "6s signal kill=false", "8s signal kill=true", "10s signal kill=true",
		`10s "Track script s is being timed out, expect idle - skipping run"`, `10s "VRRP_Script(s) failed (timed_out, and can't be killed)"`, "10s down",
		`15s "Track script s is being timed out, expect idle - skipping run"`, "20s signal kill=true",
		`20s "Track script s is being timed out, expect idle - skipping run"`)
	b.step(Ended{Run: b.run, Signal: 9})
	b.until(25 * time.Second)
	b.exit(0)
	b.want(t, "25s run", `25s "VRRP_Script(s) succeeded"`, "25s up")
}

func TestSkipWhileRunning(t *testing.T) {
	b := newBench(Spec{Name: "s", Interval: time.Second, Timeout: 5 * time.Second})
	b.until(1 * time.Second)
	b.want(t, "0s run", `1s "Track script s is already running, expect idle - skipping run"`)
}

// Regression 94: however the end and the timeout meet, a run has one outcome and the script is run again.
func TestRegressionF94_OneOutcome(t *testing.T) {
	b := newBench(Spec{Name: "s", Interval: time.Second})
	b.until(0)
	b.now = start.Add(time.Second)
	b.step(Ended{Run: 1}) // at the very instant of the timeout and of the next start
	b.want(t, "0s run", `1s "VRRP_Script(s) succeeded"`, "1s up", "1s run")
	b.step(Ended{Run: 1, Signal: 15})
	b.step(Ended{Run: 1, Code: 1})
	b.want(t)
	b.step(Ended{Run: 2})
	b.step(Ended{Run: 2, Code: 1})
	b.until(2 * time.Second)
	b.want(t, "2s run")
	// The timeout comes first, the end a moment later.
	b.until(3 * time.Second)
	b.step(Ended{Run: 3, Signal: 15})
	b.step(Ended{Run: 3})
	b.want(t, "3s signal kill=false", `3s "Track script s is being timed out, expect idle - skipping run"`,
		`3s "VRRP_Script(s) timed_out"`, "3s down")
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		end   Ended
		after time.Duration
		want  string
	}{
		{Ended{Code: 3}, 0, "exited with status 3"},
		{Ended{Signal: 11}, 0, "due to signal 11"},
		{Ended{Signal: 15}, 0, "due to signal 15"}, // not by us
		{Ended{Signal: 15}, time.Second, "timed_out"},
		{Ended{Signal: 11}, time.Second, "due to signal 11"},
		{Ended{Code: 3}, time.Second, "exited with status 3"},
		{Ended{Err: "no such file or directory"}, 0, "could not be run: no such file or directory"}, // regression 93
		{Ended{}, time.Second, ""},                                                                  // caught our signal and succeeded
	} {
		b := newBench(Spec{Name: "s", Interval: 10 * time.Second, Timeout: time.Second})
		b.until(c.after)
		c.end.Run = 1
		b.step(c.end)
		st := b.s.State()
		if st.Reason != c.want || (st.Status == Up) != (c.want == "") {
			t.Errorf("%+v after %v: %v %q, want %q", c.end, c.after, st.Status, st.Reason, c.want)
		}
	}
}

func TestExitCodeIsSaidOnChangeOnly(t *testing.T) {
	b := newBench(Spec{Name: "s", Interval: time.Second})
	for i, code := range []int{0, 1, 1, 2, 0} {
		b.until(time.Duration(i) * time.Second)
		b.exit(code)
	}
	b.want(t,
		"0s run", `0s "VRRP_Script(s) succeeded"`, "0s up",
		"1s run", "1s \"Script `s` now returning 1\"", `1s "VRRP_Script(s) failed (exited with status 1)"`, "1s down",
		"2s run",
		"3s run", "3s \"Script `s` now returning 2\"",
		"4s run", "4s \"Script `s` now returning 0\"", `4s "VRRP_Script(s) succeeded"`, "4s up")
}

func TestReloadKeepsResultOfSameCommand(t *testing.T) {
	spec := Spec{Name: "s", Args: []string{"/a"}, Interval: time.Second, Rise: 2, Fall: 2}
	b := newBench(spec)
	b.until(0)
	b.exit(0)
	b.out = nil
	b.now = start.Add(500 * time.Millisecond)
	b.step(Reconfigure{spec})
	b.want(t, `500ms "VRRP_Script(s) considered successful on reload"`)
	b.until(time.Second) // the deadline in flight is kept
	b.exit(1)
	b.want(t, "1s run", "1s \"Script `s` now returning 1\"")
	spec.Interval, spec.Fall = 5*time.Second, 1
	b.step(Reconfigure{spec})
	b.until(6 * time.Second)
	b.exit(1)
	b.want(t, `1s "VRRP_Script(s) considered successful on reload"`, "6s run",
		`6s "VRRP_Script(s) failed (exited with status 1)"`, "6s down")
	b.step(Reconfigure{spec})
	b.want(t, `6s "VRRP_Script(s) considered unsuccessful on reload"`)
	if st := b.s.State(); st.Status != Down || st.Reload {
		t.Errorf("state %+v", st)
	}
}

func TestReloadWithAnotherCommandStartsAnew(t *testing.T) {
	b := newBench(Spec{Name: "s", Args: []string{"/a"}, Interval: time.Second})
	b.until(0)
	b.exit(0)
	b.until(time.Second) // run 2 is going on
	b.out = nil
	b.now = start.Add(1200 * time.Millisecond)
	b.step(Reconfigure{Spec{Name: "s", Args: []string{"/b"}, Interval: time.Second}})
	b.want(t, "1.2s unknown", "1.2s signal kill=false")
	if st := b.s.State(); !st.Reload {
		t.Errorf("a new command must hold nobody back: %+v", st)
	}
	b.until(3300 * time.Millisecond)
	b.want(t, "3.2s signal kill=true")
	b.step(Ended{Run: 2, Code: 1}) // says nothing about the new command
	b.want(t, "3.3s run")
	b.exit(0)
	b.want(t, `3.3s "VRRP_Script(s) succeeded"`, "3.3s up")
}

func TestRemove(t *testing.T) {
	b := newBench(Spec{Name: "s", Interval: time.Second, Timeout: time.Minute})
	b.until(0)
	b.step(Remove{})
	b.step(Remove{})
	b.until(2 * time.Second)
	b.want(t, "0s run", "0s signal kill=false", "2s signal kill=true")
	b.step(Ended{Run: 1, Signal: 9})
	b.until(time.Minute)
	b.want(t)
	if !b.s.Done() {
		t.Error("not done")
	}
}

// Whatever the numbers of a configuration are, the machine neither overflows nor spins.
func TestExtremes(t *testing.T) {
	for _, spec := range []Spec{
		{Interval: -1, Timeout: -1, Rise: -1, Fall: -1},
		{Interval: 1<<63 - 1, Timeout: 1<<63 - 1, Rise: 1<<63 - 1, Fall: 1<<63 - 1},
		{Interval: time.Nanosecond},
	} {
		b := newBench(spec)
		b.until(0)
		b.exit(0)
		b.until(3 * time.Second)
		if b.s.State().Status != Up {
			t.Errorf("%+v: %v", spec, b.s.State())
		}
	}
}
