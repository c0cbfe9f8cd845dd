package sim

import (
	"fmt"
	"time"

	"holdfast.dev/transport"
)

// What operators do to configuration files.

func reloadSame(_ *World, _ *Fault, n *Node) func() {
	n.reload(n.text)
	return nil
}

func reloadBroken(_ *World, _ *Fault, n *Node) func() {
	f := n.file.clone()
	f.broken = true
	n.reload(f.String())
	return nil
}

// reloadCut reloads a file of which only the beginning was written: whatever that may mean.
func reloadCut(_ *World, f *Fault, n *Node) func() {
	n.reload(n.base[:f.A%uint64(len(n.base))])
	return n.reloadBase
}

func (n *Node) reloadBase() {
	if n.text != n.base {
		n.reload(n.base)
	}
}

// reloadOther reloads a file in which something is different, and may reload the right one when the fault ends.
func reloadOther(w *World, f *Fault, n *Node) func() {
	d := dice{newSource(f.A, f.B)}
	other := n.file.clone()
	for range 1 + d.IntN(3) {
		other.change(d)
	}
	other.swapNames(dice{newSource(f.B, f.A)})
	other.carryOtherwise(dice{newSource(f.B, ^f.A)})
	for i := range other.routers {
		r := &other.routers[i]
		w.seen.interval = max(w.seen.interval, r.interval)
		w.seen.down = max(w.seen.down, r.down)
	}
	w.seen.delay = max(w.seen.delay, other.delay)
	n.reload(other.String())
	return n.reloadBase
}

// swapNames lets two virtual routers change their names now and then; from dice of its own, as drawMore does.
func (f *file) swapNames(d dice) {
	if n := len(f.routers); n > 1 && d.chance(20) {
		a, b := &f.routers[0], &f.routers[n-1]
		a.name, b.name = b.name, a.name
	}
}

// carryOtherwise has some of what is carried go another way, from dice of its own.
func (f *file) carryOtherwise(d dice) {
	if !f.carries() || !d.chance(30) {
		return
	}
	kind, fast := pick(d, transport.IP, transport.UDP, transport.TCP, transport.TLS), d.chance(50)
	for i := range f.routers {
		if r := &f.routers[i]; r.transport.kind.Carried() && d.chance(70) {
			r.transport = carried{kind, fast && kind.Connected()}
		}
	}
}

// change changes one thing in a file.
func (f *file) change(d dice) {
	r := &f.routers[d.IntN(len(f.routers))]
	switch d.IntN(18) {
	case 0, 1:
		r.priority = pick[uint8](d, 1, 50, 100, 150, 200, 254, 255)
	case 2:
		r.interval = pick(d, time.Second, 2*time.Second, 3*time.Second)
	case 3:
		f.delay = pick(d, 0, time.Second, 6*time.Second, 15*time.Second)
	case 4:
		f.group = !f.group
	case 5:
		r.vrid += uint8(1 + d.IntN(20))
	case 6:
		r.name += "x"
	case 7:
		r.noPreempt, r.preempt = !r.noPreempt, 0
	case 8:
		r.noPreempt, r.preempt = false, 3*time.Second
	case 9:
		r.addresses = r.addresses[:1]
	case 10:
		r.addresses = append(r.addresses[:len(r.addresses):len(r.addresses)], fmt.Sprintf("10.9.9.%d/32", 1+d.IntN(3)))
		if r.ipv6 {
			r.addresses[len(r.addresses)-1] = fmt.Sprintf("2001:db8:9::%d/64", 1+d.IntN(3))
		}
	case 11:
		f.routers = f.routers[:len(f.routers)-1]
		if len(f.routers) == 0 {
			f.group = false
		}
	case 12:
		r.script, r.weight = "s2", pick(d, 0, 20)
	case 13:
		r.script = ""
	case 14:
		r.master = !r.master
	case 15:
		r.down = pick(d, 1, 2, 3, 6)
	case 16:
		r.link = map[string]string{"eth0": "eth1", "eth1": "eth0"}[r.link]
	case 17:
		f.stepDown = !f.stepDown
	}
	if len(f.routers) == 0 {
		f.routers = []instance{{
			name: "other", link: "eth0", vrid: 99, version: 2, priority: 100, interval: time.Second, down: 3, garpDelay: 5 * time.Second,
			garpRepeat: 1, addresses: []string{"10.9.9.9/32"},
		}}
	}
}
