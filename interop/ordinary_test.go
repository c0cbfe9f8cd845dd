package interop

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// somebody is the user nobody, of whom nothing is asked but not to be root.
const somebody = 65534

// TestOrdinaryUser: a user who was given two capabilities and nothing else runs the whole: it becomes master, runs its
// scripts, reloads, hands over and leaves nothing behind. What needs more, real-time priority and locked memory, is said once and
// done without.
func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("keepalived insists on being root")
	}
	needRoot(t) // to be able to become somebody else
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	dir := ownedBy(t, somebody)
	r := media[2].router(a, a, 200)
	r.Lines = []string{"notify_master \"/usr/bin/touch " + dir + "/master\""}
	f := lab.File{Global: []string{"script_user nobody", "enable_script_security", "vrrp_rt_priority 20", "vrrp_no_swap"}, Routers: []lab.Router{r}}
	s := l.Scene(r.VR())
	cmd, log := startAs(t, a, somebody, dir, f.Text())
	s.Elect(a, r.Down())
	l.WaitFor("the script has run", second, func() bool {
		_, err := os.Stat(filepath.Join(dir, "master"))
		return err == nil
	})
	for _, pid := range append(children(cmd.Process.Pid), cmd.Process.Pid) {
		is := status(t, pid)
		want := capMask(unix.CAP_NET_ADMIN, unix.CAP_NET_RAW)
		switch {
		case strings.HasSuffix(comm(pid), "-runner"):
			want = capMask(unix.CAP_NET_ADMIN)
		case strings.HasSuffix(comm(pid), "-aux"):
			want = capMask() // it has no use for what there is
		}
		judgeCaps(t, comm(pid), is, want, "CapPrm", "CapEff")
		if strings.HasSuffix(comm(pid), "-vrrp") && (is["NoNewPrivs"] != "1" || is["Seccomp"] != filtered()) {
			t.Errorf("the vrrp role has NoNewPrivs %s, Seccomp %s", is["NoNewPrivs"], is["Seccomp"])
		}
		if ids := strings.Fields(is["Uid"]); ids[0] != strconv.Itoa(somebody) || ids[1] != ids[0] {
			t.Errorf("%s has the user ids %v", comm(pid), ids)
		}
	}
	r.VIPs = append(r.VIPs, "10.0.0.102/24")
	writeFile(t, filepath.Join(dir, "keepalived.conf"), lab.File{Global: f.Global, Routers: []lab.Router{r}}.Text())
	_ = cmd.Process.Signal(unix.SIGHUP)
	l.WaitFor("the reload brings an address", second, func() bool { return len(a.Foreign()) == 3 })
	s.Leave(func() { _ = cmd.Process.Signal(unix.SIGTERM) })
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, log())
	}
	for _, text := range []string{"real-time priority 20: operation not permitted", "memory is not locked, that needs CAP_IPC_LOCK"} {
		if n := strings.Count(log(), text); n != 1 {
			t.Errorf("%q was said %d times", text, n)
		}
	}
	if left := a.Foreign(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// ownedBy makes a directory for a user, which he can reach.
func ownedBy(t *testing.T, uid int) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, uid, uid); err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// startAs starts ours in a node as a user with two ambient capabilities. log is what it has written, once it has ended.
func startAs(t *testing.T, n *lab.Node, uid int, dir, config string) (cmd *exec.Cmd, log func() string) {
	t.Helper()
	copyProgram(t, ours(t).Path, filepath.Join(dir, "holdfast"))
	writeFile(t, filepath.Join(dir, "keepalived.conf"), config)
	cmd = exec.Command(filepath.Join(dir, "holdfast"), "-n", "-l", "-D", "-f", filepath.Join(dir, "keepalived.conf"),
		"-p", filepath.Join(dir, "main.pid"), "-r", filepath.Join(dir, "vrrp.pid"))
	cmd.Dir, cmd.WaitDelay = "/", 10*second
	cmd.Env = []string{"PATH=/usr/bin:/bin", "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)},
		AmbientCaps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW},
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := n.NS.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // where the test did not get to its end
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	return cmd, out.String
}

func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
