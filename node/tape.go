package node

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/supervisor/sched"
	"holdfast.dev/vrrp"
)

// tape writes a recording to its file, in a goroutine of its own. The election thread hands over what it has and never waits: where the disk
// does not keep up, or is full, the recording ends before its time.
type tape struct {
	file  *os.File
	chunk []byte // the thread's, until it is handed over
	since clock.Instant
	slow  bool

	chunks chan []byte
	spare  chan []byte
	failed atomic.Bool
	done   chan struct{}
}

const (
	tapeChunk  = 64 << 10               // octets handed over at a time
	tapeChunks = 128                    // that may wait
	tapeEvery  = 250 * time.Millisecond // at least so often something is handed over, so that a crash is recorded too
	tapeEnd    = 2 * time.Second        // how long a process that ends waits for the disk
)

// newTape begins to write. ended is told once, when the file is complete; file is closed then.
func newTape(file *os.File, ended func(written int64, err error)) *tape {
	t := &tape{
		file: file, chunks: make(chan []byte, tapeChunks), spare: make(chan []byte, tapeChunks), done: make(chan struct{}),
	}
	go func() {
		defer close(t.done)
		ended(t.run())
	}()
	return t
}

func (t *tape) run() (written int64, err error) {
	for c := range t.chunks {
		if err == nil {
			var n int
			n, err = t.file.Write(c)
			written += int64(n)
			t.failed.Store(err != nil)
		}
		select {
		case t.spare <- c[:0]:
		default:
		}
	}
	if e := t.file.Close(); err == nil {
		err = e
	}
	return written, err
}

// write takes a line. It reports false when nothing more can be taken.
func (t *tape) write(line []byte) bool {
	if t.chunk = append(t.chunk, line...); len(t.chunk) >= tapeChunk {
		t.flush()
	}
	return !t.slow && !t.failed.Load()
}

// flush hands over what there is.
func (t *tape) flush() {
	if len(t.chunk) == 0 || t.slow {
		return
	}
	select {
	case t.chunks <- t.chunk:
	default:
		t.slow = true
		return
	}
	select {
	case t.chunk = <-t.spare:
	default:
		t.chunk = make([]byte, 0, tapeChunk+tapeChunk/8)
	}
}

// record begins a recording into the file, which it takes over, and ends the one before. It is called on the thread, or before that runs.
func (l *loop) record(file *os.File, limit int) {
	defer sched.Relax()() // the state of thousands of instances takes longer than vrrp_rlimit_rttime
	l.endTape()
	t := newTape(file, func(written int64, err error) { l.recorded(file.Name(), written, err) })
	l.tape = t
	if err := l.driver.Record(limit, t.write); err != nil {
		l.teller.Say(vrrp.Error, "recording: "+err.Error())
		l.endTape()
		return
	}
	l.teller.Say(vrrp.Info, fmt.Sprintf("recording the elections to %s", file.Name()))
}

// recorded tells of the end of a recording.
func (l *loop) recorded(name string, written int64, err error) {
	if err != nil {
		l.teller.Say(vrrp.Error, fmt.Sprintf("recording to %s: %v", name, err))
	} else {
		l.teller.Say(vrrp.Info, fmt.Sprintf("recording to %s has ended, %d octets", name, written))
	}
	_ = l.teller.ctl.Send(role.Msg{Recorded: &role.Recorded{Bytes: written}})
}

// mindTape ends a round: what was recorded is handed over every now and then, and a recording that is over is closed.
func (l *loop) mindTape(now clock.Instant) {
	t := l.tape
	switch {
	case t == nil:
	case !l.driver.Recording():
		why := "it has its full length"
		if t.slow {
			why = "the disk does not keep up"
		}
		if !t.failed.Load() {
			l.teller.Say(vrrp.Warning, "the recording ends here: "+why)
		}
		l.endTape()
	case now.Sub(t.since) >= tapeEvery:
		t.since = now
		t.flush()
	}
}

// endTape ends a recording, if there is one.
func (l *loop) endTape() {
	t := l.tape
	if t == nil {
		return
	}
	l.driver.End()
	t.flush()
	close(t.chunks)
	l.tape = nil
	l.helpers.Go(func() {
		select {
		case <-t.done:
		case <-time.After(tapeEnd): // a disk that hangs is no reason not to end
		}
	})
}

// taping is a recording that was asked for before there is a loop.
type taping struct {
	file *os.File
	want *role.Record
}

// record begins a recording, or ends one if no file came with the message.
func (r *vrrpRole) record(m *role.Record, files []*os.File) {
	if len(files) == 0 {
		if r.loop != nil {
			r.loop.Do((*loop).endTape)
		}
		return
	}
	fd, err := unix.FcntlInt(files[0].Fd(), unix.F_DUPFD_CLOEXEC, 3) // what came with the message is closed with it
	if err != nil {
		r.teller.Say(vrrp.Error, "recording: "+err.Error())
		_ = r.ctl.Send(role.Msg{Recorded: &role.Recorded{}})
		return
	}
	t := &taping{os.NewFile(uintptr(fd), m.Name), m}
	if r.loop == nil {
		r.dropTaping()
		r.taping = t
		return
	}
	if !r.loop.Do(func(l *loop) { l.record(t.file, m.Limit) }) {
		_ = t.file.Close()
	}
}

// dropTaping forgets a recording that has not begun.
func (r *vrrpRole) dropTaping() {
	if r.taping != nil {
		_ = r.taping.file.Close()
		r.taping = nil
	}
}
