package interop

import (
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// TestMeddleOnce: another tool deletes an address once; it is back before a client could notice.
func TestMeddleOnce(t *testing.T) {
	if reference() {
		t.Skip("keepalived steps down")
	}
	p := newPair(t, lab.Keepalived(t), nil)
	from := time.Now()
	p.s.Leave(func() {
		if err := p.a.NS.DelAddr("eth0", "10.0.0.100/24"); err != nil {
			t.Fatal(err)
		}
	})
	p.s.Elect(p.a, 0)
	p.s.Stay(downLow)
	gone := moment(t, p.a, netip.MustParseAddr("10.0.0.100"), "deleted", from)
	back := moment(t, p.a, netip.MustParseAddr("10.0.0.100"), "added", gone.Add(-time.Microsecond))
	t.Logf("the address was away for %v", back.Sub(gone))
	if n := len(p.b.Changes(from)); n != 0 {
		t.Errorf("the peer noticed: %v", p.b.Changes(from))
	}
}

// TestMeddleForever: another tool deletes an address as soon as it is there, and never tires. The router puts it back ever
// more slowly, lets the peer have a try, and says what is going on. Once it is left alone it is the master again.
func TestMeddleForever(t *testing.T) {
	if reference() {
		t.Skip("keepalived steps down")
	}
	p := newPair(t, lab.Keepalived(t), nil)
	vip := p.high.VR().VIPs[0]
	skip, from := len(p.a.Daemon().Log()), time.Now()
	stop, done := make(chan struct{}), make(chan struct{})
	p.s.Leave(func() {
		go func() {
			defer close(done)
			for {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
					_ = p.a.NS.DelAddr("eth0", "10.0.0.100/24") // it is not always there
				}
			}
		}()
	})
	p.a.Daemon().WaitLog(skip, "10 times within a minute, handing over", 50*second)
	handed := time.Now()
	p.WaitFor("the peer has the address", skewLow, func() bool { return p.b.Has(vip) })
	p.Pass(15 * time.Second)
	close(stop)
	<-done
	count := func(from, to time.Time) (n int) {
		for _, c := range p.a.Changes(from) {
			if c.What == "address 10.0.0.100/24 added" && c.At.Before(to) {
				n++
			}
		}
		return n
	}
	now := time.Now()
	before, after := count(from, handed), count(handed, now)
	t.Logf("put back %d times in %v, then %d times in %v", before, handed.Sub(from).Round(time.Second), after, now.Sub(handed).Round(time.Second))
	if before > 11 {
		t.Errorf("put back %d times before the peer got a chance", before)
	}
	if limit := int(now.Sub(handed)/time.Second) + 3; after > limit {
		t.Errorf("put back %d times in %v: more than once a second", after, now.Sub(handed))
	}
	p.s.Elect(p.a, p.high.Down())
	p.s.Stay(downLow)
}

// TestMeddleLinkGone takes the interface of the router away, and makes it again; gives it another name, and the old one
// back. In the end there is one master, the preferred one.
func TestMeddleLinkGone(t *testing.T) {
	p := meddleLink(t)
	p.s.Move(p.b, downLow, func() {
		if err := p.a.NS.Delete("lan0"); err != nil {
			t.Fatal(err)
		}
	})
	p.s.Stay(second)
	p.s.Move(p.a, p.high.Down()+second, func() { addLAN(t, p.a) })
	p.s.Stay(downLow)
}

// TestMeddleLinkDown takes the interface down, as an administrator does, and up again: the peer has the address meanwhile.
func TestMeddleLinkDown(t *testing.T) {
	p := meddleLink(t)
	set := func(what func(string) error) {
		if err := what("lan0"); err != nil {
			t.Fatal(err)
		}
	}
	p.s.Move(p.b, downLow, func() { set(p.a.NS.SetDown) })
	p.s.Stay(second)
	p.s.Move(p.a, p.high.Down()+second, func() { set(p.a.NS.SetUp) })
	p.s.Stay(downLow)
}

// TestMeddleLinkRenamed gives the interface another name, and the old one back.
func TestMeddleLinkRenamed(t *testing.T) {
	p := meddleLink(t)
	rename := func(from, to string) {
		for _, err := range []error{p.a.NS.SetDown(from), p.a.NS.Rename(from, to), p.a.NS.SetUp(to)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	p.s.Leave(func() { rename("lan0", "lan9") })
	p.Pass(downLow)
	p.s.ElectAny(downLow) // as it may be configured; but one
	p.s.Leave(func() { rename("lan9", "lan0") })
	if err := p.a.NS.AddAddr("lan0", "10.0.0.61/24"); err != nil && !strings.Contains(err.Error(), "exist") {
		t.Fatal(err)
	}
	p.Pass(p.high.Down())
	p.s.Elect(p.a, p.high.Down())
	p.s.Stay(downLow)
}

// meddleLink is a pair whose preferred router is on a link that can be taken away without the lab's cable going with it.
func meddleLink(t *testing.T) *pair {
	t.Helper()
	t.Parallel()
	long(t)
	l := lab.New(t, lab.Options{Nodes: 2})
	p := &pair{Lab: l, a: l.Nodes[0], b: l.Nodes[1]}
	addLAN(t, p.a)
	p.high = media[0].router(p.a, p.b, 200)
	p.s = l.Scene(p.high.VR())
	f := lab.File{Global: []string{"dynamic_interfaces allow_if_changes"}, Routers: []lab.Router{p.high}}
	p.a.Start(ours(t), strings.ReplaceAll(f.Text(), "interface eth0", "interface lan0"))
	p.s.Elect(p.a, p.high.Down())
	p.b.Start(lab.Keepalived(t), lab.File{Routers: []lab.Router{media[0].router(p.b, p.a, 100)}}.Text())
	p.s.Stay(downLow)
	return p
}

func addLAN(t *testing.T, n *lab.Node) {
	t.Helper()
	for _, err := range []error{n.NS.AddMacvlanBridge("lan0", "eth0"), n.NS.AddAddr("lan0", "10.0.0.61/24"), n.NS.SetUp("lan0")} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestMeddleSecond: a second daemon in the same namespace keeps what it has, whatever becomes of the first, and the sweep
// of the first leaves it alone.
func TestMeddleSecond(t *testing.T) {
	for name, second := range map[string]func(testing.TB) lab.Program{"ours": ours, "keepalived": theirs} {
		t.Run(name, func(t *testing.T) { besides(t, second(t)) })
	}
}

func besides(t *testing.T, other lab.Program) {
	t.Parallel()
	long(t)
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	r, its := media[0].router(a, a, 200), media[0].router(a, a, 150)
	its.Name, its.VRID, its.VIPs = "VI_2", 52, []string{"10.0.0.150/24", "10.0.0.151/24"}
	s2 := l.Scene(its.VR())
	startBeside(t, a, other, lab.File{Routers: []lab.Router{its}}.Text())
	s2.Elect(a, its.Down())
	s := l.Scene(r.VR())
	f := lab.File{Routers: []lab.Router{r}}
	a.Start(ours(t), f.Text())
	s.Elect(a, r.Down())
	s.Leave(func() {
		who := familyOf(a.Daemon())
		for _, pid := range []int{who.supervisor, who.vrrp} { // all of them at once
			_ = unix.Kill(pid, unix.SIGSTOP)
		}
		for _, pid := range []int{who.supervisor, who.vrrp} {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		a.Daemon().Wait(second)
	})
	if !reference() {
		if err := a.NS.Run(exec.Command(ours(t).Path, append([]string{"sweep"}, a.Daemon().Files()...)...)); err != nil {
			t.Fatal(err)
		}
		l.WaitFor("what the first had is gone", second, func() bool { return len(a.Foreign()) == 2 })
	}
	a.Start(ours(t), f.Text())
	s.Elect(a, r.Down())
	s.Leave(func() { a.Daemon().Stop() })
	s2.Stay(2 * second)
	s2.End()
}

// startBeside starts a daemon in a node that has, or will have, another one.
func startBeside(t *testing.T, n *lab.Node, p lab.Program, config string) {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir+"/keepalived.conf", config)
	cmd := exec.Command(p.Path, "-n", "-l", "-D", "-G", "-P", "-f", dir+"/keepalived.conf", "-p", dir+"/main.pid", "-r", dir+"/vrrp.pid")
	if err := n.NS.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(unix.SIGTERM)
		_ = cmd.Wait()
	})
}

// TestMeddleAddresses: another tool adds and deletes 5,000 addresses, as fast as the kernel lets it. The master does not
// miss an advert that the peer would miss, does not touch what is not its own, and does not grow.
func TestMeddleAddresses(t *testing.T) {
	ip := lab.Tool(t, "ip", "iproute2")
	p := newPair(t, lab.Keepalived(t), nil)
	var add, del strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&add, "addr add 10.77.%d.%d/32 dev eth0\n", i/250, i%250+1)
		fmt.Fprintf(&del, "addr del 10.77.%d.%d/32 dev eth0\n", i/250, i%250+1)
	}
	pid := p.a.Daemon().VRRPPid()
	before, from, sizes := memory(t, pid), time.Now(), []int(nil)
	for range 3 {
		for _, batch := range []string{add.String(), del.String()} {
			cmd := exec.Command(ip, "-batch", "-")
			cmd.Stdin = strings.NewReader(batch)
			if err := p.a.NS.Run(cmd); err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, memory(t, pid))
		}
	}
	t.Logf("30,000 changes took %v; the vrrp role had %d KiB and grew to %v", time.Since(from).Round(time.Millisecond), before, sizes)
	p.s.Stay(downLow)
	if most := slices.Max(sizes); most > memoryLimit {
		t.Errorf("the vrrp role has grown from %d to %d KiB", before, most)
	}
	if now := p.a.Daemon().VRRPPid(); now != pid {
		t.Errorf("the vrrp role was process %d and is %d", pid, now)
	}
	show, err := exec.Command("nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", pid), ip, "-br", "addr", "show", "dev", "eth0").Output()
	if n := strings.Count(string(show), "/"); err != nil || n != 5 { // three of the node's own, and two
		t.Errorf("%v: there are %d addresses, not 5: %.300s", err, n, show)
	}
}

// memoryLimit is far above what a role needs, and far below what one has that keeps what it hears; in KiB.
const memoryLimit = 128 << 10

// memory is what a process has in memory, in KiB.
func memory(t *testing.T, pid int) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSuffix(status(t, pid)["VmRSS"], " kB"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
