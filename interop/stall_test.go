package interop

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// pair is a settled pair of routers: ours with priority 200 is master, and the other with priority 100.
type pair struct {
	*lab.Lab
	s    *lab.Scene
	a, b *lab.Node
	high lab.Router
	file lab.File // of a
}

// newPair starts one; change (nil for nothing) has the last word on the preferred router's file.
func newPair(t *testing.T, peer lab.Program, change func(*lab.File)) *pair {
	t.Helper()
	t.Parallel()
	long(t)
	return startPair(t, ours(t), peer, change)
}

// startPair is newPair with a program for the preferred router, and more arguments for it.
func startPair(t *testing.T, high, peer lab.Program, change func(*lab.File), args ...string) *pair {
	t.Helper()
	l := lab.New(t, lab.Options{Nodes: 2})
	p := &pair{Lab: l, a: l.Nodes[0], b: l.Nodes[1]}
	p.high = media[0].router(p.a, p.b, 200)
	low := media[0].router(p.b, p.a, 100)
	p.file = lab.File{Global: []string{"script_user root", "enable_script_security"}, Routers: []lab.Router{p.high}}
	if change != nil {
		change(&p.file)
	}
	p.s = l.Scene(p.high.VR())
	p.a.Start(high, p.file.Text(), args...)
	p.s.Elect(p.a, p.high.Down())
	p.b.Start(peer, lab.File{Routers: []lab.Router{low}}.Text())
	p.s.Stay(downLow)
	return p
}

// signal sends to some of the processes of a node.
func (p *pair) signal(n *lab.Node, whole bool, sig syscall.Signal) {
	p.T.Helper()
	f := familyOf(n.Daemon())
	pids := []int{f.vrrp}
	if whole {
		pids = append(pids, f.supervisor, f.runner)
	}
	for _, pid := range pids {
		if pid == 0 {
			continue // nothing has to be run
		}
		if err := unix.Kill(pid, sig); err != nil {
			p.T.Fatal(err)
		}
	}
}

const stallTime = 5 * time.Second

// TestStallMaster stops a master for longer than its peer waits. Awake again, it is master beside its successor for no
// longer than it takes one of them to hear the other.
func TestStallMaster(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		whole bool
		back  bool // it may preempt
	}{
		{"all", true, true},
		{"vrrp", false, true},
		{"all-nopreempt", true, false},
		{"vrrp-nopreempt", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t, lab.Keepalived(t), func(f *lab.File) {
				if !c.back {
					f.Routers[0].State, f.Routers[0].Lines = "BACKUP", []string{"nopreempt"}
				}
			})
			old := p.a.Daemon().VRRPPid()
			p.s.Leave(func() { p.signal(p.a, c.whole, unix.SIGSTOP) })
			p.Pass(stallTime)
			p.WaitFor("the peer takes over", 0, func() bool { return p.b.Has(p.high.VR().VIPs[0]) })
			p.signal(p.a, c.whole, unix.SIGCONT)
			if c.back {
				p.s.Elect(p.a, second)
			} else {
				p.s.Elect(p.b, second)
			}
			p.s.Stay(downLow + second)
			if now := p.a.Daemon().VRRPPid(); now != old {
				t.Errorf("the vrrp role was process %d and is %d", old, now)
			}
		})
	}
}

// TestStallBackup stops a backup for longer than it waits: awake again it listens first, and nothing moves.
func TestStallBackup(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string]bool{"all": true, "vrrp": false} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, ours(t), nil)
			for range 2 {
				p.signal(p.b, whole, unix.SIGSTOP)
				p.s.Stay(stallTime)
				p.signal(p.b, whole, unix.SIGCONT)
				p.s.Stay(second)
			}
			p.s.Stay(downLow)
		})
	}
}

// TestHung stops the vrrp role for good: the supervisor kills it and starts another one, which does not go on where the
// old one was, but is master again in the end.
func TestHung(t *testing.T) {
	if reference() {
		t.Skip("keepalived waits for ever")
	}
	p := newPair(t, lab.Keepalived(t), nil)
	d := p.a.Daemon()
	old, skip := d.VRRPPid(), len(d.Log())
	p.s.Leave(func() { p.signal(p.a, false, unix.SIGSTOP) })
	d.WaitLog(skip, "has shown no heartbeat", 15*second)
	p.WaitFor("another vrrp role runs", 5*second, func() bool {
		pid := d.VRRPPid()
		return pid != 0 && pid != old
	})
	p.s.Elect(p.b, 0) // nothing is left of what the old one held
	p.s.Move(p.a, p.high.Down(), func() {})
	p.s.Stay(downLow)
}

// TestCrashRunner kills the process that runs scripts: the election does not notice, and there is another one.
func TestCrashRunner(t *testing.T) {
	if reference() {
		t.Skip("keepalived has none")
	}
	diary := newDiary(t, t.TempDir())
	p := newPair(t, lab.Keepalived(t), func(f *lab.File) { f.Routers[0].Lines = []string{diary.hooks("VI_1")} })
	old := familyOf(p.a.Daemon())
	calls := len(diary.settled(t, p.Lab, 4))
	if err := unix.Kill(old.runner, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.WaitFor("another runner runs", 2*second, func() bool {
		f := familyOf(p.a.Daemon())
		return f.runner != 0 && f.runner != old.runner
	})
	p.s.Stay(downLow)
	if got := diary.read(t); len(got) != calls {
		t.Errorf("scripts were called: %v", got[calls:])
	}
	if f := familyOf(p.a.Daemon()); f.vrrp != old.vrrp || f.supervisor != old.supervisor {
		t.Errorf("the processes were %+v and are %+v", old, f)
	}
	p.s.Move(p.b, skewLow, func() { p.a.Daemon().Stop() })
	told := ""
	for _, e := range diary.settled(t, p.Lab, calls+1)[calls:] {
		told += e.text + "\n"
	}
	if !strings.Contains(told, "VI_1 stop") {
		t.Errorf("the new runner does not run what is due: %q", told)
	}
}

// TestCrashSupervisor kills the process that looks after the others: they hand over, and stop.
func TestCrashSupervisor(t *testing.T) {
	if reference() {
		t.Skip("keepalived's goes on alone")
	}
	diary := newDiary(t, t.TempDir())
	p := newPair(t, lab.Keepalived(t), func(f *lab.File) { f.Routers[0].Lines = []string{diary.hooks("VI_1")} })
	old := familyOf(p.a.Daemon())
	from := time.Now()
	p.s.Move(p.b, skewLow, func() {
		if err := unix.Kill(old.supervisor, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
	})
	p.WaitFor("no process is left", 8*second, func() bool {
		return unix.Kill(old.vrrp, 0) == unix.ESRCH && unix.Kill(old.runner, 0) == unix.ESRCH
	})
	t.Logf("all have ended within %v", time.Since(from).Round(time.Millisecond))
	if left := p.a.Foreign(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	p.s.Stay(downLow)
}
