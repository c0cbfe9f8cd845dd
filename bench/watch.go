package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// held is an address that came or went. The time is that at which the report was read, by a thread that is woken before any
// ordinary process.
type held struct {
	at    int64
	link  string
	addr  netip.Prefix
	added bool
}

// watch notes what the kernel of a router reports of addresses, and counts what it reports of anything.
type watch struct {
	fd    int
	done  chan struct{}
	mu    sync.Mutex
	holds []held
	other []int64 // times of reports about links, routes and rules
	names map[int]string
}

const watchGroups = 1<<(unix.RTNLGRP_LINK-1) | 1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV4_ROUTE-1) |
	1<<(unix.RTNLGRP_IPV4_RULE-1)

func startWatch(n *node) (*watch, error) {
	w := &watch{done: make(chan struct{}), names: map[int]string{}}
	err := n.ns.Do(func() (err error) {
		w.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20)
	timeout := unix.Timeval{Usec: 100_000}
	_ = unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
	if err := unix.Bind(w.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: watchGroups}); err != nil {
		unix.Close(w.fd)
		return nil, err
	}
	for l := 0; ; l++ {
		name := fmt.Sprintf("eth%d", l)
		index, err := n.ns.Index(name)
		if err != nil {
			break
		}
		w.names[index] = name
	}
	go w.run()
	return w, nil
}

// urgent makes the calling thread the first to be woken, below nothing but what has a real-time priority on purpose.
func urgent() {
	runtime.LockOSThread()
	param := int32(1)
	const fifo = 1
	_, _, _ = unix.Syscall(unix.SYS_SCHED_SETSCHEDULER, 0, fifo, uintptr(unsafe.Pointer(&param))) // else it is as good as the others
}

func (w *watch) run() {
	defer close(w.done)
	urgent()
	buf := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(w.fd, buf, 0)
		switch err {
		case nil:
		case unix.EAGAIN, unix.EINTR, unix.ENOBUFS:
			continue
		default:
			return
		}
		w.take(time.Now().UnixNano(), buf[:n])
	}
}

func (w *watch) take(now int64, b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(b) >= unix.SizeofNlMsghdr {
		n := int(binary.NativeEndian.Uint32(b))
		if n < unix.SizeofNlMsghdr || n > len(b) {
			return
		}
		typ, body := binary.NativeEndian.Uint16(b[4:]), b[unix.SizeofNlMsghdr:n]
		b = b[min((n+3)&^3, len(b)):]
		if typ != unix.RTM_NEWADDR && typ != unix.RTM_DELADDR {
			w.other = append(w.other, now)
			continue
		}
		if h, ok := w.address(body); ok {
			h.at, h.added = now, typ == unix.RTM_NEWADDR
			w.holds = append(w.holds, h)
		}
	}
}

// address reads an ifaddrmsg of an IPv4 address.
func (w *watch) address(b []byte) (h held, ok bool) {
	if len(b) < unix.SizeofIfAddrmsg || b[0] != unix.AF_INET {
		return h, false
	}
	h.link = w.names[int(binary.NativeEndian.Uint32(b[4:]))]
	bits := int(b[1])
	for a := b[unix.SizeofIfAddrmsg:]; len(a) >= 4; {
		n := int(binary.NativeEndian.Uint16(a))
		if n < 4 || n > len(a) {
			return h, false
		}
		if binary.NativeEndian.Uint16(a[2:]) == unix.IFA_LOCAL && n == 8 {
			h.addr = netip.PrefixFrom(netip.AddrFrom4([4]byte(a[4:8])), bits)
			return h, h.link != ""
		}
		a = a[min((n+3)&^3, len(a)):]
	}
	return h, false
}

func (w *watch) stop() {
	unix.Close(w.fd)
	<-w.done
}

// foreignAddr is an address that somebody gave the router.
type foreignAddr struct{ link, prefix string }

// foreign lists the addresses that are there now and came since the watch began.
func (w *watch) foreign() (out []foreignAddr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := map[foreignAddr]bool{}
	for _, h := range w.holds {
		now[foreignAddr{h.link, h.addr.String()}] = h.added
	}
	for a, there := range now {
		if there {
			out = append(out, a)
		}
	}
	return out
}

// came tells when each address that was added since a time came first.
func (w *watch) came(from int64) map[netip.Addr]int64 {
	out := map[netip.Addr]int64{}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.holds {
		if _, seen := out[h.addr.Addr()]; h.added && h.at >= from && !seen {
			out[h.addr.Addr()] = h.at
		}
	}
	return out
}

// changes counts everything that was reported since a time.
func (w *watch) changes(from int64) (count int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.holds {
		if h.at >= from {
			count++
		}
	}
	for _, at := range w.other {
		if at >= from {
			count++
		}
	}
	return count
}
