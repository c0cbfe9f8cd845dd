//go:build amd64 || arm64

package jail

import (
	"slices"

	"golang.org/x/sys/unix"
)

// test looks at one half of an argument: under mask it must be want. Most are 32-bit numbers for the kernel, of which the
// upper half says nothing.
type test struct {
	half       int // 2n is the lower one of argument n, 2n+1 the upper
	mask, want uint32
}

// rule lets a system call through if all tests of any one case hold; without cases always.
type rule struct {
	nr    uint32
	cases [][]test
}

const all = ^uint32(0)

func is(arg int, want uint32) test { return test{2 * arg, all, want} }

// newest is the last system call that was known when the list was made. Those that come later do not exist for us.
const newest = unix.SYS_RSEQ_SLICE_YIELD

// cloneFlags are those of clone(2) that matter: what is made must be a thread, in the namespaces that it is made in.
const cloneFlags = unix.CLONE_THREAD | unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_PTRACE | unix.CLONE_UNTRACED

// rules lists what a role may ask for that elects and keeps the kernel's addresses, as process pid. The most frequent come
// first: kernels before 5.11 go through the list with every call.
func rules(pid uint32) []rule {
	out := plain(
		unix.SYS_FUTEX, unix.SYS_NANOSLEEP, unix.SYS_EPOLL_PWAIT, unix.SYS_TIMERFD_SETTIME, unix.SYS_RECVMMSG, unix.SYS_SENDMMSG,
		unix.SYS_SENDMSG, unix.SYS_SENDTO, unix.SYS_RECVMSG, unix.SYS_RECVFROM, unix.SYS_READ, unix.SYS_WRITE, unix.SYS_PPOLL,
		unix.SYS_SCHED_YIELD, unix.SYS_CLOCK_GETTIME,
		// The runtime: memory, signals, threads.
		unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK, unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK,
		unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL, unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETPPID,
		unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_SCHED_GETAFFINITY, unix.SYS_GETRANDOM, unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL,
		unix.SYS_EPOLL_PWAIT2, unix.SYS_EVENTFD2, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_GETTIMEOFDAY, unix.SYS_UNAME, unix.SYS_SYSINFO,
		unix.SYS_TIMERFD_CREATE, unix.SYS_TIMERFD_GETTIME, unix.SYS_GETRUSAGE,
		// Scheduling of threads, as far as privileges let it: a filter can't tell whose they are.
		unix.SYS_SCHED_GETSCHEDULER, unix.SYS_SCHED_GETPARAM, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_GETPRIORITY, unix.SYS_SETPRIORITY,
		// Who am I.
		unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_CAPGET, unix.SYS_GETRLIMIT,
		// Descriptors that are there.
		unix.SYS_CLOSE, unix.SYS_CLOSE_RANGE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREAD64, unix.SYS_PWRITE64, unix.SYS_LSEEK,
		unix.SYS_FSTAT, unix.SYS_NEWFSTATAT, unix.SYS_STATX, unix.SYS_READLINKAT, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2,
		unix.SYS_GETDENTS64, unix.SYS_FCNTL, unix.SYS_DUP, unix.SYS_DUP3, unix.SYS_PIPE2,
		// Sockets, once they are there.
		unix.SYS_BIND, unix.SYS_CONNECT, unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_GETSOCKOPT, unix.SYS_SETSOCKOPT,
		unix.SYS_SHUTDOWN,
	)
	return append(out, checked(pid)...)
}

// checked are the calls of which it matters what they are called with.
func checked(pid uint32) []rule {
	const noNew = unix.O_CREAT | unix.O_TRUNC | unix.O_TMPFILE&^unix.O_DIRECTORY
	datagrams := test{half: 2, mask: 0xe, want: unix.SOCK_DGRAM} // 2 and 3: datagrams and raw
	sockets := func(families ...uint32) (cases [][]test) {
		for _, f := range families {
			cases = append(cases, []test{is(0, f), datagrams})
		}
		return cases
	}
	return []rule{
		{unix.SYS_MMAP, [][]test{{{4, unix.PROT_EXEC, 0}}}},
		{unix.SYS_MPROTECT, [][]test{{{4, unix.PROT_EXEC, 0}}}},
		{unix.SYS_CLONE, [][]test{{{0, cloneFlags, unix.CLONE_THREAD}}}},
		{unix.SYS_TGKILL, [][]test{{is(0, pid)}}},
		{unix.SYS_KILL, [][]test{{is(0, pid)}}},
		{unix.SYS_OPENAT, [][]test{{{4, noNew, 0}}}}, // which file it is only Landlock can tell
		{unix.SYS_SOCKET, sockets(unix.AF_INET, unix.AF_INET6, unix.AF_PACKET, unix.AF_NETLINK)},
		{unix.SYS_IOCTL, [][]test{{{2, all &^ 0xff, 0x8900}}}}, // those of sockets
		{unix.SYS_PRCTL, [][]test{{is(0, unix.PR_SET_VMA)}, {is(0, unix.PR_SET_NAME)}}},
		{unix.SYS_PRLIMIT64, [][]test{{{4, all, 0}, {5, all, 0}}}}, // to be told a limit, not to set one
	}
}

func plain(numbers ...uint32) []rule {
	out := make([]rule, len(numbers))
	for i, n := range numbers {
		out[i].nr = n
	}
	return out
}

// connections lists what a role may ask for that carries adverts to peers, as process pid: the same but for files, raw sockets and netlink, and
// TCP besides.
func connections(pid uint32) []rule {
	out := slices.DeleteFunc(rules(pid), func(r rule) bool {
		return r.nr == unix.SYS_SOCKET || r.nr == unix.SYS_OPENAT || r.nr == unix.SYS_IOCTL
	})
	inet := func(family uint32) [][]test {
		stream, datagrams := test{2 * 1, 0xf, unix.SOCK_STREAM}, test{2 * 1, 0xf, unix.SOCK_DGRAM}
		return [][]test{{is(0, family), stream}, {is(0, family), datagrams}}
	}
	return append(out, append(plain(unix.SYS_ACCEPT4),
		rule{unix.SYS_SOCKET, append(inet(unix.AF_INET), inet(unix.AF_INET6)...)},
		rule{unix.SYS_IOCTL, [][]test{{is(1, unix.SIOCOUTQ)}, {is(1, unix.SIOCINQ)}, {{2, all &^ 0xff, 0x8900}}}},
	)...)
}
