package sim

import (
	"strings"

	"holdfast.dev/host"
	"holdfast.dev/vrrp"
)

// leaks: the engine forgets what is no longer configured, and after the end nothing of ours is in the kernel.
type leaks struct{ w *World }

func (c *leaks) wants(n *Node, o host.Owner, x *wish) {
	if x.forget && n.driver.Engine.Has(o) {
		c.w.fail("leaks", "%s: owner %d is forgotten and known", n.name, o)
	}
}

// owners holds after everything has settled that only configured routers are known.
func (c *leaks) owners(n *Node) {
	known := 0
	for _, x := range n.watches {
		if n.driver.Engine.Has(x.owner) {
			known++
		}
	}
	if known != len(n.config.Routers) {
		c.w.fail("leaks", "%s: the engine knows %d routers, %d are configured", n.name, known, len(n.config.Routers))
	}
	if !n.driver.Engine.Settled() {
		c.w.fail("leaks", "%s: the engine still waits for the kernel", n.name)
	}
	if n.rec.Pending() {
		c.w.fail("leaks", "%s: the kernel's keeper still has something to do", n.name)
	}
}

// settled is when a process that was told to stop has done so.
func (c *leaks) settled(n *Node) {
	for _, r := range n.driver.Engine.Routers() {
		if r.State() != vrrp.Init && r.State() != vrrp.Fault {
			c.w.fail("leaks", "%s: %s is %s after the end", n.name, r.Name(), r.State())
		}
	}
}

// left is after the end of the world.
func (c *leaks) left(n *Node) {
	if n.alive {
		c.w.fail("leaks", "%s: does not end", n.name)
	}
	if w := n.kernel.Wall(); w != "" {
		c.w.fail("leaks", "%s: the firewall is still there after the end: %s", n.name, w)
	}
	if strings.Contains(n.kernel.String(), " "+staticAddress) {
		c.w.fail("leaks", "%s: the static address is still there after the end", n.name)
	}
	if text := n.kernel.Entries(); text != "" {
		c.w.fail("leaks", "%s: routes and rules are still there after the end: %s", n.name, text)
	}
	for _, name := range n.virtual {
		if n.kernel.Link(name) != nil {
			c.w.fail("leaks", "%s: %s is still there after the end", n.name, name)
		}
	}
	for i := range n.file.routers {
		r := &n.file.routers[i]
		for _, a := range append(append([]string(nil), r.addresses...), r.excluded...) {
			if strings.Contains(n.kernel.String(), " "+a) {
				c.w.fail("leaks", "%s: %s is still there after the end: %s", n.name, a, n.kernel.String())
			}
		}
	}
}
