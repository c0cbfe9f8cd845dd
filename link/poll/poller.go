package poll

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
)

// ErrClosed is returned by Wait after Close.
var ErrClosed = errors.New("the poller is closed")

// Token names a descriptor that is waited for. The two highest values are taken.
type Token uint64

const (
	timerToken Token = math.MaxUint64 - iota
	wakeToken
)

// maxReady is how many descriptors one Wait reports. Those that did not fit come first next time.
const maxReady = 64

// Poller waits for descriptors, a deadline and Wake. Wait, SetDeadline and Rest belong to one goroutine; Wake, Add, Remove
// and Close may be called from any.
type Poller struct {
	ep, timer, event int

	armed   clock.Instant // deadline that the timerfd has and has not reported
	events  [maxReady]unix.EpollEvent
	ready   [maxReady]Token
	waiting sync.Mutex // held by Wait, so that Close can wait for its end

	pending atomic.Bool  // a wake-up is on its way
	life    sync.RWMutex // held for reading while the descriptors are used by other goroutines
	closed  atomic.Bool
}

// Ready is what Wait found. Tokens is good until the next Wait.
type Ready struct {
	Tokens []Token // descriptors with something to read, or with an error or end to find by reading
	Timer  bool    // the deadline has come; it must be set anew
	Woken  bool    // Wake was called since Wait last returned with Woken
}

// New makes a Poller.
func New() (*Poller, error) {
	p := &Poller{ep: -1, timer: -1, event: -1}
	if err := p.open(); err != nil {
		p.release()
		return nil, fmt.Errorf("poller: %w", err)
	}
	return p, nil
}

func (p *Poller) open() (err error) {
	if p.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return fmt.Errorf("timerfd: %w", err)
	}
	if p.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	if err := p.control(unix.EPOLL_CTL_ADD, p.timer, unix.EPOLLIN|unix.EPOLLET, timerToken); err != nil {
		return err
	}
	return p.control(unix.EPOLL_CTL_ADD, p.event, unix.EPOLLIN|unix.EPOLLET, wakeToken)
}

func (p *Poller) control(op, fd int, events uint32, token Token) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(token), Pad: int32(token >> 32)}
	if err := unix.EpollCtl(p.ep, op, fd, &ev); err != nil {
		return fmt.Errorf("epoll: descriptor %d: %w", fd, err)
	}
	return nil
}

// Add waits for fd to have something to read, and reports token then, until it has been read. A descriptor that is there
// already is an error (EEXIST), as is one that cannot be waited for (EPERM, EBADF).
func (p *Poller) Add(fd int, token Token) error {
	if token >= wakeToken {
		return fmt.Errorf("poller: token %d is taken", token)
	}
	p.life.RLock()
	defer p.life.RUnlock()
	if p.closed.Load() {
		return ErrClosed
	}
	return p.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN, token)
}

// Remove stops waiting for fd, which must not be closed yet. A Wait that is returning just now may still report its
// token. A descriptor that is not there is an error (ENOENT).
func (p *Poller) Remove(fd int) error {
	p.life.RLock()
	defer p.life.RUnlock()
	if p.closed.Load() {
		return ErrClosed
	}
	return p.control(unix.EPOLL_CTL_DEL, fd, 0, 0)
}

// SetDeadline makes Wait return with Timer at the time at of CLOCK_MONOTONIC, at once if that has passed. It replaces the
// deadline before; the zero Instant is none. Setting the same deadline again costs nothing until Wait has reported it.
func (p *Poller) SetDeadline(at clock.Instant) error {
	if at == p.armed {
		return nil
	}
	var spec unix.ItimerSpec
	if !at.IsZero() {
		spec.Value = unix.NsecToTimespec(max(int64(at), 1))
	}
	if err := unix.TimerfdSettime(p.timer, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		return fmt.Errorf("poller: set the timer: %w", err)
	}
	p.armed = at
	return nil
}

// Wake makes the current or the next Wait return with Woken. It never blocks, and costs a system call only if no earlier Wake
// waits to be seen.
func (p *Poller) Wake() {
	if p.pending.Swap(true) {
		return
	}
	p.life.RLock()
	defer p.life.RUnlock()
	if p.closed.Load() {
		return
	}
	p.signal()
}

// signal makes the eventfd readable anew. Its counter never gets near its end, so that the write cannot fail.
func (p *Poller) signal() {
	one := uint64(1)
	unix.RawSyscall(unix.SYS_WRITE, uintptr(p.event), uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one))
}

// Wait blocks until there is something to report. It returns ErrClosed once the poller is closed; any other error
// is the kernel's and lasting, so that calling again in a loop would only burn the processor.
func (p *Poller) Wait() (Ready, error) {
	p.waiting.Lock()
	defer p.waiting.Unlock()
	for {
		if p.closed.Load() {
			return Ready{}, ErrClosed
		}
		n, err := unix.EpollWait(p.ep, p.events[:], -1)
		if errors.Is(err, unix.EINTR) {
			continue // the runtime's signals
		}
		if err != nil {
			return Ready{}, fmt.Errorf("poller: wait: %w", err)
		}
		if r := p.sort(p.events[:n]); !p.closed.Load() {
			return r, nil
		}
	}
}

// sort tells our own descriptors from the caller's.
func (p *Poller) sort(events []unix.EpollEvent) (r Ready) {
	k := 0
	for i := range events {
		switch token := Token(uint32(events[i].Fd)) | Token(uint32(events[i].Pad))<<32; token {
		case timerToken:
			r.Timer = true
			p.armed = 0 // it does not fire again by itself, so the same deadline must be armed anew
		case wakeToken:
			r.Woken = true
			p.pending.Store(false) // before the caller looks at what it was woken for
		default:
			p.ready[k] = token
			k++
		}
	}
	r.Tokens = p.ready[:k]
	return r
}

// RestTime is how long Rest sleeps: the shortest time after which the kernel has surely taken the thread off its processor.
const RestTime = 50 * time.Microsecond

// Rest sleeps once, for RestTime or little more. A real-time thread that always has something to do calls it between its
// rounds: RLIMIT_RTTIME counts the time since the last call that really slept, and Wait does not if something is ready.
func (p *Poller) Rest() {
	ts := unix.NsecToTimespec(int64(RestTime))
	_ = unix.Nanosleep(&ts, nil) // woken early by a signal, it has slept all the same
}

// Stop makes the current and every later Wait return ErrClosed. The caller of Wait may go on using the poller until Close, which is to
// come when it does not any more.
func (p *Poller) Stop() {
	if !p.closed.Swap(true) {
		p.signal() // the descriptors are ours until release
	}
}

// Close makes Wait return ErrClosed, waits until it has, and frees the descriptors. Descriptors that were added stay
// open. Wake may be called afterwards and does nothing, and so does closing again. Whoever uses the poller outside of Wait, on another
// goroutine, must have ended before: see Stop.
func (p *Poller) Close() error {
	p.Stop()
	p.waiting.Lock()
	defer p.waiting.Unlock()
	p.life.Lock()
	defer p.life.Unlock()
	return p.release()
}

func (p *Poller) release() error {
	var errs []error
	for _, fd := range []*int{&p.ep, &p.timer, &p.event} {
		if *fd >= 0 {
			errs = append(errs, unix.Close(*fd))
			*fd = -1
		}
	}
	return errors.Join(errs...)
}
