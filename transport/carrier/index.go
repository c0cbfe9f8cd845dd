package carrier

import (
	"net/netip"

	"holdfast.dev/transport"
)

// index finds peers. It is immutable.
type index struct {
	sends map[sendKey]*pair
	ports map[uint16][]*pair // TCP and TLS, by port
	grams map[gramKey][]*pair
}

type sendKey struct {
	kind     transport.Kind
	src, dst netip.Addr // src is the zero Addr where the configuration leaves it open
}

type gramKey struct {
	port uint16
	from netip.Addr
}

func newIndex(pairs map[transport.PeerKey]*pair) *index {
	x := &index{sends: map[sendKey]*pair{}, ports: map[uint16][]*pair{}, grams: map[gramKey][]*pair{}}
	for key, p := range pairs {
		x.sends[sendKey{key.Kind, key.Local, key.Addr}] = p
		if key.Kind.Connected() {
			x.ports[key.Port] = append(x.ports[key.Port], p)
		} else {
			g := gramKey{key.Port, key.Addr}
			x.grams[g] = append(x.grams[g], p)
		}
	}
	return x
}

// to finds the peer that a router sends to; nil for none.
func (x *index) to(kind transport.Kind, src, dst netip.Addr) *pair {
	if p := x.sends[sendKey{kind, src, dst}]; p != nil {
		return p
	}
	return x.sends[sendKey{kind: kind, dst: dst}]
}

// callers are those who may connect to an address of ours.
type callers struct {
	from  netip.Addr
	tcp   []*pair // by their address
	tls   []*pair // all of the port: who of them it is, is to be proved
	known bool    // the address is a peer's
}

func (c *callers) any() bool { return len(c.tcp) > 0 || len(c.tls) > 0 }

func (x *index) callers(port uint16, from, to netip.Addr) callers {
	c := callers{from: from}
	for _, p := range x.ports[port] {
		if p.key.IPv6() != to.Is6() || p.key.Local.IsValid() && p.key.Local != to {
			continue
		}
		mine := p.key.Addr == from
		c.known = c.known || mine
		switch {
		case p.key.Kind == transport.TLS:
			c.tls = append(c.tls, p)
		case mine:
			c.tcp = append(c.tcp, p)
		}
	}
	return c
}

// gram finds the peer that a datagram is from; nil for nobody.
func (x *index) gram(port uint16, from, to netip.Addr) *pair {
	list := x.grams[gramKey{port, from}]
	for _, p := range list {
		if p.key.Local == to {
			return p
		}
	}
	for _, p := range list {
		if !p.key.Local.IsValid() || !to.IsValid() || to.IsUnspecified() {
			return p
		}
	}
	return nil
}
