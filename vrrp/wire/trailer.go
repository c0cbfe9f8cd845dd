package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
	"net/netip"
	"time"
)

const (
	trailerType = 1 // HMAC-SHA-256 cut to 128 bits
	tagLen      = 16
	tagAt       = TrailerLen - tagLen
	pseudoLen   = 20

	// MinSecret and MaxSecret bound the octets of a trailer's key: longer ones would be hashed first, which keepalived does not do.
	MinSecret, MaxSecret = 32, 64
)

// Sequence orders the signed adverts of one sender: seconds since 1970 (32 bits), a fraction of a second in 1/65536 (16), and a counter
// (16) that breaks ties (rule G3).
type Sequence uint64

// SequenceAt is the first sequence of a moment, in nanoseconds since 1970. Only the low 32 bits of the seconds count.
func SequenceAt(wall int64) Sequence {
	sec, ns := wall/int64(time.Second), wall%int64(time.Second)
	if ns < 0 {
		sec, ns = sec-1, ns+int64(time.Second)
	}
	return Sequence(uint64(uint32(sec))<<32 | uint64(ns)<<16/uint64(time.Second)<<16)
}

// After reports whether s is later than o in the arithmetic of RFC 1982, which survives the year 2106.
func (s Sequence) After(o Sequence) bool { return int64(s-o) > 0 }

// Ahead is how many whole seconds s is ahead of o, negative if it is behind.
func (s Sequence) Ahead(o Sequence) int32 { return int32(uint32(s>>32) - uint32(o>>32)) }

// Trailer is keepalived's HMAC trailer as received (rule G3).
type Trailer struct {
	KeyID    uint8 // 0 is no key's
	Sequence Sequence
}

// ParseTrailer reads the trailer of an advert. The reason is TrailerMissing where there is none, TrailerMalformed for another type than 1 or
// reserved bits that are not zero, else OK. Nothing is verified; see [TrailerKey.Verify].
func (a *Advert) ParseTrailer() (Trailer, Reason) {
	b := a.trailer
	switch {
	case len(b) != TrailerLen:
		return Trailer{}, TrailerMissing
	case b[0] != trailerType, b[2] != 0, b[3] != 0:
		return Trailer{}, TrailerMalformed
	}
	return Trailer{KeyID: b[1], Sequence: Sequence(binary.BigEndian.Uint64(b[4:]))}, OK
}

// TrailerKey signs and verifies under one key. It is not safe for concurrent use, and allocates nothing per packet.
type TrailerKey struct {
	id   uint8
	mac  hash.Hash
	head [pseudoLen + HeaderLen]byte // the pseudo-header, and the fixed part of the message without its checksum
	tail [TrailerLen]byte            // the trailer without its tag
	sum  [sha256.Size]byte
}

// NewTrailerKey makes a key. The error is a *ParamError: id 0, or a secret that is not MinSecret to MaxSecret octets long. The secret is not
// kept.
func NewTrailerKey(id uint8, secret []byte) (*TrailerKey, error) {
	switch {
	case id == 0:
		return nil, &ParamError{"HMAC", "0 is no id of a key"}
	case len(secret) < MinSecret || len(secret) > MaxSecret:
		return nil, &ParamError{"HMAC", fmt.Sprintf("key %d is %d octets long, not %d to %d", id, len(secret), MinSecret, MaxSecret)}
	}
	return &TrailerKey{id: id, mac: hmac.New(sha256.New, secret)}, nil
}

// ID of the key, 1 to 255.
func (k *TrailerKey) ID() uint8 { return k.id }

// Append appends to b the trailer for message, which is sent from src. Its checksum field does not count (rule G4).
func (k *TrailerKey) Append(b, message []byte, src netip.Addr, seq Sequence) []byte {
	clear(k.tail[:])
	k.tail[0], k.tail[1] = trailerType, k.id
	binary.BigEndian.PutUint64(k.tail[4:], uint64(seq))
	b = append(b, k.tail[:tagAt]...)
	return append(b, k.tag(message, src)...)
}

// Verify reports whether the trailer of an advert from src was made with the key. ParseTrailer must have found it well-formed.
func (k *TrailerKey) Verify(a *Advert, src netip.Addr) bool {
	if len(a.trailer) != TrailerLen {
		return false
	}
	copy(k.tail[:], a.trailer)
	clear(k.tail[tagAt:])
	return subtle.ConstantTimeCompare(k.tag(a.msg, src), a.trailer[tagAt:]) == 1
}

// tag computes what ends a trailer; the rest of it stands in tail. The result is good until the next call.
func (k *TrailerKey) tag(message []byte, src netip.Addr) []byte {
	if len(message) < HeaderLen {
		return make([]byte, tagLen) // there is no such message; a tag of zeros is nobody's
	}
	b := k.head[:]
	clear(b)
	b[0] = 6
	if src.Is4() {
		b[0] = 4
		v := src.As4()
		copy(b[4:], v[:])
	} else {
		v := src.As16()
		copy(b[4:], v[:])
	}
	b[1], b[2] = message[0]>>4, message[1]
	copy(b[pseudoLen:], message[:sumAt])
	k.mac.Reset()
	k.mac.Write(b)
	k.mac.Write(message[HeaderLen:])
	k.mac.Write(k.tail[:])
	return k.mac.Sum(k.sum[:0])[:tagLen]
}

// sumAt is where the checksum stands, which ends the fixed part of a message.
const sumAt = 6
