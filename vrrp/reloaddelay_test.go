package vrrp

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"holdfast.dev/clock"
)

// Incident 1: two nodes start together with vrrp_startup_delay, and a reload within or after the delay leaves two masters for ever
// (regressions A1 to A5). Here the reload comes at every instant at which anything happens, just before and just after it, and on a
// grid of 10 ms, at one node or at both.

const (
	delayed  = 4 * time.Second
	lanDelay = 300 * time.Microsecond
	gridStep = 10 * time.Millisecond
)

// election is one pair of nodes and what is reloaded.
type election struct {
	prio   [2]uint8
	master [2]bool
	change func(*Config) // what the new configuration has otherwise; nil for nothing
	who    [2]bool       // who reloads
	defect bool          // a node that reloads within the delay is deaf from then on, as keepalived 2.3.1 was
	lag    time.Duration // of the LAN
}

func (el *election) config(i int) *Config {
	s := spec("VI_1", 51, el.prio[i])
	s.StateMaster = el.master[i]
	s.Garp = Garp{Repeat: 1}
	return &Config{Routers: []Spec{s}, StartupDelay: delayed, Restore: true}
}

// play runs the election with a reload at the instant at (none if it is 0) and returns what is wrong with it. instants collects when
// things happened.
func (el *election) play(at time.Duration, instants map[clock.Instant]bool) string {
	l := newLAN(el.lag)
	a, b := l.join(1), l.join(2)
	for i, d := range l.nodes {
		d.round(&Configure{Config: el.config(i)})
	}
	var both clock.Instant // since when there have been two masters
	overlap := time.Duration(0)
	l.watch = func() {
		if instants != nil {
			instants[l.now.Mono] = true
		}
		n, _ := l.masters(51)
		switch {
		case n < 2:
			both = 0
		case both == 0:
			both = l.now.Mono
		default:
			overlap = max(overlap, l.now.Mono.Sub(both))
		}
	}
	prio := el.prio
	if at > 0 {
		l.run(epoch.Mono.Add(at))
		for i, d := range l.nodes {
			if !el.who[i] {
				continue
			}
			c := el.config(i)
			if el.change != nil {
				el.change(c)
			}
			prio[i] = c.Routers[0].Priority
			d.deaf = el.defect && d.e.delayEnd != 0
			d.round(&Configure{Config: c})
		}
		l.watch()
	}
	slowest := 3*time.Second + time.Second // the longest down time that there is
	l.run(epoch.Mono.Add(max(at, 2*delayed) + slowest + 2*time.Second))
	n, last := l.masters(51)
	if n != 1 {
		return fmt.Sprintf("%d masters at the end", n)
	}
	// A master's first advert is on its way when it becomes one; the other yields when it comes, or answers.
	if overlap > 2*el.lag {
		return fmt.Sprintf("two masters for %v", overlap)
	}
	if want := rightful(prio); want >= 0 && last != [2]*node{a, b}[want] {
		return fmt.Sprintf("%s is master, its priorities are %v", last.name, prio)
	}
	return ""
}

// rightful is the node that must be MASTER in the end, or -1 where either may be: of equals the first keeps it.
func rightful(prio [2]uint8) int {
	switch {
	case prio[0] > prio[1]:
		return 0
	case prio[0] < prio[1]:
		return 1
	}
	return -1
}

func TestReloadInStartupDelayAtEveryInstant(t *testing.T) {
	changes := []struct {
		name   string
		change func(*Config)
	}{
		{"same", nil},
		{"longer", func(c *Config) { c.StartupDelay = 6 * time.Second }},
		{"shorter", func(c *Config) { c.StartupDelay = time.Second }},
		{"none", func(c *Config) { c.StartupDelay = 0 }},
		{"priority", func(c *Config) { c.Routers[0].Priority = 150 }},
	}
	for _, prio := range [][2]uint8{{200, 100}, {100, 100}, {255, 100}, {255, 255}} {
		for _, states := range [][2]bool{{true, true}, {true, false}} {
			t.Run(fmt.Sprintf("%d-%d-%v", prio[0], prio[1], states), func(t *testing.T) {
				t.Parallel()
				runs := 0
				for _, c := range changes {
					for _, who := range [][2]bool{{true, false}, {false, true}, {true, true}} {
						el := election{prio: prio, master: states, change: c.change, who: who, lag: lanDelay}
						for _, at := range el.instants(t, gridStep) {
							runs++
							if wrong := el.play(at, nil); wrong != "" {
								t.Fatalf("%s, reload by %v after %v: %s", c.name, who, at, wrong)
							}
						}
					}
				}
				t.Logf("%d reloads", runs)
			})
		}
	}
}

// instants are the moments of reload: all at which anything happens without it, a nanosecond before and after, and a grid.
func (el *election) instants(t *testing.T, step time.Duration) []time.Duration {
	seen := map[clock.Instant]bool{}
	if wrong := el.play(0, seen); wrong != "" {
		t.Fatalf("without a reload: %s", wrong)
	}
	end := delayed + 3*time.Second + time.Second + 2*time.Second
	var list []time.Duration
	for at := range seen {
		for _, off := range []time.Duration{-1, 0, 1} {
			if d := at.Sub(epoch.Mono) + off; d > 0 && d < end {
				list = append(list, d)
			}
		}
	}
	if testing.Short() || raceEnabled {
		step *= 20
	}
	for d := step; d < end; d += step {
		list = append(list, d)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Without any delay, and with a slow network.
func TestReloadInStartupDelayOnOtherNetworks(t *testing.T) {
	for _, lag := range []time.Duration{0, 30 * time.Millisecond} {
		for _, prio := range [][2]uint8{{200, 100}, {100, 100}, {255, 255}} {
			el := election{prio: prio, master: [2]bool{true, true}, who: [2]bool{true, true}, lag: lag}
			for _, at := range el.instants(t, 50*time.Millisecond) {
				if wrong := el.play(at, nil); wrong != "" {
					t.Fatalf("priorities %v, packets take %v, reload after %v: %s", prio, lag, at, wrong)
				}
			}
		}
	}
}

// The test must see the defect that it is there for.
func TestReloadTestSeesTheDefect(t *testing.T) {
	for _, who := range [][2]bool{{true, false}, {false, true}, {true, true}} {
		el := election{prio: [2]uint8{200, 100}, who: who, defect: true, lag: lanDelay}
		found := 0
		for at := 100 * time.Millisecond; at < delayed; at += 100 * time.Millisecond {
			if el.play(at, nil) != "" {
				found++
			}
		}
		// The node with priority 200 is master whether it hears or not; that the other one is deaf is what makes two.
		if want := 39; who[1] && found != want || !who[1] && found != 0 {
			t.Errorf("reload by %v: the defect was seen in %d of 39 runs", who, found)
		}
	}
}
