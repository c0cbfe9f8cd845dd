package wire

import "strconv"

// Reason says why a packet is dropped. OK, the zero value, means that it is not. Reasons are small and dense, so that
// counters can be an array of [Reasons] entries.
type Reason uint8

// Reasons for which a packet is dropped.
const (
	OK Reason = iota

	// Of the IP header.
	NotIPv4       // shorter than an IPv4 header, or another version
	BadIPHeader   // header length below 20, or beyond the total length
	IPTruncated   // fewer octets than the total length says
	Fragment      // part of a datagram
	WrongProtocol // another IP protocol

	// Of the message.
	FamilyMismatch // source and destination are not two IPv4 or two IPv6 addresses
	TooShort       // shorter than the fixed header, or than the address count asks for
	TooLong        // octets after the message that are not an expected trailer
	BadVersion     // neither 2 nor 3, or not the instance's
	BadAuthType    // no authentication type that exists
	AuthMismatch   // not the instance's authentication type
	BadPassword    // the instance's authentication type with another password
	BadInterval    // version 2: not the instance's advertisement interval
	BadType        // not an ADVERTISEMENT
	BadChecksum    // the checksum has no accepted form

	// Of the Authentication Header (version 2, authentication type 2).
	BadAH      // not the form that VRRP uses
	NotVRRP    // it protects another protocol
	BadICV     // another password, or changed on the way
	BadSPI     // the security parameters index is not the source address
	AHReplayed // a sequence that is not later than one that was heard or sent

	// Of the HMAC trailer. The names are those of keepalived's statistics.
	TrailerMissing
	TrailerMalformed  // another type, or reserved bits that are not zero
	TrailerUnknownKey // a key id that is not configured
	TrailerInvalid    // another key, or changed on the way
	TrailerStale      // the sender's clock and ours are further apart than the window
	TrailerReplayed   // a sequence that is not later than one that was heard of the same sender

	// Of the way that the packet took; these are never Check's.
	WrongTTL  // not 255, or outside of what is allowed of the peer
	WrongCast // unicast where multicast was due, or the reverse
	WrongPeer // from a source that is no peer

	reasonEnd
)

// Reasons is the number of reasons, OK included.
const Reasons = int(reasonEnd)

var reasonText = [Reasons]string{
	OK:             "ok",
	NotIPv4:        "not an IPv4 packet",
	BadIPHeader:    "bad IPv4 header length",
	IPTruncated:    "shorter than the IPv4 total length",
	Fragment:       "IPv4 fragment",
	WrongProtocol:  "another IP protocol",
	FamilyMismatch: "source and destination of different or unknown family",
	TooShort:       "packet too short",
	TooLong:        "packet too long",
	BadVersion:     "wrong VRRP version",
	BadAuthType:    "unknown authentication type",
	AuthMismatch:   "authentication type mismatch",
	BadPassword:    "wrong password",
	BadInterval:    "advertisement interval mismatch",
	BadType:        "unknown packet type",
	BadChecksum:    "wrong checksum",

	BadAH:      "malformed authentication header",
	NotVRRP:    "authentication header of another protocol",
	BadICV:     "wrong integrity check value of the authentication header",
	BadSPI:     "authentication header of another source",
	AHReplayed: "replayed authentication header",

	TrailerMissing:    "missing authentication trailer",
	TrailerMalformed:  "malformed authentication trailer",
	TrailerUnknownKey: "unknown key in the authentication trailer",
	TrailerInvalid:    "invalid HMAC in the authentication trailer",
	TrailerStale:      "stale authentication trailer",
	TrailerReplayed:   "replayed authentication trailer",

	WrongTTL:  "wrong TTL or hop limit",
	WrongCast: "unicast instead of multicast, or the reverse",
	WrongPeer: "source is no unicast peer",
}

// String returns a short text for logs and counters.
func (r Reason) String() string {
	if int(r) < len(reasonText) {
		return reasonText[r]
	}
	return "reason " + strconv.Itoa(int(r))
}
