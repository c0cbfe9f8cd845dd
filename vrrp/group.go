package vrrp

import (
	"time"

	"holdfast.dev/notify"
)

// group is a sync group: its members are MASTER together or not at all (rules I1 to I11).
type group struct {
	engine  *Engine
	spec    *GroupSpec
	members []*Router
	state   State
	pending string // a notification that waits for the members' own (rule I10)
	told    string
	untold  bool   // it is new, or its members are
	waited  bool   // it had to wait for a first result before its first state (rule Y3)
	pass    uint64 // the reassess in which it followed last
	defers  bool   // see memberWait
}

// ready reports whether every member wants to be MASTER (rule I1).
func (g *group) ready() bool {
	for _, m := range g.members {
		if !m.want && m.state != Master {
			return false
		}
	}
	return true
}

func (g *group) becomeMaster(first *Router, c Cause) {
	g.engine.report(Info, 0, "VRRP_Group(%s) Syncing instances to MASTER state", g.spec.Name)
	g.defers = false
	if first.state != Master {
		first.becomeMaster(c)
	}
	for _, m := range g.members {
		if m.state != Master {
			m.becomeMaster(Cause{Why: WhyGroup, Text: "sync group " + g.spec.Name, At: c.At})
		}
	}
	g.enter(Master)
}

// becomeBackup moves all members, the one that caused it first.
func (g *group) becomeBackup(first *Router, c Cause) {
	g.engine.report(Info, 0, "VRRP_Group(%s) Syncing instances to BACKUP state", g.spec.Name)
	g.defers = c.Why == WhyHigher && c.From.Compare(first.source) > 0
	first.becomeBackup(c, first.memberWait())
	for _, m := range g.members {
		if m != first && m.state == Master {
			m.becomeBackup(Cause{Why: WhyGroup, Text: "sync group " + g.spec.Name, At: c.At}, m.memberWait())
		}
	}
	g.enter(Backup)
}

// memberWait is the down time of a router, or one interval more if its group has made way to a higher address and nobody has been heard
// as a steady master since. If each of two nodes has a member that outranks the other's, both make way, and with equal timers both would
// come back at the same moment, for ever; so all come later but the one with the highest address.
func (r *Router) memberWait() time.Duration {
	wait := r.downTime()
	if r.group != nil && r.group.defers {
		wait += r.interval()
	}
	return wait
}

// steady notes that a master was heard twice, as far apart as regular adverts are: it stays.
func (g *group) steady() { g.defers = false }

// stepDown gives the others a chance to take the whole group.
func (g *group) stepDown(first *Router, c Cause, wait func(*Router) time.Duration) {
	first.stepDown(c, wait(first))
	for _, m := range g.members {
		if m != first && m.state == Master {
			m.stepDown(Cause{Why: WhyGroup, Text: "sync group " + g.spec.Name, At: c.At}, wait(m))
		}
	}
	g.enter(Backup)
}

// follow moves the group where the health of its members allows it to be (rule I4).
func (g *group) follow(c Cause) {
	var failed *Router
	pending := false
	for _, m := range g.members {
		if failed == nil && m.health.faults > 0 {
			failed = m
		}
		pending = pending || m.health.pending != ""
	}
	switch {
	case failed != nil:
		g.becomeFault(failed)
	case (g.state == Init || g.state == Fault) && pending:
		g.waited = true
	case g.state == Init || g.state == Fault:
		g.start(c)
	default:
		g.join()
	}
}

func (g *group) becomeFault(failed *Router) {
	first, now := g.state == Init, g.engine.now.Mono
	if g.state != Fault && !first {
		g.engine.report(Info, 0, "VRRP_Group(%s) Syncing instances to FAULT state", g.spec.Name)
	}
	if first {
		g.enter(Fault) // at the start the group is told before its members (rules C6, Y3)
	}
	if failed.state != Fault {
		failed.becomeFault(Cause{Why: WhyFault, Text: failed.health.fault, At: now})
	}
	for _, m := range g.members {
		if m.state == Fault {
			continue
		}
		cause := Cause{Why: WhyGroup, Text: "sync group " + g.spec.Name + ", " + failed.spec.Name + ": " + failed.health.fault, At: now}
		if m.health.faults > 0 {
			cause = Cause{Why: WhyFault, Text: m.health.fault, At: now}
		}
		if m.state == Init {
			g.engine.report(Info, 0, "VRRP_Group(%s): Syncing %s to FAULT state", g.spec.Name, m.spec.Name)
		}
		m.becomeFault(cause)
	}
	if !first {
		g.enter(Fault)
	}
}

// start brings the group out of INIT or FAULT. Its first state is told before its members' (rules C6, Y3), unless it had to wait for it;
// address owners that are about to become MASTER say nothing.
func (g *group) start(c Cause) {
	first := g.state == Init
	silent := first && g.members[0].wantsMaster()
	if first {
		c.Why = WhyStart
	} else {
		g.engine.report(Info, 0, "VRRP_Group(%s) Syncing instances to BACKUP state", g.spec.Name)
	}
	if first && !silent && !g.waited {
		g.enter(Backup)
	}
	for _, m := range g.members {
		if m.state == Init || m.state == Fault {
			m.start(c)
		}
	}
	if silent {
		g.state = Backup
	}
	g.enter(Backup)
}

// join brings a member that was added or recovered alone to where the group is.
func (g *group) join() {
	for _, m := range g.members {
		if m.state != Init && m.state != Fault || m.health.pending != "" {
			continue
		}
		c := Cause{Why: WhyGroup, Text: "sync group " + g.spec.Name, At: g.engine.now.Mono}
		if g.state == Master {
			m.becomeMaster(c)
		} else {
			m.start(c)
		}
	}
}

// enter changes the group's own state and tells it, after the members.
func (g *group) enter(s State) {
	if g.state == s {
		return
	}
	g.state = s
	switch s {
	case Master:
		g.tellLater(notify.Master)
	case Backup:
		g.tell(notify.Backup)
	case Fault:
		g.tell(notify.Fault)
	}
}

// flushTold tells what waits once every member's own notification has gone out (rule I10).
func (g *group) flushTold() {
	if g.pending == "" {
		return
	}
	for _, m := range g.members {
		if m.told != nil || m.leave != nil {
			return
		}
	}
	g.tell(g.pending)
}

func (g *group) tell(state string) {
	if g.pending != "" && g.pending != state {
		g.notify(g.pending)
	}
	g.pending = ""
	g.notify(state)
}

func (g *group) notify(state string) {
	if g.told == state {
		return
	}
	g.told = state
	ev := notify.Event{Object: notify.Group, Name: g.spec.Name, State: state, Mail: g.spec.Mail}
	ev.Times.Decided = g.engine.now.Mono
	g.engine.notify(ev)
}

// tellLater queues what is told once every member's own notification has gone out.
func (g *group) tellLater(state string) {
	if g.pending != "" {
		g.notify(g.pending)
	}
	g.pending = state
	g.flushTold()
}

// all reports whether every member is in the set; a router without a group is alone in that.
func (g *group) all(set map[*Router]bool) bool {
	if g == nil {
		return true
	}
	for _, m := range g.members {
		if !set[m] {
			return false
		}
	}
	return true
}
