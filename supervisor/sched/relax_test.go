package sched

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRelax: the thread is ordinary in between, and then what it was.
func TestRelax(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	policy := func() uintptr {
		p, _, _ := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
		return p
	}
	Relax()()
	if p := policy(); p != policyOther {
		t.Errorf("an ordinary thread became policy %d", p)
	}
	if err := setPolicy(0, 7); err != nil {
		t.Skip(err)
	}
	defer func() {
		if err := setPolicy(0, 0); err != nil {
			t.Error(err)
		}
	}()
	restore := Relax()
	if p := policy(); p != policyOther {
		t.Errorf("policy %d while relaxed, want %d", p, policyOther)
	}
	restore()
	if p := policy(); p != policyRR {
		t.Errorf("policy %d afterwards, want %d", p, policyRR)
	}
}
