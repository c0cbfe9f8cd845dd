package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Keep leaves out all faults but those with the given numbers, and episodes in which nothing is left to happen.
func (p *Plan) Keep(ids []int) {
	p.Faults = slices.DeleteFunc(slices.Clone(p.Faults), func(f Fault) bool { return !slices.Contains(ids, f.ID) })
	p.Terse = true
}

// IDs lists the numbers of the faults.
func (p *Plan) IDs() []int {
	ids := make([]int, len(p.Faults))
	for i := range p.Faults {
		ids[i] = p.Faults[i].ID
	}
	return ids
}

// Shrink makes a failing world smaller, as long as the same checker still fails: fewer faults, fewer nodes, fewer episodes. more is
// asked before every try whether there is time for it.
func Shrink(p Plan, f *Failure, more func() bool) (Plan, *Failure) { return shrink(p, f, more, New) }

func shrink(p Plan, f *Failure, more func() bool, world func(Plan) *World) (Plan, *Failure) {
	try := func(q Plan) bool {
		if !more() {
			return false
		}
		g := world(q).Run()
		if g == nil || g.Check != f.Check {
			return false
		}
		p, f = q, g
		return true
	}
	short := p
	short.Episodes = f.Episode + 1
	try(short)
	for again := true; again; {
		again = false
		for size := max(1, len(p.Faults)/2); size > 0; size /= 2 {
			for at := 0; at < len(p.Faults); {
				q := p
				ids := p.IDs()
				q.Keep(slices.Delete(ids, at, min(at+size, len(ids))))
				if try(q) {
					again = true
				} else {
					at += size
				}
			}
		}
		for i := range p.Shape.Nodes {
			q := p
			q.Without = append(slices.Clone(p.Without), p.Shape.Nodes[i].Name)
			if !p.leaves(p.Shape.Nodes[i].Name) && len(q.Without) < len(p.Shape.Nodes) && try(q) {
				again = true
			}
		}
	}
	return p, f
}

// Command is the line that plays the world of the plan again.
func (p *Plan) Command() string {
	s := fmt.Sprintf("go run ./sim/cmd/holdfast-sim -seed %d -kind %s", p.Shape.Seed, p.Shape.Kind)
	if p.Terse {
		var ids []string
		for _, id := range p.IDs() {
			ids = append(ids, strconv.Itoa(id))
		}
		s += " -keep " + strconv.Quote(strings.Join(ids, ","))
	}
	if p.Episodes != episodes {
		s += fmt.Sprintf(" -episodes %d", p.Episodes)
	}
	if len(p.Without) > 0 {
		s += " -without " + strings.Join(p.Without, ",")
	}
	return s
}

// Describe says what stands in the world, with the files of all nodes.
func (p *Plan) Describe() string {
	var b strings.Builder
	s := &p.Shape
	fmt.Fprintf(&b, "seed %d, kind %s: packets take %v to %v, a thread wakes up to %v late\n", s.Seed, s.Kind, s.Delay, s.Delay+s.Jitter, s.Lateness)
	same := map[string]string{}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if p.leaves(n.Name) {
			continue
		}
		text := n.File.String()
		switch {
		case same[text] != "":
			text = "the same file as " + same[text] + "\n"
		default:
			same[text] = n.Name
		}
		if n.Peer {
			text = "a router that knows the RFC only, configured as this file says\n" + text
		}
		clocks := ""
		if n.Hidden {
			clocks = ", behind a translation of addresses"
		}
		if n.Rate != 0 {
			clocks += fmt.Sprintf(", its clocks gain %d µs in a second", n.Rate)
		}
		fmt.Fprintf(&b, "--- %s, %s and %s%s\n%s", n.Name, hostAddr("eth0", false, i), hostAddr("eth1", false, i), clocks, text)
	}
	return b.String()
}
