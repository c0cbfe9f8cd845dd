package sched

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Change takes the running process pid from the setup old to s, thread by thread until a pass finds nothing to do. It is
// for the supervisor, which still has the privileges that the role gave up: what is ordinary and what is real-time in the
// role meet for as long as that takes, less than a millisecond. Memory is locked by a process for itself only, and
// privileges are never given back: those wait for the role's next start, which the problems say.
func Change(pid int, old, s Setup) (info []string, problems []error) {
	try := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	if s.RealTime > 0 && (old.RealTime == 0 || old.RTTime != s.RTTime) {
		try(setRTTime(pid, s))
	}
	if old.Nice != s.Nice || old.RealTime != s.RealTime { // what was real-time has another one at times, see Relax
		try(eachThread(pid, func(tid int) error { return setNice(tid, s.Nice) }))
	}
	if !slices.Equal(old.CPUs, s.CPUs) {
		cpus := s.CPUs
		if len(cpus) == 0 {
			cpus = all()
		}
		try(eachThread(pid, func(tid int) error { return setAffinity(tid, cpus) }))
	}
	if old.RealTime != s.RealTime {
		err := eachThread(pid, func(tid int) error { return setPolicy(tid, s.RealTime) })
		try(err)
		if err == nil {
			info = append(info, fmt.Sprintf("Set realtime priority %d", s.RealTime))
		}
	}
	if old.NoSwap != s.NoSwap {
		try(errors.New("vrrp_no_swap: the change takes effect when the process is started anew"))
	}
	return info, problems
}

// eachThread calls do for every thread of a process until no new ones turn up. New threads are made by threads that were
// done already, or by such that were not, so a pass without new ones ends it. A thread of the caller's own goes last.
func eachThread(pid int, do func(tid int) error) error {
	seen := make(map[int]bool)
	for range 100 {
		tids, err := threads(pid)
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
			if err := do(tid); err != nil && unix.Tgkill(pid, tid, 0) != unix.ESRCH {
				return err
			}
		}
		if !fresh {
			return nil
		}
	}
	return errors.New("threads come faster than they can be changed")
}

func order(last bool) int {
	if last {
		return 1
	}
	return 0
}

func threads(pid int) ([]int, error) {
	entries, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
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

func (p policySet) are(policy, priority int) bool {
	for _, t := range p {
		if t != [2]int{policy, priority} {
			return false
		}
	}
	return len(p) > 0
}

// policies reads how all threads of this process are scheduled.
func policies() (policySet, error) {
	tids, err := threads(os.Getpid())
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

// all lists every CPU that there could be: the kernel leaves out by itself what is not there.
func all() []int {
	cpus := make([]int, 0, 1024)
	for i := range 1024 {
		cpus = append(cpus, i)
	}
	return cpus
}
