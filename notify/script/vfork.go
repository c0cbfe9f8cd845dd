//go:build linux && (amd64 || arm64)

package script

import "syscall"

// canShare says that a child may use our memory until its program begins: nothing has to be copied for it, which is most of what a
// fork costs.
const canShare = true

// rawVfork is clone(2) or clone3(2) with CLONE_VM and CLONE_VFORK: the child runs first, on the very stack of the caller, which goes on when
// the child has executed a program or ended. The child must never return from the function that called this, and neither of the two may
// rely on what the other one changes in that function's frame.
//
//go:noescape
func rawVfork(trap, a1, a2 uintptr) (r uintptr, err syscall.Errno)
