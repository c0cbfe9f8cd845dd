package config

import (
	"net/netip"
	"slices"
	"time"

	"holdfast.dev/transport"
)

// Carry says how the adverts of an instance travel when that is not IP protocol 112 (transport, which is ours).
type Carry struct {
	Kind     transport.Kind // UDP, TCP or TLS
	Port     uint16         // 1..65535, of both sides; default transport.Port
	ID       uint16         `json:",omitzero"` // tells instances of one VRID apart that reach one peer, and are on different interfaces
	FastFail bool           `json:",omitzero"` // a peer whose daemon is found dead need not be waited for; with connections only
	Identity int            `json:",omitzero"` // TLS: 1 + the place in Config.Identities
}

// Identity is what this node proves to be under tls, and whom it believes: the files as they were read, in PEM.
type Identity struct {
	CertificateFile, KeyFile string
	CAFile                   string `json:",omitzero"` // empty where all peers are pinned
	Certificate              []byte `json:",omitzero"`
	Key                      Secret `json:",omitzero"`
	CA                       []byte `json:",omitzero"`
}

// Proof is how a peer is named and known (ours).
type Proof struct {
	Name    string        `json:",omitzero"` // the DNS name that its address was found under
	TLSName string        `json:",omitzero"` // what its certificate must be for, where that is another name
	Pin     transport.Pin `json:",omitzero"` // the digest of its public key, which counts instead of names and CA
}

// PeerName is one line of unicast_peer that holds a DNS name. Its addresses are not known to the file: see Config.WithAddresses.
type PeerName struct {
	Pos            Pos `json:",omitzero"`
	MinTTL, MaxTTL uint8
	Proof
}

// Limits and defaults of names.
const (
	MaxNameAddrs   = 16 // addresses of one name that are used
	defaultResolve = 10 * time.Second
)

// ResolveEvery is how often names are looked up.
func (g *Global) ResolveEvery() time.Duration {
	if g.Resolve == 0 {
		return defaultResolve
	}
	return g.Resolve
}

// Names lists the DNS names that peers are given by, each once and in the order of the file.
func (c *Config) Names() (names []string) {
	for i := range c.Instances {
		for _, n := range c.Instances[i].PeerNames() {
			if !slices.Contains(names, n.Name) {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

// WithAddresses is c with the peers that names stand for: of each instance's family, without addresses of this host (own) and without those
// that are peers already. It shares everything else with c. A name that is not in known has no peers; an instance without any is in FAULT
// (FaultNoAddress) and never falls back to multicast.
func (c *Config) WithAddresses(known map[string][]netip.Addr, own []netip.Addr) *Config {
	if len(c.Names()) == 0 {
		return c
	}
	out := *c
	out.Instances = slices.Clone(c.Instances)
	for i := range out.Instances {
		if in := &out.Instances[i]; len(in.PeerNames()) > 0 {
			in.name(known, own)
		}
	}
	return &out
}

func (i *Instance) name(known map[string][]netip.Addr, own []netip.Addr) {
	i.Peers = slices.DeleteFunc(slices.Clone(i.Peers), func(p Peer) bool { return p.Proof != nil && p.Proof.Name != "" })
	i.Faults = slices.DeleteFunc(slices.Clone(i.Faults), func(f Fault) bool { return f == FaultNoAddress })
	names := i.PeerNames()
	for at := range names {
		n := &names[at]
		for k, a := range known[n.Name] {
			is := func(p Peer) bool { return p.Addr == a }
			virtual := func(v Address) bool { return v.Addr() == a }
			if slices.ContainsFunc(i.Addresses, virtual) || slices.ContainsFunc(i.Excluded, virtual) {
				continue
			}
			if k >= MaxNameAddrs || a.Is6() != (i.Family == IPv6) || a == i.Source || slices.Contains(own, a) || slices.ContainsFunc(i.Peers, is) {
				continue
			}
			i.Peers = append(i.Peers, Peer{Pos: n.Pos, Addr: a, MinTTL: n.MinTTL, MaxTTL: n.MaxTTL, Proof: &n.Proof})
		}
	}
	if len(i.Peers) == 0 {
		i.Faults = append(i.Faults, FaultNoAddress)
	}
}
