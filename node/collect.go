package node

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"holdfast.dev/supervisor/sched"
)

// The runtime would collect garbage when it likes, on threads that are real-time ones like all of the process, and a collection
// computes for longer than vrrp_rlimit_rttime allows once there are thousands of addresses. So it is done here, by threads that are
// ordinary for as long as it takes.
const (
	collectEvery = time.Second // how often somebody looks whether it is time
	collectFrom  = 4 << 20     // octets of garbage that are too few: on one processor a collection makes an advert 2 ms late
	// settleTicks is for how many looks the heap must have stood nearly still before what a burst of work left is given back too.
	settleTicks  = 5
	settleGrowth = 64 << 10 // octets in that time that are nearly still
	// collectLimit is from where on the runtime collects by itself after all, whatever that costs.
	collectLimit = 512 << 20
)

// collector collects garbage when what was allocated has doubled, and when a burst of work is over. It must be made after the role's first
// thread is what it shall be.
type collector struct {
	one   sync.Mutex
	tasks *sched.Tasks
	keep  atomic.Pointer[[]int] // threads that are left as they are
	stop  chan struct{}
	done  chan struct{}
}

// newCollector takes the matter over from the runtime.
func newCollector() (*collector, error) {
	tasks, err := sched.OpenTasks()
	if err != nil {
		return nil, err
	}
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(collectLimit)
	c := &collector{tasks: tasks, stop: make(chan struct{}), done: make(chan struct{})}
	c.Keep(nil)
	return c, nil
}

// Keep names the threads that must not wait for anything.
func (c *collector) Keep(threads []int) { c.keep.Store(&threads) }

// Start begins to look. Before, only Collect collects.
func (c *collector) Start() { go c.run() }

func (c *collector) run() {
	defer close(c.done)
	tick := newTicker(collectEvery)
	defer tick.stop()
	sizes := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	var h heapLook
	for {
		select {
		case <-c.stop:
			return
		case <-tick.c:
			tick.next()
		}
		metrics.Read(sizes)
		if h.due(sizes[0].Value.Uint64(), sizes[1].Value.Uint64()) {
			c.Collect()
		}
	}
}

// heapLook decides when it is time to collect.
type heapLook struct {
	base  uint64 // size of the heap when it began to stand nearly still
	ticks int    // for how long it has
}

// due is told, at each look, the octets that are allocated and those that survived the last collection.
func (h *heapLook) due(now, live uint64) bool {
	if now < live+collectFrom {
		*h = heapLook{}
		return false
	}
	if now < h.base || now > h.base+settleGrowth {
		*h = heapLook{base: now}
	}
	h.ticks++
	return now > 2*live || h.ticks > settleTicks
}

// Collect collects now, and gives back what is free. Two at a time would take each other's threads for ordinary ones.
func (c *collector) Collect() {
	c.one.Lock()
	defer c.one.Unlock()
	sched.RelaxAll(c.tasks, *c.keep.Load(), debug.FreeOSMemory)
}

// Close ends a collector that was started.
func (c *collector) Close() {
	close(c.stop)
	<-c.done
	_ = c.tasks.Close()
}
