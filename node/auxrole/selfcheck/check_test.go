package selfcheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const second = time.Second

// world makes readings, one a second.
type world struct {
	check Check
	r     Reading
}

func newWorld() *world {
	w := &world{r: Reading{At: second, PID: 7, Threads: map[int]Thread{7: {}, 8: {}}, IO: -1, Memory: -1, RTLimit: 950000}}
	w.check.Next(w.r)
	return w
}

// next is a second later; change says what happened in it.
func (w *world) next(change func(r *Reading)) []Change {
	w.r.At += second
	threads := map[int]Thread{}
	for id, t := range w.r.Threads {
		threads[id] = t
	}
	w.r.Threads = threads
	w.r.Ticks += 200
	if change != nil {
		change(&w.r)
	}
	return w.check.Next(w.r)
}

func waits(id int, d time.Duration) func(*Reading) {
	return func(r *Reading) {
		t := r.Threads[id]
		t.Waited += d
		r.Threads[id] = t
	}
}

func TestEveryKindBeginsOnceAndEnds(t *testing.T) {
	for _, c := range []struct {
		kind, text string
		change     func(r *Reading)
		calm       func(r *Reading) // puts an end to what is no counter
	}{
		{RunQueue, "waited 300ms of the last 1s for a processor: the machine has too much to do", waits(8, 300*time.Millisecond), nil},
		{RealTime, "real-time thread of the elections waited 300ms of the last 1s", func(r *Reading) {
			waits(8, 300*time.Millisecond)(r)
			th := r.Threads[8]
			th.RealTime = true
			r.Threads[8] = th
		}, nil},
		{Paging, "waited 40 times", func(r *Reading) { r.Faults += 40 }, nil},
		{Quota, "held the daemon up for 200ms of the last 1s", func(r *Reading) { r.Throttled += 200 * time.Millisecond }, nil},
		{Stolen, "gave 25 % of the processors' time to others", func(r *Reading) { r.Stolen += 50 }, nil},
		{Disk, "for 60 % of the last ten seconds something waited for a disk", func(r *Reading) { r.IO = 60 }, func(r *Reading) { r.IO = 0 }},
		{Memory, "waited for memory", func(r *Reading) { r.Memory = 20 }, func(r *Reading) { r.Memory = 0 }},
		{Blind, "can't be seen: permission denied", func(r *Reading) { r.Blind = "permission denied" }, func(r *Reading) { r.Blind = "" }},
	} {
		t.Run(c.kind, func(t *testing.T) {
			w := newWorld()
			got := w.next(c.change)
			if len(got) != 1 || got[0].Kind != c.kind || got[0].Over || !strings.Contains(got[0].Text, c.text) {
				t.Fatalf("%+v, want %s: %s", got, c.kind, c.text)
			}
			for range 30 {
				if got := w.next(c.change); len(got) != 0 {
					t.Fatalf("told again: %+v", got)
				}
			}
			for i := range rest {
				if got := w.next(c.calm); len(got) != 0 != (i == rest-1) {
					t.Fatalf("%d quiet seconds: %+v", i+1, got)
				} else if len(got) == 1 && (!got[0].Over || got[0].Kind != c.kind) {
					t.Fatalf("%+v", got)
				}
			}
		})
	}
}

func TestBlockedTakesSeconds(t *testing.T) {
	w := newWorld()
	block := func(r *Reading) { r.Threads[8] = Thread{Blocked: true} }
	for i := range 2 {
		if got := w.next(block); len(got) != 0 {
			t.Fatalf("after %d readings: %+v", i+1, got)
		}
	}
	if got := w.next(block); len(got) != 1 || got[0].Kind != Blocked {
		t.Errorf("%+v", got)
	}
}

func TestLittleIsNoTrouble(t *testing.T) {
	w := newWorld()
	for range 100 {
		if got := w.next(func(r *Reading) {
			waits(7, 20*time.Millisecond)(r)
			r.Faults += 2
			r.Stolen += 4
			r.IO, r.Memory = 20, 3
		}); len(got) != 0 {
			t.Fatalf("%+v", got)
		}
	}
}

func TestAnotherProcessIsNotComparedWithTheOneBefore(t *testing.T) {
	w := newWorld()
	got := w.next(func(r *Reading) {
		r.PID, r.Faults, r.Throttled = 9, 10000, time.Hour
		r.Threads = map[int]Thread{9: {Waited: time.Hour}}
	})
	if len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// proc is a made-up /proc and /sys.
func proc(t *testing.T, files map[string]string) *Reader {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return NewReader(dir)
}

// stat is a /proc/PID/stat with a name that tries to confuse.
func stat(state string, faults, policy int) string {
	f := make([]string, 50)
	for i := range f {
		f[i] = "0"
	}
	f[0], f[9], f[38] = state, fmt.Sprint(faults), fmt.Sprint(policy)
	return "7 (a) R (b) " + strings.Join(f, " ") + "\n"
}

func TestReader(t *testing.T) {
	r := proc(t, map[string]string{
		"proc/stat":               "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 0\n",
		"proc/7/stat":             stat("S", 31, 0),
		"proc/7/task/7/schedstat": "100 2000000 5\n",
		"proc/7/task/7/stat":      stat("S", 30, 0),
		"proc/7/task/8/schedstat": "100 3000000 5\n",
		"proc/7/task/8/stat":      stat("D", 1, 2),
		"proc/7/cgroup":           "0::/system.slice/x.service\n",
		"sys/fs/cgroup/system.slice/x.service/cpu.stat": "usage_usec 9\nthrottled_usec 1500\n",
		"proc/pressure/io":                    "some avg10=12.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=1.00\n",
		"proc/sys/kernel/sched_rt_runtime_us": "950000\n",
	})
	got := r.Read(second, 7)
	if got.Blind != "" || got.PID != 7 || got.Faults != 31 || got.Stolen != 8 || got.Ticks != 36 || got.IO != 12.5 || got.Memory != -1 ||
		got.RTLimit != 950000 || got.Throttled != 1500*time.Microsecond {
		t.Errorf("%+v", got)
	}
	want := map[int]Thread{7: {Waited: 2 * time.Millisecond}, 8: {Waited: 3 * time.Millisecond, RealTime: true, Blocked: true}}
	for id, w := range want {
		if got.Threads[id] != w {
			t.Errorf("thread %d is %+v, want %+v", id, got.Threads[id], w)
		}
	}
	if got := r.Read(second, 99); got.PID != 0 || got.Blind != "" {
		t.Errorf("of a process that has ended: %+v", got)
	}
	if got := r.Read(second, 0); got.PID != 0 || got.Blind != "" {
		t.Errorf("of no process: %+v", got)
	}
}

// TestThreadThatDidNotRun: its state is not read again, for it can't have changed; once it ran it is.
func TestThreadThatDidNotRun(t *testing.T) {
	r := proc(t, map[string]string{
		"proc/7/stat": stat("S", 0, 0), "proc/7/task/7/stat": stat("S", 0, 0), "proc/7/task/7/schedstat": "100 2000000 5\n",
	})
	for _, c := range []struct {
		counts, state string
		want          Thread
	}{
		{"100 2000000 5\n", "S", Thread{Waited: 2 * time.Millisecond}},
		{"100 2000000 5\n", "D", Thread{Waited: 2 * time.Millisecond}},
		{"101 2000000 6\n", "D", Thread{Waited: 2 * time.Millisecond, Blocked: true}},
		{"101 2000000 6\n", "S", Thread{Waited: 2 * time.Millisecond, Blocked: true}},
		{"102 3000000 7\n", "S", Thread{Waited: 3 * time.Millisecond}},
		{notCounted, "S", Thread{}},
		{notCounted, "D", Thread{Blocked: true}}, // a kernel that does not count
	} {
		for name, text := range map[string]string{"schedstat": c.counts, "stat": stat(c.state, 0, 0)} {
			if err := os.WriteFile(filepath.Join(r.root, "proc/7/task/7", name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.Read(second, 7); got.Threads[7] != c.want || got.Blind != "" {
			t.Errorf("%q, %s: %+v, want %+v", c.counts, c.state, got, c.want)
		}
	}
}

// TestNonsenseIsNoReading: whatever stands in the files, reading ends.
func TestNonsenseIsNoReading(t *testing.T) {
	for _, junk := range []string{"", "\n", ")", "cpu x y z", strings.Repeat("9", 1000), "\x00\xff"} {
		r := proc(t, map[string]string{
			"proc/stat": junk, "proc/7/stat": junk, "proc/7/task/7/schedstat": junk, "proc/7/task/7/stat": junk, "proc/7/cgroup": "0::/../../etc\n",
			"proc/pressure/io": "some avg10=" + junk, "proc/pressure/memory": junk, "proc/sys/kernel/sched_rt_runtime_us": junk,
		})
		var c Check
		c.Next(r.Read(second, 7))
		c.Next(r.Read(2*second, 7))
	}
}

// TestOurselves: the real files can be read without any privilege.
func TestOurselves(t *testing.T) {
	got := NewReader("/").Read(second, os.Getpid())
	if got.Blind != "" || len(got.Threads) == 0 || got.Ticks == 0 {
		t.Errorf("%+v", got)
	}
}
