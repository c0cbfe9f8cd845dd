package sim

import (
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var (
	seeds = flag.Int("seeds", 0, "number of worlds of each kind; 0 for the fixed set")
	lines = flag.Int("lines", 60, "lines of the timeline of a failing world")
	first = flag.Uint64("first", 1, "first seed")
)

// play runs the world of a seed and shows its end if it fails.
func play(t *testing.T, seed uint64, kind Kind, cover *Cover) {
	t.Helper()
	w := New(Draw(seed, kind))
	f := w.Run()
	cover.Add(w.Cover)
	cover.Worlds++
	cover.Steps += w.Steps
	if f == nil {
		return
	}
	again := New(Draw(seed, kind))
	again.Log = &Timeline{}
	again.Run()
	var b strings.Builder
	_ = again.Log.Write(&b, *lines)
	t.Errorf("%v\n%s%s", f, Legend, b.String())
}

// The fixed set: worlds of every kind.
func TestSeeds(t *testing.T) {
	n := *seeds
	if n == 0 {
		n = 200
	}
	if testing.Short() {
		n = min(n, 20)
	}
	for kind := range Kinds {
		t.Run(kind.String(), func(t *testing.T) {
			var cover Cover
			n := n
			if kind == Carried && *seeds == 0 {
				n /= 4 // they take longer
			}
			for i := range n {
				if play(t, *first+uint64(i), kind, &cover); t.Failed() {
					return
				}
			}
			t.Logf("%d worlds, %d steps", cover.Worlds, cover.Steps)
		})
	}
}

// Worlds in which something was wrong once.
func TestFormerlyFailingSeeds(t *testing.T) {
	text, err := os.ReadFile("testdata/seeds.txt")
	if err != nil {
		t.Fatal(err)
	}
	var cover Cover
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		seed, err := strconv.ParseUint(f[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		kind, err := KindOf(f[1])
		if err != nil {
			t.Fatal(err)
		}
		play(t, seed, kind, &cover)
	}
	if cover.Worlds < 10 {
		t.Errorf("only %d worlds", cover.Worlds)
	}
}

// The same seed is the same world, event for event.
func TestWorldsRepeat(t *testing.T) {
	for seed := uint64(1); seed < 9; seed++ {
		var logs [2]strings.Builder
		for i := range logs {
			w := New(Draw(seed, Anything))
			w.Log = &Timeline{Adverts: true}
			w.Run()
			if err := w.Log.Write(&logs[i], 0); err != nil {
				t.Fatal(err)
			}
		}
		if logs[0].String() != logs[1].String() || logs[0].Len() < 1000 {
			t.Errorf("seed %d gives two worlds", seed)
		}
	}
}

// A world that fails is made smaller until nothing can be left out, and the line that is printed plays it again.
func TestShrink(t *testing.T) {
	p := Draw(1, Default)
	broken := func(p Plan) *World {
		w := New(p)
		w.Saboteur = func(f *Fault) bool { return f.What == Kill }
		return w
	}
	seed := uint64(1)
	f := broken(p).Run()
	for ; f == nil; f = broken(p).Run() {
		seed++
		p = Draw(seed, Default)
	}
	small, g := shrink(p, f, func() bool { return true }, broken)
	if g == nil || g.Check != f.Check || len(small.Faults) != 1 || small.Faults[0].What != Kill {
		t.Errorf("%d faults are left of %d: %v", len(small.Faults), len(p.Faults), g)
	}
	if len(small.Without) == 0 {
		t.Error("no node was left out")
	}
	again := Draw(seed, Default)
	again.Keep(small.IDs())
	again.Without, again.Episodes = small.Without, small.Episodes
	if h := broken(again).Run(); h == nil || *h != *g {
		t.Errorf("played again: %v, not %v", h, g)
	}
	t.Log(small.Command())
}

// BenchmarkWorld is the speed of everything together in the default world: three nodes, two routers in a sync group, adverts every second,
// faults for a third of the time, all checkers.
func BenchmarkWorld(b *testing.B) {
	steps, seed, before := uint64(0), uint64(0), cpu(b)
	b.ReportAllocs()
	for b.Loop() {
		seed++
		w := New(Draw(seed, Default))
		if f := w.Run(); f != nil {
			b.Fatal(f)
		}
		steps += w.Steps
	}
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
	b.ReportMetric(float64(steps)/(cpu(b)-before).Seconds(), "steps/cpu-s") // what a machine does that is busy with other things too
	b.ReportMetric(float64(steps)/float64(seed), "steps/world")
}

// cpu is the time that the process has been running on any core.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
