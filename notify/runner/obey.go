package runner

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/shm"
	"holdfast.dev/notify"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/track"
)

// prepare reads a configuration off the loop, which goes on delivering meanwhile.
func (r *runner) prepare(p role.Prepare, files []*os.File) {
	g := &generation{gen: p.Gen, reload: p.Reload, resume: p.Resume}
	err := fileError("configuration", len(files))
	if n := len(files); n >= 1 && n <= 3 {
		g.notify, g.track, err = r.opt.Specs(files[0], p.Gen)
		files[0].Close()
		files = files[1:]
	}
	r.post(func() {
		if err == nil {
			err = r.install(g, files)
		}
		closeAll(files)
		ready := &role.Ready{Gen: p.Gen}
		if err != nil {
			ready.Err = err.Error()
		}
		_ = r.ctl.Send(role.Msg{Ready: ready})
	})
}

// install makes a generation ready to be committed. The first one may bring the journal, and the memory for what becomes of scripts.
func (r *runner) install(g *generation, files []*os.File) error {
	if r.journal == nil {
		if err := r.remember(files); err != nil {
			return err
		}
		r.dispatch.Restore(r.journal.kept())
	}
	r.prepared = g
	r.dispatch.Prepare(g.notify)
	return nil
}

// remember takes what a former process has written, or begins anew.
func (r *runner) remember(files []*os.File) error {
	var f *os.File
	if len(files) > 0 {
		fd, err := unix.FcntlInt(files[0].Fd(), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return err
		}
		f = os.NewFile(uintptr(fd), "journal")
	}
	j, err := openJournal(f)
	if err != nil {
		return err
	}
	memory := make([]byte, status.RunsSize)
	if len(files) > 1 {
		if memory, err = shm.Map(files[1], status.RunsSize); err != nil {
			return err
		}
	}
	if r.runs, err = status.OpenRuns(memory); err != nil {
		return err
	}
	r.journal, r.tracked = j, showTracked(r.runs)
	return nil
}

// obey does what the supervisor says.
func (r *runner) obey(m role.Msg, files []*os.File) {
	defer func() { closeAll(files) }()
	switch {
	case m.Commit != nil:
		r.commit(m.Commit.Gen)
	case m.Abort != nil:
		r.dispatch.Abort(m.Abort.Gen)
		if r.prepared != nil && r.prepared.gen == m.Abort.Gen {
			r.prepared = nil
		}
	case m.Peer != nil && m.Peer.Role == role.VRRP && len(files) == 1:
		r.meet(files[0])
		files = nil
	case m.Last != nil:
		r.last = m.Last
	case m.Opened != nil:
		r.pipes.opened(m.Opened, files)
		files = nil
	case m.Stop != nil:
		r.stop(m.Stop.Within)
	}
}

func (r *runner) commit(gen uint64) {
	g := r.prepared
	if g == nil || g.gen != gen {
		r.say(8, 0, "told to commit a configuration that was not prepared")
		return
	}
	r.prepared = nil
	r.dispatch.Commit(gen)
	r.pipes.commit(g.notify)
	r.noteDeparted()
	r.step(notify.Wakeup{}) // events that came before the configuration was in force wait for nothing else
	if !r.stopping {
		r.watcher.Apply(g.track, g.reload || g.resume)
		r.tracked.keep(g.track)
	}
	_ = r.ctl.Send(role.Msg{Done: &role.Gen{Gen: gen}})
}

// meet takes a new connection to the vrrp role. From the second on it is to another process of that role, which counts its
// events anew. It is told all states.
func (r *runner) meet(f *os.File) {
	conn, err := role.NewConn(f)
	if err != nil {
		r.say(8, 0, "connection to the vrrp role: "+err.Error())
		return
	}
	r.conns[conn] = struct{}{}
	r.peer.Store(conn)
	if r.peers++; r.peers > 1 {
		r.pipes.renew()
		r.step(notify.Renewed{})
	}
	r.linked = true
	r.watcher.Each(func(st track.State) { _ = conn.Send(role.Msg{Track: &st}) })
	go r.hear(conn)
}

// hear reads events until the connection ends. What a process of the vrrp role said before it crashed counts.
func (r *runner) hear(conn *role.Conn) {
	for {
		m, files, err := conn.Recv()
		closeAll(files)
		switch {
		case errors.Is(err, role.ErrGarbage) || errors.Is(err, role.ErrTooLong):
		case err != nil:
			r.post(func() {
				delete(r.conns, conn)
				conn.Close()
				if r.peer.Load() == conn {
					r.linked = false
					r.cleanUp()
				}
			})
			return
		case m.Event != nil:
			r.post(func() { r.event(conn, m.Event) })
		case m.Wall != nil && r.peer.Load() == conn:
			r.mason.take(m.Wall)
		}
	}
}

// event queues what a present or, as long as it is in the pipe, a former vrrp process has announced.
func (r *runner) event(from *role.Conn, ev *notify.Event) {
	if r.peer.Load() != from {
		ev.Seq = 0
	} else if r.journal != nil {
		if n := r.journal.begun(ev); n > 0 {
			r.step(notify.Resume{Seq: ev.Seq, Decided: ev.Times.Decided, Steps: n})
		}
	}
	r.pipes.take(ev)
	r.step(notify.Arrived{Event: *ev})
}

// noteDeparted writes down which deleted instances are still to be told of: a runner that takes the place of this one knows only the
// configuration in force. One that is told of stays on the list until the next configuration: its scripts may have to be run by that other one.
func (r *runner) noteDeparted() {
	if r.journal != nil && !r.journal.keep(r.dispatch.Departed()) {
		r.say(4, 0, "too many instances were deleted at once to be told of should this process be restarted")
	}
}

// stop begins to leave: trackers end, and what vrrp still says is delivered. A little of the time is kept for the rest.
func (r *runner) stop(within time.Duration) {
	if r.stopping {
		return
	}
	r.stopping = true
	within -= min(within/10, 200*time.Millisecond)
	go r.watcher.Close()
	r.leaveBy = time.Now().Add(within)
	time.AfterFunc(within, func() { r.post(func() { r.linked = false }) })
	time.AfterFunc(within+readerGrace/10, func() { r.post(func() { r.over = true }) })
	r.step(notify.Stopping{Until: now().Mono.Add(within)})
}

// flush gives what was said last a moment to get out.
func (r *runner) flush(c *role.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_ = c.Flush(ctx) // there may be nobody to hear it
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
