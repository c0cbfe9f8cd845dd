package sched

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast.dev/supervisor/jail"
)

// BecomeInPlace makes all threads of this process another user's, for good: whatever they execute has no more either. It fails if
// anything of the old user is left. It must be called while the process has ordinary scheduling.
func BecomeInPlace(u User) error {
	if err := dropBounding(nil); err != nil {
		return err
	}
	if _, _, no := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); no != 0 && no != syscall.ENOTSUP { // in a build with cgo
		return fmt.Errorf("no_new_privs: %w", no)
	}
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("give up groups: %w", err)
	}
	if err := syscall.Setresgid(int(u.GID), int(u.GID), int(u.GID)); err != nil {
		return fmt.Errorf("become group %d: %w", u.GID, err)
	}
	if err := syscall.Setresuid(int(u.UID), int(u.UID), int(u.UID)); err != nil {
		return fmt.Errorf("become user %d: %w", u.UID, err)
	}
	if u.UID != 0 && syscall.Setresuid(-1, 0, -1) == nil {
		return errors.New("still able to become root again")
	}
	return nil
}

// NiceInPlace gives all threads of this process a nice value, and so those that they make later.
func NiceInPlace(nice int) error {
	// The system call has its own numbering only for reading.
	if _, _, no := syscall.AllThreadsSyscall(unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, uintptr(nice)); no != 0 && no != syscall.ENOTSUP {
		return fmt.Errorf("priority (nice) %d: %w", nice, no)
	}
	return nil
}

// JailInPlace leaves all threads of this process only the system calls that a process with network connections needs. Nothing can be
// executed then, and no file opened.
func JailInPlace() error {
	if _, _, no := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); no != 0 && no != syscall.ENOTSUP {
		return fmt.Errorf("no_new_privs: %w", no)
	}
	return jail.Connections()
}
