package script

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// runPlain runs a program the ordinary way.
func runPlain(args ...string) (string, error) {
	out, err := exec.Command(args[0], args[1:]...).Output()
	return string(out), err
}

// asOddOne makes a Starter whose launcher inherits what a real-time daemon that ignores signals has.
func asOddOne(t *testing.T) (*Starter, error) {
	signal.Ignore(syscall.SIGUSR1, syscall.SIGPIPE)
	t.Cleanup(func() { signal.Reset(syscall.SIGUSR1, syscall.SIGPIPE) })
	opt := Options{Launcher: []string{launcherName}, Clock: Monotonic}
	s := &Starter{opt: opt, spawn: make(chan func()), ended: make(chan struct{}), live: make(map[*Process]struct{})}
	go s.spawner()
	t.Cleanup(s.Close)
	var err error
	done := make(chan struct{})
	s.spawn <- func() { // on the thread that starts the launcher
		err = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 2}, 0)
		close(done)
	}
	<-done
	if err == nil {
		_, err = s.connect(nil)
	}
	return s, err
}

// pdeathsig reads from inside a script which signal it gets when its parent dies.
func pdeathsig(t *testing.T, s *Starter, uid uint32) int {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	prog := "import ctypes; n = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(n)); print(n.value)"
	path, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Skip("needs python3")
	}
	c := own(strings.TrimSpace(string(path)), "-c", prog)
	if _, err := os.Stat("/usr/bin/python3"); err == nil {
		c.Args[0] = "/usr/bin/python3" // one that every user may run
	}
	c.UID = uid
	r := s.Run(c)
	var n int
	if _, err := fmt.Sscan(r.Output, &n); err != nil {
		t.Skipf("python3 does not run as user %d: %s %q", uid, r.String(), r.Output)
	}
	return n
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// gone reports whether no process has this number any more, but for one that waits to be reaped by somebody.
func gone(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}
