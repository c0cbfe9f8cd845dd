package script

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
	"holdfast.dev/internal/threads"
)

// Options of a Starter.
type Options struct {
	// Launcher is the command line, visible name first, with which this same program calls RunLauncher.
	// Default: holdfast launcher.
	Launcher []string
	Env      []string             // for scripts, less what rule R8 takes away; nil is our own
	Cgroup   string               // directory of a cgroup2 that is ours to divide; empty for none (see FindCgroup)
	Clock    func() clock.Instant // CLOCK_MONOTONIC; default the real one
}

// Starter starts scripts. Its methods may be called from any goroutine.
type Starter struct {
	opt     Options
	cgroups *cgroups // nil for none
	spawn   chan func()
	ended   chan struct{} // the spawner has ended

	mu     sync.Mutex
	link   *link
	live   map[*Process]struct{}
	closed bool
	idle   sync.WaitGroup // all goroutines but the spawner
	linger lingerers
}

// link is the connection to one launcher process.
type link struct {
	sock *os.File
	raw  syscall.RawConn
	cmd  *exec.Cmd
}

// ErrClosed is why a script does not run once its Starter was closed.
var ErrClosed = errors.New("not started any more")

// New makes a Starter and its launcher process.
func New(opt Options) (*Starter, error) {
	if len(opt.Launcher) == 0 {
		opt.Launcher = []string{"holdfast", "launcher"}
	}
	if opt.Env == nil {
		opt.Env = os.Environ()
	}
	opt.Env = cleanEnviron(opt.Env)
	if opt.Clock == nil {
		opt.Clock = Monotonic
	}
	s := &Starter{
		opt: opt, spawn: make(chan func()), ended: make(chan struct{}),
		live: make(map[*Process]struct{}),
	}
	if opt.Cgroup != "" {
		var err error
		if s.cgroups, err = newCgroups(opt.Cgroup); err != nil {
			return nil, err
		}
	}
	threads.Store(16)
	go s.spawner()
	if _, err := s.connect(nil); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Monotonic reads CLOCK_MONOTONIC.
func Monotonic() clock.Instant {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return clock.Instant(ts.Nano())
}

// Grouped reports whether scripts get cgroups of their own, so that nothing of theirs outlives a kill.
func (s *Starter) Grouped() bool { return s.cgroups != nil }

// spawner makes launchers on a thread that lives as long as the Starter: to the kernel the scripts are children of this
// thread, and are sent SIGTERM when it ends.
func (s *Starter) spawner() {
	runtime.LockOSThread()
	defer close(s.ended)
	for f := range s.spawn {
		f()
	}
}

// connect gives the launcher, a new one if there is none or if it is the broken one.
func (s *Starter) connect(broken *link) (*link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.link != nil && s.link != broken {
		return s.link, nil
	}
	if s.link != nil {
		s.link.sock.Close()
		s.link = nil
	}
	var l *link
	var err error
	done := make(chan struct{})
	s.spawn <- func() { l, err = s.launch(); close(done) }
	<-done
	if err != nil {
		return nil, fmt.Errorf("launcher: %w", err)
	}
	s.link = l
	s.idle.Go(func() { _ = l.cmd.Wait() })
	return l, nil
}

// launch runs on the spawner's thread.
func (s *Starter) launch() (*link, error) {
	fd, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	theirs := os.NewFile(uintptr(fd[1]), "launcher socket")
	defer theirs.Close()
	if err := unix.SetNonblock(fd[0], true); err != nil {
		unix.Close(fd[0])
		return nil, err
	}
	l := &link{sock: os.NewFile(uintptr(fd[0]), "launcher socket")}
	if l.raw, err = l.sock.SyscallConn(); err != nil {
		l.sock.Close()
		return nil, err
	}
	l.cmd = &exec.Cmd{
		Path: "/proc/self/exe", Args: s.opt.Launcher, Env: s.opt.Env, ExtraFiles: []*os.File{theirs},
		Stderr: os.Stderr, SysProcAttr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	}
	if err := l.cmd.Start(); err != nil {
		l.sock.Close()
		return nil, err
	}
	return l, nil
}

// send hands a request to the launcher, waiting for room where there is none.
func (l *link) send(packet []byte, fds []int) error {
	rights := unix.UnixRights(fds...)
	for try := 0; ; try++ {
		var sent error
		err := l.raw.Write(func(fd uintptr) bool {
			sent = unix.Sendmsg(int(fd), packet, rights, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
			return !errors.Is(sent, unix.EAGAIN)
		})
		if err == nil {
			err = sent
		}
		if !errors.Is(err, unix.ETOOMANYREFS) || try == 1000 {
			return err
		}
		time.Sleep(time.Millisecond) // too many descriptors of ours under way; the launcher takes them out
	}
}

// Kill kills what is still running, as Close does, but leaves the Starter usable.
func (s *Starter) Kill() {
	for _, p := range s.processes() {
		p.Signal(true)
	}
}

func (s *Starter) processes() (all []*Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.live {
		all = append(all, p)
	}
	return all
}

// Close kills the scripts that still run, waits a moment for them, and ends the launcher. What can't be killed (a process
// that the kernel holds) is left to init.
func (s *Starter) Close() {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return
	}
	s.Kill()
	s.linger.closeAll()
	for end := time.Now().Add(2 * time.Second); len(s.processes()) > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		s.Kill()
	}
	for _, p := range s.processes() {
		p.abandon()
	}
	s.mu.Lock()
	if s.link != nil {
		s.link.sock.Close()
	}
	s.mu.Unlock()
	close(s.spawn)
	s.await(time.Second)
	<-s.ended
	if s.cgroups != nil {
		s.cgroups.close()
	}
}

// await waits for our goroutines. Without pidfds (before 5.3) one of them may be held by a process that can't be killed.
func (s *Starter) await(limit time.Duration) {
	done := make(chan struct{})
	go func() { s.idle.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(limit):
	}
}

// cleanEnviron is rule R8: everything but what changes the meaning of words or the code of programs.
func cleanEnviron(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return name == "IFS" || name == "LD_PRELOAD" || name == "LD_LIBRARY_PATH"
	})
}
