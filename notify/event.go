// Package notify delivers announcements (state changes of virtual routers and sync groups) to those who want to know, in order
// per object. This file is what the election says; the sinks are folders of their own.
package notify

import (
	"fmt"

	"holdfast.dev/clock"
)

// Object is the kind of thing that an Event is about, in the words that scripts and FIFOs get.
type Object string

// The objects of rule Y and outputs.md section 3.
const (
	Instance Object = "INSTANCE"
	Group    Object = "GROUP"
)

// States as scripts and FIFO readers know them (outputs.md section 3.1).
const (
	Master          = "MASTER"
	Backup          = "BACKUP"
	Fault           = "FAULT"
	Stop            = "STOP"
	Deleted         = "DELETED"
	MasterRxLowPrio = "MASTER_RX_LOWER_PRI"
	// MasterPriority and BackupPriority tell of a new effective priority, to readers of pipes only (rule J15).
	MasterPriority = "MASTER_PRIORITY"
	BackupPriority = "BACKUP_PRIORITY"
)

// Trouble and TroubleOver are no states of an instance: something is wrong between it and others on its network, or is no more. Only
// scripts of notify_trouble hear of them.
const (
	Trouble     = "TROUBLE"
	TroubleOver = "TROUBLE_OVER"
)

// Evidence is what an event of a trouble is about.
type Evidence struct {
	Kind string // a word: docs/troubles.md lists them
	Who  string // the address, or hardware address, of who shows it
	Text string // what it said, and what was expected
}

// IsState reports whether the event says in which state its object is now.
func (e *Event) IsState() bool {
	switch e.State {
	case MasterRxLowPrio, MasterPriority, BackupPriority, Trouble, TroubleOver:
		return false
	}
	return !e.Again
}

// Event is one announcement. Events of one (Object, Name) are delivered in the order of Seq, one at a time.
type Event struct {
	Seq      uint64 // increases by one per event of the process; a gap tells of lost events
	Gen      uint64 // generation of the configuration in whose terms the event is meant
	Object   Object
	Name     string
	State    string
	Priority uint8 // effective priority; 0 for groups
	// Shown is State as all but the script of a state are told it, where that differs: FAULT for DELETED without notify_deleted, and
	// Nothing if FAULT was told already (rule P8).
	Shown string `json:",omitempty"`
	// Again is set on a state that is no news: only readers of pipes are told (fifo_write_vrrp_states_on_reload).
	Again bool `json:",omitempty"`
	Mail  bool `json:",omitempty"` // smtp_alert: by mail too
	Times Times
	// Trouble is what Trouble and TroubleOver are about.
	Trouble Evidence `json:",omitzero"`
}

// Nothing is what Event.Shown says of an event that is told to nobody but the script of its state.
const Nothing = "-"

// Word is the state as pipes, mails and the generic script are told it; empty for not at all.
func (e *Event) Word() string {
	switch e.Shown {
	case "":
		if e.State == Trouble || e.State == TroubleOver {
			return "" // no reader of a pipe that was made for keepalived knows the word
		}
		return e.State
	case Nothing:
		return ""
	}
	return e.Shown
}

// News reports whether the event is a change of state, not only something to be written to a pipe.
func (e *Event) News() bool {
	return !e.Again && e.State != MasterPriority && e.State != BackupPriority
}

// Line is the event as it stands in a pipe (outputs.md section 4), with the newline; empty if it is not written.
func (e *Event) Line() string {
	word := e.Word()
	if word == "" {
		return ""
	}
	prio := e.Priority
	if e.Object == Group {
		prio = 0
	}
	return fmt.Sprintf("%s \"%s\" %s %d\n", e.Object, e.Name, word, prio)
}

// Times says where the time went, each on CLOCK_MONOTONIC; zero where it does not apply.
type Times struct {
	Cause     clock.Instant // the packet or deadline that led to the transition
	Decided   clock.Instant // the engine's step
	Sent      clock.Instant // first advert on the wire
	Confirmed clock.Instant // the kernel holds the addresses
	Announced clock.Instant // first gratuitous ARP or NA
	Queued    clock.Instant // handed to the dispatcher
}
