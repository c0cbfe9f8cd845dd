package kernel

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// sock is a netlink socket of which we send and receive ourselves. Receiving never waits unless it says so.
type sock struct {
	conn *netlink.Conn
	fd   int // valid until close
	seq  uint32
}

// dial opens a socket of a netlink protocol in the network namespace of the calling thread. What a kernel does not know of the options is
// left out; strict reports whether dumps can be told to be of one link.
func dial(protocol, buffer int, force bool) (s *sock, strict bool, err error) {
	conn, err := netlink.Dial(protocol, nil)
	if err != nil {
		return nil, false, fmt.Errorf("opening a netlink socket: %w", err)
	}
	s = &sock{conn: conn, fd: -1}
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { s.fd = int(fd) })
	}
	if err != nil {
		_ = conn.Close()
		return nil, false, err
	}
	_ = conn.SetOption(netlink.ExtendedAcknowledge, true)        // 4.12
	_ = conn.SetOption(netlink.CapAcknowledge, true)             // 4.3
	strict = conn.SetOption(netlink.GetStrictCheck, true) == nil // 4.20
	s.setBuffer(buffer, force)
	return s, strict, nil
}

// setBuffer sets the receive buffer to this many octets, 0 for what the system gives. Beyond net.core.rmem_max only force
// gets it, with CAP_NET_ADMIN in the first user namespace; otherwise it is cut to that limit.
func (s *sock) setBuffer(octets int, force bool) {
	if octets <= 0 {
		return
	}
	if force && unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, octets) == nil {
		return
	}
	_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, octets)
}

func (s *sock) close() error { return s.conn.Close() }

// send gives messages to the kernel, which has dealt with them when it returns; dumps excepted.
func (s *sock) send(b []byte) error {
	for {
		err := unix.Sendto(s.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("sendto", err)
		}
	}
}

// wait waits until there is something to receive.
func (s *sock) wait(limit time.Duration) error {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}, int(limit/time.Millisecond))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return os.NewSyscallError("poll", err)
		case n == 0:
			return errNoAnswer
		default:
			return nil
		}
	}
}

var errNoAnswer = errors.New("no answer from the kernel")

// inbox receives several datagrams with one system call.
type inbox struct {
	heads []mmsghdr
	vecs  []unix.Iovec
	names []unix.RawSockaddrNetlink
	bufs  [][]byte
}

// mmsghdr is struct mmsghdr of the kernel.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [unsafe.Sizeof(uintptr(0)) - 4]byte
}

func newInbox(n, size int) *inbox {
	in := &inbox{
		heads: make([]mmsghdr, n), vecs: make([]unix.Iovec, n), names: make([]unix.RawSockaddrNetlink, n), bufs: make([][]byte, n),
	}
	all := make([]byte, n*size)
	for i := range in.heads {
		in.bufs[i] = all[i*size : (i+1)*size : (i+1)*size]
		in.vecs[i].Base = &in.bufs[i][0]
		in.vecs[i].SetLen(size)
		h := &in.heads[i].hdr
		h.Iov = &in.vecs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&in.names[i]))
	}
	return in
}

// recv receives what is there, without waiting; 0 if there is nothing.
func (in *inbox) recv(fd int) (n int, err error) {
	for i := range in.heads {
		in.heads[i].hdr.Namelen = unix.SizeofSockaddrNetlink
	}
	for {
		got, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&in.heads[0])),
			uintptr(len(in.heads)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(got), nil
		case unix.EAGAIN:
			return 0, nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// datagram is the i-th of what recv received. Whole is false if it did not fit. What did not come from the kernel is empty:
// another process may send to us as well.
func (in *inbox) datagram(i int) (b []byte, whole bool) {
	if in.names[i].Pid != 0 {
		return nil, true
	}
	return in.bufs[i][:min(int(in.heads[i].len), len(in.bufs[i]))], in.heads[i].hdr.Flags&unix.MSG_TRUNC == 0
}
