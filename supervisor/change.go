package supervisor

import (
	"os"
	"reflect"
	"runtime/debug"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/supervisor/sched"
)

// change is a configuration on its way into force.
type change struct {
	gen       uint64
	cfg       *config.Config
	file      *os.File
	first     bool // the daemon starts: there is nothing to go back to
	began     time.Time
	committed bool            // all were ready, there is no way back
	left      map[*child]bool // who has yet to answer
	started   map[*child]bool // who was started for it
}

// busy reports whether a change can't be begun now: another one, or a role that starts or leaves, has to end first.
func (s *Supervisor) busy() bool {
	if s.change != nil || s.loading {
		return true
	}
	for _, c := range s.order {
		if c.proc != nil && c.state != running {
			return true
		}
	}
	return false
}

// begin hands a configuration to all roles.
func (s *Supervisor) begin(cfg *config.Config) {
	file, err := role.SealedConfig(cfg.ForRoles())
	if err != nil {
		s.refuse(err.Error(), role.ExitFatal)
		return
	}
	s.gen++
	ch := &change{
		gen: s.gen, cfg: cfg, file: file, first: s.cfg == nil, began: time.Now(),
		left: make(map[*child]bool), started: make(map[*child]bool),
	}
	s.change = ch
	if s.hooks.Record != nil {
		if err := s.hooks.Record(s.paths.state, s.cfg, cfg); err != nil {
			s.say(logs.Err, "What this configuration may leave behind after a crash could not be noted: %v", err)
		}
	}
	for _, c := range s.order {
		if c.proc == nil && !c.wanted(cfg, &s.opt) {
			continue
		}
		ch.left[c] = true
		if c.proc == nil {
			ch.started[c] = true
			s.drop(c, cfg)
			if err := s.spawn(c, cfg); err != nil {
				s.abort(err.Error(), role.ExitFatal)
				return
			}
		}
	}
	for c := range ch.left {
		s.prepare(c, ch.gen, ch.cfg, ch.file)
	}
	s.advance()
}

// prepare asks one role whether it could live with a configuration.
func (s *Supervisor) prepare(c *child, gen uint64, cfg *config.Config, file *os.File) {
	if c.name == role.Carrier {
		own, err := s.prepareCarrier(c, gen, cfg)
		if err != nil {
			s.cannot(c, gen, err)
			return
		}
		defer own.Close()
		file = own
	}
	files := []*os.File{file}
	if memory := c.memory(); memory != nil && !c.paged {
		files = append(files, memory...)
		c.paged = true
	}
	if events := s.processEvents(c, cfg); events != nil {
		defer events.Close()
		files = append(files, events)
	}
	c.state, c.gen = preparing, gen
	c.answerBy = time.Now().Add(s.opt.Timing.Prepare)
	m := role.Prepare{Gen: gen, Reload: s.cfg != nil, Resume: c.resume, Detail: s.opt.Detail}
	c.resume = false
	s.send(c, role.Msg{Prepare: &m}, files...)
}

// cannot answers Prepare in the place of a role that can't be given what it needs.
func (s *Supervisor) cannot(c *child, gen uint64, err error) {
	c.state, c.gen = preparing, gen
	c.resume = false
	s.post(func() { s.ready(c, &role.Ready{Gen: gen, Err: err.Error()}) })
}

// ready takes the answer to Prepare.
func (s *Supervisor) ready(c *child, r *role.Ready) {
	if c.state != preparing || r.Gen != c.gen {
		return // an answer to what was called off meanwhile
	}
	c.state, c.answerBy = prepared, time.Time{}
	ch := s.change
	switch {
	case s.stopping: // nothing comes into force any more
	case ch == nil && r.Err != "": // started again, and it can't have what it had
		s.say(logs.Err, "%s child process(%d): %s", c.title, c.proc.pid(), r.Err)
		s.hung(c, "could not start")
	case ch == nil:
		s.commit(c)
	case r.Err != "":
		code := r.Exit
		if code == 0 {
			code = role.ExitFatal
		}
		s.abort(c.title+": "+r.Err, code)
	default:
		delete(ch.left, c)
		s.advance()
	}
}

// advance goes on with a change when all have answered.
func (s *Supervisor) advance() {
	ch := s.change
	if ch == nil || len(ch.left) > 0 {
		return
	}
	if ch.committed {
		s.complete()
		return
	}
	ch.committed = true
	if s.file != nil {
		s.file.Close()
	}
	s.cfg, s.file, s.active = ch.cfg, ch.file, ch.gen
	for _, c := range s.order {
		if c.state == prepared {
			ch.left[c] = true
			s.commit(c)
		}
	}
	s.advance()
}

// commit lets one role switch.
func (s *Supervisor) commit(c *child) {
	c.state = committing
	c.answerBy = time.Now().Add(s.opt.Timing.Commit)
	s.send(c, role.Msg{Commit: &role.Gen{Gen: c.gen}})
}

// done takes the answer to Commit.
func (s *Supervisor) done(c *child, gen uint64) {
	if c.state != committing || gen != c.gen {
		return
	}
	c.state, c.answerBy = running, time.Time{}
	s.retune(c)
	if s.change != nil {
		delete(s.change.left, c)
		s.advance()
		return
	}
	s.next()
}

// retune gives a process that runs already the scheduling that a new configuration asks for.
func (s *Supervisor) retune(c *child) {
	p, forked := c.proc.(forked)
	next := c.setupFor(s.cfg, &s.opt)
	c.keepRaised(&next, &s.cfg.Global.Auto)
	if !forked || c.name != role.VRRP || reflect.DeepEqual(next, c.setup) {
		return
	}
	info, problems := sched.Change(p.pid(), c.setup, next)
	c.setup = next
	for _, text := range info {
		s.log.Put(logs.Line{Ident: c.ident, PID: p.pid(), Text: text})
	}
	for _, err := range problems {
		s.log.Put(logs.Line{Ident: c.ident, PID: p.pid(), Level: logs.Warning, Text: err.Error()})
	}
}

// complete ends a change that went well.
func (s *Supervisor) complete() {
	ch := s.change
	s.change = nil
	s.umask(ch.cfg)
	s.dropPipes(ch.cfg)
	s.dropSockets(ch.cfg)
	if c := s.children[role.Carrier]; c.state == running && !c.wanted(ch.cfg, &s.opt) {
		s.leave(c, s.opt.stopTime(ch.cfg)) // it has told its peers that they are not wanted any more
	}
	if ch.first {
		s.say(logs.Info, "Startup complete")
	} else {
		s.saveState(ch.cfg, ".post")
		s.say(logs.Info, "Reload complete")
		s.say(logs.Info, "Reload finished in %d usec", time.Since(ch.began).Microseconds())
	}
	s.sd.ready(ch.cfg)
	// What reading the file took is several times what is left of it. At once: later it could fall on a take-over.
	go debug.FreeOSMemory()
	s.next()
}

// abort calls a change off: nobody changes anything. A daemon that was only starting ends with code.
func (s *Supervisor) abort(reason string, code int) {
	ch := s.change
	s.change = nil
	for _, c := range s.order {
		if c.proc == nil || c.state != preparing && c.state != prepared {
			continue
		}
		if ch.started[c] { // it has nothing to go back to
			s.leave(c, s.opt.stopTime(s.cfg))
			continue
		}
		c.state, c.answerBy = running, time.Time{}
		s.send(c, role.Msg{Abort: &role.Gen{Gen: ch.gen}})
	}
	ch.file.Close()
	s.refuse(reason, code)
}

// refuse says that a configuration does not come into force.
func (s *Supervisor) refuse(reason string, code int) {
	if s.cfg == nil {
		s.fail(code, "The configuration can't be used: %s", reason)
		return
	}
	s.say(logs.Err, "Reload failed, nothing was changed: %s", reason)
	s.sd.ready(s.cfg)
	s.next()
}

// next starts a reload that had to wait.
func (s *Supervisor) next() {
	if s.queued && !s.busy() && !s.stopping {
		s.queued = false
		s.reload()
	}
	if s.peers.queued && !s.busy() {
		s.applyNames()
	}
}
