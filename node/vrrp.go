package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/host"
	"holdfast.dev/host/kernel"
	"holdfast.dev/internal/shm"
	"holdfast.dev/notify"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/supervisor/sched"
	"holdfast.dev/vrrp"
)

// tells is whom a configuration has tell of transitions, and of which: nil functions for nobody.
type tells struct{ runner, aux func(*notify.Event) bool }

func tellsOf(c *config.Config) (t tells) {
	if notifies(c) {
		t.runner = everything
	}
	if len(c.Global.Notify.Webhooks) > 0 {
		t.aux = (*notify.Event).News
	} else if c.MailsVRRP() {
		t.aux = func(ev *notify.Event) bool { return ev.Mail && ev.News() }
	}
	return t
}

func everything(*notify.Event) bool { return true }

// notifies reports whether a configuration has scripts or pipes that are told of transitions.
func notifies(c *config.Config) bool {
	spec := NotifySpec(c, 0, func(string, uint32) []uint32 { return nil })
	for i := range spec.Objects {
		if o := &spec.Objects[i]; len(o.Scripts) > 0 || o.Any != nil {
			return true
		}
	}
	return len(spec.Pipes) > 0
}

// vrrpRole is the process that holds the elections. Its control goroutine prepares what can fail and may wait; the election thread
// gets only what is ready. Goroutines: this one; the election thread and the one that watches its lateness; the kernel's writer, which
// calls kernelSays; two of the teller's; one that hears the runner. All of them end before RunVRRP returns.
type vrrpRole struct {
	ctl     *role.Conn
	garbage *collector
	teller  *teller
	links   *linkBook
	peers   map[role.Name]*peer // runner and aux, once they were met
	hearers sync.WaitGroup

	// From the first Prepare on.
	loop   *loop
	beats  *linkBeats
	kernel *kernel.Writer
	rivals *challenges
	chains *chainKeeper
	page   *status.Page
	resume []vrrp.Resume

	carrier  int         // a socket to the carrier that came before there was a loop; 0 for none
	taping   *taping     // nil for none
	prepared *generation // nil while nothing is prepared
	current  *generation // in force; nil before the first Commit
	left     int         // addresses that could not be removed in time
}

// generation is a configuration and what follows from it.
type generation struct {
	number uint64
	vrrp   *vrrp.Config
	sizes  bufferSize
	links  usedLinks
	polled polled
	auto   time.Duration // from what lateness on the real-time priority is raised; 0 for never
	tells  tells
	kernel [2]config.SocketBuffer
}

// newGeneration translates a configuration. Nothing of that is kept, for every garbage collection would have to look at it.
func newGeneration(number uint64, c *config.Config) *generation {
	g := &c.Global.VRRP
	return &generation{
		number: number, vrrp: VRRPConfig(c), sizes: bufferSizes(c), links: linksOf(c), polled: polledOf(c), tells: tellsOf(c),
		kernel: [2]config.SocketBuffer{g.NetlinkMonitor, g.NetlinkCommand}, auto: overdueFrom(&c.Global.Auto),
	}
}

// overdueFrom is the lateness of a round from which on the real-time priority is raised (max_auto_priority, rule Q16); 0 for never.
func overdueFrom(a *config.AutoPriority) time.Duration {
	if a.Max <= 0 {
		return 0
	}
	return a.Delay
}

// RunVRRP is the vrrp role: it obeys the control connection until it is told to stop, or the connection ends because the
// supervisor is gone. Either way it hands over first. Without the permission for what it does the error is a role.Permanent (rule C11).
func RunVRRP(ctl *role.Conn) error {
	// Reading and preparing a large configuration takes longer than a real-time thread may compute without blocking.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	sched.Relax()
	r := &vrrpRole{peers: map[role.Name]*peer{}, ctl: ctl, chains: &chainKeeper{}}
	garbage, err := newCollector()
	if err != nil {
		return err
	}
	r.garbage = garbage
	garbage.Start()
	defer garbage.Close()
	r.links = newLinkBook(func(detail int, text string) { r.teller.Detail(vrrp.Info, detail, text) })
	r.teller = newTeller(ctl, r.links.Name)
	stopped, err := r.obeyAll()
	r.close(stopped)
	if err == nil && r.left > 0 {
		err = fmt.Errorf("stopped before the kernel confirmed that %d addresses are gone", r.left)
	}
	return err
}

// orphanWait is how long a role whose supervisor is gone may take to hand over.
const orphanWait = 2 * time.Second

// obeyAll does what it is told until it is told to stop.
func (r *vrrpRole) obeyAll() (stopped bool, err error) {
	for {
		msg, files, err := r.ctl.Recv()
		if r.loop != nil && r.loop.life.Err() != nil {
			closeFiles(files)
			return false, fmt.Errorf("election thread: %w", r.loop.err)
		}
		switch {
		case errors.Is(err, role.ErrGarbage), errors.Is(err, role.ErrTooLong):
			r.teller.Say(vrrp.Error, "control message: "+err.Error())
			continue
		case err != nil:
			r.leave(orphanWait, false)
			if errors.Is(err, io.EOF) {
				err = errors.New("the supervisor is gone")
			}
			return false, err
		}
		sched.Relax() // not restored: a reload may have made all threads real-time, this one has nothing to hurry for
		stop, err := r.obey(msg, files)
		closeFiles(files) // a second time for what was taken over, which does nothing
		if stop || err != nil {
			return stop, err
		}
	}
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// obey does what one message asks for. stop is true after Stop. That an answer can't be sent is found out by the next Recv.
func (r *vrrpRole) obey(m role.Msg, files []*os.File) (stop bool, err error) {
	switch {
	case m.Prepare != nil:
		return false, r.answer(m.Prepare, files)
	case m.Commit != nil:
		r.commit(m.Commit.Gen)
	case m.Abort != nil:
		r.abort()
	case m.Peer != nil && len(files) == 1 && m.Peer.Role == role.Carrier:
		r.meetCarrier(files[0])
	case m.Peer != nil && len(files) == 1:
		r.meet(m.Peer.Role, files[0])
	case m.Signal != nil:
		r.clearStats()
	case m.Record != nil:
		r.record(m.Record, files)
	case m.Stop != nil:
		r.leave(m.Stop.Within, m.Stop.Keep)
		return true, nil
	}
	return false, nil
}

// clearStats is what the only signal asks for that the supervisor passes on.
func (r *vrrpRole) clearStats() {
	if r.loop != nil {
		r.loop.Do(func(l *loop) { l.driver.Engine.ClearStats() })
	}
}

// maxAnswer bounds the text of an error, so that the answer fits into a message.
const maxAnswer = 4 << 10

// answer prepares and says how it went. Where the permission is missing from the beginning, it is pointless to try again.
func (r *vrrpRole) answer(p *role.Prepare, files []*os.File) error {
	err := r.prepare(p, files)
	ready := role.Ready{Gen: p.Gen}
	forbidden := errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)
	if err != nil {
		if ready.Err = err.Error(); len(ready.Err) > maxAnswer {
			ready.Err = ready.Err[:maxAnswer] + "..."
		}
		if forbidden {
			ready.Exit = role.ExitPermission
		}
	}
	_ = r.ctl.Send(role.Msg{Ready: &ready})
	if forbidden && r.current == nil {
		return &role.Permanent{Code: role.ExitPermission, Err: err}
	}
	return nil
}

// prepare opens all that the configuration needs and that can fail. What an earlier Prepare opened, which was neither committed nor
// aborted, is closed as far as this one does not need it.
func (r *vrrpRole) prepare(p *role.Prepare, files []*os.File) error {
	r.prepared = nil
	if len(files) == 0 {
		return errors.New("no configuration came with the message")
	}
	c, err := role.ReadConfig(files[0])
	if err != nil {
		return err
	}
	g := newGeneration(p.Gen, c)
	if r.loop == nil {
		if len(files) < 2 {
			return errors.New("no status page came with the message")
		}
		if err := r.begin(g, p, files[1]); err != nil {
			return err
		}
	}
	if g.vrrp.Wall.Table != "" {
		if err := kernel.CheckWall(); err != nil {
			return fmt.Errorf("no_accept and strict mode need a firewall: %w", err)
		}
	}
	if r.current == nil && p.Reload {
		g.vrrp.StartupDelay = 0 // the daemon has started long ago, this is only another process of it (rule C8)
	}
	if err := r.loop.ports.Prepare(g.vrrp, g.sizes); err != nil {
		r.loop.ports.Abort()
		return err
	}
	r.prepared = g
	return nil
}

func (r *vrrpRole) abort() {
	r.prepared = nil
	if r.loop != nil {
		r.loop.ports.Abort()
	}
}

// syncWait is how long the first reading of the kernel's interfaces may take.
const syncWait = 30 * time.Second

// begin starts the election thread and the kernel's writer, and waits until the links are known.
func (r *vrrpRole) begin(g *generation, p *role.Prepare, pageFile *os.File) error {
	if err := r.openPage(pageFile, p.Resume); err != nil {
		return err
	}
	l, err := newLoop(r.page, r.teller, p.Detail)
	if err != nil {
		return err
	}
	l.ports = newPortKeeper(func(c portChange) { l.Post(input{port: &c}) }, func(text string) { r.teller.Say(vrrp.Warning, text) })
	r.links.Use(&g.links)
	r.beats = newLinkBeats(func(rep *host.Report) { r.linksAre(l, rep) }, func(text string) { r.teller.Say(vrrp.Warning, text) })
	r.beats.Use(g.polled)
	monitor, command := g.kernel[0], g.kernel[1]
	synced := make(chan struct{})
	known := sync.OnceFunc(func() { close(synced) })
	w, err := kernel.Open(kernel.Config{
		EventBuffer: int(monitor.Bytes), RequestBuffer: int(command.Bytes), Force: monitor.Force || monitor.Bytes == 0,
		Report: func(rep host.Report) { r.kernelSays(l, &rep, known) }, Relax: sched.Relax, Run: r.chains.Run,
	})
	if err != nil {
		l.Close()
		return err
	}
	l.kernel = w
	r.chains.Serve(w)
	r.loop, r.kernel = l, w
	if r.carrier > 0 {
		l.setCarrier(r.carrier)
		r.carrier = 0
	}
	r.rivals = &challenges{
		say:  func(text string) { r.teller.Say(vrrp.Warning, text) },
		post: func(ev *vrrp.Challenged) { l.Post(input{event: ev}) },
	}
	if t := r.taping; t != nil {
		r.taping = nil
		l.record(t.file, t.want.Limit)
	}
	// A thread that ended must not be found out by the next message only.
	l.Start(func() { r.ctl.Inject(role.Msg{Abort: &role.Gen{}}) })
	r.beats.Start()
	w.Start() // the thread takes what is reported from the beginning: there may be more links than the inbox has room for
	select {
	case <-synced:
	case <-l.life.Done():
		err = fmt.Errorf("election thread: %w", l.err)
	case <-time.After(syncWait):
		err = errors.New("the kernel did not list the network interfaces in time")
	}
	if err != nil {
		r.end()
		return err
	}
	r.garbage.Keep([]int{int(l.thread.Load()), w.Thread()})
	for name, p := range r.peers {
		r.listen(name, p)
	}
	return nil
}

// openPage maps the status page. What an earlier process has written stays until the first Commit: should this one crash before, the
// next can still go on with it.
func (r *vrrpRole) openPage(f *os.File, resume bool) error {
	mem, err := shm.Map(f, status.Size)
	if err != nil {
		return err
	}
	if r.page, err = status.Open(mem); err != nil {
		return err
	}
	if r.resume = nil; resume {
		r.resume = readResume(r.page)
	}
	r.page.SetPID(os.Getpid())
	return nil
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

// commit makes the prepared configuration the one in force. The engine comes first: routers that it removes say goodbye through
// sockets that are closed then.
func (r *vrrpRole) commit(gen uint64) {
	g := r.prepared
	if g == nil || g.number != gen {
		r.teller.Say(vrrp.Error, fmt.Sprintf("told to commit configuration %d, which was not prepared", gen))
		return // without an answer the supervisor starts us anew
	}
	first := r.current == nil
	r.links.Use(&g.links)
	r.beats.Use(g.polled)
	begin := func(l *loop) {
		l.overdue = g.auto
		if first {
			l.page.ClearAll()
		}
		l.parted = nil
		if g.tells.runner != nil {
			r.teller.Want(role.Runner, g.tells.runner)
		}
		if g.tells.aux != nil {
			r.teller.Want(role.Aux, g.tells.aux)
		}
	}
	// What the change itself does, and what becomes later of those that it removes, is told if the configuration before had anybody to tell.
	parted := func(*loop) {
		r.teller.Want(role.Runner, g.tells.runner)
		r.teller.Want(role.Aux, g.tells.aux)
	}
	if !r.loop.apply(g.vrrp, gen, begin, parted, r.resume) {
		return // the thread has ended, which the next Recv finds out
	}
	r.sayOtherwise(g)
	r.rivals.Watch(g.vrrp)
	r.prepared, r.current, r.resume = nil, g, nil
	// What reading the configuration took is several times what is left of it. At once: the first election is seconds away, and
	// later it could fall on a take-over. And before the supervisor is told, which may change how threads are scheduled then.
	r.garbage.Collect()
	_ = r.ctl.Send(role.Msg{Done: &role.Gen{Gen: gen}})
}

// sayOtherwise tells of settings that are not taken literally, or only by a new process.
func (r *vrrpRole) sayOtherwise(g *generation) {
	if r.current != nil && r.current.kernel != g.kernel {
		r.teller.Say(vrrp.Info, "vrrp_netlink_*_rcv_bufs: the change takes effect when the process is started anew")
	}
}

// end ends what begin has started.
func (r *vrrpRole) end() {
	if r.loop == nil {
		return
	}
	r.garbage.Keep(nil)
	r.beats.Close()
	r.rivals.Close()
	r.loop.Close()
	_ = r.kernel.Close() // what it added stays, or was removed
	r.loop.ports.Shut()
	r.loop, r.kernel = nil, nil
}

// lastWords is how long the others have to take what is said at the end.
const lastWords = time.Second

// close ends everything and sees to it that the last words are heard.
func (r *vrrpRole) close(stopped bool) {
	r.end()
	r.dropTaping()
	r.dropCarrier()
	r.teller.Close()
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	for _, p := range r.peers {
		_ = p.conn.Flush(ctx) // it may be gone
		_ = p.conn.Close()
	}
	r.hearers.Wait()
	if stopped {
		_ = r.ctl.Send(role.Msg{Stopped: &role.Stopped{Leftovers: r.left}})
	}
	_ = r.ctl.Flush(ctx) // the supervisor may be gone
}
