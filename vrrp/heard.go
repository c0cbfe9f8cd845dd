package vrrp

import (
	"net/netip"

	"holdfast.dev/notify"
	"holdfast.dev/vrrp/wire"
)

// heardAsBackup is RFC 9568 section 6.4.2 with keepalived's rules D1 to D7.
func (r *Router) heardAsBackup(src netip.Addr, adv *wire.Advert) {
	if r.lowered && (adv.Priority != wire.PriorityOwner || r.master.IsValid() && src != r.master) {
		r.lowered = false // rule D7
		r.report(Info, 0, "Restoring our priority to %d since %s no longer advertises as address owner", r.spec.Priority, r.master)
		r.reprioritise()
	}
	if adv.Priority == wire.PriorityRelease {
		r.stats.ZeroReceived++
		if r.mayAnswer() {
			r.report(Info, 1, "Backup received priority 0 advertisement")
		}
		if r.handed && src == r.master {
			return // it has said more already
		}
		r.listen(r.skew()) // rule B6
		r.released, r.died, r.handed, r.former = true, false, false, src
		r.arm()
		return
	}
	if r.accepts(adv) {
		r.acceptAdvert(src, adv)
		return
	}
	if r.mayAnswer() {
		r.report(Info, 0, "received lower priority (%d) advert from %s - discarding", adv.Priority, src)
	}
	r.master, r.masterPriority = src, adv.Priority // rule D5
	r.outranked = r.engine.now.Mono
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
	r.want, r.released, r.died, r.handed, r.former = false, false, false, false, netip.Addr{}
	if gap := r.engine.now.Mono.Sub(r.heard); r.group != nil && src == r.master && r.heard != 0 && gap > r.interval()/2 && gap < 2*r.interval() {
		r.group.steady()
	}
	r.follows(src, adv)
	r.learnInterval(adv)
	r.heard, r.outranked = r.engine.now.Mono, 0
	r.listen(r.memberWait())
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
func (r *Router) heardAsMaster(src, origin netip.Addr, adv *wire.Advert) {
	switch {
	case adv.Priority == wire.PriorityRelease:
		r.stats.ZeroReceived++
		if r.rivalGoneAt != 0 {
			r.rivalGone()
		}
		if r.mayAnswer() {
			r.report(Info, 1, "Master received priority 0 message")
			r.send(r.priority)
			r.advertAt = r.engine.now.Mono.Add(r.spec.Interval)
			r.arm()
		}
	case adv.Priority == r.priority && origin == r.source:
		r.stats.OwnAddress++
		r.rivalHeard(adv.Interval)
		if r.once(complainOwnAddress) {
			r.report(Warning, 0, "WARNING - equal priority advert received from remote host with our IP address.")
		}
	case adv.Priority > r.priority || adv.Priority == r.priority && origin.Compare(r.source) > 0:
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
		r.send(r.priority) // rule E4
	}
	r.follows(src, adv)
	r.learnInterval(adv)
	r.heard = r.engine.now.Mono
	c := Cause{Why: WhyHigher, From: src, Priority: adv.Priority, At: r.engine.now.Mono}
	if r.lowered {
		c.Why = WhyOwnerClash
	}
	r.leaveMaster(c)
}

// lowerHeard answers a router that should have yielded to us (rule E5). The regular advert keeps its time: one that is moved by what others
// send could be held off for ever (against rule E1).
func (r *Router) lowerHeard(src netip.Addr, adv *wire.Advert) {
	r.stats.LowerHeard++
	if g := &r.spec.Garp; g.LowerRepeat == 0 || g.LowerDelay == 0 { // else the second burst comes when it is gone
		r.rivalHeard(adv.Interval)
	}
	r.rival(src, adv, adv.Priority, wire.OK)
	if !r.mayAnswer() {
		return
	}
	tail := ", forcing new election"
	if r.spec.LowerPrioNoAdvert {
		tail = ""
	}
	r.report(Info, 0, "Received advert from %s with lower priority %d, ours %d%s", src, adv.Priority, r.priority, tail)
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
		r.engine.notify(r.event(notify.MasterRxLowPrio))
	}
}

// assert makes the network know again who is master.
func (r *Router) assert() {
	if !r.spec.LowerPrioNoAdvert {
		r.send(r.priority)
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
