package supervisor

import (
	"time"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/role"
)

// stopTime is how long roles may take to stop (child_wait_time).
func (o *Options) stopTime(cfg *config.Config) time.Duration {
	if cfg == nil || cfg.Process.ChildWait <= 0 {
		return 5 * time.Second
	}
	return cfg.Process.ChildWait
}

// stop begins the end of the daemon.
func (s *Supervisor) stop() {
	if s.stopping {
		return
	}
	s.stopping = true
	s.say(logs.Info, "Stopping")
	s.sd.stopping()
	cfg := s.cfg
	if s.change != nil {
		cfg = s.change.cfg
		if !s.change.committed {
			s.change.file.Close()
		}
		s.change = nil
	}
	for _, c := range s.order {
		c.restartAt, c.answerBy = time.Time{}, time.Time{}
	}
	s.deadline = time.Now().Add(s.opt.stopTime(cfg))
	s.bury()
}

// fail ends the daemon because of an error.
func (s *Supervisor) fail(code int, format string, args ...any) {
	s.say(logs.Err, format, args...)
	if s.code == 0 {
		s.code = code
	}
	s.sd.failed(code)
	s.stop()
}

// bury goes on after the end of a process that was to end: first the elections stop, and when they have said their last
// words those who deliver them.
func (s *Supervisor) bury() {
	if !s.stopping {
		s.next()
		return
	}
	within := max(time.Until(s.deadline), 0)
	if v := s.children[role.VRRP]; v.proc != nil {
		s.leave(v, within)
		return
	}
	for _, c := range s.order {
		if c.proc != nil {
			s.leave(c, max(within, s.opt.Timing.Grace))
		}
	}
}

// leave tells a role to stop, once.
func (s *Supervisor) leave(c *child, within time.Duration) {
	if c.state == leaving {
		return
	}
	c.state, c.answerBy = leaving, time.Time{}
	if c.name == role.Runner {
		s.letPipesGo()
	}
	c.killAt = time.Now().Add(within)
	if err := c.conn.Send(role.Msg{Stop: &role.Stop{Within: within, Keep: s.opt.Keep}}); err != nil {
		c.killAt = time.Now()
	}
}
