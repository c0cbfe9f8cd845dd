package sim

import (
	"net/netip"
	"slices"
	"time"

	"holdfast.dev/host"
	"holdfast.dev/vrrp"
)

// holding: an address is announced only where the kernel holds it, by a MASTER. What somebody has taken away a moment ago may still be
// announced until the process can have been told.
type holding struct{ w *World }

func (c *holding) announced(n *Node, items []vrrp.Announcement) {
	for i := range items {
		it := &items[i]
		x := n.watch(it.Owner)
		own := it.Addr == n.nics[0].own.Addr() || it.Addr == n.nics[1].own.Addr() || it.Addr == n.nics[0].own6 || it.Addr == n.nics[1].own6
		if own {
			continue // a unicast router tells where it is (rule M8)
		}
		if x.state != vrrp.Master {
			c.w.fail("holding", "%s: %s announces %s as %s", n.name, x.name, it.Addr, x.state)
		}
		if n.bars(it) && !n.barred(it.Addr) && !n.kernel.Flushed() && n.w.now > n.committed.Add(3*time.Second) { // what stood before is barred in a moment
			c.w.fail("holding", "%s: %s announces %s, which nothing bars", n.name, x.name, it.Addr)
		}
		if !c.stands(n, it) {
			c.w.fail("holding", "%s: %s announces %s, which the kernel does not hold", n.name, x.name, it.Addr)
		}
	}
}

// bars reports whether the configuration in force has the firewall bar an address.
func (n *Node) bars(it *vrrp.Announcement) bool {
	for i := range n.config.Routers {
		for _, a := range n.config.Routers[i].Addresses {
			if a.Prefix.Addr() == it.Addr && !a.Barred {
				return false
			}
		}
	}
	return n.config.Wall != (host.Wall{})
}

// barred reports whether the firewall bars an address, on whichever link it stands.
func (n *Node) barred(a netip.Addr) bool {
	return slices.ContainsFunc(n.linkNames(), func(name string) bool {
		return n.kernel.Bars(host.Key{Link: name, Prefix: netip.PrefixFrom(a, a.BitLen())})
	})
}

func (c *holding) stands(n *Node, it *vrrp.Announcement) bool {
	for k := range n.lost {
		if k.Prefix.Addr() == it.Addr {
			return true
		}
	}
	for _, name := range n.linkNames() {
		for _, a := range n.kernel.Addrs(name) {
			if a.Prefix.Addr() == it.Addr {
				return true
			}
		}
	}
	return false
}

// applied: from now on the engine knows about what the kernel has confirmed.
func (c *holding) applied(n *Node, ev *vrrp.Applied) {
	for i := range ev.Results {
		if ev.Results[i].Err == "" {
			c.known(n, ev.Results[i].Key)
		}
	}
}

// known forgives nothing about k any more, if it stands; it may have been taken away again since.
func (c *holding) known(n *Node, k host.Key) {
	if n.lost[k] && n.standing()[k] {
		delete(n.lost, k)
	}
}

// linkKnown: the engine knows that the link is down or gone.
func (c *holding) linkKnown(n *Node, link string) {
	for k := range n.lost {
		if k.Link == link && !n.nics[linkOf(link)].up && n.kernel.LookError == nil { // which may hide what was deleted before
			delete(n.lost, k)
		}
	}
}
