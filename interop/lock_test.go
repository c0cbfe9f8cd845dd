package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/interop/lab"
)

const (
	lockMACVLANs  = 1500
	lockAddresses = 1000
)

// TestKernelLock: 1,000 addresses move, at real-time priority with keepalived's default limit of it, while somebody else
// deletes 1,500 links in another namespace, which holds the lock that every change of addresses waits for. Another instance
// advertises every 10 ms, and goes on doing so. The kernel kills nobody. It does not run beside the floods of others.
func TestKernelLock(t *testing.T) {
	long(t)
	needRoot(t) // for real-time priority
	if reference() {
		t.Skip("keepalived waits for the lock itself")
	}
	ip := lab.Tool(t, "ip", "iproute2")
	l := lab.New(t, lab.Options{Nodes: 2})
	a, b := l.Nodes[0], l.Nodes[1]
	fast := lab.Router{Name: "FAST", Version: 3, VRID: 60, Priority: 200, Interval: 10 * time.Millisecond, VIPs: []string{"10.0.0.60/24"}}
	many := media[0].router(a, b, 100)
	many.VIPs, many.Lines = []string{"10.0.0.100/24"}, []string{excluded()}
	f := lab.File{Global: []string{"vrrp_rt_priority 50"}, Routers: []lab.Router{fast, many}}
	peer := media[0].router(b, a, 200)
	peer.VIPs, peer.Lines = many.VIPs, many.Lines
	sFast, sMany := l.Scene(fast.VR()), l.Scene(many.VR())
	b.Start(ours(t), lab.File{Routers: []lab.Router{peer}}.Text())
	sMany.Elect(b, peer.Down())
	a.Start(ours(t), f.Text())
	sFast.Elect(a, second)

	var limit unix.Rlimit
	pid := a.Daemon().VRRPPid()
	if err := unix.Prlimit(pid, unix.RLIMIT_RTTIME, nil, &limit); err != nil || limit.Max == unix.RLIM_INFINITY {
		t.Errorf("%v: the limit of real-time is %+v", err, limit)
	}
	if _, rt := scheduled(pid, 50); rt == 0 {
		t.Error("nothing is real-time")
	}
	waited := waits(pid)
	release, held := holdLock(t, ip)
	from := time.Now()
	sMany.Move(a, many.Down(), func() {
		b.PowerOff()
		// The lock is taken a moment before the addresses are due, and held for as long as it takes.
		last := l.Adverts(many.VR(), from.Add(-2*second), time.Now())
		l.Pass(time.Until(last[len(last)-1].At.Add(many.Down() - 50*time.Millisecond)))
		release()
	})
	l.WaitFor("all addresses have moved", 30*second, func() bool { return len(a.Foreign()) == lockAddresses+2 })
	moved := time.Since(from)
	sFast.Stay(second)
	late := lateness(l, fast.VR(), from, time.Now())
	t.Logf("the peer died %v before all had moved; adverts of the other instance: p50 %v, p99 %v, at most %v from one to the next beyond 10 ms",
		moved.Round(time.Millisecond), late[len(late)/2], late[len(late)*99/100], late[len(late)-1])
	// A kernel that does not leave what it is doing for a real-time thread makes that wait too: this is not the lock's doing.
	excuse := longest(waits(pid), waited) + l.Stood(from)
	// Who waits for the lock is late by nearly all of the time for which it is held.
	lock := held()
	if most := late[len(late)-1]; most > max(lab.Margin/20, lock/3)+excuse {
		t.Errorf("an advert was %v late; the lock was held for %v, and the thread waited for a processor for %v at most", most, lock, excuse)
	}
	if log := a.Daemon().Log(); strings.Contains(log, "signal 9") || strings.Contains(log, "Respawning") {
		t.Errorf("a process was killed:\n%.3000s", log)
	}
}

// waits is how long each thread of a process has waited for a processor.
func waits(pid int) map[string]time.Duration {
	out := map[string]time.Duration{}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, name := range files {
		var ran, waited time.Duration
		if text, err := os.ReadFile(name); err == nil {
			_, _ = fmt.Sscan(string(text), &ran, &waited) // nanoseconds
		}
		out[name] = waited
	}
	return out
}

// longest is how long one of the threads has waited since before.
func longest(now, before map[string]time.Duration) (most time.Duration) {
	for name, d := range now {
		most = max(most, d-before[name])
	}
	return most
}

// excluded are addresses that are not in the adverts.
func excluded() string {
	var s strings.Builder
	s.WriteString("virtual_ipaddress_excluded {\n")
	for i := range lockAddresses {
		fmt.Fprintf(&s, "\t\t10.66.%d.%d/32\n", i/250, i%250+1)
	}
	return s.String() + "\t}"
}

// holdLock makes a namespace with many links. Release deletes them all at once, in the background; held waits for the end of
// that, and tells how long it took.
func holdLock(t *testing.T, ip string) (release func(), held func() time.Duration) {
	t.Helper()
	n, other := nstest.New(t), nstest.New(t)
	nstest.OK(t, n.AddVeth("eth0", other, "eth0"))
	var add strings.Builder
	for i := range lockMACVLANs {
		fmt.Fprintf(&add, "link add link eth0 name m%d type macvlan mode private\n", i)
	}
	cmd := exec.Command(ip, "-batch", "-")
	cmd.Stdin = strings.NewReader(add.String())
	nstest.OK(t, n.Run(cmd))
	var took time.Duration
	var deleting sync.WaitGroup
	t.Cleanup(deleting.Wait)
	release = func() {
		deleting.Go(func() {
			from := time.Now()
			err := n.Delete("eth0") // and with it all that are on it
			took = time.Since(from)
			if err != nil {
				t.Error(err)
			}
		})
	}
	return release, func() time.Duration { deleting.Wait(); return took }
}

// lateness lists by how much the adverts of a virtual router came more than an interval after the last one, sorted.
func lateness(l *lab.Lab, v lab.VR, from, to time.Time) (out []time.Duration) {
	last := time.Time{}
	for _, ad := range l.Adverts(v, from, to) {
		if !last.IsZero() {
			out = append(out, max(0, ad.At.Sub(last)-v.Interval))
		}
		last = ad.At
	}
	slices.Sort(out)
	return out
}
