package durations

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/interop/lab"
	"holdfast.dev/link/frame"
	"holdfast.dev/vrrp/wire"
)

// capture is a packet socket of which nobody reads while something is being measured.
type capture struct {
	t      *testing.T
	fd     int
	except int // index of a link that does not count
	frames []captured
}

// captured is a frame with the time at which the kernel saw it.
type captured struct {
	at    time.Time
	bytes []byte
}

// newCapture captures on one link, or on all if it has no name.
func newCapture(t *testing.T, ns *netns.NS, link string, incoming bool) *capture {
	t.Helper()
	c := &capture{t: t, fd: -1}
	at := &unix.SockaddrLinklayer{Protocol: 0x0300} // ETH_P_ALL, in network byte order
	nstest.Do(t, ns, func() {
		var err error
		c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		nstest.OK(t, err)
	})
	t.Cleanup(func() { _ = unix.Close(c.fd) })
	if link != "" {
		index, err := ns.Index(link)
		nstest.OK(t, err)
		at.Ifindex = index
	}
	if incoming {
		nstest.OK(t, unix.SetsockoptInt(c.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1))
	}
	nstest.OK(t, unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
	nstest.OK(t, unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20))
	nstest.OK(t, unix.Bind(c.fd, at))
	return c
}

// all reads what has come and returns everything since the beginning.
func (c *capture) all() []captured {
	c.t.Helper()
	buf, oob := make([]byte, 65536), make([]byte, 256)
	for {
		n, oobn, _, from, err := unix.Recvmsg(c.fd, buf, oob, 0)
		if errors.Is(err, unix.EAGAIN) {
			return c.frames
		}
		nstest.OK(c.t, err)
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Ifindex == c.except {
			continue
		}
		c.frames = append(c.frames, captured{c.stamp(oob[:oobn]), append([]byte(nil), buf[:n]...)})
	}
}

func (c *capture) stamp(oob []byte) time.Time {
	msgs, err := unix.ParseSocketControlMessage(oob)
	nstest.OK(c.t, err)
	for _, m := range msgs {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		}
	}
	c.t.Fatal("a captured frame has no time")
	return time.Time{}
}

// advert is an advertisement on the bridge.
type advert struct {
	at   time.Time
	from *router
	src  netip.Addr
	wire.Advert
}

// adverts lists those of one virtual router.
func (w *world) adverts(v lab.Router) (out list) {
	w.t.Helper()
	for _, f := range w.wire.all() {
		a, src, ok := decode(f.bytes)
		if !ok || a.VRID != v.VRID || is6(v) != (f.bytes[12] == 0x86) {
			continue
		}
		for _, r := range w.routers {
			if r.mac() == [6]byte(f.bytes[6:]) {
				out = append(out, advert{f.at, r, src, a})
			}
		}
	}
	return out
}

func decode(b []byte) (a wire.Advert, src netip.Addr, ok bool) {
	reason := wire.OK + 1
	switch {
	case len(b) >= 34 && binary.BigEndian.Uint16(b[12:]) == 0x0800:
		h, payload, bad := wire.ParseIPv4(b[14:], wire.ProtoVRRP)
		if src = h.Src; bad == wire.OK {
			a, reason = wire.Decode(payload, h.Src, h.Dst, wire.Options{})
		}
	case len(b) >= 54 && binary.BigEndian.Uint16(b[12:]) == 0x86dd && b[20] == wire.ProtoVRRP:
		src = netip.AddrFrom16([16]byte(b[22:]))
		dst := netip.AddrFrom16([16]byte(b[38:]))
		a, reason = wire.Decode(b[54:], src, dst, wire.Options{})
	}
	return a, src, reason == wire.OK
}

// announcements lists when a router sent gratuitous ARP for an address.
func (w *world) announcements(r *router, addr netip.Addr) (out []time.Time) {
	w.t.Helper()
	for _, f := range w.wire.all() {
		if len(f.bytes) < 42 || binary.BigEndian.Uint16(f.bytes[12:]) != 0x0806 || r.mac() != [6]byte(f.bytes[6:]) {
			continue
		}
		if a, reason := frame.ParseARP(f.bytes); reason == frame.OK && a.Sender == addr && a.Target == addr {
			out = append(out, f.at)
		}
	}
	return out
}

// confirmed is when the kernel told the daemon that it had added an address.
func (r *router) confirmed(addr netip.Addr) (at time.Time, ok bool) {
	r.world.t.Helper()
	ids := map[uint32]bool{}
	for _, f := range r.kernel.all() {
		for b := f.bytes; len(b) >= 16; {
			size := int(binary.NativeEndian.Uint32(b))
			if size < 16 || size > len(b) {
				break
			}
			typ, flags, seq := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:]), binary.NativeEndian.Uint32(b[8:])
			switch {
			case typ == unix.RTM_NEWADDR && flags&unix.NLM_F_REQUEST != 0 && names(b[16:size], addr):
				ids[seq] = true
			case typ == unix.NLMSG_ERROR && ids[seq] && size >= 20 && binary.NativeEndian.Uint32(b[16:]) == 0:
				return f.at, true
			}
			b = b[min(len(b), (size+3)&^3):]
		}
	}
	return at, false
}

// names reports whether an address message is about an address.
func names(b []byte, addr netip.Addr) bool {
	if len(b) < 8 {
		return false
	}
	attrs, err := netlink.UnmarshalAttributes(b[8:])
	if err != nil {
		return false
	}
	for _, a := range attrs {
		if got, ok := netip.AddrFromSlice(a.Data); ok && got == addr && (a.Type == unix.IFA_LOCAL || a.Type == unix.IFA_ADDRESS) {
			return true
		}
	}
	return false
}

// addLink makes a link that has no options.
func addLink(ns *netns.NS, kind, name string) error {
	return ns.Do(func() error {
		conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
		if err != nil {
			return err
		}
		defer conn.Close()
		info, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: unix.IFLA_INFO_KIND, Data: []byte(kind)}})
		if err != nil {
			return err
		}
		attrs, err := netlink.MarshalAttributes([]netlink.Attribute{
			{Type: unix.IFLA_IFNAME, Data: append([]byte(name), 0)},
			{Type: unix.IFLA_LINKINFO | netlink.Nested, Data: info},
		})
		if err != nil {
			return err
		}
		_, err = conn.Execute(netlink.Message{
			Header: netlink.Header{Type: unix.RTM_NEWLINK, Flags: netlink.Request | netlink.Acknowledge | netlink.Create},
			Data:   append(make([]byte, 16), attrs...),
		})
		return err
	})
}
