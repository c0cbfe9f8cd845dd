package supervisor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/pidfile"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/supervisor/sched"
	"holdfast.dev/transport/specs"
)

type state uint8

const (
	down       state = iota
	preparing        // Prepare was sent
	prepared         // Ready came
	committing       // Commit was sent
	running          // Done came
	leaving          // Stop was sent
)

// child is one role; its processes come and go.
type child struct {
	name  role.Name
	title string
	ident string
	pid   *pidfile.File // nil for none
	page  *page         // nil for roles without a heart
	// journal is where the runner notes what it began, so that the next one does not begin it again; nil for other roles.
	journal *os.File
	runs    *os.File // where it shows what becomes of scripts; nil for other roles
	shown   *status.Runs
	heart   heart
	pulse   pulse // of roles without a heart
	past    restarts

	restartAt time.Time // while down
	state     state

	// Of the present process.
	proc      process // nil while there is none
	conn      *role.Conn
	stderr    *os.File // what it prints; nil in a single process
	born      time.Time
	gen       uint64 // the last one that it was asked to prepare
	paged     bool   // the process has the page, or the journal
	resume    bool
	answerBy  time.Time // when its answer is overdue
	killAt    time.Time
	recording bool   // its elections
	overdue   uint64 // rounds that came too late, as far as they were acted on
	raised    int    // the real-time priority that it was raised to; 0 for not
	killed    bool   // because it did not do what it should
	slain     bool   // SIGKILL was sent
	setup     sched.Setup
}

// memory is what outlives the processes of the role.
func (c *child) memory() []*os.File {
	switch {
	case c.page != nil:
		return []*os.File{c.page.file}
	case c.journal != nil:
		return []*os.File{c.journal, c.runs}
	}
	return nil
}

// auxNice lets the elections go first: on a machine with one processor aux would otherwise finish its slice of 3 ms before them.
const auxNice = 10

// carrierNice lets adverts come before what is ordinary. It is never real-time: everybody's bytes reach it.
const carrierNice = -10

// setupFor is what the role's process runs with for a configuration.
func (c *child) setupFor(cfg *config.Config, o *Options) sched.Setup {
	if c.name == role.VRRP {
		setup := sched.VRRP(&cfg.Global.VRRPProcess, o.Core)
		setup.Jail = !o.Open
		mayRaise(&setup, &cfg.Global.Auto)
		return setup
	}
	if c.name == role.Aux {
		return sched.Setup{Nice: auxNice, User: o.Unprivileged, Caps: []sched.Cap{}}
	}
	if c.name == role.Carrier {
		return sched.Setup{Nice: carrierNice, User: o.Unprivileged, Caps: []sched.Cap{}, Jail: !o.Open}
	}
	// It removes what is left if the supervisor and the vrrp role die.
	return sched.Setup{Caps: []sched.Cap{sched.Kill, sched.NetAdmin, sched.SetGID, sched.SetUID}}
}

// wanted reports whether a configuration needs the role.
func (c *child) wanted(cfg *config.Config, o *Options) bool {
	if o.All || c.name == role.VRRP && cfg.Parts.VRRP {
		return true
	}
	switch c.name {
	case role.Runner:
		return cfg.Parts.VRRP && needsRunner(cfg)
	case role.Aux:
		return cfg.Parts.VRRP && (o.Window || needsAux(cfg))
	case role.Carrier:
		return specs.Needed(cfg)
	}
	return false
}

// needsAux reports whether anything is tracked, or told to anybody, that needs neither a script nor a privilege.
func needsAux(cfg *config.Config) bool {
	if len(cfg.Global.Notify.Webhooks) > 0 || cfg.MailsVRRP() || len(cfg.Names()) > 0 {
		return true
	}
	for i := range cfg.Instances {
		for _, t := range cfg.Instances[i].Track.Others {
			if t.Kind != config.OfBFD {
				return true
			}
		}
	}
	return false
}

// needsRunner reports whether anything may have to be executed.
func needsRunner(cfg *config.Config) bool {
	if cfg.Global.Firewall.UseIptables {
		return true
	}
	if f := &cfg.Global.FIFO; len(cfg.Scripts) > 0 || f.All != nil || f.VRRP != nil {
		return true
	}
	for i := range cfg.Instances {
		in := &cfg.Instances[i]
		// With fast_fail another node has the addresses at once if we die, so somebody must be there who can remove them here.
		if hasScript(in.Notify) || in.Carry() != nil && in.Carry().FastFail {
			return true
		}
	}
	for i := range cfg.Groups {
		if hasScript(&cfg.Groups[i].Notify) {
			return true
		}
	}
	return false
}

func hasScript(n *config.Notify) bool {
	for _, c := range []*config.Command{n.Master, n.Backup, n.Fault, n.Stop, n.Any, n.LowerPrio, n.Trouble, n.Deleted} {
		if c != nil {
			return true
		}
	}
	return false
}

// spawn starts a process of the role, for the configuration cfg.
func (s *Supervisor) spawn(c *child, cfg *config.Config) error {
	now := time.Now()
	proc, conn, stderr, err := s.launch(c, cfg)
	if err != nil {
		return fmt.Errorf("start %s process: %w", c.title, err)
	}
	c.proc, c.conn, c.stderr = proc, conn, stderr
	c.born, c.state, c.paged = now, down, false
	c.resume = c.past.mayResume(now)
	c.restartAt, c.killAt, c.killed, c.slain = time.Time{}, time.Time{}, false, false
	c.heart, c.recording, c.raised = heart{}, false, 0
	if c.page != nil {
		c.overdue = c.page.page.Overdue()
	}
	c.pulse = pulse{}
	s.say(logs.Info, "Starting %s child process, pid=%d", c.title, proc.pid())
	if c.pid != nil {
		if err := c.pid.Write(proc.pid()); err != nil {
			s.say(logs.Err, "%v", err)
		}
	}
	s.listeners.Go(func() { s.hear(c, conn, proc.pid()) })
	if stderr != nil {
		s.listeners.Go(func() { s.relayErrors(c.ident, proc.pid(), stderr) })
	}
	if c.name == role.Runner && !s.opt.Keep {
		s.send(c, role.Msg{Last: &role.Last{PID: s.paths.pid, State: s.paths.state}})
	}
	s.introduce(c)
	s.showWindow(c)
	if c.name == role.VRRP && s.opt.Trace != "" {
		s.record(c, recordingWait)
	}
	return nil
}

// introduce gives a process that has just begun a fresh direct connection to each of those that it talks with.
func (s *Supervisor) introduce(c *child) {
	v := s.children[role.VRRP]
	for _, name := range [...]role.Name{role.Runner, role.Aux} {
		if o := s.children[name]; (c == v || c == o) && v.proc != nil && o.proc != nil {
			s.connect(v, o)
		}
	}
	if c.name == role.VRRP || c.name == role.Carrier {
		s.connectCarrier()
	}
}

func (s *Supervisor) connect(v, o *child) {
	a, b, err := role.Pair()
	if err != nil {
		s.say(logs.Err, "%s and %s can't talk: %v", v.title, o.title, err)
		return
	}
	defer a.Close()
	defer b.Close()
	s.send(v, role.Msg{Peer: &role.Peer{Role: o.name}}, a)
	s.send(o, role.Msg{Peer: &role.Peer{Role: v.name}}, b)
}

// send queues a message. A role that reads so little that the queue is full, or has closed its end, is useless: it is
// killed, and its death is dealt with like any other.
func (s *Supervisor) send(c *child, m role.Msg, files ...*os.File) {
	if err := c.conn.Send(m, files...); err != nil {
		s.hung(c, "can't be told anything: %v", err)
	}
}

// hear passes on what a role says until its connection ends, which is after the last words of its process.
func (s *Supervisor) hear(c *child, conn *role.Conn, pid int) {
	defer conn.Close()
	for {
		m, files, err := conn.Recv()
		for _, f := range files {
			f.Close() // a role has nothing to give us
		}
		if m.Log != nil && err == nil {
			s.log.Relay(c.ident, pid, m.Log)
			continue
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, role.ErrClosed) {
				s.post(func() {
					if c.conn == conn {
						s.hung(c, "sent nonsense: %v", err)
					}
				})
			}
			return
		}
		s.post(func() {
			if c.conn == conn {
				s.message(c, &m)
			}
		})
	}
}

// message acts on what a role says.
func (s *Supervisor) message(c *child, m *role.Msg) {
	switch {
	case m.Ready != nil:
		s.ready(c, m.Ready)
	case m.Done != nil:
		s.done(c, m.Done.Gen)
	case m.Pong != nil:
		c.pulse.pong(m.Pong.Gen)
	case m.Asked != nil:
		s.asked(m.Asked.Number)
	case m.Recorded != nil:
		c.recording = false
	case m.Open != nil && c.name == role.Runner:
		s.pipeFor(c, m.Open.Pipe)
	case m.Open != nil && c.name == role.Aux:
		s.openFor(c, m.Open.File)
	case m.Resolved != nil && c.name == role.Aux:
		s.resolved(m.Resolved.Addrs)
	case m.Stopped != nil:
		if m.Stopped.Leftovers > 0 {
			s.say(logs.Warning, "%s left %d items in the kernel", c.title, m.Stopped.Leftovers)
		}
	default:
		s.hung(c, "sent a message that is not for the supervisor")
	}
}

// hung ends a process that does not do what it should: it is made to tell where it stands, then killed.
func (s *Supervisor) hung(c *child, format string, args ...any) {
	if c.proc == nil || c.killed {
		return
	}
	c.killed = true
	s.say(logs.Alert, "%s child process(%d) %s: killing it", c.title, c.proc.pid(), fmt.Sprintf(format, args...))
	c.proc.signal(unix.SIGABRT)
	c.killAt = time.Now().Add(s.opt.Timing.Die)
	c.answerBy = time.Time{}
}

// slay is for processes that were given all the time that they get. One that waits in the kernel for a file system or a device can't
// be killed: it is not waited for, as it will never run again.
func (s *Supervisor) slay(c *child) {
	switch {
	case c.proc == nil:
		return
	case c.slain:
		s.say(logs.Alert, "%s child process(%d) can't be killed before the file system or device answers that it waits for: it is left behind", c.title, c.proc.pid())
		s.died(c, exit{signal: unix.SIGKILL})
		return
	}
	if c.state == leaving {
		s.say(logs.Warning, "%s child process(%d) did not end in time: killing it", c.title, c.proc.pid())
	}
	c.proc.signal(unix.SIGKILL)
	c.slain, c.killAt = true, time.Now().Add(s.opt.Timing.Die)
}

// silent is for a process that did not answer in time.
func (s *Supervisor) silent(c *child) {
	s.hung(c, "did not answer in time")
}

// lastWords is how long what a dead process said is waited for.
const lastWords = time.Second

// gone forgets the process of a role. Its connection is read to the end by hear.
func (c *child) gone() {
	if c.stderr != nil { // somebody that it started may have it still
		_ = c.stderr.SetReadDeadline(time.Now().Add(lastWords))
	}
	c.proc, c.conn, c.stderr, c.state = nil, nil, nil, down
	c.answerBy, c.killAt = time.Time{}, time.Time{}
	if c.pid != nil {
		_ = c.pid.Clear()
	}
}
