package local

import (
	"net/netip"
	"time"

	"holdfast.dev/transport"
)

// Type says what a message is, and which of its fields mean something.
type Type uint8

// From the vrrp role to the carrier.
const (
	// Send is an advert to be carried to the peer Dst: Kind, Src (the router's source, which also stands behind the IP header of other
	// transports), Dst, Payload (the VRRP message), Since (when it was said: a carrier that stood still must not take it for news). A later one
	// of the same VRID and family replaces it if it has not left yet.
	Send Type = 1 + iota
	// Report is what the router thinks, for that peer: Kind, Src, Dst, VRID, IPv6, State, Priority, Hears (adverts of that peer came within
	// the down time), Since. To be sent on change and about once a second.
	Report
	// Hand is a word in a hand-over: Kind, Src, Dst, VRID, IPv6, State (vrrp.Hand), Since. It is sent once, and means something for HandLife.
	Hand

	// From the carrier to the vrrp role. Src is the peer as it is configured, whatever address it comes from on the way; Dst is the
	// address of ours that it reached.

	// Received is an advert: Kind, IPv6, Src, Dst, Origin, Age, Payload.
	Received
	// Died says that the peer's daemon is dead, which has been confirmed: Kind, IPv6, Src, Dst.
	Died
	// Told is a Report of the peer: Kind, IPv6, Src, Dst, Origin, VRID, State, Priority, Hears.
	Told
	// Handed is a Hand of the peer: Kind, IPv6, Src, Dst, Origin, VRID, State.
	Handed
	// Link is the state of the connection to a peer, on change and once a second: Kind, IPv6, Src, Dst, Up, Text (why not, or what the
	// peer can't), Count, RTT, Since.
	Link
	// Overrun says that adverts were lost between the carrier and here because nobody fetched them in time: Kind, IPv6, Count.Overrun.
	Overrun

	types
)

// Msg is one message. Which fields mean something depends on Type.
type Msg struct {
	Type Type
	Kind transport.Kind
	IPv6 bool
	Src  netip.Addr
	Dst  netip.Addr
	// Origin is the source address as the sender has it. It differs from Src where addresses are translated on the way; of two equal
	// priorities the higher Origin wins, so that both sides decide alike.
	Origin   netip.Addr
	Age      time.Duration // how long it was under way beyond the shortest time lately; at most 2^32 µs
	VRID     uint8
	ID       uint16 // of Send, Received, Report, Told, Hand and Handed: transport_id
	State    uint8  // as vrrp.State; of a Hand as vrrp.Hand
	Priority uint8  // effective one
	Hears    bool
	Up       bool
	RTT      time.Duration // smoothed; 0 for unknown; at most 2^32 µs
	Since    int64         // CLOCK_MONOTONIC in nanoseconds: when Up last changed, or when it was said; 0 for now
	Count    Counts
	Text     string // at most MaxText octets
	Payload  []byte // at most MaxPayload octets; after Next it is part of what was read
}

// Counts of one peer since the carrier started, or since the peer was configured.
type Counts struct {
	Sent, Received uint64 // adverts
	Stale          uint64 // adverts that came too late to count
	Replaced       uint64 // adverts that were replaced by later ones before they could leave
	Refused        uint64 // connections, handshakes and frames that were refused
	Connects       uint64 // connections that came up
	Overrun        uint64 // adverts that the vrrp role did not fetch in time
}

// Limits of one message. MaxPayload is the longest VRRP message: 255 IPv6 addresses and the trailer of HMAC fit.
const (
	MaxPayload = 5 << 10
	MaxText    = 256
	// MaxDatagram is what a datagram holds at most; readers offer as much room.
	MaxDatagram = 32 << 10
)
