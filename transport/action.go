package transport

import "time"

// Action is something to be done now, in the order in which Step returns it.
type Action interface{ action() }

type (
	// Dial begins a connection. It ends in Up or in Ended, however it goes, within a few seconds.
	Dial struct{ ID ConnID }

	// Drop ends a dial or a connection at once. No Ended need follow.
	Drop struct{ ID ConnID }

	// Close ends a connection politely: what was written still arrives, the last word is that there is another connection. No Ended need
	// follow.
	Close struct{ ID ConnID }

	// Flush says that Take has something for the connection, as soon as its socket takes it without queueing it.
	Flush struct{ ID ConnID }

	// Nudge writes a PING.
	Nudge struct{ ID ConnID }

	// Measure asks for a Measured.
	Measure struct{ ID ConnID }

	// Died says that the peer's daemon is dead.
	Died struct{}

	// Changed says that Status has changed in a way that somebody should hear of.
	Changed struct{}
)

func (Dial) action()    {}
func (Drop) action()    {}
func (Close) action()   {}
func (Flush) action()   {}
func (Nudge) action()   {}
func (Measure) action() {}
func (Died) action()    {}
func (Changed) action() {}

// Status is what a session tells about itself.
type Status struct {
	Up       bool          // there is a connection, and the other side answers
	Why      Why           // the last end of one, or of a dial
	RTT      time.Duration // of the connection that is spoken on; 0 for unknown
	Conns    int           // connections that are up
	Connects uint64        // that ever came up
}
