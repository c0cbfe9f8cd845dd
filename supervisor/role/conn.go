package role

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of a connection.
const (
	MaxMessage = 64 << 10 // bytes of one message on the wire
	MaxFiles   = 4        // descriptors that may come with one message
)

// Errors that callers tell apart. A connection stays usable after ErrTooLong, ErrGarbage and ErrFull.
var (
	ErrTooLong = errors.New("message too long")
	ErrGarbage = errors.New("not a message of ours")
	ErrFull    = errors.New("send queue full")
	ErrClosed  = errors.New("connection closed")
)

// Conn carries messages and descriptors between two processes over a SEQPACKET socket. Send never waits: a goroutine
// empties a bounded queue. All methods may be called from any goroutine.
type Conn struct {
	file *os.File
	raw  syscall.RawConn

	mu     sync.Mutex
	queue  queue
	busy   bool  // the sender holds a message that has left the queue
	err    error // why the sender gave up, or ErrClosed
	shut   bool  // Close was called
	wake   chan struct{}
	idle   chan struct{} // closed and replaced whenever everything is sent
	done   chan struct{} // closed when the sender has ended
	closed sync.Once

	recvMu   sync.Mutex
	buf      []byte
	oob      []byte
	injected []Msg // guarded by mu
}

// Pair makes two connected sockets, close-on-exec, to be given to NewConn or to a process that is about to be started.
func Pair() (a, b *os.File, err error) {
	fd, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socket pair: %w", err)
	}
	return os.NewFile(uintptr(fd[0]), "role socket"), os.NewFile(uintptr(fd[1]), "role socket"), nil
}

// NewConn takes over f, a connected SEQPACKET socket, also when it fails.
func NewConn(f *os.File) (*Conn, error) {
	own, err := pollable(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	raw, err := own.SyscallConn()
	if err != nil {
		own.Close()
		return nil, err
	}
	c := &Conn{
		file: own, raw: raw,
		wake: make(chan struct{}, 1), idle: make(chan struct{}), done: make(chan struct{}),
		buf: make([]byte, MaxMessage+1), oob: make([]byte, unix.CmsgSpace(MaxFiles*4)),
	}
	c.queue.init()
	go c.send()
	return c, nil
}

// pollable checks that f is what we need and gives it to the runtime's poller, so that waiting costs no thread. A
// descriptor that was inherited is blocking, and os.NewFile looks at that flag only once: hence the duplicate.
func pollable(f *os.File) (*os.File, error) {
	kind, err := unix.GetsockoptInt(int(f.Fd()), unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return nil, fmt.Errorf("role socket: %w", err)
	}
	if kind != unix.SOCK_SEQPACKET {
		return nil, fmt.Errorf("role socket: type %d, want SEQPACKET", kind)
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("role socket: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("role socket: %w", err)
	}
	f.Close()
	return os.NewFile(uintptr(fd), "role socket"), nil
}

// Send queues m and returns at once. The message must not be changed afterwards. The files are duplicated: they stay the
// caller's. When the queue is full, log lines are counted and dropped, a track state or delivery report replaces the
// queued one of the same source, and of more than MaxEvents transitions the oldest that a later one of the same object
// has overtaken is left out; for all other messages ErrFull is returned. After the peer has gone the error is that of
// the socket.
func (c *Conn) Send(m Msg, files ...*os.File) error {
	e, err := newEntry(m, files)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if c.err != nil {
		err = c.err
	} else {
		err = c.queue.push(e)
	}
	c.mu.Unlock()
	if err != nil {
		closeFDs(e.fds)
		return err
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

// Flush waits until everything that was queued has been handed to the kernel, the context ends or the connection does.
func (c *Conn) Flush(ctx context.Context) error {
	for {
		c.mu.Lock()
		err, empty, idle := c.err, c.queue.len() == 0 && !c.busy, c.idle
		c.mu.Unlock()
		switch {
		case empty && err == nil:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-idle:
		case <-c.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Recv waits for the next message. The files are the caller's to close and are close-on-exec. At the end of the
// connection the error is io.EOF, after Close of our own side ErrClosed. ErrTooLong and ErrGarbage concern one message.
func (c *Conn) Recv() (Msg, []*os.File, error) {
	c.recvMu.Lock()
	defer c.recvMu.Unlock()
	for {
		m, files, err := c.recv()
		if err != nil || m.Ping == nil {
			return m, files, err
		}
		closeAll(files)
		_ = c.Send(Msg{Pong: m.Ping}) // that the peer has gone is found out by the next receive
	}
}

func (c *Conn) recv() (Msg, []*os.File, error) {
	if m, ok := c.takeInjected(); ok {
		return m, nil, nil
	}
	data, files, err := c.receive()
	if err != nil {
		if m, ok := c.takeInjected(); ok {
			return m, nil, nil
		}
		closeAll(files)
		if c.isClosed() {
			err = ErrClosed // the poller's own error has no name outside the standard library
		}
		return Msg{}, nil, err
	}
	if len(data) == 0 {
		closeAll(files)
		return Msg{}, nil, io.EOF
	}
	m, err := decode(data)
	if err != nil {
		closeAll(files)
		return Msg{}, nil, err
	}
	return m, files, nil
}

// Inject makes the next Recv return m, as if the peer had sent it: that is how a signal reaches those who wait for messages.
func (c *Conn) Inject(m Msg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.injected = append(c.injected, m)
	_ = c.file.SetReadDeadline(time.Unix(1, 0)) // a Recv that waits returns
}

func (c *Conn) takeInjected() (Msg, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.injected) == 0 {
		return Msg{}, false
	}
	m := c.injected[0]
	c.injected = c.injected[1:]
	if len(c.injected) == 0 {
		_ = c.file.SetReadDeadline(time.Time{})
	}
	return m, true
}

// Close ends the connection. What is still queued is dropped; see Flush. It waits for the sender to end.
func (c *Conn) Close() error {
	err := ErrClosed
	c.closed.Do(func() {
		c.mu.Lock()
		c.shut = true
		c.mu.Unlock()
		c.fail(ErrClosed)
		err = c.file.Close()
	})
	<-c.done
	if err == ErrClosed {
		return nil
	}
	return err
}

func (c *Conn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shut
}

// Dropped is how many log lines were lost because the queue was full and were not told to the peer yet.
func (c *Conn) Dropped() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queue.dropped
}

// send empties the queue until the connection ends.
func (c *Conn) send() {
	defer close(c.done)
	for {
		e, ok := c.next()
		if !ok {
			return
		}
		if e == nil {
			<-c.wake
			continue
		}
		err := c.write(e)
		closeFDs(e.fds)
		if err != nil {
			c.fail(err)
		}
	}
}

// next takes a message from the queue; nil when there is none, not ok when the connection has ended.
func (c *Conn) next() (*entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = false
	if c.err != nil {
		c.queue.clear()
		return nil, false
	}
	e := c.queue.pop()
	if e != nil {
		c.busy = true
		return e, true
	}
	close(c.idle)
	c.idle = make(chan struct{})
	return nil, true
}

// fail ends the sender; the first reason counts.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
