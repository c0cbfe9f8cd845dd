package link

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"holdfast.dev/vrrp/wire"
)

// priority is the socket priority of all that we send: the highest that needs no privilege, in the first band of pfifo_fast.
const priority = 6

// sumOffset is where the checksum stands in a VRRP message of either version.
const sumOffset = 6

// option is one socket option with an integer value.
type option struct {
	name       string
	level, opt int
	value      int
}

func (p *Port) set(options []option) error {
	for _, o := range options {
		err := unix.SetsockoptInt(p.fd, o.level, o.opt, o.value)
		if err != nil {
			return fmt.Errorf("set %s: %w", o.name, err)
		}
	}
	return nil
}

// bindLink binds the socket to the interface and looks its index up if it is not known. The index binds exactly what the caller
// means; kernels before 5.0 only take the name.
func (p *Port) bindLink(name string) error {
	if len(name) >= unix.IFNAMSIZ {
		return fmt.Errorf("interface name %q: %w", name, unix.ENODEV)
	}
	if p.index == 0 {
		index, err := indexOf(p.fd, name)
		if err != nil {
			return fmt.Errorf("find the interface: %w", err)
		}
		p.index = index
	}
	err := unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, p.index)
	if errors.Is(err, unix.ENOPROTOOPT) {
		err = unix.BindToDevice(p.fd, name)
	}
	if err != nil {
		return fmt.Errorf("bind to the interface: %w", err)
	}
	return nil
}

func indexOf(fd int, name string) (int, error) {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req); err != nil {
		return 0, err
	}
	return int(req.Uint32()), nil
}

// bindAddr binds the socket to an address that may not be there yet. Only the binding is free of that check: with IPv6 the same
// option would later let packets leave from an address that is still tentative.
func (p *Port) bindAddr(a netip.Addr) error {
	level, opt := unix.SOL_IP, unix.IP_FREEBIND
	var sa unix.Sockaddr = &unix.SockaddrInet4{Addr: to4(a)}
	if p.family == 6 {
		level, opt = unix.SOL_IPV6, unix.IPV6_FREEBIND
		sa = &unix.SockaddrInet6{Addr: a.As16()}
	}
	if err := p.set([]option{{"FREEBIND", level, opt, 1}}); err != nil {
		return err
	}
	if err := unix.Bind(p.fd, sa); err != nil {
		return fmt.Errorf("bind to the address: %w", err)
	}
	return p.set([]option{{"FREEBIND", level, opt, 0}})
}

func (p *Port) options4() error {
	err := p.set([]option{
		{"IP_HDRINCL", unix.SOL_IP, unix.IP_HDRINCL, 1},
		{"IP_MULTICAST_LOOP", unix.SOL_IP, unix.IP_MULTICAST_LOOP, 0}, // rule F5
		{"IP_MULTICAST_ALL", unix.SOL_IP, unix.IP_MULTICAST_ALL, 0},
		{"SO_PRIORITY", unix.SOL_SOCKET, unix.SO_PRIORITY, priority},
	})
	if err != nil || p.index == 0 {
		return err
	}
	mreq := unix.IPMreqn{Ifindex: int32(p.index)}
	if err := unix.SetsockoptIPMreqn(p.fd, unix.SOL_IP, unix.IP_MULTICAST_IF, &mreq); err != nil {
		return fmt.Errorf("set IP_MULTICAST_IF: %w", err)
	}
	return nil
}

// options6 has no IPV6_MULTICAST_ALL: the kernel asks it of datagram sockets, but gives a raw socket that is bound to no address
// every group that anybody on the interface joined. Who takes a packet must look at its destination.
func (p *Port) options6() error {
	options := []option{
		// The kernel fills the checksum in, and drops what comes with a wrong one (rule F2).
		{"IPV6_CHECKSUM", unix.SOL_IPV6, unix.IPV6_CHECKSUM, sumOffset},
		{"IPV6_RECVPKTINFO", unix.SOL_IPV6, unix.IPV6_RECVPKTINFO, 1},
		{"IPV6_RECVHOPLIMIT", unix.SOL_IPV6, unix.IPV6_RECVHOPLIMIT, 1},
		{"IPV6_MULTICAST_LOOP", unix.SOL_IPV6, unix.IPV6_MULTICAST_LOOP, 0}, // rule F5
		{"IPV6_MULTICAST_HOPS", unix.SOL_IPV6, unix.IPV6_MULTICAST_HOPS, wire.HopLimit},
		{"IPV6_TCLASS", unix.SOL_IPV6, unix.IPV6_TCLASS, wire.TrafficClass},
		{"SO_PRIORITY", unix.SOL_SOCKET, unix.SO_PRIORITY, priority},
	}
	if p.index != 0 {
		options = append(options, option{"IPV6_MULTICAST_IF", unix.SOL_IPV6, unix.IPV6_MULTICAST_IF, p.index})
	}
	return p.set(options)
}

// join adds a group; being a member already is no error.
func (p *Port) join(group netip.Addr) error {
	if _, joined := p.crowd.where[group]; joined {
		return nil
	}
	err := p.membership(group, unix.IP_ADD_MEMBERSHIP, unix.IPV6_JOIN_GROUP)
	switch {
	case err == nil || errors.Is(err, unix.EADDRINUSE):
		return nil
	case errors.Is(err, unix.ENOBUFS) && p.family == 4:
		if err = p.joinByOther(group); err == nil {
			return nil
		}
		return fmt.Errorf("join %s: net.ipv4.igmp_max_memberships: %w", group, err)
	}
	return fmt.Errorf("join %s: %w", group, err)
}

func (p *Port) membership(group netip.Addr, opt4, opt6 int) error {
	if err := checkGroup(p.family, group); err != nil {
		return err
	}
	if p.index == 0 {
		return errors.New("multicast groups need an interface")
	}
	if p.family == 4 {
		return unix.SetsockoptIPMreqn(p.fd, unix.SOL_IP, opt4,
			&unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(p.index)})
	}
	return unix.SetsockoptIPv6Mreq(p.fd, unix.SOL_IPV6, opt6,
		&unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(p.index)})
}

// attach replaces the socket filter.
func (p *Port) attach(prog []bpf.Instruction) error { return attachFilter(p.fd, prog) }

func attachFilter(fd int, prog []bpf.Instruction) error {
	raw, err := bpf.Assemble(prog)
	if err != nil {
		return fmt.Errorf("assemble the filter: %w", err)
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog); err != nil {
		return fmt.Errorf("attach the filter: %w", err)
	}
	return nil
}

// discard throws away all that waits to be received.
func (p *Port) discard() error {
	var b [1]byte
	for {
		_, _, err := unix.Recvfrom(p.fd, b[:], unix.MSG_DONTWAIT)
		switch {
		case err == nil, errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return nil
		default:
			return fmt.Errorf("empty the queue: %w", err)
		}
	}
}

func to4(a netip.Addr) (b [4]byte) {
	if a.Is4() {
		b = a.As4()
	}
	return b
}
