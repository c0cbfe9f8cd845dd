package link

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/vrrp/wire"
)

// BatchMax is the most that a Batch may hold.
const BatchMax = 256

// bufSize holds the longest VRRP packet: an IPv4 header with options, or 255 IPv6 addresses (4,088 octets) with a trailer.
const bufSize = 4352

// Batch is room for packets that are received with one system call. One Batch serves all ports of a thread, one after another.
type Batch struct {
	v6   bool // who used it last
	prot uint8
	used int // how many ancillary fields the kernel has shortened
	head [2][]mmsghdr
	iovs []unix.Iovec
	side []side6
	data []byte
}

// mmsghdr is struct mmsghdr of recvmmsg(2) and sendmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// side6 receives what an IPv6 socket tells beside the payload.
type side6 struct {
	name    unix.RawSockaddrInet6
	control [10]uint64 // aligned as struct cmsghdr wants it
}

// NewBatch makes room for n packets, 1 to BatchMax; others are brought into that range. It takes 4.5 KB a packet.
func NewBatch(n int) *Batch {
	n = min(max(n, 1), BatchMax)
	b := &Batch{
		prot: wire.ProtoVRRP,
		head: [2][]mmsghdr{make([]mmsghdr, n), make([]mmsghdr, n)},
		iovs: make([]unix.Iovec, n),
		side: make([]side6, n),
		data: make([]byte, n*bufSize),
	}
	for i := range n {
		iov := &b.iovs[i]
		iov.Base = &b.data[i*bufSize]
		iov.SetLen(bufSize)
		// IPv4 packets carry their header: no name, no ancillary data, nothing to prepare again.
		for f := range b.head {
			b.head[f][i].hdr.Iov = iov
			b.head[f][i].hdr.SetIovlen(1)
		}
	}
	b.used = n
	return b
}

// prepare gives the ancillary fields that the kernel shortened their length back.
func (b *Batch) prepare() {
	for i := range b.used {
		hdr, side := &b.head[1][i].hdr, &b.side[i]
		hdr.Name = (*byte)(unsafe.Pointer(&side.name))
		hdr.Namelen = unix.SizeofSockaddrInet6
		hdr.Control = (*byte)(unsafe.Pointer(&side.control))
		hdr.SetControllen(int(unsafe.Sizeof(side.control)))
	}
	b.used = 0
}

// Datagram is one received packet. Payload is a view of the Batch, good until the next Recv.
type Datagram struct {
	Src, Dst  netip.Addr // without zone; the port knows the interface
	TTL       int        // TTL or hop limit, -1 if unknown
	ID        uint16     // IPv4 identification
	Payload   []byte     // what follows the IP header
	Truncated bool       // the packet was longer than any VRRP packet; Drop is set
	// Drop is why the packet cannot be used, wire.OK if it can. With another value the fields above may be empty.
	Drop wire.Reason
}

// Recv fetches the packets that wait, as many as b holds, with one system call, and never blocks. It returns how many came, 0 if
// none waited; b.At gives them. If n equals the size of the Batch there may be more. An error (EBADF after Close, ENOMEM)
// concerns the socket and not a packet.
func (p *Port) Recv(b *Batch) (n int, err error) {
	heads := b.head[0]
	b.v6, b.prot = p.family == 6, p.proto
	if b.v6 {
		heads = b.head[1]
		b.prepare()
	}
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(p.fd), uintptr(unsafe.Pointer(&heads[0])),
		uintptr(len(heads)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		if b.v6 {
			b.used = 1 // a call that failed may have touched the first
		}
		if errno == unix.EAGAIN {
			return 0, nil
		}
		return 0, errno
	}
	n = int(r)
	if b.v6 {
		b.used = min(n+1, len(heads)) // it stopped in the middle of the one after the last
	}
	p.heard = p.heard || n > 0
	return n, nil
}

// Cap is how many packets the batch holds.
func (b *Batch) Cap() int { return len(b.iovs) }

// At is packet i of the last Recv, 0 <= i < n.
func (b *Batch) At(i int) Datagram {
	if b.v6 {
		return b.at6(i)
	}
	m := &b.head[0][i]
	if m.hdr.Flags&unix.MSG_TRUNC != 0 {
		return Datagram{TTL: -1, Truncated: true, Drop: wire.TooLong}
	}
	h, payload, reason := wire.ParseIPv4(b.bytes(i, m.n), b.prot)
	if reason != wire.OK {
		return Datagram{TTL: -1, Drop: reason}
	}
	return Datagram{Src: h.Src, Dst: h.Dst, TTL: int(h.TTL), ID: h.ID, Payload: payload}
}

func (b *Batch) bytes(i int, n uint32) []byte {
	return b.data[i*bufSize : i*bufSize+int(n) : (i+1)*bufSize]
}

func (b *Batch) at6(i int) Datagram {
	m, side := &b.head[1][i], &b.side[i]
	d := Datagram{
		Src:       netip.AddrFrom16(side.name.Addr),
		TTL:       -1,
		Truncated: m.hdr.Flags&unix.MSG_TRUNC != 0,
		Payload:   b.bytes(i, m.n),
	}
	control := unsafe.Slice((*byte)(unsafe.Pointer(&side.control)), unsafe.Sizeof(side.control))
	d.ancillary(control[:min(int(m.hdr.Controllen), len(control))])
	switch {
	case d.Truncated:
		d.Drop = wire.TooLong
	case !d.Dst.IsValid():
		d.Drop = wire.FamilyMismatch // the kernel did not tell whom it was for
	}
	return d
}

// ancillary reads destination and hop limit.
func (d *Datagram) ancillary(control []byte) {
	for len(control) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
		if uint64(h.Len) < unix.SizeofCmsghdr || uint64(h.Len) > uint64(len(control)) {
			return
		}
		body := control[unix.CmsgLen(0):h.Len]
		if h.Level == unix.SOL_IPV6 {
			switch {
			case h.Type == unix.IPV6_PKTINFO && len(body) >= unix.SizeofInet6Pktinfo:
				d.Dst = netip.AddrFrom16([16]byte(body))
			case h.Type == unix.IPV6_HOPLIMIT && len(body) >= 4:
				d.TTL = int(int32(binary.NativeEndian.Uint32(body)))
			}
		}
		control = control[min(unix.CmsgSpace(len(body)), len(control)):]
	}
}
