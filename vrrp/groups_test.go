package vrrp

import (
	"fmt"
	"testing"
	"time"
)

// Every way in which three nodes can rank the two members of a sync group, all started in the same moment, on a network without jitter: if each
// of several nodes has a member that outranks the others', they must not make way for each other for ever.
func TestCrossedGroupsComeToRest(t *testing.T) {
	var ranks [][2]uint8
	for _, a := range []uint8{100, 150, 200} {
		for _, b := range []uint8{100, 150, 200} {
			ranks = append(ranks, [2]uint8{a, b})
		}
	}
	for _, x := range ranks {
		for _, y := range ranks {
			for _, z := range ranks {
				if wrong := crossed([][2]uint8{x, y, z}); wrong != "" {
					t.Errorf("%v %v %v: %s", x, y, z, wrong)
				}
			}
		}
	}
}

func crossed(ranks [][2]uint8) string {
	l := newLAN(100 * time.Microsecond)
	for i, rank := range ranks {
		c := &Config{Restore: true, Groups: []GroupSpec{{Name: "G", Members: []string{"A", "B"}}}}
		for m, name := range []string{"A", "B"} {
			s := spec(name, uint8(m+1), rank[m])
			s.Garp = Garp{}
			c.Routers = append(c.Routers, s)
		}
		l.join(i + 1).round(&Configure{Config: c})
	}
	l.run(epoch.Mono.Add(30 * time.Second))
	moves := 0
	l.check = func(_ *node, a Action) {
		if _, ok := a.(*Transition); ok {
			moves++
		}
	}
	l.run(epoch.Mono.Add(45 * time.Second))
	a, first := l.masters(1)
	b, second := l.masters(2)
	switch {
	case a != 1 || b != 1:
		return fmt.Sprintf("%d and %d masters", a, b)
	case first != second:
		return "the group is divided"
	case moves > 0:
		return fmt.Sprintf("%d transitions between 30 s and 45 s", moves)
	}
	return ""
}
