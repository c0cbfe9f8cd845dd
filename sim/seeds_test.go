package sim

import (
	"flag"
	"strings"
	"testing"
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
		n = 150
	}
	if testing.Short() {
		n = min(n, 20)
	}
	for kind := Anything; kind <= Mixed; kind++ {
		t.Run(kind.String(), func(t *testing.T) {
			var cover Cover
			for i := range n {
				if play(t, *first+uint64(i), kind, &cover); t.Failed() {
					return
				}
			}
			t.Logf("%d worlds, %d steps", cover.Worlds, cover.Steps)
		})
	}
}
