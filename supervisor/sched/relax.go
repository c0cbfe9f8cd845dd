package sched

import (
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// relaxedNice is the nice value of a thread that is not real-time for a while: it still comes before everything ordinary.
const relaxedNice = -20

// Relax makes the calling thread an ordinary one for as long as it does something that is long and not urgent, as
// keepalived does while it reloads (rule Q16): at real-time priority the kernel would kill the process once it has computed for
// vrrp_rlimit_rttime without blocking. The goroutine must be locked to its thread. restore makes the thread what it was; where
// it was ordinary already, and where the kernel refuses, both do nothing.
func Relax() (restore func()) {
	priority, nice := realTime(0), niceOf(0)
	if priority == 0 || setPolicy(0, 0) != nil {
		return func() {}
	}
	tid := unix.Gettid()
	relaxed.Store(tid, priority)
	_ = setNice(0, relaxedNice) // whoever was allowed to be real-time is allowed that
	return func() {
		relaxed.Delete(tid)
		_ = setNice(0, nice)
		_ = setPolicy(0, priority)
	}
}

// relaxed has the priority of each thread, by its number, that is ordinary for a while.
var relaxed sync.Map

// due is the priority of a thread, also while it is relaxed.
func due(tid int) int {
	if p, ok := relaxed.Load(tid); ok {
		return p.(int)
	}
	return realTime(tid)
}

// niceOf is the nice value of a thread.
func niceOf(tid int) int {
	n, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
	if err != nil {
		return 0
	}
	return 20 - n // as the system call has it
}

// realTime is the real-time priority of a thread, 0 for an ordinary one and for one that has ended. Thread 0 is the calling one.
func realTime(tid int) int {
	policy, _, no := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, uintptr(tid), 0, 0)
	if no != 0 || policy != policyRR {
		return 0
	}
	var param int32
	if _, _, no = unix.RawSyscall(unix.SYS_SCHED_GETPARAM, uintptr(tid), uintptr(unsafe.Pointer(&param)), 0); no != 0 {
		return 0
	}
	return int(param)
}

// RelaxAll makes all threads of this process ordinary ones, but for those of keep, while f is called: what f causes in other threads
// may take longer than vrrp_rlimit_rttime too. Afterwards those are real-time again that were, or are new, with the priority that the
// first of keep has then, relaxed or not, as far as there is one.
func RelaxAll(tasks *Tasks, keep []int, f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	kept, ordinary, priority, nice := map[int]bool{}, map[int]bool{}, 0, 0
	for _, tid := range keep {
		kept[tid] = true
	}
	tasks.each(func(tid int) {
		switch was := realTime(tid); {
		case kept[tid]:
		case was == 0:
			ordinary[tid] = true
		case setPolicy(tid, 0) == nil:
			priority, nice = was, niceOf(tid)
			_ = setNice(tid, relaxedNice)
		}
	})
	f()
	if priority == 0 {
		return
	}
	tasks.each(func(tid int) {
		if len(keep) > 0 {
			priority = due(keep[0])
		}
		if !kept[tid] && !ordinary[tid] {
			_ = setNice(tid, nice)
			_ = setPolicy(tid, priority)
		}
	})
}
