package sim

import (
	"net/netip"
	"slices"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// checks are the checkers of a world. Each is an object of its own that is told what concerns it and calls World.fail. They know what was
// configured, what was delivered and what came out; of the engine they know only what anybody may ask it.
type checks struct {
	speaking speaking // nobody says what he is not, and no packet is malformed
	holding  holding  // what is announced stands
	groups   groups   // members of a sync group agree
	timers   timers   // take-overs and adverts come when the RFC says
	reloads  reloads  // the same file does nothing
	telling  telling  // notifications are in order, and the last one is true
	election election // liveness
	leaks    leaks    // owners are forgotten, nothing is left after the end
	carrying carrying // old adverts do not count, deaths are true, the carrier's memory is bounded
}

func (c *checks) init(w *World) {
	c.speaking.w, c.holding.w, c.groups.w, c.timers.w = w, w, w, w
	c.reloads.w, c.telling.w, c.election.w, c.leaks.w = w, w, w, w
	c.carrying.w = w
}

// watched is what the checkers keep of a node.
type watched struct {
	watches  []*watch // in the order of the configuration, as far as that is in force; others behind
	groups_  [][]int  // members of its sync groups
	trouble  clock.Instant
	outputs  int // sent, moved, told, wanted
	seq      uint64
	lastTold map[string]string // by the name of the router
	touched  bool              // something was sent or moved in this Handle
	handling vrrp.Event
}

// watch is what they keep of one virtual router of a process.
type watch struct {
	owner host.Owner
	name  string
	spec  *vrrp.Spec
	state vrrp.State // after all transitions that were told

	since    clock.Instant // of the state
	why      vrrp.Why
	tainted  clock.Instant // the last time that something changed its timers that is no packet
	sent     clock.Instant
	sentBoot clock.Instant // the same, by the clock that runs on while the machine is suspended
	regular  clock.Instant // the last advert that was not an answer
	said     [96]byte      // the last advert that was found right
	saidLen  int
	saidTo   wireTo
	rising   bool // it has said that it is MASTER before it told of the transition
	leaving  bool // it has said that it leaves, and has not left yet
	released bool // it was MASTER in this Handle
	heard    [8]heard
	heardN   int

	marks       map[netip.Addr]uint64 // what was heard of whom last, where adverts are signed
	signedLast  uint64
	signedID    uint16
	header      uint32 // the latest sequence of an Authentication Header that was sent or taken
	headerID    uint16
	headerHeard uint32
}

// heard is an advert that was delivered.
type heard struct {
	at       clock.Instant
	priority uint8
	interval int64 // ns
}

// watch finds what is kept of a router.
func (n *Node) watch(o host.Owner) *watch {
	for _, x := range n.watches {
		if x.owner == o {
			return x
		}
	}
	x := &watch{owner: o, state: vrrp.Init}
	n.watches = append(n.watches, x)
	return x
}

func (c *checks) booted(n *Node) {
	n.watched = watched{seq: n.seq, trouble: n.since.Mono, lastTold: n.lastTold}
	c.telling.booted(n)
}

func (c *checks) died(n *Node) { n.watches, n.groups_ = nil, nil }

// align sorts the watches as the routers are configured now.
func (n *Node) align() {
	routers := n.driver.Engine.Routers()
	sorted := make([]*watch, 0, len(n.watches))
	for i, r := range routers {
		x := n.watch(r.Owner())
		next := &n.config.Routers[i]
		if x.spec != nil && (x.spec.Identity() != next.Identity() || x.spec.AuthType != next.AuthType) {
			x.header, x.headerHeard = 0, 0
		}
		x.spec, x.name = next, r.Name()
		if r.State() == vrrp.Init {
			x.state = vrrp.Init // it begins anew as another router, which is no transition
			x.header, x.headerHeard = 0, 0
		}
		sorted = append(sorted, x)
	}
	for _, x := range n.watches {
		if !slices.Contains(sorted, x) && n.driver.Engine.Has(x.owner) {
			sorted = append(sorted, x)
		}
	}
	n.watches = sorted
	n.groups_ = n.groups_[:0]
	in := map[int]bool{}
	for _, g := range n.config.Groups {
		var members []int
		for _, name := range g.Members {
			for i := range n.config.Routers {
				if n.config.Routers[i].Name == name && !in[i] {
					in[i] = true
					members = append(members, i)
				}
			}
		}
		n.groups_ = append(n.groups_, members)
	}
}

func (c *checks) before(n *Node, old, next *vrrp.Config) {
	c.reloads.before(n, old, next)
	if old != nil && !c.reloads.same {
		c.telling.before(n)
	}
}

func (c *checks) after(n *Node, old, next *vrrp.Config) {
	n.align()
	c.reloads.after(n, old, next)
	switch {
	case old == nil:
		c.telling.configured(n)
	case !c.reloads.same:
		c.telling.reloaded(n)
		n.ran = n.text
	}
	if !c.reloads.same {
		c.timers.reloaded(n)
	}
	c.groups.agree(n)
}

func (c *checks) sent(n *Node, s *vrrp.Send, err error) {
	n.outputs++
	n.touched = true
	x := n.watch(s.Owner)
	c.speaking.sent(n, x, s)
	priority := message(s.Port.AH, s.Payload)[2]
	if err == nil && n.w.Log != nil && (n.w.Log.Adverts || priority == wire.PriorityRelease || x.state != vrrp.Master) {
		n.w.Log.line(n.w, n.name, "sent", "%s priority %d to %s", x.name, priority, s.Dst)
	}
}

func (c *checks) announced(n *Node, items []vrrp.Announcement) { c.holding.announced(n, items) }

func (c *checks) moved(n *Node, t *vrrp.Transition) {
	n.outputs++
	n.touched = true
	x := n.watch(t.Owner)
	x.name = t.Name
	if x.state != t.From && t.From != vrrp.Init {
		c.groups.w.fail("state", "%s: %s leaves %s, but was %s", n.name, t.Name, t.From, x.state)
	}
	c.timers.moved(n, x, t)
	if x.state == vrrp.Master {
		x.released = true
	}
	x.state, x.why = t.To, t.Cause.Why
	x.since = n.clocks.now(n.w.now).Mono
	c.speaking.moved(n, x, t)
	c.election.moved(n)
}

func (c *checks) told(n *Node, ev *notify.Event) {
	n.outputs++
	c.telling.told(n, ev)
}

func (c *checks) wants(n *Node, o host.Owner, x *wish) {
	n.outputs++
	c.leaks.wants(n, o, x)
}

func (c *checks) hear(n *Node, now clock.Now, p *packet) { c.timers.hear(n, now, p) }

// handled is after every event.
func (c *checks) handled(n *Node, ev vrrp.Event) {
	switch ev := ev.(type) {
	case *vrrp.LinkGone:
		c.holding.linkKnown(n, ev.Name)
	case *vrrp.LinkChanged:
		if !ev.Link.IsUp() {
			c.holding.linkKnown(n, ev.Link.Name)
		}
	case *vrrp.Lost:
		delete(n.lost, ev.Key)
	case *vrrp.Applied:
		c.holding.applied(n, ev)
	case *vrrp.Tracked:
		c.timers.reloaded(n)
	case *vrrp.PeerDied, *vrrp.PeerHand, *vrrp.CarrierLost:
		c.timers.reloaded(n)
	case *vrrp.Overflow:
		n.disturbed()
	case *vrrp.Configure:
		return // after does it
	}
	if n.touched {
		n.touched = false
		c.speaking.handled(n)
		c.groups.agree(n)
	}
	for i, r := range n.driver.Engine.Routers() {
		if i < len(n.watches) && n.watches[i].state != r.State() {
			n.w.fail("state", "%s: %s is %s and has told of %s", n.name, r.Name(), r.State(), n.watches[i].state)
		}
	}
}

// rounded is at the end of every round.
func (c *checks) rounded(n *Node, now clock.Now) { c.timers.rounded(n, now) }

// settled is when a process has handed everything over.
func (c *checks) settled(n *Node) { c.leaks.settled(n) }

// left is after the end of the world.
func (c *checks) left(n *Node) { c.leaks.left(n) }
