//go:build amd64 || arm64

package jail

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Calls restricts all threads of this process, and those that they make, to the system calls that a role needs. Others fail
// with EPERM and are noted in the kernel's log. The process must have no_new_privs or CAP_SYS_ADMIN. After an error nothing is
// restricted.
func Calls() error { return restrict(rules(uint32(os.Getpid()))) }

// Connections does the same for a role that has connections with peers, and opens no files.
func Connections() error { return restrict(connections(uint32(os.Getpid()))) }

func restrict(allowed []rule) error {
	if withC {
		return errors.New("system calls are not restricted: this program was built with cgo")
	}
	list, err := filter(arch, allowed)
	if err != nil {
		return err
	}
	raw, err := bpf.Assemble(list)
	if err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	// SPEC_ALLOW: without it kernels before 5.16 make all of the process slower, against attacks on secrets that it has none of.
	const flags = unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_LOG | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	other, _, no := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(code)
	switch {
	case no == unix.ENOSYS || no == unix.EINVAL:
		return errors.New("system calls are not restricted: this kernel has no seccomp filters (4.17 on)")
	case no != 0:
		return fmt.Errorf("system calls are not restricted: seccomp: %w", no)
	case other != 0:
		return fmt.Errorf("system calls are not restricted: thread %d has a filter of its own", other)
	}
	return nil
}
