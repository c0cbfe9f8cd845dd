package main

import (
	"fmt"
	"net"
	"runtime"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bare is the floor: what a router does on the wire at the least, as one loop on one locked thread. It believes every advert, holds
// no address and knows no configuration. Of two masters the one with the lower address yields.
type bare struct {
	raw, timer, ep int
	interval       time.Duration
	down           time.Duration
	priority       byte
	master         bool
	due            int64 // CLOCK_MONOTONIC in ns
	packet         [12]byte
	own            byte // the last octet of its address
}

// floorMain runs the floor: interface, interval, priority and whether to be real-time.
func floorMain(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("interface, interval, priority, real-time")
	}
	interval, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	priority, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if args[3] == "true" {
		const rr = 2
		param := int32(50)
		if _, _, no := unix.Syscall(unix.SYS_SCHED_SETSCHEDULER, 0, rr, uintptr(unsafe.Pointer(&param))); no != 0 {
			return no
		}
	}
	f := &bare{
		interval: interval, priority: byte(priority),
		down: 3*interval + time.Duration(256-priority)*interval/256,
	}
	if err := f.open(args[0]); err != nil {
		return err
	}
	return f.run()
}

func (f *bare) open(name string) (err error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	addrs, err := ifi.Addrs()
	if err != nil || len(addrs) == 0 {
		return fmt.Errorf("no address on %s (%v)", name, err)
	}
	if ip, _, err := net.ParseCIDR(addrs[0].String()); err == nil && ip.To4() != nil {
		f.own = ip.To4()[3]
	}
	if f.raw, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_NONBLOCK, 112); err != nil {
		return err
	}
	mreq := &unix.IPMreqn{Multiaddr: [4]byte{224, 0, 0, 18}, Ifindex: int32(ifi.Index)}
	if err := unix.SetsockoptIPMreqn(f.raw, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, mreq); err != nil {
		return err
	}
	if err := unix.SetsockoptIPMreqn(f.raw, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, mreq); err != nil {
		return err
	}
	for opt, v := range map[int]int{unix.IP_MULTICAST_LOOP: 0, unix.IP_MULTICAST_TTL: 255} {
		if err := unix.SetsockoptInt(f.raw, unix.IPPROTO_IP, opt, v); err != nil {
			return err
		}
	}
	if f.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK); err != nil {
		return err
	}
	if f.ep, err = unix.EpollCreate1(0); err != nil {
		return err
	}
	for _, fd := range []int{f.raw, f.timer} {
		if err := unix.EpollCtl(f.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
			return err
		}
	}
	cs := int(f.interval / (10 * time.Millisecond))
	f.packet = [12]byte{0x31, 1, f.priority, 1, byte(cs >> 8), byte(cs), 0, 0, 10, 0, 1, 1}
	return nil
}

func mono() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}

func (f *bare) arm(at int64) error {
	f.due = at
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(at)}
	return unix.TimerfdSettime(f.timer, unix.TFD_TIMER_ABSTIME, &spec, nil)
}

func (f *bare) run() error {
	to := &unix.SockaddrInet4{Addr: [4]byte{224, 0, 0, 18}}
	events, buf := make([]unix.EpollEvent, 2), make([]byte, 256)
	if err := f.arm(mono() + int64(f.down)); err != nil {
		return err
	}
	for {
		if _, err := unix.EpollWait(f.ep, events, -1); err != nil && err != unix.EINTR {
			return err
		}
		for {
			n, err := unix.Read(f.raw, buf)
			if err != nil {
				break
			}
			if n >= 20 && buf[15] > f.own {
				f.master = false
			}
			if !f.master {
				f.due = mono() + int64(f.down)
			}
		}
		if mono() < f.due {
			if err := f.arm(f.due); err != nil {
				return err
			}
			continue
		}
		if err := unix.Sendto(f.raw, f.packet[:], 0, to); err != nil {
			return err
		}
		if !f.master {
			f.master, f.due = true, mono()
		}
		if err := f.arm(f.due + int64(f.interval)); err != nil {
			return err
		}
	}
}

// busyMain uses a processor until it is killed.
func busyMain([]string) error {
	runtime.LockOSThread()
	for n := uint64(1); n != 0; {
		n = n*6364136223846793005 | 1
	}
	return nil
}
