package sim

import (
	"slices"
	"time"

	"holdfast.dev/transport/wire"
)

// Faults of what carries adverts: of connections, of what they cross, and of the process that has them.

// carriedWhats are they.
var carriedWhats = []What{ResetConns, ForgetConns, HalfOpen, Stall, SlowDials, CrashCarrier, StopCarrier, OtherVersion, Disguise, Reject}

// harmless faults do not disturb the timers of an election.
var harmless = map[What]bool{
	ReloadSame: true, ReloadBroken: true, ResetConns: true, ForgetConns: true, HalfOpen: true, Stall: true, SlowDials: true, CrashCarrier: true,
	StopCarrier: true, OtherVersion: true, Disguise: true, Reject: true,
}

// spoil notes that packets may not come through, or processes not answer, from now on.
func (m *carriage) spoil() { m.spoilt = m.w.now }

// flows are the connections of a machine; those with one other machine where the fault says so.
func (f *Fault) flows(n *Node) (list []*flow) {
	for _, s := range n.carriage.socks {
		if f.B&1 == 0 || s.other().m.n.id == int(f.B>>1%uint64(maxNodes)) {
			list = append(list, s.flow)
		}
	}
	return list
}

// resetConns is somebody on the way who ends connections: on both sides, or on one.
func resetConns(_ *World, f *Fault, n *Node) func() {
	for _, c := range f.flows(n) {
		for side, s := range c.ends {
			if which := int(f.A % 3); which == 2 || which == side {
				if s.at == open {
					s.fail(wasReset)
				}
			}
		}
	}
	return nil
}

// forgetConns is a firewall that forgets: what exists gets no further packet through.
func forgetConns(_ *World, f *Fault, n *Node) func() {
	for _, c := range f.flows(n) {
		c.forgotten = true
	}
	return nil
}

// halfOpen is a side that forgets, and answers with resets when it is spoken to.
func halfOpen(_ *World, f *Fault, n *Node) func() {
	for _, c := range f.flows(n) {
		if s := c.ends[f.A%2]; s.at == open {
			s.fail(timedOut)
		}
	}
	return nil
}

// stall lets nothing through on the connections that exist, and nothing fail.
func stall(w *World, f *Fault, n *Node) func() {
	list := f.flows(n)
	for _, c := range list {
		c.stalled = true
	}
	return func() {
		for _, c := range list {
			c.stalled = false
		}
	}
}

// slowDials has dials overtake each other.
func slowDials(w *World, f *Fault, _ *Node) func() {
	w.lan.dials = []time.Duration{20 * time.Millisecond, 300 * time.Millisecond, 3 * time.Second}[f.A%3]
	return func() { w.lan.dials = 0 }
}

// crashCarrier ends the carrier's process; the supervisor starts another.
func crashCarrier(w *World, f *Fault, n *Node) func() {
	m := n.carriage
	if m.carrier == nil || m.leaving {
		return nil
	}
	m.crash()
	w.Log.line(w, n.name, "end", "carrier")
	life := m.id
	w.later(time.Duration(f.A%uint64(1500*time.Millisecond)), func() {
		if m.id == life && m.lives && !m.leaving {
			m.launch()
		}
	})
	return nil
}

// stopCarrier is SIGSTOP, of the carrier alone.
func stopCarrier(w *World, f *Fault, n *Node) func() {
	m := n.carriage
	m.stopped = max(m.stopped, w.now.Add(f.For))
	return func() {
		m.stopped = min(m.stopped, w.now)
		m.rouse()
	}
}

// otherVersion is a release that speaks only a later version of the protocol.
func otherVersion(_ *World, _ *Fault, n *Node) func() {
	n.carriage.upgrade(wire.Version + 1)
	return func() { n.carriage.upgrade(wire.Version) }
}

func (m *carriage) upgrade(version uint8) {
	if m.speaks == version {
		return
	}
	if m.speaks = version; m.carrier != nil && !m.leaving {
		m.crash()
		m.launch()
	}
}

// disguise is somebody on the way who begins to translate the machine's source address. What exists is not known to him.
func disguise(_ *World, _ *Fault, n *Node) func() {
	m := n.carriage
	m.disguised = true
	forget := func() {
		for _, s := range slices.Clone(m.socks) {
			s.forgotten = true
		}
	}
	forget()
	return func() {
		m.disguised = false
		forget()
	}
}

// reject is a firewall that resets connections with a machine and refuses dials to it in its name: for this long nobody can know that its daemon
// lives.
func reject(w *World, f *Fault, n *Node) func() {
	m := n.carriage
	m.rejected = max(m.rejected, w.now.Add(f.For))
	resetConns(w, &Fault{A: 2}, n)
	return func() { m.rejected = min(m.rejected, w.now) }
}

// repair undoes what has no end of its own.
func (m *carriage) repair() {
	m.stopped, m.disguised = 0, false
	m.upgrade(wire.Version)
	if m.lives && !m.leaving {
		m.launch()
	}
	m.rouse()
}
