package node

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/link"
	"holdfast.dev/link/poll"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/sched"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
)

// Bounds of one round of the election thread.
const (
	roundPackets = 256                  // fetched from one port
	roundBudget  = 2 * time.Millisecond // after that the thread blocks once: RLIMIT_RTTIME counts what does not
	skipRounds   = 16                   // rounds that ports with ever more packets may put off take-overs
	batchPackets = 64
	inboxItems   = 1 << 14
	// fullReady is from where on the poller may have had more to tell than it can at a time.
	fullReady = 60
)

// beat is how often the thread goes round at least, so that others see that it lives: not as often as adverts come where there are some, for
// each round costs an idle machine more than anything else does. The supervisor sees it every second or two then, which a watchdog of the service
// manager has to allow for: one of 3 s or more.
const beat = 1500 * time.Millisecond

// keeper is who keeps the kernel: host/kernel's writer.
type keeper interface {
	Want(o host.Owner, gen uint64, want host.State)
	Forget(o host.Owner)
}

// input is one thing in the inbox of the election thread: an event, a socket, or something to do there.
type input struct {
	event vrrp.Event
	port  *portChange
	do    func(l *loop)
}

// loop is the election thread: it owns the engine, the sockets and the deadline, and nothing on it ever waits for anything but time.
// What is above the first empty line is set before Run and may be used by everybody; the rest is the thread's.
type loop struct {
	poller  *poll.Poller
	inbox   *poll.Inbox[input]
	teller  *teller
	kernel  keeper
	ports   *portKeeper
	page    *status.Page
	detail  int             // how many -D
	life    context.Context // ends with Run
	err     error           // of Run, once life has ended
	helpers sync.WaitGroup  // what the thread has done by others
	thread  atomic.Int64    // its number in the kernel

	driver    *Recorder
	tape      *tape // where a recording goes; nil for none
	announcer *link.Announcer
	station   *link.Station
	open      map[vrrp.PortID]*heardPort
	tokens    map[poll.Token]*heardPort
	token     poll.Token
	batch     *link.Batch
	shown     shown
	moves     moves
	sources   shownSources
	rx        vrrp.Received
	due       vrrp.AdvertsDue
	wakeup    vrrp.Wakeup
	skipped   int
	rested    clock.Instant // when the thread last slept, really
	carrier   carrierPort
	claims    claimPorts
	lingering *portSet // what the keeper keeps for routers that make way and are no longer configured; nil for nothing
	parted    func()   // called once when nothing more will come of routers that are no longer configured; nil for nobody
	stop      bool
	stopped   chan struct{} // closed when everything is given up after Stop
	stopOnce  sync.Once
	interval  time.Duration // the shortest of the configuration
	late      lateness
	overdue   time.Duration // from what lateness on a round is counted in the page; 0 for never
	lateTo    chan<- lateRound
	garp      complaint
}

// newLoop makes a loop that is not running yet.
func newLoop(page *status.Page, t *teller, detail int) (*loop, error) {
	p, err := poll.New()
	if err != nil {
		return nil, err
	}
	a, err := link.OpenAnnouncer()
	if err != nil {
		_ = p.Close()
		return nil, err
	}
	s, err := link.OpenStation()
	if err != nil {
		_, _ = p.Close(), a.Close()
		return nil, err
	}
	l := &loop{
		poller: p, announcer: a, station: s, teller: t, page: page, detail: detail,
		open: map[vrrp.PortID]*heardPort{}, tokens: map[poll.Token]*heardPort{}, batch: link.NewBatch(batchPackets),
		shown: shown{slots: map[host.Owner]int{}, names: map[host.Owner]string{}}, stopped: make(chan struct{}),
		moves: moves{page: page, open: map[host.Owner]openMove{}, untold: map[string]untold{}}, sources: shownSources{page: page, places: map[track.ID]int{}},
		carrier: carrierPort{fd: -1},
	}
	l.inbox = poll.NewInbox(inboxItems, p.Wake, mergeLinks)
	l.driver = NewRecorder(poll.Now(), l)
	return l, nil
}

// mergeDepth is how far back mergeLinks looks as long as there is room: with thousands of links a look through all that waits would
// cost more than it saves.
const mergeDepth = 128

// mergeLinks lets the newest description of a link replace one that was not read yet. It does not reach back behind the end of a link of that
// name, a new one under it, or its socket: those come in their order.
func mergeLinks(waiting []input, v input) bool {
	changed, ok := v.event.(*vrrp.LinkChanged)
	if !ok {
		return false
	}
	last := 0
	if len(waiting) < cap(waiting) {
		last = max(0, len(waiting)-mergeDepth)
	}
	for i := len(waiting) - 1; i >= last; i-- {
		if p := waiting[i].port; p != nil && p.ID.Link == changed.Link.Name {
			return false
		}
		switch ev := waiting[i].event.(type) {
		case *vrrp.LinkGone:
			if ev.Name == changed.Link.Name {
				return false
			}
		case *vrrp.LinkChanged:
			if ev.Link.Name != changed.Link.Name {
				continue
			}
			if ev.Link.Index != changed.Link.Index {
				return false
			}
			waiting[i] = v
			return true
		}
	}
	return false
}

// Start runs the loop in a goroutine and a thread of its own until Close, or until waiting fails. ended is called there at the end.
func (l *loop) Start(ended func()) {
	life, end := context.WithCancel(context.Background())
	l.life = life
	ready := make(chan struct{})
	go func() {
		l.err = l.run(ready)
		end()
		ended()
	}()
	<-ready
}

// Close ends the loop and frees what it alone uses. The sockets of the ports are their keeper's.
func (l *loop) Close() {
	l.poller.Stop()
	if l.life != nil {
		<-l.life.Done()
	}
	l.dropCarrier()
	_ = l.poller.Close() // descriptors that can't be closed are no reason not to end
	l.endTape()
	l.helpers.Wait()
	for _, p := range l.claims.ports {
		_ = p.Close()
	}
	_, _ = l.announcer.Close(), l.station.Close()
}

// Post hands something to the thread. It waits only while the inbox is full. What is posted after the end is dropped.
func (l *loop) Post(in input) { _ = l.inbox.PutWait(l.life, in) }

// Do has f called on the thread and waits for it. It reports false if the thread has ended.
func (l *loop) Do(f func(l *loop)) bool {
	done := make(chan struct{})
	l.Post(input{do: func(l *loop) { f(l); close(done) }})
	select {
	case <-done:
		return true
	case <-l.life.Done():
		return false
	}
}

func (l *loop) run(ready chan<- struct{}) error {
	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
	l.thread.Store(int64(unix.Gettid()))
	l.lateTo = watchLateness(func(text string) { l.teller.Say(vrrp.Warning, text) })
	defer close(l.lateTo)
	close(ready)
	for {
		before := poll.Mono()
		found, err := l.poller.Wait()
		if errors.Is(err, poll.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if now := poll.Mono(); now.Sub(before) >= poll.RestTime {
			l.rested = now
		}
		l.round(found)
	}
}

// round is one round of the thread: adverts that are due, packets, the inbox, then decisions.
func (l *loop) round(found poll.Ready) {
	start := poll.Now()
	l.moves.woken, l.moves.late = start.Mono, l.measure(start.Mono)
	l.advertsDue(start)
	drained := l.receive(found.Tokens, start.Mono)
	l.rest()
	for _, in := range l.inbox.Take() {
		l.take(in)
		if l.rest() {
			l.advertsDue(poll.Now()) // thousands of things may wait here, adverts may not
		}
	}
	now := poll.Now()
	if drained || l.skipped >= skipRounds {
		l.skipped = 0
		l.driver.Handle(now, &l.wakeup)
	} else {
		l.skipped++
	}
	l.flushCarrier()
	l.mindClaims()
	l.driver.Publish()
	l.mindTape(now.Mono)
	l.page.AddBeat()
	if l.stop && l.driver.Engine.Settled() {
		l.stopOnce.Do(func() { close(l.stopped) })
	}
	l.arm(now.Mono)
	l.rest()
}

// advertsDue sends the adverts whose time has come.
func (l *loop) advertsDue(now clock.Now) {
	l.moves.regular = true
	l.driver.Handle(now, &l.due)
	l.moves.regular = false
	l.flushCarrier()
}

// rest sleeps a moment if the thread has not slept for its budget: under RLIMIT_RTTIME the kernel kills what never does. It reports
// whether it has.
func (l *loop) rest() bool {
	now := poll.Mono()
	if now.Sub(l.rested) <= roundBudget {
		return false
	}
	l.poller.Rest()
	l.rested = poll.Mono()
	return true
}

func (l *loop) arm(now clock.Instant) {
	at, ok := l.driver.Engine.Deadline()
	if idle := now.Add(beat); !ok || at > idle {
		at = idle
	}
	l.late.deadline = at
	if err := l.poller.SetDeadline(at); err != nil {
		l.teller.Say(vrrp.Error, "election timer: "+err.Error())
	}
}

// measure notes how late the round is, if its deadline has come.
func (l *loop) measure(now clock.Instant) time.Duration {
	if l.late.deadline == 0 || now < l.late.deadline {
		return 0
	}
	d := now.Sub(l.late.deadline)
	l.late.add(d)
	l.page.Timing(status.Lateness).Add(d)
	if l.overdue > 0 && d >= l.overdue {
		l.page.AddOverdue()
	}
	l.page.SetLateness(l.late.max, l.late.quantile(0.99))
	if tooLate(d, l.interval) {
		select {
		case l.lateTo <- lateRound{l.late.deadline, d, l.interval}:
		default: // one is being told of
		}
	}
	return d
}

// take deals with one thing of the inbox.
func (l *loop) take(in input) {
	switch {
	case in.port != nil:
		l.setPort(in.port)
	case in.do != nil:
		in.do(l)
	case in.event != nil:
		switch ev := in.event.(type) {
		case *vrrp.Stop:
			l.stop = true
		case *vrrp.Tracked:
			l.sources.show(&ev.State, time.Now().UnixNano())
		}
		l.driver.Handle(poll.Now(), in.event)
	}
}

// apply puts a prepared configuration into force. The engine comes first: routers that it removes say goodbye through sockets that are closed
// then. parted is called, on the thread, when nothing more will come of any router that is no longer configured. It reports false if the
// thread has ended.
func (l *loop) apply(c *vrrp.Config, gen uint64, before, parted func(l *loop), resume []vrrp.Resume) bool {
	var leaving []vrrp.Port
	done := l.Do(func(l *loop) {
		before(l)
		leaving = l.configure(c, gen, resume)
		l.parted = func() { parted(l) }
	})
	if !done {
		return false
	}
	// Whoever hands over may be ready before the keeper is: what is kept is told when it is kept, and not earlier.
	if held := l.ports.Commit(leaving); held != nil {
		l.Post(input{do: func(l *loop) { l.lingering = held }})
	}
	return true
}

// configure gives a configuration to the engine. It returns the ports that it does not need and that routers which it removed still do.
func (l *loop) configure(c *vrrp.Config, gen uint64, resume []vrrp.Resume) (leaving []vrrp.Port) {
	defer sched.Relax()() // with thousands of instances it may take longer than vrrp_rlimit_rttime
	l.interval = shortest(c)
	l.sources.keep(c)
	l.carrier.peers.keep(l.page, c)
	l.driver.SetGeneration(gen)
	l.driver.Handle(poll.Now(), &vrrp.Configure{Config: c, Resume: resume})
	return l.driver.Engine.LeavingPorts()
}
