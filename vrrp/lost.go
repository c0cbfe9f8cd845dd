package vrrp

import (
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
)

// Limits of putting addresses back (design: restored at once, then after 1, 2, 4 s; after ten in a minute the others get a
// chance).
const (
	lossWindow   = time.Minute
	lossLimit    = 10
	restoreMax   = 4 * time.Second
	contestedGap = time.Second
)

func (e *Engine) lost(l *host.Lost) {
	if l.Owner == host.Static {
		e.lostStatic(l)
		return
	}
	switch r := e.owners[l.Owner]; {
	case r == nil:
	case r.leave != nil:
		r.lostLeaving(l)
	case r.state == Master:
		r.lost(l)
	}
}

// lostStatic puts a static address back (rule K3).
func (e *Engine) lostStatic(l *host.Lost) {
	it := e.static.find(l.Key)
	if it == nil {
		return
	}
	it.standing = false
	if l.LinkDown {
		return // comes back with the link
	}
	wait, _ := it.taken(e.now.Mono)
	e.report(Info, 0, "static %s was removed by someone, restoring it", kind(l.Key))
	if wait == 0 {
		e.touch(&e.static)
	} else {
		it.holdUntil = e.now.Mono.Add(wait)
	}
	e.static.refresh()
}

// taken notes that somebody took the item away, and says how long to leave it so: not at all the first time. over is true
// when that has happened too often within a minute.
func (it *item) taken(now clock.Instant) (wait time.Duration, over bool) {
	if it.firstLoss == 0 || now.Sub(it.firstLoss) > lossWindow {
		it.firstLoss, it.losses = now, 0
	}
	it.losses++
	if it.losses > lossLimit {
		return 0, true
	}
	if it.losses == 1 {
		return 0, false
	}
	return backoff(it.losses-2, time.Second, restoreMax), false
}

// lost deals with an address that somebody took away from a MASTER: put it back, ever more slowly; then give the others a
// chance; if nobody takes it, keep putting it back once a second and say that it is contested. Or as keepalived does: rule K1.
func (r *Router) lost(l *host.Lost) {
	it := r.keeper.find(l.Key)
	if it == nil {
		return
	}
	it.standing, it.fresh = false, false
	r.changed()
	if l.LinkDown || it.noTrack {
		return
	}
	r.stats.AddressLost++
	now := r.engine.now.Mono
	c := Cause{Why: WhyAddress, Text: name(l.Key) + " was removed by someone", At: now}
	if !r.engine.cfg.Restore {
		r.report(Info, 0, "%s, stepping down", c.Text)
		r.stepDownAll(c, (*Router).skew)
		return
	}
	wait, over := it.taken(now)
	if r.contested || over {
		r.quietAt = now.Add(lossWindow)
	}
	switch {
	case over && !r.contested:
		r.contested = true
		r.report(Warning, 0, "%s %d times within a minute, handing over", c.Text, lossLimit)
		r.engine.handOver(r.together(), 0)
		r.stepDownAll(c, (*Router).downTime)
		return
	case r.contested:
		wait = contestedGap
	}
	r.report(Warning, 0, "%s, putting it back%s", c.Text, in(wait))
	it.holdUntil = now.Add(wait)
	if wait == 0 {
		it.holdUntil = 0
		r.engine.touch(&r.keeper)
	}
	r.keeper.refresh()
	r.arm()
}

func in(wait time.Duration) string {
	if wait == 0 {
		return ""
	}
	return " in " + wait.String()
}

// quiet ends the contest for an address: nobody took one away for a while.
func (r *Router) quiet() {
	r.quietAt, r.contested = 0, false
	r.report(Info, 0, "addresses are no longer contested")
	r.changed()
}

// together is the router and all that it has to move with.
func (r *Router) together() []*Router {
	if r.group == nil {
		return []*Router{r}
	}
	return r.group.members
}

// stepDownAll steps down, and every MASTER of the sync group with it (rule K1b).
func (r *Router) stepDownAll(c Cause, wait func(*Router) time.Duration) {
	if r.group == nil {
		r.stepDown(c, wait(r))
		return
	}
	r.group.stepDown(r, c, wait)
}
