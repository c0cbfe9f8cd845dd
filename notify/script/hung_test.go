package script

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Programs on a file system that does not answer hold up only themselves, however many they are: also when each thread of the launcher
// that can wait does. The file system here is a cgroup that is frozen with the child in it: as far as the launcher can tell that is the
// same.
func TestHungExec(t *testing.T) {
	dir := testCgroup(t)
	s, err := New(Options{Launcher: []string{launcherName}, Cgroup: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	frozen := make([]*cgroup, receivers+2)
	for i := range frozen {
		frozen[i] = s.cgroups.acquire()
		if err := os.WriteFile(filepath.Join(frozen[i].path, "cgroup.freeze"), []byte("1"), 0); err != nil {
			t.Skip("no freezer: ", err)
		}
	}
	for _, g := range frozen {
		s.cgroups.release(g)
	}
	end := make(chan Result, len(frozen))
	var hung []*Process
	for range frozen {
		hung = append(hung, s.Start(sh("true"), nil, func(r Result) { end <- r }))
	}
	fine := func(when string) {
		for range 20 {
			if r := s.Run(sh("echo fine")); r.Output != "fine\n" {
				t.Errorf("%s: %+v", when, r)
			}
		}
	}
	for _, g := range frozen {
		eventually(t, "a child in its frozen cgroup", func() bool { return !g.empty() })
	}
	fine("while others hang")
	hung[0].Signal(true)
	for _, g := range frozen {
		if err := os.WriteFile(filepath.Join(g.path, "cgroup.freeze"), []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
	}
	killed := 0
	for range hung {
		switch r := <-end; {
		case r.OK():
		case r.Err != nil || r.Signal == unix.SIGKILL:
			killed++
		default:
			t.Errorf("%+v", r)
		}
	}
	if killed > 1 {
		t.Errorf("%d were killed, one was meant", killed)
	}
	fine("afterwards")
}

// What serves requests leaves no garbage behind: nobody collects it, since whoever did would wait for a thread that waits for its child.
func TestServesWithoutGarbage(t *testing.T) {
	const runs = 5
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	c := own("/bin/echo", "a", "b")
	c.Groups = []uint32{7, 8, 9}
	r := request{cmd: c, parent: 1}
	for range runs + 1 {
		if err := unix.Sendmsg(pair[0], r.append(nil), unix.UnixRights(pair[0]), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	l := &launcher{env: []*byte{nil}}
	if l.watch, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(l.watch)
	w := newWorker()
	if n := testing.AllocsPerRun(runs, func() {
		n, err := w.receive(pair[1])
		h, bad := parse(w.buf[:n])
		if err != nil || bad != nil || !w.whole() || len(w.fds) != 1 || h.nArgs != 3 || len(h.groups) != 3 || h.groups[2] != 9 {
			t.Fatal(err, bad, w.fds, h)
		}
		w.lay(l, &h)
		l.arm(patience)
		l.arm(0)
		unix.Close(w.fds[0])
	}); n != 0 {
		t.Errorf("%v allocations for a request", n)
	}
}
