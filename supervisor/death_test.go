package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Rule Q4, and when a role may resume.
func TestRestarts(t *testing.T) {
	t.Parallel()
	timing := Timing{}.withDefaults()
	now := time.Unix(1000, 0)
	var r restarts
	if r.mayResume(now) {
		t.Error("resumes before it ever lived")
	}
	for i, want := range []int{0, 1, 2, 4, 8, 16, 32, 60, 60, 60} {
		delay, limited := r.died(now, time.Second, &timing)
		if delay != time.Duration(want)*time.Second || !limited {
			t.Errorf("death %d: %v", i, delay)
		}
		if may := r.mayResume(now); may != (i < 2) {
			t.Errorf("death %d: resumes %v", i, may)
		}
	}
	if !r.mayResume(now.Add(61 * time.Second)) {
		t.Error("a minute later it may resume again")
	}
	if delay, limited := r.died(now, time.Minute, &timing); delay != 0 || limited {
		t.Error("a long life ends with a delay", delay)
	}
	if delay, _ := r.died(now, time.Second, &timing); delay != 0 {
		t.Error("and the counter was not reset", delay)
	}
}

func TestHeart(t *testing.T) {
	t.Parallel()
	var h heart
	for i, c := range []struct {
		beat  uint64
		still int
	}{{0, 1}, {0, 2}, {5, 0}, {5, 1}, {6, 0}, {6, 1}, {6, 2}} {
		if got := h.look(c.beat); got != c.still {
			t.Errorf("look %d: %d", i, got)
		}
	}
}

func TestCrashIsFollowedByARestart(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	d := h.start()
	d.wait("Startup complete")
	pid := func() int {
		text, err := os.ReadFile(filepath.Join(h.dir, "vrrp.pid"))
		if err != nil {
			t.Fatal(err)
		}
		return atoi(t, string(text))
	}
	for i := range 4 {
		unix.Kill(pid(), unix.SIGKILL)
		d.wait(`pid \d+ exited due to signal 9`)
		d.wait(`VRRP child process\(\d+\) died: Respawning`)
		d.wait("Restart of VRRP process delayed 0 seconds to limit respawn rate")
		d.wait("Starting VRRP child process")
		d.waitAll("vrrp: peer runner", "runner: peer vrrp", // a new direct connection
			fmt.Sprintf("vrrp: prepare 1 reload=true resume=%v descriptors=2", i < 2), "vrrp: commit 1")
	}
	d.stop()
	if d.count("runner: prepare") != 1 {
		t.Error("the other role was disturbed")
	}
}

func TestDontRespawn(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.opt.NoRespawn = true
	h.deeds("")
	d := h.start()
	vrrp := atoi(t, d.wait(`Starting VRRP child process, pid=(\d+)`))
	d.wait("Startup complete")
	unix.Kill(vrrp, unix.SIGKILL)
	d.wait(`VRRP child process\(\d+\) died: Exiting`)
	d.wait("runner: stop")
	if code := d.exit(); code != 0 {
		t.Error("exit code", code)
	}
	if h.swept() != 2 {
		t.Error("what the dead process left was not swept")
	}
}

func TestHungRoleIsReplaced(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.opt.Timing.Still = 500 // 10 s, which no machine stands still for
	h.deeds("")
	d := h.start()
	vrrp := atoi(t, d.wait(`Starting VRRP child process, pid=(\d+)`))
	d.wait("Startup complete")
	unix.Kill(vrrp, unix.SIGSTOP)
	d.wait(`VRRP child process\(\d+\) has shown no heartbeat for 10s: killing it`)
	d.wait("vrrp: commit 1")
	d.stop()
}

func TestRoleThatTalksNonsense(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	d := h.start()
	d.wait("Startup complete")
	h.deeds("runner:nonsense")
	d.signal(unix.SIGHUP)
	d.wait(`Runner child process\(\d+\) sent a message that is not for the supervisor: killing it`)
	d.waitAll("Reload failed", "runner: commit 1")
	d.stop()
}

// As with keepalived's children: HUP to the VRRP process reloads, TERM ends it, and it comes back.
func TestSignalsToARole(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	d := h.start()
	vrrp := atoi(t, d.wait(`Starting VRRP child process, pid=(\d+)`))
	d.wait("Startup complete")
	unix.Kill(vrrp, unix.SIGHUP)
	d.waitAll("Reloading", "Reload complete")
	unix.Kill(vrrp, unix.SIGUSR2)
	d.wait(`Printing VRRP stats for process\(\d+\) on signal`)
	unix.Kill(vrrp, sigJSON)
	d.wait(`Printing VRRP as json for process\(\d+\) on signal`)
	unix.Kill(vrrp, unix.SIGTERM)
	d.waitAll("vrrp: stop keep=false", `pid \d+ exited with status 0`, `VRRP child process\(\d+\) died: Respawning`, "vrrp: prepare 2", "vrrp: commit 2")
	d.stop()
}

// A runner that stands still for good, which has no heart, is missed because it does not answer. One that answers is left alone.
func TestRunnerHangs(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.opt.Timing.Still = 500 // 10 s
	h.deeds("")
	d := h.start()
	runner := atoi(t, d.wait(`Starting Runner child process, pid=(\d+)`))
	d.wait("Startup complete")
	time.Sleep(10 * pulseRest * h.opt.Timing.Tick) // some questions
	if d.count("killing it") > 0 {
		t.Error("something was killed without a reason")
	}
	if err := unix.Kill(runner, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	d.wait(`Runner child process\(\d+\) has not answered for .*: killing it`)
	d.wait(`Runner child process\(\d+\) died: Respawning`)
	d.wait(`runner: commit 1`)
	d.stop()
}

func TestPulse(t *testing.T) {
	var p pulse
	for range pulseRest - 1 {
		if ask, still := p.look(); ask != 0 || still != 0 {
			t.Fatal(ask, still)
		}
	}
	if ask, _ := p.look(); ask != 1 {
		t.Fatal(ask)
	}
	for i := range 3 {
		if ask, still := p.look(); ask != 0 || still != i+1 {
			t.Fatal(ask, still)
		}
	}
	p.pong(7)
	if _, still := p.look(); still != 4 {
		t.Error("an answer to another question counts")
	}
	p.pong(1)
	if _, still := p.look(); still != 0 {
		t.Error("the answer does not count")
	}
}
