package sched

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Relax makes the calling thread an ordinary one for as long as it does something that is long and not urgent, as
// keepalived does while it reloads (rule Q16): at real-time priority the kernel would kill the process once it has computed for
// vrrp_rlimit_rttime without blocking. The goroutine must be locked to its thread. restore makes the thread what it was; where
// it was ordinary already, and where the kernel refuses, both do nothing.
func Relax() (restore func()) {
	none := func() {}
	policy, _, no := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	if no != 0 || policy != policyRR {
		return none
	}
	var param int32
	if _, _, no = unix.RawSyscall(unix.SYS_SCHED_GETPARAM, 0, uintptr(unsafe.Pointer(&param)), 0); no != 0 {
		return none
	}
	if setPolicy(0, 0) != nil {
		return none
	}
	return func() { _ = setPolicy(0, int(param)) } // it was allowed a moment ago
}
