package script

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
)

// launch starts a script and waits for its first line of output in a file: the pids that it names.
func launch(t *testing.T, s *Starter, line string) (p *Process, pids []int, end chan Result) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "pids")
	end = make(chan Result, 1)
	c := sh(line, out)
	p = s.Start(c, nil, func(r Result) { end <- r })
	eventually(t, "pids", func() bool {
		b, _ := os.ReadFile(out)
		text, whole := strings.CutSuffix(string(b), "\n")
		if !whole {
			return false
		}
		pids = nil
		for _, f := range strings.Fields(text) {
			n, err := strconv.Atoi(f)
			if err != nil {
				return false
			}
			pids = append(pids, n)
		}
		return true
	})
	return p, pids, end
}

// A background process that holds standard output does not hold us.
func TestGrandchildHoldsOutput(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	_, pids, end := launch(t, s, `sleep 1000 & echo said; echo $! >$0`)
	r := <-end
	if !r.OK() || r.Output != "said\n" {
		t.Errorf("%+v", r)
	}
	if gone(pids[0]) {
		t.Error("what a script left in the background was killed")
	}
	_ = unix.Kill(pids[0], unix.SIGKILL)
}

// Nor does our end of the pipe hold or kill it, for as long as the Starter lives.
func TestGrandchildGoesOnPrinting(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	done := filepath.Join(t.TempDir(), "done")
	_, _, end := launch(t, s, `(sleep 0.1; head -c 1000000 /dev/zero && echo ok >`+done+`) & echo $! >$0`)
	<-end
	eventually(t, "the end of what it prints", func() bool {
		b, _ := os.ReadFile(done)
		return string(b) == "ok\n"
	})
}

func TestTermAndGroup(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	p, pids, end := launch(t, s, `trap 'exit 5' TERM; sleep 1000 & echo $$ $! >$0; wait`)
	p.Signal(false)
	if r := <-end; r.Code != 5 || r.Signal != 0 {
		t.Errorf("%+v", r)
	}
	eventually(t, "end of the group", func() bool { return gone(pids[1]) })
}

// A member of the group that ignores SIGTERM is killed when the script itself has ended: afterwards its group could not be
// told from another's any more.
func TestStubbornGroupMember(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	p, pids, end := launch(t, s, `(trap '' TERM; while :; do sleep 1; done) & echo $$ $! >$0; wait`)
	p.Signal(false)
	if r := <-end; r.Signal != unix.SIGTERM {
		t.Errorf("%+v", r)
	}
	eventually(t, "end of the stubborn one", func() bool { return gone(pids[1]) })
}

func TestKill(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	p, _, end := launch(t, s, `trap '' TERM; echo $$ >$0; while :; do sleep 1; done`)
	p.Signal(false)
	select {
	case r := <-end:
		t.Fatalf("%+v", r)
	case <-time.After(50 * time.Millisecond):
	}
	p.Signal(true)
	if r := <-end; r.Signal != unix.SIGKILL {
		t.Errorf("%+v", r)
	}
	p.Signal(true) // nobody is meant any more
}

// A signal that comes before the process does is not lost.
func TestSignalAtOnce(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	for i := range 50 {
		end := make(chan Result, 1)
		p := s.Start(sh("sleep 1000"), nil, func(r Result) { end <- r })
		time.Sleep(time.Duration(i) * 50 * time.Microsecond)
		p.Signal(i%2 == 0)
		if r := <-end; r.Signal == 0 {
			t.Errorf("%d: %+v", i, r)
		}
	}
}

// cgroup makes a cgroup2 directory for a test.
func testCgroup(t *testing.T) string {
	t.Helper()
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		dir := filepath.Join(root, fmt.Sprintf("holdfast-test-%d-%d", os.Getpid(), time.Now().UnixNano()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			eventually(t, "cgroup removed", func() bool { return os.Remove(dir) == nil })
		})
		if _, err := os.Stat(filepath.Join(dir, "cgroup.kill")); err == nil {
			return dir
		}
	}
	t.Skip("no cgroup2 that this test may divide")
	return ""
}

// What leaves the process group by setsid is still reached by a kill.
func TestSetsidGrandchild(t *testing.T) {
	dir := testCgroup(t)
	s, err := New(Options{Launcher: []string{launcherName}, Cgroup: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() // before the directory is removed
	for range 3 {
		p, pids, end := launch(t, s, `setsid sh -c 'echo $$ >$0; exec sleep 1000' "$0" & wait`)
		p.Signal(true)
		if r := <-end; r.Signal != unix.SIGKILL {
			t.Errorf("%+v", r)
		}
		eventually(t, "end of the one that left the group", func() bool { return gone(pids[0]) })
	}
	if r := s.Run(sh("cat /proc/self/cgroup")); !strings.Contains(r.Output, filepath.Base(dir)+"/scripts-") {
		t.Errorf("not in its cgroup: %q", r.Output)
	}
	made := s.cgroups.made
	for range 10 {
		s.Run(sh("true"))
	}
	if s.cgroups.made > made+1 { // one that was not killed is used again
		t.Errorf("%d cgroups for one script at a time", s.cgroups.made-made)
	}
}

// What the scripts of a process that crashed have left running is ended by the next one.
func TestStaleCgroup(t *testing.T) {
	dir := testCgroup(t)
	dead := exec.Command("/bin/true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(dir, fmt.Sprintf("scripts-%d", dead.Process.Pid), "1")
	if err := os.MkdirAll(stale, 0o755); err != nil {
		t.Fatal(err)
	}
	left := exec.Command("/bin/sleep", "1000")
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(stale, "cgroup.procs"), []byte(strconv.Itoa(left.Process.Pid)), 0); err != nil {
		_ = left.Process.Kill()
		t.Fatal(err)
	}
	s, err := New(Options{Launcher: []string{launcherName}, Cgroup: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := left.Wait(); err == nil {
		t.Error("it was not killed")
	}
	_ = os.Remove(stale)
	_ = os.Remove(filepath.Dir(stale))
}

func TestCgroupThatIsNone(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{Launcher: []string{launcherName}, Cgroup: t.TempDir()}); err == nil {
		t.Error("took a plain directory")
	}
}

func TestFlood(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	r := s.Run(sh(`head -c 50000000 /dev/zero; printf END`))
	if !r.OK() || len(r.Output) != MaxOutput || !strings.HasSuffix(r.Output, "END") {
		t.Errorf("%s, %d bytes", r.String(), len(r.Output))
	}
}

// Close ends everything: scripts, the launcher, goroutines (TestMain looks for those) and descriptors.
func TestCloseLeavesNothing(t *testing.T) {
	s, err := New(Options{Launcher: []string{launcherName}})
	if err != nil {
		t.Fatal(err)
	}
	launcher := s.link.cmd.Process.Pid
	_, pids, end := launch(t, s, `sleep 1000 & trap '' TERM; echo $$ $! >$0; wait; sleep 1000`)
	s.Close()
	if r := <-end; r.Signal != unix.SIGKILL {
		t.Errorf("%+v", r)
	}
	for _, pid := range append(pids, launcher) {
		eventually(t, fmt.Sprintf("end of %d", pid), func() bool { return gone(pid) })
	}
	if r := s.Run(sh("true")); r.Err != ErrClosed {
		t.Errorf("%+v", r)
	}
	s.Close()
}

// The launcher may die at any moment: what runs goes on, what comes is run by another, and nothing is run twice.
func TestLauncherDies(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	out := filepath.Join(t.TempDir(), "out")
	_, _, end := launch(t, s, `echo $$ >$0; sleep 0.2; exit 4`)
	var stop atomic.Bool
	var killer sync.WaitGroup
	killer.Go(func() {
		for !stop.Load() {
			s.mu.Lock()
			l := s.link
			s.mu.Unlock()
			_ = l.cmd.Process.Kill()
			time.Sleep(15 * time.Millisecond)
		}
	})
	const n = 60
	fails := 0
	for i := range n {
		if r := s.Run(sh(fmt.Sprintf("echo %d >>%s", i, out))); r.Err != nil {
			fails++ // three launchers in a row died under it: said so, and not run
		}
	}
	stop.Store(true)
	killer.Wait()
	if r := <-end; r.Code != 4 {
		t.Errorf("what ran already: %+v", r)
	}
	b, _ := os.ReadFile(out)
	got := strings.Fields(string(b))
	seen := map[string]bool{}
	for _, g := range got {
		if seen[g] {
			t.Errorf("%s was run twice", g)
		}
		seen[g] = true
	}
	if len(seen) != n-fails {
		t.Errorf("%d run, %d failed, of %d", len(seen), fails, n)
	}
}

func TestMany(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	const n = 300
	var wg sync.WaitGroup
	var ok, begun atomic.Int64
	for range n {
		wg.Add(1)
		s.Start(own("/bin/true"), func(_, _ clock.Instant) { begun.Add(1) }, func(r Result) {
			if r.OK() {
				ok.Add(1)
			} else {
				t.Error(r.String())
			}
			wg.Done()
		})
	}
	wg.Wait()
	if ok.Load() != n || begun.Load() != n {
		t.Errorf("%d of %d, %d begun", ok.Load(), n, begun.Load())
	}
}

// Descriptors do not pile up.
func TestNoDescriptorLeak(t *testing.T) {
	s := newStarter(t, Options{})
	count := func() int {
		d, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(d)
	}
	s.Run(sh("true"))
	before := count()
	for range 100 {
		s.Run(sh("echo x"))
		s.Run(own("/nonexistent"))
	}
	eventually(t, fmt.Sprintf("no more than %d descriptors", before), func() bool { return count() <= before })
	d, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.link.cmd.Process.Pid))
	if err != nil || len(d) > 10 {
		t.Errorf("the launcher holds %d descriptors (%v)", len(d), err)
	}
}

// A full process table is a failure with its reason, and passes.
func TestNoMoreProcesses(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	s.Run(sh("true")) // it is up
	pid := s.link.cmd.Process.Pid
	var old unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 0, Max: 0}, &old); err != nil {
		t.Skip(err)
	}
	if os.Geteuid() == 0 {
		// The limit does not concern root: take the launcher's privileges instead, by a pids cgroup.
		_ = unix.Prlimit(pid, unix.RLIMIT_NPROC, &old, nil)
		release := pidsLimit(t, pid)
		defer release()
	}
	r := s.Run(sh("true"))
	if r.String() != "could not be run: no new process: resource temporarily unavailable" {
		t.Errorf("%q", r.String())
	}
}

// pidsLimit puts the launcher into a cgroup without room, and gives a function that takes it out.
func pidsLimit(t *testing.T, pid int) func() {
	t.Helper()
	for _, root := range []string{"/sys/fs/cgroup/pids", "/sys/fs/cgroup"} {
		dir := filepath.Join(root, fmt.Sprintf("holdfast-pids-%d", os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		procs := filepath.Join(dir, "cgroup.procs")
		err := os.WriteFile(filepath.Join(dir, "pids.max"), []byte("1"), 0)
		if err == nil {
			err = os.WriteFile(procs, []byte(strconv.Itoa(pid)), 0)
		}
		release := func() {
			_ = os.WriteFile(filepath.Join(root, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
			eventually(t, "cgroup removed", func() bool { return os.Remove(dir) == nil })
		}
		if err == nil {
			return release
		}
		release()
	}
	t.Skip("no pids cgroup that this test may use")
	return nil
}
