package sim

import (
	"fmt"
	"strings"
	"time"

	"holdfast.dev/vrrp/wire"
)

// history is what the faults of an episode may have left behind in timers.
type history struct {
	interval time.Duration // the longest that a router may have learnt from somebody
	down     int
	delay    time.Duration
	hid      bool // somebody stood still or lost packets: a take-over may be put off
	deleted  bool // addresses were taken away
	refused  bool // the kernel refused some
	forged   bool
}

func (h *history) note(f *Fault) {
	switch f.What {
	case Pause, Starve, Halve, Suspend, Freeze, Slow, Garbage:
		h.hid = true
	case Delete, Fight:
		h.deleted = true
	case Refuse, LoseAnswers:
		h.refused = true
	case DeleteEntry, Unmake:
		h.deleted = true
	case LoseSource, Flap, Unplug, SlowKernel, HoldEvents, Unreadable:
		h.deleted = true // and secondary addresses with it
	case Forge:
		h.forged = true
	}
}

// bound is how long everything may take to be as it should once the faults have ended, and of what that is made up. Nothing in it was
// measured: it is worked out from the timers of RFC 9568 section 6.1 and RFC 3768 section 6.1.
type bound struct{ parts []part }

type part struct {
	why string
	d   time.Duration
}

func (b *bound) add(d time.Duration, why string) {
	if d > 0 {
		b.parts = append(b.parts, part{why, d})
	}
}

func (b *bound) total() (d time.Duration) {
	for _, p := range b.parts {
		d += p.d
	}
	return d
}

// until is when the named part is over; 0 if there is none.
func (b *bound) until(why string) (d time.Duration) {
	for _, p := range b.parts {
		if d += p.d; p.why == why {
			return d
		}
	}
	return 0
}

const whyConnected = "until carriers are connected"

func (b *bound) String() string {
	var words []string
	for _, p := range b.parts {
		words = append(words, fmt.Sprintf("%v %s", p.d, p.why))
	}
	return fmt.Sprintf("within %v there must be one master each: %s", b.total(), strings.Join(words, ", "))
}

// downTime is the longest Active_Down_Interval of anybody: down × interval + skew, where the skew is the part (256 − priority) / 256 of the
// interval in version 3, of a second in version 2.
func (w *World) downTime() (interval, down time.Duration) {
	count, priority := w.seen.down, 254
	whole := time.Duration(0)
	for i := range w.Plan.Shape.Nodes {
		for j := range w.Plan.Shape.Nodes[i].File.routers {
			r := &w.Plan.Shape.Nodes[i].File.routers[j]
			interval, count = max(interval, r.interval), max(count, r.down)
			priority = min(priority, max(1, int(r.priority)+min(r.weight, 0)))
			if r.version == wire.V2 {
				whole = time.Second
			}
		}
	}
	interval = max(interval, w.seen.interval)
	whole = max(whole, interval)
	down = time.Duration(count)*interval + time.Duration(256-priority)*whole/256
	if w.Plan.carries() {
		down = max(down, firstConnection)
	}
	return interval, down
}

// bound works out the time until the election of every group that can hear itself is over.
//
//	the rest of the start-up delay: until then nobody leaves BACKUP
//	+ what a link, a script or a stopped process takes to be there again
//	+ what sessions of carriers take to be connected again (transport.Reconnection)
//	+ one down time: whoever is BACKUP and hears nobody better is MASTER then
//	+ one interval, if a take-over may be put off because packets were lost or somebody stood still
//	+ one interval and a way: of several MASTERs each advertises within it, and all but the best yield
//	+ preempt_delay, an interval and a down time, where somebody waits before he preempts
//	+ in sync groups one interval and another down time: two groups may make way for each other, once
//	+ owners that clash: 2 + 1.2 + 1 intervals (rule E8)
//	+ waits of holdfast's own, where addresses were taken away (4 s) or refused (a minute)
func (w *World) bound() *bound {
	b := &bound{}
	interval, down := w.downTime()
	rest := time.Duration(0)
	for _, n := range w.real {
		if !n.alive || n.config == nil {
			rest = max(rest, n.file.delay)
		}
		rest = max(rest, n.delay-n.age())
	}
	b.add(rest, "left of the start-up delay")
	b.add(1100*time.Millisecond+4*w.Plan.Shape.Writing, "for scripts, links, starts")
	b.add(w.reconnecting(), whyConnected)
	b.add(down, "down time")
	if w.seen.hid || w.seen.forged {
		b.add(interval, "put off")
	}
	way := w.Plan.Shape.Delay + w.Plan.Shape.Jitter + w.Plan.Shape.Lateness
	b.add(interval+4*way, "until rivals have yielded")
	preempt, group, owners := time.Duration(0), false, 0
	for i := range w.Plan.Shape.Nodes {
		f := &w.Plan.Shape.Nodes[i].File
		group = group || f.group
		for j := range f.routers {
			preempt = max(preempt, f.routers[j].preempt)
			if f.routers[j].priority == wire.PriorityOwner {
				owners++
			}
		}
	}
	if preempt > 0 {
		b.add(preempt+interval+down, "preempt_delay")
	}
	if w.headers() {
		b.add(2*interval, "until sequences are in step")
	}
	if group {
		b.add(2*interval+down, "second round of groups")
	}
	if owners > 1 {
		b.add(interval*42/10, "owners that clash")
	}
	defer func() {
		if w.Plan.Shape.Kind == Drift {
			b.add(b.total()*worstRate/million, "for clocks that are slow")
		}
	}()
	if w.seen.refused {
		b.add(time.Minute+down, "until a kernel that refused is asked again")
	} else if w.seen.deleted {
		b.add(4*time.Second+down, "until addresses are put back")
	}
	return b
}

// age is for how long the process has been running.
func (n *Node) age() time.Duration {
	if !n.alive {
		return n.delay // it starts in this moment
	}
	return n.clocks.now(n.w.now).Mono.Sub(n.since.Mono)
}
