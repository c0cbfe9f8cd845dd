package interop

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// TestInit runs the daemon as process 1 of a container: it buries what its scripts leave behind, and stops when it is told to.
func TestInit(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("keepalived does not say so")
	}
	needRoot(t)
	unshare := lab.Tool(t, "unshare", "util-linux")
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	dir := t.TempDir()
	script := filepath.Join(dir, "orphans.sh")
	writeFile(t, script, "#!/bin/sh\nfor i in 1 2 3 4 5; do setsid sh -c 'sleep 0.2; exit 3' & done\necho yes > $0.ran\n")
	wrapper := filepath.Join(dir, "holdfast")
	writeFile(t, wrapper, "#!/bin/sh\nexec "+unshare+" --pid --fork --kill-child --mount-proc "+ours(t).Path+" \"$@\"\n")
	for _, file := range []string{script, wrapper} {
		if err := os.Chmod(file, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := media[2].router(a, a, 200)
	r.Lines = []string{"notify_master " + script}
	s := l.Scene(r.VR())
	a.Start(lab.Program{Name: "holdfast", Path: wrapper, Ours: true},
		lab.File{Global: []string{"script_user root", "enable_script_security"}, Routers: []lab.Router{r}}.Text())
	s.Elect(a, r.Down())
	s.Stay(2 * second)
	daemon := 0
	for _, pid := range a.Pids() {
		is := status(t, pid)
		if f := strings.Fields(is["NSpid"]); len(f) == 2 && f[1] == "1" {
			daemon = pid
		}
	}
	if daemon == 0 {
		t.Fatal("nobody is process 1")
	}
	l.WaitFor("the script has run", second, func() bool { b, err := os.ReadFile(script + ".ran"); return err == nil && len(b) > 0 })
	l.WaitFor("all that it left is buried", second, func() bool {
		return !slices.ContainsFunc(descendants(daemon), func(pid int) bool { return !strings.HasPrefix(comm(pid), "holdfast") || dead(pid) })
	})
	s.Leave(func() { _ = unix.Kill(daemon, unix.SIGTERM) })
	if code := a.Daemon().Wait(5 * second); code != 0 {
		t.Errorf("ended with %d", code)
	}
	if left := a.Foreign(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// dead reports whether a process has ended and nobody has waited for it.
func dead(pid int) bool {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return strings.HasPrefix(string(b[bytes.LastIndexByte(b, ')')+1:]), " Z")
}
