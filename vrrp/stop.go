package vrrp

import (
	"holdfast.dev/clock"
	"holdfast.dev/notify"
)

// stop makes every router leave (rule Q10). A second Stop can only shorten the time that the first gave.
func (e *Engine) stop(ev *Stop) {
	latest := max(e.now.Mono.Add(ev.Within-stopMargin), e.now.Mono)
	if e.stopping {
		for i := len(e.leavers.list) - 1; i >= 0; i-- {
			e.leavers.list[i].leave.limit(latest)
		}
		return
	}
	e.stopping, e.keep = true, ev.Keep
	for _, r := range e.leavers.list {
		r.leave.limit(latest)
	}
	if !ev.Keep {
		e.stopTogether(latest)
	}
	for _, r := range e.routers {
		e.stopRouter(r)
	}
	for _, g := range e.groups {
		g.tellLater(notify.Stop)
	}
	if e.mute {
		e.carrierLost()
	}
	if !ev.Keep && !e.Leaving() {
		e.dropStatic()
	}
}

// stopTogether begins the handovers.
func (e *Engine) stopTogether(latest clock.Instant) {
	for _, r := range e.routers {
		if r.group == nil {
			e.handOver([]*Router{r}, latest)
		}
	}
	for _, g := range e.groups {
		e.handOver(g.members, latest)
	}
}

func (e *Engine) stopRouter(r *Router) {
	master := r.state == Master
	r.becomeStopped(Cause{Why: WhyStop, At: e.now.Mono}, e.keep)
	if r.leave != nil {
		return // STOP is told when the addresses are gone
	}
	r.tellLater(notify.Stop)
	if !master || e.keep || r.keeper.settled() {
		r.flushTold()
	}
}

func (e *Engine) dropStatic() {
	e.static.want(false)
	e.touch(&e.static)
}
