package sched

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Change goes from the setup old to s while the process runs, thread by thread until a pass finds nothing to do, the
// calling thread last: what is ordinary and what is real-time should meet as shortly as can be. What can't be changed
// any more (privileges that were given up) is told.
func Change(old, s Setup) (info []string, problems []error) {
	try := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	if s.RealTime > 0 && (old.RealTime != s.RealTime || old.RTTime != s.RTTime) {
		try(setRTTime(s))
	}
	if old.Nice != s.Nice {
		try(eachThread(func(tid int) error { return setNice(tid, s.Nice) }))
	}
	if !slices.Equal(old.CPUs, s.CPUs) {
		cpus := s.CPUs
		if len(cpus) == 0 {
			cpus = online()
		}
		try(eachThread(func(tid int) error { return setAffinity(tid, cpus) }))
	}
	if old.RealTime != s.RealTime {
		err := eachThread(func(tid int) error { return setPolicy(tid, s.RealTime) })
		try(err)
		if err == nil {
			info = append(info, fmt.Sprintf("Set realtime priority %d", s.RealTime))
		}
	}
	if !old.NoSwap && s.NoSwap {
		try(lockMemory())
	} else if old.NoSwap && !s.NoSwap {
		try(unix.Munlockall())
	}
	return info, problems
}

// eachThread calls do for every thread of the process until no new ones turn up.
func eachThread(do func(tid int) error) error {
	seen := make(map[int]bool)
	for range 100 {
		tids, err := threads()
		if err != nil {
			return err
		}
		self := unix.Gettid()
		slices.SortFunc(tids, func(a, b int) int { return order(a == self) - order(b == self) })
		fresh := false
		for _, tid := range tids {
			if seen[tid] {
				continue
			}
			seen[tid], fresh = true, true
			if err := do(tid); err != nil && !gone(tid) {
				return err
			}
		}
		if !fresh {
			return nil
		}
	}
	return fmt.Errorf("threads come faster than they can be changed")
}

func order(last bool) int {
	if last {
		return 1
	}
	return 0
}

func gone(tid int) bool { return unix.Tgkill(unix.Getpid(), tid, 0) == unix.ESRCH }

func threads() ([]int, error) {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil, err
	}
	tids := make([]int, 0, len(entries))
	for _, e := range entries {
		if tid, err := strconv.Atoi(e.Name()); err == nil {
			tids = append(tids, tid)
		}
	}
	return tids, nil
}

// policySet is the policy and real-time priority of every thread.
type policySet [][2]int

func (p policySet) all(policy, priority int) bool {
	for _, t := range p {
		if t != [2]int{policy, priority} {
			return false
		}
	}
	return len(p) > 0
}

// policies reads how all threads of this process are scheduled.
func policies() (policySet, error) {
	tids, err := threads()
	if err != nil {
		return nil, err
	}
	var out policySet
	for _, tid := range tids {
		policy, _, no := unix.Syscall(unix.SYS_SCHED_GETSCHEDULER, uintptr(tid), 0, 0)
		if no != 0 {
			continue // it ended meanwhile
		}
		var param int32
		_, _, no = unix.Syscall(unix.SYS_SCHED_GETPARAM, uintptr(tid), uintptr(unsafe.Pointer(&param)), 0)
		if no == 0 {
			out = append(out, [2]int{int(policy), int(param)})
		}
	}
	return out, nil
}

// online lists every CPU that a thread may be bound to: the kernel leaves out by itself what is not there.
func online() []int {
	cpus := make([]int, 0, 1024)
	for i := range 1024 {
		cpus = append(cpus, i)
	}
	return cpus
}
