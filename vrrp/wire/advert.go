package wire

import (
	"net/netip"
	"time"
)

// Advert is a received ADVERTISEMENT. It holds views of the payload that it was decoded from and is good for as long
// as that is not overwritten.
type Advert struct {
	Version  uint8 // 2 or 3
	Type     uint8 // 0 to 15; only TypeAdvert means anything, Check tests it
	VRID     uint8 // 0 to 255; 0 is no virtual router
	Priority uint8 // PriorityRelease, 1 to 254, PriorityOwner

	AuthType uint8         // version 2: as received, any value; 0 in version 3
	AuthData [AuthLen]byte // version 2 over IPv4; else zero
	Interval time.Duration // version 2: 0 to 255 s; version 3: 0 to 40.95 s in steps of 10 ms
	Sum      Form          // every form that the checksum fits, or FormBad

	ipv6    bool
	msg     []byte
	trailer []byte
}

// Options are what Decode cannot see in the packet.
type Options struct {
	Group   netip.Addr // IPv4 group that FormGroup is tried with; the zero Addr means Group4
	Trailer bool       // a message may be followed by an HMAC trailer (rule G3)
}

// path is where a packet came from and went to.
type path struct {
	src, dst, group netip.Addr
	ipv6            bool
}

// Peek reads what a packet is sorted by before anything else is known of it. It is false if there are not even two
// octets.
func Peek(payload []byte) (version, typ, vrid uint8, ok bool) {
	if len(payload) < 2 {
		return 0, 0, 0, false
	}
	return payload[0] >> 4, payload[0] & 0x0f, payload[1], true
}

// Decode reads the IP payload of a VRRP packet that went from src to dst. The payload is exactly what the IP length
// covers: Ethernet padding is no part of it ([ParseIPv4] cuts it off).
//
// The Reason is OK for every packet of the right shape, which is: a known version, and exactly the length that version,
// family and address count ask for, or with o.Trailer 28 octets more. Nothing else is judged, so the advert may have a
// wrong type or checksum, no addresses or an interval of 0; see [Advert.Check]. Other reasons are FamilyMismatch,
// TooShort, BadVersion and TooLong, tested in this order; the advert is zero then.
func Decode(payload []byte, src, dst netip.Addr, o Options) (Advert, Reason) {
	p := path{src: src, dst: dst, group: o.Group, ipv6: src.Is6()}
	if !p.sameFamily() {
		return Advert{}, FamilyMismatch
	}
	if !p.group.IsValid() {
		p.group = group4
	}
	if len(payload) < HeaderLen {
		return Advert{}, TooShort
	}
	version := payload[0] >> 4
	if version != V2 && version != V3 {
		return Advert{}, BadVersion
	}
	n := messageLen(version, p.ipv6, int(payload[3]))
	switch {
	case len(payload) < n:
		return Advert{}, TooShort
	case len(payload) == n, o.Trailer && len(payload) == n+TrailerLen:
	default:
		return Advert{}, TooLong
	}
	return fields(payload, n, &p), OK
}

// fields fills an advert from a payload whose shape is right; n is the length of the message.
func fields(payload []byte, n int, p *path) Advert {
	a := Advert{
		Version:  payload[0] >> 4,
		Type:     payload[0] & 0x0f,
		VRID:     payload[1],
		Priority: payload[2],
		Sum:      formsOf(payload, n, p),
		ipv6:     p.ipv6,
		msg:      payload[:n:n],
	}
	if len(payload) > n {
		a.trailer = payload[n:len(payload):len(payload)]
	}
	if a.Version == V3 {
		// The upper four bits are reserved and ignored (RFC 9568 section 5.2.6).
		cs := int(payload[4]&0x0f)<<8 | int(payload[5])
		a.Interval = time.Duration(cs) * centisecond
		return a
	}
	a.AuthType = payload[4]
	a.Interval = time.Duration(payload[5]) * time.Second
	if !a.ipv6 {
		copy(a.AuthData[:], payload[n-AuthLen:n])
	}
	return a
}

func (p *path) sameFamily() bool {
	if p.ipv6 {
		return p.src.Is6() && p.dst.Is6() && !p.src.Is4In6() && !p.dst.Is4In6()
	}
	return p.src.Is4() && p.dst.Is4()
}

// Count returns the number of addresses in the packet, 0 to 255.
func (a *Advert) Count() int {
	if len(a.msg) < HeaderLen {
		return 0
	}
	return int(a.msg[3])
}

// At returns address i of the packet, counted from 0. It is the zero Addr if there is none.
func (a *Advert) At(i int) netip.Addr {
	if i < 0 || i >= a.Count() {
		return netip.Addr{}
	}
	if a.ipv6 {
		return netip.AddrFrom16([16]byte(a.msg[HeaderLen+16*i:]))
	}
	return netip.AddrFrom4([4]byte(a.msg[HeaderLen+4*i:]))
}

// IsIPv6 reports whether the packet came over IPv6.
func (a *Advert) IsIPv6() bool { return a.ipv6 }

// Message returns the octets of the VRRP message itself, from the version to the last address or the authentication
// data. It is what an HMAC covers, with the checksum read as zero (rule G4).
func (a *Advert) Message() []byte { return a.msg }

// Trailer returns the 28 octets after the message, unexamined, or nil if there are none.
func (a *Advert) Trailer() []byte { return a.trailer }

// Checksum returns the checksum field as received.
func (a *Advert) Checksum() uint16 {
	if len(a.msg) < HeaderLen {
		return 0
	}
	return uint16(a.msg[6])<<8 | uint16(a.msg[7])
}
