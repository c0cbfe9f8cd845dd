package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
)

func TestReloadIsEverywhereOrNowhere(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	d := h.start()
	d.wait("Startup complete")
	h.deeds("runner:refuse")
	d.signal(unix.SIGHUP)
	d.waitAll("Reload failed, nothing was changed: Runner: no such interface", "vrrp: abort 2", "runner: abort 2")
	h.deeds("")
	d.signal(unix.SIGHUP)
	d.waitAll("vrrp: prepare 3", "vrrp: commit 3", "runner: commit 3", "Reload complete")
	if d.count("commit 2") > 0 {
		t.Error("half a reload came into force")
	}
	d.stop()
}

func TestFatalFileChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	d := h.start()
	d.wait("Startup complete")
	h.raw("{")
	d.signal(unix.SIGHUP)
	d.wait("broken file")
	d.wait("Reload failed, nothing was changed: broken file")
	os.Remove(h.opt.ConfigFile)
	d.signal(unix.SIGHUP)
	d.wait("Reload failed, nothing was changed: ")
	d.stop()
	if d.count("prepare") != 2 {
		t.Error("a role was asked about a file that can't be read")
	}
}

func TestUnchangeable(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	d := h.start()
	d.wait("Startup complete")
	empty := ""
	for name, c := range map[string]func(*config.Config){
		"network namespace":      func(c *config.Config) { c.Process.Namespace = "x" },
		"IPVS network namespace": func(c *config.Config) { c.Process.NamespaceIPVS = &empty },
		"instance name":          func(c *config.Config) { c.Process.Instance = "x" },
		"nftables table name":    func(c *config.Config) { c.Global.Rest = []config.Item{{Words: []string{"nftables", "t"}}} },
	} {
		was := h.cfg
		c(&h.cfg)
		h.write()
		h.cfg = was
		d.signal(unix.SIGHUP)
		d.wait("Reload failed, nothing was changed: Cannot change " + name + " at a reload - please restart keepalived")
	}
	d.stop()
	if d.count("prepare") != 2 {
		t.Error("a role was asked")
	}
}

// However often one asks during a reload, one more follows: it reads what is there then.
func TestRegressionB42_ReloadsAreQueuedOneDeep(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("vrrp:gate") // it prepares until it is let through
	pass := func(gen int) { write(t, filepath.Join(h.dir, fmt.Sprint("gate-", gen)), "") }
	d := h.start()
	d.wait("vrrp: prepare 1")
	d.signal(unix.SIGHUP) // even during the start
	d.wait("Reload already in progress, request queued")
	pass(1)
	d.waitAll("Startup complete", "vrrp: prepare 2")
	for range 5 {
		d.signal(unix.SIGHUP)
		d.signal(unix.SIGUSR2) // once it has dealt with this one, it has with the one before
		d.wait("Printing VRRP stats")
	}
	pass(2)
	d.waitAll("Reload complete", "vrrp: prepare 3")
	pass(3)
	d.wait("Reload complete")
	d.stop()
	if n := d.count("Reloading"); n != 2 {
		t.Errorf("%d reloads, want 2", n)
	}
}

func TestReloadBringsARoleAndLeavesOne(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.cfg.Scripts = nil
	h.deeds("")
	d := h.start()
	d.wait("Startup complete")
	if d.count("Runner") > 0 {
		t.Error("a role was started that nobody needs")
	}
	h.cfg.Scripts = []config.Script{{Name: "s"}}
	h.deeds("vrrp:refuse")
	d.signal(unix.SIGHUP)
	d.waitAll("Starting Runner child process", "Reload failed", "runner: stop") // started, and not needed after all
	h.deeds("")
	d.signal(unix.SIGHUP)
	d.waitAll("Starting Runner child process", "runner: prepare 3 reload=true", "runner: commit 3", "Reload complete")
	h.cfg.Scripts = nil
	h.deeds("")
	d.signal(unix.SIGHUP)
	d.waitAll("runner: commit 4", "Reload complete") // it goes on with nothing to do (rule P1)
	d.stop()
	if d.count("died") > 0 {
		t.Error("a role's end was not expected")
	}
}

func TestRoleThatSaysNothingInPrepare(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.opt.Timing.Prepare = 15 * time.Second
	h.deeds("")
	d := h.start()
	d.wait("Startup complete")
	h.deeds("runner:mute")
	d.signal(unix.SIGHUP)
	d.wait(`Runner child process\(\d+\) did not answer in time: killing it`)
	d.waitAll(`Reload failed, nothing was changed: Runner child process\(\d+\) had to be killed while it prepared`, "vrrp: abort 2")
	d.waitAll("runner: prepare 1 reload=true", "runner: commit 1") // back, with what is in force
	h.deeds("")
	d.signal(unix.SIGHUP)
	d.wait("Reload complete")
	d.stop()
}

// Whoever is told to stop while a role prepares its first configuration stops. What the role answers then comes too late.
func TestStopWhilePreparing(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.cfg.Process.ChildWait = 2 * time.Second
	h.deeds("vrrp:mute vrrp:deaf runner:gate")
	d := h.start()
	d.waitAll("vrrp: prepare 1", "runner: prepare 1")
	d.signal(unix.SIGTERM)
	d.wait("Stopping")
	if err := os.WriteFile(filepath.Join(h.dir, "gate-1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.wait("runner: stop")
	if code := d.exit(); code != 0 || d.count("commit") > 0 || d.count("panic") > 0 {
		t.Errorf("exit code %d, %d times committed", code, d.count("commit"))
	}
}

func TestRoleThatDiesInPrepare(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	d := h.start()
	d.wait("Startup complete")
	h.deeds("vrrp:panic")
	d.signal(unix.SIGHUP)
	d.wait(`VRRP child process\(\d+\) died: Respawning`)
	d.waitAll("Reload failed, nothing was changed", "runner: abort 2", "vrrp: prepare 1 reload=true resume=true descriptors=2", "vrrp: commit 1")
	eventually(t, "its last words are in the log", func() bool { return d.count("panic: as told") > 0 && d.count("goroutine ") > 0 })
	d.stop()

	os.RemoveAll(filepath.Join(h.dir, "vrrp-panic"))
	h.deeds("vrrp:panic") // at the very start: it is tried again
	d = h.start()
	d.wait(`VRRP child process\(\d+\) died: Respawning`)
	d.wait("Startup complete")
	d.stop()
}

// A reload that changes the scheduling reaches a process that runs already. (Nice values upwards need no privileges.)
func TestReloadChangesScheduling(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	d := h.start()
	vrrp := atoi(t, d.wait(`Starting VRRP child process, pid=(\d+)`))
	d.wait("Startup complete")
	nice := func() map[int]bool {
		out := make(map[int]bool)
		tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", vrrp))
		for _, task := range tasks {
			n, err := unix.Getpriority(unix.PRIO_PROCESS, atoi(t, task.Name()))
			if err == nil {
				out[20-n] = true
			}
		}
		return out
	}
	was := nice()
	h.cfg.Global.VRRPProcess.Nice = 19
	h.deeds("")
	d.signal(unix.SIGHUP)
	d.wait("Reload complete")
	if now := nice(); len(now) != 1 || !now[19] {
		t.Errorf("nice values %v, were %v", now, was)
	}
	d.stop()
}

// Chains and sets can't be exchanged for others while the rules are there, whatever is the case with what is not used.
func TestRechained(t *testing.T) {
	t.Parallel()
	base := config.Firewall{UseIptables: true, Chains: []string{"a", "b"}, UseIpsets: true, Ipsets: []string{"s"}}
	for text, c := range map[string]struct {
		change func(*config.Firewall)
		want   bool
	}{
		"nothing":              {func(*config.Firewall) {}, false},
		"a chain":              {func(f *config.Firewall) { f.Chains = []string{"a", "c"} }, true},
		"a set":                {func(f *config.Firewall) { f.Ipsets = []string{"t"} }, true},
		"no sets":              {func(f *config.Firewall) { f.UseIpsets = false }, true},
		"nftables instead":     {func(f *config.Firewall) { f.UseIptables, f.Chains = false, nil }, false},
		"what nftables ignore": {func(f *config.Firewall) { f.Counters = true }, false},
	} {
		next := base
		if c.change(&next); rechained(&base, &next) != c.want {
			t.Errorf("%s: refused %v", text, !c.want)
		}
	}
}
