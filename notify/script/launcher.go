package script

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// LauncherFD is the descriptor on which a launcher finds its socket.
const LauncherFD = 3

// launcher is the state of the process that forks.
type launcher struct {
	fd    int
	null  int
	env   []*byte
	shell *byte
	own   struct {
		uid, gid uint32
	}
}

// RunLauncher is the main of the launcher process. It returns when the other end of its socket is gone, and must be called
// from the main goroutine of a process that does nothing else: the program calls it, before all else, when it finds itself
// started with the arguments of Options.Launcher.
func RunLauncher() error {
	runtime.LockOSThread()
	l, err := newLauncher()
	if err != nil {
		return err
	}
	buf, oob := make([]byte, maxRequest+maxRequest/2), make([]byte, unix.CmsgSpace(3*4))
	for {
		n, oobn, flags, _, err := unix.Recvmsg(l.fd, buf, oob, unix.MSG_CMSG_CLOEXEC)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("launcher socket: %w", err)
		case n == 0:
			return nil
		}
		fds := descriptors(oob[:oobn])
		if flags&unix.MSG_TRUNC == 0 {
			l.serve(buf[:n], fds)
		}
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
}

// newLauncher makes this process what its children are to inherit.
func newLauncher() (*launcher, error) {
	warm(4)
	runtime.GC() // makes its workers now
	ordinary()
	l := &launcher{fd: LauncherFD}
	var err error
	if l.null, err = unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("/dev/null: %w", err)
	}
	if l.null, err = unix.FcntlInt(uintptr(l.null), unix.F_DUPFD_CLOEXEC, 3); err != nil {
		return nil, fmt.Errorf("/dev/null: %w", err)
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

// ordinary gives the process, and with it every script, ordinary scheduling, the limit of open files that the daemon was
// started with, and no capability that a program would inherit. Where one of these is refused, scripts run with what there is.
func ordinary() {
	if name, err := syscall.BytePtrFromString(filepath.Base(os.Args[0])); err == nil { // else ps says "exe"
		_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(name)), 0, 0, 0)
	}
	// Go raises the soft limit for itself and knows the old one only to put it back before an exec: one that fails does it.
	_ = syscall.Exec("", []string{""}, nil)
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
	_, _, _ = syscall.RawSyscall(unix.SYS_IOPRIO_SET, 1, 0, 0) // IOPRIO_WHO_PROCESS, this thread, class none
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&hdr, &data[0]) == nil {
		data[0].Inheritable, data[1].Inheritable = 0, 0
		_ = unix.Capset(&hdr, &data[0])
	}
	// We leave when our socket closes, not when somebody means the whole process group.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE)
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

func descriptors(oob []byte) (fds []int) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range msgs {
		if got, err := unix.ParseUnixRights(&msgs[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

// serve makes one child. What goes wrong is said through the status pipe; without that there is nobody to say it to.
func (l *launcher) serve(packet []byte, fds []int) {
	h, err := parse(packet)
	want := 1
	if h.output {
		want++
	}
	if h.cgroup {
		want++
	}
	if err != nil || len(fds) != want {
		return
	}
	p := l.plan(&h, fds)
	if _, _, errno := fork(p); errno != 0 {
		rep := report{Kind: reportFailed, A: uint64(StageFork), B: uint64(errno)}
		unix.Write(fds[0], rep.bytes())
	}
	runtime.KeepAlive(h)
	runtime.KeepAlive(p)
}

// plan lays out the child's memory.
func (l *launcher) plan(h *head, fds []int) *plan {
	argv := make([]*byte, 0, h.nArgs+1)
	at := 0
	for i, c := range h.args {
		if c == 0 {
			argv = append(argv, &h.args[at])
			at = i + 1
		}
	}
	shArgv := append([]*byte{l.shell, argv[0]}, argv[1:]...)
	argv, shArgv = append(argv, nil), append(shArgv, nil)
	p := &plan{
		path: argv[0], argv: &argv[0], env: &l.env[0], shell: l.shell, shArgv: &shArgv[0], open: h.open,
		changeUser: h.uid != l.own.uid || h.gid != l.own.gid,
		uid:        uintptr(h.uid), gid: uintptr(h.gid), nGroups: uintptr(len(h.groups)),
		stdio:  [3]uintptr{uintptr(l.null), uintptr(l.null), uintptr(l.null)},
		status: uintptr(fds[0]), parent: uintptr(h.parent), clone: unix.CLONE_PARENT, cgroup: -1,
	}
	if len(h.groups) > 0 {
		p.groups = &h.groups[0]
	}
	if h.output {
		p.stdio[1], p.stdio[2] = uintptr(fds[1]), uintptr(fds[1])
	}
	if h.cgroup {
		p.cgroup = fds[len(fds)-1]
	}
	return p
}

func (r *report) bytes() []byte { return unsafe.Slice((*byte)(unsafe.Pointer(r)), reportSize) }
