//go:build amd64 || arm64

package jail

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// call is a system call as the filter sees it.
type call struct {
	arch, nr uint32
	args     [6]uint64
}

// data is call for the virtual machine of package bpf, which reads words as they come on a wire; halves are in this machine's order.
func (c call) data() []byte {
	b := binary.BigEndian.AppendUint32(nil, c.nr)
	b = binary.BigEndian.AppendUint32(b, c.arch)
	b = binary.BigEndian.AppendUint64(b, 0x1122334455667788) // instruction pointer
	for _, a := range c.args {
		b = binary.BigEndian.AppendUint32(b, uint32(a))
		b = binary.BigEndian.AppendUint32(b, uint32(a>>32))
	}
	return b
}

const me = 4711

func machine(t *testing.T) *bpf.VM {
	t.Helper()
	list, err := filter(arch, rules(me))
	if err != nil {
		t.Fatal(err)
	}
	vm, err := bpf.NewVM(list)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

func judge(t *testing.T, vm *bpf.VM, name string, c call, want uint32) {
	t.Helper()
	got, err := vm.Run(c.data())
	if err != nil {
		t.Fatal(name, err)
	}
	if uint32(got) != want {
		t.Errorf("%s: %#x, want %#x", name, uint32(got), want)
	}
}

var verdicts = []struct {
	name string
	nr   uint32
	args [6]uint64
	want uint32
}{
	{"a thread", unix.SYS_CLONE, [6]uint64{unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD}, permit},
	{"a process", unix.SYS_CLONE, [6]uint64{unix.CLONE_VM | unix.CLONE_VFORK | uint64(unix.SIGCHLD)}, refuse},
	{"a thread in a namespace of its own", unix.SYS_CLONE, [6]uint64{unix.CLONE_THREAD | unix.CLONE_NEWNET}, refuse},
	{"clone3", unix.SYS_CLONE3, [6]uint64{}, absent},
	{"execve", unix.SYS_EXECVE, [6]uint64{}, refuse},
	{"execveat", unix.SYS_EXECVEAT, [6]uint64{}, refuse},
	{"ptrace", unix.SYS_PTRACE, [6]uint64{}, refuse},
	{"mount", unix.SYS_MOUNT, [6]uint64{}, refuse},
	{"bpf", unix.SYS_BPF, [6]uint64{}, refuse},
	{"io_uring_setup", unix.SYS_IO_URING_SETUP, [6]uint64{}, refuse},
	{"setns", unix.SYS_SETNS, [6]uint64{}, refuse},
	{"unshare", unix.SYS_UNSHARE, [6]uint64{}, refuse},
	{"seccomp", unix.SYS_SECCOMP, [6]uint64{}, refuse},
	{"clock_settime", unix.SYS_CLOCK_SETTIME, [6]uint64{}, refuse},
	{"mlockall", unix.SYS_MLOCKALL, [6]uint64{}, refuse},
	{"the last one known", newest, [6]uint64{}, refuse},
	{"a newer one", newest + 1, [6]uint64{}, absent},
	{"the same for the x32 architecture", 1<<30 | unix.SYS_READ, [6]uint64{}, absent},
	{"read", unix.SYS_READ, [6]uint64{}, permit},
	{"futex", unix.SYS_FUTEX, [6]uint64{}, permit},
	{"the last plain one", unix.SYS_SHUTDOWN, [6]uint64{}, permit},
	{"read a file", unix.SYS_OPENAT, [6]uint64{0, 0, unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK}, permit},
	{"read a folder", unix.SYS_OPENAT, [6]uint64{0, 0, unix.O_RDONLY | unix.O_DIRECTORY}, permit},
	{"write a setting", unix.SYS_OPENAT, [6]uint64{0, 0, unix.O_WRONLY}, permit},
	{"make a file", unix.SYS_OPENAT, [6]uint64{0, 0, unix.O_CREAT}, refuse},
	{"cut a file", unix.SYS_OPENAT, [6]uint64{0, 0, unix.O_WRONLY | unix.O_TRUNC}, refuse},
	{"an unnamed file", unix.SYS_OPENAT, [6]uint64{0, 0, unix.O_TMPFILE}, refuse},
	{"openat2", unix.SYS_OPENAT2, [6]uint64{}, refuse},
	{"a signal to a thread of my own", unix.SYS_TGKILL, [6]uint64{me, 1, 6}, permit},
	{"a signal to somebody's thread", unix.SYS_TGKILL, [6]uint64{me + 1, 1, 6}, refuse},
	{"a signal to myself", unix.SYS_KILL, [6]uint64{me, 6}, permit},
	{"a signal to everybody", unix.SYS_KILL, [6]uint64{0xffffffff, 9}, refuse},
	{"a raw IPv4 socket", unix.SYS_SOCKET, [6]uint64{unix.AF_INET, unix.SOCK_RAW | unix.SOCK_CLOEXEC, 112}, permit},
	{"a raw IPv6 socket", unix.SYS_SOCKET, [6]uint64{unix.AF_INET6, unix.SOCK_RAW | unix.SOCK_NONBLOCK, 112}, permit},
	{"a UDP socket", unix.SYS_SOCKET, [6]uint64{unix.AF_INET, unix.SOCK_DGRAM}, permit},
	{"a TCP socket", unix.SYS_SOCKET, [6]uint64{unix.AF_INET, unix.SOCK_STREAM | unix.SOCK_CLOEXEC}, refuse},
	{"an SCTP socket", unix.SYS_SOCKET, [6]uint64{unix.AF_INET6, unix.SOCK_SEQPACKET}, refuse},
	{"a packet socket", unix.SYS_SOCKET, [6]uint64{unix.AF_PACKET, unix.SOCK_RAW}, permit},
	{"a netlink socket", unix.SYS_SOCKET, [6]uint64{unix.AF_NETLINK, unix.SOCK_RAW}, permit},
	{"a unix socket", unix.SYS_SOCKET, [6]uint64{unix.AF_UNIX, unix.SOCK_DGRAM}, refuse},
	{"a socket of the kernel's cryptography", unix.SYS_SOCKET, [6]uint64{unix.AF_ALG, unix.SOCK_SEQPACKET}, refuse},
	{"memory", unix.SYS_MMAP, [6]uint64{0, 4096, unix.PROT_READ | unix.PROT_WRITE}, permit},
	{"memory with programs", unix.SYS_MMAP, [6]uint64{0, 4096, unix.PROT_READ | unix.PROT_EXEC}, refuse},
	{"memory that becomes a program", unix.SYS_MPROTECT, [6]uint64{0, 4096, unix.PROT_READ | unix.PROT_EXEC}, refuse},
	{"the index of an interface", unix.SYS_IOCTL, [6]uint64{3, unix.SIOCGIFINDEX}, permit},
	{"typing for somebody", unix.SYS_IOCTL, [6]uint64{0, unix.TIOCSTI}, refuse},
	{"a name for memory", unix.SYS_PRCTL, [6]uint64{unix.PR_SET_VMA}, permit},
	{"to be dumpable", unix.SYS_PRCTL, [6]uint64{unix.PR_SET_DUMPABLE, 1}, refuse},
	{"scheduling", unix.SYS_SCHED_SETSCHEDULER, [6]uint64{0, 2}, permit},
	{"what a limit is", unix.SYS_PRLIMIT64, [6]uint64{0, unix.RLIMIT_NOFILE, 0, 0xc000123456}, permit},
	{"a limit", unix.SYS_PRLIMIT64, [6]uint64{0, unix.RLIMIT_RTTIME, 0xc000123456}, refuse},
	{"a limit at an address without a lower half", unix.SYS_PRLIMIT64, [6]uint64{0, unix.RLIMIT_RTTIME, 0xc000000000}, refuse},
}

// TestVerdicts plays the filter in a machine of its own.
func TestVerdicts(t *testing.T) {
	vm := machine(t)
	for _, v := range verdicts {
		judge(t, vm, v.name, call{arch, v.nr, v.args}, v.want)
	}
	const i386 = 0x40000003
	judge(t, vm, "another architecture", call{i386, unix.SYS_READ, [6]uint64{}}, absent)
}

// TestEveryRule: each call of the list gets to its own verdict, and no other call is let through.
func TestEveryRule(t *testing.T) {
	vm := machine(t)
	known := make(map[uint32]bool)
	for _, r := range rules(me) {
		if known[r.nr] {
			t.Errorf("call %d is there twice", r.nr)
		}
		known[r.nr] = true
		if len(r.cases) == 0 {
			judge(t, vm, "on the list", call{arch, r.nr, [6]uint64{}}, permit)
		}
		for _, tests := range r.cases {
			c := call{arch, r.nr, [6]uint64{}}
			for _, x := range tests {
				c.args[x.half/2] |= uint64(x.want) << (32 * (x.half % 2))
			}
			judge(t, vm, "as a case wants it", c, permit)
		}
	}
	for nr := range uint32(newest + 1) {
		if !known[nr] && nr != unix.SYS_CLONE3 {
			judge(t, vm, "not on the list", call{arch, nr, [6]uint64{}}, refuse)
		}
	}
}

// TestLength: there is room for the list to grow; a rule that can't be reached is an error, not another rule.
func TestLength(t *testing.T) {
	list, err := filter(arch, rules(me))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(len(list), "instructions")
	many := make([]rule, 300)
	for i := range many {
		many[i].nr = uint32(i)
	}
	if _, err := filter(arch, many); err == nil {
		t.Error("300 rules fit")
	}
}
