package sim

import (
	"net/netip"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/pairing"
	"holdfast.dev/vrrp"
)

// carriage is what a machine has for adverts that are carried: its kernel's connections, the daemon's supervisor, who keeps the port open, the
// carrier's process, and what is between that and the election thread.
type carriage struct {
	w         *World
	n         *Node
	socks     []*sock
	waiting   []*sock       // the kernel has accepted them; no process has
	opened    clock.Instant // its ports, which were others before
	rejected  clock.Instant // a firewall refuses dials to it until then
	disguised bool          // its source is translated on the way

	lives   bool // the daemon's supervisor
	id      transport.NodeID
	life    uint64            // counts daemons
	config  *transport.Config // in force; nil for none
	carrier *bearer           // the process; nil while there is none
	stopped clock.Instant     // the carrier alone stands still until then
	speaks  uint8             // the version of the protocol
	due     clock.Instant     // when the process runs next; 0 for never
	leaving bool

	said  []saying    // by the election thread, and not fetched
	heard []local.Msg // by the carrier
	mute  bool        // the carrier has died, which the election thread does not know yet
	lost  uint64
	shown map[transport.PeerKey]bool
	rx    vrrp.Received
	grams []gram

	spoilt clock.Instant // the last time that it may not have answered
	still  bool          // its process stands still, and has something to do
	cameTo clock.Instant // when that ended last
	woke   clock.Instant // from its last sleep
}

// saying is a message of the election thread.
type saying struct {
	local.Msg
	at clock.Instant // of the world
}

// gram is a datagram that waits for the process.
type gram struct {
	from netip.Addr
	to   netip.Addr
	data []byte
}

const (
	directRoom = 4000 // messages between the election thread and the carrier
	gramRoom   = 200
)

// carries reports whether anything in the world is carried.
func (p *Plan) carries() bool {
	return slices.ContainsFunc(p.Shape.Nodes, func(n NodeShape) bool { return n.File.carries() })
}

// after has f called after d, or when the machine wakes.
func (m *carriage) after(d time.Duration, f func()) {
	m.w.later(d, func() {
		if m.n.asleep > m.w.now {
			m.after(m.n.asleep.Sub(m.w.now), f)
			return
		}
		f()
	})
}

// drop takes a sock off the kernel's list.
func (m *carriage) drop(s *sock) {
	if i := slices.Index(m.socks, s); i >= 0 {
		m.socks = slices.Delete(m.socks, i, i+1)
	}
	if i := slices.Index(m.waiting, s); i >= 0 {
		m.waiting = slices.Delete(m.waiting, i, i+1)
	}
}

// accept lets a connection wait for the process.
func (m *carriage) accept(s *sock) {
	m.waiting = append(m.waiting, s)
	m.rouse()
}

// listens reports whether the daemon has a port open there: its supervisor keeps it, whatever becomes of the carrier.
func (m *carriage) listens(link, kind uint8) bool {
	if !m.lives || m.config == nil {
		return false
	}
	return slices.ContainsFunc(m.config.Peers, func(p transport.Peer) bool {
		_, l := addressed(p.Local)
		return l == link && uint8(p.Kind) == kind
	})
}

// addressed finds the machine and the wire of an own address of ours.
func addressed(a netip.Addr) (node int, link uint8) {
	if !a.Is4() {
		return -1, 0
	}
	b := a.As4()
	if b[0] == 198 {
		link = 1
	}
	return int(b[3]) - 1, link
}

// machineAt finds the machine with the address; nil if none of ours has it.
func (w *World) machineAt(a netip.Addr) (*carriage, uint8) {
	i, link := addressed(a)
	if i < 0 || i >= len(w.nodes) {
		return nil, link
	}
	if n, ok := w.nodes[i].(*Node); ok && n != nil {
		return n.carriage, link
	}
	return nil, link
}

// hears reports whether packets reach the machine by the link.
func (m *carriage) hears(link uint8) bool { return !m.n.off && !m.n.deaf && m.n.nics[link].up }

// begin starts the supervisor with the daemon, or goes on with the one that is there.
func (m *carriage) begin() {
	if m.leaving {
		m.end()
	}
	m.heard, m.lost, m.mute, m.shown = nil, 0, false, map[transport.PeerKey]bool{}
	if m.lives {
		return
	}
	m.lives = true
	m.life++
	luck := newSource(m.w.Plan.Shape.Seed, m.life<<8|uint64(m.n.id))
	for i := range m.id {
		m.id[i] = byte(luck.Uint64())
	}
}

// commit gives the carrier a configuration.
func (m *carriage) commit(c *transport.Config) {
	if before := m.config; before != c {
		m.opened = m.w.now
	}
	m.config = c
	if m.carrier == nil {
		m.launch()
		return
	}
	if c == nil {
		c = &transport.Config{} // the role is not needed any more
	}
	m.carrier.configure(c)
	m.carrier.meet()
	m.rouse()
}

// launch starts a process of the carrier.
func (m *carriage) launch() {
	if !m.lives || m.config == nil || m.carrier != nil {
		return
	}
	m.said = nil
	m.carrier = &bearer{m: m, w: m.w}
	m.w.Log.line(m.w, m.n.name, "start", "carrier")
	m.carrier.configure(m.config)
	m.carrier.meet()
	m.rouse()
}

// crash ends the carrier's process alone. Its kernel ends the connections.
func (m *carriage) crash() {
	if m.carrier == nil {
		return
	}
	m.carrier, m.due = nil, 0
	if m.mute = m.n.alive; m.mute {
		m.n.rouse()
	}
	m.said, m.grams = nil, nil
	for _, s := range slices.Clone(m.socks) {
		if !s.gone && s.at != answering && !slices.Contains(m.waiting, s) {
			s.close()
		}
	}
}

// end ends the whole daemon at once: nobody listens any more.
func (m *carriage) end() {
	if !m.lives {
		return
	}
	m.crash()
	for _, s := range slices.Clone(m.socks) { // nobody has taken them yet
		if s.at == answering {
			s.forget()
		}
	}
	for _, s := range slices.Clone(m.waiting) {
		s.abort()
	}
	m.lives, m.config, m.leaving = false, nil, false
}

// powerOff ends everything without a word.
func (m *carriage) powerOff() {
	for _, s := range slices.Clone(m.socks) {
		s.forget()
	}
	m.end()
}

// leave is a polite stop: what was said before goes out, and a goodbye.
func (m *carriage) leave() {
	if !m.lives || m.carrier == nil {
		m.end()
		return
	}
	m.leaving = true
	m.carrier.leave()
	m.rouse()
	life := m.id
	m.after(pairing.FlushWithin, func() {
		if m.leaving && m.id == life {
			m.end()
		}
	})
}

// rouse has the process run: it takes a moment, as for all processes of the machine.
func (m *carriage) rouse() {
	if m.carrier != nil {
		m.runAt(m.w.now.Add(m.n.late()))
	}
}

// runAt has the process run at a time, if it does not earlier.
func (m *carriage) runAt(at clock.Instant) {
	if till := max(m.n.paused, m.n.asleep, m.stopped); till > at || m.n.starve > 0 {
		m.still = m.still || till > at
		at = max(at, till)
		m.spoil()
	}
	if m.due != 0 && m.due <= at {
		return
	}
	m.due = at
	m.w.push(entry{at: at, what: bearing, node: uint8(m.n.id)})
}

// run is the process's turn.
func (m *carriage) run() {
	if m.due == 0 || m.due > m.w.now || m.carrier == nil {
		return // another entry is for it
	}
	if till := max(m.n.paused, m.n.asleep, m.stopped); till > m.w.now {
		m.due, m.still = 0, true
		m.runAt(till)
		return
	}
	if m.due = 0; m.still {
		m.still, m.cameTo = false, m.w.now
		m.spoil()
	}
	m.carrier.run()
}

// hidden reports whether others see another address than its own.
func (m *carriage) hidden() bool { return m.w.Plan.Shape.Nodes[m.n.id].Hidden }

// slept reports whether the machine has slept lately.
func (m *carriage) slept(within time.Duration) bool {
	return m.n.asleep > m.w.now || m.woke != 0 && m.w.now.Sub(m.woke) < within
}

// say takes what the election thread says.
func (m *carriage) say(msg local.Msg) bool {
	if m.carrier == nil || len(m.said) >= directRoom {
		return false
	}
	msg.Payload = append([]byte(nil), msg.Payload...)
	msg.Since = int64(m.n.clocks.now(m.w.now).Mono)
	m.said = append(m.said, saying{msg, m.w.now})
	m.rouse()
	return true
}

// tell hands a message to the election thread, if there is room.
func (m *carriage) tell(msg local.Msg) {
	if !m.n.alive || m.n.config == nil {
		return
	}
	if len(m.heard) >= directRoom {
		if msg.Type == local.Received {
			m.lost++
		}
		return
	}
	msg.Payload = append([]byte(nil), msg.Payload...)
	m.heard = append(m.heard, msg)
	m.n.rouse()
}
