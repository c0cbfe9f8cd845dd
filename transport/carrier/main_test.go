package carrier

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
)

const nodeEnv = "HOLDFAST_TEST_CARRIER"

func TestMain(m *testing.M) {
	if text := os.Getenv(nodeEnv); text != "" {
		var s nodeSpec
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			panic(err)
		}
		s.run()
		os.Exit(0)
	}
	nstest.Main(m)
}

// nodeSpec is a carrier in a process of its own, because a namespace is a thread's and its goroutines are on all of them.
type nodeSpec struct {
	Kind     transport.Kind
	Me, Peer netip.Addr
	Interval time.Duration
	Routers  int  // whose adverts it sends
	Listen   bool // count what comes instead
	Identity transport.Identity
}

// tally is what such a process has to say at the end, when its standard input is closed.
type tally struct {
	Received  int
	Takeovers int // times that a router was not heard for 3.6 intervals
	Longest   time.Duration
	After     time.Duration // from the moment "open" was read to the first advert
	Link      local.Msg
	User, Sys time.Duration
	MaxRSS    int64 // KiB
}

func (s *nodeSpec) run() {
	n := newBareNode(alone{}, s.Me, 1112)
	c := config(s.Kind, s.Me, s.Peer, 1112)
	c.Peers[0].Interval, c.Peers[0].Down = s.Interval, 36*s.Interval/10
	if s.Kind == transport.TLS {
		c.Identities = []transport.Identity{s.Identity}
	}
	w := &watch{spec: s, last: map[byte]time.Time{}}
	n.watch = w.got
	n.start()
	if err := n.configure(c); err != nil {
		panic(err)
	}
	fmt.Println("ready")
	over := make(chan struct{})
	if !s.Listen {
		go s.speak(n, over)
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() == "open" {
			w.opened()
			for !w.again() {
				time.Sleep(time.Millisecond)
			}
			fmt.Println("again")
		}
	}
	close(over)
	_ = json.NewEncoder(os.Stdout).Encode(w.tally(n))
}

func (s *nodeSpec) speak(n *node, over chan struct{}) {
	next := time.Now()
	for {
		for i := range s.Routers {
			n.send(s.Kind, s.Peer, byte(1+i%250), 100, uint16(s.Interval/(10*time.Millisecond)))
		}
		next = next.Add(s.Interval)
		select {
		case <-time.After(time.Until(next)):
		case <-over:
			return
		}
	}
}

// alone is a test that is a process.
type alone struct{ testing.TB }

func (alone) Helper()                   {}
func (alone) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (alone) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
func (alone) Errorf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// watch notes when adverts come.
type watch struct {
	spec *nodeSpec
	mu   sync.Mutex
	last map[byte]time.Time
	t    tally
	open time.Time
}

func (w *watch) got(m *local.Msg) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	vrid := m.Payload[1]
	if last, is := w.last[vrid]; is {
		gap := now.Sub(last)
		w.t.Longest = max(w.t.Longest, gap)
		if gap > 36*w.spec.Interval/10 {
			w.t.Takeovers++
		}
	}
	w.last[vrid] = now
	w.t.Received++
	if !w.open.IsZero() && w.t.After == 0 {
		w.t.After = now.Sub(w.open)
	}
}

// opened is when the test has opened a way that was closed.
func (w *watch) opened() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open, w.t.After = time.Now(), 0
}

// again reports whether something has come since.
func (w *watch) again() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.t.After > 0
}

func (w *watch) tally(n *node) tally {
	l := n.lastLink()
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.t
	t.Link = l
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	t.User, t.Sys, t.MaxRSS = time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano()), u.Maxrss
	return t
}
