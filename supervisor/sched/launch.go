package sched

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/supervisor/jail"
)

// Policies of sched_setscheduler(2).
const (
	policyOther = 0
	policyRR    = 2
)

// Launch applies s to the calling thread and executes this program again with the same arguments and env. It returns
// only when the program could not be executed. What could not be had is handed to the new image in problems, which is
// called with the environment to add it to.
func Launch(s Setup, env func(problems []error) []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	problems := apply(s)
	err := syscall.Exec("/proc/self/exe", os.Args, env(problems))
	return fmt.Errorf("execute myself: %w", err)
}

// apply sets everything that survives an exec. Privileges go last, they are needed for the rest.
func apply(s Setup) (problems []error) {
	try := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	try(setCore(s.Core))
	try(setAffinity(0, s.CPUs))
	if s.Nice != 0 {
		try(setNice(0, s.Nice))
	}
	if s.RealTime > 0 {
		try(setPolicy(0, s.RealTime))
	}
	if s.Caps != nil {
		try(dropForExec(s.Caps))
	}
	if s.Jail && s.Core { // a dump is written with the rights of the one that crashes
		try(errors.New("files are not out of reach: a core dump would be one"))
	} else if s.Jail {
		try(jail.Files())
	}
	return problems
}

// Finish does in the new image what does not survive an exec, and checks that all threads are as they should be. Info
// has what to log in keepalived's words, problems what could not be had; neither is a reason not to run.
func Finish(s Setup) (info []string, problems []error) {
	if s.MaxProcs > 0 {
		runtime.GOMAXPROCS(s.MaxProcs)
		// Little garbage is made on purpose, so how often it is collected hardly matters; but the runtime never gives back what the
		// goal covers, and at 400 % that is 16 MiB at the least.
		debug.SetGCPercent(100)
		debug.SetMemoryLimit(1 << 30)
	}
	if s.NoSwap {
		if err := lockMemory(); err != nil {
			problems = append(problems, err)
		}
	}
	if s.RealTime > 0 {
		if got, err := policies(); err != nil {
			problems = append(problems, err)
		} else if got.are(policyRR, s.RealTime) {
			info = append(info, fmt.Sprintf("Set realtime priority %d", s.RealTime))
		}
		// Not before the exec: starting a program computes for as long as the limit allows, and nothing in it blocks.
		if err := setRTTime(0, s); err != nil {
			problems = append(problems, err)
		}
	}
	if s.Jail { // last: the rest would be refused
		if err := jail.Calls(); err != nil {
			problems = append(problems, err)
		}
	}
	return info, problems
}

// lockMemory keeps all pages in memory once they were touched. Without the privilege the limit would have to cover the
// runtime's whole reserved address space, and a later mapping beyond it would end the process: so not even tried.
func lockMemory() error {
	if !Has(IPCLock) {
		return errors.New("vrrp_no_swap: memory is not locked, that needs CAP_IPC_LOCK")
	}
	// Touched pages are mapped before the lock: afterwards they stay.
	warm := make([]byte, 8<<20)
	for i := 0; i < len(warm); i += 4096 {
		warm[i] = 1
	}
	runtime.KeepAlive(warm)
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		return fmt.Errorf("vrrp_no_swap: lock memory: %w", err)
	}
	return nil
}

func setCore(on bool) error {
	limit := unix.Rlimit{}
	if on {
		limit = unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	} else {
		var now unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_CORE, &now); err == nil {
			limit.Max = now.Max
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		return fmt.Errorf("core dump limit: %w", err)
	}
	return nil
}

// setRTTime bounds the time at real-time priority without blocking: a warning at half of it, death at the end (rule
// Q16). Process 0 is this one.
func setRTTime(pid int, s Setup) error {
	us := uint64(s.RTTime.Microseconds())
	if us == 0 {
		return nil
	}
	limit := unix.Rlimit{Cur: us / 2, Max: us}
	if err := unix.Prlimit(pid, unix.RLIMIT_RTTIME, &limit, nil); err != nil {
		return fmt.Errorf("vrrp_rlimit_rttime: %w", err)
	}
	return nil
}

// setPolicy makes a thread real-time, or ordinary again for priority 0. Thread 0 is the calling one.
func setPolicy(tid, priority int) error {
	policy := policyOther
	if priority > 0 {
		policy = policyRR
	}
	param := int32(priority)
	_, _, no := unix.Syscall(unix.SYS_SCHED_SETSCHEDULER, uintptr(tid), uintptr(policy), uintptr(unsafe.Pointer(&param)))
	if no != 0 {
		return fmt.Errorf("real-time priority %d: %w", priority, no)
	}
	return nil
}

func setNice(tid, nice int) error {
	if err := unix.Setpriority(unix.PRIO_PROCESS, tid, nice); err != nil {
		return fmt.Errorf("priority (nice) %d: %w", nice, err)
	}
	return nil
}

// setAffinity binds a thread to CPUs; an empty list is all that there are.
func setAffinity(tid int, cpus []int) error {
	if len(cpus) == 0 {
		return nil
	}
	var set unix.CPUSet
	for _, c := range cpus {
		set.Set(c)
	}
	if err := unix.SchedSetaffinity(tid, &set); err != nil {
		return fmt.Errorf("CPU affinity %v: %w", cpus, err)
	}
	return nil
}
