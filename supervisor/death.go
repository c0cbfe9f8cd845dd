package supervisor

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/role"
)

// exit is how a process ended.
type exit struct {
	code   int         // when signal is 0
	signal unix.Signal // 0 for none
}

// permanent are the exit codes after which a role is not started again, with keepalived's words (rule Q3).
var permanent = map[int]string{
	role.ExitFatal: "FATAL", role.ExitConfig: "CONFIG", role.ExitPermission: "missing permission",
}

// died deals with the end of a role's process.
func (s *Supervisor) died(c *child, e exit) {
	pid, lived, was := c.proc.pid(), time.Since(c.born), c.state
	c.gone()
	if c.name == role.VRRP {
		s.sweepDue = e != exit{}
		if s.sweepDue && s.orphaned == nil {
			s.orphaned = s.cfg
		}
	}
	if was == leaving || s.stopping {
		if !s.stopping && c.wanted(s.cfg, &s.opt) { // it was started for a change that was called off
			c.restartAt = time.Now()
		}
		s.bury()
		return
	}
	word, final := permanent[e.code]
	switch {
	case e.signal == unix.SIGSEGV:
		s.say(logs.Info, "pid %d exited due to segmentation fault (SIGSEGV).", pid)
	case e.signal != 0:
		hint := ""
		if e.signal == unix.SIGKILL && c.setup.RealTime > 0 && !c.killed {
			hint = " - has rlimit_rttime been exceeded?"
		}
		s.say(logs.Info, "pid %d exited due to signal %d (%s)%s", pid, int(e.signal), signalName(e.signal), hint)
	case final:
		s.say(logs.Info, "pid %d exited with permanent error %s. Terminating", pid, word)
		s.fail(e.code, "%s child process(%d) can't run", c.title, pid)
		return
	default:
		s.say(logs.Info, "pid %d exited with status %d", pid, e.code)
	}
	if s.opt.NoRespawn {
		s.say(logs.Alert, "%s child process(%d) died: Exiting", c.title, pid)
		s.stop()
		return
	}
	ch := s.change
	drop := ch != nil && !ch.committed && !ch.first && !c.wanted(s.cfg, &s.opt)
	if !drop {
		s.say(logs.Alert, "%s child process(%d) died: Respawning", c.title, pid)
		s.schedule(c, lived)
	}
	switch {
	case ch == nil:
		s.next()
	case ch.committed:
		delete(ch.left, c)
		s.advance()
	case !ch.first: // while others wait: back to what was
		s.abort(fmt.Sprintf("%s child process(%d) %s while it prepared", c.title, pid, ending(c.killed)), role.ExitFatal)
	}
}

func ending(killed bool) string {
	if killed {
		return "had to be killed"
	}
	return "died"
}

// signalName is the C library's name of a signal.
func signalName(s unix.Signal) string {
	name := s.String()
	if name == "" {
		return "Unknown signal"
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// schedule has a role started again after the delay that it deserves.
func (s *Supervisor) schedule(c *child, lived time.Duration) {
	now := time.Now()
	delay, limited := c.past.died(now, lived, &s.opt.Timing)
	if limited {
		s.say(logs.Info, "Restart of %s process delayed %d seconds to limit respawn rate", c.title, int(delay.Seconds()))
	}
	c.restartAt = now.Add(delay)
}

// restart starts a role again: for the configuration in force, or for the first one that is on its way.
func (s *Supervisor) restart(c *child) {
	if s.stopping || c.proc != nil {
		return
	}
	cfg, file, gen := s.cfg, s.file, s.active
	if s.change != nil && s.change.first && !s.change.committed {
		cfg, file, gen = s.change.cfg, s.change.file, s.change.gen
	}
	s.drop(c, cfg)
	if err := s.spawn(c, cfg); err != nil {
		s.say(logs.Err, "%v", err)
		s.schedule(c, 0)
		return
	}
	s.prepare(c, gen, cfg, file)
}

// drop removes what a vrrp role that died has left and its successor, which is given cfg, does not know of.
func (s *Supervisor) drop(c *child, cfg *config.Config) {
	old := s.orphaned
	if c.name != role.VRRP || old == nil {
		return
	}
	s.orphaned = nil
	if old == cfg || s.hooks.Drop == nil {
		return
	}
	if err := s.hooks.Drop(old, cfg); err != nil {
		s.say(logs.Warning, "leftovers: %v", err)
	}
}
