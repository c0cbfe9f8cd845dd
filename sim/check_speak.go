package sim

import (
	"encoding/binary"
	"net/netip"
	"time"

	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// speaking: a router says what it is. It sends its priority while it is MASTER, or in the moment in which it becomes it, and priority 0 only
// when it ceases to be. Every field is what was configured and in the range of the RFC, and the checksum is right, by arithmetic of
// the checker's own.
type speaking struct{ w *World }

type wireTo struct{ src, dst netip.Addr }

func (c *speaking) sent(n *Node, x *watch, s *vrrp.Send) {
	now := n.clocks.now(n.w.now).Mono
	if s.Port.AH {
		s = c.unwrap(n, x, s)
	}
	switch priority := s.Payload[2]; {
	case priority == wire.PriorityRelease:
		if x.state != vrrp.Master {
			c.w.fail("speaking", "%s: %s says goodbye as %s", n.name, x.name, x.state)
		}
		x.leaving = true
	case x.state != vrrp.Master:
		x.rising = true
	}
	c.w.checks.timers.sent(n, x, now)
	c.inspect(n, x, s)
}

func (c *speaking) moved(n *Node, x *watch, t *vrrp.Transition) {
	if t.From == vrrp.Master && !x.leaving && c.owesGoodbye(n, x, t) {
		c.w.fail("speaking", "%s: %s goes from MASTER to %s (%s) without a goodbye", n.name, x.name, t.To, t.Cause.Why)
	}
	if x.state == vrrp.Master {
		x.rising = false
	} else {
		x.leaving = false
	}
}

// owesGoodbye reports whether the others must be told at once that they may take over: always but when they have already (rule H3), and when
// there is no address to say it from (rule H5).
func (c *speaking) owesGoodbye(n *Node, x *watch, t *vrrp.Transition) bool {
	if x.spec == nil || x.spec.DontTrackPrimary || x.spec.IPv6 && !n.nics[linkOf(x.spec.Link)].ready6 {
		return false
	}
	return t.To != vrrp.Backup || t.Cause.Why == vrrp.WhyAddress || t.Cause.Why == vrrp.WhyReload
}

// handled is when everything that followed from an event has been done.
func (c *speaking) handled(n *Node) {
	for _, x := range n.watches {
		switch {
		case x.rising:
			c.w.fail("speaking", "%s: %s advertises as %s", n.name, x.name, x.state)
		case x.leaving:
			c.w.fail("speaking", "%s: %s has said goodbye and is still MASTER", n.name, x.name)
		}
		x.rising, x.leaving, x.released = false, false, false
	}
}

// inspect looks at every field of an advert. One that is the same as the last, to the same receiver, was looked at already.
func (c *speaking) inspect(n *Node, x *watch, s *vrrp.Send) {
	p := c.unseal(n, x, s)
	to := wireTo{s.Src, s.Dst}
	if len(p) == x.saidLen && x.saidTo == to && x.spec != nil && string(p) == string(x.said[:len(p)]) && s.ID != 0 && (s.TTL == wire.HopLimit || x.spec.Unicast()) {
		return
	}
	if _, ok := n.handling.(*vrrp.Configure); ok || x.spec == nil {
		return // within the very event that configures it; the next one is looked at
	}
	bare := *s
	bare.Payload = p
	if text := malformed(n, x.spec, &bare); text != "" {
		c.w.fail("speaking", "%s: %s sends %x from %s to %s: %s", n.name, x.name, p, s.Src, s.Dst, text)
	}
	if x.saidLen = 0; len(p) <= len(x.said) {
		x.saidLen, x.saidTo = copy(x.said[:], p), to
	}
}

// malformed says what is wrong with an advert; nothing if it is as RFC 9568 section 5.2, or RFC 3768 section 5.3, wants it.
func malformed(n *Node, spec *vrrp.Spec, s *vrrp.Send) string {
	p := s.Payload
	if len(p) < wire.HeaderLen {
		return "too short"
	}
	size := 4
	if spec.IPv6 {
		size = 16
	}
	var want []netip.Addr
	for i := range spec.Addresses {
		if !spec.Addresses[i].Excluded {
			want = append(want, spec.Addresses[i].Prefix.Addr())
		}
	}
	length := wire.HeaderLen + size*len(want)
	interval := int(binary.BigEndian.Uint16(p[4:])) * 10
	if spec.Version == wire.V2 {
		length += wire.AuthLen
		interval = int(p[5]) * 1000
		if p[4] != spec.AuthType {
			return "another authentication"
		}
	}
	switch {
	case p[0] != spec.Version<<4|1:
		return "not an advert of that version"
	case p[1] != spec.VRID || p[1] == 0:
		return "another VRID"
	case spec.Owner() && p[2] != 0 && p[2] < 254, !spec.Owner() && p[2] == 255:
		return "not its priority"
	case len(p) != length || int(p[3]) != len(want):
		return "not that many addresses"
	case interval != int(spec.Interval.Milliseconds()) || interval == 0:
		return "another interval"
	case s.MAC != virtualMAC(spec) && (n.w.calm && n.w.now > n.w.calmAt.Add(time.Second) || s.MAC != [6]byte{}): // it may have missed that the interface is there again
		return "not from its hardware address"
	case s.ID == 0:
		return "identification 0"
	case !spec.Unicast() && s.TTL != 255:
		return "TTL is not 255"
	case !spec.Unicast() && s.Dst != groupOf(spec.IPv6):
		return "another group"
	case spec.Source.IsValid() && s.Src != spec.Source, !spec.Source.IsValid() && s.Src != n.nics[linkOf(spec.Link)].sourceOf(spec.IPv6):
		return "not from its own address"
	}
	for i, a := range want {
		if got, _ := netip.AddrFromSlice(p[wire.HeaderLen+size*i:][:size]); got != a {
			return "another address"
		}
	}
	if !spec.IPv6 && !summed(spec, s) {
		return "wrong checksum"
	}
	return ""
}

// summed adds up an advert as RFC 1071 says: with the pseudo header in version 3, without it in version 2.
func summed(spec *vrrp.Spec, s *vrrp.Send) bool {
	var sum uint32
	add := func(b []byte) {
		for i := 0; i+1 < len(b); i += 2 {
			sum += uint32(b[i])<<8 | uint32(b[i+1])
		}
	}
	if spec.Version == wire.V3 && !spec.Transport.Carried() { // whose addresses may be translated on the way
		src, dst := s.Src.As4(), s.Dst.As4()
		add(src[:])
		add(dst[:])
		sum += wire.ProtoVRRP + uint32(len(s.Payload))
	}
	add(s.Payload)
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return sum == 0xffff
}
