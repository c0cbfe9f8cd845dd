package vrrp

import (
	"net/netip"
	"time"

	"holdfast.dev/vrrp/wire"
)

// receive finds the router that a packet is for, checks it in keepalived's order (rule F6), and acts on it.
func (e *Engine) receive(p *Received) {
	_, _, vrid, ok := wire.Peek(p.Payload)
	if !ok {
		e.short(p)
		return
	}
	candidates := e.ports[portKey{p.Port, vrid}]
	r := choose(candidates, p)
	if r == nil {
		e.stranger(p, vrid, candidates)
		return
	}
	if r.state == Init || r.state == Fault || e.stopping {
		return // rule D8
	}
	adv, reason := wire.Decode(p.Payload, p.Src, p.Dst, r.options)
	if !r.valid(p, &adv, reason) {
		return
	}
	if r.state == Master {
		r.heardAsMaster(p.Src, &adv)
	} else {
		r.heardAsBackup(p.Src, &adv)
	}
	r.changed()
}

// short counts a packet that is too short to say whom it is for.
func (e *Engine) short(p *Received) {
	for _, r := range e.routers {
		if r.spec.Port() == p.Port {
			r.stats.Dropped[wire.TooShort]++
			r.changed()
			return
		}
	}
}

// choose finds the router among those with the VRID on the port: by multicast or not, and, where several are unicast, by the
// peer that the packet comes from (rule O7).
func choose(routers []*Router, p *Received) *Router {
	if len(routers) == 1 {
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

// stranger deals with a packet that is for none of our routers (rule F12).
func (e *Engine) stranger(p *Received, vrid uint8, candidates []*Router) {
	if len(candidates) > 0 {
		candidates[0].stats.WrongCast++
		return
	}
	if e.cfg.LogUnknownVRIDs {
		e.report(Info, 0, "Unknown VRID(%d) received on interface(%s). ignoring...", vrid, p.Port.Link)
	}
}

// valid tests everything about a packet, in order, and counts and tells why it is refused.
func (r *Router) valid(p *Received, adv *wire.Advert, reason wire.Reason) bool {
	if reason != wire.OK {
		return r.refuse(p, adv, reason)
	}
	if !r.spec.Unicast() && p.TTL != wire.HopLimit && p.TTL >= 0 {
		r.stats.BadTTL++
		r.complain(complainTTL, Info, "invalid TTL/HL. Received %d and expect %d", p.TTL, wire.HopLimit)
		return false
	}
	if reason = adv.Check(&r.expect); reason != wire.OK {
		return r.refuse(p, adv, reason)
	}
	if p.Dst.IsMulticast() == r.spec.Unicast() {
		r.stats.WrongCast++
		r.complain(complainCast, Info, "expected %s, received %s packet from %s",
			cast(r.spec.Unicast()), cast(!p.Dst.IsMulticast()), p.Src)
		return false
	}
	if adv.Interval <= 0 {
		r.stats.Dropped[wire.BadInterval]++
		return false
	}
	if r.spec.OwnerIgnore && r.priority == wire.PriorityOwner {
		r.complain(complainOwner, Info, "address owner ignores the advert of %s", p.Src)
		return false
	}
	if !r.validPeer(p) {
		return false
	}
	r.stats.Received++
	r.countSum(adv)
	r.checkInterval(p.Src, adv)
	r.checkAddrs(p.Src, adv)
	return true
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
	r.changed()
	switch reason {
	case wire.BadInterval:
		r.complain(uint8(reason), Info, "advertisement interval mismatch mine=%d sec rcv'd=%d sec from %s",
			r.spec.Interval/time.Second, adv.Interval/time.Second, p.Src)
	case wire.BadChecksum:
		r.complain(uint8(reason), Info, "Invalid VRRPv%d checksum from %s", r.spec.Version, p.Src)
	case wire.BadVersion:
		r.complain(uint8(reason), Info, "wrong VRRP version. Received %d and expect %d from %s", adv.Version, r.spec.Version, p.Src)
	case wire.BadPassword:
		r.complain(uint8(reason), Info, "received an invalid passwd from %s", p.Src)
	case wire.AuthMismatch:
		r.complain(uint8(reason), Info, "received auth type %d from %s, expecting %d", adv.AuthType, p.Src, r.spec.AuthType)
	default:
		r.complain(uint8(reason), Info, "packet from %s dropped: %s", p.Src, reason)
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
		r.complain(complainPeer, Info, "unicast source address %s not a unicast peer", p.Src)
		return false
	}
	if p.TTL >= 0 && (p.TTL < int(peer.MinTTL) || p.TTL > int(peer.MaxTTL)) {
		r.stats.BadTTL++
		r.complain(complainTTL, Info, "TTL/HL %d from %s not in range [%d, %d]", p.TTL, p.Src, peer.MinTTL, peer.MaxTTL)
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
			r.complain(complainGroupSum, Info, "peer uses the old checksum of VRRPv3 unicast, sending it too")
		}
	default:
		r.stats.SumBad++
	}
}

// checkInterval tells of a version 3 peer with another interval; the packet counts all the same (rule F8).
func (r *Router) checkInterval(src netip.Addr, adv *wire.Advert) {
	if adv.Version == wire.V3 && adv.Interval != r.spec.Interval {
		r.stats.IntervalDiffers++
		r.complain(complainInterval, Info, "advertisement interval mismatch mine=%d cs rcv'd=%d cs from %s",
			r.spec.Interval/(10*time.Millisecond), adv.Interval/(10*time.Millisecond), src)
	}
}

// checkAddrs compares the address lists; the packet counts all the same (rules F10, D6).
func (r *Router) checkAddrs(src netip.Addr, adv *wire.Advert) {
	if r.spec.SkipCheckAddrs && src == r.master {
		return
	}
	if adv.Count() != r.carried {
		r.stats.AddrList++
		r.complain(complainAddrs, Info, "received an invalid ip number count from %s: expected %d VIPs but received %d",
			src, r.carried, adv.Count())
		return
	}
	for i := range adv.Count() {
		if !r.carries(adv.At(i), i) {
			r.stats.AddrList++
			r.complain(complainAddrs, Info, "ip address associated with VRID %d not present in advert from %s: %s",
				r.spec.VRID, src, adv.At(i))
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

// heardAsBackup is RFC 9568 section 6.4.2 with keepalived's rules D1 to D7.
func (r *Router) heardAsBackup(src netip.Addr, adv *wire.Advert) {
	if r.lowered && (adv.Priority != wire.PriorityOwner || r.master.IsValid() && src != r.master) {
		r.lowered = false
		r.report(Info, 0, "Restoring our priority to %d since %s no longer advertises as address owner", r.spec.Priority, r.master)
		r.reprioritise()
	}
	if adv.Priority == wire.PriorityRelease {
		r.stats.ZeroReceived++
		r.report(Info, 1, "Backup received priority 0 advertisement")
		r.listen(r.skew()) // rule B6
		r.released = true
		r.arm()
		return
	}
	if r.accepts(adv) {
		r.acceptAdvert(src, adv)
		return
	}
	r.report(Info, 0, "received lower priority (%d) advert from %s - discarding", adv.Priority, src)
	r.follows(src, adv) // rule D5
}

// accepts is rule D1, with the preemption delay of rule B9.
func (r *Router) accepts(adv *wire.Advert) bool {
	if adv.Priority >= r.priority {
		if r.preemptAt != 0 {
			r.preemptAt = 0
			r.report(Info, 1, "stop preempt delay")
		}
		return true
	}
	if r.spec.NoPreempt {
		return true
	}
	if r.spec.PreemptDelay == 0 {
		return false
	}
	if r.preemptAt == 0 {
		r.preemptAt = r.engine.now.Mono.Add(r.spec.PreemptDelay)
		r.report(Info, 1, "start preempt delay (%.6f)", r.spec.PreemptDelay.Seconds())
	}
	return r.engine.now.Mono < r.preemptAt
}

// acceptAdvert restarts the down timer (rules D3, D4).
func (r *Router) acceptAdvert(src netip.Addr, adv *wire.Advert) {
	r.want, r.released = false, false
	r.follows(src, adv)
	r.learnInterval(adv)
	r.heard = r.engine.now.Mono
	r.listen(r.downTime())
	r.arm()
}

// follows records whom we take for the master.
func (r *Router) follows(src netip.Addr, adv *wire.Advert) {
	if src != r.master {
		if r.master.IsValid() && r.master != r.source {
			r.report(Info, 1, "master changed from %s to %s", r.master, src)
		} else {
			r.report(Info, 1, "master set to %s", src)
		}
		r.complained = 0
		r.master = src
	}
	r.masterPriority = adv.Priority
}

func (r *Router) learnInterval(adv *wire.Advert) {
	if r.spec.Version != wire.V3 || adv.Interval == r.masterInterval {
		return
	}
	r.report(Info, 1, "advertisement interval updated from %dms to %dms by master",
		r.masterInterval.Milliseconds(), adv.Interval.Milliseconds())
	r.masterInterval = adv.Interval
}

// heardAsMaster is RFC 9568 section 6.4.3 with keepalived's rules E2 to E9.
func (r *Router) heardAsMaster(src netip.Addr, adv *wire.Advert) {
	switch {
	case adv.Priority == wire.PriorityRelease:
		r.stats.ZeroReceived++
		r.report(Info, 1, "Master received priority 0 message")
		r.sendExtra()
	case adv.Priority == r.priority && src == r.source:
		r.stats.OwnAddress++
		r.complain(complainOwnAddress, Warning, "WARNING - equal priority advert received from remote host with our IP address.")
	case adv.Priority > r.priority || adv.Priority == r.priority && src.Compare(r.source) > 0:
		r.yield(src, adv)
	case adv.Priority == wire.PriorityOwner:
		r.rivalOwner(src, adv)
	default:
		r.lowerHeard(src, adv)
	}
}

// yield makes way for a better master (rules E3, E4, E9).
func (r *Router) yield(src netip.Addr, adv *wire.Advert) {
	if adv.Priority > r.priority {
		r.report(Info, 0, "Master received advert from %s with higher priority %d, ours %d", src, adv.Priority, r.priority)
	} else {
		r.report(Info, 0, "Master received advert from %s with same priority %d but higher IP address than ours", src, adv.Priority)
	}
	if r.spec.HigherPrioAdvert {
		r.sendExtra()
	}
	r.follows(src, adv)
	r.learnInterval(adv)
	c := Cause{Why: WhyHigher, From: src, Priority: adv.Priority, At: r.engine.now.Mono}
	if r.lowered {
		c.Why = WhyOwnerClash
	}
	r.leaveMaster(c)
}

// lowerHeard answers a router that should have yielded to us (rule E5).
func (r *Router) lowerHeard(src netip.Addr, adv *wire.Advert) {
	tail := ", forcing new election"
	if r.spec.LowerPrioNoAdvert {
		tail = ""
	}
	r.report(Info, 0, "Received advert from %s with lower priority %d, ours %d%s", src, adv.Priority, r.priority, tail)
	r.stats.LowerHeard++
	r.assert()
	if r.group != nil {
		for _, m := range r.group.members {
			if m != r && m.state == Master {
				m.assert()
			}
		}
	}
	if now := r.engine.now.Mono; r.lowerTold == 0 || now.Sub(r.lowerTold) >= r.spec.Interval {
		r.lowerTold = now
		r.flushTold()
		r.engine.notify(r.event("MASTER_RX_LOWER_PRI"))
	}
}

// assert makes the network know again who is master.
func (r *Router) assert() {
	if !r.spec.LowerPrioNoAdvert {
		r.sendExtra()
	}
	if r.spec.Garp.LowerRepeat > 0 {
		r.burst(r.spec.Garp.LowerRepeat)
		if d := r.spec.Garp.LowerDelay; d > 0 {
			r.lowerAt = r.engine.now.Mono.Add(d)
			r.arm()
		}
	}
}

// rivalOwner deals with a second router that claims to own the addresses, at a lower address than ours: it should yield. If it
// goes on for two of our adverts and 1.2 of the longer interval, we lower ourselves to 254 and yield to its next advert (rule
// E8), so that not both stay master for ever.
func (r *Router) rivalOwner(src netip.Addr, adv *wire.Advert) {
	now := r.engine.now.Mono
	longer := max(r.spec.Interval, adv.Interval)
	if r.rivalSince == 0 || now.Sub(r.rivalLast) > 3*longer {
		r.rivalSince = now
	}
	r.rivalLast = now
	if now.Sub(r.rivalSince) < 2*r.spec.Interval+longer*6/5 {
		r.lowerHeard(src, adv)
		return
	}
	r.report(Warning, 0, "%s is still advertising as address owner, please resolve - reducing our priority", src)
	r.lowered = true
	r.reprioritise()
}
