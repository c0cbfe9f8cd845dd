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
	_, _, vrid, ok := wire.Peek(p.Payload)
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
	adv, reason := wire.Decode(p.Payload, p.Src, p.Dst, r.options)
	r.changed()
	if !r.valid(p, &adv, reason) {
		return
	}
	if r.leave != nil {
		r.heardLeaving(p.Src, &adv)
	}
	if r.state == Master {
		r.heardAsMaster(p.Src, &adv)
	} else {
		r.heardAsBackup(p.Src, &adv)
	}
}

// short counts a packet that is too short to say whom it is for.
func (e *Engine) short(p *Received) {
	if list := e.index.byPort[p.Port]; len(list) > 0 {
		list[0].stats.Dropped[wire.TooShort]++
		list[0].changed()
	}
}

// choose finds the router among those with the VRID on the port: by multicast or not, and, where several are unicast, by the
// peer that the packet comes from (rule O7).
func choose(routers []*Router, p *Received) *Router {
	if len(routers) == 1 && !routers[0].elsewhere(p.Dst) {
		return routers[0]
	}
	var fallback *Router
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
		if r.source == p.Dst || r.spec.Source == p.Dst {
			if r.peer(p.Src) != nil {
				return r
			}
			fallback = r
		} else if r.peer(p.Src) != nil && fallback == nil {
			fallback = r
		}
	}
	return fallback
}

// elsewhere reports whether a packet went to a multicast group that is not the router's: that is another virtual router with the same VRID.
// One socket may have joined the groups of several routers, and with IPv6 it hears those that anybody on the interface joined.
func (r *Router) elsewhere(dst netip.Addr) bool {
	return dst.IsMulticast() && !r.spec.Unicast() && dst != r.spec.Group
}

// stranger deals with a packet that is for none of our routers (rule F12).
func (e *Engine) stranger(p *Received, vrid uint8, candidates []*Router) {
	if len(candidates) > 0 {
		candidates[0].stats.WrongCast++
		candidates[0].changed()
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

// valid tests everything about a packet in the order of rule F6, and counts and tells why it is refused.
func (r *Router) valid(p *Received, adv *wire.Advert, reason wire.Reason) bool {
	if reason == wire.FamilyMismatch || reason == wire.TooShort {
		return r.refuse(p, adv, reason)
	}
	if !r.spec.Unicast() && p.TTL != wire.HopLimit && p.TTL >= 0 {
		return r.wrongTTL(p, wire.HopLimit)
	}
	if reason == wire.OK {
		reason = adv.Check(&r.expect)
	}
	if reason != wire.OK {
		return r.refuse(p, adv, reason)
	}
	if p.Dst.IsMulticast() == r.spec.Unicast() {
		r.stats.WrongCast++
		if r.once(complainCast) {
			r.report(Info, 0, "expected %s, received %s packet from %s", cast(r.spec.Unicast()), cast(!p.Dst.IsMulticast()), p.Src)
		}
		return false
	}
	if adv.Interval <= 0 {
		r.stats.Dropped[wire.BadInterval]++
		return false
	}
	if r.spec.OwnerIgnore && r.priority == wire.PriorityOwner && r.leave == nil {
		if r.once(complainOwner) {
			r.report(Info, 0, "address owner ignores the advert of %s", p.Src)
		}
		return false
	}
	r.stats.Received++ // rule F10: whatever comes now
	r.checkAddrs(p.Src, adv)
	if !r.validPeer(p) {
		return false
	}
	r.countSum(adv)
	r.checkInterval(p.Src, adv)
	return true
}

func (r *Router) wrongTTL(p *Received, want int) bool {
	r.stats.BadTTL++
	if r.once(complainTTL) {
		r.report(Info, 0, "invalid TTL/HL. Received %d and expect %d", p.TTL, want)
	}
	return false
}

func cast(unicast bool) string {
	if unicast {
		return "unicast"
	}
	return "multicast"
}

// refuse counts a packet that the codec found wrong.
func (r *Router) refuse(p *Received, adv *wire.Advert, reason wire.Reason) bool {
	r.stats.Dropped[reason]++
	if !r.once(uint8(reason)) {
		return false
	}
	switch reason {
	case wire.BadInterval:
		r.report(Info, 0, "advertisement interval mismatch mine=%d sec rcv'd=%d sec from %s",
			r.spec.Interval/time.Second, adv.Interval/time.Second, p.Src)
	case wire.BadChecksum:
		r.report(Info, 0, "Invalid VRRPv%d checksum from %s", r.spec.Version, p.Src)
	case wire.BadVersion:
		r.report(Info, 0, "wrong VRRP version. Received %d and expect %d from %s", p.Payload[0]>>4, r.spec.Version, p.Src)
	case wire.BadPassword:
		r.report(Info, 0, "received an invalid passwd from %s", p.Src)
	case wire.AuthMismatch:
		r.report(Info, 0, "received auth type %d from %s, expecting %d", adv.AuthType, p.Src, r.spec.AuthType)
	default:
		r.report(Info, 0, "packet from %s dropped: %s", p.Src, reason)
	}
	return false
}

// validPeer tests the source of a unicast packet (rules O3, O4).
func (r *Router) validPeer(p *Received) bool {
	if !r.spec.Unicast() || !r.spec.CheckPeers {
		return true
	}
	peer := r.peer(p.Src)
	if peer == nil {
		r.stats.WrongPeer++
		if r.once(complainPeer) {
			r.report(Info, 0, "unicast source address %s not a unicast peer", p.Src)
		}
		return false
	}
	if p.TTL >= 0 && (p.TTL < int(peer.MinTTL) || p.TTL > int(peer.MaxTTL)) {
		r.stats.BadTTL++
		if r.once(complainTTL) {
			r.report(Info, 0, "invalid TTL/HL from %s. Received %d and expect %d to %d", p.Src, p.TTL, peer.MinTTL, peer.MaxTTL)
		}
		return false
	}
	return true
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
		return
	}
	for i := range adv.Count() {
		if !r.carries(adv.At(i), i) {
			r.stats.AddrList++
			if r.once(complainAddrs) {
				r.report(Info, 0, "ip address associated with VRID %d not present in advert from %s: %s",
					r.spec.VRID, src, adv.At(i))
			}
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
