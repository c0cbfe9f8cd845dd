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
	collectEvery = 500 * time.Millisecond // how often somebody looks whether it is time
	collectFrom  = 4 << 20                // octets of heap that are too few to look at, as the runtime's own minimum
	// collectLimit is from where on the runtime collects by itself after all, whatever that costs.
	collectLimit = 512 << 20
)

// collector collects garbage when what was allocated has doubled. It must be made after the role's first thread is what it shall be.
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
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	sizes := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	for {
		select {
		case <-c.stop:
			return
		case <-tick.C:
		}
		metrics.Read(sizes)
		if now, live := sizes[0].Value.Uint64(), sizes[1].Value.Uint64(); now > max(2*live, collectFrom) {
			c.Collect()
		}
	}
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
