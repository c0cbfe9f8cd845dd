package interop

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// TestPrograms: startup_script runs before anything else and shutdown_script after everything, as the user that is named, and what they
// make has the permissions that umask leaves.
func TestPrograms(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("the installed keepalived knows no umask")
	}
	needRoot(t) // for another user
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	dir := ownedBy(t, somebody)
	first, last := filepath.Join(dir, "first"), filepath.Join(dir, "last")
	r := media[2].router(a, a, 200)
	f := lab.File{Global: []string{
		"enable_script_security", "umask IWGRP | IWOTH",
		fmt.Sprintf("startup_script \"/usr/bin/touch %s\" nobody", first),
		fmt.Sprintf("shutdown_script \"/bin/cp %s %s\" nobody", first, last),
	}, Routers: []lab.Router{r}}
	s := l.Scene(r.VR())
	a.Start(ours(t), f.Text())
	s.Elect(a, r.Down())
	judgeFile(t, first, a.Daemon().Log(), "Running startup script", "Starting VRRP child process")
	if _, err := os.Lstat(last); err == nil {
		t.Error("the shutdown script has run")
	}
	s.Leave(a.Daemon().Stop)
	judgeFile(t, last, a.Daemon().Log(), "Entering MASTER STATE", "Running shutdown script")
}

// judgeFile is for a file that a script has made, at its time.
func judgeFile(t *testing.T, path, log, before, after string) {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	if st.Uid != somebody || st.Mode&0o777 != 0o644 {
		t.Errorf("%s is user %d's and has mode %o", path, st.Uid, st.Mode&0o777)
	}
	if i, j := strings.Index(log, before), strings.Index(log, after); i < 0 || j < i {
		t.Errorf("%q is at %d in the log, %q at %d", before, i, after, j)
	}
}

// TestNamespaceKeyword: a daemon that is started elsewhere elects in the network namespace that its file names, which its name in the
// log tells.
func TestNamespaceKeyword(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("keepalived wants to mount over /run/keepalived")
	}
	needRoot(t) // to give the namespace a name
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	name := nameNamespace(t, a)
	dir := t.TempDir()
	r := media[2].router(a, a, 200)
	conf := filepath.Join(dir, "keepalived.conf")
	writeFile(t, conf, "net_namespace "+name+"\n"+lab.File{Routers: []lab.Router{r}}.Text())
	s := l.Scene(r.VR())
	cmd := exec.Command(ours(t).Path, "-n", "-l", "-D", "-G", "-f", conf, "-p", filepath.Join(dir, "main.pid"), "-r", filepath.Join(dir, "vrrp.pid"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, 10*second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // where the test did not get to its end
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	s.Elect(a, r.Down())
	writeFile(t, conf, "net_namespace other\n"+lab.File{Routers: []lab.Router{r}}.Text())
	_ = cmd.Process.Signal(unix.SIGHUP)
	s.Stay(r.Down())
	s.Leave(func() { _ = cmd.Process.Signal(unix.SIGTERM) })
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"Keepalived_" + name, "Cannot change network namespace at a reload"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if left := a.Foreign(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// nameNamespace gives the namespace of a node a name as ip-netns(8) does, for as long as the test.
func nameNamespace(t *testing.T, n *lab.Node) string {
	t.Helper()
	name := "hf-test-" + strconv.Itoa(os.Getpid())
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("/run/netns", name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	t.Cleanup(func() {
		_ = unix.Unmount(path, unix.MNT_DETACH)
		_ = os.Remove(path)
	})
	err = n.NS.Do(func() error { return unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, "") })
	if err != nil {
		t.Fatal(err)
	}
	return name
}
