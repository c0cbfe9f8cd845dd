package interop

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// medium is a way in which two routers talk to each other.
type medium struct {
	version int
	six     bool
	unicast bool
}

func (m medium) String() string {
	return fmt.Sprintf("v%d-ipv%d-%s", m.version, map[bool]int{false: 4, true: 6}[m.six],
		map[bool]string{false: "multicast", true: "unicast"}[m.unicast])
}

var media = []medium{
	{2, false, false},
	{2, false, true},
	{3, false, false},
	{3, false, true},
	{3, true, false},
	{3, true, true},
}

// interval is what the medium's instances advertise at: a whole second where the version knows nothing less.
func (m medium) interval() time.Duration {
	if m.version == 3 {
		return 500 * time.Millisecond
	}
	return time.Second
}

// router is an instance for a node, with the other as its peer.
func (m medium) router(n, peer *lab.Node, priority int) lab.Router {
	r := lab.Router{
		Name: "VI_1", Version: m.version, VRID: 51, Priority: priority, Interval: m.interval(),
		VIPs: []string{"10.0.0.100/24", "10.0.0.101/24"},
	}
	if m.six {
		r.VIPs = []string{"fe80::100/64", "fd00::100/64"}
	}
	if m.unicast {
		r.Src, r.Peers = n.IPv4(), []string{peer.IPv4()}
		if m.six {
			r.Src, r.Peers = n.IPv6(), []string{peer.IPv6()}
		}
	}
	return r
}

// pinged is an address that the client can reach.
func (m medium) pinged() netip.Addr {
	if m.six {
		return netip.MustParseAddr("fd00::100")
	}
	return netip.MustParseAddr("10.0.0.100")
}

// TestTour takes two routers through everything that moves an address, in every medium, each of the two daemons once
// with the higher priority and once with the lower.
func TestTour(t *testing.T) {
	t.Parallel()
	for _, m := range media {
		for _, first := range []string{"ours", "peer"} {
			t.Run(m.String()+"/"+first+"-preferred", func(t *testing.T) {
				t.Parallel()
				high, low := ours(t), lab.Keepalived(t)
				if first == "peer" {
					high, low = low, high
				}
				tour(t, m, high, low)
			})
		}
	}
}

// TestTourOurs is the same with ours at both ends, in some of the media.
func TestTourOurs(t *testing.T) {
	t.Parallel()
	for _, m := range []medium{{2, false, false}, {3, false, true}, {3, true, false}} {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			tour(t, m, ours(t), ours(t))
		})
	}
}

func tour(t *testing.T, m medium, high, low lab.Program) {
	long(t)
	l := lab.New(t, lab.Options{Nodes: 2})
	a, b := l.Nodes[0], l.Nodes[1]
	ra, rb := m.router(a, b, 200), m.router(b, a, 100)
	fa, fb := lab.File{Routers: []lab.Router{ra}}, lab.File{Routers: []lab.Router{rb}}
	s, ping := l.Scene(ra.VR()), l.Ping(m.pinged())
	move := func(what string, want *lab.Node, within time.Duration, do func()) {
		t.Helper()
		from := time.Now()
		s.Move(want, within, do)
		t.Logf("%s: the client is without an answer for %v", what, ping.Outage(from).Round(time.Millisecond))
	}

	b.Start(low, fb.Text())
	a.Start(high, fa.Text())
	s.Elect(a, max(fa.Settled(), fb.Settled()))
	s.Stay(m.interval())

	move("polite stop", b, rb.Skew(100), func() { a.Daemon().Stop() })
	move("back", a, ra.Down(), func() { a.Start(high, fa.Text()) })
	move("power cut", b, rb.Down(), a.PowerOff)
	move("power back", a, ra.Down(), func() { a.PowerOn(); a.Start(high, fa.Text()) })
	move("network cut", b, rb.Down(), a.Cut)
	move("network healed", a, ra.Interval, a.Heal)
	lowered := ra
	lowered.Priority = 50
	move("priority lowered", b, rb.Down(), func() { a.Daemon().Reload(lab.File{Routers: []lab.Router{lowered}}.Text()) })
	move("priority raised", a, lowered.Down(), func() { a.Daemon().Reload(fa.Text()) })
	s.Stay(m.interval())
	s.End()
	dissect(l)
}

// dissect holds what our daemons sent against tshark.
func dissect(l *lab.Lab) {
	l.T.Helper()
	var nodes []*lab.Node
	for _, n := range l.Nodes {
		if d := n.Daemon(); d != nil && d.Program.Ours {
			nodes = append(nodes, n)
		}
	}
	if len(nodes) > 0 {
		l.Dissect(nodes...)
	}
}
