package status

import (
	"sync/atomic"
	"time"
)

// Bounds are the upper ends of a histogram's buckets but for the last, which has none.
var Bounds = [...]time.Duration{
	10 * time.Microsecond, 20 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
}

// Histogram counts durations. It lives in memory that processes share: one adds, any number read. It never allocates.
type Histogram struct {
	count, sum, max atomic.Uint64 // sum and max in nanoseconds
	buckets         [len(Bounds) + 1]atomic.Uint64
}

// Add counts a duration; a negative one counts as 0.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	low, high := 0, len(Bounds)
	for low < high {
		if mid := (low + high) / 2; d <= Bounds[mid] {
			high = mid
		} else {
			low = mid + 1
		}
	}
	h.buckets[low].Add(1)
	h.sum.Add(uint64(d))
	if uint64(d) > h.max.Load() {
		h.max.Store(uint64(d))
	}
	h.count.Add(1)
}

// Counts is what a histogram has counted.
type Counts struct {
	Count    uint64
	Sum, Max time.Duration
	Buckets  [len(Bounds) + 1]uint64 // not cumulative
}

// Read gives the counts. While others add, a duration may be in one of them and not yet in another.
func (h *Histogram) Read() (c Counts) {
	c.Count, c.Sum, c.Max = h.count.Load(), time.Duration(h.sum.Load()), time.Duration(h.max.Load())
	for i := range c.Buckets {
		c.Buckets[i] = h.buckets[i].Load()
	}
	return c
}

// Quantile is the end of the bucket in which the given part of all durations ends, at most Max; 0 for none.
func (c *Counts) Quantile(part float64) time.Duration {
	var all, sum uint64
	for _, n := range c.Buckets {
		all += n
	}
	for i, n := range c.Buckets {
		if sum += n; n > 0 && float64(sum) >= part*float64(all) {
			if i < len(Bounds) {
				return min(Bounds[i], c.Max)
			}
			return c.Max
		}
	}
	return 0
}

// Timed is something whose durations are counted.
type Timed int

// What the vrrp process counts. All but Lateness are of transitions.
const (
	Lateness Timed = iota // from a deadline of the election thread to the beginning of its round
	Decision              // from the beginning of the round to the decision
	Sending               // from the decision of a MASTER to its first advert
	Kernel                // from the decision of a MASTER to the kernel's confirmation of all its addresses
	Garp                  // from that confirmation to the first gratuitous ARP or NA
	timed
)

// Timing is the histogram of something.
func (p *Page) Timing(t Timed) *Histogram { return &p.header().timings[t] }
