package supervisor

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/role"
)

func TestStartReloadStop(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	d := h.start()
	d.wait(`Starting Keepalived v2\.4\.3 \(holdfast test\)`)
	vrrp := atoi(t, d.wait(`Starting VRRP child process, pid=(\d+)`))
	runner := atoi(t, d.wait(`Starting Runner child process, pid=(\d+)`))
	d.waitAll(`vrrp: peer runner with 1`, `runner: peer vrrp with 1`,
		`vrrp: prepare 1 reload=false resume=false descriptors=2`, `runner: prepare 1 reload=false resume=false descriptors=3`,
		`vrrp: commit 1`, `runner: commit 1`, `Startup complete`)
	for name, want := range map[string]int{"keepalived.pid": d.cmd.Process.Pid, "vrrp.pid": vrrp} {
		if got, err := os.ReadFile(filepath.Join(h.dir, name)); err != nil || string(got) != fmt.Sprintln(want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	names := map[int]string{d.cmd.Process.Pid: "keepalived", vrrp: "keepalived", runner: "keepalived-run"}
	for pid, want := range names {
		if got, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); string(got) != want+"\n" {
			t.Errorf("process %d is called %q, want %s", pid, got, want)
		}
	}
	if args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", vrrp)); !strings.HasPrefix(string(args), "keepalived\x00-n\x00") {
		t.Errorf("%q", args)
	}

	d.signal(unix.SIGHUP)
	d.wait(`Reloading \.\.\.`)
	d.waitAll(`vrrp: prepare 2 reload=true resume=false descriptors=1`, `runner: prepare 2 reload=true`,
		`vrrp: commit 2`, `runner: commit 2`, `Reload complete`, `Reload finished in \d+ usec`)
	d.signal(unix.SIGUSR1)
	d.wait(`Printing VRRP data for process\(\d+\) on signal`)
	d.signal(unix.SIGUSR2)
	d.wait(`Printing VRRP stats for process\(\d+\) on signal`)

	d.signal(unix.SIGTERM)
	d.wait(`Stopping`)
	d.waitAll(`vrrp: stop keep=false`, `runner: stop keep=false`,
		`CPU usage \(self/children\) user: [0-9.]+/[0-9.]+ system: [0-9.]+/[0-9.]+`, `Stopped Keepalived v2\.4\.3`)
	if code := d.exit(); code != 0 {
		t.Error("exit code", code)
	}
	// First those who have something to tell: in the order in which the roles themselves have written it down, not in that of the log.
	trace, _ := os.ReadFile(filepath.Join(h.dir, "trace"))
	if first, then := strings.Index(string(trace), "vrrp: stop"), strings.Index(string(trace), "runner: stop"); first < 0 || then < first {
		t.Errorf("stopped in the wrong order:\n%s", trace)
	}
	for _, name := range []string{"keepalived.pid", "vrrp.pid"} {
		if _, err := os.Lstat(filepath.Join(h.dir, name)); err == nil {
			t.Error(name, "was left behind")
		}
	}
	if exists(vrrp) || exists(runner) {
		t.Error("a role was left behind")
	}
	if d.count("died") > 0 {
		t.Error("a role's end was not expected")
	}
	if h.swept() != 1 {
		t.Errorf("swept %d times, want once at the start", h.swept())
	}
}

func TestStartIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, deeds, raw, line string
		code                   int
	}{
		{name: "by a role", deeds: "vrrp:refuse", line: "The configuration can't be used: VRRP: no such interface", code: 2},
		{name: "by a role that ends", deeds: "runner:exit=4", line: `pid \d+ exited with permanent error missing permission. Terminating`, code: 4},
		{name: "fatal file", raw: "{", line: "The configuration can't be used: broken file", code: 2},
		{name: "no file", line: "The configuration can't be used: ", code: 6},
		{name: "keyword without effect", raw: `{"Parts":{"VRRP":true},"Uses":[{"Keyword":"use_vmac"}]}`, line: "The configuration can't be used: .*use_vmac: what this keyword asks for is not built yet", code: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			if c.deeds != "" {
				h.deeds(c.deeds)
			} else if c.raw != "" {
				h.raw(c.raw)
			}
			d := h.start()
			d.wait(c.line)
			if code := d.exit(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if d.count("commit") > 0 || d.count("Startup complete") > 0 {
				t.Error("it came into force nevertheless")
			}
			if left, _ := filepath.Glob(filepath.Join(h.dir, "*.pid")); len(left) > 0 {
				t.Error("left behind:", left)
			}
		})
	}
}

func TestTwoDaemonsAtTheSameInstant(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	var ds []*instance
	for range 4 {
		ds = append(ds, h.start())
	}
	var alive []*instance
	eventually(t, "all but one give up", func() bool {
		alive = nil
		for _, d := range ds {
			select {
			case <-d.ended:
			default:
				alive = append(alive, d)
			}
		}
		return len(alive) == 1
	})
	alive[0].wait("Startup complete")
	for _, d := range ds {
		if d == alive[0] {
			continue
		}
		if d.exit() != 0 || d.count("daemon is already running") != 1 || d.count("Stopped") != 0 || d.count("child process") != 0 {
			t.Error("a second daemon did not refuse as it should")
		}
	}
	alive[0].stop()
}

// TestStartWhileSomebodySweeps: what is left of a daemon that died holds the lock while it cleans up; the next daemon starts when it is done.
func TestStartWhileSomebodySweeps(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	path := h.opt.paths(&h.cfg.Process).pid
	sweeping := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := SweepBehind(role.Last{PID: path}, func(string, *config.Config) ([]string, error) {
			close(sweeping)
			time.Sleep(100 * time.Millisecond) // so that the daemon finds the lock held, if it is quick
			return nil, nil
		})
		done <- err
	}()
	<-sweeping
	d := h.start()
	d.wait("Startup complete")
	if err := <-done; err != nil {
		t.Error(err)
	}
	d.stop()
}

func TestDeafRoleIsKilledAndSweptFor(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.cfg.Process.ChildWait = 100 * time.Millisecond
	h.opt.Timing.Grace = patience // for the runner, which is not deaf
	h.deeds("vrrp:deaf")
	d := h.start()
	vrrp := atoi(t, d.wait(`Starting VRRP child process, pid=(\d+)`))
	d.wait("Startup complete")
	d.signal(unix.SIGTERM)
	d.wait(`VRRP child process\(\d+\) did not end in time: killing it`)
	d.wait("runner: stop")
	if code := d.exit(); code != 0 {
		t.Error("exit code", code)
	}
	if exists(vrrp) {
		t.Error("it lives")
	}
	if h.swept() != 2 {
		t.Errorf("swept %d times, want once at the start and once at the end", h.swept())
	}
}

// If the supervisor dies, roles hand over and end, whichever they notice first: the signal or the closed connection.
func TestRolesEndWithTheSupervisor(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	d := h.start()
	vrrp := atoi(t, d.wait(`Starting VRRP child process, pid=(\d+)`))
	runner := atoi(t, d.wait(`Starting Runner child process, pid=(\d+)`))
	d.wait("Startup complete")
	d.signal(unix.SIGKILL)
	for _, pid := range []int{vrrp, runner} {
		eventually(t, "the roles end", func() bool {
			st, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return !exists(pid) || strings.Contains(string(st), ") Z ")
		})
	}
	trace, _ := os.ReadFile(filepath.Join(h.dir, "trace"))
	if s := string(trace); !strings.Contains(s, "vrrp: stop") && !strings.Contains(s, "vrrp: lost the supervisor") {
		t.Errorf("the vrrp role did not hand over:\n%s", s)
	}
	<-d.ended // its children held the pipe
	h.deeds("")
	again := h.start() // the locks went with it
	again.wait("Startup complete")
	again.stop()
}

// As the first process of a container the daemon buries what others leave, and nothing else disturbs it.
func TestOrphansAreBuried(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("runner:orphan")
	d := h.startWith(func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
		if os.Geteuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
		}
	})
	d.wait("Startup complete")
	children := func() []string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", d.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(text))
	}
	eventually(t, "only the two roles are left", func() bool { return len(children()) == 2 })
	if d.count("died") > 0 {
		t.Error("an orphan was taken for a role")
	}
	d.stop()
}

func TestSingleProcess(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.opt.Single, h.opt.Reap = true, false
	h.deeds("")
	d := h.start()
	d.wait(fmt.Sprintf("Starting VRRP child process, pid=%d$", d.cmd.Process.Pid))
	d.wait("Startup complete")
	d.signal(unix.SIGHUP)
	d.wait("Reload complete")
	d.stop()
}

func TestDaemonise(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.opt.Foreground = false
	h.opt.LogFile = filepath.Join(h.dir, "log")
	h.deeds("")
	launcher := h.start()
	if code := launcher.exit(); code != 0 {
		t.Fatal("exit code", code)
	}
	text, err := os.ReadFile(filepath.Join(h.dir, "keepalived.pid"))
	if err != nil {
		t.Fatal(err) // the launcher leaves only when there is a daemon
	}
	pid := atoi(t, string(text))
	defer unix.Kill(pid, unix.SIGKILL)
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Error("session", sid, err)
	}
	if cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); cwd != "/" {
		t.Error("works in", cwd)
	}
	for fd := range 3 {
		if to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)); to != "/dev/null" {
			t.Error("descriptor", fd, "is", to)
		}
	}
	eventually(t, "it starts", func() bool {
		log, _ := os.ReadFile(h.opt.LogFile)
		return strings.Contains(string(log), "Startup complete")
	})
	unix.Kill(pid, unix.SIGTERM)
	eventually(t, "it ends", func() bool {
		log, _ := os.ReadFile(h.opt.LogFile)
		return strings.Contains(string(log), "Stopped Keepalived")
	})

	h.raw("{")
	if code := h.start().exit(); code != 2 {
		t.Error("a launcher whose daemon refuses ends with", code)
	}
}
