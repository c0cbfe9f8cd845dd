// Package runner is the role that executes scripts: it delivers the announcements of the vrrp role to notify scripts, and runs
// vrrp_scripts for it. It is never real-time, and nothing that a script does reaches the election.
package runner

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/notify/script"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/track"
	"holdfast.dev/track/watch"
)

// Options of the role.
type Options struct {
	// Specs reads the configuration that came with Prepare and says what its scripts are.
	Specs  func(f *os.File, gen uint64) (*notify.Spec, []track.Spec, error)
	Script script.Options
	// Chains keeps firewalls in chains of iptables; nil if that is nothing for this role. Its methods are called from one goroutine, and may take
	// long.
	Chains Chains
	// Behind is called once when the supervisor and the vrrp role are gone and this process is not: it cleans up behind them. Nil does nothing.
	Behind func(role.Last) (removed []string, err error)
}

// Chains is host/iptables' Keeper.
type Chains interface {
	Apply(op *host.WallOp) error
	Changed() (bool, error)
}

// withoutSupervisor is how long what is queued may take when nobody is left who says how long.
const withoutSupervisor = 5 * time.Second

// runner is the state of the role. All but what is marked is touched only by the goroutine of Run.
type runner struct {
	opt     Options
	ctl     *role.Conn
	starter *script.Starter
	watcher *watch.Watcher
	journal *journal
	runs    *status.Runs // what becomes of scripts, for everybody to see
	tracked *tracked

	dispatch *notify.Dispatcher
	pipes    *pipes
	mason    *mason
	jobs     map[uint64]watch.Process
	prepared *generation
	peer     atomic.Pointer[role.Conn] // any goroutine
	linked   bool                      // the peer's end is still open
	peers    int
	conns    map[*role.Conn]struct{} // the peer, and former ones that are not read to their end yet

	inbox  chan func()
	quit   chan struct{}
	last   *role.Last // what to clean up; nil for nothing, or no more
	orphan bool       // the supervisor is gone
	swept  sync.WaitGroup

	stopping bool
	leaveBy  time.Time // when stopping
	over     bool      // that has passed
}

// generation is a configuration that was prepared.
type generation struct {
	gen    uint64
	notify *notify.Spec
	track  []track.Spec
	reload bool
	resume bool
}

// Run is the main of the role. It returns after Stop, or when the supervisor is gone, once what was queued is delivered.
func Run(ctl *role.Conn, opt Options) error {
	starter, err := script.New(opt.Script)
	if err != nil {
		return err
	}
	r := &runner{
		opt: opt, ctl: ctl, starter: starter, dispatch: notify.NewDispatcher(), jobs: make(map[uint64]watch.Process),
		conns: make(map[*role.Conn]struct{}), inbox: make(chan func()), quit: make(chan struct{}),
	}
	r.pipes = &pipes{r: r}
	r.mason = newMason(opt.Chains, func(w *role.Walled) { r.tellPeer(role.Msg{Walled: w}) }, func(text string) { r.say(4, 0, text) })
	r.watcher = watch.New(watch.Options{Clock: now, Start: r.startTrack, Emit: r.emit, Say: r.sayTrack, Show: r.showTrack})
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)
	heard := make(chan struct{})
	go r.listen(heard)
	r.loop(signals)
	r.cleanUp()
	r.swept.Wait()
	r.end()
	ctl.Close()
	<-heard
	return nil
}

// end leaves nothing running.
func (r *runner) end() {
	close(r.quit)
	r.pipes.close()
	r.mason.close()
	r.starter.Close()
	r.watcher.Close()
	_ = r.ctl.Send(role.Msg{Stopped: &role.Stopped{}})
	r.flush(r.ctl)
	if p := r.peer.Load(); p != nil {
		r.flush(p)
	}
	for c := range r.conns {
		c.Close()
	}
}

// loop works until there is nothing more to do after a Stop.
func (r *runner) loop(signals <-chan os.Signal) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !r.finished() {
		timer.Stop()
		if at, ok := r.dispatch.Deadline(); ok {
			timer.Reset(at.Sub(now().Mono))
		}
		select {
		case f := <-r.inbox:
			f()
		case <-timer.C:
			r.step(notify.Wakeup{})
		case s := <-signals:
			_ = r.ctl.Send(role.Msg{Asked: &role.Asked{Number: int(s.(syscall.Signal))}})
		}
	}
}

// cleanUp removes what the daemon has left, if nobody else of it can any more.
func (r *runner) cleanUp() {
	last := r.last
	if !r.orphan || r.linked || last == nil || r.opt.Behind == nil {
		return
	}
	r.last = nil
	r.swept.Go(func() { // the log is gone with the supervisor; the next start names what this can't remove
		_, _ = r.opt.Behind(*last)
	})
}

// finished reports whether the role may leave: everything is delivered, and nothing more can come.
func (r *runner) finished() bool {
	if r.over {
		return true
	}
	return r.stopping && r.dispatch.Idle() && !r.linked && r.pipes.finishAll(max(time.Until(r.leaveBy)/2, readerGrace/10))
}

// post has f called by the loop, or not at all once that has ended.
func (r *runner) post(f func()) {
	select {
	case r.inbox <- f:
	case <-r.quit:
	}
}

// step feeds the dispatcher and does what it wants.
func (r *runner) step(in notify.Input) {
	for _, a := range r.dispatch.Step(now(), in) {
		switch a := a.(type) {
		case notify.Run:
			r.start(a)
		case notify.Signal:
			if p := r.jobs[a.Job]; p != nil {
				p.Signal(a.Kill)
			}
		case notify.Ack:
			r.pipes.ack(a)
		case notify.Say:
			r.say(a.Level, 0, a.Text)
		}
	}
}

// acknowledge tells the vrrp role what it may forget.
func (r *runner) acknowledge(a notify.Ack) {
	r.tellPeer(role.Msg{Delivered: &role.Delivered{Object: a.Object, Name: a.Name, Seq: a.Seq}})
}

// tellPeer says something to the present vrrp process, if there is one. It may be called from any goroutine.
func (r *runner) tellPeer(m role.Msg) {
	if p := r.peer.Load(); p != nil {
		_ = p.Send(m)
	}
}

func (r *runner) start(a notify.Run) {
	r.journal.begin(&a.Event, a.Step)
	(&attempt{r: r, run: a, shown: r.show(&a), began: time.Now(), pause: firstTry}).begin()
}

// broken is the run of a script that is not run.
type broken struct{}

// Signal has nobody to reach.
func (broken) Signal(bool) {}

// startTrack, emit and sayTrack are what the watcher needs; it calls them from goroutines of its own.
func (r *runner) startTrack(s track.Spec, done func(track.Ended)) watch.Process {
	if s.Broken != "" {
		go done(track.Ended{Err: s.Broken})
		return broken{}
	}
	c := script.Command{Args: s.Args, Open: s.Open, UID: s.UID, GID: s.GID, Groups: s.Groups, Capture: true}
	return r.starter.Start(c, nil, func(res script.Result) {
		e := track.Ended{Code: res.Code, Signal: int(res.Signal), Took: res.Took(), Output: res.Output}
		if res.Err != nil {
			e.Err = res.Err.Error()
		}
		done(e)
	})
}

func (r *runner) emit(st track.State) { r.tellPeer(role.Msg{Track: &st}) }

// showTrack is called only after the first configuration came, and with it the memory.
func (r *runner) showTrack(name string, rep *track.Report) { r.tracked.show(name, rep) }

func (r *runner) sayTrack(_ string, line track.Say) { r.say(int(line.Level), line.Detail, line.Text) }

func (r *runner) say(level, detail int, text string) {
	_ = r.ctl.Send(role.Msg{Log: &role.Log{Level: level, Detail: detail, Text: text, At: time.Now().UnixNano()}})
}

func now() clock.Now {
	return clock.Now{Mono: script.Monotonic(), Wall: time.Now().UnixNano()}
}

// listen reads what the supervisor says.
func (r *runner) listen(done chan<- struct{}) {
	defer close(done)
	for {
		m, files, err := r.ctl.Recv()
		if errors.Is(err, role.ErrGarbage) || errors.Is(err, role.ErrTooLong) {
			continue
		}
		if err != nil {
			r.post(func() {
				r.orphan = true
				r.cleanUp()
				r.stop(withoutSupervisor)
			})
			return
		}
		if m.Prepare != nil {
			r.prepare(*m.Prepare, files)
		} else {
			r.post(func() { r.obey(m, files) })
		}
	}
}

func fileError(what string, n int) error { return fmt.Errorf("%s with %d descriptors", what, n) }
