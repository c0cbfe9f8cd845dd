package node

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/vrrp"
)

// ending is what is told at the end of a tape.
type ending struct {
	written int64
	err     error
}

func testTape(file *os.File) (*tape, chan ending) {
	end := make(chan ending, 1)
	return newTape(file, func(written int64, err error) { end <- ending{written, err} }), end
}

// TestTapeWritesEverything in order, line for line.
func TestTapeWritesEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tape")
	f, err := os.Create(path)
	nstest.OK(t, err)
	tp, end := testTape(f)
	var want bytes.Buffer
	for i := range 3 * tapeChunk / 1000 {
		line := append(bytes.Repeat([]byte{'a' + byte(i%26)}, 999), '\n')
		want.Write(line)
		if !tp.write(line) {
			t.Fatal("not taken")
		}
	}
	tp.flush()
	close(tp.chunks)
	e := <-end
	got, err := os.ReadFile(path)
	nstest.OK(t, err)
	if e.err != nil || e.written != int64(want.Len()) || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%+v, %d octets of %d", e, len(got), want.Len())
	}
}

// TestTapeOnAFullDisk: the recording ends, and why is told.
func TestTapeOnAFullDisk(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	nstest.OK(t, err)
	tp, end := testTape(f)
	line := make([]byte, 1000)
	nstest.Eventually(t, "it is told to stop", func() bool {
		for range 100 {
			if !tp.write(line) {
				return true
			}
		}
		return false
	})
	close(tp.chunks)
	if e := <-end; e.err == nil || !strings.Contains(e.err.Error(), "no space left") {
		t.Errorf("%+v", e)
	}
}

// TestTapeDoesNotWait: where nobody takes what is written, a bounded amount is kept and no call ever waits.
func TestTapeDoesNotWait(t *testing.T) {
	var fds [2]int
	nstest.OK(t, unix.Pipe2(fds[:], unix.O_CLOEXEC)) // it holds little, and nobody reads
	reader := os.NewFile(uintptr(fds[0]), "reader")
	tp, end := testTape(os.NewFile(uintptr(fds[1]), "writer"))
	line := make([]byte, 1000)
	taken := 0
	for tp.write(line) {
		if taken += len(line); taken > 2*tapeChunk*(tapeChunks+8) {
			t.Fatal("there is no bound")
		}
	}
	if taken < tapeChunk*tapeChunks {
		t.Errorf("only %d octets were taken", taken)
	}
	close(tp.chunks)
	go func() { _, _ = io.Copy(io.Discard, reader); reader.Close() }()
	if e := <-end; e.err != nil || e.written < int64(tapeChunk*tapeChunks) {
		t.Errorf("%+v", e)
	}
}

// TestRoleRecords: what a role in a real namespace was told and decided, from its beginning and from the middle of its life, is decided again.
func TestRoleRecords(t *testing.T) {
	l := newLab(t)
	dir := t.TempDir()
	p := l.start("vrrp")
	file := func(name string) string { return filepath.Join(dir, name) }
	begin := func(name string) {
		f, err := os.Create(file(name))
		nstest.OK(t, err)
		defer f.Close()
		nstest.OK(t, p.ctl.Send(role.Msg{Record: &role.Record{Name: name, Limit: 1 << 20}}, f))
	}
	end := func() {
		p.hear(func(m *role.Msg) bool { return m.Recorded != nil && m.Recorded.Bytes > 0 })
	}
	begin("first")
	p.reload(role.Prepare{Gen: 1}, ownerConf, l.pageFile)
	nstest.Eventually(t, "it is MASTER", l.master)
	begin("second") // ends the one before
	end()
	p.reload(role.Prepare{Gen: 2, Reload: true}, strings.Replace(ownerConf, "advert_int 8", "advert_int 10", 1))
	nstest.OK(t, p.ctl.Send(role.Msg{Record: &role.Record{}}))
	end()
	begin("third")
	p.stop(role.Stop{Within: 30 * time.Second})
	for name, want := range map[string]struct{ moves, configurations int }{"first": {1, 1}, "second": {0, 1}, "third": {1, 0}} {
		f, err := os.Open(file(name))
		nstest.OK(t, err)
		got := &counter{}
		n, err := Replay(f, got, got.see)
		f.Close()
		if err != nil || n == 0 || got.moves < want.moves || got.configurations != want.configurations {
			t.Errorf("%s: %d events, %d moves, %d configurations, %v\n%s", name, n, got.moves, got.configurations, err, strings.Join(p.log, "\n"))
		}
	}
}

// counter counts what is in a recording.
type counter struct {
	nobody
	moves, configurations int
}

func (c *counter) Moved(*vrrp.Transition) { c.moves++ }

func (c *counter) see(_ clock.Now, ev vrrp.Event, _ *vrrp.Engine) {
	if _, ok := ev.(*vrrp.Configure); ok {
		c.configurations++
	}
}
