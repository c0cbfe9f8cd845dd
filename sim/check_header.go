package sim

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"net/netip"

	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// What an Authentication Header is, by the checkers' own reckoning: RFC 2402 and wire-formats.md section 3.

// message is what stands behind the Authentication Header of a packet, if it has one.
func message(ah bool, payload []byte) []byte {
	if !ah {
		return payload
	}
	if len(payload) < wire.AHLen {
		return nil
	}
	return payload[wire.AHLen:]
}

// icv computes the integrity check value of a packet: HMAC-MD5-96 over what does not change on the way. Of a unicast packet the TTL may.
func icv(password [wire.AuthLen]byte, payload []byte, src, dst netip.Addr, id uint16, ttl int) []byte {
	head := make([]byte, 20, 20+len(payload))
	head[0], head[9] = 0x45, 51
	binary.BigEndian.PutUint16(head[2:], uint16(20+len(payload)))
	binary.BigEndian.PutUint16(head[4:], id)
	if dst.IsMulticast() {
		head[8] = byte(ttl)
	}
	copy(head[12:], src.AsSlice())
	copy(head[16:], dst.AsSlice())
	b := append(head, payload...)
	clear(b[20+12 : 20+wire.AHLen])
	h := hmac.New(md5.New, password[:])
	h.Write(b)
	return h.Sum(nil)[:12]
}

// wellHeaded reports whether a packet has a header that the password has made.
func wellHeaded(password [wire.AuthLen]byte, payload []byte, src, dst netip.Addr, id uint16, ttl int) bool {
	return len(payload) >= wire.AHLen && payload[0] == 112 && payload[1] == 4 && [4]byte(payload[4:8]) == src.As4() &&
		hmac.Equal(payload[12:wire.AHLen], icv(password, payload, src, dst, id, ttl))
}

// believesHeader reports whether a router has to take a packet for authentic that reaches it now, and notes that it was heard.
func (x *watch) believesHeader(p *packet) bool {
	if !wellHeaded(x.spec.Password, p.payload, p.src, p.dst, p.ipID, p.ttl) {
		return false
	}
	seq := binary.BigEndian.Uint32(p.payload[8:])
	if seq < x.header || seq <= x.headerHeard {
		return false
	}
	x.header, x.headerHeard = seq, seq
	return true
}

// unwrap holds that an advert has the header that it must have, with a greater sequence than the one before, and returns it without.
func (c *speaking) unwrap(n *Node, x *watch, s *vrrp.Send) *vrrp.Send {
	bare := *s
	bare.Payload = message(true, s.Payload)
	if len(bare.Payload) < wire.HeaderLen {
		c.w.fail("speaking", "%s: %s sends %x, which is too short", n.name, x.name, s.Payload)
		bare.Payload = make([]byte, wire.HeaderLen)
		return &bare
	}
	seq := binary.BigEndian.Uint32(s.Payload[8:])
	again := seq == x.header && s.ID == x.headerID // another copy of it, for another peer
	_, within := n.handling.(*vrrp.Configure)      // the very event that configures it
	switch {
	case x.spec == nil || within:
	case !wellHeaded(x.spec.Password, s.Payload, s.Src, s.Dst, s.ID, int(s.TTL)):
		c.w.fail("speaking", "%s: %s sends %x, whose header is not that of its password", n.name, x.name, s.Payload)
	case seq <= x.header && !again:
		c.w.fail("speaking", "%s: %s sends sequence %d after %d", n.name, x.name, seq, x.header)
	}
	x.header, x.headerID = seq, s.ID
	return &bare
}

// resumeHeaders: a process that goes on where another stopped takes no sequence that the other may have seen.
func (n *Node) resumeHeaders(from []vrrp.Resume) {
	for i := range from {
		for _, x := range n.watches {
			if x.spec != nil && x.spec.Identity() == from[i].Identity {
				x.headerHeard = from[i].Sequence + 1
				x.header = max(x.header, x.headerHeard)
			}
		}
	}
}

// virtualMAC is the hardware address that a router's adverts come from: RFC 9568 section 7.3. Zero for that of the interface.
func virtualMAC(s *vrrp.Spec) (mac [6]byte) {
	if len(s.Virtual) == 0 {
		return mac
	}
	mac = [6]byte{0, 0, 0x5e, 0, 1, s.VRID}
	if s.IPv6 {
		mac[4] = 2
	}
	return mac
}

// counterfeitAH puts a header in front of a message that another password has made.
func counterfeitAH(w *World, payload []byte, src, dst netip.Addr) []byte {
	b := append(make([]byte, wire.AHLen), payload...)
	h := wire.IPv4{Protocol: wire.ProtoAH, TTL: wire.HopLimit, Src: src, Dst: dst}
	if err := wire.NewAHKey([wire.AuthLen]byte{'x'}).Sign(b, &h, false, 1<<30); err != nil {
		w.fail("forge", "%v", err)
	}
	return b
}
