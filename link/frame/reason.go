package frame

import "strconv"

// Reason says why a received frame tells us nothing. OK, the zero value, means that it does.
type Reason uint8

// Reasons for which a frame is ignored.
const (
	OK            Reason = iota
	Truncated            // shorter than its headers say
	OtherProtocol        // not ARP for IPv4 over Ethernet, or not ICMPv6 directly behind the IPv6 header
	OtherMessage         // another ICMPv6 message than a Neighbor Advertisement
	BadHopLimit          // crossed a router: hop limit below 255
	BadChecksum          // ICMPv6 checksum
	BadMessage           // breaks one of the other rules of RFC 4861 section 7.1.2

	reasonEnd
)

// Reasons is the number of reasons, OK included.
const Reasons = int(reasonEnd)

var reasonText = [Reasons]string{
	OK:            "ok",
	Truncated:     "frame cut short",
	OtherProtocol: "another protocol",
	OtherMessage:  "another ICMPv6 message",
	BadHopLimit:   "hop limit is not 255",
	BadChecksum:   "wrong ICMPv6 checksum",
	BadMessage:    "malformed neighbor advertisement",
}

// String returns a short text for logs and counters.
func (r Reason) String() string {
	if int(r) < len(reasonText) {
		return reasonText[r]
	}
	return "reason " + strconv.Itoa(int(r))
}
