// Package frame builds and reads the Ethernet frames that tell a network where a virtual address now is: gratuitous
// ARP for IPv4, unsolicited Neighbor Advertisement for IPv6. It does no I/O.
//
// Frames start at the Ethernet header and have no frame check sequence, as on an AF_PACKET socket of type SOCK_RAW.
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// MAC is an Ethernet address.
type MAC [6]byte

// Broadcast is the address that gratuitous ARP goes to.
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// allNodesMAC is where ff02::1 goes (RFC 2464 section 7).
var allNodesMAC = MAC{0x33, 0x33, 0, 0, 0, 1}

// String writes the address as 02:00:00:00:0a:01.
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// IsGroup reports whether m is a multicast or broadcast address.
func (m MAC) IsGroup() bool { return m[0]&1 != 0 }

// Lengths in octets.
const (
	GARPLen = 42 // a gratuitous ARP frame; shorter than Ethernet's minimum, the driver pads it
	NALen   = 86 // an unsolicited Neighbor Advertisement frame

	// EtherLen is the length of an Ethernet header.
	EtherLen = 14
)

const (
	etherARP  = 0x0806
	etherIPv6 = 0x86dd
)

// Errors of AppendGARP and AppendNA.
var (
	// ErrInfiniBand: hardware addresses of 20 octets need an IPoIB header in place of the Ethernet one.
	ErrInfiniBand = errors.New("announcing addresses on InfiniBand is not supported")
	// ErrHardwareAddr: not a hardware address that can be announced.
	ErrHardwareAddr = errors.New("not the hardware address of an Ethernet station")
	// ErrAddr: not an address that can be announced that way.
	ErrAddr = errors.New("address cannot be announced")
)

// infiniBandLen is the length of an IPoIB hardware address (RFC 4391 section 9.1.1).
const infiniBandLen = 20

// station returns the hardware address of a sender, which must be a single Ethernet station's.
func station(hw []byte) (MAC, error) {
	if len(hw) == infiniBandLen {
		return MAC{}, ErrInfiniBand
	}
	if len(hw) != len(MAC{}) {
		return MAC{}, fmt.Errorf("%w: %d octets, not 6", ErrHardwareAddr, len(hw))
	}
	m := MAC(hw)
	if m == (MAC{}) || m.IsGroup() {
		return MAC{}, fmt.Errorf("%w: %v", ErrHardwareAddr, m)
	}
	return m, nil
}

// GroupMAC is the Ethernet address that packets for a multicast group go to (RFC 1112 section 6.4, RFC 2464 section 7).
func GroupMAC(group netip.Addr) MAC {
	if group.Is4() {
		a := group.As4()
		return MAC{0x01, 0x00, 0x5e, a[1] & 0x7f, a[2], a[3]}
	}
	a := group.As16()
	return MAC{0x33, 0x33, a[12], a[13], a[14], a[15]}
}

// AppendEther appends an Ethernet header.
func AppendEther(b []byte, dst, src MAC, kind uint16) []byte {
	b = append(b, dst[:]...)
	b = append(b, src[:]...)
	return binary.BigEndian.AppendUint16(b, kind)
}

// announceable reports whether one host can hold a. Zones and IPv4-mapped addresses cannot be sent.
func announceable(a netip.Addr) bool {
	return a.IsValid() && !a.IsMulticast() && !a.IsUnspecified() && !a.Is4In6() && a.Zone() == ""
}
