package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// Plan is a world before it runs: its shape, and everything that will go wrong in it.
type Plan struct {
	Shape  Shape
	Faults []Fault // in the order of episodes and times
	Quiet  time.Duration
	// Episodes is how many times faults come and go.
	Episodes int
	// Without are the names of nodes that are left out of a world that is made smaller.
	Without []string
	// Terse skips episodes without faults.
	Terse bool
}

// episodes is how many a world has.
const episodes = 3

// Fault is one thing that goes wrong, for a while or once.
type Fault struct {
	ID      int // position in the plan that the seed gives, which stays when others are left out
	Episode int
	At      time.Duration // from the beginning of the episode
	For     time.Duration // 0 for what has no end
	What    What
	Node    int
	A, B    uint64 // what it needs besides: random numbers
}

// chaos is how long faults go on in an episode.
const chaos = 20 * time.Second

// Draw makes the plan of a seed.
func Draw(seed uint64, kind Kind) Plan {
	d := dice{rand.New(rand.NewPCG(seed, 0x686f6c6466617374))}
	p := Plan{Shape: drawShape(seed, kind, d), Episodes: episodes, Quiet: 20 * time.Second}
	swarm := drawSwarm(d, kind)
	if kind == Carried {
		swarm = append(swarm, drawCarriedSwarm(d)...)
	}
	for e := range p.Episodes {
		first := len(p.Faults)
		for range 2 + d.IntN(14) {
			p.Faults = append(p.Faults, drawFault(d, &p.Shape, swarm, e))
		}
		slices.SortStableFunc(p.Faults[first:], func(a, b Fault) int { return int(a.At - b.At) })
	}
	if kind != Carried && p.carries() {
		p.addCarried(dice{newSource(seed, 0x63617272)})
		slices.SortStableFunc(p.Faults, func(a, b Fault) int { return cmp.Or(a.Episode-b.Episode, int(a.At-b.At)) })
	}
	for i := range p.Faults {
		p.Faults[i].ID = i
	}
	return p
}

// drawSwarm chooses the kinds of faults of a world: few kinds at a time reach deeper than all at once.
func drawSwarm(d dice, kind Kind) []What {
	var all []What
	end := commonWhats
	if kind == Rich {
		end = richWhats
	}
	for w := What(1); w < end; w++ {
		if kind == Pair && !gentle[w] {
			continue
		}
		all = append(all, w)
	}
	d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(len(all), 2+d.IntN(len(all)-1))]
}

func drawFault(d dice, s *Shape, swarm []What, episode int) Fault {
	f := Fault{Episode: episode, What: swarm[d.IntN(len(swarm))], Node: d.IntN(len(s.Nodes)), A: d.Uint64(), B: d.Uint64()}
	f.At = d.upTo(chaos * 9 / 10)
	f.For = pick(d, d.upTo(200*time.Millisecond), d.upTo(3*time.Second), d.upTo(12*time.Second))
	f.For = min(f.For, chaos-f.At)
	return f
}
