package interop

import (
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
	"holdfast.dev/link/frame"
)

// storm is a client that asks by ARP who has an address, a thousand times a second, and looks as often at what its kernel believes.
type storm struct {
	stop chan struct{}
	done sync.WaitGroup
	err  error
	seen []belief
}

// belief is a change of what the client's kernel takes for the address's station.
type belief struct {
	at  time.Time
	mac string
}

func newStorm(l *lab.Lab, vip netip.Addr) *storm {
	s := &storm{stop: make(chan struct{})}
	index, err := l.Client.NS.Index("eth0")
	if err != nil {
		l.T.Fatal(err)
	}
	s.done.Go(func() { s.err = l.Client.NS.Do(func() error { return s.run(l.Client, index, vip) }) })
	return s
}

func (s *storm) run(client *lab.Node, index int, vip netip.Addr) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	own := frame.MAC{2, 0, 0, 0, 0, byte(client.Number)}
	ask, err := frame.AppendGARP(nil, own[:], netip.MustParseAddr(client.IPv4()))
	if err != nil {
		return err
	}
	target := vip.As4()
	copy(ask[38:], target[:]) // a question of the client's, no longer an announcement
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return nil
		case <-tick.C:
		}
		if err := unix.Sendto(fd, ask, 0, &unix.SockaddrLinklayer{Ifindex: index}); err != nil {
			return err
		}
		if err := s.look(vip); err != nil {
			return err
		}
	}
}

// look reads the neighbour table of the thread's namespace.
func (s *storm) look(vip netip.Addr) error {
	b, err := os.ReadFile("/proc/thread-self/net/arp")
	if err != nil {
		return err
	}
	mac := ""
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 3 && f[0] == vip.String() {
			mac = f[3]
		}
	}
	if n := len(s.seen); n == 0 || s.seen[n-1].mac != mac {
		s.seen = append(s.seen, belief{time.Now(), mac})
	}
	return nil
}

func (s *storm) end(t *testing.T) []belief {
	t.Helper()
	close(s.stop)
	s.done.Wait()
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.seen
}

// TestHandoverStorm: a client that asks all the time who has the address is told the truth: as soon as it has gone, nobody answers for the
// router that left, and the client believes the successor.
func TestHandoverStorm(t *testing.T) {
	t.Parallel()
	for name, peer := range map[string]func(testing.TB) lab.Program{"keepalived": theirs, "ours": ours} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stormed(t, peer(t))
		})
	}
}

func stormed(t *testing.T, peer lab.Program) {
	long(t)
	if reference() {
		t.Skip("keepalived lets go first")
	}
	l := lab.New(t, lab.Options{Nodes: 2})
	a, b := l.Nodes[0], l.Nodes[1]
	high, low := media[0].router(a, b, 200), media[0].router(b, a, 100)
	vip := high.VR().VIPs[0]
	s, ping := l.Scene(high.VR()), l.Ping(vip)
	b.Start(peer, lab.File{Routers: []lab.Router{low}}.Text())
	a.Start(ours(t), lab.File{Routers: []lab.Router{high}}.Text())
	s.Elect(a, low.Down())
	s.Stay(6 * second) // past the second burst of gratuitous ARP
	storm := newStorm(l, vip)
	noise := quietly(s, ping)
	from := time.Now()
	s.Move(b, low.Skew(100), func() { a.Daemon().Stop() })
	s.Stay(2 * second)
	seen := storm.end(t)
	gone := moment(t, a, vip, "deleted", from)
	answers, last := 0, time.Time{}
	for _, c := range l.Claims(a, from) {
		if c.Addr == vip {
			answers, last = answers+1, c.At
		}
	}
	if answers < 100 {
		t.Errorf("a answers %d times while it leaves: the storm is none", answers)
	}
	t.Logf("a answers %d times, the last one %v after the address was gone", answers, last.Sub(gone))
	if last.After(gone.Add(lab.Margin/20 + l.Stood(from))) {
		t.Errorf("a answers for the address %v after it was gone", last.Sub(gone))
	}
	served(l, ping, from, noise)
	judgeBeliefs(t, seen, a, b, gone, lab.Margin/20+l.Stood(from))
}

// judgeBeliefs: what is believed a moment after the address is gone is the truth, and stays it.
func judgeBeliefs(t *testing.T, seen []belief, a, b *lab.Node, gone time.Time, within time.Duration) {
	t.Helper()
	if n := len(seen); n < 2 || seen[0].mac != a.MAC() || seen[n-1].mac != b.MAC() {
		t.Errorf("the client believed %v", seen)
		return
	}
	for _, x := range seen[1:] {
		t.Logf("%v after the address was gone the client believes %s", x.at.Sub(gone), x.mac)
		if x.mac == a.MAC() && x.at.After(gone.Add(within)) {
			t.Errorf("the client believes %s %v after the address was gone from there", x.mac, x.at.Sub(gone))
		}
	}
}
