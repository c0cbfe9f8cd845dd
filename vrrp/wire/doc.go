// Package wire encodes and decodes VRRP packets: version 2 (RFC 3768, with the password and the Authentication Header of
// RFC 2338) and version 3 (RFC 9568, RFC 5798) over IPv4 and IPv6, keepalived's HMAC trailer, and the IPv4 header that a
// raw socket is given.
//
// Decoding states facts and judges nothing but the shape of a packet: what an instance accepts is told to
// [Advert.Check], so that the checks can run in keepalived's order (rule F6). Units are converted here and nowhere
// else: intervals are whole seconds (version 2) or centiseconds (version 3) on the wire and time.Duration outside.
//
// Nothing here allocates per packet: [Decode] returns views of its input, [Template.Append] and [AppendIPv4] write
// into the caller's buffer, [AHKey] and [TrailerKey] keep their own.
package wire

import "net/netip"

// IP protocol numbers.
const (
	ProtoVRRP = 112 // VRRP, RFC 9568 section 5.1.1.4
	ProtoAH   = 51  // Authentication Header, RFC 2402: version 2 with auth type 2
)

// Versions of the protocol.
const (
	V2 = 2 // RFC 3768
	V3 = 3 // RFC 9568
)

// TypeAdvert is the only packet type there is: ADVERTISEMENT (RFC 9568 section 5.2.2).
const TypeAdvert = 1

// Authentication types of version 2 (RFC 2338 section 5.3.6; RFC 3768 keeps only AuthNone).
const (
	AuthNone = 0
	AuthPass = 1 // simple password
	AuthAH   = 2 // IP Authentication Header
)

// Priorities with a meaning of their own (RFC 9568 section 5.2.4).
const (
	PriorityRelease = 0   // the Active Router gives up
	PriorityOwner   = 255 // the router owns the addresses
)

// TrafficClass is the TOS octet or IPv6 traffic class of every advert: CS6 (rule F1).
const TrafficClass = 0xc0

// HopLimit is the TTL or hop limit of adverts, and the only one accepted of multicast ones (rule F9).
const HopLimit = 255

// Lengths in octets.
const (
	HeaderLen  = 8  // fixed part of a VRRP message
	AuthLen    = 8  // authentication data that ends every version 2 message over IPv4
	TrailerLen = 28 // keepalived's HMAC trailer (rule G3)
	AHLen      = 24 // Authentication Header with HMAC-MD5-96
	IPv4Len    = 20 // IPv4 header without options
	IPv6Len    = 40 // IPv6 header
)

var (
	group4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	group6 = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x12})
)

// Group4 returns 224.0.0.18, the group of VRRP over IPv4 (RFC 9568 section 5.1.1.2).
func Group4() netip.Addr { return group4 }

// Group6 returns ff02::12, the group of VRRP over IPv6 (RFC 9568 section 5.1.2.2).
func Group6() netip.Addr { return group6 }

// VirtualMAC returns the MAC address of a virtual router (RFC 9568 section 7.3).
func VirtualMAC(ipv6 bool, vrid uint8) [6]byte {
	family := byte(1)
	if ipv6 {
		family = 2
	}
	return [6]byte{0x00, 0x00, 0x5e, 0x00, family, vrid}
}

// addrLen is the size of one address in octets.
func addrLen(ipv6 bool) int {
	if ipv6 {
		return 16
	}
	return 4
}

// messageLen is the length of a message with count addresses. Version 2 over IPv6 is keepalived's extension; it has
// no authentication data (wire-formats.md section 2).
func messageLen(version uint8, ipv6 bool, count int) int {
	n := HeaderLen + count*addrLen(ipv6)
	if version == V2 && !ipv6 {
		n += AuthLen
	}
	return n
}
