package vrrp

import (
	"net/netip"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/notify"
)

// Action is something to be done now, in the order in which Step returns it. What an Action points to is the engine's and
// changes with the next Step.
type Action interface{ action() }

type (
	// Send puts one advert on the wire.
	Send struct {
		Owner    host.Owner
		Port     PortID
		Src, Dst netip.Addr
		MAC      [6]byte // hardware address to send it from, through the interface Index; zero for the port's own
		Index    int
		TTL      uint8  // 0 leaves it to the kernel
		ID       uint16 // IPv4 identification, never 0
		Payload  []byte
	}

	// Announce sends gratuitous ARPs (IPv4) and unsolicited neighbour advertisements (IPv6), at most 64 in one action.
	Announce struct{ Items []Announcement }

	// Transition tells that a router changed its state, for log, status and history.
	Transition struct {
		Owner    host.Owner
		Name     string
		From, To State
		Cause    Cause
		Priority uint8     // our effective one
		At       clock.Now // when it was decided
	}

	// Notify hands an event to the notification queues.
	Notify struct{ Event notify.Event }

	// Refused tells of every advert for a router that was not taken. The log has one line for each kind of trouble.
	Refused struct {
		Owner host.Owner
		Name  string
		Refusal
	}

	// Note tells a peer, through the carrier, how a router is; or, with a Hand, only that.
	Note struct {
		Port     PortID
		Src, Dst netip.Addr
		VRID     uint8
		State    State
		Priority uint8 // effective
		Hears    bool  // adverts of that peer came within the down time
		Hand     Hand
	}

	// Report is a line for the log.
	Report struct {
		Router string // empty for lines about the engine
		Level  Level
		Detail int // 0 always, 1 with -D, 2 with -D -D
		Text   string
	}
)

func (*Send) action()       {}
func (*Announce) action()   {}
func (*Transition) action() {}
func (*Notify) action()     {}
func (*Refused) action()    {}
func (*Report) action()     {}
func (*Note) action()       {}

// Announcement is one address to be announced.
type Announcement struct {
	Owner  host.Owner
	Index  int // of the interface
	MAC    [6]byte
	Addr   netip.Addr
	Router bool // IPv6: the router flag
}

// Level of a Report, as log/slog counts.
type Level int

// Levels.
const (
	Info    Level = 0
	Warning Level = 4
	Error   Level = 8
)

// SlicePackets is how many announcements one round sends at most.
const SlicePackets = 64
