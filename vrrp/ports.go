package vrrp

import (
	"maps"
	"net/netip"
	"slices"
)

// Ports lists the sockets that the routers of a configuration need, with the multicast groups to join and the VRIDs to let in.
func (c *Config) Ports() []Port {
	byID := map[PortID]*Port{}
	var order []PortID
	for i := range c.Routers {
		s := &c.Routers[i]
		if s.Transport.Carried() {
			continue // the carrier's business
		}
		for _, id := range s.hears() {
			p := byID[id]
			if p == nil {
				p = &Port{ID: id, VRIDs: map[uint8]bool{}}
				byID[id] = p
				order = append(order, id)
			}
			p.VRIDs[s.VRID] = true
			p.Routers++
			if !s.Unicast() && !slices.Contains(p.Groups, s.Group) {
				p.Groups = append(p.Groups, s.Group)
			}
		}
	}
	ports := make([]Port, len(order))
	for i, id := range order {
		ports[i] = *byID[id]
		slices.SortFunc(ports[i].Groups, func(a, b netip.Addr) int { return a.Compare(b) })
	}
	return ports
}

// Port is one socket that is needed.
type Port struct {
	ID      PortID
	Groups  []netip.Addr
	VRIDs   map[uint8]bool
	Routers int
}

// Equal reports whether two ports need the same socket.
func (p *Port) Equal(o *Port) bool {
	return p.ID == o.ID && slices.Equal(p.Groups, o.Groups) && maps.Equal(p.VRIDs, o.VRIDs) && p.Routers == o.Routers
}
