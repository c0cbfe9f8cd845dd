package link

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"holdfast.dev/link/frame"
)

// ClaimBatch is how many frames one Recv of a ClaimPort fetches.
const ClaimBatch = 64

// claimFrame holds an ARP packet, and a neighbour advertisement with more options than anybody sends. What is longer is no claim.
const claimFrame = 256

// Claim is one station's saying that an address is at it.
type Claim struct {
	Index int // of the interface that it was heard on
	MAC   frame.MAC
	Addr  netip.Addr
}

// ClaimPort hears the claims of other stations on all Ethernet interfaces of the network namespace that it was opened in: with ARP
// every packet that has an IPv4 address as its sender (RFC 5227 section 2.4), with IPv6 neighbour advertisements. It sees what comes in and
// never what goes out.
//
// Opening one takes no lock that others may hold, closing it waits until no processor uses it any more: the election thread does neither.
type ClaimPort struct {
	fd     int
	parse  func(b []byte) (frame.MAC, netip.Addr, bool)
	heads  [ClaimBatch]mmsghdr
	iovs   [ClaimBatch]unix.Iovec
	names  [ClaimBatch]unix.RawSockaddrLinklayer
	data   [ClaimBatch][claimFrame]byte
	claims [ClaimBatch]Claim
}

// OpenClaims makes a ClaimPort for a family, 4 or 6, that holds the claims of that many addresses before they are fetched. It fails without
// CAP_NET_RAW (EPERM).
func OpenClaims(family, addresses int) (*ClaimPort, error) {
	prog := []bpf.Instruction{bpf.RetConstant{Val: acceptAll}} // an ARP socket gets nothing else
	if family == 6 {
		prog = naFilter
	}
	return openClaims(family, prog, addresses)
}

// lay sets out where frames are received into.
func (c *ClaimPort) lay() {
	for i := range c.heads {
		c.iovs[i].Base = &c.data[i][0]
		c.iovs[i].SetLen(claimFrame)
		h := &c.heads[i].hdr
		h.Name = (*byte)(unsafe.Pointer(&c.names[i]))
		h.Iov = &c.iovs[i]
		h.SetIovlen(1)
	}
}

// naFilter lets neighbour advertisements pass, by the protocol of the IPv6 header and the type behind it.
var naFilter = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 14 + 6, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_ICMPV6, SkipTrue: 3},
	bpf.LoadAbsolute{Off: 14 + 40, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 136, SkipTrue: 1},
	bpf.RetConstant{Val: acceptAll},
	bpf.RetConstant{Val: 0},
}

// open sets the socket up before it is bound: until then it hears nothing.
func (c *ClaimPort) open(protocol uint16, prog []bpf.Instruction, rcvbuf int) (err error) {
	c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	if err := attachFilter(c.fd, prog); err != nil {
		return err
	}
	err = unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, rcvbuf/2)
	if errors.Is(err, unix.EPERM) {
		err = unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, rcvbuf/2)
	}
	if err != nil {
		return fmt.Errorf("set SO_RCVBUF: %w", err)
	}
	return unix.Bind(c.fd, &unix.SockaddrLinklayer{Protocol: protocol<<8 | protocol>>8})
}

// FD is the file descriptor, for waiting only. It is -1 once the port is closed.
func (c *ClaimPort) FD() int { return c.fd }

// Recv fetches at most ClaimBatch frames with one system call, and never blocks. It returns the claims among them, in a slice that is
// good until the next Recv; more is true if there may be more frames. An error concerns the socket and not a frame.
func (c *ClaimPort) Recv() (claims []Claim, more bool, err error) {
	for i := range c.heads {
		c.heads[i].hdr.Namelen = unix.SizeofSockaddrLinklayer
	}
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(c.fd), uintptr(unsafe.Pointer(&c.heads[0])), ClaimBatch,
		unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
	case unix.EAGAIN, unix.EINTR, unix.ENETDOWN: // the last once for each interface that goes down
		return nil, errno != unix.EAGAIN, nil
	default:
		return nil, false, errno
	}
	n := 0
	for i := range int(r) {
		if claim, ok := c.claim(i); ok {
			c.claims[n] = claim
			n++
		}
	}
	return c.claims[:n], r == ClaimBatch, nil
}

// claim reads frame i.
func (c *ClaimPort) claim(i int) (Claim, bool) {
	h, from := &c.heads[i], &c.names[i]
	if h.hdr.Flags&unix.MSG_TRUNC != 0 || h.hdr.Namelen < unix.SizeofSockaddrLinklayer || from.Hatype != unix.ARPHRD_ETHER ||
		from.Pkttype == unix.PACKET_OUTGOING {
		return Claim{}, false
	}
	mac, addr, ok := c.parse(c.data[i][:h.n])
	return Claim{Index: int(from.Ifindex), MAC: mac, Addr: addr}, ok
}

func arpClaim(b []byte) (frame.MAC, netip.Addr, bool) {
	a, reason := frame.ParseARP(b)
	return a.SenderMAC, a.Sender, reason == frame.OK && a.Claims(a.Sender)
}

// naClaim: an advertisement without the override flag is a proxy's, or one of several stations' that share the address (RFC 4861 sections
// 7.2.7 and 7.2.8). It takes nothing away from anybody.
func naClaim(b []byte) (frame.MAC, netip.Addr, bool) {
	n, reason := frame.ParseNA(b)
	mac := n.TargetMAC
	if !n.HasMAC {
		mac = n.Source
	}
	return mac, n.Target, reason == frame.OK && n.Override
}

// Close frees the socket. Closing again does nothing.
func (c *ClaimPort) Close() error {
	if c.fd < 0 {
		return nil
	}
	fd := c.fd
	c.fd = -1
	return unix.Close(fd)
}
