package link

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Members are the multicast groups that the interfaces of the network namespace listen to, by index.
type Members map[int][]netip.Addr

// Rejoin joins the groups anew that the interface does not listen to any more, though the port has joined them, and returns them. That happens
// when the MTU falls below 1280, or for IPv4 below 68: that side of the interface is torn down with all memberships, and comes back without them;
// sockets are not told. An error says that the interface does not speak the protocol now, or what failed. It may block.
func (p *Port) Rejoin(members Members, groups []netip.Addr) (lost []netip.Addr, err error) {
	for _, g := range groups {
		if slices.Contains(members[p.index], g) {
			continue
		}
		_ = p.Leave(g) // the socket believes that it is a member
		if err := p.Join(g); err != nil {
			return lost, err
		}
		lost = append(lost, g)
	}
	return lost, nil
}

// The message that asks for IPv6 multicast groups, RTM_GETMULTICAST: struct nlmsghdr and struct ifaddrmsg.
const (
	nlHeaderLen  = 16
	ifAddrMsgLen = 8
)

// ReadMembers asks the kernel. It may block.
func ReadMembers() (Members, error) {
	members, err := readMembers6()
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) { // a kernel without IPv6
		return nil, err
	}
	text, err := os.ReadFile("/proc/thread-self/net/igmp")
	if err != nil {
		return nil, err
	}
	readIGMP(string(text), members)
	return members, nil
}

// readIGMP reads a table in which a line for each interface, beginning with its index, is followed by one for each of its IPv4 groups, which begins
// with white space and the group as a number in the machine's order. (Over netlink it is told since Linux 6.15 only.)
func readIGMP(text string, members Members) {
	index := 0
	for line := range strings.Lines(text) {
		word, _, _ := strings.Cut(strings.TrimLeft(line, "\t "), "\t")
		word, _, _ = strings.Cut(word, " ")
		if line[0] != '\t' && line[0] != ' ' {
			index, _ = strconv.Atoi(word) // 0 for the headline
			continue
		}
		if n, err := strconv.ParseUint(word, 16, 32); err == nil && len(word) == 8 && index > 0 {
			var b [4]byte
			binary.NativeEndian.PutUint32(b[:], uint32(n))
			members[index] = append(members[index], netip.AddrFrom4(b))
		}
	}
}

// readMembers6 returns no nil map, even with an error.
func readMembers6() (Members, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return Members{}, err
	}
	defer unix.Close(fd)
	var ask [nlHeaderLen + ifAddrMsgLen]byte
	binary.NativeEndian.PutUint32(ask[0:], uint32(len(ask)))
	binary.NativeEndian.PutUint16(ask[4:], unix.RTM_GETMULTICAST)
	binary.NativeEndian.PutUint16(ask[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	ask[nlHeaderLen] = unix.AF_INET6
	if err := unix.Sendto(fd, ask[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return Members{}, err
	}
	members, buf := Members{}, make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return Members{}, err
		}
		msgs, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return Members{}, err
		}
		for i := range msgs {
			switch m := &msgs[i]; m.Header.Type {
			case unix.NLMSG_DONE:
				return members, nil
			case unix.NLMSG_ERROR:
				return Members{}, refused(m.Data)
			case unix.RTM_GETMULTICAST:
				if g, index := membership(m.Data); g.IsValid() {
					members[index] = append(members[index], g)
				}
			}
		}
	}
}

func refused(data []byte) error {
	if len(data) < 4 {
		return unix.EIO
	}
	return unix.Errno(-int32(binary.NativeEndian.Uint32(data)))
}

// membership reads struct ifaddrmsg and its attribute IFA_MULTICAST.
func membership(data []byte) (group netip.Addr, index int) {
	if len(data) < ifAddrMsgLen {
		return group, 0
	}
	index = int(binary.NativeEndian.Uint32(data[4:]))
	for b := data[ifAddrMsgLen:]; len(b) >= 4; {
		n := int(binary.NativeEndian.Uint16(b))
		if n < 4 || n > len(b) {
			return group, index
		}
		if binary.NativeEndian.Uint16(b[2:]) == unix.IFA_MULTICAST && n == 4+16 {
			group = netip.AddrFrom16([16]byte(b[4:20]))
		}
		b = b[min(len(b), (n+3)&^3):]
	}
	return group, index
}
