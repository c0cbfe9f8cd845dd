package main

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// pinger is a client that asks an address for a sign of life, every millisecond.
type pinger struct {
	fd   int
	to   unix.SockaddrInet4
	quit chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	replies []int64
}

const pingEvery = time.Millisecond

func (w *world) ping(addr string) (*pinger, error) {
	p := &pinger{quit: make(chan struct{})}
	p.to.Addr = netip.MustParseAddr(addr).As4()
	err := w.client.Do(func() (err error) {
		p.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		return err
	})
	if err != nil {
		return nil, err
	}
	timeout := unix.Timeval{Usec: 100_000}
	for _, err := range []error{
		unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptTimeval(p.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
	} {
		if err != nil {
			unix.Close(p.fd)
			return nil, err
		}
	}
	p.done.Go(p.ask)
	p.done.Go(p.hear)
	return p, nil
}

func (p *pinger) ask() {
	urgent()
	next := mono()
	for seq := uint16(0); ; seq++ {
		select {
		case <-p.quit:
			return
		default:
		}
		b := []byte{8, 0, 0, 0, 0x48, 0x46, byte(seq >> 8), byte(seq)}
		sum := uint32(0x0800) + 0x4846 + uint32(seq)
		binary.BigEndian.PutUint16(b[2:], ^uint16(sum+sum>>16))
		_ = unix.Sendto(p.fd, b, unix.MSG_DONTWAIT, &p.to) // nobody there: that is what is measured
		next += int64(pingEvery)
		ts := unix.NsecToTimespec(next)
		_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil)
	}
}

func (p *pinger) hear() {
	buf, oob := make([]byte, 512), make([]byte, 128)
	for {
		select {
		case <-p.quit:
			return
		default:
		}
		n, oobn, _, from, err := unix.Recvmsg(p.fd, buf, oob, 0)
		if err != nil {
			continue // the time limit, which is there to notice the end
		}
		sa, ok := from.(*unix.SockaddrInet4)
		if h := int(buf[0]&15) * 4; ok && n >= h+8 && buf[h] == 0 && sa.Addr == p.to.Addr {
			p.mu.Lock()
			p.replies = append(p.replies, stamp(oob[:oobn]))
			p.mu.Unlock()
		}
	}
}

// stop ends the pinging and returns the longest time between two answers that begins or ends after a time, and whether there
// were answers after it.
func (p *pinger) stop(from int64) (longest time.Duration, again bool) {
	close(p.quit)
	p.done.Wait()
	unix.Close(p.fd)
	for i, at := range p.replies {
		if i > 0 && at >= from {
			longest, again = max(longest, time.Duration(at-p.replies[i-1])), true
		}
	}
	return longest, again
}
