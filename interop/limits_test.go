package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// limit is as many addresses as a file may have, and how many of them an advert carries.
type limit struct {
	name     string
	version  int
	six      bool
	count    int
	carried  int // the rest is held all the same (rule A13)
	vrid     uint8
	priority [2]int
	lines    string
}

var limits = []limit{
	{name: "v2", version: 2, count: 256, carried: 255, vrid: 255, priority: [2]int{254, 1}},
	{name: "v2-ah", version: 2, count: 255, carried: 255, vrid: 255, priority: [2]int{254, 253}, lines: ah("secret")},
	{name: "v3", version: 3, count: 255, carried: 255, vrid: 255, priority: [2]int{255, 254}},
	{name: "v3-ipv6", version: 3, six: true, count: 100, carried: 89, vrid: 1, priority: [2]int{2, 1}},
}

func (c *limit) addresses() (list []string) {
	for i := range c.count {
		switch {
		case !c.six:
			list = append(list, fmt.Sprintf("10.1.%d.%d/32", i/200, 1+i%200))
		case i == 0:
			list = append(list, "fe80::100/64")
		default:
			list = append(list, fmt.Sprintf("fd00:1::%x/128", i))
		}
	}
	return list
}

func (c *limit) router(priority int) lab.Router {
	r := lab.Router{Name: "VI_1", Version: c.version, VRID: c.vrid, Priority: priority, Interval: second, VIPs: c.addresses()}
	if c.lines != "" {
		r.Lines = append(r.Lines, c.lines)
	}
	return r
}

// TestLimits: as many addresses as fit, VRID 255 and priorities at their ends; each daemon takes over from the other, and they agree on
// what is carried.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range limits {
		for _, first := range []string{"ours", "peer"} {
			t.Run(c.name+"/"+first+"-preferred", func(t *testing.T) {
				t.Parallel()
				long(t)
				high, low := ours(t), lab.Keepalived(t)
				if first == "peer" {
					high, low = low, high
				}
				c.run(t, high, low)
			})
		}
	}
}

func (c *limit) run(t *testing.T, high, low lab.Program) {
	l := lab.New(t, lab.Options{Nodes: 2})
	a, b := l.Nodes[0], l.Nodes[1]
	ra, rb := c.router(c.priority[0]), c.router(c.priority[1])
	fa, fb := lab.File{Routers: []lab.Router{ra}}, lab.File{Routers: []lab.Router{rb}}
	vr := ra.VR()
	vr.VIPs = vr.VIPs[:1] // the first is that of a Scene; all of them are counted below
	b.Start(low, fb.Text())
	s := l.Scene(vr)
	a.Start(high, fa.Text())
	s.Elect(a, fb.Settled())
	c.holds(l, a, vr)
	s.Stay(2 * second)
	s.Move(b, rb.Down(), a.Cut)
	c.holds(l, b, vr)
	s.Move(a, second, a.Heal)
	c.holds(l, a, vr)
	l.WaitFor("the other one has none", 2*second, func() bool { return len(b.Foreign()) == 0 })
	s.End()
	for _, n := range l.Nodes {
		if log := n.Daemon().Log(); n.Daemon().Program.Ours && strings.Contains(log, "not present in advert") || strings.Contains(log, "ip number count") {
			t.Errorf("%s does not agree with what is carried", n.Daemon().Program.Name)
		}
	}
	dissect(l)
}

// holds waits until a node has all addresses, and looks at what it advertises.
func (c *limit) holds(l *lab.Lab, n *lab.Node, vr lab.VR) {
	l.T.Helper()
	from := time.Now()
	l.WaitFor(fmt.Sprintf("%s has %d addresses", n.Name, c.count), 2*second, func() bool { return len(n.Foreign()) == c.count })
	var last lab.Advert
	l.WaitFor(n.Name+" advertises", 2*second, func() bool {
		for _, ad := range l.Adverts(vr, from, time.Now()) {
			if ad.Node == n {
				last = ad
			}
		}
		return last.Node != nil
	})
	if len(last.VIPs) != c.carried || last.VRID != c.vrid {
		l.T.Errorf("%s advertises %d addresses of VRID %d, not %d", n.Name, len(last.VIPs), last.VRID, c.carried)
	}
}
