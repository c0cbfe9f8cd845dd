package sim

import (
	"reflect"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp"
)

// reloads: a file that says the same as the one in force does nothing at all: nothing is sent, told or asked of the kernel, no state
// and no deadline changes.
type reloads struct {
	w       *World
	same    bool
	outputs int
	at      clock.Instant
}

func (c *reloads) before(n *Node, old, next *vrrp.Config) {
	e := n.driver.Engine
	c.same = old != nil && reflect.DeepEqual(old, next) && n.trouble.Add(beat) < n.clocks.now(n.w.now).Mono
	c.at, _ = e.Deadline()
	c.outputs = n.outputs
}

func (c *reloads) after(n *Node, _, _ *vrrp.Config) {
	if !c.same {
		return
	}
	now := n.clocks.now(n.w.now).Mono
	at, _ := n.driver.Engine.Deadline()
	if n.outputs != c.outputs {
		c.w.fail("reloads", "%s: a reload of the same file had %d outputs", n.name, n.outputs-c.outputs)
	}
	if at < c.at && at < now || at > c.at && at.Sub(c.at) > beat {
		c.w.fail("reloads", "%s: a reload of the same file moved the deadline from %d to %d", n.name, c.at, at)
	}
}
