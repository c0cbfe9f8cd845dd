package vrrp

import "holdfast.dev/notify"

// stop makes every router leave (rule Q10).
func (e *Engine) stop(keep bool) {
	if e.stopping {
		return
	}
	e.stopping, e.keep = true, keep
	for _, r := range e.routers {
		master := r.state == Master
		r.becomeStopped(Cause{Why: WhyStop, At: e.now.Mono}, keep)
		r.tellLater(notify.Stop)
		if !master || keep || r.keeper.settled() {
			r.flushTold()
		}
	}
	for _, g := range e.groups {
		g.tellLater(notify.Stop)
	}
	if !keep {
		e.static.want(false)
		e.touch(&e.static)
	}
}
