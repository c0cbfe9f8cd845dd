package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp"
)

// Incident 1: two nodes start together with vrrp_startup_delay, somebody reloads while the delay is running, and both stay MASTER for ever
// (regressions A1 to A5). Here it is a theorem: through the real drivers, with a reload at every instant at which anything happens, a
// nanosecond before and a nanosecond after it, and on a grid between. What a machine does between two of its rounds does not depend on
// when, so these are all the instants that there are.

const (
	startDelay = 4 * time.Second
	theEnd     = 14 * time.Second
)

// duel is two nodes with one router.
type duel struct {
	priority [2]uint8
	master   bool
	offset   time.Duration // the second node starts so much later
	who      [2]bool       // who reloads
	change   func(*file)   // what is different in the file; nil for nothing
}

func (d *duel) file(node int) file {
	return file{delay: startDelay, routers: []instance{{
		name: "VI_1", link: "eth0", vrid: 51, version: 3, master: d.master, priority: d.priority[node], interval: time.Second, down: 3,
		addresses: []string{"10.0.0.1/32"}, garpDelay: 5 * time.Second, garpRepeat: 1,
	}}}
}

// files are read once for all duels.
var files = map[string]*vrrp.Config{}

// play runs the duel with a reload at the instant; at 0 there is none, and instants collects all of them.
func (d *duel) play(at time.Duration, instants map[time.Duration]bool) (w *World, wrong string) {
	shape := Shape{Kind: Pair, Delay: 300 * time.Microsecond, Writing: 200 * time.Microsecond}
	for i := range 2 {
		shape.Nodes = append(shape.Nodes, NodeShape{Name: fmt.Sprintf("n%d", i+1), File: d.file(i)})
	}
	w = New(Plan{Shape: shape})
	w.loaded = files
	w.net = dice{rand.New(rand.NewPCG(1, 1))}
	for i := range 2 {
		n := newNode(w, i, &w.Plan.Shape.Nodes[i])
		w.nodes[i] = n
		w.real = append(w.real, n)
		n.later(time.Duration(i)*d.offset, n.boot)
	}
	overlap := time.Duration(0)
	both := clock.Instant(0)
	watch := func() {
		switch n := len(w.masters()); {
		case n < 2:
			both = 0
		case both == 0:
			both = w.now
		default:
			overlap = max(overlap, w.now.Sub(both))
		}
	}
	reloaded := at == 0
	for w.failure == nil && w.now < beginning.Add(theEnd) {
		if next := w.nextAt(); !reloaded && next > beginning.Add(at) {
			reloaded = true
			w.until(beginning.Add(at))
			d.reload(w)
			continue
		} else if w.until(next); instants != nil {
			instants[w.now.Sub(beginning)] = true
		}
		watch()
	}
	if w.failure != nil {
		return w, w.failure.Error()
	}
	return w, d.judge(w, overlap)
}

// masters are the nodes whose first router is MASTER.
func (w *World) masters() (list []*Node) {
	for _, n := range w.real {
		if len(n.watches) > 0 && n.watches[0].state == vrrp.Master {
			list = append(list, n)
		}
	}
	return list
}

// nextAt is when anything happens next.
func (w *World) nextAt() clock.Instant {
	at := beginning.Add(theEnd)
	if len(w.heap) > 0 {
		at = min(at, w.heap[0].at)
	}
	for _, m := range w.nodes {
		if t := m.wake(); t != 0 {
			at = min(at, t)
		}
	}
	return at
}

func (d *duel) reload(w *World) {
	for i, n := range w.real {
		if !d.who[i] {
			continue
		}
		f := d.file(i)
		if d.change != nil {
			d.change(&f)
		}
		n.reload(f.String())
	}
}

// judge says what is wrong in the end: there is one MASTER, the one with the higher priority, and there were never two for longer than an
// advert and its answer take.
func (d *duel) judge(w *World, overlap time.Duration) string {
	masters := w.masters()
	if len(masters) != 1 {
		return fmt.Sprintf("%d masters at the end", len(masters))
	}
	if limit := 3 * (w.Plan.Shape.Delay + w.Plan.Shape.Writing); overlap > limit {
		return fmt.Sprintf("two masters for %v", overlap)
	}
	var priority [2]uint8
	for i, n := range w.real {
		priority[i] = n.config.Routers[0].Priority
	}
	if m := masters[0]; priority[m.id] < priority[1-m.id] {
		return fmt.Sprintf("%s is master, the priorities are %v", m.name, priority)
	}
	return ""
}

var everywhere = flag.Bool("everywhere", false, "try a reload at every 10 ms as well, and with nodes that do not start together")

func TestReloadInEveryInstantOfTheStartupDelay(t *testing.T) {
	grid, offsets := time.Second, []time.Duration{0}
	if *everywhere {
		grid, offsets = 10*time.Millisecond, []time.Duration{0, 100 * time.Microsecond, 700 * time.Millisecond}
	}
	changes := []struct {
		name   string
		change func(*file)
	}{
		{"same", nil},
		{"longer delay", func(f *file) { f.delay = 6 * time.Second }},
		{"shorter delay", func(f *file) { f.delay = time.Second }},
		{"no delay", func(f *file) { f.delay = 0 }},
		{"priority", func(f *file) { f.routers[0].priority = 150 }},
		{"broken", func(f *file) { f.broken = true }},
	}
	worlds := 0
	for _, priority := range [][2]uint8{{200, 100}, {100, 100}, {255, 100}, {255, 255}} {
		for _, offset := range offsets {
			base := duel{priority: priority, master: priority[0] == 255, offset: offset}
			instants := map[time.Duration]bool{}
			if _, wrong := base.play(0, instants); wrong != "" {
				t.Fatalf("%v without a reload: %s", priority, wrong)
			}
			for at := grid; at < theEnd-6*time.Second; at += grid {
				instants[at] = true
			}
			for at := range instants {
				if at > theEnd-6*time.Second {
					delete(instants, at)
				}
			}
			for _, c := range changes {
				for _, who := range [][2]bool{{true, false}, {false, true}, {true, true}} {
					d := base
					d.who, d.change = who, c.change
					worlds += d.everywhere(t, c.name, instants)
				}
			}
		}
	}
	t.Logf("%d worlds", worlds)
}

// everywhere plays the duel with a reload at each of the instants, and just before and after it.
func (d *duel) everywhere(t *testing.T, name string, instants map[time.Duration]bool) (worlds int) {
	t.Helper()
	var list []time.Duration
	for at := range instants {
		list = append(list, at, at+1)
		if at > 1 {
			list = append(list, at-1)
		}
	}
	slices.Sort(list)
	for _, at := range slices.Compact(list) {
		worlds++
		if _, wrong := d.play(max(at, 1), nil); wrong != "" {
			t.Errorf("priorities %v, second starts %v later, %s file at %v by %v: %s", d.priority, d.offset, name, at, d.who, wrong)
			return worlds
		}
	}
	return worlds
}
