// Package notify delivers announcements (state changes of virtual routers and sync groups) to those who want to know, in order
// per object. This file is what the election says; the sinks are folders of their own.
package notify

import "holdfast.dev/clock"

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
)

// Event is one announcement. Events of one (Object, Name) are delivered in the order of Seq, one at a time.
type Event struct {
	Seq      uint64 // increases by one per event of the process; a gap tells of lost events
	Gen      uint64 // generation of the configuration in whose terms the event is meant
	Object   Object
	Name     string
	State    string
	Priority uint8 // effective priority; 0 for groups
	Times    Times
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
