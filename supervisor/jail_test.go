package supervisor

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/supervisor/jail"
)

// try has a role attempt what it shall not be able to.
func (a *actor) try() {
	_, err := syscall.ForkExec("/bin/true", []string{"true"}, nil)
	a.say("a program: %v", err)
	_, err = os.OpenFile(a.dir+"/new", os.O_WRONLY|os.O_CREATE, 0o600)
	a.say("a file to write: %v", err)
	_, err = os.ReadFile("/etc/hostname")
	a.say("a file to read: %v", err)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	a.say("a socket: %v", err)
	if err == nil {
		unix.Close(fd)
	}
	a.say("a signal: %v", unix.Kill(os.Getppid(), 0))
	a.say("that was all")
}

// TestRoleInJail: the VRRP process that the supervisor starts can do nothing of that, and does not end when it tries; the runner, whose
// scripts may do anything, can. What the kernel or the build lacks is said in one line.
func TestRoleInJail(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.opt.Open = false
	h.deeds("vrrp:try runner:try")
	d := h.start()
	vrrp := atoi(t, d.wait(`Starting VRRP child process, pid=(\d+)`))
	d.waitAll("vrrp: that was all", "runner: that was all", "Startup complete")
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", vrrp))
	if err != nil {
		t.Fatal(err)
	}
	jailed := strings.Contains(string(status), "Seccomp:\t2\n")
	if said := d.count("system calls are not restricted: "); (said == 0) != jailed {
		t.Errorf("the filter is there: %v; lines that it is not: %d", jailed, said)
	}
	files := jailed && jail.FilesABI() > 0
	if said := d.count("files are not out of reach: "); (said == 0) != files {
		t.Errorf("Landlock is there: %v; lines that it is not: %d", files, said)
	}
	if jailed {
		for _, what := range []string{"a program: operation", "a file to write: open " + h.dir + "/new: operation", "a socket: operation", "a signal: operation"} {
			if d.count("vrrp: "+what+" not permitted") != 1 {
				t.Errorf("no line: %s not permitted", what)
			}
		}
	}
	if files && d.count("vrrp: a file to read: open /etc/hostname: permission denied") != 1 {
		t.Error("files can be read")
	}
	if d.count("runner: .*(not permitted|permission denied)") > 0 {
		t.Error("the runner is in jail")
	}
	d.stop()
}
