package vrrp

import (
	"time"

	"holdfast.dev/notify"
)

// notifyWait is how long the notification of MASTER waits for the kernel to confirm the addresses and for their first announcement
// (rule H2) before it goes out without.
const notifyWait = 100 * time.Millisecond

// tell queues the notification of a new state, after any that still waits.
func (r *Router) tell(state string) {
	r.flushTold()
	if r.toldLast == state {
		return // told already: a resumed process, or a group that moved twice (rule I11)
	}
	ev := r.event(state)
	r.toldLast = state
	r.engine.notify(ev)
}

// tellLater queues a notification that goes out when the kernel has confirmed what it announces.
func (r *Router) tellLater(state string) {
	r.flushTold()
	if r.toldLast == state {
		return
	}
	ev := r.event(state)
	r.told, r.toldBy = &ev, r.engine.now.Mono.Add(notifyWait)
	r.confirmedAt, r.announcedAt = 0, 0
}

func (r *Router) event(state string) notify.Event {
	ev := notify.Event{Object: notify.Instance, Name: r.spec.Name, State: state, Priority: r.priority}
	ev.Times = notify.Times{Cause: r.cause.At, Decided: r.engine.now.Mono}
	ev.Mail = r.spec.Mail
	if state == notify.Deleted {
		ev.Gen = r.gen // the new configuration does not know its scripts
		ev.Shown = r.showDeleted()
	}
	if state == notify.Master {
		ev.Times.Sent = r.lastSent.Mono
	}
	return ev
}

// showDeleted is as what a removal is told (rule P8).
func (r *Router) showDeleted() string {
	switch {
	case r.spec.TellDeleted:
		return ""
	case r.toldLast == notify.Fault:
		return notify.Nothing
	}
	return notify.Fault
}

// told is what was said last of every router and group.
type told struct {
	routers map[*Router]string
	groups  map[string]string
}

func (e *Engine) allTold() told {
	t := told{make(map[*Router]string, len(e.routers)), make(map[string]string, len(e.groups))}
	for _, r := range e.routers {
		t.routers[r] = r.toldLast
	}
	for _, g := range e.groups {
		t.groups[g.spec.Name] = g.told
	}
	return t
}

// repeatStates tells readers of pipes the states that a reload has not changed (rule P11).
func (e *Engine) repeatStates(before told) {
	for _, r := range e.routers {
		if was := before.routers[r]; was != "" && was == r.toldLast && r.told == nil {
			ev := r.event(was)
			ev.Again = true
			e.notify(ev)
		}
	}
	for _, g := range e.groups {
		if was := before.groups[g.spec.Name]; was != "" && was == g.told && g.pending == "" {
			ev := notify.Event{Object: notify.Group, Name: g.spec.Name, State: was, Again: true}
			ev.Times.Decided = e.now.Mono
			e.notify(ev)
		}
	}
}

func (r *Router) flushTold() {
	if r.told == nil {
		return
	}
	ev := *r.told
	r.told, r.toldBy = nil, 0
	r.toldLast = ev.State
	ev.Times.Confirmed, ev.Times.Announced = r.confirmedAt, r.announcedAt
	r.engine.notify(ev)
	if r.group != nil {
		r.group.flushTold()
	}
	r.arm()
	r.retire()
}

// tellPriority queues the change of the effective priority (rule J15).
func (r *Router) tellPriority() {
	if !r.spec.NotifyPriority {
		return
	}
	r.flushTold()
	if r.state == Master {
		r.engine.notify(r.event(notify.MasterPriority))
	} else {
		r.engine.notify(r.event(notify.BackupPriority))
	}
}

// changed notes that the status of the router is to be published anew.
func (r *Router) changed() {
	if !r.isDirty {
		r.isDirty = true
		r.engine.touched = append(r.engine.touched, r)
	}
}
