package sim

import "holdfast.dev/vrrp"

// groups: after every event the members of a sync group are in the same state, but for one that waits for its first result.
type groups struct{ w *World }

func (c *groups) agree(n *Node) {
	if c.w.failure != nil {
		return
	}
	routers := n.driver.Engine.Routers()
	for _, g := range n.groups_ {
		for _, m := range g[1:] {
			a, b := routers[g[0]], routers[m]
			if a.State() != b.State() && !c.excused(a) && !c.excused(b) {
				c.w.fail("groups", "%s: %s is %s, %s is %s in one sync group", n.name, a.Name(), a.State(), b.Name(), b.State())
			}
		}
	}
}

// excused reports whether the router waits for something that the others of its group need not wait for (rule J9).
func (c *groups) excused(r *vrrp.Router) bool {
	if s := r.State(); s != vrrp.Init && s != vrrp.Fault {
		return false
	}
	var st vrrp.Status
	r.Status(&st)
	return st.Faults == 0
}
