package sched

import (
	"fmt"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Cap is a capability number (linux/capability.h).
type Cap uint8

// The capabilities that roles keep.
const (
	Kill     Cap = unix.CAP_KILL
	SetGID   Cap = unix.CAP_SETGID
	SetUID   Cap = unix.CAP_SETUID
	NetAdmin Cap = unix.CAP_NET_ADMIN
	NetRaw   Cap = unix.CAP_NET_RAW
	IPCLock  Cap = unix.CAP_IPC_LOCK
	SysNice  Cap = unix.CAP_SYS_NICE
)

// capSets are the three sets of a thread as two words each, as capget and capset have them.
type capSets [2]unix.CapUserData

func header() unix.CapUserHeader { return unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3} }

// Has reports whether the calling thread has c in effect.
func Has(c Cap) bool {
	h := header()
	var d capSets
	if unix.Capget(&h, &d[0]) != nil {
		return false
	}
	return d[c/32].Effective&(1<<(c%32)) != 0
}

// only makes sets with keep, as far as they are permitted now.
func only(keep []Cap, inherit bool) (capSets, error) {
	h := header()
	var d, out capSets
	if err := unix.Capget(&h, &d[0]); err != nil {
		return out, fmt.Errorf("read capabilities: %w", err)
	}
	for _, c := range keep {
		bit := d[c/32].Permitted & (1 << (c % 32))
		out[c/32].Permitted |= bit
		out[c/32].Effective |= bit
		if inherit {
			out[c/32].Inheritable |= bit
		}
	}
	return out, nil
}

// dropForExec leaves the calling thread, and what it executes, with keep alone, for good.
func dropForExec(keep []Cap) error {
	sets, err := only(keep, true)
	if err != nil {
		return err
	}
	bounded := dropBounding(keep)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	h := header()
	if err := unix.Capset(&h, &sets[0]); err != nil {
		return fmt.Errorf("set capabilities: %w", err)
	}
	for _, c := range keep { // so that they survive where we are not root
		if sets[c/32].Inheritable&(1<<(c%32)) != 0 {
			_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(c), 0, 0)
		}
	}
	return bounded
}

// dropBounding shortens the bounding and the ambient set to keep.
func dropBounding(keep []Cap) error {
	for c := Cap(0); c < 64; c++ {
		if v, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0); err != nil || v < 0 {
			break // beyond what this kernel knows
		} else if v == 0 || slices.Contains(keep, c) {
			continue
		}
		if Has(unix.CAP_SETPCAP) {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
				return fmt.Errorf("drop capability %d: %w", c, err)
			}
		}
		_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_LOWER, uintptr(c), 0, 0)
	}
	return nil
}

// DropInPlace leaves all threads of this process with keep alone, but what they execute may have more again: a script
// that is configured to run as root is root. It must be called while the process has ordinary scheduling.
func DropInPlace(keep []Cap) error {
	sets, err := only(keep, false)
	if err != nil {
		return err
	}
	h := header()
	_, _, no := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0)
	if no == syscall.ENOTSUP {
		return fmt.Errorf("drop capabilities: not possible in a build with cgo")
	}
	_, _, no = syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&h)), uintptr(unsafe.Pointer(&sets[0])), 0)
	if no != 0 {
		return fmt.Errorf("set capabilities: %w", no)
	}
	return nil
}
