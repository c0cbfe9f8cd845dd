package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
	"holdfast.dev/vrrp"
)

// World is a plan that is being played.
type World struct {
	Plan  Plan
	Cover *Cover // what was reached; may be shared by worlds that are played one after another
	Steps uint64 // of all engines
	Log   *Timeline
	// Settling is the longest time that an election took once the faults had ended, as a share of what it may take.
	Settling float64

	// Record is how much is recorded of every process, in octets; 0 for nothing. RecordAgain begins another recording, from the state that has
	// been reached, whenever one is full. Recordings are those that are full, and those of the processes that have ended.
	Record      int
	RecordAgain bool
	Recordings  []Recording

	// Saboteur names faults that fail by themselves, to test what is done with a failing world.
	Saboteur func(*Fault) bool

	now     clock.Instant
	seq     uint32
	heap    []entry
	packets []packet
	free    []int32
	errands []func()
	unused  []int32 // of errands
	flying  []segment
	landed  []int32 // of flying
	net     dice    // the LAN's and the scheduler's luck
	lan     lan
	slowest time.Duration // of lan.slow, ever
	sent    recent
	nodes   []machine // nil for one that is left out
	real    []*Node   // those that are holdfast
	checks  checks
	failure *Failure
	episode int
	calm    bool          // no fault is going on
	calmAt  clock.Instant // since then
	seen    history       // of the faults of this episode
	ends    []func()      // of the faults that are going on
	loaded  map[string]*vrrp.Config
	carried map[string]*transport.Config // what the carrier is told of a text
	ignored string                       // a checker that may fail: to show that another one notices as well
}

// machine is what stands on the LAN: a Node or a Peer.
type machine interface {
	// wake is when it wants to run next; 0 for never.
	wake() clock.Instant
	run()
	hears(p *packet) bool
	// arrive takes a packet; false if it is of no use.
	arrive(slot int32) bool
}

// Failure is what a checker has found.
type Failure struct {
	Seed    uint64
	Kind    Kind
	Check   string // which checker
	Text    string
	At      time.Duration // since the beginning of the world
	Episode int
}

func (f *Failure) Error() string {
	return fmt.Sprintf("seed %d (%s) at %.6f s: %s: %s", f.Seed, f.Kind, f.At.Seconds(), f.Check, f.Text)
}

// New makes a world of a plan. Nothing has happened in it yet.
func New(p Plan) *World {
	w := &World{
		Plan: p, Cover: &Cover{}, now: beginning, loaded: map[string]*vrrp.Config{}, carried: map[string]*transport.Config{},
		net:   dice{rand.New(rand.NewPCG(p.Shape.Seed, 0x6c616e))},
		nodes: make([]machine, len(p.Shape.Nodes)),
	}
	w.lan.delay, w.lan.jitter = p.Shape.Delay, p.Shape.Jitter
	w.checks.init(w)
	return w
}

// Ignore lets one checker fail without consequence, to show what the others notice.
func (w *World) Ignore(check string) { w.ignored = check }

// Run plays the world to its end, or to the first failure, which it returns; nil for none.
func (w *World) Run() *Failure {
	w.start()
	for w.episode = 0; w.episode < w.Plan.Episodes && w.failure == nil; w.episode++ {
		if w.Plan.skips(w.episode) {
			continue
		}
		w.trouble()
		w.heal()
	}
	w.finish()
	return w.failure
}

// start boots everything within a second.
func (w *World) start() {
	for i := range w.Plan.Shape.Nodes {
		s := &w.Plan.Shape.Nodes[i]
		if w.Plan.leaves(s.Name) {
			continue
		}
		if s.Peer {
			w.nodes[i] = newPeer(w, i, s)
			continue
		}
		n := newNode(w, i, s)
		w.nodes[i] = n
		w.real = append(w.real, n)
		n.later(w.net.upTo(time.Second), n.boot)
	}
}

// skips reports whether an episode is left out.
func (p *Plan) skips(episode int) bool {
	return p.Terse && !slices.ContainsFunc(p.Faults, func(f Fault) bool { return f.Episode == episode })
}

func (p *Plan) leaves(name string) bool { return slices.Contains(p.Without, name) }

// trouble lets the faults of the episode come.
func (w *World) trouble() {
	from := w.now
	w.calm, w.seen = false, history{}
	for i := range w.Plan.Faults {
		f := &w.Plan.Faults[i]
		if f.Episode != w.episode || w.nodes[f.Node] == nil {
			continue
		}
		w.until(from.Add(f.At))
		if w.failure != nil {
			return
		}
		w.begin(f)
	}
	w.until(from.Add(chaos))
}

// until lets everything happen that happens up to and including the given time.
func (w *World) until(end clock.Instant) {
	idle := 0
	for w.failure == nil {
		at, who := end.Add(1), -1
		if len(w.heap) > 0 {
			at = w.heap[0].at
		}
		for i, m := range w.nodes {
			if m == nil {
				continue
			}
			if t := m.wake(); t != 0 && t < at {
				at, who = t, i
			}
		}
		if at > end {
			w.now = max(w.now, end)
			return
		}
		if idle++; at > w.now {
			w.now, idle = at, 0
		} else if idle > 100_000 {
			w.fail("rest", "something is busy without end")
			return
		}
		if who >= 0 {
			w.nodes[who].run()
		} else {
			w.happen(w.pop())
		}
	}
}

func (w *World) happen(e entry) {
	switch e.what {
	case arrival:
		w.arrive(e)
	case write:
		w.nodes[e.node].(*Node).write(e.arg)
	case errand:
		f := w.errands[e.arg]
		w.errands[e.arg] = nil
		w.unused = append(w.unused, e.arg)
		f()
	case bearing:
		w.nodes[e.node].(*Node).carriage.run()
	case landing:
		w.land(e.arg)
	}
}

// later has f called after d.
func (w *World) later(d time.Duration, f func()) {
	slot := int32(len(w.errands))
	if last := len(w.unused) - 1; last >= 0 {
		slot, w.unused = w.unused[last], w.unused[:last]
		w.errands[slot] = f
	} else {
		w.errands = append(w.errands, f)
	}
	w.push(entry{at: w.now.Add(d), what: errand, arg: slot})
}

// fail ends the world; only the first failure counts.
func (w *World) fail(check, format string, args ...any) {
	if w.failure != nil || w.ignored == check {
		return
	}
	w.failure = &Failure{
		Seed: w.Plan.Shape.Seed, Kind: w.Plan.Shape.Kind, Check: check, Text: fmt.Sprintf(format, args...),
		At: w.now.Sub(beginning), Episode: w.episode,
	}
	w.Log.line(w, "-", "FAILED", "%s: %s", check, w.failure.Text)
}

// finish stops all nodes: nothing may be left of them.
func (w *World) finish() {
	if w.failure != nil {
		return
	}
	for _, n := range w.real {
		if !n.alive {
			n.life++ // nor will it be
			n.carriage.end()
		}
		n.stop()
	}
	w.until(w.now.Add(5 * time.Second))
	for _, n := range w.real {
		w.checks.left(n)
	}
}
