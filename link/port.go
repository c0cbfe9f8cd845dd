package link

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"holdfast.dev/vrrp/wire"
)

// Port is a raw socket of protocol 112, or 51, that receives and sends adverts of one family on one interface, or at one
// address. See the package's documentation for who may call what.
type Port struct {
	fd     int
	family int
	proto  uint8
	index  int // of the interface; 0 without one
	name   string
	crowd  crowd

	asked uint32 // drop counter when Dropped was last asked
	heard bool   // something was received since
	meter [unix.SK_MEMINFO_VARS]uint32

	out4 send4
	out6 send6
}

// Open makes a Port. It fails where the interface or a permission is missing (EPERM, ENODEV), where a group cannot be joined, and on a Spec that makes no sense. A Local address need not exist yet. The error
// names the port and the step that failed and wraps the system's error. It may block; see the package's documentation.
func Open(s Spec) (*Port, error) {
	p := &Port{fd: -1, family: s.Family, proto: uint8(s.protocol()), index: s.Index, name: s.name()}
	err := s.check()
	if err == nil {
		err = p.open(&s)
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("VRRP socket on %s: %w", p.name, err)
	}
	return p, nil
}

func (p *Port) open(s *Spec) error {
	domain := unix.AF_INET
	if s.Family == 6 {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, s.protocol())
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	p.fd = fd
	// Until it is bound the socket hears the adverts of every interface, and they must not be taken for ours: what came before is
	// thrown away after the binding. Nothing is let in meanwhile, so that this ends also under a flood.
	if err := p.attach([]bpf.Instruction{bpf.RetConstant{Val: 0}}); err != nil {
		return err
	}
	if err := p.setup(s); err != nil {
		return err
	}
	if err := p.discard(); err != nil {
		return err
	}
	for _, g := range s.Groups {
		if err := p.join(g); err != nil {
			return err
		}
	}
	if err := p.SetVRIDs(s.VRIDs); err != nil {
		return err
	}
	return p.prime(s.Local)
}

// setup binds the socket and sets its options.
func (p *Port) setup(s *Spec) error {
	if err := p.bind(s); err != nil {
		return err
	}
	if err := p.setBuffers(s.RcvBuf); err != nil {
		return err
	}
	if p.family == 4 {
		return p.options4()
	}
	return p.options6()
}

// bind binds the socket to an interface, or to an address, whose VRF must be known before.
func (p *Port) bind(s *Spec) (err error) {
	if s.Link != "" {
		return p.bindLink(s.Link)
	}
	if s.VRF != "" {
		err = p.bindLink(s.VRF)
		p.index = 0 // nothing is received on that interface, and nothing sent through it alone
	}
	if err == nil {
		err = p.bindAddr(s.Local)
	}
	return err
}

// prime fills in what Send and Dropped find prepared.
func (p *Port) prime(local netip.Addr) error {
	if p.family == 4 {
		p.out4.local = local
	} else {
		p.out6.prime(local, p.index)
	}
	if errno := p.readMeter(); errno != 0 {
		return fmt.Errorf("read the drop counter: %w", errno)
	}
	p.asked = p.meter[unix.SK_MEMINFO_DROPS]
	return nil
}

// FD is the file descriptor, for waiting only. It is -1 once the port is closed.
func (p *Port) FD() int { return p.fd }

// Index is the index of the interface that the port is bound to, 0 without one.
func (p *Port) Index() int { return p.index }

// Name is the interface or address and the family, for texts.
func (p *Port) Name() string { return p.name }

// Join adds a multicast group. It is no error if the port is a member already. IPv6 is bounded by
// net.core.optmem_max; of IPv4 one socket joins 20 (net.ipv4.igmp_max_memberships), and others are opened for more.
func (p *Port) Join(group netip.Addr) error { return p.named(p.join(group)) }

// Leave gives a multicast group up. It is no error if the port is not a member.
func (p *Port) Leave(group netip.Addr) error {
	if left, err := p.leaveByOther(group); left {
		return p.named(err)
	}
	err := p.membership(group, unix.IP_DROP_MEMBERSHIP, unix.IPV6_LEAVE_GROUP)
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
		return p.named(fmt.Errorf("leave %s: %w", group, err))
	}
	return nil
}

// SetVRIDs makes the kernel drop the adverts of all virtual routers that are not in the set; nil lets all pass. The change is
// atomic. Packets that wait to be received already are not filtered again.
func (p *Port) SetVRIDs(set *VRIDSet) error {
	switch {
	case p.proto == wire.ProtoAH:
		return p.named(p.attach(set.filterAH()))
	case set != nil:
		return p.named(p.attach(set.filter(p.family)))
	}
	err := unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return p.named(fmt.Errorf("detach the filter: %w", err))
	}
	return nil
}

// Close frees the socket and its memberships. The port must have been taken out of every poller. Closing again does nothing.
func (p *Port) Close() error {
	if p.fd < 0 {
		return nil
	}
	fd := p.fd
	p.fd = -1
	p.crowd.close()
	return p.named(unix.Close(fd))
}

func (p *Port) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("VRRP socket on %s: %w", p.name, err)
}
