package vrrp

import (
	"time"

	"holdfast.dev/vrrp/wire"
)

// refused counts a packet that is not taken, and tells of it.
func (r *Router) refused(p *Received, reason wire.Reason) {
	e := r.engine
	r.stats.Dropped[reason]++
	r.refusal = Refusal{Reason: reason, From: p.Src, At: e.now}
	if e.refusals < len(e.refused) {
		a := &e.refused[e.refusals]
		e.refusals++
		*a = Refused{Owner: r.owner, Name: r.spec.Name, Refusal: r.refusal}
		e.do(a)
	}
	r.changed()
}

// refuse does the same and writes to the log, once for each kind of trouble until the state or the master changes (rule F14). It returns
// false. The texts begin as keepalived's do.
func (r *Router) refuse(p *Received, adv *wire.Advert, reason wire.Reason) bool {
	r.rivalHeard(adv.Interval) // whoever it is, it speaks for our VRID and perhaps our addresses
	if r.refused(p, reason); r.once(uint8(reason)) {
		r.explain(p, adv, reason)
	}
	r.suspectRefused(p, adv, reason)
	return false
}

// explain says why a packet is refused, and where it can be what to do.
func (r *Router) explain(p *Received, adv *wire.Advert, reason wire.Reason) {
	say := func(format string, args ...any) { r.report(Info, 0, format, args...) }
	switch reason {
	case wire.BadInterval:
		say("advertisement interval mismatch mine=%d sec rcv'd=%d sec from %s", r.spec.Interval/time.Second, adv.Interval/time.Second, p.Src)
	case wire.BadChecksum:
		say("Invalid VRRPv%d checksum from %s", r.spec.Version, p.Src)
	case wire.BadVersion:
		say("wrong VRRP version. Received %d and expect %d from %s", p.message()[0]>>4, r.spec.Version, p.Src)
	case wire.WrongTTL:
		if peer := r.peer(p.Src); peer != nil {
			say("TTL/HL %d from %s not in range [%d, %d]", p.TTL, p.Src, peer.MinTTL, peer.MaxTTL)
			return
		}
		say("invalid TTL/HL. Received %d and expect %d", p.TTL, wire.HopLimit)
	case wire.WrongCast:
		say("expected %s, received %s packet from %s", cast(r.spec.Unicast()), cast(!p.Dst.IsMulticast()), p.Src)
	case wire.WrongPeer:
		say("unicast source address %s not a unicast peer", p.Src)
	case wire.TooLong:
		more := ""
		if adv.Trailer() != nil {
			more = ". It ends like one with auth_hmac, which is not configured here"
		}
		say("packet from %s dropped: %s%s", p.Src, reason, more)
	case wire.AHReplayed:
		say("%s from %s: its sequence is not above %d", reason, p.Src, r.ah.last)
	default:
		if !r.explainAuth(p, adv, reason) {
			say("packet from %s dropped: %s", p.Src, reason)
		}
	}
}

// explainAuth is explain for what has to do with authentication.
func (r *Router) explainAuth(p *Received, adv *wire.Advert, reason wire.Reason) bool {
	say := func(format string, args ...any) { r.report(Info, 0, format, args...) }
	switch reason {
	case wire.BadPassword:
		say("received an invalid passwd from %s", p.Src)
	case wire.AuthMismatch:
		got := adv.AuthType
		if m := p.message(); r.ah != nil && len(m) > 4 {
			got = m[4] // not decoded, for lack of a header
		}
		say("received auth type %d from %s, expecting %d", got, p.Src, r.spec.AuthType)
	case wire.BadICV:
		say("%s from %s: is auth_pass the same?", reason, p.Src)
	case wire.TrailerMissing:
		say("%s in a packet from %s: auth_hmac is not configured there, or does not send", reason, p.Src)
	case wire.TrailerUnknownKey:
		t, _ := adv.ParseTrailer()
		say("%s of a packet from %s: key %d is not configured here", reason, p.Src, t.KeyID)
	case wire.TrailerInvalid:
		t, _ := adv.ParseTrailer()
		say("%s of a packet from %s: is key %d the same?", reason, p.Src, t.KeyID)
	case wire.TrailerStale:
		t, _ := adv.ParseTrailer()
		skew := time.Duration(t.Sequence.Ahead(wire.SequenceAt(r.engine.now.Wall))) * time.Second
		say("%s in a packet from %s: its clock is %v %s ours, %v is allowed", reason, p.Src, skew.Abs(), aheadOrBehind(skew), r.hmac.spec.Window)
	case wire.TrailerMalformed, wire.TrailerReplayed:
		say("%s in a packet from %s", reason, p.Src)
	default:
		return false
	}
	return true
}
