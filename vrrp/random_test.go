package vrrp

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"holdfast.dev/host"
	"holdfast.dev/track"
	"holdfast.dev/vrrp/wire"
)

var (
	worlds    = flag.Int("worlds", 400, "number of random worlds")
	firstSeed = flag.Uint64("seed", 1, "seed of the first random world")
)

// chaos is a LAN to which anything may happen, and what must hold all the same.
type chaos struct {
	*lan
	t       *testing.T
	rng     *rand.Rand
	seed    uint64
	base    []Spec // as all nodes have it but for the priority
	prio    [][]uint8
	groups  []GroupSpec
	delay   time.Duration
	restore bool
	cut     [3][3]bool
	log     []string
}

// Any order of any events: nothing breaks meanwhile, and once they stop there is one master.
func TestRandomWorlds(t *testing.T) {
	n := *worlds
	if testing.Short() || raceEnabled {
		n = min(n, 40)
	}
	steps := 0
	for i := range n {
		c := newChaos(t, *firstSeed+uint64(i))
		for range 150 {
			c.happen()
		}
		c.heal()
		steps += c.steps
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", c.seed, lastLines(c.log))
		}
	}
	t.Logf("%d worlds, %d steps", n, steps)
}

func lastLines(log []string) (s string) {
	for _, l := range log[max(0, len(log)-60):] {
		s += l + "\n"
	}
	return s
}

func newChaos(t *testing.T, seed uint64) *chaos {
	c := &chaos{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), lan: newLAN(0)}
	c.lan.delay = time.Duration(c.rng.IntN(3)) * 100 * time.Microsecond
	c.delay = time.Duration(c.rng.IntN(2)*c.rng.IntN(5)) * time.Second
	c.restore = c.rng.IntN(3) > 0
	c.drop = func(a, b *node) bool { return c.cut[c.index(a)][c.index(b)] }
	c.check, c.inspect = c.action, c.invariants
	version := uint8(2 + c.rng.IntN(2))
	for r := range 1 + c.rng.IntN(3) {
		s := spec(fmt.Sprintf("R%d", r), uint8(r+1), 100)
		s.Version, s.Accept = version, wire.FormPlain|wire.FormPseudo
		s.Interval = time.Duration(1+c.rng.IntN(2)) * time.Second
		s.Addresses = append(s.Addresses, s.Addresses[0])
		for k := range s.Addresses {
			s.Addresses[k].Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(r), byte(k)}), 32)
		}
		s.Trackers = []track.Binding{{Source: "s0"}, {Source: "s1", Weight: 20 * c.rng.IntN(2) * 5}}
		c.base = append(c.base, s)
	}
	if len(c.base) > 1 && c.rng.IntN(2) == 0 {
		c.groups = []GroupSpec{{Name: "G", Members: []string{"R0", "R1"}}}
	}
	for n := range 2 + c.rng.IntN(2) {
		var p []uint8
		for range c.base {
			p = append(p, [...]uint8{100, 100, 150, 200, 255}[c.rng.IntN(5)])
		}
		c.prio = append(c.prio, p)
		d := c.join(n + 1)
		c.note("node%d has %v, group %v", n+1, p, c.groups)
		d.round(&Configure{Config: c.config(n, 0)})
	}
	return c
}

func (c *chaos) index(d *node) int { return int(d.addr.As4()[3]) - 1 }

func (c *chaos) note(format string, args ...any) {
	c.log = append(c.log, fmt.Sprintf("%8.3f %s", c.now.Mono.Sub(epoch.Mono).Seconds(), fmt.Sprintf(format, args...)))
}

// config of a node; twist is how much differs from the right one, 0 for nothing.
func (c *chaos) config(n, twist int) *Config {
	cfg := &Config{StartupDelay: c.delay, Restore: c.restore, Groups: slices.Clone(c.groups)}
	for i, s := range c.base {
		s.Priority = c.prio[n][i]
		s.StateMaster = s.Priority == 255
		s.Addresses = slices.Clone(s.Addresses)
		if twist > 0 {
			c.twist(&s)
		}
		if twist < 2 || c.rng.IntN(3) > 0 {
			cfg.Routers = append(cfg.Routers, s)
		}
	}
	if twist > 0 && c.rng.IntN(2) == 0 {
		cfg.Groups = nil
	}
	if twist > 0 {
		cfg.StartupDelay = time.Duration(c.rng.IntN(6)) * time.Second
		cfg.GarpInterval = time.Duration(c.rng.IntN(2)) * 50 * time.Millisecond
	}
	return cfg
}

func (c *chaos) twist(s *Spec) {
	switch c.rng.IntN(12) {
	case 0:
		s.Priority = uint8(1 + c.rng.IntN(255))
	case 1:
		s.VRID = uint8(1 + c.rng.IntN(5))
	case 2:
		s.Interval = time.Duration(1+c.rng.IntN(5)) * time.Second
	case 3:
		s.NoPreempt = true
	case 4:
		s.PreemptDelay = 3 * time.Second
	case 5:
		s.Addresses = s.Addresses[:1]
	case 6:
		s.Addresses = append(s.Addresses, s.Addresses[0])
	case 7:
		s.Link = "eth9"
	case 8:
		s.ConfigFault = "twisted"
	case 9:
		s.Name += "x"
	case 10:
		s.Trackers = nil
	case 11:
		s.Version = 5 - s.Version
	}
}

// happen lets something happen to some node, or time pass.
func (c *chaos) happen() {
	i := c.rng.IntN(len(c.nodes))
	d := c.nodes[i]
	switch k := c.rng.IntN(24); k {
	case 0, 1, 2, 3, 4, 5, 6:
		c.run(c.now.Mono.Add(time.Duration(c.rng.IntN(1500)) * time.Millisecond))
	case 7, 8, 9:
		twist := c.rng.IntN(3)
		c.note("%s reloads, twist %d", d.name, twist)
		d.round(&Configure{Config: c.config(i, twist)})
	case 10:
		j := c.rng.IntN(3)
		c.cut[i][j] = !c.cut[i][j]
		c.note("cut %v", c.cut)
	case 11:
		d.off = !d.off
		c.note("%s paused %v", d.name, d.off)
	case 12:
		d.slept += time.Duration(c.rng.IntN(20)) * time.Second
		c.note("%s was suspended", d.name)
	case 13:
		c.crash(d, i)
	case 14:
		d.refuse = !d.refuse
		c.note("the kernel of %s refuses %v", d.name, d.refuse)
	case 15:
		d.lazy = !d.lazy
		c.note("the kernel of %s is slow %v", d.name, d.lazy)
	default:
		ev := c.event(d)
		c.note("%s gets %T", d.name, ev)
		if c.rng.IntN(3) == 0 && !d.off {
			d.step(ev) // in the middle of nowhere
		} else {
			d.round(ev)
		}
	}
}

// crash restarts the process, with or without a memory of what it did.
func (c *chaos) crash(d *node, i int) {
	var was []Resume
	for _, r := range d.e.routers {
		was = append(was, Resume{Identity: r.spec.Identity(), State: r.state, LastAdvert: r.lastSent.Boot, Interval: r.spec.Interval, Told: r.toldLast})
	}
	if c.rng.IntN(2) == 0 {
		was = nil
	}
	c.note("%s crashes, remembers %d", d.name, len(was))
	d.pending = nil
	d.boot()
	d.round(&Configure{Config: c.config(i, 0), Resume: was})
}

func (c *chaos) event(d *node) Event {
	owner := host.Owner(c.rng.IntN(12))
	key := host.Key{Link: "eth0", Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(c.rng.IntN(3)), byte(c.rng.IntN(3))}), 32)}
	switch c.rng.IntN(10) {
	case 0:
		l := eth0(d.addr.String() + "/24")
		l.Link.Running = c.rng.IntN(2) == 0
		if c.rng.IntN(4) == 0 {
			l.Link.Addrs = nil
		}
		return l
	case 1:
		return &LinkGone{Name: "eth0"}
	case 2:
		st := track.State{Source: fmt.Sprintf("s%d", c.rng.IntN(3)), Status: track.Status(c.rng.IntN(3)), Reload: c.rng.IntN(2) == 0}
		return &Tracked{st}
	case 3:
		gen, _ := d.e.Desired(owner)
		ap := &Applied{host.Applied{Owner: owner, Gen: gen - uint64(c.rng.IntN(2)), Final: c.rng.IntN(2) == 0}}
		ap.Results = []host.Result{{Key: key}, {Key: key, Err: "no"}}
		return ap
	case 4:
		return &Lost{host.Lost{Owner: owner, Key: key, LinkDown: c.rng.IntN(4) == 0}}
	case 5:
		return &Overflow{Port: PortID{Link: "eth0"}, Packets: 1}
	case 7:
		return &Claimed{[]Claim{{Index: 2, MAC: [6]byte{byte(c.rng.IntN(4)), 0, 0, 0, 0, byte(c.rng.IntN(3))}, Addr: key.Prefix.Addr()}}}
	case 6:
		return &Sent{Owner: owner, Err: [...]string{"", "no"}[c.rng.IntN(2)]}
	}
	return c.forged(d)
}

// forged is a packet that may be anything.
func (c *chaos) forged(d *node) Event {
	rx := &Received{Port: PortID{Link: "eth0"}, Src: netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + c.rng.IntN(250))}), Dst: wire.Group4(), TTL: 255}
	if c.rng.IntN(2) == 0 {
		rx.Payload = make([]byte, c.rng.IntN(40))
		for i := range rx.Payload {
			rx.Payload[i] = byte(c.rng.IntN(256))
		}
		return rx
	}
	s := c.base[c.rng.IntN(len(c.base))]
	s.Interval = time.Duration(1+c.rng.IntN(3)) * time.Second
	p := s.params()
	tm, err := wire.NewTemplate(p)
	if err != nil {
		c.t.Fatal(err)
	}
	rx.Payload, _ = tm.Append(nil, [...]uint8{0, 1, 100, 150, 254, 255}[c.rng.IntN(6)], rx.Src, rx.Dst)
	return rx
}

// heal ends all faults and waits for as long as the timers of the protocol may take.
func (c *chaos) heal() {
	c.note("all faults end")
	c.cut = [3][3]bool{}
	for i, d := range c.nodes {
		d.off, d.refuse, d.lazy = false, false, false
		for _, a := range d.pending {
			d.step(a)
		}
		d.pending = nil
		d.round(eth0(d.addr.String() + "/24"))
		for _, s := range []string{"s0", "s1", "s2"} {
			d.round(&Tracked{track.State{Source: s, Status: track.Up}})
		}
		d.round(&Configure{Config: c.config(i, 0)})
	}
	c.run(c.now.Mono.Add(c.bound()))
	c.unique("after the bound")
	for _, d := range c.nodes {
		for range 3 {
			d.e.Dirty()
		}
		if n := len(d.e.owners); n != len(c.base) {
			c.t.Errorf("%s knows %d owners, %d are configured", d.name, n, len(c.base))
		}
		if !d.e.Settled() {
			c.t.Errorf("%s has not settled", d.name)
		}
	}
	before := c.transitions
	c.run(c.now.Mono.Add(30 * time.Second))
	c.unique("30 s later")
	if c.transitions != before && c.groups == nil {
		c.t.Errorf("%d transitions after it had settled", c.transitions-before)
	}
}

// bound is the longest time that the last faults can go on having effects.
func (c *chaos) bound() time.Duration {
	interval := time.Duration(0)
	for i := range c.base {
		interval = max(interval, c.base[i].Interval)
	}
	learnt := 5 * time.Second // from an advert of a twisted or forged router
	down := 4*max(interval, learnt) + learnt
	refused := retryMax           // what the kernel refused is tried again
	startup := 5 * time.Second    // the longest delay
	election := down + 3*interval // a take-over, put off once; then two owners, or a group that comes back together
	return startup + refused + 3*election
}

// unique holds that each virtual router has one master, and the rightful one where priorities decide.
func (c *chaos) unique(when string) {
	for i := range c.base {
		n, m := c.masters(c.base[i].VRID)
		if n != 1 {
			c.t.Errorf("%s: %d masters of %s", when, n, c.base[i].Name)
			for _, d := range c.nodes {
				for _, r := range d.e.routers {
					c.t.Logf("%s %s %v prio %d down in %v, %+v, standing %v", d.name, r.Name(), r.state, r.priority, r.downAt.Sub(c.now.Mono), r.health, r.keeper.items)
				}
			}
			continue
		}
		if c.groups != nil && i < 2 {
			continue
		}
		best := slices.MaxFunc(c.prio, func(a, b []uint8) int { return int(c.effective(a[i], i)) - int(c.effective(b[i], i)) })
		if got := c.prio[c.index(m)][i]; c.effective(got, i) < c.effective(best[i], i) {
			c.t.Errorf("%s: %s of %s is master with %d, not one with %d", when, m.name, c.base[i].Name, got, best[i])
		}
	}
}

func (c *chaos) effective(p uint8, i int) int {
	if p == wire.PriorityOwner {
		return int(p)
	}
	return min(int(p)+c.base[i].Trackers[1].Weight, 254)
}

// action holds what must be true of everything that is done.
func (c *chaos) action(d *node, a Action) {
	switch a := a.(type) {
	case *Transition:
		c.transitions++
		c.note("%s %s %v -> %v: %v %s", d.name, a.Name, a.From, a.To, a.Cause.Why, a.Cause.Text)
		if a.From == a.To {
			c.t.Errorf("seed %d: %s %s goes from %v to %v", c.seed, d.name, a.Name, a.From, a.To)
		}
	case *Announce:
		for _, it := range a.Items {
			if !d.e.Standing(it.Owner, host.Key{Link: "eth0", Prefix: netip.PrefixFrom(it.Addr, 32)}) {
				c.t.Errorf("seed %d: %s announces %s, which does not stand", c.seed, d.name, it.Addr)
			}
		}
	}
}

// invariants are held after every step of a node.
func (c *chaos) invariants(d *node, actions int) {
	bad := func(format string, args ...any) {
		c.t.Errorf("seed %d at %.3f: %s: %s", c.seed, c.now.Mono.Sub(epoch.Mono).Seconds(), d.name, fmt.Sprintf(format, args...))
	}
	e := d.e
	if limit := 40 * (len(e.routers) + 4); actions > limit {
		bad("%d actions in a step", actions)
	}
	for _, r := range e.owners {
		_, want := e.Desired(r.owner)
		switch {
		case (r.state == Backup) != (r.downAt != 0):
			bad("%s is %v, down at %d", r.Name(), r.state, r.downAt)
		case r.downAt != 0 && (r.timer.pos == 0 || r.timer.at > r.downAt):
			bad("%s has no timer for its deadline", r.Name())
		case (r.state == Master) != (r.advertAt != 0) || r.advertAt != r.advert.at:
			bad("%s is %v, next advert %d, timer %d", r.Name(), r.state, r.advertAt, r.advert.at)
		case r.advertAt > c.now.Mono.Add(r.spec.Interval):
			bad("%s sends its next advert in %v", r.Name(), r.advertAt.Sub(c.now.Mono))
		case r.state != Master && r.leave == nil && len(want.Addresses) > 0:
			bad("%s is %v and wants addresses", r.Name(), r.state)
		}
	}
	for _, g := range e.groups {
		g.agree(bad)
	}
	e.adverts.sane(bad)
	e.timers.sane(bad)
}

func (g *group) agree(bad func(string, ...any)) {
	waits := slices.ContainsFunc(g.members, func(m *Router) bool { return m.health.pending != "" })
	for _, m := range g.members {
		if m.state != g.state && !(waits && (m.state == Init || m.state == Fault)) {
			bad("%s is %v in a group that is %v", m.Name(), m.state, g.state)
		}
	}
}

func (h *heap) sane(bad func(string, ...any)) {
	for i, t := range h.timers {
		if t.pos != i+1 || i > 0 && h.less(i, (i-1)/2) {
			bad("the heap is out of order at %d", i)
		}
	}
}
