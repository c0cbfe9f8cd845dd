package supervisor

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/logs"
)

// runStart runs startup_script and waits for its end or its time limit (rule Q2). What becomes of it does not matter, but is told. A
// signal to end ends it too, which is when ok is false; one to reload is remembered.
func (s *Supervisor) runStart(cfg *config.Config) (ok bool) {
	c := cfg.Global.Programs.Start
	if c == nil || s.hooks.Program == nil {
		return true
	}
	s.say(logs.Info, "Running startup script %s", c.Args)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- s.hooks.Program(c, limit(cfg.Global.Programs.StartTimeout), stop) }()
	ended := false
	for {
		select {
		case err := <-done:
			s.programEnded("startup_script", err)
			return !ended
		case sig := <-s.signals:
			switch {
			case sig == syscall.SIGHUP:
				s.queued = true
			case sig == syscall.SIGTERM || sig == syscall.SIGINT && !s.opt.IgnoreINT:
				if !ended {
					close(stop)
				}
				ended = true
			case sig != unix.SIGPIPE:
				s.say(logs.Info, "Signal %d: not while the startup script runs", int(sig.(syscall.Signal)))
			}
		}
	}
}

// runStop runs shutdown_script after all roles have ended (rule Q2).
func (s *Supervisor) runStop() {
	if s.cfg == nil || s.cfg.Global.Programs.Stop == nil || s.hooks.Program == nil {
		return
	}
	p := &s.cfg.Global.Programs
	s.say(logs.Info, "Running shutdown script %s", p.Stop.Args)
	s.programEnded("shutdown_script", s.hooks.Program(p.Stop, limit(p.StopTimeout), nil))
}

// programLimit is the default of startup_script_timeout and shutdown_script_timeout.
const programLimit = 10 * time.Second

func limit(d time.Duration) time.Duration {
	if d <= 0 {
		return programLimit
	}
	return d
}

func (s *Supervisor) programEnded(what string, err error) {
	if err != nil {
		s.say(logs.Warning, "%s: %v", what, err)
	}
}
