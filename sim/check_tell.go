package sim

import "holdfast.dev/notify"

// telling: notifications are numbered in order, over restarts too, no state is told twice in a row, and the last one told is true.
type telling struct{ w *World }

func (c *telling) told(n *Node, ev *notify.Event) {
	if ev.Seq <= n.seq {
		c.w.fail("telling", "%s: notification %d after %d", n.name, ev.Seq, n.seq)
	}
	n.seq = ev.Seq
	if ev.Object != notify.Instance || ev.State == notify.MasterRxLowPrio {
		return
	}
	for _, x := range n.watches {
		if x.name == ev.Name && x.state.String() == ev.State || ev.State == notify.Stop || ev.State == notify.Deleted {
			if x.name == ev.Name {
				x.told = ev.State
			}
		}
	}
}
