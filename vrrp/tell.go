package vrrp

import (
	"time"

	"holdfast.dev/notify"
)

// notifyWait is how long the notification of MASTER waits for the kernel to confirm the addresses and for their first announcement
// (rule H2) before it goes out without.
const notifyWait = 100 * time.Millisecond

// Words of events that only FIFO readers get (outputs.md section 3.1).
const (
	masterPriority = "MASTER_PRIORITY"
	backupPriority = "BACKUP_PRIORITY"
)

// tell queues the notification of a new state, after any that still waits.
func (r *Router) tell(state string) {
	r.flushTold()
	if r.toldLast == state {
		return // told already: a resumed process, or a group that moved twice (rule I11)
	}
	r.toldLast = state
	r.engine.notify(r.event(state))
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
	if state == notify.Deleted {
		ev.Gen = r.gen // the new configuration does not know its scripts
	}
	if state == notify.Master {
		ev.Times.Sent = r.lastSent.Mono
	}
	return ev
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
		r.engine.notify(r.event(masterPriority))
	} else {
		r.engine.notify(r.event(backupPriority))
	}
}

// changed notes that the status of the router is to be published anew.
func (r *Router) changed() {
	if !r.isDirty {
		r.isDirty = true
		r.engine.touched = append(r.engine.touched, r)
	}
}
