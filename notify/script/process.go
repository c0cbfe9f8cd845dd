package script

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
)

// Process is one run of a script.
type Process struct {
	s       *Starter
	started func(forked, at clock.Instant)
	done    func(Result)
	res     Result
	out     *capture

	mu     sync.Mutex
	pid    int // 0 before the fork and after the reaping
	signal syscall.Signal
	cgroup *cgroup
	status *os.File
	pidfd  *os.File
	gone   bool // abandoned
}

// Start runs c and returns at once. started is called when the program itself begins, with the times at which it had a process and at
// which it began; done when it has ended or could not be started; both from a goroutine of their own, and either may be nil.
func (s *Starter) Start(c Command, started func(forked, at clock.Instant), done func(Result)) *Process {
	p := &Process{s: s, started: started, done: done}
	p.res.Asked = s.opt.Clock()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		p.res.Err = ErrClosed
		go p.finish()
		return p
	}
	s.live[p] = struct{}{}
	s.idle.Go(func() { p.run(c) })
	s.mu.Unlock()
	return p
}

// Run is Start and a wait for the end.
func (s *Starter) Run(c Command) Result {
	end := make(chan Result, 1)
	s.Start(c, nil, func(r Result) { end <- r })
	return <-end
}

// Signal sends SIGTERM, or with kill SIGKILL, to all of the script's process group; SIGKILL also to everything in its cgroup,
// where it has one. A script that has ended is not touched, nor is any other process that has its number by now.
func (p *Process) Signal(kill bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signal = syscall.SIGTERM
	if kill {
		p.signal = syscall.SIGKILL
	}
	p.deliver()
}

// deliver sends p.signal if there is somebody to get it. A child that has not yet made its process group is meant by its pid.
func (p *Process) deliver() {
	if p.signal == syscall.SIGKILL && p.cgroup != nil {
		p.cgroup.kill() // also a child that has not reported yet
	}
	if p.pid == 0 || p.signal == 0 {
		return
	}
	if errors.Is(unix.Kill(-p.pid, p.signal), unix.ESRCH) {
		_ = unix.Kill(p.pid, p.signal)
	}
}

// abandon gives up a script that does not die.
func (p *Process) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	if p.status != nil {
		p.status.Close()
	}
	if p.pidfd != nil {
		p.pidfd.Close()
	}
}

func (p *Process) run(c Command) {
	if err := p.start(&c); err != nil {
		p.res.Err = err
	}
	if p.pid != 0 {
		p.wait()
	}
	if p.out != nil {
		p.res.Output = p.out.end(&p.s.linger)
	}
	p.leave()
	p.finish()
}

func (p *Process) finish() {
	p.res.Ended = p.s.opt.Clock()
	p.s.mu.Lock()
	delete(p.s.live, p)
	p.s.mu.Unlock()
	if p.done != nil {
		p.done(p.res)
	}
}

// start brings the program to life, or says why not. The launcher may die at any moment: as long as no child has reported
// through the status pipe when that closes, nothing was run, and another launcher is asked.
func (p *Process) start(c *Command) error {
	if err := c.check(); err != nil {
		return err
	}
	var l *link
	for range 3 {
		var err error
		if l, err = p.s.connect(l); err != nil {
			return err
		}
		again, err := p.try(l, c)
		if !again {
			return err
		}
	}
	return errors.New("launcher process does not work")
}

func (p *Process) try(l *link, c *Command) (again bool, err error) {
	if err := p.ask(l, c); err != nil {
		if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, os.ErrClosed) {
			return true, nil
		}
		return false, err
	}
	defer p.status.Close()
	var rep report
	if _, err := io.ReadFull(p.status, rep.bytes()); err != nil {
		return !p.told(), errEarly
	}
	if rep.Kind == reportFailed {
		return false, &StartError{Stage(rep.A), syscall.Errno(rep.B)}
	}
	p.forked(&rep)
	if _, err := io.ReadFull(p.status, rep.bytes()); err == nil {
		return false, &StartError{Stage(rep.A), syscall.Errno(rep.B)}
	}
	if !p.told() { // else it may as well have been killed before
		p.res.Started = p.s.opt.Clock()
		if p.started != nil {
			p.started(p.res.Forked, p.res.Started)
		}
	}
	return false, nil
}

// told reports whether the script was told to end.
func (p *Process) told() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.signal != 0 || p.gone
}

var errEarly = errors.New("ended before it began")

// ask sends the request with its descriptors. Our copies of what the child gets are closed again.
func (p *Process) ask(l *link, c *Command) error {
	p.reset()
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return err
	}
	defer unix.Close(pipe[1])
	p.mu.Lock()
	p.status = os.NewFile(uintptr(pipe[0]), "status pipe")
	p.mu.Unlock()
	r := request{cmd: *c, parent: uint32(os.Getpid())}
	fds := []int{pipe[1]}
	if c.Capture {
		out, w, err := newCapture()
		if err != nil {
			return err
		}
		p.out = out
		defer unix.Close(w)
		r.output, fds = true, append(fds, w)
	}
	if p.s.cgroups != nil {
		if g := p.s.cgroups.acquire(); g != nil {
			p.mu.Lock()
			p.cgroup = g
			p.mu.Unlock()
			r.cgroup, fds = true, append(fds, g.fd)
		}
	}
	return l.send(r.append(nil), fds)
}

// reset gives back what an earlier attempt took.
func (p *Process) reset() {
	if p.out != nil {
		p.out.end(&p.s.linger)
		p.out = nil
	}
	p.leave()
}

// leave gives the cgroup back; from then on it may be another script's.
func (p *Process) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cgroup != nil {
		p.s.cgroups.release(p.cgroup)
		p.cgroup = nil
	}
}

// forked takes note of the child's report. A signal that was asked for before goes out now.
func (p *Process) forked(rep *report) {
	p.res.Forked = clock.Instant(rep.B)
	fd, err := openPidfd(int(rep.A))
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.pidfd = os.NewFile(uintptr(fd), "pidfd")
	}
	p.pid = int(rep.A)
	if rep.Kind != reportInside && p.cgroup != nil {
		g := p.cgroup
		p.cgroup = nil
		p.s.cgroups.release(g)
	}
	p.deliver()
}

func (p *Process) abandoned() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

// wait waits for the end of the script itself; what it left in the background is not waited for. If it was told to end, the
// rest of its group is killed now: only as long as it has not been reaped is its number surely still its own.
func (p *Process) wait() {
	if p.pidfd != nil {
		defer p.pidfd.Close()
		raw, err := p.pidfd.SyscallConn()
		if err == nil {
			err = raw.Read(func(uintptr) bool { return ended(p.pid, unix.WNOHANG) })
		}
		if err != nil && p.abandoned() {
			p.res.Err = errors.New("does not end, given up")
			return
		}
	}
	for !ended(p.pid, 0) { // at once, but for kernels without pidfds
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.signal != 0 {
		p.signal = syscall.SIGKILL
		p.deliver()
	}
	var ws unix.WaitStatus
	_, err := unix.Wait4(p.pid, &ws, 0, nil)
	for errors.Is(err, unix.EINTR) {
		_, err = unix.Wait4(p.pid, &ws, 0, nil)
	}
	p.pid = 0
	switch {
	case p.res.Err != nil:
	case err != nil:
		p.res.Err = err
	case ws.Signaled():
		p.res.Signal = ws.Signal()
	default:
		p.res.Code = ws.ExitStatus()
	}
}

// ended reports whether the child has ended, without reaping it.
func ended(pid, flags int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT|flags, nil)
	if errors.Is(err, unix.EINTR) {
		return false
	}
	return err != nil || info.Signo != 0
}

// openPidfd gives a descriptor that becomes readable when the child ends, in a form that waiting for it costs no thread.
func openPidfd(pid int) (int, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.EINVAL) { // before 5.10
		if fd, err = unix.PidfdOpen(pid, 0); err == nil {
			err = unix.SetNonblock(fd, true)
		}
	}
	return fd, err
}
