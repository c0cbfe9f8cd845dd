package frame

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Operations of ARP (RFC 826).
const (
	ARPRequest = 1
	ARPReply   = 2
)

// arpEthernet is the start of an ARP packet for IPv4 over Ethernet: hardware type 1, protocol type 0x0800, lengths.
var arpEthernet = [6]byte{0, 1, 0x08, 0x00, 6, 4}

// AppendGARP appends to b the 42 octets with which the station mac announces that it holds addr: a broadcast request
// whose sender and target address are both addr (RFC 5227 section 2.3; wire-formats.md section 6). The target hardware
// address is broadcast, as keepalived sends it (rule M2). mac has 6 octets. On an error, which wraps ErrInfiniBand,
// ErrHardwareAddr or ErrAddr, b is returned as it was. It allocates only if b is too small.
func AppendGARP(b, mac []byte, addr netip.Addr) ([]byte, error) {
	m, err := station(mac)
	if err != nil {
		return b, err
	}
	if !addr.Is4() || !announceable(addr) || addr == limitedBroadcast {
		return b, fmt.Errorf("%w by ARP: %v", ErrAddr, addr)
	}
	ip := addr.As4()
	b = AppendEther(b, Broadcast, m, etherARP)
	b = append(b, arpEthernet[:]...)
	b = binary.BigEndian.AppendUint16(b, ARPRequest)
	b = append(b, m[:]...)
	b = append(b, ip[:]...)
	b = append(b, Broadcast[:]...)
	return append(b, ip[:]...), nil
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// ARP is a received ARP packet for IPv4 over Ethernet.
type ARP struct {
	Source    MAC    // of the Ethernet header
	Op        uint16 // ARPRequest, ARPReply or anything else
	SenderMAC MAC
	Sender    netip.Addr
	TargetMAC MAC
	Target    netip.Addr
}

// Claims reports whether the packet says that SenderMAC holds addr. Every ARP packet does so of its sender address
// (RFC 5227 section 2.4); a probe, whose sender address is 0.0.0.0, claims nothing.
func (a *ARP) Claims(addr netip.Addr) bool { return a.Sender == addr && !a.Sender.IsUnspecified() }

// ParseARP reads a frame. What follows the packet is padding. Reasons are Truncated and OtherProtocol.
func ParseARP(frame []byte) (ARP, Reason) {
	if len(frame) < EtherLen {
		return ARP{}, Truncated
	}
	if binary.BigEndian.Uint16(frame[12:]) != etherARP {
		return ARP{}, OtherProtocol
	}
	if len(frame) < GARPLen {
		return ARP{}, Truncated
	}
	if [6]byte(frame[EtherLen:]) != arpEthernet {
		return ARP{}, OtherProtocol
	}
	return ARP{
		Source:    MAC(frame[6:]),
		Op:        binary.BigEndian.Uint16(frame[20:]),
		SenderMAC: MAC(frame[22:]),
		Sender:    netip.AddrFrom4([4]byte(frame[28:])),
		TargetMAC: MAC(frame[32:]),
		Target:    netip.AddrFrom4([4]byte(frame[38:])),
	}, OK
}
