package wire

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"net/netip"
)

const (
	icvLen   = 12 // HMAC-MD5-96, RFC 2403
	icvAt    = AHLen - icvLen
	ahLength = AHLen/4 - 2 // in 32-bit words, less 2 (RFC 2402 section 2.2)

	// MaxAHSequence is where the sequence of the Authentication Header ends (rule G2): it must not come round unnoticed.
	MaxAHSequence = 0xfffffffe
)

// AH is what a receiver reads of an Authentication Header in front of a VRRP message (wire-formats.md section 3).
type AH struct {
	SPI      netip.Addr // the sender's IPv4 address
	Sequence uint32
}

// ParseAH takes apart what follows the IPv4 header of a packet of protocol 51. message is a view of payload.
//
// Reasons are TooShort, BadAH (another length than that of HMAC-MD5-96) and NotVRRP (it protects another protocol). Nothing is verified;
// see [AHKey.Verify].
func ParseAH(payload []byte) (h AH, message []byte, r Reason) {
	switch {
	case len(payload) < AHLen:
		return AH{}, nil, TooShort
	case payload[0] != ProtoVRRP:
		return AH{}, nil, NotVRRP
	case payload[1] != ahLength:
		return AH{}, nil, BadAH
	}
	h = AH{SPI: netip.AddrFrom4([4]byte(payload[4:])), Sequence: binary.BigEndian.Uint32(payload[8:])}
	return h, payload[AHLen:len(payload):len(payload)], OK
}

// AHKey signs and verifies packets of version 2 with authentication type 2 under one password. It is not safe for concurrent use, and
// allocates nothing per packet.
type AHKey struct {
	mac  hash.Hash
	head [IPv4Len + AHLen]byte
	sum  [md5.Size]byte
}

// NewAHKey returns the key of a password: all of its 8 octets count, zeros included.
func NewAHKey(password [AuthLen]byte) *AHKey {
	return &AHKey{mac: hmac.New(md5.New, password[:])}
}

// Sign fills in the Authentication Header that payload begins with: room for [AHLen] octets, followed by the message. h is the IPv4 header
// that the packet will have. unicast says that the TTL does not count (keepalived's reading: it does for multicast). The only error is
// ErrFamily.
func (k *AHKey) Sign(payload []byte, h *IPv4, unicast bool, sequence uint32) error {
	if !h.Src.Is4() || !h.Dst.Is4() || len(payload) < AHLen {
		return ErrFamily
	}
	src := h.Src.As4()
	ah := payload[:AHLen]
	clear(ah)
	ah[0], ah[1] = ProtoVRRP, ahLength
	copy(ah[4:], src[:])
	binary.BigEndian.PutUint32(ah[8:], sequence)
	copy(ah[icvAt:], k.icv(payload, h, unicast))
	return nil
}

// Verify tells why a packet that ParseAH could take apart is not authentic: BadICV or BadSPI (rule G2), else OK. What a sequence is worth
// only the receiver knows. A packet with IP options never verifies.
func (k *AHKey) Verify(payload []byte, h *IPv4, unicast bool) Reason {
	if len(payload) < AHLen || !h.Src.Is4() || !h.Dst.Is4() {
		return BadAH
	}
	if subtle.ConstantTimeCompare(k.icv(payload, h, unicast), payload[icvAt:AHLen]) != 1 {
		return BadICV
	}
	if src := h.Src.As4(); [4]byte(payload[4:]) != src {
		return BadSPI
	}
	return OK
}

// icv computes the Integrity Check Value: over the IPv4 header with all that may change on the way as zero, the Authentication Header with
// the ICV as zero, and the message. The result is good until the next call.
func (k *AHKey) icv(payload []byte, h *IPv4, unicast bool) []byte {
	b := k.head[:]
	clear(b)
	b[0] = 0x45
	binary.BigEndian.PutUint16(b[2:], uint16(IPv4Len+len(payload)))
	binary.BigEndian.PutUint16(b[4:], h.ID)
	if !unicast {
		b[8] = h.TTL
	}
	b[9] = ProtoAH
	src, dst := h.Src.As4(), h.Dst.As4()
	copy(b[12:], src[:])
	copy(b[16:], dst[:])
	copy(b[IPv4Len:], payload[:icvAt])
	k.mac.Reset()
	k.mac.Write(b)
	k.mac.Write(payload[AHLen:])
	return k.mac.Sum(k.sum[:0])[:icvLen]
}
