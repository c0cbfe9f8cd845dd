package link

import (
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/link/frame"
	"holdfast.dev/vrrp/wire"
)

// Station sends adverts from hardware addresses that the interfaces which they leave through need not have: those of virtual routers
// (RFC 9568 section 7.2). A macvlan with such an address may stay down until its addresses are needed (docs/decisions/0009).
//
// Its socket asks for protocol 0, so it receives nothing.
type Station struct {
	fd  int
	to  unix.RawSockaddrLinklayer
	buf [frame.EtherLen + bufSize]byte
}

// OpenStation makes a Station for the network namespace of the calling thread. It fails without CAP_NET_RAW (EPERM).
func OpenStation() (*Station, error) {
	fd, err := openFrames()
	if err != nil {
		return nil, fmt.Errorf("socket for adverts from virtual hardware addresses: %w", err)
	}
	return &Station{fd: fd}, nil
}

// Send sends one advert to a multicast group through the interface with that index, from the hardware address mac, and never blocks.
// protocol is of the IPv4 header, wire.ProtoVRRP or wire.ProtoAH; id is the IPv4 identification; the checksum of IPv6 is filled in.
//
// Errors are system errors: ENETDOWN if the interface is down, ENXIO if there is none, ENOBUFS and EAGAIN if a queue is full, EMSGSIZE if
// the packet is longer than the MTU, EAFNOSUPPORT for addresses of different families, EADDRNOTAVAIL for another destination than a
// group, EINVAL for a payload that is no advert.
func (s *Station) Send(index int, mac [6]byte, protocol uint8, src, dst netip.Addr, id uint16, payload []byte) error {
	if src.Is4() != dst.Is4() {
		return unix.EAFNOSUPPORT
	}
	if !dst.IsMulticast() {
		return unix.EADDRNOTAVAIL
	}
	if len(payload) > bufSize-wire.IPv6Len {
		return unix.EMSGSIZE
	}
	packet, kind, err := s.packet(mac, protocol, src, dst, id, payload)
	if err != nil {
		return unix.EINVAL
	}
	s.to = unix.RawSockaddrLinklayer{Family: unix.AF_PACKET, Protocol: kind<<8 | kind>>8, Ifindex: int32(index)}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(&packet[0])), uintptr(len(packet)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&s.to)), unix.SizeofSockaddrLinklayer)
	if errno != 0 {
		return errno
	}
	return nil
}

// packet puts the frame together.
func (s *Station) packet(mac [6]byte, protocol uint8, src, dst netip.Addr, id uint16, payload []byte) (b []byte, kind uint16, err error) {
	if dst.Is4() {
		b = frame.AppendEther(s.buf[:0], frame.GroupMAC(dst), mac, unix.ETH_P_IP)
		h := wire.IPv4{Protocol: protocol, TTL: wire.HopLimit, ID: id, Src: src, Dst: dst}
		b, err = wire.AppendIPv4(b, &h, len(payload))
		return append(b, payload...), unix.ETH_P_IP, err
	}
	b = frame.AppendEther(s.buf[:0], frame.GroupMAC(dst), mac, unix.ETH_P_IPV6)
	b, err = wire.AppendIPv6(b, src, dst, wire.HopLimit, payload)
	return b, unix.ETH_P_IPV6, err
}

// Close frees the socket. Closing again does nothing.
func (s *Station) Close() error {
	if s.fd < 0 {
		return nil
	}
	fd := s.fd
	s.fd = -1
	return unix.Close(fd)
}
