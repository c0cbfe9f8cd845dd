package vrrp

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
)

// carriage is a LAN of routers whose adverts are carried. Connections stall, are reset and come back, carriers and whole daemons die, reports come in
// any order, and late.
type carriage struct {
	*lan
	t     *testing.T
	rng   *rand.Rand
	prio  [3]uint8
	up    [3][3]bool       // a and b are connected
	stall [3][3]bool       // nothing gets through, and nobody knows
	died  [3]clock.Instant // 0 while it lives
	last  [3]clock.Instant // 0 for never
	left  [3]bool          // it was told to stop
	lives [3]int
	todo  []task
	log   []string
	slow  time.Duration // the longest way of a report
}

type task struct {
	at clock.Instant
	do func()
}

func newCarriage(t *testing.T, seed uint64) *carriage {
	c := &carriage{t: t, rng: rand.New(rand.NewPCG(seed, 8)), lan: newLAN(0)}
	c.lan.delay = time.Duration(c.rng.IntN(20)) * time.Millisecond
	c.slow = time.Duration(c.rng.IntN(1500)) * time.Millisecond
	c.drop = func(a, b *node) bool { i, k := c.index(a), c.index(b); return !c.up[i][k] || c.stall[i][k] }
	c.check = c.action
	for i := range 3 {
		c.prio[i] = uint8(100 + 50*c.rng.IntN(3)) // ties happen
		c.join(i + 1)
		c.configure(i)
	}
	for i := range 3 {
		for k := range i {
			c.connect(i, k)
		}
	}
	return c
}

func (c *carriage) index(d *node) int { return slices.Index(c.nodes, d) }

func (c *carriage) configure(i int) {
	s := spec("R", 1, c.prio[i])
	s.Transport, s.FastFail, s.Group, s.Source = transport.TCP, true, netip.Addr{}, c.nodes[i].addr
	s.Version, s.Accept = 3, anyForm
	for k, d := range c.nodes {
		if k != i {
			s.Peers = append(s.Peers, Peer{Addr: d.addr, MaxTTL: 255})
		}
	}
	for k := len(c.nodes) + 1; k <= 3; k++ { // who is still to join
		s.Peers = append(s.Peers, Peer{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(k)}), MaxTTL: 255})
	}
	c.nodes[i].round(&Configure{Config: &Config{Routers: []Spec{s}, Restore: true}})
}

func (c *carriage) say(format string, args ...any) {
	c.log = append(c.log, fmt.Sprintf("%8.3f  ", c.now.Mono.Sub(epoch.Mono).Seconds())+fmt.Sprintf(format, args...))
}

func (c *carriage) after(d time.Duration, do func()) {
	c.todo = append(c.todo, task{c.now.Mono.Add(d), do})
}

// pass lets time pass, with all that is to come in it.
func (c *carriage) pass(d time.Duration) {
	for end := c.now.Mono.Add(d); ; {
		next := -1
		for i := range c.todo {
			if c.todo[i].at <= end && (next < 0 || c.todo[i].at < c.todo[next].at) {
				next = i
			}
		}
		until := end
		if next >= 0 {
			until = c.todo[next].at
		}
		if at := c.next(); at != 0 && at < until { // what happens then may give more to do
			c.run(at)
			continue
		}
		if next < 0 {
			c.run(end)
			return
		}
		j := c.todo[next]
		c.todo = slices.Delete(c.todo, next, next+1)
		c.run(max(j.at, c.now.Mono))
		j.do()
	}
}

// action delivers reports, and holds take-overs for a death against the truth.
func (c *carriage) action(d *node, a Action) {
	i := c.index(d)
	switch a := a.(type) {
	case *Note:
		n := *a
		if n.Hand != NoHand {
			c.hand(d, &n)
			return
		}
		for k, to := range c.nodes {
			if to.addr == n.Dst && !c.drop(d, to) {
				ev := &PeerReport{Port: n.Port, Src: n.Src, Dst: n.Dst, VRID: n.VRID, State: n.State, Priority: n.Priority, Hears: n.Hears}
				c.after(time.Duration(c.rng.Int64N(int64(c.slow)+1)), func() {
					if c.up[i][k] {
						to.round(ev)
					}
				})
			}
		}
	case *Transition:
		c.say("%s %s -> %s: %s", d.name, a.From, a.To, a.Cause.Why)
		if a.Cause.Why == WhyHanded && !slices.ContainsFunc(c.nodes, func(of *node) bool { return of.addr == a.Cause.From && c.left[c.index(of)] }) {
			c.t.Errorf("%s takes over because %v has handed over, which it did not", d.name, a.Cause.From)
		}
		if a.Cause.Why != WhyDied {
			return
		}
		for k, of := range c.nodes {
			if of.addr == a.Cause.From && (c.last[k] == 0 || c.now.Mono.Sub(c.last[k]) > time.Second) { // it may have waited for its Skew_Time
				c.t.Errorf("%s takes over because the daemon of %s died, which it did not", d.name, of.name)
			}
		}
	}
}

// hand delivers a word in a hand-over.
func (c *carriage) hand(from *node, n *Note) {
	for k, to := range c.nodes {
		if to.addr == n.Dst && !c.drop(from, to) {
			ev := &PeerHand{Port: n.Port, Src: n.Src, Dst: n.Dst, VRID: n.VRID, Hand: n.Hand}
			i, life := c.index(from), c.lives[k]
			c.after(c.lan.delay, func() {
				if c.up[i][k] && c.lives[k] == life {
					to.round(ev)
				}
			})
		}
	}
}

func (c *carriage) link(i, k int, up bool) {
	if c.up[i][k] == up || c.nodes[i].off || c.nodes[k].off {
		return
	}
	c.up[i][k], c.up[k][i] = up, up
	c.stall[i][k], c.stall[k][i] = false, false
	a, b := c.nodes[i], c.nodes[k]
	port := carriedPort(transport.TCP, false)
	a.round(&PeerLink{Port: port, Src: b.addr, Dst: a.addr, Up: up})
	b.round(&PeerLink{Port: port, Src: a.addr, Dst: b.addr, Up: up})
}

func (c *carriage) connect(i, k int) { c.link(i, k, true) }

// kill ends a daemon: those that are connected find its port refused, each after a moment.
func (c *carriage) kill(i int) {
	d := c.nodes[i]
	if d.off {
		return
	}
	c.say("%s is killed", d.name)
	d.off, c.died[i], c.last[i] = true, c.now.Mono, c.now.Mono
	for k, o := range c.nodes {
		if k == i || !c.up[i][k] {
			continue
		}
		c.up[i][k], c.up[k][i] = false, false
		born := c.died[i]
		c.after(c.lan.delay+time.Duration(1+c.rng.IntN(8))*time.Millisecond, func() { // the end of a connection comes after what was sent over it
			if c.died[i] == born && !o.off { // else the dial was accepted by the next one
				o.round(&PeerDied{Port: carriedPort(transport.TCP, false), Src: d.addr, Dst: o.addr})
			}
		})
	}
}

// stop ends a daemon politely.
func (c *carriage) stop(i int) {
	d, life := c.nodes[i], c.lives[i]
	if d.off || c.left[i] {
		return
	}
	c.say("%s stops", d.name)
	c.left[i] = true
	d.round(&Stop{Within: 2 * time.Second})
	c.after(1200*time.Millisecond, func() {
		if d.off || c.lives[i] != life {
			return
		}
		if !d.e.Settled() {
			c.t.Errorf("%s has not left in time", d.name)
		}
		for k := range c.nodes {
			if k != i {
				c.link(i, k, false)
			}
		}
		d.off, c.last[i] = true, c.now.Mono
	})
}

func (c *carriage) boot(i int) {
	if !c.nodes[i].off {
		return
	}
	c.say("%s is started", c.nodes[i].name)
	c.nodes[i].boot()
	c.died[i], c.left[i] = 0, false
	c.lives[i]++
	c.configure(i)
	for k := range c.nodes {
		if k != i {
			c.after(time.Duration(c.rng.IntN(300))*time.Millisecond, func() { c.connect(i, k) })
		}
	}
}

// happen is one thing that goes wrong.
func (c *carriage) happen() {
	i := c.rng.IntN(3)
	k := (i + 1 + c.rng.IntN(2)) % 3
	back := time.Duration(c.rng.IntN(4000)) * time.Millisecond
	switch c.rng.IntN(8) {
	case 0:
		c.kill(i)
		c.after(back, func() { c.boot(i) })
	case 1:
		c.link(i, k, false)
		c.after(back/10, func() { c.connect(i, k) })
	case 2:
		c.stall[i][k] = true // half-open: one way only
		c.after(back, func() { c.stall[i][k] = false })
	case 3:
		c.stall[i][k], c.stall[k][i] = true, true
		c.after(back, func() { c.link(i, k, false); c.connect(i, k) })
	case 4:
		c.stop(i)
		c.after(1300*time.Millisecond+back, func() { c.boot(i) })
	case 5: // the carrier
		for n := range 3 {
			c.link(i, n, false)
			c.after(back/20, func() { c.connect(i, n) })
		}
	default:
		c.pass(time.Duration(c.rng.IntN(3000)) * time.Millisecond)
	}
}

// heal ends all trouble and waits.
func (c *carriage) heal() {
	c.pass(5 * time.Second)
	c.stall = [3][3]bool{}
	for i := range 3 {
		c.boot(i)
		for k := range i {
			c.connect(i, k)
		}
	}
	c.pass(20 * time.Second)
}

// best is who is to be master: of those that live the highest priority, then address.
func (c *carriage) best() (at *node) {
	for i, d := range c.nodes {
		if !d.off && !c.left[i] && (at == nil || c.prio[i] >= c.prio[c.index(at)]) {
			at = d
		}
	}
	return at
}

// ends has the daemon of the master die, or stop. Who stops has its addresses until the next one has them, and no longer.
func (c *carriage) ends(last *node, politely bool) {
	i := c.index(last)
	if politely {
		c.stop(i)
	} else {
		c.kill(i)
	}
	before := len(c.log)
	if politely && c.lan.delay > 0 {
		c.pass(2*c.lan.delay - time.Nanosecond)
		if n, _ := c.masters(1); n != 1 || last.e.Settled() {
			c.t.Errorf("before it can know that there is another master, the one that stops has given up its addresses, or there are %d", n)
		}
	}
	c.pass(c.lan.delay + 20*time.Millisecond)
	if n, next := c.masters(1); n != 1 || next != c.best() || len(c.log) != before+1 {
		c.t.Errorf("after the end of the master there are %d, want one, %s, at once", n, c.best().name)
	}
	if politely && !last.e.Settled() {
		c.t.Errorf("there is another master, and the one that stops has not given up its addresses")
	}
}

// TestCarriedWorlds: whatever becomes of connections, once they are well there is one master, the best; and when its daemon dies then, or stops, the
// next best is master before any Skew_Time, and nobody else for a moment.
func TestCarriedWorlds(t *testing.T) {
	for seed := range uint64(300) {
		c := newCarriage(t, seed)
		for range 40 {
			c.happen()
		}
		c.heal()
		n, last := c.masters(1)
		switch best := c.best(); {
		case n != 1:
			t.Errorf("%d masters", n)
		case c.prio[c.index(last)] != c.prio[c.index(best)]: // of equals who is there first stays
			t.Errorf("%s is master, not %s", last.name, best.name)
		default:
			c.ends(last, seed%2 == 1)
		}
		if t.Failed() {
			t.Fatalf("seed %d, priorities %v:\n%s", seed, c.prio, lastLines(c.log))
		}
	}
}
