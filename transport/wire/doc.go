// Package wire is the codec of the frames that nodes send each other by UDP, TCP and TLS; docs/transport.md describes them octet by octet.
// Nothing in it allocates or panics whatever comes in, and nothing that it accepts is longer than MaxFrame.
package wire

import "errors"

// Limits and constants of the protocol.
const (
	Version   = 1       // of the protocol, as we speak it
	MaxPacket = 5 << 10 // octets of a VRRP message
	MaxFrame  = headLen + stampLen + MaxPacket
	MaxText   = 64 // octets of the release in a HELLO
)

// Type of a frame.
type Type uint8

// The frames of version 1.
const (
	TypeHello  Type = 1 // first on every connection, and once a second by UDP
	TypeAdvert Type = 2
	TypeReport Type = 3
	TypePing   Type = 4
	TypePong   Type = 5
	TypeBye    Type = 6 // last on a connection that is ended on purpose
	TypeHand   Type = 7 // with FlagSkip; only to who has CanHand
)

// Flags of a frame.
const (
	FlagIPv6  = 1 << 0 // ADVERT, REPORT, HAND: of an IPv6 router
	FlagHears = 1 << 1 // REPORT: adverts of whom it is sent to are heard
	// FlagSkip says that whoever does not know the type may leave the frame out. Any other unknown frame ends the connection.
	FlagSkip = 1 << 7
)

// What is wrong with what came in. ErrShort alone is no mistake: on a stream the rest may still come.
var (
	ErrShort   = errors.New("the frame is not complete")
	ErrLong    = errors.New("a frame longer than any of ours")
	ErrGarbage = errors.New("not a frame of ours")
	ErrMagic   = errors.New("the other side does not speak holdfast's transport protocol")
)
