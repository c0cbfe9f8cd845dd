package frame

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// What a Neighbor Advertisement is made of (RFC 4861 sections 4.4 and 4.6.1).
const (
	protoICMPv6  = 58
	typeNA       = 136
	optTargetMAC = 2

	flagRouter    = 0x80
	flagSolicited = 0x40
	flagOverride  = 0x20

	ipv6Len    = 40
	icmpNALen  = 24 // without options
	icmpOffset = EtherLen + ipv6Len
	hopLimit   = 255
)

var allNodes = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x01})

// AppendNA appends to b the 86 octets with which the station mac announces to all nodes that it holds addr
// (wire-formats.md section 7): override set, solicited clear, the router flag as asked for (rule M3 has it follow the
// forwarding sysctl of the interface). Source and target are addr itself, as keepalived has it. mac has 6 octets. On
// an error, which wraps ErrInfiniBand, ErrHardwareAddr or ErrAddr, b is returned as it was. It allocates only if b is
// too small.
func AppendNA(b, mac []byte, addr netip.Addr, router bool) ([]byte, error) {
	m, err := station(mac)
	if err != nil {
		return b, err
	}
	if !addr.Is6() || !announceable(addr) {
		return b, fmt.Errorf("%w by neighbor advertisement: %v", ErrAddr, addr)
	}
	flags := byte(flagOverride)
	if router {
		flags |= flagRouter
	}
	ip, group := addr.As16(), allNodes.As16()
	start := len(b)
	b = AppendEther(b, allNodesMAC, m, etherIPv6)
	b = append(b, 0x60, 0, 0, 0, 0, NALen-icmpOffset, protoICMPv6, hopLimit)
	b = append(b, ip[:]...)
	b = append(b, group[:]...)
	b = append(b, typeNA, 0, 0, 0, flags, 0, 0, 0)
	b = append(b, ip[:]...)
	b = append(b, optTargetMAC, 1)
	b = append(b, m[:]...)
	binary.BigEndian.PutUint16(b[start+icmpOffset+2:], ^icmpSum(b[start+EtherLen:]))
	return b, nil
}

// NA is a received Neighbor Advertisement.
type NA struct {
	Source   MAC // of the Ethernet header
	Src, Dst netip.Addr
	Target   netip.Addr // the address that is announced
	// TargetMAC is where Target is said to be. Where HasMAC is false the sender left it out, and Source stands for it.
	TargetMAC                   MAC
	HasMAC                      bool
	Router, Solicited, Override bool
}

// ParseNA reads a frame and holds it to RFC 4861 section 7.1.2. Octets after the IPv6 payload are padding. An
// advertisement behind extension headers is OtherProtocol: nobody sends such, and hosts may drop them.
func ParseNA(frame []byte) (NA, Reason) {
	packet, r := ipv6Packet(frame)
	if r != OK {
		return NA{}, r
	}
	icmp := packet[ipv6Len:]
	n := NA{
		Source: MAC(frame[6:]),
		Src:    netip.AddrFrom16([16]byte(packet[8:])),
		Dst:    netip.AddrFrom16([16]byte(packet[24:])),
	}
	switch {
	case len(icmp) < 1:
		return NA{}, Truncated
	case icmp[0] != typeNA:
		return NA{}, OtherMessage
	case packet[7] != hopLimit:
		return NA{}, BadHopLimit
	case len(icmp) < icmpNALen:
		return NA{}, Truncated
	case icmpSum(packet) != 0xffff:
		return NA{}, BadChecksum
	}
	n.Router, n.Solicited, n.Override = icmp[4]&flagRouter != 0, icmp[4]&flagSolicited != 0, icmp[4]&flagOverride != 0
	n.Target = netip.AddrFrom16([16]byte(icmp[8:]))
	if icmp[1] != 0 || n.Target.IsMulticast() || n.Dst.IsMulticast() && n.Solicited || !n.options(icmp[icmpNALen:]) {
		return NA{}, BadMessage
	}
	return n, OK
}

// ipv6Packet returns the IPv6 packet that a frame carries ICMPv6 in, cut to its length.
func ipv6Packet(frame []byte) ([]byte, Reason) {
	if len(frame) < EtherLen {
		return nil, Truncated
	}
	if binary.BigEndian.Uint16(frame[12:]) != etherIPv6 {
		return nil, OtherProtocol
	}
	packet := frame[EtherLen:]
	if len(packet) < ipv6Len {
		return nil, Truncated
	}
	if packet[0]>>4 != 6 || packet[6] != protoICMPv6 {
		return nil, OtherProtocol
	}
	end := ipv6Len + int(binary.BigEndian.Uint16(packet[4:]))
	if len(packet) < end {
		return nil, Truncated
	}
	return packet[:end], OK
}

// options walks the options, keeps the first target hardware address and reports whether all are well formed.
func (n *NA) options(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 2 || b[1] == 0 || len(b) < int(b[1])*8 {
			return false
		}
		if b[0] == optTargetMAC && b[1] == 1 && !n.HasMAC {
			n.TargetMAC, n.HasMAC = MAC(b[2:]), true
		}
		b = b[int(b[1])*8:]
	}
	return true
}

// icmpSum is the one's complement sum of an IPv6 packet's payload and pseudo-header (RFC 8200 section 8.1): 0xffff if
// the checksum in it is right.
func icmpSum(packet []byte) uint16 {
	payload := packet[ipv6Len:]
	s := uint64(len(payload)) + protoICMPv6
	for _, b := range [...][]byte{packet[8:ipv6Len], payload} {
		for ; len(b) >= 2; b = b[2:] {
			s += uint64(binary.BigEndian.Uint16(b))
		}
		if len(b) == 1 {
			s += uint64(b[0]) << 8
		}
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
