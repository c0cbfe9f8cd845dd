package watch

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/track"
)

// world runs scripts that are functions: how long they take and what they return.
type world struct {
	mu     sync.Mutex
	began  time.Time
	out    []string
	behave func(name string, run int) (took time.Duration, code int)
	runs   map[string]int
}

// fake is a run that ends by itself, or at a signal.
type fake struct{ signal chan int }

func (f *fake) Signal(kill bool) {
	n := 15
	if kill {
		n = 9
	}
	select {
	case f.signal <- n:
	default:
	}
}

func (w *world) start(spec track.Spec, done func(track.Ended)) Process {
	w.mu.Lock()
	w.runs[spec.Name]++
	took, code := w.behave(spec.Args[0], w.runs[spec.Name])
	w.mu.Unlock()
	w.note("%s runs %s", spec.Name, spec.Args[0])
	f := &fake{make(chan int, 1)}
	go func() {
		select {
		case <-time.After(took):
			done(track.Ended{Code: code})
		case n := <-f.signal:
			done(track.Ended{Signal: n})
		}
	}()
	return f
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out = append(w.out, fmt.Sprintf("%v ", time.Since(w.began))+fmt.Sprintf(format, args...))
}

func (w *world) want(t *testing.T, lines ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.out) // of what happens at one instant the order is free
	slices.Sort(lines)
	if got, want := strings.Join(w.out, "\n"), strings.Join(lines, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	w.out = nil
}

func newWorld(behave func(string, int) (time.Duration, int)) (*world, *Watcher) {
	w := &world{began: time.Now(), behave: behave, runs: make(map[string]int)}
	return w, New(Options{
		Clock: func() clock.Now { return clock.Now{Mono: clock.Instant(time.Now().UnixNano())} },
		Start: w.start,
		Emit:  func(s track.State) { w.note("%s is %s reload=%v", s.Source, s.Status, s.Reload) },
		Say:   func(string, track.Say) {},
	})
}

func spec(name, cmd string, every time.Duration) track.Spec {
	return track.Spec{Name: name, Args: []string{cmd}, Interval: every}
}

func TestSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, watcher := newWorld(func(cmd string, run int) (time.Duration, int) {
			if cmd == "/hangs" {
				return time.Hour, 0
			}
			return 100 * time.Millisecond, run - 1
		})
		defer watcher.Close()
		watcher.Apply([]track.Spec{spec("good", "/good", 2*time.Second), spec("hung", "/hangs", 3*time.Second)}, false)
		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()
		w.want(t, "0s good is unknown reload=false", "0s hung is unknown reload=false", "0s good runs /good", "0s hung runs /hangs",
			"100ms good is up reload=false", "2s good runs /good", "2.1s good is down reload=false",
			"3s hung is down reload=false") // the skipped start is not made up for before its time
		var all []string
		watcher.Each(func(s track.State) { all = append(all, s.Source+" "+s.Status.String()+" "+s.Reason) })
		if got := strings.Join(all, ","); got != "good down exited with status 1,hung down timed_out" {
			t.Error(got)
		}
		if r := watcher.Reports(); len(r) != 2 || r[0].State.Source != "good" || r[0].Last.Run != 2 || r[0].Last.Code != 1 || r[1].Last.Signal != 15 {
			t.Errorf("%+v", r)
		}
	})
}

// What becomes of runs is shown as it happens, and no more of what was removed, or of a command that is another one now.
func TestShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, watcher := newWorld(func(cmd string, run int) (time.Duration, int) {
			if cmd == "/hangs" {
				return time.Hour, 0
			}
			return time.Second, 3
		})
		watcher.opt.Show = func(name string, r *track.Report) {
			running := r.Began != 0
			w.note("%s: %s, running=%v, signals=%d", name, r.Outcome(), running, r.Signals)
		}
		defer watcher.Close()
		watcher.Apply([]track.Spec{spec("s", "/a", 10*time.Second)}, false)
		time.Sleep(9 * time.Second)
		synctest.Wait()
		w.want(t, "0s s is unknown reload=false", "0s s runs /a", "0s s: , running=true, signals=0", "1s s is down reload=false",
			"1s s: exited with status 3, running=false, signals=0")
		watcher.Apply([]track.Spec{spec("s", "/hangs", 10*time.Second)}, true)
		time.Sleep(10500 * time.Millisecond)
		synctest.Wait()
		w.want(t, "9s s is unknown reload=true", "9s s runs /hangs", "9s s: , running=true, signals=0", "19s s is down reload=false",
			"19s s: , running=true, signals=1", "19s s: ended by signal 15, running=false, signals=0")
		watcher.Apply(nil, true)
		time.Sleep(time.Minute)
		w.want(t)
		if r := watcher.Reports(); len(r) != 0 {
			t.Errorf("%+v", r)
		}
	})
}

func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, watcher := newWorld(func(string, int) (time.Duration, int) { return time.Second, 0 })
		watcher.Apply([]track.Spec{spec("same", "/a", 10*time.Second), spec("other", "/b", 10*time.Second), spec("gone", "/c", 10*time.Second)}, false)
		time.Sleep(500 * time.Millisecond) // all three are running
		synctest.Wait()
		w.out = nil
		watcher.Apply([]track.Spec{spec("same", "/a", 10*time.Second), spec("other", "/B", 10*time.Second), spec("new", "/d", 10*time.Second)}, true)
		time.Sleep(900 * time.Millisecond)
		synctest.Wait()
		w.want(t, "500ms new is unknown reload=true", "500ms new runs /d", "500ms other is unknown reload=true",
			"500ms other runs /B", "1s same is up reload=false")
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		w.want(t, "1.5s new is up reload=false", "1.5s other is up reload=false")
		watcher.Close()
		watcher.Close()
		watcher.Apply([]track.Spec{spec("late", "/x", time.Second)}, false)
		w.want(t)
	})
}

// A source that is removed and comes back while its run does not die is a new one, and the old one says nothing any more.
func TestRemovedAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, watcher := newWorld(func(string, int) (time.Duration, int) { return time.Hour, 0 })
		defer watcher.Close()
		s := []track.Spec{spec("s", "/a", time.Minute)}
		watcher.Apply(s, false)
		time.Sleep(time.Second)
		watcher.Apply(nil, true)
		watcher.Apply(s, true)
		synctest.Wait()
		w.want(t, "0s s is unknown reload=false", "0s s runs /a", "1s s is unknown reload=true", "1s s runs /a")
	})
}

func TestClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, watcher := newWorld(func(string, int) (time.Duration, int) { return time.Hour, 0 })
		watcher.Apply([]track.Spec{spec("s", "/a", time.Minute)}, false)
		synctest.Wait()
		watcher.Close() // returns: the run ended at our signal, and no goroutine is left (the bubble would say so)
	})
}
