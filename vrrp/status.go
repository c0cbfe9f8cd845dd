package vrrp

import (
	"net/netip"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/vrrp/wire"
)

// Stats counts what happened to a router since its process started. A reload keeps it (rule P6).
type Stats struct {
	Received, Sent              uint64
	BecomeMaster, ReleaseMaster uint64
	ZeroReceived, ZeroSent      uint64
	LowerHeard                  uint64 // adverts of lower priority heard as MASTER
	OwnAddress                  uint64 // adverts with our priority and our own source address
	AddrList                    uint64 // adverts with another address list; accepted all the same
	IntervalDiffers             uint64 // version 3 adverts with another interval; accepted all the same
	SumPseudo, SumPlain         uint64 // version 3 over IPv4: which form of checksum came
	SumGroup, SumBad            uint64
	Dropped                     [wire.Reasons]uint64 // adverts that were not taken, by reason
	PutOff                      uint64               // take-overs put off because silence proved nothing
	Slept                       uint64               // times we stood still for more than three intervals as MASTER
	AddressLost                 uint64               // addresses taken away by others
	Announced                   uint64               // gratuitous ARPs and unsolicited NAs
}

// Status is what can be told about a router at a moment.
type Status struct {
	Owner    host.Owner
	Name     string
	Identity Identity
	Group    string // sync group, empty for none
	State    State
	Since    clock.Now
	Cause    Cause
	// Fault is why the router is in FAULT or INIT, in words; Faults how many reasons there are.
	Fault          string
	Faults         int
	BasePriority   uint8
	Priority       uint8 // effective
	Source         netip.Addr
	Master         netip.Addr
	MasterPriority uint8
	MasterInterval time.Duration
	Interval       time.Duration
	LastSent       clock.Now
	LastHeard      clock.Instant
	Speakers       [Speakers]Speaker // whose adverts were heard last, but for the master of a BACKUP
	Standing       int               // addresses, routes and rules that the kernel holds for us
	Addresses      int               // addresses among them
	Refused        int               // those that it refuses
	Contested      bool              // somebody keeps taking our addresses away
	Told           string
	SendError      string
	Refusal        Refusal // the last advert that was not taken
	Sequence       uint32  // of the Authentication Header that was sent or heard last
	Stats          Stats
	// Troubles are those that the router has with others on its network, the first TroubleCount of them; there are MoreTroubles besides.
	Troubles                   [ShownTroubles]Trouble
	TroubleCount, MoreTroubles int
}

// Touched lists the routers whose status changed since Touched was last called; the slice is the caller's until the next call of
// Step.
func (e *Engine) Touched() []*Router {
	t := e.touched
	for _, r := range t {
		r.isDirty = false
	}
	e.touched = e.touched[:0]
	return t
}

// ClearStats sets all counters to zero (SIGRTMAX-1, rule Q8).
func (e *Engine) ClearStats() {
	for _, r := range e.routers {
		r.stats = Stats{}
		r.changed()
	}
}

// Routers lists all routers in the order of the configuration. The slice is the engine's.
func (e *Engine) Routers() []*Router { return e.routers }

// Owner of the router's desired state.
func (r *Router) Owner() host.Owner { return r.owner }

// Name of the router.
func (r *Router) Name() string { return r.spec.Name }

// State of the router.
func (r *Router) State() State { return r.state }

// Status fills in s. It does not allocate.
func (r *Router) Status(s *Status) {
	*s = Status{
		Owner: r.owner, Name: r.spec.Name, Identity: r.spec.Identity(), State: r.state, Since: r.since, Cause: r.cause,
		Fault: r.health.fault, Faults: r.health.faults, BasePriority: r.spec.Priority, Priority: r.priority,
		Source: r.source, Master: r.master, MasterPriority: r.masterPriority, MasterInterval: r.masterInterval,
		Interval: r.spec.Interval, LastSent: r.lastSent, LastHeard: r.heard, Contested: r.contested, Told: r.toldLast,
		SendError: r.sendErr, Refusal: r.refusal, Stats: r.stats,
	}
	if r.speakers != nil {
		s.Speakers = *r.speakers
	}
	if s.Fault == "" {
		s.Fault = r.health.pending
	}
	if r.ah != nil {
		s.Sequence = r.ah.last
	}
	s.TroubleCount, s.MoreTroubles = r.troubles(&s.Troubles)
	if r.group != nil {
		s.Group = r.group.spec.Name
	}
	if r.state == Master {
		s.Master, s.MasterPriority = r.source, r.priority
	}
	for i := range r.keeper.items {
		switch it := &r.keeper.items[i]; {
		case it.standing:
			s.Standing++
			if !it.isEntry() {
				s.Addresses++
			}
		case it.err != "":
			s.Refused++
		}
	}
}

// Confirmed is when the kernel last answered for all that an owner wants; 0 where it has not done so since the router became MASTER.
func (e *Engine) Confirmed(o host.Owner) clock.Instant {
	if r := e.owners[o]; r != nil {
		return r.confirmedAt
	}
	return 0
}

// Has reports whether the engine still knows the owner. A router that was removed from the configuration is known until the
// kernel has confirmed that its addresses are gone.
func (e *Engine) Has(o host.Owner) bool { return e.keeper(o) != nil }
