package supervisor

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/internal/threads"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/pidfile"
	"holdfast.dev/supervisor/role"
)

// Supervisor is one daemon. Everything in it belongs to the goroutine of Run; others post to it.
type Supervisor struct {
	opt   Options
	hooks Hooks
	log   *logs.Log
	ident string
	sd    *systemd

	listeners  sync.WaitGroup // goroutines that hear roles
	inbox      chan func()
	quit       chan struct{} // closed when nobody reads the inbox any more
	signals    chan os.Signal
	childEnded chan os.Signal

	paths    paths
	pid      *pidfile.File
	children map[role.Name]*child
	order    []*child

	cfg    *config.Config // in force; nil until the first Commit
	file   *os.File       // the same, sealed
	active uint64         // its generation
	gen    uint64         // the last generation that was given out
	change *change

	window *window // nil for none

	carriage carriage
	peers    peerNames

	opening map[string]bool     // files and pipes that are being opened for a role
	pipes   map[string]keptPipe // named pipes, by path
	loading bool                // the files are being read
	queued  bool                // another reload was asked for

	appointment appointment

	stopping bool
	deadline time.Time // of the stop
	code     int
	sweepDue bool              // the vrrp role could not clean up behind itself
	orphaned *config.Config    // what a vrrp role ran that died and was not replaced yet
	oldCore  []byte            // to be restored
	chose    []string          // what was last said by choose
	oldIGMP  string            // the same
	loads    int               // configurations that were loaded before the present one
	prints   chan func() error // files that signals ask for; nil until the first
}

// New makes a daemon. Nothing happens before Run.
func New(opt Options, hooks Hooks) *Supervisor {
	opt.Timing = opt.Timing.withDefaults()
	return &Supervisor{
		opt: opt, hooks: hooks, inbox: make(chan func(), 64), quit: make(chan struct{}),
		children: make(map[role.Name]*child),
	}
}

// Run is the life of the daemon; the result is its exit code. It stays on its thread: a role is told to end when the
// thread that started it ends. The caller should be on the main thread, which ends last. Ready is called when the
// configuration was accepted, which is when a launcher may go.
func (s *Supervisor) Run(ready func()) int {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fewProcs()
	threads.Store(ownThreads)
	stopListening := s.listen()
	defer stopListening()
	code, ok := s.start(ready)
	if ok {
		s.loop()
		code = s.code
	}
	s.finish(ok)
	return code
}

// loop waits for whatever comes until the last role is gone.
func (s *Supervisor) loop() {
	tick := time.NewTicker(s.opt.Timing.Tick)
	defer tick.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !s.over() {
		if at := s.due(); at.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(at))
		}
		select {
		case do := <-s.inbox:
			do()
		case sig := <-s.signals:
			s.signal(sig.(syscall.Signal))
		case <-s.childEnded:
			s.reap()
		case <-tick.C:
			s.look()
		case <-timer.C:
			s.expire(time.Now())
		}
	}
	close(s.quit)
}

// post has do called by the loop. It is lost when the loop has ended.
func (s *Supervisor) post(do func()) {
	select {
	case s.inbox <- do:
	case <-s.quit:
	}
}

// over reports whether the daemon has ended.
func (s *Supervisor) over() bool {
	if !s.stopping {
		return false
	}
	for _, c := range s.order {
		if c.proc != nil {
			return false
		}
	}
	return true
}

// due is when expire has something to do; zero for never.
func (s *Supervisor) due() time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	for _, c := range s.order {
		sooner(c.answerBy)
		sooner(c.restartAt)
		sooner(c.killAt)
	}
	return at
}

// expire does what is due.
func (s *Supervisor) expire(now time.Time) {
	due := func(t *time.Time) bool {
		if t.IsZero() || now.Before(*t) {
			return false
		}
		*t = time.Time{}
		return true
	}
	for _, c := range s.order {
		if due(&c.answerBy) {
			s.silent(c)
		}
		if due(&c.killAt) {
			s.slay(c)
		}
		if due(&c.restartAt) {
			s.restart(c)
		}
	}
}

// look checks the heartbeats and feeds the service manager's watchdog.
func (s *Supervisor) look() {
	alive := true
	for _, c := range s.order {
		if c.state != running {
			c.pulse.quiet()
			continue
		}
		if c.page == nil {
			s.feel(c)
			continue
		}
		still := c.heart.look(c.page.page.Beat())
		alive = alive && still == 0
		s.raise(c)
		if still >= s.opt.Timing.Still {
			s.hung(c, "has shown no heartbeat for %s", time.Duration(still)*s.opt.Timing.Tick)
		}
	}
	s.sd.beat(alive)
	s.keepAppointment(time.Now())
}

// feel asks a role without a heart whether it still listens.
func (s *Supervisor) feel(c *child) {
	ask, still := c.pulse.look()
	if still >= s.opt.Timing.Still {
		s.hung(c, "has not answered for %s", time.Duration(still)*s.opt.Timing.Tick)
	} else if ask > 0 {
		s.send(c, role.Msg{Ping: &role.Gen{Gen: ask}})
	}
}

// troubles tells of what went wrong beside a matter, without harm to it.
func (s *Supervisor) troubles(errs ...error) {
	for _, err := range errs {
		if err != nil {
			s.say(logs.Err, "%v", err)
		}
	}
}

func (s *Supervisor) say(level int, format string, args ...any) {
	s.log.Put(logs.Line{Ident: s.ident, PID: os.Getpid(), Level: level, Text: fmt.Sprintf(format, args...)})
}
