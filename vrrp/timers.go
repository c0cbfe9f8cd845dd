package vrrp

import (
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp/wire"
)

// skew is Skew_Time (rule B1): (256 - priority) / 256, of the interval in version 3 (RFC 9568 section 6.1), of a second in version 2
// (RFC 3768 section 6.1). Owners count as 255 even while lowered.
func (r *Router) skew() time.Duration {
	p := r.priority
	if r.spec.Owner() {
		p = wire.PriorityOwner
	}
	whole := time.Second
	if r.spec.Version == wire.V3 {
		whole = r.interval()
	}
	return time.Duration(256-int(p)) * whole / 256
}

// downTime is Active_Down_Interval (rule B2).
func (r *Router) downTime() time.Duration {
	return time.Duration(r.spec.DownAdverts)*r.interval() + r.skew()
}

// interval is the one that the down time is counted in: the master's in version 3, our own in version 2 (rule B3).
func (r *Router) interval() time.Duration {
	if r.spec.Version == wire.V3 && r.masterInterval > 0 {
		return r.masterInterval
	}
	return r.spec.Interval
}

// listen restarts the down timer. Whatever is heard during the start-up delay, it ends that long after the delay.
func (r *Router) listen(wait time.Duration) {
	r.downAt = max(r.engine.now.Mono, r.engine.delayEnd).Add(wait)
	r.putOff = false
}

// arm puts the router's deadlines into the engine's heaps.
func (r *Router) arm() {
	r.engine.adverts.set(&r.advert, r.advertAt)
	at := r.downAt
	for _, t := range [...]clock.Instant{r.burstAt, r.lowerAt, r.refreshAt, r.extraAt, r.rivalGoneAt, r.againAt, r.toldBy, r.quietAt, r.leaveAt, r.troubleAt, r.reportAt, r.keeper.retryAt()} {
		at = clock.Min(at, t)
	}
	r.engine.timers.set(&r.timer, at)
}

// timerDue handles everything of the router that is due but adverts.
func (r *Router) timerDue() {
	now := r.engine.now.Mono
	due := func(at clock.Instant) bool { return at != 0 && now >= at }
	if due(r.leaveAt) {
		r.leave.due(now)
	}
	if due(r.toldBy) {
		r.flushTold()
	}
	if due(r.downAt) {
		r.downDue()
	}
	if due(r.burstAt) {
		r.burstAt = 0
		r.burst(r.spec.Garp.Repeat)
	}
	if due(r.lowerAt) {
		r.lowerAt = 0
		r.burst(r.spec.Garp.LowerRepeat)
	}
	if due(r.refreshAt) {
		r.refreshAt = next(r.refreshAt, r.spec.Garp.Refresh, now)
		r.burst(r.spec.Garp.RefreshRepeat)
	}
	if due(r.extraAt) {
		r.extraAt = next(r.extraAt, r.spec.Garp.Extra, now)
		r.burstExtra()
	}
	if due(r.rivalGoneAt) {
		r.rivalGone()
	}
	if due(r.againAt) {
		r.again("%s", r.againWhy)
	}
	if due(r.keeper.retryAt()) {
		r.retry()
	}
	if due(r.quietAt) {
		r.quiet()
	}
	if due(r.troubleAt) {
		r.troubleDue()
	}
	if due(r.reportAt) {
		r.reportDue()
	}
	r.arm()
}

// next is the deadline that follows at, a whole number of intervals later and not before now.
func next(at clock.Instant, interval time.Duration, now clock.Instant) clock.Instant {
	at = at.Add(interval)
	if at <= now {
		at = at.Add((now.Sub(at)/interval + 1) * interval)
	}
	return at
}

// advertDue sends the regular advert. The next one is due one interval after this one was due, not after it was sent, so that
// lateness does not add up.
func (r *Router) advertDue() {
	if r.slept() {
		return
	}
	now := r.engine.now.Mono
	if r.lowered && now.Sub(r.rivalLast) > r.downTime() {
		r.restore() // the other owner fell silent before we had to yield to it
	}
	r.send(r.priority)
	r.advertAt = next(r.advertAt, r.spec.Interval, now)
	r.engine.adverts.set(&r.advert, r.advertAt)
}

// restore makes an owner that gave way to another one an owner again.
func (r *Router) restore() {
	r.lowered = false
	r.report(Info, 0, "rogue address owner appears to have stopped advertising")
	r.reprioritise()
}

// patience is how long a MASTER may be silent before it must think that it has a successor.
func (r *Router) patience() time.Duration { return 3 * r.spec.Interval }

// silence is how long ago the last advert was sent, by the clock that saw most.
func (r *Router) silence() time.Duration {
	now, last := r.engine.now, r.lastSent
	return max(now.Mono.Sub(last.Mono), now.Boot.Sub(last.Boot))
}

// slept deals with a MASTER that was silent for more than three of its intervals because this process or machine stood still: a
// backup will have taken over. It reports whether the router is MASTER no more.
func (r *Router) slept() bool {
	silent := r.silence()
	if silent <= r.patience() {
		if time.Duration(r.engine.now.Wall-r.lastSent.Wall) > r.patience() {
			// Only the wall clock says so. It may have been set, or a hypervisor stopped the machine with all its clocks.
			// Announcing again is right in the second case and harmless in the first.
			r.burst(r.spec.Garp.Repeat)
		}
		return false
	}
	r.report(Warning, 0, "no advert sent for %.3f seconds: this process or machine stood still", silent.Seconds())
	r.stats.Slept++
	if r.spec.NoPreempt || r.spec.TimerExpiredBackup {
		r.leaveMaster(Cause{Why: WhySlept, At: r.engine.now.Mono})
		return true
	}
	r.burst(r.spec.Garp.Repeat)
	return false
}

// downDue takes over, unless silence proves nothing yet or the sync group is not ready.
func (r *Router) downDue() {
	e := r.engine
	if r.doubtful() {
		r.putOff = true
		r.downAt = e.now.Mono.Add(r.interval())
		r.stats.PutOff++
		r.report(Info, 0, "take-over put off by %v: adverts may have been missed while this process stood still or packets were dropped",
			r.interval())
		return
	}
	c := Cause{Why: WhyTimeout, From: r.master, Priority: r.masterPriority, At: r.downAt}
	switch {
	case r.died:
		c.Why = WhyDied
	case r.handed:
		c.Why = WhyHanded
	case r.released:
		c.Why = WhyReleased
	case r.outranked != 0 && e.now.Mono.Sub(r.outranked) < time.Duration(r.spec.DownAdverts)*r.interval():
		c.Why = WhyPreempts
	}
	if r.lowered {
		r.restore()
	}
	r.report(Info, 1, "Receive advertisement timeout")
	if r.group == nil {
		r.becomeMaster(c)
		return
	}
	r.want = true
	if !r.group.ready() {
		r.released, r.handed = false, false
		r.listen(r.downTime()) // rule I1
		return
	}
	r.group.becomeMaster(r, c)
}

// doubtful reports whether the take-over that is due should wait one interval, once: we stood still, or the kernel dropped
// packets that nobody fetched.
func (r *Router) doubtful() bool {
	if r.putOff || r.released {
		return false
	}
	now := r.engine.now.Mono
	return r.engine.pause.hides(r.interval(), now) || r.overflowed != 0 && now.Sub(r.overflowed) < r.interval()
}

// leaveMaster makes a MASTER BACKUP for a full down time, and its group with it (rule I3).
func (r *Router) leaveMaster(c Cause) {
	if r.group != nil {
		r.group.becomeBackup(r, c)
		return
	}
	r.becomeBackup(c, r.downTime())
}
