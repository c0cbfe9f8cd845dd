package supervisor

import (
	"bufio"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/role"
)

// process is a role's process, or what stands for one.
type process interface {
	pid() int
	signal(sig unix.Signal)
}

// launch starts a role.
func (s *Supervisor) launch(c *child, cfg *config.Config) (p process, conn *role.Conn, stderr *os.File, err error) {
	near, far, err := role.Pair()
	if err != nil {
		return nil, nil, nil, err
	}
	conn, err = role.NewConn(near)
	if err != nil {
		far.Close()
		return nil, nil, nil, err
	}
	if s.opt.Single {
		p, err = s.launchHere(c, far)
	} else {
		p, stderr, err = s.fork(c, cfg, far)
	}
	if err != nil {
		conn.Close()
	}
	return p, conn, stderr, err
}

// forked is a process that only reap waits for: its number stays ours until then.
type forked int

func (p forked) pid() int               { return int(p) }
func (p forked) signal(sig unix.Signal) { _ = unix.Kill(int(p), sig) }

// fork executes this program as a role. It must be called on the thread of Run, with whose end the role is told to end.
func (s *Supervisor) fork(c *child, cfg *config.Config, far *os.File) (process, *os.File, error) {
	defer far.Close()
	b := boot{Role: c.name, Comm: s.opt.comm(c.name, cfg), IgnoreINT: s.opt.IgnoreINT}
	b.Setup, b.InPlace = c.setupFor(cfg, &s.opt), c.name != role.VRRP
	c.setup = b.Setup
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	pid, err := syscall.ForkExec("/proc/self/exe", s.opt.args(c.name, b.Comm), &syscall.ProcAttr{
		Env:   append(roleEnv(), b.env()),
		Files: []uintptr{0, 1, write.Fd(), far.Fd()},
		Sys:   &syscall.SysProcAttr{Pdeathsig: unix.SIGTERM, Setpgid: true},
	})
	write.Close()
	if err != nil {
		read.Close()
		return nil, nil, os.NewSyscallError("execute myself", err)
	}
	return forked(pid), read, nil
}

// roleEnv is our environment without what is meant for us alone.
func roleEnv() []string {
	env := []string{"GOTRACEBACK=crash"}
	for _, kv := range os.Environ() {
		switch name, _, _ := strings.Cut(kv, "="); name {
		case "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "GOTRACEBACK", bootEnv, daemonEnv, netnsEnv:
		default:
			env = append(env, kv)
		}
	}
	return env
}

// keepFrom keeps descriptors from first on from what is executed later: whoever started us may have left some open (rule
// Q17). Kernels before 5.11 can't do it at once.
func keepFrom(first int) {
	if unix.CloseRange(uint(first), math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
}

// Limits of what a role may print: that is what a crash leaves behind.
const (
	maxErrorLine  = 4 << 10
	maxErrorLines = 2000
)

// relayErrors logs what a role's process prints, which it does only when it crashes.
func (s *Supervisor) relayErrors(ident string, pid int, pipe *os.File) {
	defer pipe.Close()
	in := bufio.NewReaderSize(pipe, maxErrorLine)
	for range maxErrorLines {
		line, err := in.ReadSlice('\n')
		if text := strings.TrimRight(string(line), "\r\n"); text != "" {
			s.log.Put(logs.Line{Ident: ident, PID: pid, Level: logs.Err, Text: text})
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
	_, _ = io.Copy(io.Discard, in)
}

// reap waits for processes that have ended: those that it started, by number; where it adopts orphans also those. A
// foreign child is first looked at and then waited for by number, so that nobody else's is taken away by accident.
func (s *Supervisor) reap() {
	for _, c := range s.order {
		if p, ok := c.proc.(forked); ok {
			if e, ended := wait(p); ended {
				s.died(c, e)
			}
		}
	}
	for s.opt.Reap {
		pid := endedChild()
		if pid <= 0 {
			return
		}
		e, ended := wait(forked(pid))
		for _, c := range s.order {
			if c.proc == forked(pid) && ended {
				s.died(c, e)
			}
		}
		if !ended {
			return
		}
	}
}

// wait takes the exit of a process that has ended.
func wait(p forked) (exit, bool) {
	var ws unix.WaitStatus
	for {
		got, err := unix.Wait4(int(p), &ws, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil { // somebody else has waited for it
			return exit{code: exitProgram}, unix.Kill(int(p), 0) == unix.ESRCH
		}
		if got != int(p) {
			return exit{}, false
		}
		if ws.Signaled() {
			return exit{signal: ws.Signal()}, true
		}
		return exit{code: ws.ExitStatus()}, true
	}
}

// endedChild is the number of any child that has ended and was not waited for; 0 for none.
func endedChild() int {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0
		}
		break
	}
	// Three ints, then a union that is aligned like a pointer and begins with the number of the process.
	const word = unsafe.Sizeof(uintptr(0))
	const offset = (3*unsafe.Sizeof(int32(0)) + word - 1) &^ (word - 1)
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), offset)))
}
