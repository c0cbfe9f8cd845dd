package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// What an HMAC is, by the checkers' own reckoning: wire-formats.md section 5, octet by octet.

// tag computes the 16 octets that end a trailer. packet is the message and the trailer.
func tag(secret, packet []byte, src netip.Addr) []byte {
	n := len(packet) - wire.TrailerLen
	pseudo := make([]byte, 20)
	pseudo[0] = 6
	if src.Is4() {
		pseudo[0] = 4
	}
	pseudo[1], pseudo[2] = packet[0]>>4, packet[1]
	copy(pseudo[4:], src.AsSlice())
	h := hmac.New(sha256.New, secret)
	h.Write(pseudo)
	h.Write(packet[:6])
	h.Write([]byte{0, 0})
	h.Write(packet[8 : n+12])
	h.Write(make([]byte, 16))
	return h.Sum(nil)[:16]
}

// sequence and key of the trailer that ends a packet.
func trailerOf(packet []byte) (key uint8, seq uint64) {
	t := packet[len(packet)-wire.TrailerLen:]
	return t[1], binary.BigEndian.Uint64(t[4:])
}

// genuine reports whether the end of a packet was made with one of the keys.
func genuine(h *vrrp.HMAC, packet []byte, src netip.Addr) bool {
	if len(packet) < wire.HeaderLen+4+wire.TrailerLen {
		return false
	}
	id, _ := trailerOf(packet)
	for i := range h.Keys {
		if h.Keys[i].ID == id {
			return hmac.Equal(tag(h.Keys[i].Secret, packet, src), packet[len(packet)-16:])
		}
	}
	return false
}

// sealed reports whether there is more in a packet than a message: too much for a router that knows nothing of trailers.
func sealed(s *vrrp.Spec, packet []byte) bool {
	size, end := 4, 0
	if s.IPv6 {
		size = 16
	} else if packet[0]>>4 == wire.V2 {
		end = wire.AuthLen
	}
	return len(packet) > wire.HeaderLen+size*int(packet[3])+end
}

// believes reports whether a router has to take a packet for authentic that reaches it now, and notes that it was heard.
func (x *watch) believes(now clock.Now, p *packet) bool {
	if !genuine(x.spec.HMAC, p.payload, p.src) || x.spec.Unicast() && !isPeer(x.spec, p.src) {
		return false
	}
	_, seq := trailerOf(p.payload)
	seconds := now.Wall / int64(time.Second)
	window := int64(x.spec.HMAC.Window / time.Second)
	away := func(seq uint64) bool {
		d := int64(seq>>32) - seconds
		return d > window || -d > window
	}
	if away(seq) {
		return false
	}
	if last, ok := x.marks[p.src]; ok && seq <= last && !away(last) {
		return false
	}
	if x.marks == nil {
		x.marks = map[netip.Addr]uint64{}
	}
	x.marks[p.src] = seq
	return true
}

func isPeer(s *vrrp.Spec, a netip.Addr) bool {
	for i := range s.Peers {
		if s.Peers[i].Addr == a {
			return true
		}
	}
	return false
}

// unseal holds that an advert is signed with the key that is to sign, later than the one before, and returns it without its trailer.
func (c *speaking) unseal(n *Node, x *watch, s *vrrp.Send) []byte {
	p := s.Payload
	if x.spec == nil || x.spec.HMAC == nil {
		return p
	}
	if _, ok := n.handling.(*vrrp.Configure); ok {
		return p // within the very event that configures it
	}
	if !genuine(x.spec.HMAC, p, s.Src) {
		c.w.fail("speaking", "%s: %s sends %x, which no key of its own has signed", n.name, x.name, p)
		return p
	}
	id, seq := trailerOf(p)
	again := seq == x.signedLast && s.ID == x.signedID // another copy of it, for another peer
	switch {
	case id != x.spec.HMAC.Active:
		c.w.fail("speaking", "%s: %s signs with key %d", n.name, x.name, id)
	case seq <= x.signedLast && !again:
		c.w.fail("speaking", "%s: %s signs with %016x after %016x", n.name, x.name, seq, x.signedLast)
	}
	x.signedLast, x.signedID = seq, s.ID
	return p[:len(p)-wire.TrailerLen]
}
