package link

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// ClaimWatch hears the claims of other stations for certain addresses, as ClaimPort does for all, but waits for them: the kernel drops
// everything else before it is copied.
type ClaimWatch struct {
	port   *ClaimPort
	file   *os.File
	raw    syscall.RawConn
	closed atomic.Bool
}

// watchWaiting is how many claims may wait. Of a flood the rest is dropped: it says nothing new.
const watchWaiting = 64

// WatchClaims makes a ClaimWatch for addresses of a family, 4 or 6; there must be one at least. It hears them on all Ethernet interfaces of
// the calling thread's network namespace. It fails without CAP_NET_RAW (EPERM).
func WatchClaims(family int, addrs []netip.Addr) (*ClaimWatch, error) {
	if len(addrs) == 0 {
		return nil, errors.New("socket for claims: no addresses")
	}
	p, err := openClaims(family, claimFilter(family, addrs), watchWaiting)
	if err != nil {
		return nil, err
	}
	// Without it, on kernels before 4.20, what we send passes the filter and is thrown away here.
	_ = unix.SetsockoptInt(p.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	w := &ClaimWatch{port: p, file: os.NewFile(uintptr(p.fd), "claims")}
	if w.raw, err = w.file.SyscallConn(); err != nil {
		w.Close()
		return nil, fmt.Errorf("socket for claims: %w", err)
	}
	return w, nil
}

// Recv waits for claims. The slice is good until the next Recv. After Close the error is os.ErrClosed.
func (w *ClaimWatch) Recv() (claims []Claim, err error) {
	for len(claims) == 0 && err == nil {
		failed := w.raw.Read(func(uintptr) bool {
			var more bool
			claims, more, err = w.port.Recv()
			return len(claims) > 0 || more || err != nil
		})
		if w.closed.Load() {
			return nil, os.ErrClosed // the package os has an error of its own for this
		}
		if failed != nil {
			return nil, failed
		}
	}
	return claims, err
}

// Close ends a Recv that waits, and frees the socket.
func (w *ClaimWatch) Close() error {
	w.closed.Store(true)
	return w.file.Close()
}

// openClaims makes a ClaimPort with a filter of its own.
func openClaims(family int, prog []bpf.Instruction, addresses int) (*ClaimPort, error) {
	c := &ClaimPort{fd: -1, parse: arpClaim}
	protocol := unix.ETH_P_ARP
	switch family {
	case 4:
	case 6:
		c.parse, protocol = naClaim, unix.ETH_P_IPV6
	default:
		return nil, fmt.Errorf("socket for claims: family %d is neither 4 nor 6", family)
	}
	if err := c.open(uint16(protocol), prog, RcvBufFor(addresses)); err != nil {
		c.Close()
		return nil, fmt.Errorf("socket for claims of addresses (IPv%d): %w", family, err)
	}
	c.lay()
	return c, nil
}
