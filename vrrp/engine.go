package vrrp

import (
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/track"
)

// Engine is all virtual routers of a node. The zero Engine is not usable; see New.
type Engine struct {
	cfg      *Config
	routers  []*Router // as configured, in order
	owners   map[host.Owner]*Router
	groups   []*group
	links    map[string]*link
	settling map[string]*link // those whose change waits for the end of a delay
	sources  map[track.ID]track.State
	static   keeper
	index    index

	leavers leavers

	adverts heap // MASTER: when the next advert is due
	timers  heap // everything else
	garp    announcer
	unlaned bool // announcements keep no gap anywhere

	now      clock.Now
	last     clock.Now
	started  clock.Now
	delayEnd clock.Instant // end of the start-up delay; zero once it has passed
	pause    pause
	tick     time.Duration // while anybody listens, Step runs at least this often, so that a pause is noticed

	nextOwner host.Owner
	seq       uint64
	gen       uint64 // of the configuration, for notifications
	stopping  bool
	keep      bool
	mute      bool // there is no carrier, and nothing was heard of another one

	pass    uint64           // number of the last reassess, so that a group follows once in it
	unknown map[portKey]bool // VRIDs that nobody is configured for and that were told of

	refused  [2]Refused // storage of the Refused actions of one Step: a packet may be for a router and for one that makes way
	refusals int

	out     []Action
	sends   []*Send // storage of the Send actions of one Step
	sent    int
	notes   []*Note // the same of Note actions
	noted   int
	dirty   []host.Owner
	spare   []host.Owner // the other half of dirty
	touched []*Router
}

// New returns an engine of a process that started at now. It does nothing until it gets a Configure event; the links that
// exist should be told before (LinkChanged), so that nothing begins in FAULT for want of knowing them.
func New(now clock.Now) *Engine {
	return &Engine{
		cfg:      &Config{},
		owners:   map[host.Owner]*Router{},
		links:    map[string]*link{},
		settling: map[string]*link{},
		sources:  map[track.ID]track.State{},
		started:  now,
		last:     now,
		now:      now,
		static:   keeper{owner: host.Static, wanted: true},
		seq:      uint64(now.Boot), // so that it grows over restarts of the process too
	}
}

// Step advances to now and applies ev. The returned actions are to be performed in order. The slice and what it points to are reused
// by the next call. In steady state (adverts sent, adverts heard) it does not allocate.
func (e *Engine) Step(now clock.Now, ev Event) []Action {
	e.begin(now)
	switch ev := ev.(type) {
	case *AdvertsDue:
		e.advertsDue()
	case *Wakeup:
		e.wakeup()
	case *Received:
		e.receive(ev)
	case *Configure:
		e.configure(ev)
	case *LinkChanged:
		e.linkChanged(&ev.Link)
	case *LinkGone:
		e.linkGone(ev.Name)
	case *Applied:
		e.applied(&ev.Applied)
	case *Lost:
		e.lost(&ev.Lost)
	case *Tracked:
		e.trackChanged(ev.State)
	case *Overflow:
		e.overflow(ev)
	case *Sent:
		e.sendChanged(ev)
	case *Stop:
		e.stop(ev)
	case *Claimed:
		e.claimed(ev)
	case *Challenged:
		e.challenged(ev)
	case *PeerDied:
		e.peerDied(ev)
	case *PeerReport:
		e.peerReport(ev)
	case *PeerLink:
		e.peerLink(ev)
	case *PeerHand:
		e.peerHand(ev)
	case *CarrierLost:
		e.carrierLost()
	}
	return e.out
}

// begin takes the time and notices when we stood still.
func (e *Engine) begin(now clock.Now) {
	clear(e.out)
	e.out, e.sent, e.noted, e.refusals = e.out[:0], 0, 0, 0
	now.Mono = max(now.Mono, e.last.Mono)
	due, _ := e.Deadline()
	suspended := e.pause.observe(e.last, now, due)
	e.last, e.now = now, now
	if e.delayEnd != 0 && now.Mono >= e.delayEnd {
		e.delayEnd = 0
		e.report(Info, 0, "Delayed start completed")
	}
	if suspended > shortestPause {
		e.awake()
	}
}

// awake is the first thing after a suspend: timers stood still with the machine, but the peers' did not. An advert that is overdue by their
// clocks is sent before they give up waiting; a MASTER that was silent for too long must know so before it hears its successor.
func (e *Engine) awake() {
	for _, r := range e.routers {
		if r.state == Master && r.silence() > r.spec.Interval {
			r.advertAt = e.now.Mono
			r.advertDue()
		}
	}
}

// Deadline is when Step must next be called with AdvertsDue and Wakeup; ok is false when nothing is due.
func (e *Engine) Deadline() (at clock.Instant, ok bool) {
	at = clock.Min(e.adverts.first(), e.timers.first())
	at = clock.Min(at, e.garp.next)
	at = clock.Min(at, e.static.retryAt())
	at = clock.Min(at, e.settlesAt())
	if e.timers.first() != 0 && e.tick > 0 {
		at = clock.Min(at, e.last.Mono.Add(e.tick))
	}
	return at, at != 0
}

// Dirty lists the owners whose desired state changed since Dirty was last called. One whose generation is 0 is unknown by now: nothing more
// will come of it. The slice is the caller's until the next call.
func (e *Engine) Dirty() []host.Owner {
	d := e.dirty
	e.dirty, e.spare = e.spare[:0], d
	for _, o := range d {
		if k := e.keeper(o); k != nil {
			k.dirty = false
		}
	}
	return d
}

// Desired is what the owner wants the kernel to hold, and the generation that an Applied event will name.
func (e *Engine) Desired(o host.Owner) (gen uint64, want host.State) {
	k := e.keeper(o)
	if k == nil {
		return 0, host.State{}
	}
	return k.gen, k.desired(e.now.Mono)
}

// SetGeneration names the configuration generation that the notifications of the next events belong to.
func (e *Engine) SetGeneration(gen uint64) { e.gen = gen }

// Settled reports whether the kernel has confirmed everything: after Stop, that nothing of ours is left.
func (e *Engine) Settled() bool {
	for _, r := range e.owners {
		if !r.keeper.clean() || r.told != nil || r.leave != nil {
			return false
		}
	}
	return e.static.clean()
}

func (e *Engine) keeper(o host.Owner) *keeper {
	if o == host.Static {
		return &e.static
	}
	if r := e.owners[o]; r != nil {
		return &r.keeper
	}
	return nil
}

// touch notes that the desired state of k changed.
func (e *Engine) touch(k *keeper) {
	k.gen++
	k.confirmed = false
	if !k.dirty {
		k.dirty = true
		e.dirty = append(e.dirty, k.owner)
	}
}

func (e *Engine) do(a Action) { e.out = append(e.out, a) }

func (e *Engine) notify(ev notify.Event) {
	e.seq++
	ev.Seq = e.seq
	if ev.Gen == 0 {
		ev.Gen = e.gen
	}
	ev.Times.Queued = e.now.Mono
	e.do(&Notify{Event: ev})
}

// How many routers one Step deals with at most. What is left is due at once: the Deadline is in the past, and the caller hears what has come
// in meanwhile before it goes on.
const (
	advertSlice = 256
	timerSlice  = 64
)

// advertsDue sends what is due and decides nothing.
func (e *Engine) advertsDue() {
	for range advertSlice {
		r := e.adverts.due(e.now.Mono)
		if r == nil {
			return
		}
		r.advertDue()
	}
}

// wakeup decides what is due, take-overs among it, then announces one slice.
func (e *Engine) wakeup() {
	e.advertsDue()
	e.settle()
	for range timerSlice {
		r := e.timers.due(e.now.Mono)
		if r == nil {
			break
		}
		r.timerDue()
	}
	if at := e.static.retryAt(); at != 0 && e.now.Mono >= at {
		e.static.rested(e.now.Mono) // there is no state that depends on it
		if e.static.release(e.now.Mono) {
			e.touch(&e.static)
		}
	}
	e.garp.slice(e)
}

func (e *Engine) sendChanged(ev *Sent) {
	r := e.owners[ev.Owner]
	if r == nil || r.sendErr == ev.Err {
		return
	}
	r.sendErr = ev.Err
	r.changed()
	if ev.Err != "" {
		r.report(Warning, 0, "cannot send adverts: %s", ev.Err)
	} else {
		r.report(Info, 0, "adverts are sent again")
	}
}
