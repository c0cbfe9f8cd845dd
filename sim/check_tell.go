package sim

import (
	"maps"

	"holdfast.dev/host"
	"holdfast.dev/notify"
)

// telling: notifications are numbered in order, over restarts too, no state is told twice in a row, and the last one told is true (which
// election looks at).
type telling struct {
	w     *World
	names map[host.Owner]string // before a reload
	words map[string]string     // told before it
}

func (c *telling) told(n *Node, ev *notify.Event) {
	if ev.Seq <= n.seq {
		c.w.fail("telling", "%s: notification %d after %d", n.name, ev.Seq, n.seq)
	}
	n.seq = ev.Seq
	if ev.Object != notify.Instance || !ev.IsState() {
		return
	}
	switch last := n.lastTold[ev.Name]; ev.State {
	case notify.Master, notify.Backup, notify.Fault:
		if last == ev.State {
			c.w.fail("telling", "%s: %s is told to be %s twice in a row", n.name, ev.Name, ev.State)
		}
	}
	n.lastTold[ev.Name] = ev.State
}

// booted begins with what the process remembers, if it has the file that the one before had.
func (c *telling) booted(n *Node) {
	if n.lastTold == nil || len(n.resume) == 0 || n.ran != n.text {
		n.lastTold = map[string]string{}
	}
	n.ran = n.text
}

// before notes who has which name. What was told of routers that are gone is nothing to those who get their names.
func (c *telling) before(n *Node) {
	c.configured(n)
	c.names, c.words = map[host.Owner]string{}, maps.Clone(n.lastTold)
	for _, r := range n.driver.Engine.Routers() {
		c.names[r.Owner()] = r.Name()
	}
}

// reloaded lets a router that has got a new name have what it was told to be under the old one, for nobody is told of a new name (rule P5). Where
// the name was another router's, what was told last under it goes on.
func (c *telling) reloaded(n *Node) {
	old, next := map[string]bool{}, configured(n)
	for _, name := range c.names {
		old[name] = true
	}
	for _, r := range n.driver.Engine.Routers() {
		name, was := r.Name(), c.names[r.Owner()]
		word, known := n.lastTold[was]
		known = known && (!next[was] || word == c.words[was]) // else it may be what another router is
		if now := n.lastTold[name]; known && (now == "" || now == notify.Deleted) && !old[name] {
			n.lastTold[name] = word
		}
	}
	c.configured(n)
}

// configured forgets the names that no router has.
func (c *telling) configured(n *Node) {
	names := configured(n)
	maps.DeleteFunc(n.lastTold, func(name, _ string) bool { return !names[name] })
}

// configured are the names of the routers.
func configured(n *Node) map[string]bool {
	names := map[string]bool{}
	for _, r := range n.driver.Engine.Routers() {
		names[r.Name()] = true
	}
	return names
}
