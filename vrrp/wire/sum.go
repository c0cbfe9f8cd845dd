package wire

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// Form names the octets that a VRRP checksum covers. Forms are bits: a checksum can fit several of them, and an
// instance accepts a set.
type Form uint8

// Forms of the checksum (wire-formats.md section 4).
const (
	// FormPlain covers the message alone: version 2 over IPv4, and version 3 over IPv4 in the words of RFC 9568
	// (keepalived's v3_checksum_as_v2).
	FormPlain Form = 1 << iota
	// FormPseudo covers a pseudo-header too: everything over IPv6, and version 3 over IPv4 as RFC 5798 is mostly read,
	// which is keepalived's default. Over IPv6 it covers the HMAC trailer, over IPv4 it does not.
	FormPseudo
	// FormGroup is FormPseudo with the multicast group in place of a unicast destination: version 3 over IPv4 from
	// old versions of keepalived (rule F4). Never reported of a packet that was sent to the group.
	FormGroup
	// FormBad is reported when nothing fits. Accepting it means that the checksum does not matter (rule F3).
	FormBad

	// FormZero is for sending over IPv6 only: the field stays zero, because the kernel fills it.
	FormZero Form = 0
)

// String lists the forms of the set.
func (f Form) String() string {
	names := [...]string{"plain", "pseudo", "group", "bad"}
	var set []string
	for i, name := range names {
		if f&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	if len(set) == 0 {
		return "zero"
	}
	return strings.Join(set, "+")
}

// DefaultForm returns the form that keepalived sends unless told otherwise (rule F2).
func DefaultForm(version uint8, ipv6 bool) Form {
	if version == V2 && !ipv6 {
		return FormPlain
	}
	return FormPseudo
}

// allOnes is what an intact message sums to, its checksum included (RFC 1071).
const allOnes = 0xffff

// formsOf tells which forms the checksum of a message fits. payload is the message and what follows it.
func formsOf(payload []byte, msgLen int, p *path) Form {
	msg := payload[:msgLen]
	if p.ipv6 {
		if fold(sum(payload)+pseudo(p.src, p.dst, len(payload))) == allOnes {
			return FormPseudo
		}
		return FormBad
	}
	var f Form
	s := sum(msg)
	if fold(s) == allOnes {
		f |= FormPlain
	}
	if msg[0]>>4 == V3 {
		if fold(s+pseudo(p.src, p.dst, msgLen)) == allOnes {
			f |= FormPseudo
		}
		if p.dst != p.group && fold(s+pseudo(p.src, p.group, msgLen)) == allOnes {
			f |= FormGroup
		}
	}
	if f == 0 {
		return FormBad
	}
	return f
}

// sum adds up b, whose length is a multiple of 4 as that of everything in VRRP is, as big-endian words. The result is
// congruent to the one's complement sum of 16-bit words; fold makes it one. It cannot overflow for anything that fits
// into an IP packet.
func sum(b []byte) uint64 {
	var s uint64
	for ; len(b) >= 4; b = b[4:] {
		s += uint64(binary.BigEndian.Uint32(b))
	}
	return s
}

// pseudo is the sum of the pseudo-header of either family: addresses, upper-layer length, protocol 112
// (RFC 8200 section 8.1).
func pseudo(src, dst netip.Addr, length int) uint64 {
	return addrSum(src) + addrSum(dst) + uint64(length) + ProtoVRRP
}

func addrSum(a netip.Addr) uint64 {
	if a.Is4() {
		b := a.As4()
		return sum(b[:])
	}
	b := a.As16()
	return sum(b[:])
}

// fold reduces a sum to 16 bits with end-around carry.
func fold(s uint64) uint16 {
	for s > allOnes {
		s = s>>16 + s&allOnes
	}
	return uint16(s)
}
