package supervisor

import (
	"fmt"
	"slices"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/sched"
)

// raise gives the vrrp process one more real-time priority when its election thread was woken too late since the last look
// (max_auto_priority, rule Q16). It is done from here because that process may not give itself what it was not given at its start.
func (s *Supervisor) raise(c *child) {
	late := c.page.page.Overdue()
	if late == c.overdue {
		return
	}
	c.overdue = late
	p, ok := c.proc.(forked)
	if !ok || s.cfg == nil || c.setup.RealTime >= s.cfg.Global.Auto.Max {
		return
	}
	next := c.setup
	next.RealTime++
	_, problems := sched.Change(p.pid(), c.setup, next)
	for _, err := range problems {
		s.log.Put(logs.Line{Ident: c.ident, PID: p.pid(), Level: logs.Warning, Text: err.Error()})
	}
	if len(problems) > 0 {
		return
	}
	c.setup, c.raised = next, next.RealTime
	s.log.Put(logs.Line{
		Ident: c.ident, PID: p.pid(), Level: logs.Warning,
		Text: fmt.Sprintf("The election was woken late: its real-time priority is raised to %d", next.RealTime),
	})
}

// mayRaise makes room in a setup for what raise does: a process that is made real-time later has to be allowed to take leave from that.
func mayRaise(setup *sched.Setup, a *config.AutoPriority) {
	if a.Max > 0 && !slices.Contains(setup.Caps, sched.SysNice) {
		setup.Caps = append(setup.Caps, sched.SysNice)
	}
}

// keepRaised leaves a process over a reload what it was raised to, as far as the configuration lets it.
func (c *child) keepRaised(next *sched.Setup, a *config.AutoPriority) {
	next.RealTime = max(next.RealTime, min(c.raised, max(a.Max, 0)))
}
