package link

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The kernel lets one socket join 20 IPv4 groups (net.ipv4.igmp_max_memberships), a setting of the whole network namespace. Beyond that others
// join in place of the port: sockets that are bound to no port and receive nothing. The interface is a member then, and the port, which is
// no member of those groups, has to take all that the interface is a member of.

// crowd are the sockets that join for a port, with how many groups each has joined.
type crowd struct {
	fds   []int
	where map[netip.Addr]int // the socket that joined a group
}

// joinByOther joins a group that the port's own socket has no room for.
func (p *Port) joinByOther(group netip.Addr) error {
	c := &p.crowd
	mreq := &unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(p.index)}
	err := error(unix.ENOBUFS)
	fd := -1
	if n := len(c.fds); n > 0 {
		fd = c.fds[n-1]
		err = unix.SetsockoptIPMreqn(fd, unix.SOL_IP, unix.IP_ADD_MEMBERSHIP, mreq)
	}
	if errors.Is(err, unix.ENOBUFS) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		c.fds = append(c.fds, fd)
		err = unix.SetsockoptIPMreqn(fd, unix.SOL_IP, unix.IP_ADD_MEMBERSHIP, mreq)
	}
	if err == nil {
		err = p.set([]option{{"IP_MULTICAST_ALL", unix.SOL_IP, unix.IP_MULTICAST_ALL, 1}})
	}
	if err != nil {
		return fmt.Errorf("by another socket: %w", err)
	}
	if c.where == nil {
		c.where = map[netip.Addr]int{}
	}
	c.where[group] = fd
	return nil
}

// leaveByOther gives a group up that another socket has joined, and reports whether one has.
func (p *Port) leaveByOther(group netip.Addr) (bool, error) {
	fd, ok := p.crowd.where[group]
	if !ok {
		return false, nil
	}
	delete(p.crowd.where, group)
	mreq := &unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(p.index)}
	if err := unix.SetsockoptIPMreqn(fd, unix.SOL_IP, unix.IP_DROP_MEMBERSHIP, mreq); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
		return true, err
	}
	return true, nil
}

func (c *crowd) close() {
	for _, fd := range c.fds {
		_ = unix.Close(fd)
	}
	*c = crowd{}
}
