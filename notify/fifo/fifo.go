// Package fifo writes announcements to a named pipe, a line each, for a reader that may be slow, late or absent. Whoever announces never
// waits: what the pipe has no room for is kept, and of more than that the oldest lines are dropped and counted.
package fifo

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/notify"
)

// MaxLines is how many lines wait at most beside what the kernel keeps, which is 64 KiB of them.
const MaxLines = 4096

// Options of a Pipe. The functions are called from a goroutine of the pipe's own, which Close waits for.
type Options struct {
	// Wrote is told of an event just before its line is written, and with undone when the pipe turned out to be full.
	Wrote func(ev *notify.Event, undone bool)
	// Moved is called whenever lines were written or dropped.
	Moved func()
	// Dropped is told when the reader lags so far behind that lines are dropped, with 0 and by Write itself, and when it has caught up with
	// how many were.
	Dropped func(lines uint64)
	// Broken is told why nothing can be written any more; what waits is dropped.
	Broken func(error)
}

// Pipe is one named pipe. Its methods may be called from any goroutine.
type Pipe struct {
	opt Options

	mu      sync.Mutex
	lines   queue  // those that were not written yet
	busy    bool   // the first of them is being written
	dropped uint64 // since the last word about it
	file    *os.File
	broken  bool
	closed  bool
	wake    chan struct{}
	done    chan struct{}
}

// New makes a pipe that keeps lines until it is opened.
func New(opt Options) *Pipe {
	p := &Pipe{opt: opt, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go p.run()
	return p
}

// Open gives the pipe its file, which must be open for reading and writing and without blocking; the pipe closes it.
func (p *Pipe) Open(f *os.File) {
	p.mu.Lock()
	if p.file != nil || p.closed {
		p.mu.Unlock()
		f.Close()
		return
	}
	p.file, p.broken = f, false
	p.mu.Unlock()
	p.poke()
}

// Opened reports whether the pipe has a file that can be written to.
func (p *Pipe) Opened() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.file != nil && !p.broken
}

// Fail drops what waits and all that follows, until Again or Open.
func (p *Pipe) Fail() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail()
}

func (p *Pipe) fail() {
	p.broken = true
	p.lines = queue{}
	if p.file != nil {
		p.file.Close()
		p.file = nil
	}
}

// Again queues what follows, for a pipe that Fail was called for and that is to be opened once more.
func (p *Pipe) Again() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = false
}

// Write queues the line of an event and returns at once.
func (p *Pipe) Write(ev *notify.Event) {
	text := ev.Line()
	if text == "" {
		return
	}
	p.mu.Lock()
	began := false
	if !p.broken && !p.closed {
		if p.lines.len() >= MaxLines {
			began = p.dropped == 0
			p.lines.drop(p.busy)
			p.dropped++
		}
		p.lines.push(&line{ev: ev, seq: ev.Seq, text: text})
	}
	p.mu.Unlock()
	if began {
		p.opt.Dropped(0)
	}
	p.poke()
}

// First is the lowest Seq of an event whose line waits; 0 for none. They come in that order, but for those without one.
func (p *Pipe) First() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := p.lines.first(); l != nil; l = l.after() {
		if l.seq != 0 {
			return l.seq
		}
	}
	return 0
}

// Renumber takes the numbers of what waits away: the sender of the events is another process, which counts anew.
func (p *Pipe) Renumber() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := p.lines.first(); l != nil; l = l.after() {
		l.seq = 0
	}
}

func (p *Pipe) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *Pipe) run() {
	defer close(p.done)
	for range p.wake {
		for p.one() {
		}
		p.mu.Lock()
		closed := p.closed
		p.mu.Unlock()
		if closed {
			return
		}
	}
}

// one writes a line, waiting for room. It reports whether there may be another.
func (p *Pipe) one() bool {
	p.mu.Lock()
	if p.file == nil || p.lines.len() == 0 || p.closed {
		var missed uint64
		if p.file != nil {
			missed, p.dropped = p.dropped, 0
		}
		p.mu.Unlock()
		if missed > 0 {
			p.opt.Dropped(missed)
		}
		return false
	}
	l, f := p.lines.first(), p.file
	p.busy = true
	p.mu.Unlock()
	err := p.put(f, l)
	p.mu.Lock()
	p.busy = false
	broke := err != nil && !p.closed && p.file == f
	switch {
	case broke:
		p.fail()
	case p.lines.first() == l: // not failed meanwhile
		p.lines.remove(l)
	}
	p.mu.Unlock()
	if broke {
		p.opt.Broken(err)
	}
	p.opt.Moved()
	return err == nil
}

// put writes a line with one call, as keepalived does.
func (p *Pipe) put(f *os.File, l *line) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	text := []byte(l.text)
	var fault error
	err = raw.Write(func(fd uintptr) bool {
		for len(text) > 0 {
			p.opt.Wrote(l.ev, false)
			n, err := unix.Write(int(fd), text)
			switch {
			case errors.Is(err, unix.EINTR):
				continue
			case errors.Is(err, unix.EAGAIN):
				p.opt.Wrote(l.ev, true)
				return false
			case err != nil:
				fault = err
				return true
			}
			text = text[n:] // the whole of it, up to 4,096 octets
		}
		return true
	})
	if err == nil {
		err = fault
	}
	return err
}

// Drain waits until everything was written, and with read until it was read too, but not after the instant end.
func (p *Pipe) Drain(end time.Time, read bool) {
	for time.Now().Before(end) {
		p.mu.Lock()
		empty := p.file == nil || p.lines.len() == 0 && (!read || unread(p.file) == 0)
		p.mu.Unlock()
		if empty {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// unread is how many octets are in a pipe.
func unread(f *os.File) (n int32) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		_, _, _ = syscall.Syscall(unix.SYS_IOCTL, fd, unix.TIOCINQ, uintptr(unsafe.Pointer(&n)))
	})
	return n
}

// Close closes the pipe and waits for its goroutine. What was not written is lost; how many lines that are is the result.
func (p *Pipe) Close() (lost int) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return 0
	}
	p.closed = true
	lost = p.lines.len() + int(p.dropped)
	if p.file != nil {
		p.file.Close()
	}
	p.mu.Unlock()
	p.poke()
	<-p.done
	return lost
}
