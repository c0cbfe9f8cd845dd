package transport

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// NodeID names one life of one daemon. The supervisor draws it at random at its start; a carrier that is started again keeps it.
type NodeID [16]byte

// Less orders nodes; it settles which of two connections stays.
func (n NodeID) Less(o NodeID) bool { return slices.Compare(n[:], o[:]) < 0 }

// Config is everything that a carrier is told: no names to be resolved, no files to be opened. It is immutable.
type Config struct {
	Node       NodeID
	Release    string // told to peers, at most 64 octets
	Peers      []Peer
	Identities []Identity // of TLS
}

// PeerKey tells peers apart. A send is for the peer with its kind, address and, where that is set, Local equal to the source.
type PeerKey struct {
	Kind  Kind
	Local netip.Addr // source address of ours, as configured; the zero Addr leaves it to the kernel
	Addr  netip.Addr // of the peer, as configured
	Port  uint16     // of the peer, and ours for it
}

// IPv6 reports the family.
func (k *PeerKey) IPv6() bool { return k.Addr.Is6() }

// Peer is one node at the other end, for all routers that share the key.
type Peer struct {
	PeerKey
	// Zone is the interface that a link-local address is on; empty for all others.
	Zone string
	// Identity is the place in Config.Identities of what we prove to this peer (TLS). All peers with one Local and Port have the same one:
	// who dials us is answered before we know who it is.
	Identity int
	// Name is what the peer's certificate must be for (tls_name, else the DNS name that the address came from, else the address); it needs
	// the CA of the identity. A Pin replaces name, CA and dates.
	Name string
	Pin  Pin
	// Interval is the shortest advertisement interval of the routers it carries, Down their shortest Master_Down_Interval.
	Interval, Down time.Duration
	// FastFail asks for PeerDied when the peer's daemon is found dead. Never with UDP.
	FastFail bool
}

// Pin is the SHA-256 of a public key as it stands in a certificate (SubjectPublicKeyInfo); the zero Pin is none.
type Pin [32]byte

// IsZero reports whether there is no pin.
func (p Pin) IsZero() bool { return p == Pin{} }

// Identity is what we prove to be to peers, and whom we believe: PEM as in the files.
type Identity struct {
	Certificate, Key, CA []byte
}

// Listen is one socket to accept connections, or to receive datagrams, on.
type Listen struct {
	TCP  bool       // else UDP
	Addr netip.Addr // unspecified for all addresses of the family
	Port uint16
}

// Listens lists the sockets that a configuration needs, in a fixed order without doubles. Where one peer of a family and port leaves the
// source to the kernel, one socket for all addresses stands for all of them.
func (c *Config) Listens() []Listen {
	var list []Listen
	for i := range c.Peers {
		list = append(list, c.Peers[i].Listen())
	}
	all := map[Listen]bool{}
	for _, l := range list {
		if l.Addr.IsUnspecified() {
			all[l] = true
		}
	}
	list = slices.DeleteFunc(list, func(l Listen) bool {
		wide := l
		wide.Addr = unspecified(l.Addr.Is6())
		return wide != l && all[wide]
	})
	slices.SortFunc(list, Listen.compare)
	return slices.Compact(list)
}

// ListenAll is the socket for all addresses that may stand in for that.
func (p *Peer) ListenAll() Listen {
	l := p.Listen()
	l.Addr = unspecified(p.IPv6())
	return l
}

// Listen is the socket that the peer's connections or datagrams come in by, unless there is one for all addresses.
func (p *Peer) Listen() Listen {
	l := Listen{TCP: p.Kind.Connected(), Addr: p.Local, Port: p.Port}
	if !l.Addr.IsValid() || l.Addr.IsLinkLocalUnicast() {
		l.Addr = unspecified(p.IPv6())
	}
	return l
}

func unspecified(ipv6 bool) netip.Addr {
	if ipv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

func (l Listen) compare(o Listen) int {
	if l.TCP != o.TCP {
		if l.TCP {
			return 1
		}
		return -1
	}
	return cmp.Or(l.Addr.Compare(o.Addr), cmp.Compare(l.Port, o.Port))
}

// Limits of a configuration.
const (
	MaxListens = 64
	MaxPeers   = 1024
)
