package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Crowd bounds how many processes and threads there can be of a daemon and of all that it starts. To them it is as if the table of
// processes were full: clone(2) gives the same error.
type Crowd struct {
	t   testing.TB
	dir string
}

// NewCrowd makes one without a bound. It skips the test where there is no such control group.
func NewCrowd(t testing.TB) *Crowd {
	t.Helper()
	root := filepath.Join(t.TempDir(), "pids")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	err := unix.Mount("pids", root, "cgroup", 0, "pids")
	if err != nil { // the kernel has it in the other hierarchy
		err = unix.Mount("pids", root, "cgroup2", 0, "")
	}
	if err != nil {
		t.Skipf("there is no control group to bound processes with: %v", err)
	}
	c := &Crowd{t, filepath.Join(root, fmt.Sprintf("holdfast-test-%d", os.Getpid()))}
	t.Cleanup(func() {
		c.remove()
		_ = unix.Unmount(root, unix.MNT_DETACH)
	})
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		t.Skipf("no control group can be made: %v", err)
	}
	if _, err = os.Stat(c.file("max")); err != nil {
		t.Skipf("the control groups of this machine do not bound processes: %v", err)
	}
	return c
}

func (c *Crowd) file(name string) string { return filepath.Join(c.dir, "pids."+name) }

func (c *Crowd) set(text string) {
	c.t.Helper()
	if err := os.WriteFile(c.file("max"), []byte(text), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// Now is how many there are.
func (c *Crowd) Now() int {
	c.t.Helper()
	b, err := os.ReadFile(c.file("current"))
	n, bad := strconv.Atoi(strings.TrimSpace(string(b)))
	if err := errors.Join(err, bad); err != nil {
		c.t.Fatal(err)
	}
	return n
}

// Refused is how often the kernel has refused somebody a process or thread.
func (c *Crowd) Refused() (n int) {
	c.t.Helper()
	b, err := os.ReadFile(c.file("events"))
	if err == nil {
		_, err = fmt.Sscanf(string(b), "max %d", &n)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// Bound lets there be so many more than now.
func (c *Crowd) Bound(more int) { c.t.Helper(); c.set(strconv.Itoa(c.Now() + more)) }

// Full lets there be none more, whoever ends.
func (c *Crowd) Full() { c.t.Helper(); c.set("1") }

// Open takes the bound away.
func (c *Crowd) Open() { c.t.Helper(); c.set("max") }

// Wrap is a program that enters the crowd and then becomes p.
func (c *Crowd) Wrap(p Program) Program {
	c.t.Helper()
	return Wrap(c.t, p, "echo $$ >"+filepath.Join(c.dir, "cgroup.procs"))
}

// remove ends what is left in it.
func (c *Crowd) remove() {
	for range 500 {
		b, _ := os.ReadFile(filepath.Join(c.dir, "cgroup.procs"))
		for _, word := range strings.Fields(string(b)) {
			if pid, err := strconv.Atoi(word); err == nil {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		if err := os.Remove(c.dir); err == nil || errors.Is(err, os.ErrNotExist) {
			return
		}
		_, _ = unix.Poll(nil, 10)
	}
	c.t.Errorf("%s can't be removed", c.dir)
}

// Wrap is a program that does something in a shell first, with the arguments in "$@", and then becomes p.
func Wrap(t testing.TB, p Program, do string) Program {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(p.Path))
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+do+"\nexec "+p.Path+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.Path = path
	return p
}
