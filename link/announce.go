package link

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/link/frame"
)

// AnnounceMax is how many announcements one Flush sends: a slice of the election thread's round.
const AnnounceMax = 64

// Announcer sends gratuitous ARPs and unsolicited neighbour advertisements on any interface of the network namespace that it was
// opened in. They are queued one by one and sent by Flush with one system call.
//
// Its socket asks for protocol 0, so it receives nothing: nothing can pile up in it (docs/regressions.md, C68).
type Announcer struct {
	fd    int
	n     int // queued
	ready int // of them, those that became a frame
	items [AnnounceMax]announcement
	errs  [AnnounceMax]error
	heads [AnnounceMax]mmsghdr // without gaps
	owner [AnnounceMax]int     // item of each head
}

// announcement is one queued frame. Its iovec leads into itself.
type announcement struct {
	to  unix.RawSockaddrLinklayer
	iov unix.Iovec
	buf [frame.NALen]byte
}

// OpenAnnouncer makes an Announcer. It fails without CAP_NET_RAW (EPERM).
func OpenAnnouncer() (*Announcer, error) {
	fd, err := openFrames()
	if err != nil {
		return nil, fmt.Errorf("socket for ARP and neighbour advertisements: %w", err)
	}
	return &Announcer{fd: fd}, nil
}

// openFrames opens a socket that sends Ethernet frames and receives none.
func openFrames() (fd int, err error) {
	fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, priority); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// GARP queues the announcement that addr, an IPv4 address, is at mac, for the interface with that index. It reports
// false, and queues nothing, if AnnounceMax are queued already.
func (a *Announcer) GARP(index int, mac [6]byte, addr netip.Addr) bool {
	if a.n == AnnounceMax {
		return false
	}
	b, err := frame.AppendGARP(a.items[a.n].buf[:0], mac[:], addr)
	a.queue(index, unix.ETH_P_ARP, len(b), err)
	return true
}

// NA queues the announcement that addr, an IPv6 address, is at mac; router is the flag of rule M3. Otherwise it is as GARP.
func (a *Announcer) NA(index int, mac [6]byte, addr netip.Addr, router bool) bool {
	if a.n == AnnounceMax {
		return false
	}
	b, err := frame.AppendNA(a.items[a.n].buf[:0], mac[:], addr, router)
	a.queue(index, unix.ETH_P_IPV6, len(b), err)
	return true
}

func (a *Announcer) queue(index int, protocol uint16, length int, err error) {
	i := a.n
	a.n++
	a.errs[i] = err
	if err != nil {
		return
	}
	m := &a.items[i]
	m.to = unix.RawSockaddrLinklayer{
		Family:   unix.AF_PACKET,
		Protocol: protocol<<8 | protocol>>8,
		Ifindex:  int32(index),
	}
	m.iov.Base = &m.buf[0]
	m.iov.SetLen(length)
	h := &a.heads[a.ready].hdr
	h.Name = (*byte)(unsafe.Pointer(&m.to))
	h.Namelen = unix.SizeofSockaddrLinklayer
	h.Iov = &m.iov
	h.SetIovlen(1)
	a.owner[a.ready] = i
	a.ready++
}

// Len is how many are queued.
func (a *Announcer) Len() int { return a.n }

// Flush sends what is queued, empties the queue, and returns what became of each, in the order in which they were queued; nil
// is sent. The slice is reused. Errors are those of the frame package for what cannot be announced, and system errors: ENETDOWN if
// the interface is down, ENXIO if it is gone, ENOBUFS and EAGAIN if a queue is full. It never blocks.
func (a *Announcer) Flush() []error {
	for sent := 0; sent < a.ready; {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(a.fd), uintptr(unsafe.Pointer(&a.heads[sent])),
			uintptr(a.ready-sent), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if errno != 0 {
			n = 0 // it is that of the first; the kernel tells of a later one only when it has become the first
			a.errs[a.owner[sent]] = errno
		}
		sent += max(int(n), 1)
	}
	errs := a.errs[:a.n]
	a.n, a.ready = 0, 0
	return errs
}

// Close frees the socket. Closing again does nothing.
func (a *Announcer) Close() error {
	if a.fd < 0 {
		return nil
	}
	fd := a.fd
	a.fd = -1
	return unix.Close(fd)
}
