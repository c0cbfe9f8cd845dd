package role

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"holdfast.dev/notify"
	"holdfast.dev/track"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ends(t *testing.T) (*Conn, *Conn) {
	t.Helper()
	fa, fb, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewConn(fa)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewConn(fb)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// plain is one Conn and the bare socket of its peer, which reads nothing unless the test does.
func plain(t *testing.T) (*Conn, *os.File) {
	t.Helper()
	fa, fb, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewConn(fa)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); fb.Close() })
	return a, fb
}

func recv(t *testing.T, c *Conn) Msg {
	t.Helper()
	m, files, err := c.Recv()
	closeAll(files)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOrderAndContent(t *testing.T) {
	a, b := ends(t)
	for i := range 100 {
		if err := a.Send(Msg{Done: &Gen{Gen: uint64(i)}}); err != nil {
			t.Fatal(err)
		}
		if err := a.Send(Msg{Log: &Log{Text: fmt.Sprint(i), Attrs: map[string]string{"n": "1"}}}); err != nil {
			t.Fatal(err)
		}
		if m := recv(t, b); m.Done == nil || m.Done.Gen != uint64(i) {
			t.Fatalf("message %d: %+v", i, m)
		}
		if m := recv(t, b); m.Log == nil || m.Log.Text != fmt.Sprint(i) || m.Log.Attrs["n"] != "1" {
			t.Fatalf("message %d: %+v", i, m)
		}
	}
}

func TestFilesPassAndStayTheCallers(t *testing.T) {
	a, b := ends(t)
	f, err := MemFile("x")
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("hello")
	if err := a.Send(Msg{Prepare: &Prepare{Gen: 1}}, f, f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil { // before it was sent, perhaps
		t.Fatal(err)
	}
	m, files, err := b.Recv()
	if err != nil || m.Prepare == nil || len(files) != 2 {
		t.Fatalf("%+v, %d files, %v", m, len(files), err)
	}
	defer closeAll(files)
	for _, g := range files {
		buf := make([]byte, 5)
		if _, err := g.ReadAt(buf, 0); err != nil || string(buf) != "hello" {
			t.Fatalf("%q, %v", buf, err)
		}
		if fl, _ := unix.FcntlInt(g.Fd(), unix.F_GETFD, 0); fl&unix.FD_CLOEXEC == 0 {
			t.Fatal("received descriptor is not close-on-exec")
		}
	}
	if err := a.Send(Msg{Prepare: &Prepare{}}, files[0], files[0], files[0], files[0], files[0]); err == nil {
		t.Fatal("five descriptors were accepted")
	}
}

// A socket that goes through a Send must not change into blocking mode on the way.
func TestPassedSocketWorks(t *testing.T) {
	a, b := ends(t)
	pa, pb, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Send(Msg{Peer: &Peer{Role: Runner}}, pa); err != nil {
		t.Fatal(err)
	}
	pa.Close()
	_, files, err := b.Recv()
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	near, err := NewConn(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := NewConn(pb)
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	near.Send(Msg{Track: &track.State{Source: "s", Status: track.Up}})
	if m := recv(t, far); m.Track == nil || m.Track.Status != track.Up {
		t.Fatalf("%+v", m)
	}
}

// stuff fills the socket and the queue behind it with what never is dropped, until the sender is stuck.
func stuff(t *testing.T, a *Conn) {
	t.Helper()
	for {
		err := a.Send(Msg{Ready: &Ready{Err: strings.Repeat("x", 60<<10)}})
		a.mu.Lock()
		stuck := a.queue.count[control] > 16
		a.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		if stuck {
			return
		}
	}
}

func drain(t *testing.T, peer *os.File, each func(Msg)) {
	t.Helper()
	b, err := NewConn(peer)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for {
		m, files, err := b.Recv()
		closeAll(files)
		if err != nil {
			t.Fatal(err)
		}
		if m.Stopped != nil {
			return
		}
		each(m)
	}
}

func TestFullQueueCountsLogLines(t *testing.T) {
	a, peer := plain(t)
	stuff(t, a)
	const n = MaxLogs + 500
	for i := range n {
		if err := a.Send(Msg{Log: &Log{Text: fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if a.Dropped() != 500 {
		t.Fatalf("%d dropped, want 500", a.Dropped())
	}
	a.Send(Msg{Stopped: &Stopped{}})
	var lines, dropped uint64
	drain(t, peer, func(m Msg) {
		if m.Log != nil {
			lines++
			dropped += m.Log.Dropped
		}
	})
	if lines != MaxLogs || dropped != 500 {
		t.Fatalf("%d lines and %d dropped, want %d and 500", lines, dropped, MaxLogs)
	}
}

func TestFullQueueKeepsLastTransitionOfEveryObject(t *testing.T) {
	a, peer := plain(t)
	stuff(t, a)
	const objects, rounds = 100, MaxEvents/100 + 50
	a.Send(Msg{Event: &notify.Event{Object: notify.Instance, Name: "lonely", Seq: 1}})
	seq := uint64(1)
	for range rounds {
		for o := range objects {
			seq++
			if err := a.Send(Msg{Event: &notify.Event{Object: notify.Instance, Name: fmt.Sprint(o), Seq: seq}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.Send(Msg{Stopped: &Stopped{}})
	last := make(map[string]uint64)
	total := 0
	drain(t, peer, func(m Msg) {
		if m.Event == nil {
			return
		}
		total++
		if m.Event.Seq <= last[m.Event.Name] {
			t.Fatalf("%s: %d after %d", m.Event.Name, m.Event.Seq, last[m.Event.Name])
		}
		last[m.Event.Name] = m.Event.Seq
	})
	if total != MaxEvents {
		t.Fatalf("%d events, want %d", total, MaxEvents)
	}
	if last["lonely"] != 1 {
		t.Fatal("the only transition of an object was dropped")
	}
	for o := range objects {
		if want := seq - objects + 1 + uint64(o); last[fmt.Sprint(o)] != want {
			t.Fatalf("object %d ends with %d, want %d", o, last[fmt.Sprint(o)], want)
		}
	}
}

func TestFullQueueKeepsNewestState(t *testing.T) {
	a, peer := plain(t)
	stuff(t, a)
	for i := range 1000 {
		a.Send(Msg{Track: &track.State{Source: "a", Reason: fmt.Sprint(i)}})
		a.Send(Msg{Track: &track.State{Source: "b", Reason: fmt.Sprint(-i)}})
		a.Send(Msg{Delivered: &Delivered{Object: notify.Group, Name: "a", Seq: uint64(i)}})
	}
	a.Send(Msg{Stopped: &Stopped{}})
	var got []string
	drain(t, peer, func(m Msg) {
		switch {
		case m.Track != nil:
			got = append(got, m.Track.Source+m.Track.Reason)
		case m.Delivered != nil:
			got = append(got, fmt.Sprint(m.Delivered.Seq))
		}
	})
	if s := strings.Join(got, " "); s != "a999 b-999 999" {
		t.Fatal(s)
	}
}

func TestFullQueueRefusesControl(t *testing.T) {
	a, _ := plain(t)
	stuff(t, a)
	var err error
	for range MaxControl + 1 {
		if err = a.Send(Msg{Done: &Gen{}}); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
}

func TestTooLong(t *testing.T) {
	a, b := ends(t)
	if err := a.Send(Msg{Ready: &Ready{Err: strings.Repeat("x", MaxMessage)}}); !errors.Is(err, ErrTooLong) {
		t.Fatal(err)
	}
	if err := a.Send(Msg{Event: &notify.Event{Name: strings.Repeat("x", 5000)}}); !errors.Is(err, ErrTooLong) {
		t.Fatal(err)
	}
	if err := a.Send(Msg{}); err == nil {
		t.Fatal("an empty message was accepted")
	}
	// The worst that a log line can be still fits.
	attrs := map[string]string{strings.Repeat("\x01", 2000): strings.Repeat("\x02", 2000)}
	if err := a.Send(Msg{Log: &Log{Text: strings.Repeat("\x00", 1<<20), Attrs: attrs}}); err != nil {
		t.Fatal(err)
	}
	if m := recv(t, b); len(m.Log.Text) != maxText+3 {
		t.Fatal(len(m.Log.Text))
	}
}

func TestGarbageIsOneMessage(t *testing.T) {
	fa, peer, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c, err := NewConn(fa)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fd := int(peer.Fd())
	unix.SetNonblock(fd, false)
	garbage := []string{"{", "null", "{}", "[]", "\xff\xfe", `{"Done":{"Gen":-1}}`, `{"Done":{"Gen":1},"Log":{}}`, `{"Bogus":1}`}
	for _, g := range garbage {
		if err := unix.Send(fd, []byte(g), 0); err != nil {
			t.Fatal(err)
		}
		if m, _, err := c.Recv(); !errors.Is(err, ErrGarbage) {
			t.Fatalf("%q: %+v, %v", g, m, err)
		}
	}
	unix.Send(fd, make([]byte, MaxMessage+2), 0)
	if _, _, err := c.Recv(); !errors.Is(err, ErrTooLong) {
		t.Fatal(err)
	}
	many := make([]int, MaxFiles+3)
	for i := range many {
		many[i] = fd
	}
	unix.Sendmsg(fd, []byte(`{"Done":{"Gen":7}}`), unix.UnixRights(many...), nil, 0)
	if _, _, err := c.Recv(); !errors.Is(err, ErrGarbage) {
		t.Fatal(err)
	}
	unix.Send(fd, []byte(`{"Done":{"Gen":7}}`), 0)
	if m := recv(t, c); m.Done.Gen != 7 {
		t.Fatal("a good message after garbage was lost")
	}
}

func TestEnds(t *testing.T) {
	a, b := ends(t)
	a.Send(Msg{Stopped: &Stopped{Leftovers: 3}})
	if err := a.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	a.Close()
	if m := recv(t, b); m.Stopped.Leftovers != 3 {
		t.Fatal(m)
	}
	if _, _, err := b.Recv(); err != io.EOF {
		t.Fatal(err)
	}
	if err := a.Send(Msg{Done: &Gen{}}); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	c, _ := ends(t)
	go func() { _, _, err := c.Recv(); done <- err }()
	c.Close()
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

func TestInject(t *testing.T) {
	a, b := ends(t)
	a.Inject(Msg{Stop: &Stop{Keep: true}}) // before anybody waits
	a.Inject(Msg{Stop: &Stop{Keep: false}})
	for _, want := range []bool{true, false} {
		if m := recv(t, a); m.Stop == nil || m.Stop.Keep != want {
			t.Fatalf("%+v", m)
		}
	}
	got := make(chan Msg)
	go func() {
		for range 2 {
			m, _, _ := a.Recv()
			got <- m
		}
	}()
	b.Send(Msg{Commit: &Gen{Gen: 1}})
	if m := <-got; m.Commit == nil {
		t.Fatalf("%+v", m)
	}
	a.Inject(Msg{Stop: &Stop{}}) // while somebody waits, or just before
	if m := <-got; m.Stop == nil {
		t.Fatalf("%+v", m)
	}
}

func TestFlushGivesUp(t *testing.T) {
	a, _ := plain(t)
	stuff(t, a)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := a.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestWrongSocket(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := NewConn(r); err == nil {
		t.Fatal("a pipe was accepted")
	}
	fd, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd[1])
	if _, err := NewConn(os.NewFile(uintptr(fd[0]), "s")); err == nil {
		t.Fatal("a stream was accepted")
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range []Msg{
		{Prepare: &Prepare{Gen: 1}}, {Log: &Log{Text: "x"}}, {Event: &notify.Event{Name: "VI_1"}}, {Track: &track.State{Source: "a"}},
	} {
		data, _ := json.Marshal(m)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decode(data)
		if err != nil {
			return
		}
		again, err := json.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(again); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	})
}
