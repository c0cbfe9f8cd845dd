package wire

import (
	"encoding/binary"
	"net/netip"
)

// AppendIPv6 appends to b a whole IPv6 packet, as it goes on a wire without the kernel's help: a header with TrafficClass and no flow label,
// and payload, whose checksum at octets 6 and 7 is filled in over all of it (RFC 8200 section 8.1). hop is the hop limit, 0 is HopLimit.
// On an error (ErrFamily, ErrLength) b is returned as it was. It allocates only if b is too small.
func AppendIPv6(b []byte, src, dst netip.Addr, hop uint8, payload []byte) ([]byte, error) {
	switch {
	case !src.Is6() || !dst.Is6() || src.Is4In6() || dst.Is4In6():
		return b, ErrFamily
	case len(payload) < sumAt+2 || len(payload)%4 != 0 || len(payload) > 0xffff:
		return b, ErrLength
	}
	if hop == 0 {
		hop = HopLimit
	}
	b = binary.BigEndian.AppendUint32(b, 6<<28|TrafficClass<<20)
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	b = append(b, ProtoVRRP, hop)
	b = appendAddr(b, src)
	b = appendAddr(b, dst)
	start := len(b)
	b = append(b, payload...)
	message := b[start:]
	message[sumAt], message[sumAt+1] = 0, 0
	s := ^fold(sum(message) + pseudo(src, dst, len(message)))
	if s == 0 {
		s = 0xffff // as the kernel does: 0 would say that there is none
	}
	binary.BigEndian.PutUint16(message[sumAt:], s)
	return b, nil
}
