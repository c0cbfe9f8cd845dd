package jail

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// proc is what a restricted process may read: the threads of itself, and how long they waited for a processor. A rule for its own
// folder in there would not last: the kernel makes those anew when memory is short, and a rule is for the thing, not for the name.
// What somebody has open it keeps.
const proc = "/proc"

// settings are those of the network, some of which can be written in no other way.
const settings = "/proc/sys/net"

// self is what a restricted thread may execute, once: seccomp refuses that as soon as it has happened.
const self = "/proc/self/exe"

const readable = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR

// FilesABI is the version of Landlock that the kernel has; 0 where it has none, or where it is switched off.
func FilesABI() int {
	abi, _, no := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if no != 0 {
		return 0
	}
	return int(abi)
}

// Files leaves the calling thread, and what it executes, nothing of all file systems but to read below /proc, to write settings
// of the network there and to execute this program; where the kernel knows how also no TCP, no abstract unix socket of others and no signal to others. The
// goroutine must be locked to its thread, which must have no_new_privs or CAP_SYS_ADMIN. The error says what is not restricted.
func Files() error {
	if withC {
		return errors.New("files are not out of reach: this program was built with cgo")
	}
	abi := FilesABI()
	if abi == 0 {
		return errors.New("files are not out of reach: this kernel has no Landlock (5.13 on, in lsm=)")
	}
	attr := ruleset(abi)
	fd, _, no := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if no != 0 {
		return fmt.Errorf("files are not out of reach: Landlock: %w", no)
	}
	defer unix.Close(int(fd))
	for path, access := range map[string]uint64{
		proc:     readable,
		settings: readable | unix.LANDLOCK_ACCESS_FS_WRITE_FILE,
		self:     unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE,
	} {
		if err := allow(int(fd), path, access); err != nil {
			return fmt.Errorf("files are not out of reach: Landlock: %s: %w", path, err)
		}
	}
	if _, _, no := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); no != 0 {
		return fmt.Errorf("files are not out of reach: Landlock: %w", no)
	}
	return nil
}

// ruleset names everything that a version of Landlock can forbid and that we have no use for.
func ruleset(abi int) unix.LandlockRulesetAttr {
	const first = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1 // all rights of version 1
	a := unix.LandlockRulesetAttr{Handled_access_fs: first}
	if abi >= 2 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 4 {
		a.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= 5 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if abi >= 6 {
		a.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return a
}

// allow adds a file, or a folder and all that is below it, to a ruleset.
func allow(ruleset int, path string, access uint64) error {
	flags := unix.O_PATH | unix.O_CLOEXEC
	if path == settings {
		flags = unix.O_PATH // and stays open, for the kernel to keep it
	}
	fd, err := unix.Open(path, flags, 0)
	if err != nil {
		return err
	}
	if path != settings {
		defer unix.Close(fd)
	}
	// The kernel's structure is packed: eight octets, then four.
	rule := struct {
		access uint64
		fd     int32
	}{access, int32(fd)}
	_, _, no := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if no != 0 {
		return no
	}
	return nil
}
