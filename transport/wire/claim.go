package wire

import (
	"encoding/binary"
	"time"
)

// minPacket is the fixed part of a VRRP message.
const minPacket = 8

// Claim is what the carrier needs to know of a VRRP message: whose it is, and for how long it means something.
type Claim struct {
	VRID, Priority uint8
	Interval       time.Duration // Advertisement_Interval that it claims, at least 10 ms
}

// ReadClaim reads the fixed part of a VRRP message (RFC 3768 section 5.1, RFC 9568 section 5.1). It reports false for what can't be one; all
// other checks are the engine's.
func ReadClaim(packet []byte) (c Claim, ok bool) {
	if len(packet) < minPacket || packet[0]&0xf != 1 || packet[1] == 0 {
		return c, false
	}
	c.VRID, c.Priority = packet[1], packet[2]
	switch packet[0] >> 4 {
	case 2:
		c.Interval = time.Duration(packet[5]) * time.Second
	case 3:
		c.Interval = time.Duration(binary.BigEndian.Uint16(packet[4:])&0xfff) * 10 * time.Millisecond
	default:
		return c, false
	}
	c.Interval = max(c.Interval, 10*time.Millisecond)
	return c, true
}
