package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/notify"
	"holdfast.dev/supervisor/role"
)

// testPipe is a named pipe of a test, whose supervisor opens it.
type testPipe struct {
	path string
	held *os.File
}

func newFIFO(t *testing.T) *testPipe {
	f := &testPipe{path: filepath.Join(t.TempDir(), "fifo")}
	if err := unix.Mkfifo(f.path, 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if f.held, err = os.OpenFile(f.path, os.O_RDWR|unix.O_NONBLOCK, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.held.Close() })
	return f
}

// give answers the role when it asks for the pipe.
func (f *testPipe) give(s *super) {
	s.t.Helper()
	s.await("Open", func(m role.Msg) bool { return m.Open != nil && m.Open.Pipe == f.path })
	s.send(role.Msg{Opened: &role.Opened{Pipe: f.path}}, f.held)
}

// read reads n lines.
func (f *testPipe) read(t *testing.T, n int) (lines []string) {
	t.Helper()
	_ = f.held.SetReadDeadline(time.Now().Add(time.Minute))
	var got strings.Builder
	one := make([]byte, 1) // nothing may be read ahead: others read the rest
	for len(lines) < n {
		if _, err := f.held.Read(one); err != nil {
			t.Fatalf("only %q: %v", lines, err)
		}
		if one[0] != '\n' {
			got.WriteByte(one[0])
			continue
		}
		lines = append(lines, got.String())
		got.Reset()
	}
	return lines
}

func (f *testPipe) want(t *testing.T, lines ...string) {
	t.Helper()
	if got, want := strings.Join(f.read(t, len(lines)), "\n"), strings.Join(lines, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func pipeConf(f *testPipe, reader *notify.Script, objects ...notify.ObjectSpec) specs {
	return specs{Notify: notify.Spec{Objects: objects, Pipes: []notify.PipeSpec{{Path: f.path, UID: uid, GID: gid, Reader: reader}}}}
}

// leave is the end of the daemon: the vrrp role has said its last words.
func (s *super) leave() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.peer.Flush(ctx); err != nil {
		s.t.Fatal(err)
	}
	s.send(role.Msg{Stop: &role.Stop{Within: 20 * time.Second}})
	s.peer.Close()
}

// TestPipe: lines come in the order of the events, also of those that came before the pipe was open or the configuration in force, none twice,
// and scripts hold nothing up.
func TestPipe(t *testing.T) {
	d, f := newDiary(t), newFIFO(t)
	s := startRole(t, false, nil)
	slow := d.object(notify.Instance, "A", "while [ ! -e "+d.path+".go ]; do sleep 0.01; done", "")
	s.prepare(1, pipeConf(f, nil, slow), role.Prepare{})
	s.await("Ready", func(m role.Msg) bool { return m.Ready != nil })
	s.link()
	s.event(event(1, notify.Instance, "A", notify.Backup))
	s.send(role.Msg{Commit: &role.Gen{Gen: 1}})
	s.await("Done", func(m role.Msg) bool { return m.Done != nil })
	s.event(event(2, notify.Instance, "A", notify.Master))
	s.event(event(2, notify.Instance, "A", notify.Master))
	prio := event(3, notify.Instance, "A", notify.MasterPriority)
	s.event(prio)
	again := event(4, notify.Instance, "A", notify.Master)
	again.Again = true
	s.event(again)
	s.event(event(5, notify.Group, "G", notify.Master))
	f.give(s)
	f.want(t, `INSTANCE "A" BACKUP 100`, `INSTANCE "A" MASTER 100`, `INSTANCE "A" MASTER_PRIORITY 100`, `INSTANCE "A" MASTER 100`, `GROUP "G" MASTER 0`)
	if err := os.WriteFile(d.path+".go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.want("A BACKUP", "A any INSTANCE A BACKUP 100", "A MASTER", "A any INSTANCE A MASTER 100")
	s.awaitPeer("Delivered", delivered(4))
	s.event(event(6, notify.Instance, "A", notify.Stop)) // the last line is written before the end
	s.leave()
	s.await("Stopped", func(m role.Msg) bool { return m.Stopped != nil })
	f.want(t, `INSTANCE "A" STOP 100`)
}

// TestPipeHoldsAcknowledgements: as long as a line was not written another runner has to be told of the event again.
func TestPipeHoldsAcknowledgements(t *testing.T) {
	f := newFIFO(t)
	s := startRole(t, false, nil)
	s.configure(1, pipeConf(f, nil), role.Prepare{})
	s.link()
	s.event(event(1, notify.Instance, "A", notify.Backup))
	s.event(event(2, notify.Instance, "B", notify.Backup))
	s.await("Open", func(m role.Msg) bool { return m.Open != nil })
	if m, ok := s.said.take(func(m role.Msg) bool { return m.Delivered != nil }); ok {
		t.Errorf("%+v", m.Delivered)
	}
	s.send(role.Msg{Opened: &role.Opened{Pipe: f.path}}, f.held)
	f.want(t, `INSTANCE "A" BACKUP 100`, `INSTANCE "B" BACKUP 100`)
	s.awaitPeer("Delivered", delivered(1))
	s.awaitPeer("Delivered", delivered(2))
}

// TestPipeThatCannotBeOpened: it is said, and nobody waits for it.
func TestPipeThatCannotBeOpened(t *testing.T) {
	f := newFIFO(t)
	s := startRole(t, false, nil)
	s.configure(1, pipeConf(f, nil), role.Prepare{})
	s.link()
	s.event(event(1, notify.Instance, "A", notify.Backup))
	s.await("Open", func(m role.Msg) bool { return m.Open != nil })
	s.send(role.Msg{Opened: &role.Opened{Pipe: f.path, Err: "named pipe x: it is something else"}})
	s.await("line", logged("it is something else: it is told nothing until the next reload"))
	s.awaitPeer("Delivered", delivered(1))
	s.configure(2, pipeConf(f, nil), role.Prepare{Reload: true}) // asks once more
	s.await("Open", func(m role.Msg) bool { return m.Open != nil })
	s.event(event(2, notify.Instance, "A", notify.Master)) // before the answer
	s.send(role.Msg{Opened: &role.Opened{Pipe: f.path}}, f.held)
	f.want(t, `INSTANCE "A" MASTER 100`)
}

// TestRunnerKilledWithPipe: what one runner has written the next does not write again, and what waits is not lost.
func TestRunnerKilledWithPipe(t *testing.T) {
	f := newFIFO(t)
	journal, err := role.MemFile("journal")
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	d := newDiary(t)
	// The script never ends: the event is not acknowledged, and is told again.
	conf := pipeConf(f, nil, d.object(notify.Instance, "A", "", "sleep 1000"))
	first := startRole(t, true, journal)
	first.configure(1, conf, role.Prepare{})
	first.link()
	first.event(event1)
	f.give(first)
	f.want(t, `INSTANCE "A" BACKUP 100`)
	d.wait(1)
	_ = first.cmd.Process.Kill()
	second := startRole(t, true, journal)
	second.configure(1, conf, role.Prepare{Resume: true})
	second.link()
	second.event(event1)
	f.give(second)
	second.event(event(2, notify.Instance, "A", notify.Master))
	f.want(t, `INSTANCE "A" MASTER 100`)
}

var event1 = event(1, notify.Instance, "A", notify.Backup)

// TestReader: a program of ours reads the pipe, gets its path as the last word, is started again when it ends, and never two of them at once;
// a reload of the same changes nothing; in the end it reads all and finds the end of the file.
func TestReader(t *testing.T) {
	d, f := newDiary(t), newFIFO(t)
	reader := func(name string) *notify.Script {
		line := fmt.Sprintf(`echo "%s $$ begins" >>%s; while read -r l; do echo "%s $l" >>%s; [ "$l" = 'INSTANCE "A" FAULT 100' ] && exit 3; done <"$1"; echo "%s ends" >>%s`,
			name, d.path, name, d.path, name, d.path)
		return &notify.Script{Args: []string{"/bin/sh", "-c", line, "sh", f.path}, UID: uid, GID: gid}
	}
	s := startRole(t, false, nil)
	s.configure(1, pipeConf(f, reader("one")), role.Prepare{})
	s.link()
	f.give(s)
	s.event(event(1, notify.Instance, "A", notify.Master))
	first := d.wait(2)
	s.configure(2, pipeConf(f, reader("one")), role.Prepare{Reload: true})
	s.event(event(2, notify.Instance, "A", notify.Fault))
	s.await("line", logged("its reader exited with status 3 and is started again in 1s"))
	s.event(event(3, notify.Instance, "A", notify.Backup))
	got := d.wait(5)
	if !strings.HasPrefix(got[3], "one ") || got[3] == first[0] || got[4] != `one INSTANCE "A" BACKUP 100` {
		t.Errorf("%q", got)
	}
	s.configure(3, pipeConf(f, reader("two")), role.Prepare{Reload: true})
	d.wait(6)
	f.held.Close() // so that there is an end of the file
	s.event(event(4, notify.Instance, "A", notify.Stop))
	s.leave()
	s.await("Stopped", func(m role.Msg) bool { return m.Stopped != nil })
	got = d.read()[5:]
	if len(got) != 3 || !strings.HasPrefix(got[0], "two ") || got[1] != `two INSTANCE "A" STOP 100` || got[2] != "two ends" {
		t.Errorf("%q", got)
	}
}

// TestPipeRemoved: a pipe that a configuration names no longer is closed after its last line, and its reader ended.
func TestPipeRemoved(t *testing.T) {
	d, f := newDiary(t), newFIFO(t)
	r := &notify.Script{Args: []string{"/bin/sh", "-c", fmt.Sprintf(`while read -r l; do echo "$l" >>%s; done <"$1"; echo end >>%s`, d.path, d.path), "sh", f.path}, UID: uid, GID: gid}
	s := startRole(t, false, nil)
	s.configure(1, pipeConf(f, r), role.Prepare{})
	s.link()
	f.give(s)
	s.event(event(1, notify.Instance, "A", notify.Master))
	d.want(`INSTANCE "A" MASTER 100`)
	f.held.Close()
	s.configure(2, specs{}, role.Prepare{Reload: true})
	d.want(`INSTANCE "A" MASTER 100`, "end")
}

// TestDeletedIsToldByAnotherRunner: a runner that takes the place of one that died while an instance was handed over still knows its script.
func TestDeletedIsToldByAnotherRunner(t *testing.T) {
	journal, err := role.MemFile("journal")
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	d := newDiary(t)
	o := notify.ObjectSpec{
		Object: notify.Instance, Name: "A", TellDeleted: true,
		Scripts: map[string]notify.Script{notify.Deleted: d.script("A DELETED", "", "")},
	}
	first := startRole(t, true, journal)
	first.configure(1, specs{Notify: notify.Spec{Objects: []notify.ObjectSpec{o}}}, role.Prepare{})
	first.configure(2, specs{}, role.Prepare{Reload: true})
	_ = first.cmd.Process.Kill()
	second := startRole(t, true, journal)
	second.configure(2, specs{}, role.Prepare{Resume: true})
	second.link()
	second.event(event(1, notify.Instance, "A", notify.Deleted))
	d.want("A DELETED")
}

func TestJournalOfTheDeparted(t *testing.T) {
	f, err := role.MemFile("journal")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := openJournal(dup(t, f))
	if err != nil {
		t.Fatal(err)
	}
	one := notify.Departed{Gen: 1, Spec: &notify.ObjectSpec{Object: notify.Instance, Name: "A"}}
	for n := range 3 {
		list := []notify.Departed{one, one, one}[:n]
		if !a.keep(list) {
			t.Error("no room")
		}
		b, err := openJournal(dup(t, f))
		if err != nil {
			t.Fatal(err)
		}
		if got := b.kept(); len(got) != n || n > 0 && got[0].Spec.Name != "A" {
			t.Errorf("%d: %+v", n, got)
		}
	}
	one.Spec.Name = strings.Repeat("x", goneSize)
	if a.keep([]notify.Departed{one}) || len(a.kept()) != 0 {
		t.Error("too long a list is kept")
	}
}
