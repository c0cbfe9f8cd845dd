package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// election is liveness: once the faults have ended, and within the bound, every virtual router has exactly one MASTER among those who can
// understand each other, the rightful one where preemption decides, the kernels hold what is wanted and nothing else of it, and what
// was told last is true. Then nothing changes any more.
type election struct {
	w     *World
	last  clock.Instant // of the world: the last transition of anybody
	count int
	at    int // count when it was settled
}

func (c *election) moved(*Node) {
	c.last = c.w.now
	c.count++
}

// seat is one place that exactly one node must hold.
type seat struct {
	key    string
	chairs []chair
}

// chair is a virtual router of a node.
type chair struct {
	node      string
	priority  int
	noPreempt bool
	master    bool
	n         *Node // nil for one of another make
	i         int   // number of the router
}

// seats sorts all routers by who can understand whom.
func (c *election) seats() []seat {
	var list []seat
	add := func(r *instance, ch chair) {
		key := fmt.Sprintf("%s VRID %d version %d", r.link, r.vrid, r.version)
		if r.version == wire.V2 {
			key += fmt.Sprintf(" interval %v password %q header %v", r.interval, r.password, r.header)
		}
		key += " keys " + r.signing.with
		i := slices.IndexFunc(list, func(s seat) bool { return s.key == key })
		if i < 0 {
			list = append(list, seat{key: key})
			i = len(list) - 1
		}
		list[i].chairs = append(list[i].chairs, ch)
	}
	for i, m := range c.w.nodes {
		if m == nil {
			continue
		}
		f := &c.w.Plan.Shape.Nodes[i].File
		for j := range f.routers {
			r := &f.routers[j]
			ch := chair{node: c.w.Plan.Shape.Nodes[i].Name, priority: int(r.priority), noPreempt: r.noPreempt, i: j}
			switch m := m.(type) {
			case *Node:
				ch.n, ch.master = m, j < len(m.watches) && m.watches[j].state == vrrp.Master
				if r.script != "" && r.weight > 0 && r.priority < 255 && !(f.group && j < 2) {
					ch.priority = min(ch.priority+r.weight, 254) // all scripts succeed now
				}
			case *Peer:
				ch.master = m.routers[j].master
			}
			add(r, ch)
		}
	}
	return list
}

// settle looks at everything when the bound has passed.
func (c *election) settle(w *World, b *bound) {
	if w.failure != nil {
		return
	}
	late := "after " + b.String()
	for _, n := range w.real {
		if !n.alive || n.config == nil || len(n.watches) < len(n.file.routers) {
			w.fail("election", "%s does not run, %s", n.name, late)
			return
		}
	}
	for _, s := range c.seats() {
		c.one(&s, late)
	}
	for _, n := range w.real {
		c.together(n, late)
		c.real(n, late)
		c.realTables(n, late)
		c.told(n)
		w.checks.leaks.owners(n)
	}
	c.at = c.count
	if took := c.last.Sub(w.calmAt); took > 0 && b.total() > 0 {
		w.Settling = max(w.Settling, float64(took)/float64(b.total()))
	}
}

// one holds that a seat has one holder, and the right one.
func (c *election) one(s *seat, late string) {
	var masters, all []string
	var holder *chair
	for i := range s.chairs {
		ch := &s.chairs[i]
		all = append(all, fmt.Sprintf("%s(%d)", ch.node, ch.priority))
		if ch.master {
			masters = append(masters, ch.node)
			holder = ch
		}
	}
	if len(masters) != 1 {
		c.w.fail("election", "%s has %d masters %v of %s, %s", s.key, len(masters), masters, strings.Join(all, " "), late)
		return
	}
	if holder.n != nil && holder.n.file.group && holder.i < 2 {
		return // its group decides; see together
	}
	for i := range s.chairs {
		if ch := &s.chairs[i]; ch.priority > holder.priority && !ch.noPreempt {
			c.w.fail("election", "%s: %s is master with %d, though %s has %d and preempts, %s", s.key, holder.node, holder.priority, ch.node, ch.priority, late)
		}
	}
}

// together holds that a sync group is MASTER where each of its members is.
func (c *election) together(n *Node, late string) {
	for _, g := range n.groups_ {
		for _, m := range g {
			if n.watches[m].state != n.watches[g[0]].state {
				c.w.fail("election", "%s: %s is %s, %s is %s, %s", n.name, n.watches[m].name, n.watches[m].state, n.watches[g[0]].name, n.watches[g[0]].state, late)
			}
		}
	}
}

// real holds that the kernel has the addresses of a MASTER, and of nobody else.
func (c *election) real(n *Node, late string) {
	held := n.kernel.String()
	static := host.Key{Link: "eth1", Prefix: netip.MustParsePrefix(staticAddress)}
	if n.standing()[static] != n.file.static {
		c.w.fail("real", "%s: the static address stands: %v, %s; %s", n.name, !n.file.static, held, late)
	}
	for _, x := range n.watches {
		if x.spec == nil {
			continue
		}
		for i := range x.spec.Addresses {
			a := &x.spec.Addresses[i]
			there := n.standing()[a.Key]
			if there != (x.state == vrrp.Master) && !n.shared(x, a) {
				c.w.fail("real", "%s: %s is %s and %s stands: %v, %s; %s", n.name, x.name, x.state, a.Prefix, there, held, late)
			}
		}
	}
}

// realTables holds that routes and rules stand where their router is MASTER, that a virtual link is there for every router, and up where that
// is MASTER.
func (c *election) realTables(n *Node, late string) {
	want, may := map[string]bool{}, map[string]bool{} // what nobody tracks may stand, or have been taken away (rule K1)
	for _, x := range n.watches[:len(n.config.Routers)] {
		for i := range x.spec.Virtual {
			v := &x.spec.Virtual[i]
			l := n.kernel.Link(v.Name)
			switch {
			case l == nil || !l.Ours() || l.MAC != v.MAC || l.MAC != virtualMAC(x.spec):
				c.w.fail("real", "%s: %s is not as it should be: %+v; %s", n.name, v.Name, l, late)
			case l.Up != (x.state == vrrp.Master):
				c.w.fail("real", "%s: %s is %s and %s is up: %v; %s", n.name, x.name, x.state, v.Name, l.Up, late)
			}
		}
		if x.state == vrrp.Master {
			for i := range x.spec.Routes {
				may[x.spec.Routes[i].Key().Entry] = true
				want[x.spec.Routes[i].Key().Entry] = !x.spec.Routes[i].NoTrack
			}
			for i := range x.spec.Rules {
				may[x.spec.Rules[i].Key().Entry] = true
				want[x.spec.Rules[i].Key().Entry] = !x.spec.Rules[i].NoTrack
			}
		}
	}
	has := map[string]bool{}
	for _, key := range n.entries() {
		if has[key] = true; !may[key] {
			c.w.fail("real", "%s: %q stands; %s", n.name, key, late)
		}
	}
	for key, must := range want {
		if must && !has[key] {
			c.w.fail("real", "%s: %q does not stand; %s", n.name, key, late)
		}
	}
}

func (n *Node) shared(x *watch, a *vrrp.Address) bool {
	for _, y := range n.watches {
		for i := 0; y != x && y.spec != nil && i < len(y.spec.Addresses); i++ {
			if y.spec.Addresses[i].Key == a.Key {
				return true
			}
		}
	}
	return false
}

// told holds that the last notification said the truth, as the router remembers it and as anybody who knows its name has heard it.
func (c *election) told(n *Node) {
	words := map[vrrp.State]string{vrrp.Master: notify.Master, vrrp.Backup: notify.Backup, vrrp.Fault: notify.Fault}
	var st vrrp.Status
	for i, r := range n.driver.Engine.Routers() {
		r.Status(&st)
		silent := st.Told == "" && r.State() == vrrp.Backup // an address owner that is about to be MASTER
		word := n.lastTold[r.Name()]
		if silent && word == notify.Deleted {
			word = "" // of another one
		}
		if word != "" && word != words[r.State()] {
			c.w.fail("telling", "%s: %s is %s, what was told last under its name is %q", n.name, r.Name(), r.State(), word)
		}
		if st.Told != words[r.State()] && !silent {
			c.w.fail("telling", "%s: %s is %s, scripts were told %q", n.name, n.watches[i].name, r.State(), st.Told)
		}
	}
}

// quiet holds that nothing has changed since.
func (c *election) quiet(w *World) {
	if w.failure == nil && c.count != c.at {
		w.fail("election", "%d transitions after everything had settled", c.count-c.at)
	}
}
