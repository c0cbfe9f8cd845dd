package wire

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// IPv4 is what VRRP sets or reads of an IPv4 header.
type IPv4 struct {
	Protocol uint8  // ProtoVRRP or ProtoAH
	TTL      uint8  // HopLimit unless unicast_ttl says otherwise
	ID       uint16 // identification; sent as given, and the kernel replaces 0 with one of its own
	Src, Dst netip.Addr
}

// Errors of AppendIPv4 beside ErrFamily.
var (
	ErrTTL    = errors.New("TTL 0 cannot be sent")
	ErrLength = errors.New("payload does not fit into an IPv4 packet")
)

// AppendIPv4 appends to b the 20 octets of the header that a raw socket with IP_HDRINCL is given for payloadLen octets:
// TOS TrafficClass, no options, no fragment bits, header checksum filled in (rule F1). On an error (ErrFamily, ErrTTL,
// ErrLength) b is returned as it was. It allocates only if b is too small.
func AppendIPv4(b []byte, h *IPv4, payloadLen int) ([]byte, error) {
	switch {
	case !h.Src.Is4() || !h.Dst.Is4():
		return b, ErrFamily
	case h.TTL == 0:
		return b, ErrTTL
	case payloadLen < 0 || payloadLen > 0xffff-IPv4Len:
		return b, ErrLength
	}
	start := len(b)
	b = append(b, 0x45, TrafficClass)
	b = binary.BigEndian.AppendUint16(b, uint16(IPv4Len+payloadLen))
	b = binary.BigEndian.AppendUint16(b, h.ID)
	b = append(b, 0, 0, h.TTL, h.Protocol, 0, 0)
	b = appendAddr(b, h.Src)
	b = appendAddr(b, h.Dst)
	binary.BigEndian.PutUint16(b[start+10:], ^fold(sum(b[start:])))
	return b, nil
}

// ParseIPv4 takes apart what a raw IPv4 socket returned. The payload is a view of packet, cut to the total length, so
// that Ethernet padding is gone; options are skipped. protocol is the one wanted.
//
// Reasons are NotIPv4, BadIPHeader, IPTruncated, Fragment and WrongProtocol. The header checksum is not verified: the
// kernel drops what fails it before a socket sees it.
func ParseIPv4(packet []byte, protocol uint8) (IPv4, []byte, Reason) {
	if len(packet) < IPv4Len || packet[0]>>4 != 4 {
		return IPv4{}, nil, NotIPv4
	}
	head := int(packet[0]&0x0f) * 4
	total := int(binary.BigEndian.Uint16(packet[2:]))
	switch {
	case head < IPv4Len || head > total:
		return IPv4{}, nil, BadIPHeader
	case total > len(packet):
		return IPv4{}, nil, IPTruncated
	case binary.BigEndian.Uint16(packet[6:])&fragmentBits != 0:
		return IPv4{}, nil, Fragment
	case packet[9] != protocol:
		return IPv4{}, nil, WrongProtocol
	}
	h := IPv4{
		Protocol: packet[9],
		TTL:      packet[8],
		ID:       binary.BigEndian.Uint16(packet[4:]),
		Src:      netip.AddrFrom4([4]byte(packet[12:])),
		Dst:      netip.AddrFrom4([4]byte(packet[16:])),
	}
	return h, packet[head:total:total], OK
}

// fragmentBits are More Fragments and the offset. Don't Fragment and the reserved bit make no fragment.
const fragmentBits = 0x3fff
