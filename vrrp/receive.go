package vrrp

import (
	"net/netip"
	"time"

	"holdfast.dev/vrrp/wire"
)

// receive finds the router that a packet is for, checks it in keepalived's order (rule F6), and acts on it.
func (e *Engine) receive(p *Received) {
	if e.stopping && !e.Leaving() {
		return
	}
	_, _, vrid, ok := wire.Peek(p.message())
	if !ok {
		e.short(p)
		return
	}
	p.Src, p.Dst = p.Src.WithZone(""), p.Dst.WithZone("") // the port says as much, and addresses are compared
	key := portKey{p.Port, vrid}
	if e.Leaving() && e.overhear(p, key) && len(e.index.byVRID[key]) == 0 || e.stopping {
		return
	}
	candidates := e.index.byVRID[key]
	r := choose(candidates, p)
	if r == nil {
		e.stranger(p, vrid, candidates)
		return
	}
	if r.state == Init || r.state == Fault {
		return // rule D8
	}
	r.suspectOwn(p)
	adv, ok := r.hear(p)
	if !ok {
		return
	}
	if r.leave != nil {
		r.heardLeaving(p.Src, &adv)
	}
	if r.state == Master {
		r.heardAsMaster(p.Src, p.origin(), &adv)
	} else {
		r.heardAsBackup(p.Src, &adv)
	}
	r.spokeUp(p)
	r.hears(p.Src, &adv)
}

// message is the VRRP message of a packet, as far as there is one.
func (p *Received) message() []byte {
	switch {
	case !p.Port.AH:
		return p.Payload
	case len(p.Payload) < wire.AHLen:
		return nil
	}
	return p.Payload[wire.AHLen:]
}

// short counts a packet that is too short to say whom it is for.
func (e *Engine) short(p *Received) {
	if list := e.index.byPort[p.Port]; len(list) > 0 {
		list[0].refused(p, wire.TooShort)
	}
}

// hear decodes a packet and tests all of it; ok is false where it is refused.
func (r *Router) hear(p *Received) (adv wire.Advert, ok bool) {
	r.changed()
	if r.ah != nil {
		if reason := r.authenticAH(p); reason != wire.OK {
			return adv, r.refuse(p, &adv, reason)
		}
	}
	adv, reason := wire.Decode(p.message(), p.Src, p.Dst, r.options)
	return adv, r.valid(p, &adv, reason)
}

// choose finds the router among those with the VRID on the port: by multicast or not, and, where several are unicast, by the
// peer that the packet comes from (rule O7).
func choose(routers []*Router, p *Received) *Router {
	if len(routers) == 1 && !routers[0].elsewhere(p.Dst) {
		return routers[0]
	}
	var addressed, listing *Router // whose source it is sent to, though not by a peer; and who has the sender for a peer
	several := false
	for _, r := range routers {
		if r.spec.Unicast() == p.Dst.IsMulticast() {
			continue
		}
		if !r.spec.Unicast() {
			if r.spec.Group == p.Dst {
				return r
			}
			continue
		}
		switch mine, peer := r.source == p.Dst || r.spec.Source == p.Dst, r.peer(p.Src) != nil; {
		case mine && peer:
			return r
		case mine:
			several = addressed != nil
			addressed = r
		case peer && listing == nil:
			listing = r
		}
	}
	if addressed != nil && !several {
		return addressed
	}
	return listing
}

// elsewhere reports whether a packet went to a multicast group that is not the router's: that is another virtual router with the same VRID.
// One socket may have joined the groups of several routers, and with IPv6 it hears those that anybody on the interface joined.
func (r *Router) elsewhere(dst netip.Addr) bool {
	return dst.IsMulticast() && !r.spec.Unicast() && dst != r.spec.Group
}

// stranger deals with a packet that is for none of our routers (rule F12).
func (e *Engine) stranger(p *Received, vrid uint8, candidates []*Router) {
	if len(candidates) > 0 {
		e.misdirected(p, candidates)
		return
	}
	k := portKey{p.Port, vrid}
	if !e.cfg.LogUnknownVRIDs || e.unknown[k] || len(e.index.byPort[p.Port]) == 0 {
		return
	}
	if e.unknown == nil {
		e.unknown = map[portKey]bool{}
	}
	e.unknown[k] = true // once until the next configuration: anybody can send such packets, as many as he likes
	e.report(Info, 0, "Unknown VRID(%d) received on interface(%s). ignoring...", vrid, p.Port.Link)
}

// misdirected deals with a packet that has the VRID of routers of ours and is for none of them.
func (e *Engine) misdirected(p *Received, candidates []*Router) {
	for _, r := range candidates {
		if r.spec.Unicast() && !p.Dst.IsMulticast() {
			r.refuse(p, &wire.Advert{}, wire.WrongPeer)
			return
		}
	}
	candidates[0].refused(p, wire.WrongCast) // of a virtual router with another group, or another kind: no trouble
}

// valid tests everything about a packet in the order of rule F6, and counts and tells why it is refused.
func (r *Router) valid(p *Received, adv *wire.Advert, reason wire.Reason) bool {
	if reason == wire.FamilyMismatch || reason == wire.TooShort {
		return r.refuse(p, adv, reason)
	}
	if !r.spec.Unicast() && p.TTL != wire.HopLimit && p.TTL >= 0 {
		return r.refuse(p, adv, wire.WrongTTL)
	}
	if reason == wire.OK {
		reason = r.check(p, adv)
	}
	if reason != wire.OK {
		return r.refuse(p, adv, reason)
	}
	if r.spec.OwnerIgnore && r.priority == wire.PriorityOwner && r.leave == nil {
		if r.once(complainOwner) {
			r.report(Info, 0, "address owner ignores the advert of %s", p.Src)
		}
		if adv.Priority != wire.PriorityRelease {
			r.rival(p.Src, adv, adv.Priority, wire.OK)
		}
		return false
	}
	r.stats.Received++ // rule F10: whatever comes now
	r.checkAddrs(p.Src, adv)
	if reason = r.checkPeer(p); reason != wire.OK {
		return r.refuse(p, adv, reason)
	}
	if !r.byCarrier() {
		r.countSum(adv)
		r.suspectSum(p.Src, adv)
	}
	r.checkInterval(p.Src, adv)
	return true
}

// check tests a packet of the right shape: version, HMAC, all that wire knows, and the way it took.
func (r *Router) check(p *Received, adv *wire.Advert) (reason wire.Reason) {
	if adv.Version != r.spec.Version {
		return wire.BadVersion
	}
	switch {
	case r.hmac != nil:
		reason = r.authenticHMAC(p, adv)
	case adv.Trailer() != nil:
		reason = wire.TooLong // as it is for those who know nothing of trailers (rule G12)
	}
	if reason == wire.OK {
		reason = adv.Check(&r.expect)
	}
	switch {
	case reason != wire.OK:
	case p.Dst.IsMulticast() == r.spec.Unicast():
		reason = wire.WrongCast
	case adv.Interval <= 0:
		reason = wire.BadInterval
	}
	return reason
}

func cast(unicast bool) string {
	if unicast {
		return "unicast"
	}
	return "multicast"
}

// checkPeer tests the source of a unicast packet (rules O3, O4). What is carried comes from a peer, but maybe from one of another router's.
func (r *Router) checkPeer(p *Received) wire.Reason {
	if !r.spec.Unicast() || !r.spec.CheckPeers && !r.byCarrier() {
		return wire.OK
	}
	switch peer := r.peer(p.Src); {
	case peer == nil:
		return wire.WrongPeer
	case p.TTL >= 0 && (p.TTL < int(peer.MinTTL) || p.TTL > int(peer.MaxTTL)):
		return wire.WrongTTL
	}
	return wire.OK
}

func (r *Router) peer(a netip.Addr) *Peer {
	for i := range r.spec.Peers {
		if r.spec.Peers[i].Addr == a {
			return &r.spec.Peers[i]
		}
	}
	return nil
}

// countSum counts which form of checksum came, and learns to send the old unicast form to peers that know no other (rule F4).
func (r *Router) countSum(adv *wire.Advert) {
	switch {
	case adv.Sum&wire.FormPseudo != 0:
		r.stats.SumPseudo++
	case adv.Sum&wire.FormPlain != 0:
		r.stats.SumPlain++
	case adv.Sum&wire.FormGroup != 0:
		r.stats.SumGroup++
		if r.spec.LearnGroupSum && !r.groupSum {
			r.groupSum = true
			r.makeTemplate()
			r.report(Info, 0, "peer uses the old checksum of VRRPv3 unicast, sending it too")
		}
	default:
		r.stats.SumBad++
	}
}

// checkInterval tells of a version 3 peer with another interval; the packet counts all the same (rule F8).
func (r *Router) checkInterval(src netip.Addr, adv *wire.Advert) {
	if adv.Version == wire.V3 && adv.Interval != r.spec.Interval {
		r.stats.IntervalDiffers++
		if r.once(complainInterval) {
			r.report(Info, 0, "advertisement interval mismatch mine=%d cs rcv'd=%d cs from %s",
				r.spec.Interval/(10*time.Millisecond), adv.Interval/(10*time.Millisecond), src)
		}
		r.suspectInterval(src, adv)
	}
}

// checkAddrs compares the address lists; the packet counts all the same (rules F10, D6).
func (r *Router) checkAddrs(src netip.Addr, adv *wire.Advert) {
	if r.spec.SkipCheckAddrs && src == r.master {
		return
	}
	if adv.Count() != r.carried {
		r.stats.AddrList++
		if r.once(complainAddrs) {
			r.report(Info, 0, "received an invalid ip number count from %s: expected %d VIPs but received %d",
				src, r.carried, adv.Count())
		}
		r.suspectAddrs(src, adv)
		return
	}
	for i := range adv.Count() {
		if !r.carries(adv.At(i), i) {
			r.stats.AddrList++
			if r.once(complainAddrs) {
				r.report(Info, 0, "ip address associated with VRID %d not present in advert from %s: %s",
					r.spec.VRID, src, adv.At(i))
			}
			r.suspectAddrs(src, adv)
			return
		}
	}
}

// carries reports whether a is one of our addresses; hint is where it probably stands.
func (r *Router) carries(a netip.Addr, hint int) bool {
	addrs := r.spec.Addresses
	if hint < len(addrs) && !addrs[hint].Excluded && addrs[hint].Prefix.Addr() == a {
		return true
	}
	for i := range addrs {
		if !addrs[i].Excluded && addrs[i].Prefix.Addr() == a {
			return true
		}
	}
	return false
}
