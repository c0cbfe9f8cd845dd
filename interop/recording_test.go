package interop

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"holdfast.dev/host"
	"holdfast.dev/interop/lab"
	"holdfast.dev/node"
	"holdfast.dev/notify"
	"holdfast.dev/supervisor"
	"holdfast.dev/vrrp"
)

// TestRecordings: two daemons change places while one records from its start and the other from the middle of its life. What they were told
// makes other engines decide the same, event for event.
func TestRecordings(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("keepalived does not record")
	}
	dir := t.TempDir()
	number, err := supervisor.SignalNumber("TRACE")
	if err != nil {
		t.Fatal(err)
	}
	trace := syscall.Signal(number)
	l := lab.New(t, lab.Options{Nodes: 2})
	a, b := l.Nodes[0], l.Nodes[1]
	high, low := media[0].router(a, b, 200), media[0].router(b, a, 100)
	s := l.Scene(high.VR())
	fromStart := filepath.Join(dir, "start")
	a.Start(ours(t), lab.File{Routers: []lab.Router{high}}.Text(), "--trace="+fromStart)
	b.Start(ours(t), lab.File{Routers: []lab.Router{low}}.Text())
	s.Elect(a, high.Down())
	s.Stay(second)
	b.Daemon().Signal(trace)
	b.Daemon().WaitLog(0, "recording the elections to", 5*second)
	s.Move(b, skewLow, func() { a.Daemon().Stop() })
	s.Stay(second)
	skip := len(b.Daemon().Log())
	b.Daemon().SignalVRRP(trace)
	b.Daemon().WaitLog(skip, "has ended", 5*second)
	s.Leave(func() { b.Daemon().Stop() })

	for path, want := range map[string]string{
		fromStart: "BACKUP -> MASTER, MASTER -> INIT", filepath.Join(b.Daemon().Dir, "main.recording"): "BACKUP -> MASTER",
	} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if fi, err := f.Stat(); err != nil || fi.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", path, fi.Mode(), err)
		}
		var got moves
		n, err := node.Replay(f, &got, nil)
		if err != nil || n < 10 || !strings.Contains(strings.Join(got, ", "), want) {
			t.Errorf("%s: %d events, %v, want %s: %v\n%s", path, n, got, want, err, b.Daemon().Log())
		}
	}
}

// moves are the transitions of a recording.
type moves []string

func (m *moves) Moved(t *vrrp.Transition) { *m = append(*m, t.From.String()+" -> "+t.To.String()) }

func (*moves) Send(*vrrp.Send) error               { return nil }
func (*moves) Announce([]vrrp.Announcement)        {}
func (*moves) Want(host.Owner, uint64, host.State) {}
func (*moves) Forget(host.Owner)                   {}
func (*moves) Tell(notify.Event)                   {}
func (*moves) Report(*vrrp.Report)                 {}
func (*moves) Note(*vrrp.Note)                     {}
func (*moves) Refused(*vrrp.Refused)               {}
func (*moves) Publish(*vrrp.Router)                {}
