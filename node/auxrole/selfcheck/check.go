// Package selfcheck notices what delays the elections, as far as a process can see it from outside: waiting for a processor, memory that
// has to be read from a disk, the kernel's limit on real-time threads, a processor that the hypervisor gave to somebody else, a disk
// that everybody waits for. check.go decides what is worth telling, proc.go reads.
package selfcheck

import (
	"fmt"
	"time"
)

// Reading is what the kernel has counted at a moment. All counters only grow.
type Reading struct {
	At      time.Duration // on any clock that only grows
	PID     int           // of the process that is watched; 0 for none
	Threads map[int]Thread
	Faults  uint64 // major faults of the process
	// Stolen and Ticks are what the hypervisor gave to others, and all time, of all processors, in ticks.
	Stolen, Ticks uint64
	// Throttled is for how long a limit on the processor time of the control group held the process up.
	Throttled time.Duration
	// IO and Memory are for how much of the last ten seconds something waited for a disk or for memory, in percent; negative where the
	// kernel does not tell.
	IO, Memory float64
	// RTLimit is for how much of a second real-time threads may run, in microseconds; negative for always.
	RTLimit int
	Blind   string // why the process can't be looked at, empty if it can
}

// Thread is one thread of the process.
type Thread struct {
	Waited   time.Duration // for a processor
	RealTime bool
	Blocked  bool // it waits for a disk or a file system
}

// Change is a trouble that begins or is over. There is one of each Kind at a time.
type Change struct {
	Kind string
	Text string
	Over bool
}

// The kinds of trouble.
const (
	RunQueue = "run queue"
	RealTime = "real time"
	Paging   = "paging"
	Quota    = "processor quota"
	Stolen   = "stolen time"
	Disk     = "disk"
	Memory   = "memory"
	Blocked  = "blocked"
	Blind    = "blind"
)

// rest is for how many readings a trouble must be gone before it is over.
const rest = 10

// Check compares readings.
type Check struct {
	last Reading
	open map[string]int // troubles, and for how many readings they were not seen
	stay map[int]int    // for how many readings in a row threads were blocked
}

// Next takes a reading and returns what has changed.
func (c *Check) Next(r Reading) (changes []Change) {
	if c.open == nil {
		c.open = map[string]int{}
	}
	last := c.last
	c.last = r
	found := []measure{{Blind, one(r.Blind != ""), 1, 1, "what delays the elections can't be seen: " + r.Blind}}
	if last.PID == r.PID && r.PID != 0 && r.At > last.At && r.Blind == "" {
		found = append(found, c.ofProcess(&last, &r)...)
	}
	if last.At != 0 && r.At > last.At {
		found = append(found, ofMachine(&last, &r)...)
	}
	seen := map[string]bool{}
	for _, m := range found {
		seen[m.kind] = true
		changes = c.judge(m, changes)
	}
	for kind := range c.open {
		if !seen[kind] {
			changes = c.judge(measure{kind: kind, low: 1}, changes)
		}
	}
	return changes
}

// measure is a value with the limit from where on it is a trouble, and that below which it is none.
type measure struct {
	kind             string
	value, high, low float64
	text             string
}

// judge is where troubles begin and end.
func (c *Check) judge(m measure, changes []Change) []Change {
	gone, open := c.open[m.kind]
	switch {
	case !open && m.high > 0 && m.value >= m.high:
		c.open[m.kind] = 0
		return append(changes, Change{Kind: m.kind, Text: m.text})
	case open && m.value >= m.low:
		c.open[m.kind] = 0
	case open && gone+1 >= rest:
		delete(c.open, m.kind)
		return append(changes, Change{Kind: m.kind, Over: true})
	case open:
		c.open[m.kind] = gone + 1
	}
	return changes
}

// ofProcess measures what concerns the process alone.
func (c *Check) ofProcess(last, r *Reading) []measure {
	var waited time.Duration
	realTime := false
	stay := map[int]int{}
	blocked := 0
	for id, t := range r.Threads {
		before, ok := last.Threads[id]
		if w := t.Waited - before.Waited; ok && w > waited {
			waited, realTime = w, t.RealTime
		}
		if t.Blocked {
			stay[id] = c.stay[id] + 1
			blocked = max(blocked, stay[id])
		}
	}
	c.stay = stay
	span := r.At - last.At
	part := 100 * float64(waited) / float64(span)
	queue := measure{RunQueue, part, 10, 2, fmt.Sprintf(
		"a thread of the elections waited %s of the last %s for a processor: the machine has too much to do; vrrp_rt_priority helps against that",
		brief(waited), brief(span))}
	if realTime {
		queue.kind = RealTime
		queue.text = fmt.Sprintf("a real-time thread of the elections waited %s of the last %s for a processor: %s",
			brief(waited), brief(span), limitText(r.RTLimit))
	}
	faults := float64(r.Faults-min(last.Faults, r.Faults)) / span.Seconds()
	throttled := 100 * float64(r.Throttled-last.Throttled) / float64(span)
	return []measure{
		queue,
		{Paging, faults, 5, 1, fmt.Sprintf("the elections waited %d times in the last %s for memory to be read from a disk; vrrp_no_swap helps against that",
			r.Faults-min(last.Faults, r.Faults), brief(span))},
		{Quota, throttled, 5, 1, fmt.Sprintf("the limit on the processor time of its control group held the daemon up for %s of the last %s (CPUQuota in its unit?)",
			brief(r.Throttled-last.Throttled), brief(span))},
		{Blocked, float64(blocked), 3, 1, "a thread of the elections has been blocked in the kernel for seconds, as by a disk or a file system that does not answer"},
	}
}

func limitText(limit int) string {
	if limit < 0 {
		return "other real-time programs took it"
	}
	return fmt.Sprintf("other real-time programs took it, or they took more than the kernel's limit (sched_rt_runtime_us, %d of 1000000)", limit)
}

// ofMachine measures what concerns all processes.
func ofMachine(last, r *Reading) []measure {
	var stolen float64
	if d := r.Ticks - min(last.Ticks, r.Ticks); d > 0 {
		stolen = 100 * float64(r.Stolen-min(last.Stolen, r.Stolen)) / float64(d)
	}
	return []measure{
		{Stolen, stolen, 10, 3, fmt.Sprintf("the hypervisor gave %.0f %% of the processors' time to others", stolen)},
		{Disk, r.IO, 40, 15, fmt.Sprintf("for %.0f %% of the last ten seconds something waited for a disk: scripts and logs are late", r.IO)},
		{Memory, r.Memory, 10, 3, fmt.Sprintf("for %.0f %% of the last ten seconds something waited for memory", r.Memory)},
	}
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func brief(d time.Duration) string {
	if d >= time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}
