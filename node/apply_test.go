package node

import (
	"net/netip"
	"testing"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/internal/shm"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/vrrp"
)

// obliging says yes to everything, as the kernel's keeper does when nothing is wrong.
type obliging struct{ post func(input) }

func (k obliging) Want(o host.Owner, gen uint64, want host.State) {
	a := host.Applied{Owner: o, Gen: gen, Final: true}
	for i := range want.Addresses {
		a.Results = append(a.Results, host.Result{Key: want.Addresses[i].Key})
	}
	go k.post(input{event: &vrrp.Applied{Applied: a}}) // not on the thread that reads the inbox
}

func (k obliging) Forget(host.Owner) {}

// testLoop is a loop that runs with real sockets and an obliging kernel, on eth0 of the namespace.
func testLoop(t *testing.T) *loop {
	t.Helper()
	index := veth(t, "eth0", "far0")
	f, err := role.MemFile("page")
	nstest.OK(t, err)
	t.Cleanup(func() { f.Close() })
	nstest.OK(t, f.Truncate(status.Size))
	mem, err := shm.Map(f, status.Size)
	nstest.OK(t, err)
	page, err := status.Open(mem)
	nstest.OK(t, err)
	tell, _ := testTeller(t)
	t.Cleanup(tell.Close)
	l, err := newLoop(page, tell, 0)
	nstest.OK(t, err)
	l.ports = newPortKeeper(func(c portChange) { l.Post(input{port: &c}) }, func(text string) { t.Log(text) })
	l.kernel = obliging{l.Post}
	l.Start(func() {})
	t.Cleanup(func() { l.Close(); l.ports.Shut() })
	l.ports.Link("eth0", index, 1500)
	l.Post(input{event: &vrrp.LinkChanged{Link: host.Link{
		Name: "eth0", Index: index, Up: true, Running: true, Multicast: true, MTU: 1500, MAC: [6]byte{2, 0, 0, 0, 0, 1},
		Addrs: []host.LinkAddr{{Prefix: netip.MustParsePrefix("192.0.2.1/24")}},
	}}})
	return l
}

const briefConf = `vrrp_instance A {
	version 3
	interface eth0
	virtual_router_id 51
	priority 255
	advert_int 0.1
	virtual_ipaddress { 192.0.2.100/24 }
}`

func nothing(*loop) {}

// TestHandOverThatEndsBeforeTheKeeperIsReady: what was kept open for a router that made way is closed, however early it is done with that.
func TestHandOverThatEndsBeforeTheKeeperIsReady(t *testing.T) {
	if !inside(t) {
		return
	}
	l := testLoop(t)
	c := VRRPConfig(load(t, briefConf))
	nstest.OK(t, l.ports.Prepare(c, small))
	if !l.apply(c, 1, nothing, nothing, nil) {
		t.Fatal(l.err)
	}
	nstest.Eventually(t, "it is MASTER and has its address", func() bool {
		ok := false
		l.Do(func(l *loop) {
			var s vrrp.Status
			for _, r := range l.driver.Engine.Routers() {
				r.Status(&s)
				ok = s.State == vrrp.Master && l.driver.Engine.Settled()
			}
		})
		return ok
	})
	none := &vrrp.Config{}
	nstest.OK(t, l.ports.Prepare(none, small))
	parted, applied := make(chan struct{}), make(chan bool)
	l.ports.mu.Lock() // the keeper is slow
	go func() {
		applied <- l.apply(none, 2, nothing, func(*loop) { close(parted) }, nil)
	}()
	<-parted // the addresses are gone and that was told
	leaving := true
	l.Do(func(l *loop) { leaving = l.driver.Engine.Leaving() || l.driver.Engine.Parting() })
	if leaving {
		t.Error("told of the end before it")
	}
	l.ports.mu.Unlock()
	if !<-applied {
		t.Fatal(l.err)
	}
	nstest.Eventually(t, "nothing is open any more", func() bool {
		l.ports.mu.Lock()
		defer l.ports.mu.Unlock()
		return l.ports.hold == nil && len(l.ports.sockets) == 0
	})
}
