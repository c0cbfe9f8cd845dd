package link

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// perAdvert is what a waiting packet may cost of a receive buffer: the kernel charges the memory that the driver took, half a
// page for the data and the headers around it on most network cards, whatever the packet's length.
const perAdvert = 2304

// RcvBufFor is the Spec.RcvBuf at which four adverts of each of that many virtual routers can wait. It is at least 64 KiB and at
// most 32 MiB.
func RcvBufFor(routers int) int {
	const least, most = 64 << 10, 32 << 20
	return min(max(min(routers, most)*4*perAdvert, least), most)
}

// setBuffers sets the size of the receive buffer, and makes the send buffer as large if it is smaller, so that a burst of all
// adverts of the port is not refused. The kernel doubles what it is told, for its own overhead, which perAdvert counts in. Where
// the privilege is missing the limits of net.core.rmem_max and wmem_max hold; RcvBuf tells what was granted.
func (p *Port) setBuffers(size int) error {
	if size == 0 {
		return nil
	}
	for _, b := range []struct {
		name         string
		opt, force   int
		onlyIncrease bool
	}{
		{"SO_RCVBUF", unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, false},
		{"SO_SNDBUF", unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, true},
	} {
		now, err := unix.GetsockoptInt(p.fd, unix.SOL_SOCKET, b.opt)
		if err == nil && b.onlyIncrease && now >= size {
			continue
		}
		err = unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, b.force, (size+1)/2)
		if errors.Is(err, unix.EPERM) {
			err = unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, b.opt, (size+1)/2)
		}
		if err != nil {
			return fmt.Errorf("set %s to %d: %w", b.name, size, err)
		}
	}
	return nil
}

// RcvBuf is the size of the receive buffer that the kernel granted, in the octets of Spec.RcvBuf. It is smaller than was
// asked for where SO_RCVBUFFORCE is not permitted.
func (p *Port) RcvBuf() (int, error) {
	n, err := unix.GetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	return n, p.named(err)
}

// SetRcvBuf changes the receive buffer as Spec.RcvBuf sets it, for a port that has come to serve more virtual routers.
func (p *Port) SetRcvBuf(octets int) error { return p.named(p.setBuffers(octets)) }

// Dropped is how many packets the kernel dropped since it was last asked: because nobody fetched them in time, or, with IPv6, because
// their checksum was wrong (the kernel keeps one counter for both). Asked after a drain it knows of everything that was lost up to
// then; SO_RXQ_OVFL would tell only when the next packet comes, too late for a take-over that is due now. It costs a
// system call only if something was received since.
func (p *Port) Dropped() uint32 {
	if !p.heard {
		return 0
	}
	p.heard = false
	if p.readMeter() != 0 {
		return 0
	}
	now := p.meter[unix.SK_MEMINFO_DROPS]
	n := now - p.asked
	p.asked = now
	return n
}

// readMeter reads the kernel's accounts of the socket.
func (p *Port) readMeter() unix.Errno {
	size := uint32(unsafe.Sizeof(p.meter))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(p.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&p.meter)), uintptr(unsafe.Pointer(&size)), 0)
	return errno
}
