package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// needRoot skips where the kernel cannot grant what the test is about: in the user namespace of an ordinary user.
func needRoot(t *testing.T) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/uid_map")
	if f := strings.Fields(string(b)); err != nil || os.Geteuid() != 0 || len(f) != 3 || f[2] != "4294967295" {
		t.Skip("needs root outside of a user namespace")
	}
}

// status is /proc/PID/status.
func status(t *testing.T, pid int) map[string]string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		out[key] = strings.TrimSpace(value)
	}
	return out
}

// capMask is a set of capabilities as /proc/PID/status has it.
func capMask(caps ...int) string {
	mask := uint64(0)
	for _, c := range caps {
		mask |= 1 << c
	}
	return fmt.Sprintf("%016x", mask)
}

// children are the processes whose parent is pid.
func children(pid int) (out []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, _ := os.ReadFile("/proc/" + e.Name() + "/stat")
		// The name is in parentheses and may hold anything; the state and the parent follow.
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(f) > 1 && f[1] == strconv.Itoa(pid) {
			out = append(out, child)
		}
	}
	return out
}

// family are the processes of a running daemon.
type family struct{ supervisor, vrrp, runner int }

// familyOf finds them; runner is 0 where there is none (yet).
func familyOf(d *lab.Daemon) (f family) {
	b, _ := os.ReadFile(filepath.Join(d.Dir, "main.pid"))
	f.supervisor, _ = strconv.Atoi(strings.TrimSpace(string(b)))
	f.vrrp = d.VRRPPid()
	if f.supervisor == 0 {
		return f
	}
	for _, pid := range children(f.supervisor) {
		if pid != f.vrrp && strings.HasSuffix(comm(pid), "-runner") {
			f.runner = pid
		}
	}
	return f
}

func comm(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(b))
}

// scheduled counts the threads of a process that are ordinary, and those that are real-time with a priority.
func scheduled(pid, priority int) (ordinary, rt int) {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, e := range entries {
		tid, _ := strconv.Atoi(e.Name())
		switch a, err := unix.SchedGetAttr(tid, 0); {
		case err != nil: // it has ended
		case a.Policy == unix.SCHED_RR && int(a.Priority) == priority:
			rt++
		default:
			ordinary++
		}
	}
	return ordinary, rt
}

// harmless are the beginnings of what a role may have open: nothing that has a name in a file system, but for what the
// Go runtime reads the CPU limit of the process from, its own network namespace and the settings of that, and the kernel's account of how long a thread waited for a processor.
var harmless = []string{
	"socket:", "pipe:", "/memfd:", "anon_inode:[eventpoll]", "anon_inode:[eventfd]", "anon_inode:[timerfd]",
	"anon_inode:[pidfd]", "pidfd:", "/dev/null", "/sys/fs/cgroup/", "net:", "/proc/sys/net",
}

func judgeDescriptors(t *testing.T, what string, pid int) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		to, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err == nil && !slices.ContainsFunc(harmless, func(h string) bool { return strings.HasPrefix(to, h) }) &&
			!strings.HasSuffix(to, "/schedstat") && to != fmt.Sprintf("/proc/%d/task", pid) {
			t.Errorf("%s has %s open", what, to)
		}
	}
}

// privilege is a configuration and what the vrrp role may do with it.
type privilege struct {
	name     string
	global   []string
	caps     []int
	priority int // real-time
	nice     int
}

var privileges = []privilege{
	{"plain", nil, []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW}, 0, 0},
	{"real-time", []string{"vrrp_rt_priority 20"}, []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_SYS_NICE}, 20, 0},
	{"no-swap", []string{"vrrp_no_swap"}, []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_IPC_LOCK}, 0, 0},
	{"nice", []string{"vrrp_priority -5"}, []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_SYS_NICE}, 0, -5},
	{
		"all",
		[]string{"vrrp_rt_priority 20", "vrrp_no_swap", "vrrp_priority -5"},
		[]int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_SYS_NICE, unix.CAP_IPC_LOCK},
		20, -5,
	},
}

// TestPrivileges reads from /proc what the processes of a working daemon may do, and how they are scheduled.
func TestPrivileges(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("keepalived has other processes")
	}
	needRoot(t)
	for _, p := range privileges {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.run(t)
		})
	}
}

// sleeper is a script that a master starts, that somebody runs who may do nothing, and that goes on for as long as the test.
const sleeper = "notify_master \"/bin/sleep 120\" nobody"

func (p privilege) run(t *testing.T) {
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	r := media[2].router(a, a, 200)
	r.Lines = []string{sleeper}
	f := lab.File{Global: append(p.global[:len(p.global):len(p.global)], "enable_script_security"), Routers: []lab.Router{r}}
	s := l.Scene(r.VR())
	a.Start(ours(t), f.Text())
	s.Elect(a, r.Down())

	d := a.Daemon()
	who := familyOf(d)
	if who.supervisor == 0 || who.vrrp == 0 || who.runner == 0 {
		t.Fatalf("processes are missing: %+v", who)
	}
	judgeVRRP(t, l, who.vrrp, p)
	own := status(t, os.Getpid())
	supervisor := ordinary
	supervisor.caps, supervisor.bounding = own["CapEff"], own["CapBnd"]
	supervisor.judge(t, "the supervisor", who.supervisor)
	runner := ordinary
	runner.caps, runner.bounding = capMask(unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL, unix.CAP_NET_ADMIN), own["CapBnd"]
	runner.judge(t, "the runner", who.runner)
	judgeDescriptors(t, "the vrrp role", who.vrrp)
	judgeDescriptors(t, "the runner", who.runner)
	if n := children(who.vrrp); len(n) > 0 {
		t.Errorf("the vrrp role has children: %v", n)
	}
	judgeScript(t, l, who.runner)
}

// rights is what design and documentation say that a process may do, and how it is scheduled.
type rights struct {
	caps, bounding string // permitted and in effect; what can be had by executing something
	kept           string // inheritable and ambient: what is executed has it too
	noNew, filter  string // no_new_privs, seccomp
	nice           int
	locked         bool // memory
	relaxes        bool // its threads are real-time, but for a while ordinary ones of the highest nice
}

// ordinary is a process without any privilege.
var ordinary = rights{caps: capMask(), bounding: capMask(), kept: capMask(), noNew: "0", filter: "0"}

func (r rights) judge(t *testing.T, what string, pid int) {
	t.Helper()
	is := status(t, pid)
	judgeCaps(t, what, is, r.caps, "CapPrm", "CapEff")
	judgeCaps(t, what, is, r.bounding, "CapBnd")
	judgeCaps(t, what, is, r.kept, "CapInh", "CapAmb")
	for key, want := range map[string]string{"NoNewPrivs": r.noNew, "Seccomp": r.filter} {
		if got, ok := is[key]; ok && got != want {
			t.Errorf("%s has %s %s, not %s", what, key, got, want)
		}
	}
	if ids := strings.Fields(is["Uid"]); slices.Contains(ids, "0") != (os.Getuid() == 0) || len(slices.Compact(ids)) != 1 {
		t.Errorf("%s has the user ids %v", what, ids)
	}
	if locked := is["VmLck"]; (locked != "0 kB") != r.locked {
		t.Errorf("%s has %s locked", what, locked)
	}
	if !r.relaxes {
		judgeNice(t, what, pid, r.nice)
	}
}

// judgeNice reads the nice value of every thread, which is the one that the lab starts daemons with where 0 is configured.
func judgeNice(t *testing.T, what string, pid, nice int) {
	t.Helper()
	if nice == 0 {
		nice = lab.Nice
	}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		tid, _ := strconv.Atoi(e.Name())
		a, err := unix.SchedGetAttr(tid, 0)
		if err == nil && a.Policy == unix.SCHED_NORMAL && int(a.Nice) != nice {
			t.Errorf("thread %d of %s has nice %d, not %d", tid, what, a.Nice, nice)
		}
	}
}

func judgeCaps(t *testing.T, what string, is map[string]string, want string, sets ...string) {
	t.Helper()
	for _, set := range sets {
		if is[set] != want {
			t.Errorf("%s has %s %s, not %s", what, set, is[set], want)
		}
	}
}

// filtered is what /proc shows of a process with a filter: where neither kernel nor architecture know any, none is expected.
func filtered() string {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return "0"
	}
	if _, err := os.Stat("/proc/sys/kernel/seccomp/actions_avail"); err != nil {
		return "0"
	}
	return "2"
}

func judgeVRRP(t *testing.T, l *lab.Lab, pid int, p privilege) {
	t.Helper()
	mask := capMask(p.caps...)
	r := rights{caps: mask, bounding: mask, kept: mask, noNew: "1", filter: filtered(), nice: p.nice, locked: slices.Contains(p.global, "vrrp_no_swap")}
	r.relaxes = p.priority > 0
	r.judge(t, "the vrrp role", pid)
	// The thread that reads and prepares configurations is ordinary: that is long and not urgent.
	ordinary, rt := 0, 0
	l.WaitFor("every thread of the vrrp role has its scheduling class", 5*second, func() bool {
		ordinary, rt = scheduled(pid, max(p.priority, 1))
		return ordinary+rt > 0 && (p.priority > 0 && ordinary <= 1 || p.priority == 0 && rt == 0)
	})
	t.Logf("the vrrp role has %d real-time threads and %d ordinary ones", rt, ordinary)
}

// judgeScript finds the script at work: an ordinary process of an ordinary user, to which nothing of ours is open.
func judgeScript(t *testing.T, l *lab.Lab, runner int) {
	t.Helper()
	pid := 0
	l.WaitFor("the script runs", 5*second, func() bool {
		for _, p := range descendants(runner) {
			if comm(p) == "sleep" {
				pid = p
			}
		}
		return pid != 0
	})
	is := status(t, pid)
	judgeCaps(t, "the script", is, capMask(), "CapPrm", "CapEff", "CapInh", "CapAmb")
	if uids := strings.Fields(is["Uid"]); slices.Contains(uids, "0") {
		t.Errorf("the script has user ids %v", uids)
	}
	if a, err := unix.SchedGetAttr(pid, 0); err == nil && (a.Policy != unix.SCHED_NORMAL || a.Nice != 0) {
		t.Errorf("the script has policy %d, nice %d", a.Policy, a.Nice)
	}
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	for _, e := range entries {
		if fd, _ := strconv.Atoi(e.Name()); fd > 2 {
			t.Errorf("the script has descriptor %d", fd)
		}
	}
}

func descendants(pid int) (out []int) {
	for _, c := range children(pid) {
		out = append(append(out, c), descendants(c)...)
	}
	return out
}

// TestPrivilegesAux: the process that reads tracked files may do nothing that nobody may not.
func TestPrivilegesAux(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("keepalived has other processes")
	}
	needRoot(t)
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	file := filepath.Join(ownedBy(t, somebody), "weight")
	writeFile(t, file, "0\n")
	r := media[2].router(a, a, 200)
	r.Lines = []string{"track_file {\n\t\tweight\n\t}"}
	s := l.Scene(r.VR())
	a.Start(ours(t), "track_file weight {\n\tfile "+file+"\n}\n"+lab.File{Routers: []lab.Router{r}}.Text())
	s.Elect(a, r.Down())
	aux := 0
	for _, pid := range children(familyOf(a.Daemon()).supervisor) {
		if strings.HasSuffix(comm(pid), "-aux") {
			aux = pid
		}
	}
	if aux == 0 {
		t.Fatal("there is none")
	}
	is := status(t, aux)
	judgeCaps(t, "the aux role", is, capMask(), "CapPrm", "CapEff", "CapInh", "CapAmb")
	for _, key := range []string{"Uid", "Gid"} {
		if ids := strings.Fields(is[key]); len(slices.Compact(ids)) != 1 || ids[0] == "0" {
			t.Errorf("the aux role has %s %v", key, ids)
		}
	}
	if is["VmLck"] != "0 kB" {
		t.Errorf("the aux role has %s locked", is["VmLck"])
	}
	judgeNice(t, "the aux role", aux, 10)
	if _, rt := scheduled(aux, 1); rt > 0 {
		t.Errorf("%d threads of the aux role are real-time", rt)
	}
}
