package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// insideEnv marks the second run of a program that Again started.
const insideEnv = "HOLDFAST_IN_USER_NAMESPACE"

// Able tells whether this process may make network namespaces; nil if so, else why not.
func Able() error {
	return onThread(func() error { return unix.Unshare(unix.CLONE_NEWNET) })
}

// Inside reports whether this process was started by Again.
func Inside() bool { return os.Getenv(insideEnv) != "" }

// Again runs this program once more, with the same arguments, environment and standard streams, inside a new user
// and network namespace in which it is root, waits for it and returns its exit status. It fails, without having run
// anything, where the system does not let ordinary users make user namespaces. The second run gets SIGTERM should
// this process die. Signals from the terminal reach both; the caller should ignore SIGINT meanwhile.
func Again() (status int, err error) {
	if Inside() {
		return 0, errors.New("already inside a user namespace of our own, and still not allowed to make network namespaces")
	}
	runtime.LockOSThread() // Pdeathsig is tied to the thread
	defer runtime.UnlockOSThread()
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   unix.SIGTERM,
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("making a user namespace: %w", err)
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if code := exit.ExitCode(); code >= 0 {
			return code, nil
		}
		return 1, nil // ended by a signal
	}
	return 0, err
}
