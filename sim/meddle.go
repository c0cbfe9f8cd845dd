package sim

import (
	"errors"
	"math/rand/v2"
	"time"

	"holdfast.dev/host"
)

// Faults of kernels, and what other programs and people do to a machine.

func newSource(a, b uint64) *rand.Rand { return rand.New(rand.NewPCG(a, b)) }

// meddle lets something happen to the kernel, and notes which addresses are gone by it: the process can't know yet.
func (n *Node) meddle(do func()) {
	before := n.standing()
	do()
	after := n.standing()
	for k := range before {
		if !after[k] {
			n.lost[k] = true
		}
	}
	n.poke()
}

// standing has every address of the kernel's.
func (n *Node) standing() map[host.Key]bool {
	m := map[host.Key]bool{}
	for _, name := range n.linkNames() {
		for _, a := range n.kernel.Addrs(name) {
			m[a.Key(name)] = true
		}
	}
	return m
}

// poke wakes the writer: there may be events.
func (n *Node) poke() {
	if n.alive {
		n.kick()
	}
}

func (f *Fault) nic() int { return int(f.A % 2) }

// restoreLink makes a link as it should be.
func (n *Node) restoreLink(i int) {
	c := &n.nics[i]
	switch {
	case !c.there:
		n.plug(i)
	case !c.up:
		n.kernel.SetUp(c.name, true)
		n.kernel.SetCarrier(c.name, true)
		c.up = true
	}
	n.kernel.AddAddr(c.name, c.own.String()) // which is refused if it is there
	n.settleDAD(i)
	n.poke()
}

func flap(w *World, f *Fault, n *Node) func() {
	i := f.nic()
	c := &n.nics[i]
	if !c.there || !c.up || n.off {
		return nil
	}
	n.kernel.AddrsFirst = f.B&1 == 0
	n.meddle(func() { n.kernel.SetUp(c.name, false) })
	c.up, c.ready6 = false, false
	return func() { n.rises(i) }
}

// rises brings a link up again, with an IPv6 address that is tentative for a second.
func (n *Node) rises(i int) {
	c := &n.nics[i]
	if !c.there || c.up || n.off {
		return
	}
	n.meddle(func() {
		n.kernel.SetUp(c.name, true)
		n.kernel.SetCarrier(c.name, true)
	})
	c.up = true
	k := n.kernel
	n.w.later(time.Second, func() {
		if n.kernel == k && c.there && c.up {
			n.settleDAD(i)
			n.poke()
		}
	})
}

func carrier(_ *World, f *Fault, n *Node) func() {
	i := f.nic()
	c := &n.nics[i]
	if !c.there || !c.up || n.off {
		return nil
	}
	n.meddle(func() { n.kernel.SetCarrier(c.name, false) })
	c.up = false
	return func() {
		if c.there && !c.up && !n.off {
			n.meddle(func() { n.kernel.SetUp(c.name, true); n.kernel.SetCarrier(c.name, true) })
			c.up = true
		}
	}
}

func unplug(_ *World, f *Fault, n *Node) func() {
	i := f.nic()
	c := &n.nics[i]
	if !c.there || n.off {
		return nil
	}
	n.meddle(func() { n.kernel.DeleteLink(c.name) })
	c.there, c.up, c.ready6 = false, false, false
	return func() {
		if c.there || n.off {
			return
		}
		n.meddle(func() { n.plug(i) })
		k := n.kernel
		n.w.later(time.Second, func() {
			if n.kernel == k && c.there && c.up {
				n.settleDAD(i)
				n.poke()
			}
		})
	}
}

// deleteOne deletes an address that is there, whoever put it there, but not the host's own.
func deleteOne(_ *World, f *Fault, n *Node) func() {
	n.deleteSome(f.A, 1)
	return nil
}

func (n *Node) deleteSome(luck uint64, count int) {
	n.meddle(func() {
		if luck&2 == 0 {
			n.kernel.Flush() // and the firewall, if there is one
		}
		for _, name := range n.linkNames() {
			c := &n.nics[linkOf(name)]
			for _, a := range n.kernel.Addrs(name) {
				if a.Prefix == c.own || a.Prefix.Addr() == c.own6 || count == 0 {
					continue
				}
				if luck%3 > 0 {
					luck /= 3
					continue
				}
				n.kernel.DelAddr(name, a.Prefix.String())
				count--
			}
		}
	})
}

// fight deletes addresses again and again.
func fight(w *World, f *Fault, n *Node) func() {
	over := false
	var again func()
	again = func() {
		if !over {
			n.deleteSome(0, 1+int(f.B%2))
			w.later(time.Duration(1+f.A%10)*100*time.Millisecond, again)
		}
	}
	again()
	return func() { over = true }
}

// loseSource deletes the host's own IPv4 address, and what the kernel deletes with it.
func loseSource(_ *World, f *Fault, n *Node) func() {
	c := &n.nics[f.nic()]
	if !c.there || n.off {
		return nil
	}
	n.meddle(func() { n.kernel.DelAddr(c.name, c.own.String()) })
	return func() {
		if c.there && !n.off {
			n.meddle(func() { n.kernel.AddAddr(c.name, c.own.String()) })
		}
	}
}

func refuse(_ *World, f *Fault, n *Node) func() {
	d := dice{newSource(f.A, f.B)}
	share := pick(d, 30, 100)
	n.kernel.Refuse = func(op host.Op) string {
		if !op.Delete && d.chance(share) {
			return "operation not permitted"
		}
		return ""
	}
	k := n.kernel
	return func() { k.Refuse = nil }
}

func loseAnswers(_ *World, f *Fault, n *Node) func() {
	n.kernel.DropAnswers = int(1 + f.A%5)
	k := n.kernel
	return func() { k.DropAnswers = 0 }
}

func overrun(_ *World, f *Fault, n *Node) func() {
	n.kernel.LoseEvents()
	n.poke()
	return nil
}

func holdEvents(_ *World, f *Fault, n *Node) func() {
	k := n.kernel
	k.Hold, k.PollLimit = true, int(f.A%2)
	return func() {
		k.Hold, k.PollLimit = false, 0
		n.poke()
	}
}

var errBusy = errors.New("device or resource busy")

func unreadable(_ *World, f *Fault, n *Node) func() {
	k := n.kernel
	if f.A&1 == 0 {
		k.SnapshotError = errBusy
	}
	k.LookError = errBusy
	n.kernel.LoseEvents()
	n.poke()
	return func() {
		k.SnapshotError, k.LookError = nil, nil
		n.poke()
	}
}

func slowKernel(_ *World, f *Fault, n *Node) func() {
	n.drag = []time.Duration{50 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second}[f.A%3]
	return func() { n.drag = 0 }
}

func tracker(_ *World, f *Fault, n *Node) func() {
	name := []string{"s0", "s1"}[f.A%2]
	set := func(down bool) {
		n.down[name] = down
		if n.alive && n.config != nil && n.knows(name) {
			n.result(name)
		}
	}
	set(true)
	return func() { set(false) }
}
