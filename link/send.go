package link

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/vrrp/wire"
)

// send4 is where an IPv4 packet is put together.
type send4 struct {
	local netip.Addr // the one source, if the port has no interface
	to    unix.RawSockaddrInet4
	buf   [bufSize]byte
}

// send6 is what sendmsg(2) is given for an IPv6 packet. Its pointers lead into itself, so it must not be copied.
type send6 struct {
	local   netip.Addr
	to      unix.RawSockaddrInet6
	iov     unix.Iovec
	msg     unix.Msghdr
	control [10]uint64         // aligned as struct cmsghdr wants it
	info    *unix.Inet6Pktinfo // within control
	hop     *int32
}

// Send sends one advert and never blocks: payload, from src to dst (a group or a peer).
//
// ttl 0 is the default: 255, but for IPv6 unicast the kernel's (rule O5). id is the IPv4 identification (rule F1); the kernel replaces
// 0 by one of its own; IPv6 has none. The IPv6 checksum is the kernel's, the payload's own is not looked at.
//
// Errors are system errors: EADDRNOTAVAIL if src is not on the interface or still tentative (IPv6; of IPv4 the kernel does
// not care), ENETDOWN and ENETUNREACH, ENOBUFS and EAGAIN if a queue is full, EPERM from a packet filter, EMSGSIZE if the packet
// is longer than the MTU (IPv4) or than any VRRP packet, EAFNOSUPPORT for addresses of the wrong family.
func (p *Port) Send(src, dst netip.Addr, ttl uint8, id uint16, payload []byte) error {
	var errno unix.Errno
	switch {
	case !isFamily(p.family, src) || !isFamily(p.family, dst):
		errno = unix.EAFNOSUPPORT
	case p.family == 4:
		errno = p.sendIPv4(src, dst, ttl, id, payload)
	default:
		errno = p.sendIPv6(src, dst, ttl, payload)
	}
	if errno != 0 {
		return errno
	}
	return nil
}

func (p *Port) sendIPv4(src, dst netip.Addr, ttl uint8, id uint16, payload []byte) unix.Errno {
	o := &p.out4
	if o.local.IsValid() && src != o.local {
		return unix.EADDRNOTAVAIL
	}
	if len(payload) > len(o.buf)-wire.IPv4Len {
		return unix.EMSGSIZE
	}
	if ttl == 0 {
		ttl = wire.HopLimit
	}
	packet, err := wire.AppendIPv4(o.buf[:0],
		&wire.IPv4{Protocol: p.proto, TTL: ttl, ID: id, Src: src, Dst: dst}, len(payload))
	if err != nil {
		return unix.EINVAL
	}
	packet = append(packet, payload...)
	o.to = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: dst.As4()}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(p.fd), uintptr(unsafe.Pointer(&packet[0])), uintptr(len(packet)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&o.to)), unix.SizeofSockaddrInet4)
	return errno
}

// prime fills in what is the same in every packet.
func (o *send6) prime(local netip.Addr, index int) {
	o.local = local
	o.to = unix.RawSockaddrInet6{Family: unix.AF_INET6, Scope_id: uint32(index)}
	head := unsafe.Pointer(&o.control)
	o.info = (*unix.Inet6Pktinfo)(cmsg(head, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo))
	o.info.Ifindex = uint32(index)
	head = unsafe.Add(head, unix.CmsgSpace(unix.SizeofInet6Pktinfo))
	o.hop = (*int32)(cmsg(head, unix.IPV6_HOPLIMIT, 4))
	o.msg = unix.Msghdr{
		Name:    (*byte)(unsafe.Pointer(&o.to)),
		Namelen: unix.SizeofSockaddrInet6,
		Iov:     &o.iov,
		Control: (*byte)(unsafe.Pointer(&o.control)),
	}
	o.msg.SetIovlen(1)
}

// cmsg writes the header of an ancillary field of n octets and returns where its value goes.
func cmsg(head unsafe.Pointer, typ int32, n int) unsafe.Pointer {
	h := (*unix.Cmsghdr)(head)
	h.Level, h.Type = unix.SOL_IPV6, typ
	h.SetLen(unix.CmsgLen(n))
	return unsafe.Add(head, unix.CmsgLen(0))
}

func (p *Port) sendIPv6(src, dst netip.Addr, ttl uint8, payload []byte) unix.Errno {
	o := &p.out6
	if o.local.IsValid() && src != o.local {
		return unix.EADDRNOTAVAIL
	}
	if len(payload) == 0 || len(payload) > bufSize {
		return unix.EMSGSIZE
	}
	o.to.Addr = dst.As16()
	o.info.Addr = src.As16()
	*o.hop = int32(ttl)
	controls := unix.CmsgSpace(unix.SizeofInet6Pktinfo)
	if ttl != 0 {
		controls += unix.CmsgSpace(4)
	}
	o.msg.SetControllen(controls)
	o.iov.Base = unsafe.SliceData(payload)
	o.iov.SetLen(len(payload))
	_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(p.fd), uintptr(unsafe.Pointer(&o.msg)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	o.iov.Base = nil
	// The kernel says EINVAL where bind(2) says EADDRNOTAVAIL: the source is missing, tentative, or no unicast address. There
	// is nothing else in the call that could be invalid.
	if errno == unix.EINVAL {
		return unix.EADDRNOTAVAIL
	}
	return errno
}
