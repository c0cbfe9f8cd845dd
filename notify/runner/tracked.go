package runner

import (
	"sync"

	"holdfast.dev/status"
	"holdfast.dev/track"
)

// tracked shows what becomes of tracked scripts, each at a place of its own in the memory for that.
type tracked struct {
	mu     sync.Mutex
	runs   *status.Runs
	places map[string]int
	free   []int // below top
	top    int
}

// showTracked takes the memory, in which a former process may have left something.
func showTracked(runs *status.Runs) *tracked {
	runs.ClearResults()
	return &tracked{runs: runs, places: map[string]int{}}
}

// show is told of everything that is new. Of more scripts than there is room for the last ones are not shown.
func (t *tracked) show(name string, r *track.Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, ok := t.places[name]
	if !ok {
		switch n := len(t.free); {
		case n > 0:
			at, t.free = t.free[n-1], t.free[:n-1]
		case t.top == status.Results:
			return
		default:
			at = t.top
			t.top++
		}
		t.places[name] = at
	}
	t.runs.PutResult(at, r)
}

// keep forgets all scripts but those of a configuration.
func (t *tracked) keep(specs []track.Spec) {
	t.mu.Lock()
	defer t.mu.Unlock()
	wanted := map[string]bool{}
	for i := range specs {
		wanted[specs[i].Name] = true
	}
	for name, at := range t.places {
		if !wanted[name] {
			t.runs.PutResult(at, nil)
			delete(t.places, name)
			t.free = append(t.free, at)
		}
	}
}
