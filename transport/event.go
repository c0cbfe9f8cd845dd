package transport

import (
	"time"

	"holdfast.dev/clock"
)

// ConnID names one connection of a session, from the moment that it is dialled or accepted.
type ConnID uint32

// Event is something that happened to the connections of one pair.
type Event interface{ event() }

type (
	// Wake says only that time has passed.
	Wake struct{}

	// Queued says that Outbox has something new.
	Queued struct{}

	// Reached says that the other side's port has answered a dial. Nothing is known yet of who it is.
	Reached struct{ ID ConnID }

	// Up says that a connection is of use: both sides have introduced themselves, and with TLS proved who they are.
	Up struct {
		ID   ConnID
		Node NodeID
		RTT  time.Duration // as far as it is known; else 0
		Old  bool          // it was begun before the last Renew: others are to take its place
	}

	// Ended says that a dial or a connection has come to its end, and why.
	Ended struct {
		ID  ConnID
		Why Why
	}

	// Heard says that something came in.
	Heard struct{ ID ConnID }

	// Spoke says that an advert of the peer came in which is young enough to count. Claims is the interval that it claims.
	Spoke struct{ Claims time.Duration }

	// Measured answers Measure. Acked are the octets that the other side's kernel has acknowledged, Out those that were written and it
	// has not; Resent the packets that were sent again; all since the beginning of the connection.
	Measured struct {
		ID         ConnID
		Acked, Out uint64
		Resent     uint64
		RTT        time.Duration
	}

	// Answered says that a PING which left at Asked was answered on the connection.
	Answered struct {
		ID    ConnID
		Asked clock.Instant
	}

	// Renew says that what connections prove has changed: others are to take the place of those that there are, without a break.
	Renew struct{}

	// Wrote says that something was written.
	Wrote struct{ ID ConnID }
)

func (Wake) event()     {}
func (Queued) event()   {}
func (Reached) event()  {}
func (Up) event()       {}
func (Ended) event()    {}
func (Heard) event()    {}
func (Spoke) event()    {}
func (Measured) event() {}
func (Answered) event() {}
func (Wrote) event()    {}
func (Renew) event()    {}

// Why a dial or a connection ended.
type Why uint8

// The reasons.
const (
	Unreachable Why = iota // no answer, or none that says more
	Refused                // the other side's machine says that nobody listens on the port
	Reset                  // the other side, or somebody on the way, ended it without a word
	EndOfStream            // the other side's end was closed without a word
	Goodbye                // the other side said that it ends it
	Stopping               // the other side said that its daemon stops
	Denied                 // one of the sides does not believe, know or understand the other
	Dropped                // we ended it
)

var whys = [...]string{
	Unreachable: "no answer", Refused: "connection refused", Reset: "connection reset", EndOfStream: "connection closed", Goodbye: "connection ended",
	Stopping: "the peer stops", Denied: "not accepted", Dropped: "given up",
}

func (w Why) String() string {
	if int(w) < len(whys) {
		return whys[w]
	}
	return "unknown"
}

// sudden reports whether the end may be that of the daemon.
func (w Why) sudden() bool { return w == Reset || w == EndOfStream }
