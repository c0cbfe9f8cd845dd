package supervisor

import (
	"crypto/rand"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/transport"
	"holdfast.dev/transport/specs"
)

// carriage is what the supervisor keeps for the carrier: the sockets that peers dial. A carrier that dies is started again with the same ones, so
// that nobody is refused meanwhile; when the daemon dies they die with it, and a refused dial is what peers take as the proof of that.
type carriage struct {
	node    transport.NodeID // of this life of the daemon
	sockets map[transport.Listen]*os.File
}

// carrierConfig is what the carrier is told of a configuration.
func (s *Supervisor) carrierConfig(cfg *config.Config) *transport.Config {
	if s.carriage.node == (transport.NodeID{}) {
		_, _ = rand.Read(s.carriage.node[:]) // it never fails
	}
	c := specs.Carrier(cfg)
	c.Node, c.Release = s.carriage.node, s.opt.Version
	return c
}

// prepareCarrier gives the carrier the sockets of a configuration. What can't be bound refuses the configuration.
func (s *Supervisor) prepareCarrier(c *child, gen uint64, cfg *config.Config) (*os.File, error) {
	tc := s.carrierConfig(cfg)
	listens := tc.Listens()
	if len(listens) > transport.MaxListens || len(tc.Peers) > transport.MaxPeers {
		return nil, fmt.Errorf("transport: %d ports to listen on and %d peers; %d and %d are possible", len(listens), len(tc.Peers), transport.MaxListens, transport.MaxPeers)
	}
	for _, l := range listens {
		f := s.carriage.sockets[l]
		if f == nil {
			var err error
			if f, err = listenOn(l); err != nil {
				return nil, err
			}
			if s.carriage.sockets == nil {
				s.carriage.sockets = map[transport.Listen]*os.File{}
			}
			s.carriage.sockets[l] = f
		}
		s.send(c, role.Msg{Listener: &role.Listener{Gen: gen, Listen: l}}, f)
	}
	return role.SealedTransport(tc)
}

// dropSockets closes the sockets that a configuration does not need; nil needs none.
func (s *Supervisor) dropSockets(cfg *config.Config) {
	keep := map[transport.Listen]bool{}
	if cfg != nil {
		for _, l := range specs.Carrier(cfg).Listens() {
			keep[l] = true
		}
	}
	for l, f := range s.carriage.sockets {
		if !keep[l] {
			f.Close()
			delete(s.carriage.sockets, l)
		}
	}
}

// carrierBacklog is how many connections may wait while a carrier is started again.
const carrierBacklog = 128

// listenOn opens a socket that peers dial or send to. An address that is not there yet may be bound all the same: it may come with its interface.
func listenOn(l transport.Listen) (*os.File, error) {
	what := fmt.Sprintf("transport_port %d", l.Port)
	if !l.Addr.IsUnspecified() {
		what += " of " + l.Addr.String()
	}
	kind := unix.SOCK_DGRAM
	if l.TCP {
		kind = unix.SOCK_STREAM
	}
	family := unix.AF_INET
	if l.Addr.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if err := bindTo(fd, l); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return os.NewFile(uintptr(fd), what), nil
}

func bindTo(fd int, l transport.Listen) error {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) // or a port would be taken for a minute after a restart
	var to unix.Sockaddr
	if l.Addr.Is6() {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
		to = &unix.SockaddrInet6{Port: int(l.Port), Addr: l.Addr.As16()}
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_FREEBIND, 1)
		to = &unix.SockaddrInet4{Port: int(l.Port), Addr: l.Addr.As4()}
	}
	if err := unix.Bind(fd, to); err != nil {
		return err
	}
	if l.TCP {
		return unix.Listen(fd, carrierBacklog)
	}
	return nil
}

// connectCarrier gives the vrrp role and the carrier a fresh socket for adverts.
func (s *Supervisor) connectCarrier() {
	v, o := s.children[role.VRRP], s.children[role.Carrier]
	if v.proc == nil || o.proc == nil {
		return
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		s.say(logs.Err, "%s and %s can't talk: %v", v.title, o.title, err)
		return
	}
	for i, c := range []*child{v, o} {
		// A whole round of adverts of the largest configuration has to fit. Beyond the system's limit only root gets it.
		if unix.SetsockoptInt(fds[i], unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, carrierBuffer) != nil {
			_ = unix.SetsockoptInt(fds[i], unix.SOL_SOCKET, unix.SO_SNDBUF, carrierBuffer)
		}
		f := os.NewFile(uintptr(fds[i]), "carrier socket")
		defer f.Close()
		other := o.name
		if c == o {
			other = v.name
		}
		s.send(c, role.Msg{Peer: &role.Peer{Role: other}}, f)
	}
}

// carrierBuffer is how much may be between the vrrp role and the carrier, in octets as the kernel counts them.
const carrierBuffer = 4 << 20
