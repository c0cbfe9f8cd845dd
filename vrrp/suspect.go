package vrrp

import (
	"net/netip"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp/wire"
)

// troubleOf is which trouble a reason to refuse adverts is.
func troubleOf(reason wire.Reason, adv *wire.Advert) TroubleKind {
	switch reason {
	case wire.BadVersion:
		return OtherVersion
	case wire.BadInterval:
		return OtherInterval
	case wire.BadChecksum:
		return OtherSum
	case wire.BadAuthType, wire.AuthMismatch, wire.BadPassword, wire.BadAH, wire.BadICV, wire.BadSPI, wire.AHReplayed,
		wire.TrailerMissing, wire.TrailerMalformed, wire.TrailerUnknownKey, wire.TrailerInvalid, wire.TrailerStale, wire.TrailerReplayed:
		return OtherAuth
	case wire.TooLong:
		if adv.Trailer() != nil {
			return OtherAuth
		}
	case wire.WrongTTL, wire.WrongCast, wire.WrongPeer:
		return Unacceptable
	}
	return NoTrouble
}

// suspectRefused looks at an advert that is refused. A MASTER is told of by it as a second one too, unless it comes from where nobody of ours
// should be.
func (r *Router) suspectRefused(p *Received, adv *wire.Advert, reason wire.Reason) {
	if p.Src == r.source {
		return // see suspectOwn
	}
	k := troubleOf(reason, adv)
	if k == NoTrouble {
		return
	}
	if s := r.suspect(k, p.Src, adv.Interval); s != nil {
		if r.strange(adv) {
			s.Kind = VRIDTaken
			r.begin(s, "announces %s with our VRID %d, and no address of ours; refused: %s", adv.At(0), r.spec.VRID, reason)
		} else {
			r.beginRefused(s, p, adv, reason)
		}
	}
	if m := p.message(); k != Unacceptable && len(m) > 2 && m[2] != wire.PriorityRelease {
		r.rival(p.Src, adv, m[2], reason)
	}
}

// beginRefused says what an advert that is refused has, and what it should have.
func (r *Router) beginRefused(s *sighting, p *Received, adv *wire.Advert, reason wire.Reason) {
	switch reason {
	case wire.BadVersion:
		r.begin(s, "sends version %d, %d is configured here", p.message()[0]>>4, r.spec.Version)
	case wire.BadInterval:
		r.begin(s, "sends every %v, %v is configured here; refused", adv.Interval, r.spec.Interval)
	case wire.BadChecksum:
		r.begin(s, "sends checksums of the form %s, %s is taken here", adv.Sum, r.spec.Accept)
	case wire.AuthMismatch:
		if m := p.message(); len(m) > 4 { // without a header, where one is needed, nothing is decoded
			r.begin(s, "sends authentication type %d, %d is configured here", m[4], r.spec.AuthType)
		} else {
			r.begin(s, "sends adverts that are refused: %s", reason)
		}
	case wire.WrongTTL:
		r.begin(s, "sends adverts that arrive with TTL %d; refused", p.TTL)
	case wire.WrongCast:
		r.begin(s, "sends %s adverts, %s is configured here", cast(!p.Dst.IsMulticast()), cast(r.spec.Unicast()))
	case wire.WrongPeer:
		r.begin(s, "sends adverts to us and is no unicast_peer here; refused")
	default:
		r.begin(s, "sends adverts that are refused: %s", reason)
	}
}

// rival notes that a MASTER hears another one. reason is why its adverts are refused, or OK.
func (r *Router) rival(src netip.Addr, adv *wire.Advert, priority uint8, reason wire.Reason) {
	if r.state != Master || src == r.source {
		return
	}
	s := r.suspect(TwoMasters, src, adv.Interval)
	switch {
	case s == nil:
	case r.strange(adv):
		s.Count = 0 // another virtual router, which is told as such
	case reason != wire.OK:
		r.begin(s, "advertises too, with priority %d, ours is %d; we refuse that: %s", priority, r.priority, reason)
	default:
		r.begin(s, "advertises too, with priority %d, ours is %d, and does not yield: it does not hear us, or refuses what it hears",
			priority, r.priority)
	}
}

// strange reports whether an advert has addresses, and none of ours. It may take long: ask once for many packets.
func (r *Router) strange(adv *wire.Advert) bool {
	if adv.Count() == 0 || r.carried == 0 {
		return false
	}
	for i := range adv.Count() {
		if r.carries(adv.At(i), i) {
			return false
		}
	}
	return true
}

// suspectAddrs notes an advert with another address list than ours.
func (r *Router) suspectAddrs(src netip.Addr, adv *wire.Advert) {
	if src == r.source {
		return
	}
	s := r.suspect(OtherAddresses, src, adv.Interval)
	if s == nil {
		return
	}
	if r.strange(adv) {
		s.Kind = VRIDTaken
		r.begin(s, "announces %s with our VRID %d, and no address of ours", adv.At(0), r.spec.VRID)
		return
	}
	for i := range adv.Count() {
		if !r.carries(adv.At(i), i) {
			r.begin(s, "announces %d addresses, %d are configured here; %s is not among them", adv.Count(), r.carried, adv.At(i))
			return
		}
	}
	r.begin(s, "announces %d addresses, %d are configured here", adv.Count(), r.carried)
}

// suspectSum notes an advert whose checksum has an accepted form that is not ours: the sender need not accept ours.
func (r *Router) suspectSum(src netip.Addr, adv *wire.Advert) {
	form := r.spec.Sum
	if form == 0 {
		form = wire.DefaultForm(r.spec.Version, r.spec.IPv6)
	}
	if r.groupSum {
		form = wire.FormGroup
	}
	if r.spec.IPv6 || src == r.source || adv.Sum&form != 0 {
		return
	}
	if s := r.suspect(OtherSum, src, adv.Interval); s != nil {
		r.begin(s, "sends checksums of the form %s, we send %s; taken all the same", adv.Sum, form)
	}
}

// suspectInterval notes a version 3 advert with another interval: it counts all the same.
func (r *Router) suspectInterval(src netip.Addr, adv *wire.Advert) {
	if src == r.source {
		return
	}
	if s := r.suspect(OtherInterval, src, adv.Interval); s != nil {
		r.begin(s, "sends every %v, %v is configured here; taken all the same", adv.Interval, r.spec.Interval)
	}
}

// suspectOwn notes a packet that has our own source address: one that we sent, or another router's. With IPv4 the identification tells.
func (r *Router) suspectOwn(p *Received) {
	if p.Src != r.source {
		return
	}
	sent := r.lastSent.Mono != 0 && r.engine.now.Mono.Sub(r.lastSent.Mono) < max(r.spec.Interval, time.Second)
	switch {
	case sent && p.ID != 0 && p.ID == r.ipID:
		if s := r.suspect(OwnPacket, p.Src, 0); s != nil {
			r.begin(s, "is our own address: our adverts come back, the last with identification %d", p.ID)
		}
	case sent && p.ID == 0 && r.spec.IPv6:
		if s := r.suspect(OwnPacket, p.Src, 0); s != nil {
			r.begin(s, "is our own address: our adverts come back, or another router has it too")
		}
	default:
		if s := r.suspect(SameSource, p.Src, 0); s != nil {
			r.begin(s, "is our own address, and another router sends adverts from it")
		}
	}
}

// challenged deals with claims of other stations for addresses of ours.
func (e *Engine) challenged(ev *Challenged) {
	for i := range ev.Claims {
		c := &ev.Claims[i]
		for _, at := range e.index.byAddr[c.Addr] {
			r := at.router
			it := &r.keeper.items[at.item]
			if r.state == Master && it.standing && e.now.Mono.Sub(r.since.Mono) >= max(2*r.spec.Interval, settledTerm) && e.takes(c, it) {
				r.suspectClaim(c)
			}
		}
	}
}

func (r *Router) suspectClaim(c *Claim) {
	s := r.sighting(AddressClaimed, c.Addr)
	if s == nil {
		return
	}
	s.quiet = quietClaim
	s.note(r.engine.now)
	s.MAC = c.MAC
	switch {
	case s.begun || s.Count < claimPackets || s.ripe != 0:
	case r.spec.Transport.Carried():
		s.ripe = r.engine.now.Mono.Add(r.spec.Interval)
		r.troubleAt = clock.Min(r.troubleAt, s.ripe)
		r.arm()
	default:
		r.claimed(s)
	}
}

func (r *Router) claimed(s *sighting) {
	s.ripe = 0
	r.begin(s, "says that %s is at it, which is at %s here", s.From, r.hardware())
}

// hardware is the address that the virtual addresses are answered with.
func (r *Router) hardware() string {
	mac := r.spec.MAC
	if l := r.engine.link(r.spec.Link); mac == [6]byte{} && l != nil {
		mac = l.MAC
	}
	s := sighting{Trouble: Trouble{MAC: mac}}
	return s.who()
}
