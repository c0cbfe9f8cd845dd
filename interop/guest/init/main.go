// Command init is the first process of a guest: it mounts what programs expect, loads the kernel modules that were asked
// for, runs one program, says how that ended on the last line of the console and ends the machine.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/guest/task"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "this is the first process of a guest and of no use elsewhere")
		os.Exit(2)
	}
	status, err := run()
	if err != nil {
		say(task.Fail(err))
		off()
	}
	say(task.End(status))
	off()
}

func run() (status int, err error) {
	if err := mounts(); err != nil {
		return 0, err
	}
	rawConsole()
	t, err := read()
	if err != nil {
		return 0, err
	}
	for _, m := range t.Modules {
		if err := load(m); err != nil {
			return 0, err
		}
	}
	if err := loopback(); err != nil {
		return 0, fmt.Errorf("setting lo up: %w", err)
	}
	say(task.Begin)
	return start(t)
}

func read() (t task.Task, err error) {
	b, err := os.ReadFile(task.File)
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return t, fmt.Errorf("%s: %w", task.File, err)
	}
	if len(t.Argv) == 0 {
		return t, fmt.Errorf("%s names no program", task.File)
	}
	return t, nil
}

// mounts makes what programs expect of a system.
func mounts() error {
	for _, m := range []struct{ kind, at string }{
		{"proc", "/proc"},
		{"sysfs", "/sys"},
		{"devtmpfs", "/dev"},
		{"tmpfs", "/dev/shm"},
		{"cgroup2", "/sys/fs/cgroup"},
		{"tmpfs", "/run"},
		{"tmpfs", "/tmp"},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mounting %s: %w", m.at, err)
		}
	}
	if err := os.Chmod("/tmp", 0o1777); err != nil {
		return err
	}
	for link, to := range map[string]string{"/dev/fd": "/proc/self/fd", "/var/run": "/run"} {
		if err := os.Symlink(to, link); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return unix.Sethostname([]byte("guest"))
}

// rawConsole keeps the terminal from adding carriage returns.
func rawConsole() {
	if t, err := unix.IoctlGetTermios(1, unix.TCGETS); err == nil {
		t.Oflag &^= unix.OPOST
		_ = unix.IoctlSetTermios(1, unix.TCSETS, t)
	}
}

func load(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("loading %s: %w", path, err)
	}
	return nil
}

func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

// start runs the program and reaps everything until it has ended.
func start(t task.Task) (int, error) {
	pid, err := syscall.ForkExec(t.Argv[0], t.Argv, &syscall.ProcAttr{
		Dir: t.Dir, Env: append(t.Env, task.Inside+"=1"), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("starting %s: %w", strings.Join(t.Argv, " "), err)
	}
	for {
		var ws unix.WaitStatus
		got, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("waiting for %s: %w", t.Argv[0], err)
		case got == pid && ws.Exited():
			return ws.ExitStatus(), nil
		case got == pid && ws.Signaled():
			return 128 + int(ws.Signal()), nil
		}
	}
}

// say writes a line of its own and waits until it has left.
func say(line string) {
	fmt.Printf("\n%s\n", line)
	_ = unix.IoctlSetInt(1, unix.TCSBRK, 1)
}

// off ends the machine, and with it qemu.
func off() {
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {} // it never comes here; the end of init would be a crash of the kernel
}
