package vrrp

import (
	"net/netip"

	"holdfast.dev/clock"
)

// State of a virtual router. The numbers are those of keepalived's JSON dump.
type State uint8

// The states of RFC 9568 section 6.3, and FAULT.
const (
	Init   State = iota // waiting for the first result of something that must work
	Backup              // listening
	Master              // Active Router in the words of RFC 9568
	Fault               // something that must work does not
)

func (s State) String() string {
	switch s {
	case Init:
		return "INIT"
	case Backup:
		return "BACKUP"
	case Master:
		return "MASTER"
	case Fault:
		return "FAULT"
	}
	return "UNKNOWN"
}

// Why says what kind of event led to a transition.
type Why uint8

// The causes of transitions.
const (
	WhyStart      Why = iota // first state after start or configuration
	WhyTimeout               // nothing heard from the master for the down time
	WhyReleased              // the master sent priority 0
	WhyHigher                // an advert of higher priority, or of a higher address
	WhyFault                 // something that must work stopped working
	WhyRecovered             // everything works again
	WhyGroup                 // another member of the sync group changed
	WhyAddress               // an address was taken away and could not be held
	WhySlept                 // this machine or process stood still for too long
	WhyReload                // the configuration changed
	WhyStop                  // told to stop
	WhyResumed               // an earlier process of ours was in that state a moment ago
	WhyOwnerClash            // another router claims to own the addresses too
	WhyPreempts              // the down time has passed, though a master of lower priority is heard
	WhyDied                  // the daemon of the master is dead, as its machine has confirmed
	WhyHanded                // the master has named us its heir
)

var whyText = [...]string{
	WhyStart: "start", WhyTimeout: "advert timeout", WhyReleased: "master released", WhyHigher: "higher priority",
	WhyFault: "fault", WhyRecovered: "recovered", WhyGroup: "sync group", WhyAddress: "address lost", WhySlept: "slept",
	WhyReload: "reload", WhyStop: "stop", WhyResumed: "resumed", WhyOwnerClash: "second address owner",
	WhyPreempts: "preempts", WhyDied: "daemon of the master died", WhyHanded: "master handed over",
}

func (w Why) String() string {
	if int(w) < len(whyText) {
		return whyText[w]
	}
	return "unknown"
}

// Cause is why a transition happened, with the evidence.
type Cause struct {
	Why      Why
	Text     string        // the fault, or the member of the group
	From     netip.Addr    // sender of the advert that decided it, or the master that fell silent
	Priority uint8         // of that sender
	At       clock.Instant // the packet or deadline that decided it
}
