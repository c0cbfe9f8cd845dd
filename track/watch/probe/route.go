package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast.dev/track"
)

// defaultRoute succeeds when the main table has a default route that leads somewhere, through the wanted interface if one is named.
func defaultRoute(p *track.Probe) error {
	link := 0
	if p.Link != "" {
		l, err := net.InterfaceByName(p.Link)
		if err != nil {
			return fmt.Errorf("no interface %s", p.Link)
		}
		link = l.Index
	}
	family := byte(unix.AF_INET)
	if p.IPv6 {
		family = unix.AF_INET6
	}
	for range 3 { // a dump that a change has cut across is asked for again
		found, cut, err := hasDefault(family, link)
		switch {
		case err != nil:
			return err
		case found:
			return nil
		case !cut:
			return errors.New("no default route")
		}
	}
	return errors.New("the routes change faster than they can be read")
}

// routeWait is how long the kernel may take for one packet of the list.
const routeWait = 5 // seconds

// hasDefault asks the kernel for the routes of its main table and keeps none of them: there may be a million.
func hasDefault(family byte, link int) (found, cut bool, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return false, false, os.NewSyscallError("netlink", err)
	}
	defer unix.Close(fd)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1) // before 4.20 all tables come
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: routeWait})
	ne := binary.NativeEndian
	const size = unix.SizeofNlMsghdr + unix.SizeofRtMsg
	b := ne.AppendUint32(make([]byte, 0, size), size)
	b = ne.AppendUint16(b, unix.RTM_GETROUTE)
	b = ne.AppendUint16(b, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	b = ne.AppendUint64(b, 0)
	b = append(b, family, 0, 0, 0, unix.RT_TABLE_MAIN, 0, 0, 0, 0, 0, 0, 0)
	if err := unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return false, false, os.NewSyscallError("netlink", err)
	}
	buf := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return found, cut, os.NewSyscallError("netlink", err)
		}
		msgs, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return found, cut, err
		}
		for i := range msgs {
			m := &msgs[i]
			cut = cut || m.Header.Flags&unix.NLM_F_DUMP_INTR != 0
			switch {
			case m.Header.Type == unix.NLMSG_DONE:
				return found, cut, nil
			case m.Header.Type == unix.NLMSG_ERROR && len(m.Data) >= 4:
				return false, false, syscall.Errno(-int32(ne.Uint32(m.Data)))
			}
			found = found || isDefault(m, family, link)
		}
	}
}

// isDefault looks at struct rtmsg: family, prefix lengths, tos, table, protocol, scope, type.
func isDefault(m *syscall.NetlinkMessage, family byte, link int) bool {
	d := m.Data
	if m.Header.Type != unix.RTM_NEWROUTE || len(d) < unix.SizeofRtMsg || d[0] != family || d[1] != 0 || d[7] != unix.RTN_UNICAST {
		return false
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return false
	}
	table, through := uint32(d[4]), link == 0
	for _, a := range attrs {
		switch {
		case a.Attr.Type == unix.RTA_TABLE && len(a.Value) >= 4:
			table = binary.NativeEndian.Uint32(a.Value)
		case a.Attr.Type == unix.RTA_OIF && len(a.Value) >= 4:
			through = through || int(binary.NativeEndian.Uint32(a.Value)) == link
		case a.Attr.Type == unix.RTA_MULTIPATH:
			through = through || hopThrough(a.Value, link)
		}
	}
	return table == unix.RT_TABLE_MAIN && through
}

// hopThrough looks at a list of struct rtnexthop: length, flags, hops, interface.
func hopThrough(b []byte, link int) bool {
	for len(b) >= unix.SizeofRtNexthop {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtNexthop || size > len(b) {
			return false
		}
		if int(binary.NativeEndian.Uint32(b[4:])) == link {
			return true
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return false
}
