package wire

import (
	"crypto/subtle"
	"time"
)

// Expect is what an instance wants of the adverts that it hears.
type Expect struct {
	Version  uint8         // 2 or 3
	AuthType uint8         // version 2: AuthNone, AuthPass or AuthAH
	Password [AuthLen]byte // version 2 with AuthPass
	Interval time.Duration // version 2: its own advertisement interval
	Accept   Form          // the forms of checksum that it takes; with FormBad any
}

// Check tells why an instance that wants e drops the advert, or OK. It tests, in keepalived's order (rule F6):
// version, authentication type and password, interval (version 2 only), type, checksum.
//
// Rule F6 has the TTL before all of this and the HMAC between version and authentication: a caller that has an HMAC
// to verify compares Version itself first. What remains, and is no matter of the packet alone, is whether unicast and
// multicast match, the address list and the source.
//
// Version 2 over IPv6 has no room for a password, so there AuthPass only compares the type, which is all that
// keepalived's own packets carry.
func (a *Advert) Check(e *Expect) Reason {
	if a.Version != e.Version {
		return BadVersion
	}
	if a.Version == V2 {
		if r := a.checkAuth(e); r != OK {
			return r
		}
		if a.Interval != e.Interval {
			return BadInterval
		}
	}
	if a.Type != TypeAdvert {
		return BadType
	}
	if a.Sum&e.Accept == 0 && e.Accept&FormBad == 0 {
		return BadChecksum
	}
	return OK
}

func (a *Advert) checkAuth(e *Expect) Reason {
	switch {
	case a.AuthType > AuthAH:
		return BadAuthType
	case a.AuthType != e.AuthType:
		return AuthMismatch
	case a.AuthType == AuthPass && !a.ipv6 && subtle.ConstantTimeCompare(a.AuthData[:], e.Password[:]) != 1:
		return BadPassword // rule G1: all eight octets, in constant time
	}
	return OK
}
