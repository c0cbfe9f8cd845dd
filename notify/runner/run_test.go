package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/notify"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/track"
)

var uid, gid = uint32(os.Getuid()), uint32(os.Getgid())

var states = []string{notify.Master, notify.Backup, notify.Fault, notify.Stop}

// object has a script per state and a generic one, each with something to do before its line and after it.
func (d *diary) object(kind notify.Object, name, before, after string) notify.ObjectSpec {
	o := notify.ObjectSpec{Object: kind, Name: name, Scripts: map[string]notify.Script{}}
	for _, s := range states {
		o.Scripts[s] = d.script(name+" "+s, before, after)
	}
	any := d.script(name+" any", before, after)
	o.Any = &any
	return o
}

func event(seq uint64, kind notify.Object, name, state string) notify.Event {
	return notify.Event{
		Seq: seq, Gen: 1, Object: kind, Name: name, State: state, Priority: 100,
		Times: notify.Times{Decided: now().Mono},
	}
}

func delivered(seq uint64) func(role.Msg) bool {
	return func(m role.Msg) bool { return m.Delivered != nil && m.Delivered.Seq == seq }
}

// Order, arguments and the word that all was delivered, with scripts that take longer the earlier they are.
func TestNotifyOrder(t *testing.T) {
	d := newDiary(t)
	s := startRole(t, false, nil)
	conf := specs{Notify: notify.Spec{Objects: []notify.ObjectSpec{d.object(notify.Instance, "A", "", "")}}}
	conf.Notify.Objects[0].Scripts[notify.Master] = d.script("A MASTER", "sleep 0.3", "")
	s.configure(1, conf, role.Prepare{})
	s.link()
	s.event(event(1, notify.Instance, "A", notify.Backup))
	s.event(event(2, notify.Instance, "A", notify.Master))
	s.event(event(3, notify.Instance, "A", notify.Fault))
	s.event(event(3, notify.Instance, "A", notify.Fault)) // sent twice
	d.want("A BACKUP", "A any INSTANCE A BACKUP 100", "A MASTER", "A any INSTANCE A MASTER 100", "A FAULT", "A any INSTANCE A FAULT 100")
	s.awaitPeer("Delivered", delivered(3))
}

// An event may come while its configuration is prepared and not in force yet, as the first one of all does when the vrrp role is told
// first. Nothing else need happen for its scripts to run after the commit.
func TestEventBeforeCommit(t *testing.T) {
	d := newDiary(t)
	s := startRole(t, false, nil)
	s.prepare(1, specs{Notify: notify.Spec{Objects: []notify.ObjectSpec{d.object(notify.Instance, "A", "", "")}}}, role.Prepare{})
	s.await("Ready", func(m role.Msg) bool { return m.Ready != nil })
	s.link()
	s.event(event(1, notify.Instance, "A", notify.Backup))
	time.Sleep(50 * time.Millisecond) // it gets there
	s.send(role.Msg{Commit: &role.Gen{Gen: 1}})
	d.want("A BACKUP", "A any INSTANCE A BACKUP 100")
}

func TestObjectsSideBySideAndGroupLast(t *testing.T) {
	d := newDiary(t)
	s := startRole(t, false, nil)
	gate := filepath.Join(t.TempDir(), "gate")
	conf := specs{Notify: notify.Spec{Limits: notify.Limits{Group: time.Minute}}}
	conf.Notify.Objects = []notify.ObjectSpec{
		d.object(notify.Instance, "A", "while [ ! -e "+gate+" ]; do sleep 0.01; done", ""),
		d.object(notify.Instance, "B", "", ""),
		d.object(notify.Group, "G", "", ""),
	}
	conf.Notify.Objects[2].Members = []string{"A", "B"}
	s.configure(1, conf, role.Prepare{})
	s.link()
	s.event(event(1, notify.Instance, "A", notify.Master))
	s.event(event(2, notify.Instance, "B", notify.Master))
	s.event(event(3, notify.Group, "G", notify.Master))
	d.want("B MASTER", "B any INSTANCE B MASTER 100") // A does not hold it back
	time.Sleep(50 * time.Millisecond)
	d.want("B MASTER", "B any INSTANCE B MASTER 100") // but the group
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := d.wait(6)[2:]
	if i := slices.Index(got, "G any GROUP G MASTER 0"); i < 0 || got[0] != "A MASTER" || slices.Index(got, "G MASTER") > i {
		t.Errorf("%q", got)
	}
}

// A script that hangs is ended, with what it started, and the next is run.
func TestHungNotifyScript(t *testing.T) {
	t.Parallel() // it waits
	d := newDiary(t)
	s := startRole(t, false, nil)
	conf := specs{Notify: notify.Spec{
		Limits:  notify.Limits{Run: 5 * time.Second}, // enough for a shell to write a line,
		Objects: []notify.ObjectSpec{d.object(notify.Instance, "A", "", "")},
	}}
	conf.Notify.Objects[0].Scripts[notify.Master] = d.script("A MASTER", "", "sleep 1000 & wait")
	s.configure(1, conf, role.Prepare{})
	s.link()
	s.event(event(1, notify.Instance, "A", notify.Master))
	s.await("line", logged("INSTANCE A: notify_master for state MASTER was ended after its limit of 5s"))
	d.want("A MASTER", "A any INSTANCE A MASTER 100")
}

func TestFailuresAreLogged(t *testing.T) {
	d := newDiary(t)
	s := startRole(t, false, nil)
	conf := specs{Notify: notify.Spec{Objects: []notify.ObjectSpec{d.object(notify.Instance, "A", "", "exit 3")}}}
	conf.Notify.Objects[0].Scripts[notify.Fault] = notify.Script{Args: []string{"/nonexistent/script"}, UID: uid, GID: gid}
	s.configure(1, conf, role.Prepare{})
	s.link()
	s.event(event(1, notify.Instance, "A", notify.Master))
	s.await("line", logged("notify_master for state MASTER exited with status 3"))
	s.event(event(2, notify.Instance, "A", notify.Fault))
	s.await("line", logged("notify_fault for state FAULT could not be run: no such file or directory"))
}

// At Stop everything that was said is delivered, also what the vrrp role says after it.
func TestStopDelivers(t *testing.T) {
	d := newDiary(t)
	s := startRole(t, false, nil)
	conf := specs{Notify: notify.Spec{Objects: []notify.ObjectSpec{
		d.object(notify.Instance, "A", "sleep 0.1", ""), d.object(notify.Instance, "B", "", "sleep 0.1"),
	}}, Track: []track.Spec{{Name: "hangs", Args: []string{"/bin/sleep", "1000"}, Interval: time.Hour}}}
	s.configure(1, conf, role.Prepare{})
	s.link()
	s.event(event(1, notify.Instance, "A", notify.Master))
	s.event(event(2, notify.Instance, "B", notify.Master))
	s.send(role.Msg{Stop: &role.Stop{Within: time.Minute}})
	time.Sleep(20 * time.Millisecond)
	s.event(event(3, notify.Instance, "A", notify.Stop))
	s.event(event(4, notify.Instance, "B", notify.Stop))
	s.awaitPeer("Delivered", delivered(4))
	s.peer.Close()
	s.await("Stopped", func(m role.Msg) bool { return m.Stopped != nil })
	got := d.read()
	for _, name := range []string{"A", "B"} {
		mine := slices.DeleteFunc(slices.Clone(got), func(l string) bool { return !strings.HasPrefix(l, name) })
		want := []string{
			name + " MASTER", name + " any INSTANCE " + name + " MASTER 100",
			name + " STOP", name + " any INSTANCE " + name + " STOP 100",
		}
		if !slices.Equal(mine, want) {
			t.Errorf("%q", mine)
		}
	}
}

func TestStopWithinItsTime(t *testing.T) {
	d := newDiary(t)
	s := startRole(t, false, nil)
	s.configure(1, specs{Notify: notify.Spec{Objects: []notify.ObjectSpec{
		d.object(notify.Instance, "A", "", "trap '' TERM; sleep 1000"),
	}}}, role.Prepare{})
	s.link()
	s.event(event(1, notify.Instance, "A", notify.Master))
	d.wait(1)
	s.send(role.Msg{Stop: &role.Stop{Within: 500 * time.Millisecond}})
	s.await("line", logged("was killed because the time to stop is over"))
	s.await("Stopped", func(m role.Msg) bool { return m.Stopped != nil })
}

// Without a supervisor the role leaves by itself.
func TestSupervisorGone(t *testing.T) {
	s := startRole(t, false, nil)
	s.configure(1, specs{}, role.Prepare{})
	s.ctl.Close()
	select {
	case err := <-s.ended:
		s.ended <- err
	case <-time.After(time.Minute):
		t.Error("still there")
	}
}

// allGone reports whether the n processes that the file names have ended.
func allGone(path string, n int) bool {
	b, _ := os.ReadFile(path)
	pids := strings.Fields(string(b))
	for _, pid := range pids {
		if cmd, _ := os.ReadFile("/proc/" + pid + "/cmdline"); len(cmd) > 0 {
			return false
		}
	}
	return len(pids) == n
}

// A runner that is killed in the middle of things leaves no script running, and the next one runs none a second time and
// leaves none out, although vrrp sends all that was not acknowledged again.
func TestKilledRunner(t *testing.T) {
	d := newDiary(t)
	journal, err := role.MemFile("journal")
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	conf := specs{}
	pids := filepath.Join(t.TempDir(), "pids")
	var events []notify.Event
	for i := range 6 {
		name := fmt.Sprint(i)
		// Of every second one the script for the state hangs: it was begun, and its generic script was not.
		after := ""
		if i%2 == 0 {
			after = `case "$*" in "") echo $$ >>` + pids + `; exec sleep 1000;; esac`
		}
		conf.Notify.Objects = append(conf.Notify.Objects, d.object(notify.Instance, name, "", after))
		events = append(events, event(uint64(i+1), notify.Instance, name, notify.Master))
	}
	first := startRole(t, true, journal)
	first.configure(1, conf, role.Prepare{})
	first.link()
	for _, ev := range events {
		first.event(ev)
	}
	if got := d.wait(9); len(got) != 9 {
		t.Fatalf("%q", got)
	}
	_ = first.cmd.Process.Kill()
	first.ended <- <-first.ended
	for end := time.Now().Add(time.Minute); !allGone(pids, 3); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("scripts outlive the role")
		}
	}

	second := startRole(t, true, journal)
	second.configure(1, conf, role.Prepare{Resume: true})
	second.link()
	for _, ev := range events {
		second.event(ev)
	}
	second.await("line", logged("was begun before this process was restarted and is not run again"))
	d.wait(12)
	second.send(role.Msg{Stop: &role.Stop{Within: time.Minute}})
	second.peer.Close()
	second.await("Stopped", func(m role.Msg) bool { return m.Stopped != nil })
	got := d.read()
	slices.Sort(got)
	var want []string
	for i := range 6 {
		want = append(want, fmt.Sprintf("%d MASTER", i), fmt.Sprintf("%d any INSTANCE %d MASTER 100", i, i))
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTracking(t *testing.T) {
	s := startRole(t, false, nil)
	flag := filepath.Join(t.TempDir(), "flag")
	check := track.Spec{
		Name: "check", Args: []string{"/bin/sh", "-c", "test ! -e " + flag + " || { echo that is \\\"bad\\\"; exit 7; }"}, Interval: 50 * time.Millisecond,
		Timeout: time.Minute, UID: uid, GID: gid,
	}
	hang := track.Spec{
		Name: "hang", Args: []string{"/bin/sleep", "1000"}, Interval: time.Hour, Timeout: 100 * time.Millisecond, UID: uid, GID: gid,
	}
	gone := track.Spec{Name: "gone", Args: []string{"/nonexistent/check"}, Interval: time.Hour, UID: uid, GID: gid}
	broken := track.Spec{Name: "broken", Args: []string{"/bin/true"}, Broken: "runs as root and others may change /bin", Interval: time.Hour, UID: uid, GID: gid}
	s.configure(1, specs{Track: []track.Spec{check, hang, gone, broken}}, role.Prepare{})
	s.link()
	is := func(name string, status track.Status) func(role.Msg) bool {
		return func(m role.Msg) bool { return m.Track != nil && m.Track.Source == name && m.Track.Status == status }
	}
	s.awaitPeer("up", is("check", track.Up))
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.await("line", logged("VRRP_Script(check) failed (exited with status 7)"))
	s.await("output", logged("Script `check` printed at the end: "))
	// A new vrrp process is told all states.
	s.link()
	s.await("timeout", logged("VRRP_Script(hang) timed_out"))
	s.await("failure", logged("VRRP_Script(gone) failed"))
	for name, reason := range map[string]string{
		"check": "exited with status 7", "hang": "timed_out", "gone": "could not be run: no such file or directory",
		"broken": "could not be run: runs as root and others may change /bin",
	} {
		s.said = &record{} // what was said before does not count
		s.link()
		if m := s.awaitPeer(name, is(name, track.Down)); m.Track.Reason != reason {
			t.Errorf("%s: %q", name, m.Track.Reason)
		}
	}
	// A reload keeps results, and what is new holds nobody back.
	s.configure(2, specs{Track: []track.Spec{check, {Name: "new", Args: []string{"/bin/sleep", "1000"}, Interval: time.Hour}}}, role.Prepare{Reload: true})
	if m := s.awaitPeer("new", is("new", track.Unknown)); !m.Track.Reload {
		t.Errorf("%+v", m.Track)
	}
	s.await("line", logged("VRRP_Script(check) considered unsuccessful on reload"))
}

func TestBadConfiguration(t *testing.T) {
	s := startRole(t, false, nil)
	s.send(role.Msg{Prepare: &role.Prepare{Gen: 1}})
	if r := s.await("Ready", func(m role.Msg) bool { return m.Ready != nil }).Ready; r.Err != "configuration with 0 descriptors" {
		t.Errorf("%+v", r)
	}
	f, err := role.MemFile("x")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s.send(role.Msg{Prepare: &role.Prepare{Gen: 1}}, f)
	if r := s.await("Ready", func(m role.Msg) bool { return m.Ready != nil }).Ready; r.Err != "EOF" {
		t.Errorf("%+v", r)
	}
	s.send(role.Msg{Commit: &role.Gen{Gen: 1}})
	s.await("line", logged("told to commit a configuration that was not prepared"))
	s.configure(2, specs{}, role.Prepare{})
}
