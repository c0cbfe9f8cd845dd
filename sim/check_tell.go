package sim

import "holdfast.dev/notify"

// telling: notifications are numbered in order, over restarts too, no state is told twice in a row, and the last one told is true (which
// election looks at).
type telling struct{ w *World }

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

// reloaded forgets what was told: routers may have other names now, which nobody is told of (rule P5).
func (c *telling) reloaded(n *Node) { clear(n.lastTold) }
