package interop

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// TestCrashVRRP kills the process that does VRRP: it is started again and goes on as master, before the peer notices.
func TestCrashVRRP(t *testing.T) {
	r := newReloadLab(t)
	calls, skip, old := len(r.d.settled(t, r.Lab, 4)), len(r.b.Daemon().Log()), r.a.Daemon().VRRPPid()
	r.a.Daemon().SignalVRRP(unix.SIGKILL)
	r.WaitFor("another VRRP process runs", 2*second, func() bool {
		pid := r.a.Daemon().VRRPPid()
		return pid != 0 && pid != old
	})
	r.s.Stay(downLow + second)
	if log := r.b.Daemon().Log()[skip:]; strings.Contains(log, "STATE") {
		t.Errorf("the peer went through another state:\n%s", log)
	}
	if got := r.d.read(t); len(got) != calls {
		t.Errorf("scripts were called: %v", got[calls:])
	}
}

// crashed is a lab with one router of ours whose every process was killed while it was master.
func crashed(t *testing.T) (*lab.Lab, *lab.Node, lab.File) {
	t.Helper()
	t.Parallel()
	long(t)
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	r := media[0].router(a, a, 200)
	f := lab.File{Routers: []lab.Router{r}}
	s := l.Scene(r.VR())
	a.Start(ours(t), f.Text())
	s.Elect(a, r.Down())
	s.Leave(a.KillAll)
	if n := len(a.Foreign()); n != 2 {
		t.Fatalf("%d addresses are left of a killed daemon, not 2", n)
	}
	return l, a, f
}

// TestCrashAllStart: what a killed run has left is gone before the next one advertises.
func TestCrashAllStart(t *testing.T) {
	l, a, f := crashed(t)
	from := time.Now()
	a.Start(ours(t), f.Text())
	l.WaitFor("the addresses are gone", second, func() bool { return len(a.Foreign()) == 0 })
	s := l.Scene(f.Routers[0].VR())
	s.Elect(a, f.Settled())
	if gone := deleted(a.Changes(from)); gone.IsZero() || gone.After(l.FirstAdvert(from)) {
		t.Errorf("advertised before the addresses of the last run were gone")
	}
}

func deleted(changes []lab.Change) time.Time {
	for _, c := range changes {
		if strings.HasSuffix(c.What, "deleted") {
			return c.At
		}
	}
	return time.Time{}
}

// TestCrashAllSweep: the command for the service manager removes what a killed run has left, and nothing else.
func TestCrashAllSweep(t *testing.T) {
	l, a, _ := crashed(t)
	if reference() {
		t.Skip("only ours has that command")
	}
	stranger := "10.0.0.200/24"
	if err := a.NS.AddAddr("eth0", stranger); err != nil {
		t.Fatal(err)
	}
	if err := a.NS.Run(exec.Command(ours(t).Path, append([]string{"sweep"}, a.Daemon().Files()...)...)); err != nil {
		t.Fatal(err)
	}
	l.WaitFor("only the stranger's address is left", second, func() bool {
		left := a.Foreign()
		return len(left) == 1 && left[0] == netip.MustParsePrefix(stranger)
	})
}
