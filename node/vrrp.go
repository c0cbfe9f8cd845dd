package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/host"
	"holdfast.dev/host/kernel"
	"holdfast.dev/internal/shm"
	"holdfast.dev/link"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/vrrp"
)

// vrrpRole is the process that holds the elections. Its control goroutine prepares what can fail and may wait; the election thread
// gets only what is ready.
type vrrpRole struct {
	ctl    *role.Conn
	teller *teller
	loop   *loop
	keeper *portKeeper
	kernel *kernel.Writer
	page   *status.Page
	ended  chan error // of the election thread

	generation uint64
	prepared   *vrrp.Config
	resume     []vrrp.Resume
	runner     *role.Conn
}

// RunVRRP is the vrrp role: it obeys the control connection until it is told to stop, or the connection ends because the
// supervisor is gone. Either way it hands over first.
func RunVRRP(ctl *role.Conn) error {
	r := &vrrpRole{ctl: ctl, ended: make(chan error, 1)}
	r.teller = newTeller(ctl)
	defer r.close()
	for {
		msg, files, err := ctl.Recv()
		switch {
		case errors.Is(err, role.ErrGarbage), errors.Is(err, role.ErrTooLong):
			r.teller.Say(vrrp.Error, "control message: "+err.Error())
			continue
		case err != nil:
			r.leave(orphanWait, false)
			if errors.Is(err, io.EOF) {
				return errors.New("the supervisor is gone")
			}
			return err
		}
		stop, err := r.obey(msg, files)
		for _, f := range files {
			f.Close() // a second time for what was taken over, which does nothing
		}
		if stop || err != nil {
			return err
		}
		select {
		case err := <-r.ended:
			return fmt.Errorf("election thread: %w", err)
		default:
		}
	}
}

// orphanWait is how long a role whose supervisor is gone may take to hand over.
const orphanWait = 2 * time.Second

// obey does what one message asks for. stop is true after Stop.
func (r *vrrpRole) obey(m role.Msg, files []*os.File) (stop bool, err error) {
	switch {
	case m.Prepare != nil:
		ready := role.Ready{Gen: m.Prepare.Gen}
		if err := r.prepare(m.Prepare, files); err != nil {
			ready.Err = err.Error()
		}
		return false, r.ctl.Send(role.Msg{Ready: &ready})
	case m.Commit != nil:
		return false, r.commit(m.Commit.Gen)
	case m.Abort != nil:
		if r.keeper != nil {
			r.keeper.Abort()
		}
		r.prepared = nil
	case m.Peer != nil && len(files) == 1:
		return false, r.meet(files[0])
	case m.Stop != nil:
		r.leave(m.Stop.Within, m.Stop.Keep)
		return true, r.ctl.Send(role.Msg{Stopped: &role.Stopped{}})
	}
	return false, nil
}

// prepare opens all that the configuration needs and that can fail.
func (r *vrrpRole) prepare(p *role.Prepare, files []*os.File) error {
	if len(files) == 0 {
		return errors.New("no configuration came with the message")
	}
	c, err := role.ReadConfig(files[0])
	if err != nil {
		return err
	}
	if r.loop == nil {
		if len(files) < 2 {
			return errors.New("no status page came with the message")
		}
		if err := r.begin(c, p, files[1]); err != nil {
			return err
		}
	}
	spec := VRRPConfig(c)
	if p.Resume {
		spec.StartupDelay = 0 // the daemon has started long ago, this is only another process of it
	}
	if err := r.keeper.Prepare(spec); err != nil {
		r.keeper.Abort()
		return err
	}
	r.prepared, r.generation = spec, p.Gen
	return nil
}

// begin makes the election thread and the kernel's writer, and waits until the links are known.
func (r *vrrpRole) begin(c *config.Config, p *role.Prepare, pageFile *os.File) error {
	mem, err := shm.Map(pageFile, status.Size)
	if err != nil {
		return err
	}
	if r.page, err = status.Open(mem); err != nil {
		return err
	}
	if p.Resume {
		r.resume = readResume(r.page)
	}
	r.page.ClearAll()
	r.page.SetPID(os.Getpid())
	l, err := newLoop(r.page, r.teller)
	if err != nil {
		return err
	}
	g := &c.Global.VRRP
	r.keeper = newPortKeeper(func(pc portChange) { l.Post(input{port: &pc}) },
		func(text string) { r.teller.Say(vrrp.Warning, text) }, rcvbuf(g))
	l.keeper = r.keeper
	synced := make(chan struct{})
	known := sync.OnceFunc(func() { close(synced) })
	w, err := kernel.Open(kernel.Config{
		EventBuffer: int(g.NetlinkMonitor.Bytes), RequestBuffer: int(g.NetlinkCommand.Bytes),
		Force:  g.NetlinkMonitor.Force || g.NetlinkMonitor.Bytes == 0,
		Report: func(rep host.Report) { r.kernelSays(l, rep, known) },
	})
	if err != nil {
		l.poller.Close()
		return err
	}
	r.kernel, l.kernel = w, w
	w.Start()
	select {
	case <-synced:
	case <-time.After(syncWait):
		return errors.New("the kernel did not list the network interfaces in time")
	}
	r.loop = l
	if r.runner != nil {
		go r.hear(r.runner, l)
	}
	go func() { r.ended <- l.Run() }()
	return nil
}

// syncWait is how long the first reading of the kernel's interfaces may take.
const syncWait = 30 * time.Second

// kernelSays passes on what the kernel's writer reports: to the keeper of the sockets first, which must know an interface before
// the engine does.
func (r *vrrpRole) kernelSays(l *loop, rep host.Report, synced func()) {
	for _, name := range rep.Gone {
		r.keeper.Link(name, 0)
		l.Post(input{event: &vrrp.LinkGone{Name: name}})
	}
	for _, lk := range rep.Changed {
		r.keeper.Link(lk.Name, lk.Index)
		l.Post(input{event: &vrrp.LinkChanged{Link: lk}})
	}
	for _, lost := range rep.Lost {
		l.Post(input{event: &vrrp.Lost{Lost: lost}})
	}
	for _, a := range rep.Applied {
		l.Post(input{event: &vrrp.Applied{Applied: a}})
	}
	for _, text := range rep.Troubles {
		r.teller.Say(vrrp.Warning, text)
	}
	if rep.Synced {
		synced()
	}
}

func readResume(p *status.Page) []vrrp.Resume {
	var out []vrrp.Resume
	var rec status.Record
	for i := range p.Top() {
		if p.Get(i, &rec) {
			out = append(out, rec.Resume())
		}
	}
	return out
}

// rcvbuf sizes the receive buffers: what the configuration asks for, else four adverts per virtual router.
func rcvbuf(g *config.VRRPDefaults) func(routers int) int {
	return func(routers int) int {
		switch {
		case g.ReceiveBufferPolicy == config.RxBytes && g.ReceiveBufferSize > 0:
			return int(g.ReceiveBufferSize)
		default:
			return link.RcvBufFor(routers)
		}
	}
}

// commit makes the prepared configuration the one in force.
func (r *vrrpRole) commit(gen uint64) error {
	if r.prepared == nil || gen != r.generation {
		return fmt.Errorf("commit of generation %d, prepared is %d", gen, r.generation)
	}
	ev := &vrrp.Configure{Config: r.prepared, Resume: r.resume}
	r.prepared, r.resume = nil, nil
	leaving := make(chan []vrrp.Port, 1)
	r.loop.Post(input{do: func(l *loop) {
		l.driver.Engine.SetGeneration(gen)
		l.take(input{event: ev})
		leaving <- l.driver.Engine.LeavingPorts()
	}})
	// Only now: the last words of what is no longer configured needed its sockets.
	if ports := <-leaving; len(ports) > 0 {
		r.keeper.Commit(ports)
		r.loop.Post(input{do: func(l *loop) { l.lingering = true }})
	} else {
		r.keeper.Commit(nil)
	}
	return r.ctl.Send(role.Msg{Done: &role.Gen{Gen: gen}})
}

// meet takes a new connection to the runner.
func (r *vrrpRole) meet(f *os.File) error {
	conn, err := role.NewConn(f)
	if err != nil {
		r.teller.Say(vrrp.Error, "connection to the script runner: "+err.Error())
		return nil
	}
	if r.runner != nil {
		r.runner.Close()
	}
	r.runner = conn
	r.teller.Runner(conn)
	if r.loop != nil {
		go r.hear(conn, r.loop)
	}
	return nil
}

// hear reads what the runner says until the connection ends; then the supervisor sends another.
func (r *vrrpRole) hear(c *role.Conn, l *loop) {
	for {
		m, files, err := c.Recv()
		if errors.Is(err, role.ErrGarbage) || errors.Is(err, role.ErrTooLong) {
			continue
		}
		if err != nil {
			return
		}
		for _, f := range files {
			f.Close()
		}
		switch {
		case m.Track != nil:
			l.Post(input{event: &vrrp.Tracked{State: *m.Track}})
		case m.Delivered != nil:
			r.teller.Delivered(*m.Delivered)
		}
	}
}

// close ends everything and sees to it that the last words are heard.
func (r *vrrpRole) close() {
	if r.loop != nil {
		r.keeper.Shut()
		r.loop.poller.Close()
		r.kernel.Close()
	}
	r.teller.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if r.runner != nil {
		_ = r.runner.Flush(ctx) // the runner may be gone
	}
	_ = r.ctl.Flush(ctx) // the supervisor may be gone
}
