package sim

import (
	"net/netip"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
)

// packet is one VRRP packet on its way to one receiver.
type packet struct {
	link     uint8 // 0 is eth0, 1 is eth1
	from     int16 // the node that sent it, -1 for nobody of them
	src, dst netip.Addr
	ttl      int
	ah       bool   // behind an Authentication Header
	ipID     uint16 // the identification of IPv4
	payload  []byte
	forged   bool // not sent by a router of this world
	kind     transport.Kind
}

// lan is the wires between the machines: one for all eth0, one for all eth1. What is delivered comes after a delay, if at all.
type lan struct {
	delay, jitter time.Duration
	loss, twice   int           // percent
	slow          time.Duration // at most that much more for every packet, so that they overtake each other
	cut           [2][maxNodes][maxNodes]bool
	dials         time.Duration // at most that much more for the first packet of a connection
}

const maxNodes = 5

// put puts a packet on a wire. It reaches everybody else there who would hear it.
func (w *World) put(p *packet) {
	if p.from >= 0 && w.signed() {
		w.sent.keep(p)
	}
	for i := range w.nodes {
		if int16(i) == p.from || p.from >= 0 && w.lan.cut[p.link][p.from][i] {
			continue
		}
		n := w.nodes[i]
		if n == nil || !n.hears(p) {
			continue
		}
		times := 1
		if w.lan.loss > 0 && w.net.chance(w.lan.loss) {
			times = 0
		}
		if w.lan.twice > 0 && w.net.chance(w.lan.twice) {
			times++
		}
		for range times {
			w.deliver(p, i)
		}
	}
}

func (w *World) deliver(p *packet, to int) {
	at := w.now.Add(w.lan.delay)
	if w.lan.jitter > 0 {
		at = at.Add(w.net.upTo(w.lan.jitter))
	}
	if w.lan.slow > 0 {
		at = at.Add(w.net.upTo(w.lan.slow))
	}
	slot := w.newPacket()
	q := &w.packets[slot]
	payload := q.payload
	*q = *p
	q.payload = append(payload[:0], p.payload...)
	w.push(entry{at: at, what: arrival, node: uint8(to), arg: slot})
}

// newPacket finds room for a packet.
func (w *World) newPacket() int32 {
	if n := len(w.free); n > 0 {
		slot := w.free[n-1]
		w.free = w.free[:n-1]
		return slot
	}
	w.packets = append(w.packets, packet{})
	return int32(len(w.packets) - 1)
}

// arrive gives a packet to a machine's network card.
func (w *World) arrive(e entry) {
	n := w.nodes[e.node]
	if !n.arrive(e.arg) {
		w.free = append(w.free, e.arg)
	}
}

// entry is something that will happen at a known time.
type entry struct {
	at   clock.Instant
	seq  uint32 // of two at one time the one that was made earlier comes first
	arg  int32
	what uint8
	node uint8
}

// What an entry is.
const (
	arrival uint8 = iota // of packet arg
	write                // the kernel writer of the node has a round
	errand               // function arg
	bearing              // the carrier of the node has something to do
	landing              // segment arg arrives
)

func (w *World) push(e entry) {
	w.seq++
	e.seq = w.seq
	h := append(w.heap, e)
	i := len(h) - 1
	for i > 0 {
		p := (i - 1) / 2
		if !h[i].before(&h[p]) {
			break
		}
		h[i], h[p] = h[p], h[i]
		i = p
	}
	w.heap = h
}

func (w *World) pop() entry {
	h := w.heap
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			break
		}
		if c+1 < last && h[c+1].before(&h[c]) {
			c++
		}
		if !h[c].before(&h[i]) {
			break
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
	w.heap = h
	return top
}

func (a *entry) before(b *entry) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq }
