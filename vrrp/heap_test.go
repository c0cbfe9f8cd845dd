package vrrp

import (
	"math/rand/v2"
	"slices"
	"testing"

	"holdfast.dev/clock"
	"holdfast.dev/host"
)

// Whatever is set, moved and taken out: the first deadline is the earliest, and of equal ones that of the lowest owner.
func TestHeap(t *testing.T) {
	d := rand.New(rand.NewPCG(1, 2))
	var h heap
	var timers []*timer
	for i := range 40 {
		timers = append(timers, &timer{router: &Router{owner: host.Owner(i + 1)}})
	}
	for range 5000 {
		h.set(timers[d.IntN(len(timers))], clock.Instant(d.IntN(30))) // 0 takes it out
		set := slices.DeleteFunc(slices.Clone(timers), func(x *timer) bool { return x.at == 0 })
		if len(set) == 0 {
			if h.first() != 0 || h.due(100) != nil {
				t.Fatal("an empty heap has a deadline")
			}
			continue
		}
		least := slices.MinFunc(set, func(a, b *timer) int {
			if a.at != b.at {
				return int(a.at - b.at)
			}
			return int(a.router.owner) - int(b.router.owner)
		})
		if h.first() != least.at || h.due(least.at) != least.router || h.due(least.at-1) != nil || len(h.timers) != len(set) {
			t.Fatalf("first %d, not %d", h.first(), least.at)
		}
	}
}

func TestQueue(t *testing.T) {
	d := rand.New(rand.NewPCG(3, 4))
	var q queue
	var want []*job
	for range 5000 {
		if d.IntN(5) < 2 {
			j := &job{}
			q.push(j)
			want = append(want, j)
			continue
		}
		j := q.pop()
		switch {
		case len(want) == 0 && j == nil:
			continue
		case len(want) == 0 || j != want[0]:
			t.Fatalf("popped %p of %v", j, want)
		case d.IntN(3) == 0:
			q.pushFront(j)
		default:
			want = want[1:]
		}
		if q.empty() != (len(want) == 0) {
			t.Fatalf("empty: %v, of %d", q.empty(), len(want))
		}
	}
}

// A route without an interface may need any.
func TestUses(t *testing.T) {
	for dev, want := range map[string]bool{"": true, "eth0": true, "eth1": false} {
		it := item{route: &host.Route{Hops: []host.Hop{{Dev: dev}}}}
		if it.uses("eth0") != want {
			t.Errorf("through %q: %v", dev, !want)
		}
	}
	if it := (item{route: &host.Route{}}); it.uses("eth0") {
		t.Error("one that leads nowhere needs an interface")
	}
}
