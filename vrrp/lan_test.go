package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/vrrp/wire"
)

// lan is some engines on one wire, each with a kernel that does what it is told at once. What one sends is heard by all others
// after delay.
type lan struct {
	now   clock.Now
	delay time.Duration
	nodes []*node
	drop  func(from, to *node) bool // a cut; nil for none
	watch func()                    // after every round
	check func(*node, Action)       // every action
	wire  []packet
	steps int

	inspect     func(d *node, actions int) // after every step
	transitions int
}

type node struct {
	lan  *lan
	name string
	addr netip.Addr
	link string
	e    *Engine
	due  AdvertsDue
	wake Wakeup
	rx   Received
	ap   Applied
	off  bool // stopped, crashed or paused
	deaf bool // every packet is thrown away: the defect of incident 1

	slept   time.Duration // how long its machine was suspended
	refuse  bool          // the kernel refuses every address
	lazy    bool          // the kernel answers a round later
	pending []*Applied
}

type packet struct {
	at   clock.Instant
	from *node
	to   *node
	send Send
	data []byte
}

func newLAN(delay time.Duration) *lan { return &lan{now: epoch, delay: delay} }

// join adds a node whose only link has the address 192.0.2.n/24.
func (l *lan) join(n int) *node {
	d := &node{lan: l, name: fmt.Sprintf("node%d", n), addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), link: "eth0"}
	d.boot()
	l.nodes = append(l.nodes, d)
	return d
}

// boot starts the process of the node.
func (d *node) boot() {
	d.e, d.off = New(d.lan.now), false
	d.step(eth0(d.addr.String() + "/24"))
}

// step applies an event, sends what is to be sent, and lets the kernel answer.
func (d *node) step(ev Event) {
	l := d.lan
	l.steps++
	now := l.now
	now.Boot, now.Wall = now.Boot.Add(d.slept), now.Wall+int64(d.slept)
	actions := d.e.Step(now, ev)
	if l.inspect != nil {
		l.inspect(d, len(actions))
	}
	for _, a := range actions {
		if l.check != nil {
			l.check(d, a)
		}
		if s, ok := a.(*Send); ok {
			l.send(d, s)
		}
	}
	for {
		dirty := d.e.Dirty()
		if len(dirty) == 0 {
			return
		}
		for _, o := range slices.Clone(dirty) {
			if gen, want := d.e.Desired(o); gen != 0 {
				d.answer(o, gen, want)
			}
		}
	}
}

func (d *node) answer(o host.Owner, gen uint64, want host.State) {
	d.ap.Applied = host.Applied{Owner: o, Gen: gen, Final: true, Results: d.ap.Results[:0]}
	for i := range want.Addresses {
		res := host.Result{Key: want.Addresses[i].Key}
		if d.refuse {
			res.Err = "refused"
		}
		d.ap.Results = append(d.ap.Results, res)
	}
	if d.lazy {
		late := d.ap
		late.Results = slices.Clone(late.Results)
		d.pending = append(d.pending, &late)
		return
	}
	d.step(&d.ap)
}

func (l *lan) send(from *node, s *Send) {
	for _, to := range l.nodes {
		if to == from || l.drop != nil && l.drop(from, to) {
			continue
		}
		if !s.Dst.IsMulticast() && s.Dst != to.addr {
			continue
		}
		p := packet{at: l.now.Mono.Add(l.delay), from: from, to: to, send: *s, data: slices.Clone(s.Payload)}
		l.wire = append(l.wire, p)
	}
}

// round is what the driver of a node does in one turn of its loop: adverts, packets, other events, decisions.
func (d *node) round(events ...Event) {
	if d.off {
		return
	}
	d.step(&d.due)
	d.receive()
	late := d.pending
	d.pending = nil
	for _, a := range late {
		d.step(a)
	}
	for _, ev := range events {
		d.step(ev)
	}
	d.step(&d.wake)
}

func (d *node) receive() {
	l := d.lan
	for i := 0; i < len(l.wire); i++ {
		p := l.wire[i]
		if p.to != d || p.at > l.now.Mono {
			continue
		}
		l.wire = slices.Delete(l.wire, i, i+1)
		i--
		if d.deaf {
			continue
		}
		d.rx = Received{Port: p.send.Port, Src: p.send.Src, Dst: p.send.Dst, TTL: wire.HopLimit, Payload: p.data}
		d.step(&d.rx)
	}
}

// next is when something happens on the LAN by itself.
func (l *lan) next() (at clock.Instant) {
	for _, d := range l.nodes {
		if due, ok := d.e.Deadline(); ok && !d.off {
			at = clock.Min(at, max(due, l.now.Mono))
		}
	}
	for i := range l.wire {
		if !l.wire[i].to.off {
			at = clock.Min(at, max(l.wire[i].at, l.now.Mono))
		}
	}
	return at
}

// run lets time pass until end.
func (l *lan) run(end clock.Instant) {
	limit := l.steps + 5000*len(l.nodes)*(2+int(end.Sub(l.now.Mono)/time.Second))
	for {
		if l.steps > limit {
			panic("nodes are busy without end")
		}
		at := l.next()
		if at == 0 || at > end {
			l.now = l.now.Add(max(0, end.Sub(l.now.Mono)))
			return
		}
		l.now = l.now.Add(at.Sub(l.now.Mono))
		for _, d := range l.nodes {
			if d.busy() {
				d.round()
			}
		}
		if l.watch != nil {
			l.watch()
		}
	}
}

// busy reports whether the node has something to do now.
func (d *node) busy() bool {
	if d.off {
		return false
	}
	if at, ok := d.e.Deadline(); ok && at <= d.lan.now.Mono {
		return true
	}
	return slices.ContainsFunc(d.lan.wire, func(p packet) bool { return p.to == d && p.at <= d.lan.now.Mono })
}

// masters counts the nodes that are MASTER of the VRID.
func (l *lan) masters(vrid uint8) (n int, last *node) {
	for _, d := range l.nodes {
		for _, r := range d.e.routers {
			if r.spec.VRID == vrid && r.state == Master && !d.off {
				n, last = n+1, d
			}
		}
	}
	return n, last
}
