package relay

import (
	"encoding/binary"
	"sync"
)

// flow is a conversation over IPv4 between the two sides, whichever of them a packet of it comes from: protocol, and ports where there are any, the
// lower one first.
type flow struct {
	protocol byte
	ports    [2]uint16
}

// flows are what a firewall would know of.
type flows struct {
	mu     sync.Mutex
	known  map[flow]bool // true for forgotten
	inside Side
}

// Forget makes all packets of TCP connections that are there now get lost, as a firewall does that has lost its table. One that has an inside (Guard)
// forgets all other flows too, which begin anew when something comes from there.
func (r *Relay) Forget() {
	f := &r.flows
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.known {
		if k.protocol == protoTCP {
			f.known[k] = true
		} else {
			delete(f.known, k)
		}
	}
}

// Guard makes the relay a firewall: what comes from the other side passes only where something of the same flow has come from the inside before.
// Nobody ends it.
func (r *Relay) Guard(inside Side) {
	f := &r.flows
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inside = inside
}

const (
	protoTCP = 6
	protoUDP = 17
)

// pass reports whether a frame may go on.
func (f *flows) pass(from Side, frame []byte) bool {
	k, begins, ok := flowOf(frame)
	if !ok {
		return true // ARP, and what no firewall here looks at
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	forgotten, known := f.known[k]
	switch {
	case known:
		return !forgotten
	case f.inside == Nobody, from == f.inside && begins:
		f.known[k] = false
		return true
	}
	return false
}

// flowOf reads what flow a frame belongs to, and whether a flow may begin with it.
func flowOf(f []byte) (k flow, begins, ok bool) {
	const ethernet, ipv4, syn = 14, 20, 2
	if len(f) < ethernet+ipv4+4 || f[12] != 8 || f[13] != 0 || f[ethernet]&15 != 5 {
		return k, false, false
	}
	k.protocol = f[ethernet+9]
	if k.protocol != protoTCP && k.protocol != protoUDP {
		return k, true, true
	}
	t := f[ethernet+ipv4:]
	a, b := binary.BigEndian.Uint16(t), binary.BigEndian.Uint16(t[2:])
	k.ports = [2]uint16{min(a, b), max(a, b)}
	return k, k.protocol == protoUDP || len(t) > 13 && t[13]&0x12 == syn, true
}
