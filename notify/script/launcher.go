package script

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/threads"
)

// LauncherFD is the descriptor on which a launcher finds its socket.
const LauncherFD = 3

const (
	// receivers is how many threads can take requests. One does. While its child shares its memory, until the program begins, it waits; if
	// that takes longer than patience (the child waits for a processor, or for a file system that does not answer) another takes its place.
	// The last one makes copies, for which it need not wait.
	receivers = 4
	patience  = 2_000_000 // nanoseconds
)

// launcher is the state of the process that forks.
type launcher struct {
	fd    int
	null  int
	env   []*byte
	shell *byte
	own   struct {
		uid, gid uint32
	}

	watch  int           // timerfd that fires when the receiving thread has waited for patience
	spare  atomic.Int32  // threads that would take its place then
	starts atomic.Uint64 // starts with shared memory, to tell them apart
	held   atomic.Uint64 // the one that the receiving thread waits for; 0 for none, or if it was replaced
}

// RunLauncher is the main of the launcher process. It returns when the other end of its socket is gone, and must be called
// by a process that does nothing else: the program calls it, before all else, when it finds itself started with the arguments of
// Options.Launcher.
func RunLauncher() error {
	runtime.LockOSThread()
	l, err := newLauncher()
	if err != nil {
		return err
	}
	ended := make(chan error, receivers)
	for i := range receivers {
		w := newWorker()
		go func() {
			runtime.LockOSThread()
			ordinary()
			if i > 0 {
				l.standBy()
			}
			for l.receive(w, ended) {
				l.standBy()
			}
		}()
	}
	return <-ended
}

// receive serves requests until the socket ends, which it tells, or until somebody else does so because this thread was held up. It
// reports whether that is so.
func (l *launcher) receive(w *worker, ended chan<- error) (replaced bool) {
	for !replaced {
		n, err := w.receive(l.fd)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			ended <- fmt.Errorf("launcher socket: %w", err)
			return false
		case n == 0:
			ended <- nil
			return false
		}
		if w.whole() {
			replaced = l.serve(w, w.buf[:n])
		}
		for _, fd := range w.fds {
			unix.Close(fd)
		}
	}
	return true
}

// standBy waits until the receiving thread is held up, and takes its place.
func (l *launcher) standBy() {
	l.spare.Add(1)
	defer l.spare.Add(-1)
	var ticks [8]byte
	for {
		_, _ = unix.Read(l.watch, ticks[:])
		if n := l.held.Load(); n != 0 && l.held.CompareAndSwap(n, 0) {
			return
		}
	}
}

// arm has those who stand by woken in so many nanoseconds; 0 for never.
func (l *launcher) arm(after int64) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(after)}
	_ = unix.TimerfdSettime(l.watch, 0, &spec, nil)
}

// newLauncher makes this process what its children are to inherit.
func newLauncher() (*launcher, error) {
	// A thread that waits for its child looks to the runtime as if it computed: there must be a processor left for another, and nobody may
	// collect garbage, who would wait for it too. (There is none.)
	runtime.GOMAXPROCS(receivers + 1)
	threads.Store(receivers + 4)
	debug.FreeOSMemory() // makes the collector's workers now
	debug.SetGCPercent(-1)
	plain()
	l := &launcher{fd: LauncherFD}
	var err error
	if l.null, err = unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("/dev/null: %w", err)
	}
	if l.null, err = unix.FcntlInt(uintptr(l.null), unix.F_DUPFD_CLOEXEC, 3); err != nil {
		return nil, fmt.Errorf("/dev/null: %w", err)
	}
	if l.watch, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("timer: %w", err)
	}
	if err := closeOnExec(); err != nil {
		return nil, err
	}
	for _, kv := range os.Environ() {
		p, err := syscall.BytePtrFromString(kv)
		if err != nil {
			continue
		}
		l.env = append(l.env, p)
	}
	l.env = append(l.env, nil)
	l.shell, _ = syscall.BytePtrFromString("/bin/sh")
	l.own.uid, l.own.gid = uint32(os.Geteuid()), uint32(os.Getegid())
	return l, nil
}

// plain gives the process, and with it every script, the limit of open files that the daemon was started with, and signals that mean us
// alone.
func plain() {
	if name, err := syscall.BytePtrFromString(filepath.Base(os.Args[0])); err == nil { // else ps says "exe"
		_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(name)), 0, 0, 0)
	}
	// Go raises the soft limit for itself and knows the old one only to put it back before an exec: one that fails does it.
	_ = syscall.Exec("", []string{""}, nil)
	// We leave when our socket closes, not when somebody means the whole process group.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE)
}

// ordinary gives the calling thread, and with it every script that it starts, ordinary scheduling and no capability that a program would
// inherit. Where one of these is refused, scripts run with what there is.
func ordinary() {
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
	_, _, _ = syscall.RawSyscall(unix.SYS_IOPRIO_SET, 1, 0, 0) // IOPRIO_WHO_PROCESS, this thread, class none
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&hdr, &data[0]) == nil {
		data[0].Inheritable, data[1].Inheritable = 0, 0
		_ = unix.Capset(&hdr, &data[0])
	}
}

// closeOnExec marks everything but the standard descriptors, whoever opened it.
func closeOnExec() error {
	if unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC) == nil { // 5.11
		return nil
	}
	dir, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("descriptors: %w", err)
	}
	for _, e := range dir {
		var fd int
		if _, err := fmt.Sscan(e.Name(), &fd); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// serve makes one child. What goes wrong is said through the status pipe; without that there is nobody to say it to. It reports whether
// another thread took our place meanwhile.
func (l *launcher) serve(w *worker, packet []byte) (replaced bool) {
	h, err := parse(packet)
	want := 1
	if h.output {
		want++
	}
	if h.cgroup {
		want++
	}
	if err != nil || len(w.fds) != want {
		return false
	}
	w.lay(l, &h)
	p, n := &w.plan, uint64(0)
	if p.share = canShare && l.spare.Load() > 0; p.share {
		n = l.starts.Add(1)
		l.held.Store(n)
		l.arm(patience)
	}
	_, _, errno := fork(p)
	if p.share {
		if replaced = !l.held.CompareAndSwap(n, 0); !replaced {
			l.arm(0)
		}
	}
	if errno != 0 {
		p.rep = report{Kind: reportFailed, A: uint64(StageFork), B: uint64(errno)}
		unix.Write(w.fds[0], p.rep.bytes())
	}
	return replaced
}

func (r *report) bytes() []byte { return unsafe.Slice((*byte)(unsafe.Pointer(r)), reportSize) }
