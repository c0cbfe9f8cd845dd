package supervisor

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// daemonEnv marks the process that a launcher has started to stay.
const daemonEnv = "HOLDFAST_DAEMON"

// netnsEnv marks a process that was executed anew in a network namespace.
const netnsEnv = "HOLDFAST_NETNS"

// launcherFD is where a daemon finds the pipe to its launcher.
const launcherFD = 3

// verdict is what a daemon tells its launcher.
type verdict struct{ Code int }

// Daemonise starts this program again in a session of its own, detached from terminal and directory, and waits until it
// has accepted its configuration or given up. In the launcher done is true and the caller exits with code, as keepalived's
// does with 0 once its daemon runs. In the daemon done is false, and report must be called once with the exit code, 0 for
// "accepted"; more calls do nothing.
func Daemonise() (code int, done bool, report func(code int), err error) {
	if os.Getenv(daemonEnv) != "" {
		os.Unsetenv(daemonEnv)
		report, err = detached()
		return 0, false, report, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return 1, true, nil, err
	}
	defer read.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		write.Close()
		return 1, true, nil, err
	}
	defer null.Close()
	os.Setenv(daemonEnv, "1")
	pid, err := syscall.ForkExec("/proc/self/exe", os.Args, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{null.Fd(), null.Fd(), null.Fd(), write.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	write.Close()
	if err != nil {
		return 1, true, nil, fmt.Errorf("execute myself: %w", err)
	}
	text, _ := io.ReadAll(io.LimitReader(read, 4096))
	var v verdict
	if json.Unmarshal(text, &v) == nil {
		return v.Code, true, nil, nil
	}
	var ws unix.WaitStatus
	_, _ = unix.Wait4(pid, &ws, 0, nil)
	return 1, true, nil, fmt.Errorf("the daemon died before it had read its configuration")
}

// detached finishes the detaching in the daemon.
func detached() (func(int), error) {
	unix.CloseOnExec(launcherFD)
	pipe := os.NewFile(launcherFD, "launcher")
	if err := os.Chdir("/"); err != nil {
		return nil, err
	}
	told := false
	return func(code int) {
		if told {
			return
		}
		told = true
		_ = json.NewEncoder(pipe).Encode(verdict{code})
		pipe.Close()
	}, nil
}

// EnterNamespace moves the program into a named network namespace. A thread can do that only for itself, so the program
// executes itself anew from a thread that has moved: the call returns when it is there already, or could not.
func EnterNamespace(name string) error {
	if name == "" || os.Getenv(netnsEnv) == name {
		os.Unsetenv(netnsEnv)
		return nil
	}
	if name != filepath.Base(name) || name == "." || name == ".." {
		return fmt.Errorf("network namespace %q: not a name", name)
	}
	fd, err := unix.Open(filepath.Join("/run/netns", name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("network namespace %s: %w", name, err)
	}
	defer unix.Close(fd)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("network namespace %s: %w", name, err)
	}
	os.Setenv(netnsEnv, name)
	// A failure leaves this thread in another namespace than the rest, which is why callers give up.
	return fmt.Errorf("execute myself: %w", syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
}

// Namespace is the network namespace to run in: that of the command line, else that of the configuration.
func Namespace(opt *Options, hooks *Hooks) string {
	if opt.Namespace != "" {
		return opt.Namespace
	}
	return hooks.Load(true).Namespace // what is wrong with the file is told by the load that follows
}
