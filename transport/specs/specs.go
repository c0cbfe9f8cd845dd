// Package specs translates what a configuration says about transports into what the carrier is told. It is pure.
package specs

import (
	"cmp"
	"slices"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/transport"
)

// Carrier lists the peers that a configuration has adverts carried to, with all that is needed to tell them apart; Node and Release are the
// caller's. It has none where no instance asks for a transport but ip.
func Carrier(c *config.Config) *transport.Config {
	out := &transport.Config{}
	for _, id := range c.Identities {
		out.Identities = append(out.Identities, transport.Identity{Certificate: id.Certificate, Key: id.Key, CA: id.CA})
	}
	peers := map[transport.PeerKey]*transport.Peer{}
	for i := range c.Instances {
		if in := &c.Instances[i]; in.Carry() != nil {
			add(peers, in)
		}
	}
	for _, p := range peers {
		out.Peers = append(out.Peers, *p)
	}
	slices.SortFunc(out.Peers, func(a, b transport.Peer) int {
		return cmp.Or(a.Addr.Compare(b.Addr), a.Local.Compare(b.Local), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

// Needed reports whether a configuration has anything for a carrier to do: now, or as soon as a name of a peer has an address.
func Needed(c *config.Config) bool {
	return slices.ContainsFunc(c.Instances, func(in config.Instance) bool { return in.Carry() != nil })
}

// add takes in what one instance asks for. What instances share goes as fast as the most impatient of them.
func add(peers map[transport.PeerKey]*transport.Peer, in *config.Instance) {
	c := in.Carry()
	down := Down(in)
	for i := range in.Peers {
		p := &in.Peers[i]
		key := transport.PeerKey{Kind: c.Kind, Local: in.Source, Addr: p.Addr, Port: c.Port}
		have := peers[key]
		if have == nil {
			have = &transport.Peer{PeerKey: key, Identity: max(c.Identity-1, 0), Interval: in.AdvertInterval, Down: down}
			if c.Kind == transport.TLS {
				have.Name, have.Pin = names(p)
			}
			peers[key] = have
		}
		have.Interval, have.Down = min(have.Interval, in.AdvertInterval), min(have.Down, down)
		have.FastFail = have.FastFail || c.FastFail
	}
}

// names is what a peer must prove to be.
func names(p *config.Peer) (name string, pin transport.Pin) {
	name = p.Addr.String()
	if p.Proof == nil {
		return name, pin
	}
	switch {
	case p.Proof.TLSName != "":
		name = p.Proof.TLSName
	case p.Proof.Name != "":
		name = p.Proof.Name
	}
	return name, p.Proof.Pin
}

// Down is how long an instance waits for a silent master (RFC 9568 section 6.1), with its own interval and base priority.
func Down(in *config.Instance) time.Duration {
	skew := time.Duration(256-int(in.Priority)) * time.Second / 256
	if in.Version == 3 {
		skew = time.Duration(256-int(in.Priority)) * in.AdvertInterval / 256
	}
	return time.Duration(in.DownTimerAdverts)*in.AdvertInterval + skew
}
