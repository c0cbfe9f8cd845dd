package track

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What keepalived 2.2.7 counted while "sleep 1000 2000" and a program with a long name were running.
func TestMatches(t *testing.T) {
	sleep := []string{"sleep", "1000", "2000"}
	for _, c := range []struct {
		name string
		spec ProcessSpec
		comm string
		argv []string
		want bool
	}{
		{"short", ProcessSpec{Process: "sleep"}, "sleep", sleep, true},
		{"path", ProcessSpec{Process: "/bin/sleep"}, "sleep", sleep, false},
		{"full command", ProcessSpec{Process: "sleep", Full: true}, "other", sleep, true},
		{"exact", ProcessSpec{Process: "sleep", Full: true, Match: ExactParams, Params: []string{"1000", "2000"}}, "sleep", sleep, true},
		{"too few", ProcessSpec{Process: "sleep", Full: true, Match: ExactParams, Params: []string{"1000"}}, "sleep", sleep, false},
		{"partial", ProcessSpec{Process: "sleep", Full: true, Match: PartialParams, Params: []string{"1000"}}, "sleep", sleep, true},
		{"partial, cut", ProcessSpec{Process: "sleep", Full: true, Match: PartialParams, Params: []string{"1000", "20"}}, "sleep", sleep, false},
		{"initial, cut", ProcessSpec{Process: "sleep", Full: true, Match: InitialParams, Params: []string{"1000", "20"}}, "sleep", sleep, true},
		{"initial", ProcessSpec{Process: "sleep", Full: true, Match: InitialParams, Params: []string{"1000"}}, "sleep", sleep, true},
		{"initial, too many", ProcessSpec{Process: "sleep", Full: true, Match: InitialParams, Params: []string{"1000", "2000", "3"}}, "sleep", sleep, false},
		{"initial, first differs", ProcessSpec{Process: "sleep", Full: true, Match: InitialParams, Params: []string{"100", "20"}}, "sleep", sleep, false},
		{"none may be", ProcessSpec{Process: "sleep", Full: true, Match: ExactParams}, "sleep", sleep, false},
		{"none is", ProcessSpec{Process: "sleep", Full: true, Match: ExactParams}, "sleep", sleep[:1], true},
		{"long name", ProcessSpec{Process: "a_very_long_process_name"}, "a_very_long_pro", nil, false},
		{"long name, cut", ProcessSpec{Process: "a_very_long_pro"}, "a_very_long_pro", nil, true},
		{"zombie", ProcessSpec{Process: "sleep", Full: true}, "sleep", nil, false},
	} {
		if got := c.spec.Matches(c.comm, c.argv); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestQuorum: numbers at times, and what came of them.
func TestQuorum(t *testing.T) {
	type at struct {
		ms, n int
	}
	for _, c := range []struct {
		name string
		spec ProcessSpec
		told []at
		want string
	}{
		{"at once", ProcessSpec{Quorum: 1, Max: -1}, []at{{0, 0}, {1000, 1}, {2000, 2}, {3000, 0}}, "0:down 1000:up 3000:down"},
		{"the first is not delayed", ProcessSpec{Quorum: 1, Max: -1, Gain: time.Second, Loss: time.Second}, []at{{0, 1}}, "0:up"},
		{"gain", ProcessSpec{Quorum: 2, Max: -1, Gain: time.Second}, []at{{0, 0}, {100, 1}, {500, 2}, {900, 3}, {5000, 0}}, "0:down 1500:up 5000:down"},
		{"gain undone", ProcessSpec{Quorum: 1, Max: -1, Gain: time.Second}, []at{{0, 0}, {100, 1}, {1000, 0}, {1500, 1}}, "0:down 2500:up"},
		{"loss", ProcessSpec{Quorum: 1, Max: -1, Loss: 2 * time.Second}, []at{{0, 1}, {1000, 0}}, "0:up 3000:down"},
		{"restart within the delay", ProcessSpec{Quorum: 1, Max: -1, Loss: 2 * time.Second}, []at{{0, 1}, {1000, 0}, {2000, 1}}, "0:up"},
		{"too many wait for the fork delay", ProcessSpec{Quorum: 1, Max: 1, Gain: time.Second}, []at{{0, 1}, {1000, 2}, {4000, 1}}, "0:up 2000:down 4000:up"},
		{"a fork and its exec", ProcessSpec{Quorum: 1, Max: 1, Gain: time.Second}, []at{{0, 1}, {1000, 2}, {1001, 1}}, "0:up"},
		{"none may run", ProcessSpec{Quorum: 0, Max: 0}, []at{{0, 0}, {1000, 1}, {2000, 0}}, "0:up 1000:down 2000:up"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.spec.Name = "p"
			q := NewQuorum(c.spec, false)
			var got []string
			now := start
			take := func(actions []Action) {
				for _, a := range actions {
					if ch, ok := a.(Change); ok {
						got = append(got, fmt.Sprintf("%d:%s", now.Mono.Sub(start.Mono).Milliseconds(), ch.State.Status))
					}
				}
			}
			for i := 0; ; {
				due, ok := q.Deadline()
				if i < len(c.told) {
					next := start.Add(time.Duration(c.told[i].ms) * time.Millisecond)
					if !ok || next.Mono < due {
						now = next
						take(q.Counted(now, c.told[i].n))
						i++
						continue
					}
				}
				if !ok {
					break
				}
				now = now.Add(due.Sub(now.Mono))
				take(q.Wake(now))
				if again, ok := q.Deadline(); ok && again == due {
					t.Fatal("the deadline stands still")
				}
			}
			if g := strings.Join(got, " "); g != c.want {
				t.Errorf("%s, want %s", g, c.want)
			}
		})
	}
}

// TestQuorumReload: another quorum is judged at once; other processes have to be counted first.
func TestQuorumReload(t *testing.T) {
	q := NewQuorum(ProcessSpec{Name: "p", Process: "a", Quorum: 1, Max: -1}, true)
	if st := q.State(); st.Status != Unknown || !st.Reload {
		t.Error(st)
	}
	q.Counted(start, 1)
	if acts := q.Reconfigure(start, ProcessSpec{Name: "p", Process: "a", Quorum: 2, Max: -1}); len(acts) == 0 || q.State().Status != Down {
		t.Error(acts, q.State())
	}
	if acts := q.Reconfigure(start, ProcessSpec{Name: "p", Process: "b", Quorum: 1, Max: -1}); len(acts) != 0 || q.State().Status != Down {
		t.Error(acts, q.State())
	}
	if q.Counted(start, 1); q.State().Status != Up {
		t.Error(q.State())
	}
}
