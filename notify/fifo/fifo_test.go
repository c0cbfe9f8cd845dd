package fifo

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"holdfast.dev/notify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is what a pipe told.
type log struct {
	mu      sync.Mutex
	wrote   map[uint64]int // by Seq: less those undone
	dropped []uint64
	broken  []error
}

func (l *log) options() Options {
	l.wrote = map[uint64]int{}
	return Options{
		Wrote: func(ev *notify.Event, undone bool) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.wrote[ev.Seq]++; undone {
				l.wrote[ev.Seq] -= 2
			}
		},
		Moved:   func() {},
		Dropped: func(n uint64) { l.mu.Lock(); l.dropped = append(l.dropped, n); l.mu.Unlock() },
		Broken:  func(err error) { l.mu.Lock(); l.broken = append(l.broken, err); l.mu.Unlock() },
	}
}

func event(seq int, name, state string) *notify.Event {
	return &notify.Event{Seq: uint64(seq), Object: notify.Instance, Name: name, State: state, Priority: 100}
}

// made is a named pipe, open as a Pipe wants it, and its reading end.
func made(t *testing.T) (pipe, reader *os.File) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(flags int) *os.File {
		f, err := os.OpenFile(path, flags|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	reader = open(os.O_RDONLY)
	t.Cleanup(func() { reader.Close() })
	return open(os.O_RDWR), reader
}

func TestLinesBeforeAndAfterOpen(t *testing.T) {
	var l log
	p := New(l.options())
	file, reader := made(t)
	p.Write(event(1, "A", notify.Backup))
	if p.First() != 1 || p.Opened() {
		t.Error("the line does not wait")
	}
	p.Open(file)
	p.Write(event(2, "A", notify.Master))
	group := event(3, "G", notify.Master)
	group.Object, group.Priority = notify.Group, 7
	p.Write(group)
	gone := event(4, "A", notify.Deleted)
	gone.Shown = notify.Fault
	p.Write(gone)
	none := event(5, "A", notify.Deleted)
	none.Shown = notify.Nothing
	p.Write(none)
	p.Drain(time.Now().Add(time.Minute), false)
	if p.First() != 0 {
		t.Error("lines wait")
	}
	if lost := p.Close(); lost != 0 {
		t.Errorf("%d lost", lost)
	}
	var got strings.Builder
	for s := bufio.NewScanner(reader); s.Scan(); {
		got.WriteString(s.Text() + "\n")
	}
	const want = "INSTANCE \"A\" BACKUP 100\nINSTANCE \"A\" MASTER 100\nGROUP \"G\" MASTER 0\nINSTANCE \"A\" FAULT 100\n"
	if got.String() != want {
		t.Errorf("got:\n%swant:\n%s", got.String(), want)
	}
	for seq := range uint64(4) {
		if l.wrote[seq+1] != 1 {
			t.Errorf("event %d was noted %d times", seq+1, l.wrote[seq+1])
		}
	}
}

// TestSlowReader: nobody waits for a reader, memory is bounded, the newest state of every object gets through, and what was dropped is told.
func TestSlowReader(t *testing.T) {
	var l log
	p := New(l.options())
	file, reader := made(t)
	p.Open(file)
	const lines = 12000
	p.Write(event(1, "once", notify.Master))
	for i := range lines {
		p.Write(event(i+2, fmt.Sprintf("VI_%d", i%10), notify.Backup))
	}
	p.mu.Lock()
	kept := p.lines.len()
	p.mu.Unlock()
	if kept > MaxLines {
		t.Errorf("%d lines are kept", kept)
	}
	seen, n := map[string]bool{}, 0
	s := bufio.NewScanner(reader)
	go func() {
		p.Drain(time.Now().Add(time.Minute), true)
		p.Close()
	}()
	for s.Scan() {
		seen[s.Text()] = true
		n++
	}
	if !seen[`INSTANCE "once" MASTER 100`] {
		t.Error("the only line of an object was dropped")
	}
	for i := range 10 {
		if !seen[fmt.Sprintf(`INSTANCE "VI_%d" BACKUP 100`, i)] {
			t.Errorf("VI_%d: nothing", i)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.dropped) != 2 || l.dropped[0] != 0 || int(l.dropped[1])+n != lines+1 {
		t.Errorf("%d lines came, told of dropped ones: %v", n, l.dropped)
	}
}

func TestNoReader(t *testing.T) {
	var l log
	p := New(l.options())
	file, reader := made(t)
	reader.Close()
	p.Open(file)
	for i := range 10000 {
		p.Write(event(i+1, "A", notify.Backup))
	}
	p.Drain(time.Now().Add(10*time.Millisecond), false)
	if p.Close() == 0 {
		t.Error("nothing was lost")
	}
	if p.Close() != 0 {
		t.Error("a second Close loses something")
	}
}

func TestFailedPipeKeepsNothing(t *testing.T) {
	var l log
	p := New(l.options())
	p.Write(event(1, "A", notify.Backup))
	p.Fail()
	p.Write(event(2, "A", notify.Backup))
	if p.First() != 0 {
		t.Error("a line waits for a pipe that can't be opened")
	}
	file, reader := made(t)
	p.Open(file)
	p.Write(event(3, "A", notify.Master))
	p.Drain(time.Now().Add(time.Minute), false)
	p.Renumber()
	p.Close()
	s := bufio.NewScanner(reader)
	if !s.Scan() || s.Text() != `INSTANCE "A" MASTER 100` {
		t.Errorf("%q", s.Text())
	}
	other, _ := made(t)
	p.Open(other) // closes it
}
