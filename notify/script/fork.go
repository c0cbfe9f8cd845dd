//go:build linux && (amd64 || arm64 || loong64 || ppc64le || riscv64 || s390x)

// (Elsewhere the kernel's numbers for users, signal sets and stacks differ from what is written here.)

package script

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// plan is all that a child needs, laid out before the fork: between fork and execve it can neither allocate nor call
// anything but the kernel.
type plan struct {
	path   *byte // program, or what is to be opened
	argv   **byte
	env    **byte
	shell  *byte // runs what the kernel does not know how to
	shArgv **byte
	open   bool

	changeUser bool // user or group is not the launcher's own: then a refusal counts
	uid, gid   uintptr
	groups     *uint32
	nGroups    uintptr

	stdio  [3]uintptr
	status uintptr // pipe that the child reports to, close-on-exec
	parent uintptr // pid that must be its parent
	clone  uintptr // flags
	share  bool    // the child uses our memory until its program begins, and we wait for that
	cgroup int     // directory to start in, -1 for none

	rep       report // the child's own variables
	time      unix.Timespec
	dfl       sigAction
	noSignals uint64
}

// report is what goes through the status pipe. It closes by itself when the program begins.
type report struct {
	Kind uint64 // reportForked, reportFailed
	A    uint64 // pid; stage
	B    uint64 // CLOCK_MONOTONIC in nanoseconds; errno
}

const (
	reportForked = 1
	reportInside = 2 // as reportForked, and it is in its cgroup
	reportFailed = 3

	reportSize = int(unsafe.Sizeof(report{}))
)

// cloneArgs is struct clone_args of clone3(2), to and including cgroup.
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// sigAction is at least as large as the kernel's struct sigaction everywhere; all zero means the default action.
type sigAction [8]uint64

// fork makes the child. The calling goroutine must be locked to its thread. The child is a copy of this process with one
// thread: it runs on its own copy of this stack, so nothing of ours waits for it. With share it is no copy, uses this very stack, and fork
// returns when its program has begun or could not. Signals are blocked all the way, so that no handler of the runtime's can run in it.
//
//go:norace
//go:noinline
func fork(p *plan) (pid int, inside bool, err syscall.Errno) {
	var (
		all  = ^uint64(0)
		old  uint64
		args cloneArgs
		r    uintptr
		e    = syscall.ENOSYS
	)
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	if p.cgroup >= 0 {
		args.flags = uint64(p.clone) | unix.CLONE_INTO_CGROUP
		args.cgroup = uint64(p.cgroup)
		if p.clone&unix.CLONE_PARENT == 0 {
			args.exitSignal = uint64(unix.SIGCHLD)
		}
		if p.share {
			args.flags |= unix.CLONE_VM | unix.CLONE_VFORK
			r, e = rawVfork(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args))
		} else {
			r, _, e = syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
		}
		inside = e == 0
	}
	if !inside && p.share {
		r, e = rawVfork(unix.SYS_CLONE, p.clone|uintptr(unix.CLONE_VM|unix.CLONE_VFORK|unix.SIGCHLD), 0)
	} else if !inside {
		r, _, e = rawClone(p.clone | uintptr(unix.SIGCHLD))
	}
	if e == 0 && r == 0 {
		child(p, inside)
	}
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&old)), 0, 8, 0, 0)
	return int(r), inside, e
}

// child turns the copy into the script, and never returns. It and what it calls must neither allocate nor grow the stack: the
// linker checks the latter of functions that are marked nosplit. Little fits on what stack there is, so what they need to
// keep is in the plan, which nobody else touches meanwhile.
//
//go:norace
//go:nosplit
func child(p *plan, inside bool) {
	p.rep.Kind = reportForked
	if inside {
		p.rep.Kind = reportInside
	}
	r, _, _ := syscall.RawSyscall6(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)
	p.rep.A = uint64(r)
	syscall.RawSyscall6(unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&p.time)), 0, 0, 0, 0)
	p.rep.B = uint64(p.time.Sec)*1e9 + uint64(p.time.Nsec)
	syscall.RawSyscall6(unix.SYS_WRITE, p.status, uintptr(unsafe.Pointer(&p.rep)), uintptr(reportSize), 0, 0, 0)

	p.rep.Kind = reportFailed
	e := settle(p)
	if e == 0 {
		e = setUser(p)
	}
	if e == 0 {
		e = begin(p)
	}
	p.rep.B = uint64(e)
	syscall.RawSyscall6(unix.SYS_WRITE, p.status, uintptr(unsafe.Pointer(&p.rep)), uintptr(reportSize), 0, 0, 0)
	for {
		syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 127, 0, 0, 0, 0, 0)
	}
}

// settle gives the child its own signal handlers, process group and descriptors.
//
//go:norace
//go:nosplit
func settle(p *plan) (e syscall.Errno) {
	var s uintptr
	for s = 1; s <= 64; s++ { // execve leaves ignored signals ignored
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, s, uintptr(unsafe.Pointer(&p.dfl)), 0, 8, 0, 0)
	}
	p.rep.A = uint64(StageGroup)
	if _, _, e = syscall.RawSyscall6(unix.SYS_SETPGID, 0, 0, 0, 0, 0, 0); e != 0 {
		return e
	}
	p.rep.A = uint64(StageStdio)
	for s = 0; s < 3; s++ { // none of p.stdio is below 3
		if _, _, e = syscall.RawSyscall6(unix.SYS_DUP3, p.stdio[s], s, 0, 0, 0, 0); e != 0 {
			return e
		}
	}
	only(p.status)
	return 0
}

// only closes all descriptors but the standard ones and this one. They are close-on-exec, but among them may be the status pipe of another
// child that is being started: as long as it is open here too, it looks as if that one had not begun.
//
//go:norace
//go:nosplit
func only(keep uintptr) {
	_, _, e := syscall.RawSyscall6(unix.SYS_CLOSE_RANGE, keep+1, lastFD, 0, 0, 0, 0)
	if e == 0 && keep > 3 {
		_, _, e = syscall.RawSyscall6(unix.SYS_CLOSE_RANGE, 3, keep-1, 0, 0, 0, 0)
	}
	if e == 0 {
		return
	}
	for fd := uintptr(3); fd < manyFDs; fd++ { // before 5.9
		if fd != keep {
			syscall.RawSyscall6(unix.SYS_CLOSE, fd, 0, 0, 0, 0, 0)
		}
	}
}

const (
	lastFD  = 1<<32 - 1
	manyFDs = 64 // more than a launcher ever has
)

// setUser changes user and groups, and takes away capabilities that a program would inherit.
//
//go:norace
//go:nosplit
func setUser(p *plan) (e syscall.Errno) {
	p.rep.A = uint64(StageUser)
	syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0)
	_, _, e = syscall.RawSyscall6(unix.SYS_SETGROUPS, p.nGroups, uintptr(unsafe.Pointer(p.groups)), 0, 0, 0, 0)
	if !p.changeUser {
		return 0
	}
	if e == 0 {
		_, _, e = syscall.RawSyscall6(unix.SYS_SETRESGID, p.gid, p.gid, p.gid, 0, 0, 0)
	}
	if e == 0 {
		_, _, e = syscall.RawSyscall6(unix.SYS_SETRESUID, p.uid, p.uid, p.uid, 0, 0, 0)
	}
	return e
}

// begin runs the program, or opens what is to be opened. It returns only if that fails.
//
//go:norace
//go:nosplit
func begin(p *plan) (e syscall.Errno) {
	// After the change of user, which clears it. Whoever died before this is found by looking.
	syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0, 0)
	p.rep.A = uint64(StageParent)
	if r, _, _ := syscall.RawSyscall6(unix.SYS_GETPPID, 0, 0, 0, 0, 0, 0); r != p.parent {
		return syscall.ESRCH
	}
	p.rep.A = uint64(StageExec)
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&p.noSignals)), 0, 8, 0, 0)
	if p.open {
		_, _, e = syscall.RawSyscall6(unix.SYS_OPENAT, atFDCWD, uintptr(unsafe.Pointer(p.path)), openFlags, 0, 0, 0)
		if e == 0 {
			syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 0, 0, 0, 0, 0, 0)
		}
		return e
	}
	_, _, e = syscall.RawSyscall6(unix.SYS_EXECVE, uintptr(unsafe.Pointer(p.path)), uintptr(unsafe.Pointer(p.argv)), uintptr(unsafe.Pointer(p.env)), 0, 0, 0)
	if e == syscall.ENOEXEC {
		_, _, e = syscall.RawSyscall6(unix.SYS_EXECVE, uintptr(unsafe.Pointer(p.shell)), uintptr(unsafe.Pointer(p.shArgv)), uintptr(unsafe.Pointer(p.env)), 0, 0, 0)
	}
	return e
}

const (
	atFDCWD   = ^uintptr(99)                                                     // AT_FDCWD, -100
	openFlags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC // a FIFO or a terminal must not hold us
)

// rawClone is clone(2) as a fork: no new stack.
//
//go:norace
//go:nosplit
func rawClone(flags uintptr) (r1, r2 uintptr, err syscall.Errno) {
	if runtime.GOARCH == "s390x" { // its first two arguments are the other way round
		return syscall.RawSyscall6(unix.SYS_CLONE, 0, flags, 0, 0, 0, 0)
	}
	return syscall.RawSyscall6(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
}
