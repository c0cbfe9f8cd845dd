package vrrp

import (
	"fmt"
	"net/netip"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp/wire"
)

// HMAC is keepalived's auth_hmac (rules G3 to G12).
type HMAC struct {
	Keys      []HMACKey // ascending by ID, none twice
	Active    uint8     // ID of the key that signs
	Window    time.Duration
	Monotonic bool // sequences only have to grow; else they must be close to our own clock too
	Mode      HMACMode
}

// HMACKey is one key: 32 to 64 octets.
type HMACKey struct {
	ID     uint8
	Secret Secret
}

// Secret is a key that nothing prints. A recording of the engine's events has it, as it has passwords.
type Secret []byte

// String says that there is something, and not what.
func (s Secret) String() string { return "(secret)" }

// Format does so for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// HMACMode says what is signed and what is accepted (rule G9).
type HMACMode uint8

// The modes. Whatever the mode, a trailer that is there must be good.
const (
	HMACEnforce     HMACMode = iota // signs, and takes what is signed
	HMACPermissive                  // signs, and takes what is not signed too
	HMACReceiveOnly                 // does not sign, and takes what is not signed too
)

// ahState is what a router with authentication type AH keeps.
type ahState struct {
	key   *wire.AHKey
	last  uint32 // the latest sequence that was sent or heard: there is one for both (rule G2)
	heard uint32 // the latest that was heard
}

// hmacState is what a router with an HMAC keeps.
type hmacState struct {
	spec   *HMAC
	keys   []*wire.TrailerKey
	active *wire.TrailerKey // nil where nothing is signed
	sent   bool
	last   wire.Sequence // of what was sent
	marks  []mark
	clock  uint64 // counts uses of marks
}

// mark is the latest sequence of a sender.
type mark struct {
	from netip.Addr
	at   wire.Sequence
	used uint64
}

// multicastMarks is how many senders are remembered in a multicast group (rule G7).
const multicastMarks = 4

// setAuth makes the keys of a specification. What was sent and heard before is kept: a change of keys is no reason to take a replay.
func (r *Router) setAuth(s *Spec) {
	old, oldAH := r.hmac, r.ah
	r.hmac, r.ah = nil, nil
	if s.AuthType == wire.AuthAH {
		r.ah = &ahState{key: wire.NewAHKey(s.Password)}
		if oldAH != nil {
			r.ah.last, r.ah.heard = oldAH.last, oldAH.heard
		}
	}
	if s.HMAC == nil {
		return
	}
	h := &hmacState{spec: s.HMAC}
	for i := range s.HMAC.Keys {
		k, err := wire.NewTrailerKey(s.HMAC.Keys[i].ID, s.HMAC.Keys[i].Secret)
		if err != nil {
			r.unsendable = err.Error()
			continue
		}
		if h.keys = append(h.keys, k); k.ID() == s.HMAC.Active && s.HMAC.Mode != HMACReceiveOnly {
			h.active = k
		}
	}
	if h.active == nil && s.HMAC.Mode != HMACReceiveOnly {
		r.unsendable = "auth_hmac has no key to sign with"
	}
	if old != nil {
		h.sent, h.last, h.clock = old.sent, old.last, old.clock
		for _, m := range old.marks {
			if !s.Unicast() || r.peer(m.from) != nil {
				h.marks = append(h.marks, m)
			}
		}
	}
	if !s.Unicast() {
		h.marks = h.marks[:min(len(h.marks), multicastMarks)]
	}
	r.hmac = h
}

// forgetSequences is for another virtual router of the same name: nothing was heard of that one. A signed advert's sequence goes on: it is the
// clock's, and should the router become again at once what it was, its peers know the last one.
func (r *Router) forgetSequences() {
	r.ah = nil
	if r.hmac != nil {
		r.hmac.marks = nil
	}
}

// next is the sequence of the next packet with an Authentication Header.
func (a *ahState) next() uint32 {
	if a.last >= wire.MaxAHSequence {
		a.last, a.heard = 0, 0 // after 136 years at one a second, or a peer's mistake
	}
	a.last++
	return a.last
}

// next is the sequence of the next signed advert (rule G5): the clock's, or the one after the last where the clock has not gone on or was
// set back. Set back by more than the window, it begins anew: nobody would take it otherwise.
func (h *hmacState) next(wall int64) wire.Sequence {
	now := wire.SequenceAt(wall)
	switch {
	case !h.sent || now.After(h.last):
		h.last = now
	case !h.spec.Monotonic && time.Duration(h.last.Ahead(now))*time.Second > h.spec.Window:
		h.last = now
	default:
		h.last++
	}
	h.sent = true
	return h.last
}

// authenticAH verifies the Authentication Header of a packet, before anything else of it is looked at (rules F6, G2).
func (r *Router) authenticAH(p *Received) wire.Reason {
	if !p.Port.AH {
		return wire.AuthMismatch
	}
	ah, _, reason := wire.ParseAH(p.Payload)
	if reason != wire.OK {
		return reason
	}
	h := wire.IPv4{Protocol: wire.ProtoAH, TTL: uint8(max(p.TTL, 0)), ID: p.ID, Src: p.Src, Dst: p.Dst}
	if reason = r.ah.key.Verify(p.Payload, &h, r.spec.Unicast()); reason != wire.OK {
		return reason
	}
	if ah.Sequence < r.ah.last || ah.Sequence <= r.ah.heard || p.Src == r.source {
		return wire.AHReplayed
	}
	// What another has sent with the sequence of our own last advert counts, once: of two MASTERs that advertise in the same moment each would
	// refuse the other's for ever.
	r.ah.last, r.ah.heard = ah.Sequence, ah.Sequence
	return wire.OK
}

// authenticHMAC verifies the trailer of an advert (rules G7 to G10).
func (r *Router) authenticHMAC(p *Received, adv *wire.Advert) wire.Reason {
	h := r.hmac
	t, reason := adv.ParseTrailer()
	if reason == wire.TrailerMissing {
		if h.spec.Mode == HMACEnforce {
			return reason
		}
		return wire.OK
	}
	if r.spec.Unicast() && r.peer(p.Src) == nil {
		return wire.WrongPeer
	}
	if reason != wire.OK {
		return reason
	}
	now := wire.SequenceAt(r.engine.now.Wall)
	skew := time.Duration(t.Sequence.Ahead(now)) * time.Second
	if !h.spec.Monotonic && skew.Abs() > h.spec.Window {
		return wire.TrailerStale
	}
	k := h.key(t.KeyID)
	if k == nil {
		return wire.TrailerUnknownKey
	}
	if !k.Verify(adv, p.origin()) {
		return wire.TrailerInvalid
	}
	if !h.fresh(p.Src, t.Sequence, now, r.spec.Unicast()) {
		return wire.TrailerReplayed
	}
	if !h.spec.Monotonic && skew.Abs() > h.spec.Window/2 && r.once(complainSkew) {
		r.report(Warning, 0, "the clock of %s is %v %s ours: adverts are refused beyond %v", p.Src, skew.Abs(), aheadOrBehind(skew), h.spec.Window)
	}
	return wire.OK
}

func aheadOrBehind(d time.Duration) string {
	if d < 0 {
		return "behind"
	}
	return "ahead of"
}

func (h *hmacState) key(id uint8) *wire.TrailerKey {
	for _, k := range h.keys {
		if k.ID() == id {
			return k
		}
	}
	return nil
}

// fresh notes the sequence of a sender whose tag was good, and reports whether it is later than what was heard of it before. Of unicast
// every peer is remembered, of a multicast group those that were heard last.
func (h *hmacState) fresh(from netip.Addr, at, now wire.Sequence, unicast bool) bool {
	h.clock++
	for i := range h.marks {
		m := &h.marks[i]
		if m.from != from {
			continue
		}
		m.used = h.clock
		outside := time.Duration(m.at.Ahead(now)).Abs()*time.Second > h.spec.Window
		if !at.After(m.at) && (h.spec.Monotonic || !outside) {
			return false
		}
		m.at = at
		return true
	}
	n := mark{from: from, at: at, used: h.clock}
	if unicast || len(h.marks) < multicastMarks {
		h.marks = append(h.marks, n)
		return true
	}
	oldest := &h.marks[0]
	for i := range h.marks {
		if h.marks[i].used < oldest.used {
			oldest = &h.marks[i]
		}
	}
	*oldest = n
	return true
}

// seal authenticates a message that payload ends with, and returns the longer payload. With an Authentication Header there is room for it
// in front. seq is the same for all copies of an advert (rule G6).
func (r *Router) seal(payload []byte, dst netip.Addr, ttl uint8, seq sequences) []byte {
	if r.ah != nil {
		if ttl == 0 {
			ttl = wire.HopLimit // what the port makes of it
		}
		h := wire.IPv4{Protocol: wire.ProtoAH, TTL: ttl, ID: r.ipID, Src: r.source, Dst: dst}
		_ = r.ah.key.Sign(payload, &h, r.spec.Unicast(), seq.ah) // both addresses are IPv4 (rule A7)
	}
	if r.hmac != nil && r.hmac.active != nil {
		payload = r.hmac.active.Append(payload, payload, r.source, seq.hmac)
	}
	return payload
}

// sequences are those of one advert.
type sequences struct {
	ah   uint32
	hmac wire.Sequence
}

func (r *Router) nextSequences() (s sequences) {
	if r.ah != nil {
		s.ah = r.ah.next()
	}
	if r.hmac != nil && r.hmac.active != nil {
		s.hmac = r.hmac.next(r.engine.now.Wall)
	}
	return s
}

// Refusal is an advert that was not taken, and why.
type Refusal struct {
	Reason wire.Reason // wire.OK if there was none
	From   netip.Addr
	At     clock.Now
}
