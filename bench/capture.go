package main

import (
	"encoding/binary"
	"sync"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"holdfast.dev/transport"
)

// advert is an advertisement that a router sent. Times are nanoseconds of the wall clock, stamped by the kernel where the packet
// entered the bridge.
type advert struct {
	at       int64
	node     int
	link     int
	vrid     int
	priority int
}

// capture notes the adverts at the ports of the bridges.
type capture struct {
	fd    int
	done  chan struct{}
	mu    sync.Mutex
	list  []advert
	ports map[int]port
}

// filter lets IPv4 packets pass that come in: of protocol 112, and of UDP and TCP from or to the port of other transports.
var filter = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 12, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_IP, SkipTrue: 10},
	bpf.LoadAbsolute{Off: 23, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: 112, SkipTrue: 7},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_TCP, SkipTrue: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: 6},
	bpf.LoadMemShift{Off: 14},
	bpf.LoadIndirect{Off: 14, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: transport.Port, SkipTrue: 2},
	bpf.LoadIndirect{Off: 16, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: transport.Port, SkipTrue: 1},
	bpf.RetConstant{Val: snap},
	bpf.RetConstant{Val: 0},
}

// snap is how much is kept of a packet.
const snap = 256

func startCapture(w *world) (*capture, error) {
	c := &capture{ports: w.ports, done: make(chan struct{})}
	err := w.fabric.Do(func() (err error) {
		c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := c.set(); err != nil {
		unix.Close(c.fd)
		return nil, err
	}
	go c.run()
	return c, nil
}

func (c *capture) set() error {
	raw, err := bpf.Assemble(filter)
	if err != nil {
		return err
	}
	prog := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		prog[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	if err := unix.SetsockoptSockFprog(c.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog); err != nil {
		return err
	}
	for _, o := range [][3]int{
		{unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1},
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32 << 20},
	} {
		if err := unix.SetsockoptInt(c.fd, o[0], o[1], o[2]); err != nil {
			return err
		}
	}
	timeout := unix.Timeval{Usec: 100_000} // so that stop is noticed
	if err := unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return err
	}
	return unix.Bind(c.fd, &unix.SockaddrLinklayer{Protocol: unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8})
}

func (c *capture) run() {
	defer close(c.done)
	buf, oob := make([]byte, snap), make([]byte, 128)
	for {
		n, oobn, _, from, err := unix.Recvmsg(c.fd, buf, oob, 0)
		switch err {
		case nil:
		case unix.EAGAIN, unix.EINTR:
			continue
		default:
			return
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		if !ok {
			continue
		}
		p, ok := c.ports[ll.Ifindex]
		if !ok {
			continue
		}
		if a, ok := parseAdvert(buf[:n]); ok {
			a.at, a.node, a.link = stamp(oob[:oobn]), p.node, p.link
			c.mu.Lock()
			c.list = append(c.list, a)
			c.mu.Unlock()
		}
	}
}

// parseAdvert reads what is counted of an Ethernet frame with an IPv4 advert of either version.
func parseAdvert(b []byte) (a advert, ok bool) {
	if len(b) < 14+20 {
		return a, false
	}
	h := 14 + int(b[14]&15)*4
	if p := b[23]; len(b) >= h && (p == unix.IPPROTO_TCP || p == unix.IPPROTO_UDP) {
		return carriedAdvert(p == unix.IPPROTO_TCP, b[h:])
	}
	if len(b) < h+4 || b[h]&15 != 1 {
		return a, false
	}
	return advert{vrid: int(b[h+1]), priority: int(b[h+2])}, true
}

// stamp is the time at which the kernel received a packet.
func stamp(oob []byte) int64 {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, m := range msgs {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
			return int64(binary.NativeEndian.Uint64(m.Data))*1e9 + int64(binary.NativeEndian.Uint64(m.Data[8:]))
		}
	}
	return 0
}

func (c *capture) stop() {
	_ = unix.Shutdown(c.fd, unix.SHUT_RDWR) // not every kernel wakes the reader with it
	unix.Close(c.fd)
	<-c.done
}

// since lists the adverts of a router from a time on.
func (c *capture) since(node int, from int64) (out []advert) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.list {
		if a.node == node && a.at >= from {
			out = append(out, a)
		}
	}
	return out
}

// masters counts the virtual routers that a router advertises, with another priority than 0, since a time.
func (c *capture) masters(node int, from int64) int {
	seen := map[[2]int]bool{}
	for _, a := range c.since(node, from) {
		if a.priority > 0 {
			seen[[2]int{a.link, a.vrid}] = true
		}
	}
	return len(seen)
}

// ends are the last advert of a virtual router before a time, or the first one since.
func (c *capture) ends(node int, from int64, last bool) map[[2]int]int64 {
	out := map[[2]int]int64{}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.list {
		if a.node != node || a.priority == 0 {
			continue
		}
		key := [2]int{a.link, a.vrid}
		if _, seen := out[key]; last && a.at < from || !last && a.at >= from && !seen {
			out[key] = a.at
		}
	}
	return out
}

// take hands over what was noted, and forgets it.
func (c *capture) take() []advert {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	c.list = nil
	return list
}

// lost is how many packets the kernel had to drop for us since it was last asked.
func (c *capture) lost() uint32 {
	st, err := unix.GetsockoptTpacketStats(c.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0
	}
	return st.Drops
}

// forget drops what was noted.
func (c *capture) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = nil
}
