//go:build linux && (loong64 || ppc64le || riscv64 || s390x)

package script

import "syscall"

// canShare says that children are copies here: there is no code for anything else.
const canShare = false

func rawVfork(_, _, _ uintptr) (r uintptr, err syscall.Errno) { panic("no vfork here") }
