package sim

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Shape is what does not change in a world: machines, wires, virtual routers and their configuration files.
type Shape struct {
	Seed     uint64
	Kind     Kind
	Nodes    []NodeShape
	Delay    time.Duration // least delay of a packet on the LAN
	Jitter   time.Duration // at most that much more, without faults
	Lateness time.Duration // of a process that is woken, at most, without faults
	Writing  time.Duration // what one round of the kernel writer takes, at most, without faults
}

// NodeShape is one machine.
type NodeShape struct {
	Name string
	Peer bool // a router of another make, which knows nothing but the RFC
	Rate int  // by how many parts in a million its clocks are fast
	File file // its configuration

	Hidden bool // behind a translation of addresses: it can dial others, and nobody can dial it
}

// Kind is the family of worlds that a seed belongs to.
type Kind uint8

// The kinds. Default is what speed is measured in: three nodes, two instances in a sync group, adverts every second.
const (
	Anything Kind = iota
	Default
	Pair  // two nodes, one router: where timers are checked most sharply
	Mixed // nodes that cannot understand each other: another version, another password
	Drift // anything, with clocks that run at different rates
	Rich  // anything, with virtual MACs, routes and rules, and an Authentication Header where there can be one

	Carried // unicast, by UDP, TCP or TLS

	// Kinds is how many there are.
	Kinds
)

var kindNames = [...]string{"anything", "default", "pair", "mixed", "drift", "rich", "carried"}

// rates are those of quartz clocks, good and bad ones, and of what a time daemon makes of them at most (adjtimex: 500 parts in a million).
var rates = [...]int{0, 20, -20, 100, -100, 500, -500}

// worstRate is by how much a clock may be wrong, in parts in a million.
const worstRate = 500

func (k Kind) String() string { return kindNames[k] }

// KindOf finds a kind by its name.
func KindOf(name string) (Kind, error) {
	for i, n := range kindNames {
		if n == name {
			return Kind(i), nil
		}
	}
	return 0, fmt.Errorf("no such kind of world: %q", name)
}

// dice draws from few values, so that ties happen.
type dice struct{ *rand.Rand }

func pick[T any](d dice, list ...T) T { return list[d.IntN(len(list))] }

func (d dice) chance(percent int) bool { return d.IntN(100) < percent }

// upTo is between nothing and limit.
func (d dice) upTo(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return time.Duration(d.Int64N(int64(limit) + 1))
}

// drawShape draws the world of a seed.
func drawShape(seed uint64, kind Kind, d dice) Shape {
	if kind == Drift {
		s := drawShape(seed, Anything, d)
		s.Kind = Drift
		more := dice{newSource(seed, 0x6472696674)}
		for i := range s.Nodes {
			s.Nodes[i].Rate = pick(more, rates[:]...)
		}
		return s
	}
	if kind == Rich {
		s := drawShape(seed, Anything, d)
		s.enrich(dice{newSource(seed, 0x72696368)})
		return s
	}
	s := Shape{Seed: seed, Kind: kind}
	s.Delay = pick(d, 0, 50*time.Microsecond, 300*time.Microsecond)
	s.Jitter = pick(d, 0, 100*time.Microsecond)
	s.Lateness = pick(d, 0, 50*time.Microsecond, 500*time.Microsecond)
	s.Writing = pick(d, 200*time.Microsecond, 2*time.Millisecond, 20*time.Millisecond)
	n, routers := 2+d.IntN(4), 1+d.IntN(3)
	switch kind {
	case Default:
		n, routers = 3, 2
	case Pair:
		n, routers = 2, 1
	}
	var base file
	if kind == Carried {
		base = drawCarriedFile(d, routers)
	} else {
		base = drawFile(d, kind, routers)
	}
	if kind == Anything || kind == Mixed {
		base.drawMore(dice{newSource(seed, 0x6d6f7265)})
		base.drawSigning(dice{newSource(seed, 0x686d6163)})
		base.drawClosed(dice{newSource(seed, 0x77616c6c)})
		base.drawCarried(dice{newSource(seed, 0x63617279)})
	}
	for i := range n {
		ns := NodeShape{Name: fmt.Sprintf("n%d", i+1), File: base.clone()}
		drawNode(d, kind, &ns.File, i, n)
		ns.Peer = kind == Anything && i > 0 && i == n-1 && n > 2 && !base.group && !base.needsHoldfast() && d.chance(40)
		s.Nodes = append(s.Nodes, ns)
	}
	if kind == Carried {
		s.hide(dice{newSource(seed, 0x68696465)})
	}
	if kind == Mixed {
		last := &s.Nodes[n-1].File
		for i := range last.routers {
			disagree(d, &last.routers[i])
		}
	}
	return s
}

// disagree makes a router one that the others do not understand, for ever.
func disagree(d dice, r *instance) {
	switch {
	case r.signing.with != "":
		r.signing.with = "other"
	case r.ipv6:
		r.vrid += 100
	case d.chance(50) && r.password == "" && r.interval%time.Second == 0:
		r.version = 5 - r.version
	case r.version == 2:
		r.password = "other"
	default:
		r.vrid += 100
	}
}

// drawFile draws what all nodes have in common.
func drawFile(d dice, kind Kind, routers int) file {
	f := file{stepDown: d.chance(30), group: routers > 1 && d.chance(40)}
	if d.chance(40) {
		f.delay = pick(d, time.Second, 4*time.Second, 10*time.Second)
	}
	if d.chance(15) {
		f.garpGap = 20 * time.Millisecond
	}
	version, ipv6, interval := pick[uint8](d, 2, 3), false, pick(d, time.Second, time.Second, 2*time.Second)
	if version == 3 {
		ipv6 = d.chance(35)
		interval = pick(d, time.Second, time.Second, 100*time.Millisecond, 2*time.Second)
	}
	down := pick(d, 3, 3, 3, 3, 2, 5)
	unicast := d.chance(25)
	password := ""
	if version == 2 && d.chance(30) {
		password = "secret"
	}
	if kind == Default {
		f = file{group: true}
		version, ipv6, interval, down, unicast, password = 3, false, time.Second, 3, false, ""
	}
	for i := range routers {
		r := instance{
			name: fmt.Sprintf("R%d", i), link: "eth0", vrid: uint8(51 + i), version: version, ipv6: ipv6, interval: interval, down: down,
			password: password, garpDelay: 5 * time.Second, garpRepeat: 2, higher: d.chance(15), noAnswer: d.chance(15),
		}
		if i == 1 && (kind == Default || d.chance(50)) {
			r.link = "eth1" // a group over two wires
		}
		if unicast {
			r.peers = []string{"all"} // drawNode says who they are
		}
		r.drawAddresses(d, i)
		r.drawTrackers(d, kind)
		f.routers = append(f.routers, r)
	}
	return f
}

// drawMore draws from dice of its own, so that the worlds of old seeds stay what they were but for it.
func (f *file) drawMore(d dice) {
	f.static = d.chance(25)
	if !d.chance(15) {
		return
	}
	for i := range f.routers {
		f.routers[i].untracked = true
	}
}

// drawClosed lets routers not accept packets for their addresses; from dice of its own, as drawMore does.
func (f *file) drawClosed(d dice) {
	if !d.chance(20) {
		return
	}
	for i := range f.routers {
		f.routers[i].closed = d.chance(70)
	}
}

func (r *instance) drawAddresses(d dice, i int) {
	n := 1 + d.IntN(3)
	for k := range n {
		a := fmt.Sprintf("10.0.%d.%d/32", i, k+1)
		if k == 1 && d.chance(50) {
			a = fmt.Sprintf("%s.%d/24", subnet(r.link), 100+10*i+k) // beside the host's own address
		}
		if r.ipv6 {
			a = fmt.Sprintf("2001:db8:%d::%d/64", i, k+1)
			if k == 0 {
				a = fmt.Sprintf("fe80::a:%d/64", i+1)
			}
		}
		if k == 2 && d.chance(50) {
			r.excluded = append(r.excluded, a)
		} else {
			r.addresses = append(r.addresses, a)
		}
	}
}

func (r *instance) drawTrackers(d dice, kind Kind) {
	if d.chance(40) {
		r.script, r.weight = pick(d, "s0", "s1"), pick(d, 0, 20, -30)
	}
	if kind != Default && d.chance(20) {
		r.tracked = "eth1"
		if r.link == "eth1" {
			r.tracked = "eth0"
		}
	}
	if d.chance(20) {
		r.refresh = 10 * time.Second
	}
}

// drawNode draws what is this node's own.
func drawNode(d dice, kind Kind, f *file, node, nodes int) {
	priority := pick[uint8](d, 100, 100, 150, 200, 255)
	if kind == Default {
		priority = [...]uint8{200, 150, 100}[node]
	}
	same := d.chance(60) // priorities of all its routers
	noPreempt, preempt := d.chance(20), pick(d, 0, 0, 0, 3*time.Second)
	for i := range f.routers {
		r := &f.routers[i]
		if r.priority = priority; !same && kind != Default {
			r.priority = pick[uint8](d, 100, 100, 150, 200, 255)
		}
		r.master = r.priority == 255 && d.chance(70)
		if kind != Default && r.priority != 255 && !r.master {
			if r.noPreempt = noPreempt; !noPreempt {
				r.preempt = preempt
			}
			r.timerBack = noPreempt && d.chance(30)
		}
		if len(r.peers) > 0 {
			r.peers = nil
			for p := range nodes {
				if p != node {
					r.peers = append(r.peers, hostAddr(r.link, r.ipv6, p).String())
				}
			}
			r.source = hostAddr(r.link, r.ipv6, node).String()
		}
	}
}

// needsHoldfast reports whether a router that knows the RFC only could not take part.
func (f *file) needsHoldfast() bool {
	for i := range f.routers {
		if len(f.routers[i].peers) > 0 || f.routers[i].ipv6 || f.routers[i].signing.with != "" {
			return true
		}
	}
	return false
}

func (f *file) clone() file {
	c := *f
	c.routers = append([]instance(nil), f.routers...)
	return c
}
