package supervisor

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAnAgentFindsItsProcesses: who starts one daemon for each of many routers, as OpenStack Neutron does, knows it by the pid files that it asked for,
// and takes a process for its own if the name of the router, which is in the path of the configuration, stands in its command line. That holds for the
// VRRP process too, also for one that has taken another's place; and nothing is left of either after the end.
func TestAnAgentFindsItsProcesses(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	const router = "5f0c2c4e-8a55-4c1d-9d3b-router"
	h.opt.PIDFile = filepath.Join(h.dir, router+".pid.keepalived")
	h.opt.VRRPPID = h.opt.PIDFile + "-vrrp"
	h.deeds("")
	d := h.startWith(func(c *exec.Cmd) {
		c.Args = append(c.Args, "-P", "-f", filepath.Join(h.dir, router, "keepalived.conf"), "-p", h.opt.PIDFile, "-r", h.opt.VRRPPID)
	})
	d.wait("Startup complete")
	active := func(file string) (pid int, yes bool) {
		text, _ := os.ReadFile(file)
		if _, err := fmt.Sscanf(string(text), "%d\n", &pid); err != nil {
			return 0, false
		}
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return pid, strings.Contains(string(line), router)
	}
	if pid, ok := active(h.opt.PIDFile); !ok || pid != d.cmd.Process.Pid {
		t.Errorf("the daemon, %d, is not active: %d", d.cmd.Process.Pid, pid)
	}
	vrrp, ok := active(h.opt.VRRPPID)
	if !ok || vrrp == d.cmd.Process.Pid {
		t.Fatalf("the VRRP process is not active: %d", vrrp)
	}
	if err := unix.Kill(vrrp, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	d.wait("Starting VRRP child process")
	d.wait("vrrp: commit")
	if next, ok := active(h.opt.VRRPPID); !ok || next == vrrp {
		t.Errorf("the new VRRP process is not active: %d after %d", next, vrrp)
	}
	d.stop()
	for _, file := range []string{h.opt.PIDFile, h.opt.VRRPPID} {
		if _, err := os.Lstat(file); err == nil {
			t.Errorf("%s is left", file)
		}
	}
}
