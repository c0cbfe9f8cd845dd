package interop

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast.dev/internal/certs"
	"holdfast.dev/interop/lab"
)

// lossy is two routers at 100 ms with 50 ms between them, by any transport.
func lossy(t *testing.T, kind string) (c *carriedLab) {
	t.Helper()
	l := lab.New(t, lab.Options{Nodes: 2, Limit: time.Hour})
	c = &carriedLab{Lab: l, a: l.Nodes[0], b: l.Nodes[1]}
	dir := certificates(t, "10.0.0.1", "10.0.0.2")
	for i, n := range l.Nodes {
		r := media[3].router(n, l.Nodes[1-i], []int{200, 100}[i])
		r.Interval = 100 * time.Millisecond
		r.Lines = append(r.Lines, "transport "+kind, "state BACKUP")
		if kind == "tls" {
			r.Lines = append(r.Lines, certs.Lines(dir, i)...)
		}
		c.r[i] = r
	}
	for i, n := range l.Nodes {
		n.Start(ours(t), lab.File{Routers: c.r[i : i+1]}.Text())
	}
	c.settled()
	return c
}

// settled waits until the first alone is master.
func (c *carriedLab) settled() {
	c.T.Helper()
	c.WaitFor("the first is master, and alone", carriedWait, func() bool { return len(c.a.Foreign()) == 2 && len(c.b.Foreign()) == 0 })
}

var transports = []string{"ip", "udp", "tcp", "tls"}

// TestTakeoversUnderLoss counts false take-overs where packets are lost, side by side. It takes as long as HOLDFAST_LOSS says, and is left out
// without that.
func TestTakeoversUnderLoss(t *testing.T) {
	t.Parallel()
	during, err := time.ParseDuration(os.Getenv("HOLDFAST_LOSS"))
	if err != nil {
		t.Skip("HOLDFAST_LOSS says for how long")
	}
	for _, loss := range []int{20, 200} {
		t.Run(fmt.Sprint(loss), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			counts := map[string]int{}
			t.Cleanup(func() {
				t.Logf("%d of 1000 packets lost, 100 ms there and back, %v: false take-overs %v", loss, during, counts)
			})
			for _, kind := range transports {
				t.Run(kind, func(t *testing.T) {
					t.Parallel()
					c := lossy(t, kind)
					r := c.Relay(c.a, c.b)
					r.SetDelay(50 * time.Millisecond)
					c.Pass(2 * second)
					c.settled()
					skip := len(c.b.Daemon().Log())
					r.SetLoss(loss)
					time.Sleep(during)
					n := strings.Count(c.b.Daemon().Log()[skip:], "Entering MASTER STATE")
					mu.Lock()
					counts[kind] = n
					mu.Unlock()
				})
			}
		})
	}
}

// TestAfterABlackHole: when nothing came through for five seconds there are two masters, and as soon as something does there is one. How soon is
// told; that it is soon enough whatever TCP does is the session's property (package transport).
func TestAfterABlackHole(t *testing.T) {
	t.Parallel()
	long(t)
	for _, kind := range []string{"ip", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := lossy(t, kind)
			r := c.Relay(c.a, c.b)
			c.Pass(second)
			c.settled()
			r.SetHole(true)
			c.WaitFor("both are masters", carriedWait, func() bool { return len(c.b.Foreign()) == 2 })
			c.Pass(5 * second)
			from := time.Now()
			r.SetHole(false)
			c.settled()
			for _, ch := range c.b.Changes(from) {
				if strings.HasSuffix(ch.What, "deleted") {
					t.Logf("%s: one master %v after the hole", kind, ch.At.Sub(from).Round(100*time.Microsecond))
					break
				}
			}
		})
	}
}

// TestBlackHoles: as often as HOLDFAST_HOLES says nothing comes through for five seconds, over every transport, at a distance of 100 ms and of none. Each
// time there is one master within the down time of the backup.
func TestBlackHoles(t *testing.T) {
	t.Parallel()
	holes, err := strconv.Atoi(os.Getenv("HOLDFAST_HOLES"))
	if err != nil {
		t.Skip("HOLDFAST_HOLES says how many")
	}
	for _, delay := range []time.Duration{0, 50 * time.Millisecond} {
		for _, kind := range transports {
			t.Run(fmt.Sprintf("%s-%v", kind, 2*delay), func(t *testing.T) {
				t.Parallel()
				c := lossy(t, kind)
				r := c.Relay(c.a, c.b)
				r.SetDelay(delay)
				c.Pass(2 * second)
				var took []time.Duration
				for range holes {
					c.settled()
					c.Pass(second + time.Duration(rand.IntN(100))*time.Millisecond)
					r.SetHole(true)
					c.Pass(5 * second)
					c.WaitFor("both are masters", carriedWait, func() bool { return len(c.b.Foreign()) == 2 })
					from := time.Now()
					r.SetHole(false)
					c.settled()
					d := moment(t, c.b, c.r[1].VR().VIPs[0], "deleted", from).Sub(from)
					took = append(took, d)
					if d > c.r[1].Down()+c.Stood(from) {
						t.Errorf("%s: one master only %v after the hole, the down time is %v", kind, d, c.r[1].Down())
					}
				}
				slices.Sort(took)
				t.Logf("%s, %v there and back: one master after %v at the median, %v at most (%d holes)", kind, 2*delay, took[len(took)/2], took[len(took)-1], len(took))
			})
		}
	}
}
