package kernel

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// wallPause is how often the firewall is written anew at the most: another program may want the same table otherwise.
const wallPause = time.Second

// wallWatch is the socket on which the kernel tells of changes to nftables.
type wallWatch struct {
	*sock
	in      *inbox
	self    uint32 // the port of our commands
	table   string // ours
	changed bool   // by somebody else, and not told yet
	quiet   time.Time
}

func newWallWatch(self uint32) (*wallWatch, error) {
	s, _, err := dial(unix.NETLINK_NETFILTER, DefaultEventBuffer, true)
	if err != nil {
		return nil, err
	}
	if err := s.conn.JoinGroup(unix.NFNLGRP_NFTABLES); err != nil {
		_ = s.close()
		return nil, fmt.Errorf("joining netlink group %d: %w", unix.NFNLGRP_NFTABLES, err)
	}
	return &wallWatch{sock: s, in: newInbox(eventBatch, eventBuffer), self: self}, nil
}

// poll appends an event if somebody else has changed the table.
func (w *wallWatch) poll(events []host.Event) []host.Event {
	for range pollLimit {
		n, err := w.in.recv(w.fd)
		if err != nil {
			w.changed = true // events were lost, of ours perhaps
			continue
		}
		if n == 0 {
			break
		}
		for i := range n {
			b, whole := w.in.datagram(i)
			w.changed = w.changed || !whole || w.concerns(b)
		}
	}
	if !w.changed || time.Now().Before(w.quiet) {
		return events
	}
	w.changed, w.quiet = false, time.Now().Add(wallPause)
	return append(events, host.Event{Kind: host.WallChanged})
}

// concerns reports whether any message of a datagram tells of a change to our table that we did not make. Of whatever it tells, the first
// attribute is the name of the table.
func (w *wallWatch) concerns(b []byte) bool {
	for m, rest, ok := next(b); ok; m, rest, ok = next(rest) {
		if m.typ>>8 != unix.NFNL_SUBSYS_NFTABLES || m.typ&0xff == unix.NFT_MSG_NEWGEN || m.pid == w.self || len(m.body) < 4 {
			continue
		}
		for a := (attrs{b: m.body[4:]}); a.next(); {
			if a.typ == unix.NFTA_TABLE_NAME && text(a.val) == w.table {
				return true
			}
		}
	}
	return false
}

// due is how long until a change can be told; ok is false if there is none.
func (w *wallWatch) due() (wait time.Duration, ok bool) {
	if w == nil || !w.changed {
		return 0, false
	}
	return max(time.Until(w.quiet), 0), true
}

// applyWall is host.Kernel's Apply for the firewall.
func (m *machine) applyWall(o *host.WallOp) host.OpResult {
	if o.Wall.Chains != (host.Chains{}) {
		return m.errands.ask(o)
	}
	if err := m.openWall(); err != nil {
		return host.OpResult{Outcome: host.Refused, Text: err.Error()}
	}
	m.wallWatch.table = o.Wall.Table
	if err := m.walls.apply(o); err != nil {
		return host.OpResult{Outcome: host.Refused, Text: err.Error()}
	}
	return host.OpResult{}
}

// openWall opens the sockets for it, once.
func (m *machine) openWall() error {
	if m.walls != nil {
		return nil
	}
	w, err := newWalls()
	if err != nil {
		return err
	}
	if m.wallWatch, err = newWallWatch(w.conn.PID()); err != nil {
		_ = w.close()
		return err
	}
	m.walls = w
	return nil
}
