// Package pairing is what a carrier has with one peer: the connections of a transport.Session, or the datagrams of UDP, what is said by them, and
// what becomes of what the peer says. It is pure: it is told what has happened, and acts on what it is given (Outside, Line). Package carrier gives
// it sockets, and package sim pretended ones.
package pairing

import (
	"net/netip"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/wire"
)

// Outside is what a Pair acts on. Its methods are called while those of the Pair run, in the order in which things are to be done; they may ask the
// Pair, and tell it nothing.
type Outside[L Line] interface {
	// Hello is ours, but for its Clock.
	Hello() wire.Hello

	// Dial begins a connection. Reached, Greeted and Ended tell how it goes.
	Dial() L

	// Wait asks for Wake at that time, in place of any that was asked for before; 0 for none.
	Wait(until clock.Instant)

	// Changed says that Status has changed in a way that somebody should hear of.
	Changed()

	// Tell hands a message to the election thread. It is reused, and its Payload is part of what was read.
	Tell(m *local.Msg)

	// Datagram sends frames to the peer by UDP. They are reused.
	Datagram(b []byte) error

	// Again asks for Repeat with b after some time.
	Again(after time.Duration, b []byte)
}

// Line is one connection as its owner has it, from the moment that it is dialled, or that a stranger has turned out to be the peer. It embeds a Conn.
type Line interface {
	comparable

	// State is what the Pair keeps about it, which is the Conn.
	State() *Conn

	// Signal says that Collect may have something to be written.
	Signal()

	// Drop ends the connection or the dial at once. No Ended need follow.
	Drop()

	// Finish ends the connection when Collect has given the last word and that is written, and soon in any case.
	Finish()

	// Measure is what the kernel knows, in which the ID is left out; false for nothing.
	Measure() (transport.Measured, bool)

	// Local is our address on it; the zero Addr for unknown.
	Local() netip.Addr
}

// Conn is what a Pair keeps about one connection.
type Conn struct {
	ID transport.ConnID
	Up bool // both sides have introduced themselves

	ping  bool
	pongs []uint64
	last  wire.Reason // what to say before the end; 0 for nothing
}

// State is the Conn itself.
func (c *Conn) State() *Conn { return c }

// Watch sees what adverts are made of and what is made of them. It is for those who know what is true.
type Watch interface {
	// Stamped is called for an advert of ours on its way to the peer.
	Stamped(s *wire.Stamp)

	// Judged is called for one of the peer.
	Judged(a *wire.Advert, c *wire.Claim, v transport.Verdict)
}

// Bounds that whoever has the sockets keeps to.
const (
	Batch         = 16 << 10               // octets written at once: one TLS record
	MaxPerAddress = 8                      // connections from one address that have not introduced themselves
	HelloWithin   = 5 * time.Second        // for TLS and HELLO together
	FlushWithin   = 500 * time.Millisecond // for the last word
)

const maxPongs = 16 // answers that wait to be written
