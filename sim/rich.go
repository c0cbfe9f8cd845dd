package sim

import (
	"fmt"
	"slices"
	"strings"

	"holdfast.dev/host"
	"holdfast.dev/vrrp"
)

// Worlds of kind Rich: addresses on macvlans, routes and rules, and version 2 behind an Authentication Header. In them somebody deletes routes,
// rules and macvlans, and operators mistake a password.

// enrich draws from dice of its own, so that the rest of the world is that of kind Anything.
func (s *Shape) enrich(d dice) {
	s.Kind = Rich
	first := &s.Nodes[0].File.routers[0]
	vmac, routes, rules := d.chance(60), d.chance(60), d.chance(50)
	header := d.chance(70) && first.version == 2 && first.signing.with == ""
	for i := range s.Nodes {
		n := &s.Nodes[i]
		for j := range n.File.routers {
			r := &n.File.routers[j]
			r.vmac = vmac && len(r.peers) == 0
			if r.header = header; header {
				r.password, r.transport, n.Peer = "secret", carried{}, false
			}
			if routes {
				r.routes = r.drawRoutes(j)
			}
			if rules {
				r.rules = r.drawRules(j)
			}
		}
	}
}

// drawRoutes are the routes of the router with this number, the same on all nodes.
func (r *instance) drawRoutes(i int) []string {
	if r.ipv6 {
		return []string{fmt.Sprintf("2001:db8:f%d::/48 dev %s", i, r.link), fmt.Sprintf("2001:db8:e%d::/48 dev %s table 10%d metric 5", i, r.link, i)}
	}
	return []string{
		fmt.Sprintf("10.20%d.0.0/16 dev %s", i, r.link),
		fmt.Sprintf("10.21%d.0.0/16 via %s.254 dev %s table 10%d", i, subnet(r.link), r.link, i),
		fmt.Sprintf("blackhole 10.22%d.0.0/16", i),
	}
}

func (r *instance) drawRules(i int) []string {
	if r.ipv6 {
		return []string{fmt.Sprintf("from 2001:db8:f%d::/48 lookup 10%d priority 10%d", i, i, i)}
	}
	return []string{
		fmt.Sprintf("from 10.20%d.0.0/16 lookup 10%d priority 10%d", i, i, i),
		fmt.Sprintf("iif %s lookup 10%d priority 10%d", r.link, i, i),
	}
}

// headers reports whether the routers of this world have an Authentication Header.
func (w *World) headers() bool {
	f := &w.Plan.Shape.Nodes[0].File
	return len(f.routers) > 0 && f.routers[0].header
}

// note remembers the virtual links that a configuration has, to find them when they are in nobody's configuration any more.
func (n *Node) note(c *vrrp.Config) {
	for i := range c.Routers {
		for _, v := range c.Routers[i].Virtual {
			if !slices.Contains(n.virtual, v.Name) {
				n.virtual = append(n.virtual, v.Name)
				n.names = append(n.names, v.Name)
			}
		}
	}
}

// linkNames are the links that addresses of ours may stand on.
func (n *Node) linkNames() []string { return n.names }

// baseOf finds the number of the link that a virtual one stands on; 0 for none.
func (n *Node) baseOf(index int) int {
	for _, name := range n.virtual {
		if l := n.kernel.Link(name); l != nil && l.Index == index {
			return l.Base
		}
	}
	return 0
}

// virtualHeld are the virtual links that a process leaves behind.
func (n *Node) virtualHeld() (keys []host.Key) {
	for _, name := range n.virtual {
		if l := n.kernel.Link(name); l != nil && l.Ours() {
			keys = append(keys, host.Key{Link: name})
		}
	}
	return keys
}

// sweepOne removes one thing that a process has left behind.
func (n *Node) sweepOne(k host.Key) {
	switch {
	case k.IsEntry():
		n.kernel.DelEntry(k.Entry)
	case k.IsLink():
		n.kernel.DeleteLink(k.Link)
	default:
		n.kernel.DelAddr(k.Link, k.Prefix.String())
	}
}

// knowItems notes what a router may have in the kernel.
func knowItems(s *vrrp.Spec, known map[host.Key]bool) {
	for i := range s.Addresses {
		known[s.Addresses[i].Key] = true
	}
	for i := range s.Routes {
		known[s.Routes[i].Key()] = true
	}
	for i := range s.Rules {
		known[s.Rules[i].Key()] = true
	}
	for i := range s.Virtual {
		known[s.Virtual[i].Key()] = true
	}
}

// entries are the routes and rules of the kernel, by their keys.
func (n *Node) entries() []string {
	text := n.kernel.Entries()
	if text == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		line, _, _ = strings.Cut(line, " src ")
		lines[i] = strings.TrimSuffix(line, " metric 1024")
	}
	return lines
}

// deleteEntry deletes one of the routes and rules.
func deleteEntry(_ *World, f *Fault, n *Node) func() {
	if list := n.entries(); len(list) > 0 && !n.off {
		n.kernel.DelEntry(list[f.A%uint64(len(list))])
		n.poke()
	}
	return nil
}

// unmake deletes a virtual link, or takes it down or up.
func unmake(_ *World, f *Fault, n *Node) func() {
	if len(n.virtual) == 0 || n.off {
		return nil
	}
	name := n.virtual[f.A%uint64(len(n.virtual))]
	l := n.kernel.Link(name)
	if l == nil {
		return nil
	}
	n.meddle(func() {
		if f.B&1 == 0 {
			n.kernel.DeleteLink(name)
		} else {
			n.kernel.SetUp(name, !l.Up)
		}
	})
	return nil
}

// wrongKey reloads a file with another password or another key, and the right one when the fault ends.
func wrongKey(_ *World, _ *Fault, n *Node) func() {
	other := n.file.clone()
	for i := range other.routers {
		switch r := &other.routers[i]; {
		case r.signing.with != "":
			r.signing.with = "mistaken"
		case r.password != "":
			r.password = "mistake"
		}
	}
	n.reload(other.String())
	return n.reloadBase
}
