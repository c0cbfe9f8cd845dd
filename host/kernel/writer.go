package kernel

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// DefaultEventBuffer is the receive buffer for events where none is configured: room for some thousands of them.
const DefaultEventBuffer = 1 << 20

const (
	// breather is how long the thread sleeps, really, between two batches: under RLIMIT_RTTIME only blocking counts as rest.
	breather = 200 * time.Microsecond
	// spareFrom is from how many addresses on a link is not described anew whenever one of them changes, and spareEach, for
	// each of them, how long not: whoever reads the descriptions shall spend little of its time with it.
	spareFrom = 256
	spareEach = 20 * time.Microsecond
	spareMax  = time.Second
	// heavy is how many addresses are dealt with at once at the most without relaxing the thread: about 1 ms.
	heavy = 256
	// retryPause is how long it sleeps after the kernel could not be read.
	retryPause = 50 * time.Millisecond
)

// Config says how to open a Writer. The zero Config is fine but for Report.
type Config struct {
	EventBuffer   int  // receive buffer for events, in octets (vrrp_netlink_monitor_rcv_bufs); 0 for DefaultEventBuffer
	RequestBuffer int  // receive buffer for answers, in octets (vrrp_netlink_cmd_rcv_bufs); 0 for the system's
	Force         bool // exceed net.core.rmem_max where that is permitted
	// Report is called with everything that happens, on the Writer's thread. It must not wait, and must not call the Writer's
	// Close.
	Report func(host.Report)
	// Relax is called on the Writer's thread before it computes for longer than a real-time thread may, and what it returns
	// afterwards; nil if that does not matter.
	Relax func() (restore func())
	// Run is called on the Writer's thread to have a change of a firewall in chains of iptables carried out, which is done by running programs. It
	// must not wait, and must not call the Writer's methods: the answer comes by WallDone, with the same number. There is one at a time.
	// Nil if nobody can.
	Run func(id uint64, op *host.WallOp)
}

// Writer makes the kernel hold what is wanted. Its work is done by one goroutine on a thread of its own, because it waits
// for the kernel's configuration lock, which others may hold for long. Its methods never wait for that.
type Writer struct {
	report func(host.Report)
	m      *machine
	rec    *host.Reconciler
	wakeFd int
	home   *os.File // the network namespace

	mu              sync.Mutex
	mail            map[host.Owner]wish
	order           []host.Owner
	started, closed bool

	stop  atomic.Bool
	done  chan struct{}
	held  atomic.Pointer[[]host.Key]
	stats atomic.Pointer[host.Stats]
	marks atomic.Bool
	stale bool // held is not what it was

	spareUntil time.Time // links of which only addresses changed are not reported before

	relax   func() (restore func())
	restore func()       // nil while the thread is as it was made
	thread  atomic.Int64 // its number in the kernel, 0 before it runs
}

// wish is what an owner wants, or that it is to be forgotten.
type wish struct {
	gen    uint64
	want   host.State
	forget bool
}

// Open opens the sockets of a Writer in the network namespace of the calling thread. Nothing is read before Start.
func Open(cfg Config) (*Writer, error) {
	if cfg.EventBuffer == 0 {
		cfg.EventBuffer, cfg.Force = DefaultEventBuffer, true
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	home, err := os.Open(thisNamespace)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	if cfg.Relax == nil {
		cfg.Relax = func() func() { return func() {} }
	}
	m, err := newMachine(cfg)
	if err != nil {
		_, _ = unix.Close(fd), home.Close()
		return nil, err
	}
	return &Writer{
		report: cfg.Report, relax: cfg.Relax, m: m, home: home, rec: host.New(host.ProtoMark), wakeFd: fd,
		mail: map[host.Owner]wish{},
		done: make(chan struct{}),
	}, nil
}

// Start begins the work, once. The first report has all links, and Synced set.
func (w *Writer) Start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.started && !w.closed {
		w.started = true
		go w.run()
	}
}

// Want replaces what an owner wants; see host.Reconciler. It does not wait. Of several calls for one owner that come before
// the Writer gets to it only the last counts. The State must not be changed afterwards.
func (w *Writer) Want(o host.Owner, gen uint64, s host.State) { w.post(o, wish{gen: gen, want: s}) }

// Forget ends an owner; see host.Reconciler. It does not wait.
func (w *Writer) Forget(o host.Owner) { w.post(o, wish{forget: true}) }

func (w *Writer) post(o host.Owner, x wish) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	if _, ok := w.mail[o]; !ok {
		w.order = append(w.order, o)
	}
	w.mail[o] = x
	w.wake()
}

// wake ends a wait. Should the counter of the eventfd be full, the thread is awake anyway.
func (w *Writer) wake() { _, _ = unix.Write(w.wakeFd, native.AppendUint64(nil, 1)) }

// Held returns the addresses that stand and that we added or adopted, as they were when the Writer was last at rest.
func (w *Writer) Held() []host.Key {
	if p := w.held.Load(); p != nil {
		return *p
	}
	return nil
}

// Stats returns the counters as they were when the Writer was last at rest.
func (w *Writer) Stats() host.Stats {
	if p := w.stats.Load(); p != nil {
		return *p
	}
	return host.Stats{}
}

// Thread is the number of the thread that does the work in the kernel, 0 before Start.
func (w *Writer) Thread() int { return int(w.thread.Load()) }

// Marks reports whether the kernel was seen to tell of IFA_PROTO, so that our mark can be seen on what we add.
func (w *Writer) Marks() bool { return w.marks.Load() }

// Close ends the work, after the batch that may be on its way, and closes the sockets. What was added stays.
func (w *Writer) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		<-w.done
		return nil
	}
	w.closed = true
	if !w.started {
		close(w.done)
	}
	w.stop.Store(true)
	w.wake()
	w.mu.Unlock()
	<-w.done
	return errors.Join(w.m.close(), w.home.Close(), os.NewSyscallError("close", unix.Close(w.wakeFd)))
}

func (w *Writer) run() {
	runtime.LockOSThread()
	defer close(w.done)
	w.thread.Store(int64(unix.Gettid()))
	lastErr := ""
	w.m.heavy = w.calm
	if moved, err := w.enter(); err != nil {
		lastErr = err.Error()
		w.tell(host.Report{Troubles: []string{lastErr}}, true)
	} else if !moved {
		defer runtime.UnlockOSThread() // otherwise the thread ends with the goroutine
	}
	for !w.stop.Load() {
		w.readMail()
		more, err := w.rec.Round(w.m)
		w.rec.Spare(time.Now().Before(w.spareUntil))
		rep := w.rec.Reports()
		w.spare(rep.Changed)
		if err != nil && err.Error() != lastErr { // told once
			rep.Troubles = append(rep.Troubles, err.Error())
		}
		lastErr = ""
		w.tell(rep, more)
		w.hurry()
		switch {
		case err != nil:
			lastErr = err.Error()
			w.wait(retryPause)
		case more:
			w.wait(0)
			sleep(breather)
		case w.m.watch.overrun:
			w.wait(w.m.pause)
		default:
			w.rest()
		}
	}
}

// rest waits until there is something to do.
func (w *Writer) rest() {
	limit := time.Duration(-1)
	if w.rec.Spared() {
		limit = max(time.Until(w.spareUntil), 0) + time.Millisecond
	}
	if wait, ok := w.m.wallWatch.due(); ok && (limit < 0 || wait < limit) {
		limit = wait + time.Millisecond
	}
	w.poll(limit, true)
}

// calm relaxes the thread until hurry.
func (w *Writer) calm() {
	if w.restore == nil {
		w.restore = w.relax()
	}
}

func (w *Writer) hurry() {
	if w.restore != nil {
		w.restore()
		w.restore = nil
	}
}

// thisNamespace is the network namespace of the calling thread.
const thisNamespace = "/proc/thread-self/ns/net"

// enter brings the thread into the network namespace of the sockets, where it is in another: what is set in /proc/sys is set in that of
// the thread.
func (w *Writer) enter() (moved bool, err error) {
	var home, here unix.Stat_t
	if err := errors.Join(unix.Fstat(int(w.home.Fd()), &home), unix.Stat(thisNamespace, &here)); err != nil {
		return false, fmt.Errorf("network namespace: %w", err)
	}
	if home.Ino == here.Ino && home.Dev == here.Dev {
		return false, nil
	}
	if err := unix.Setns(int(w.home.Fd()), unix.CLONE_NEWNET); err != nil {
		return false, fmt.Errorf("entering the network namespace: %w", err)
	}
	return true, nil
}

// spare notes how long what has just been described is not to be described again for the sake of an address.
func (w *Writer) spare(links []host.Link) {
	for i := range links {
		if n := len(links[i].Addrs); n > spareFrom {
			w.spareUntil = time.Now().Add(min(time.Duration(n)*spareEach, spareMax))
		}
	}
}

// readMail takes in what came since the last time.
func (w *Writer) readMail() {
	w.mu.Lock()
	mail, order := w.mail, w.order
	if len(order) > 0 {
		w.mail, w.order = make(map[host.Owner]wish, len(mail)), nil
	}
	w.mu.Unlock()
	n := 0
	for _, o := range order {
		if n += 1 + len(mail[o].want.Addresses); n > heavy {
			w.calm()
		}
		if x := mail[o]; x.forget {
			w.rec.Forget(o)
		} else {
			w.rec.Want(o, x.gen, x.want)
		}
	}
}

func (w *Writer) tell(rep host.Report, more bool) {
	w.stale = w.stale || rep.Held
	rep.Held = w.stale && !more
	if !more {
		stats := w.rec.Stats()
		w.stats.Store(&stats)
		w.marks.Store(w.m.requests.marks || w.m.watch.marks)
	}
	if rep.Held {
		w.calm() // all are listed
		held := w.rec.Held()
		w.held.Store(&held)
		w.stale = false
	}
	if !rep.Empty() && w.report != nil {
		w.report(rep)
	}
}

// wait waits for mail or events, for ever if limit is negative. With a positive one it waits for mail only: something went
// wrong, and events would end the wait at once, again and again.
func (w *Writer) wait(limit time.Duration) { w.poll(limit, limit <= 0) }

// poll waits for mail, and for events too where they are of interest.
func (w *Writer) poll(limit time.Duration, events bool) {
	ms := -1
	if limit >= 0 {
		ms = int(limit / time.Millisecond)
	}
	fds := []unix.PollFd{{Fd: int32(w.wakeFd), Events: unix.POLLIN}, {Fd: int32(w.m.watch.fd), Events: unix.POLLIN}}
	switch {
	case !events:
		fds = fds[:1]
	case w.m.wallWatch != nil:
		fds = append(fds, unix.PollFd{Fd: int32(w.m.wallWatch.fd), Events: unix.POLLIN})
	}
	_, _ = unix.Poll(fds, ms)
	var counter [8]byte
	_, _ = unix.Read(w.wakeFd, counter[:])
}

// sleep blocks the thread; a timer of the runtime's would block only the goroutine.
func sleep(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil)
}

// String is for logs.
func (w *Writer) String() string {
	s := w.Stats()
	return fmt.Sprintf("%d added, %d deleted, %d refused, %d events, %d overruns", s.Added, s.Deleted, s.Refused, s.Events, s.Overruns)
}
