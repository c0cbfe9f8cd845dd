package lab

import (
	"cmp"
	"context"
	"fmt"
	"testing"
	"time"

	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
)

// Margin is what a bound that follows from timers is stretched by, for a machine that does other things too.
const Margin = 2 * time.Second

// Limit is how long a lab may live.
const Limit = 5 * time.Minute

// patience is how long something is waited for that must come: only a broken program uses it up.
const patience = time.Minute

// atOnce limits the labs that live at the same time: daemons that starve each other prove nothing.
var atOnce = make(chan struct{}, 12)

// Options say what a lab consists of.
type Options struct {
	Nodes int           // routers, 1 to 9
	DAD   bool          // leave duplicate address detection on for the routers' link-local addresses
	Spare bool          // give every router a second link, eth1, that leads nowhere: something to track
	Limit time.Duration // how long the lab may live; 0 for the usual limit
}

// Lab is a network. Nodes are numbered from 1, so that Nodes[0] is router 1.
type Lab struct {
	T      testing.TB
	Nodes  []*Node
	Client *Node

	ctx     context.Context
	cancel  context.CancelFunc
	fabric  *netns.NS // where the bridge is
	rec     *record
	meter   *meter
	capture *capture
}

const bridge = "br0"

// New builds a lab and waits for its turn if others are running. It ends with the test.
func New(t testing.TB, o Options) *Lab {
	t.Helper()
	if err := netns.Able(); err != nil {
		t.Skipf("network namespaces can't be made here: %v", err)
	}
	atOnce <- struct{}{}
	t.Cleanup(func() { <-atOnce })
	l := &Lab{T: t, fabric: nstest.New(t), rec: &record{}}
	l.ctx, l.cancel = context.WithTimeout(context.Background(), cmp.Or(o.Limit, Limit))
	l.meter = startMeter(l.ctx)
	t.Cleanup(func() {
		l.cancel()
		l.meter.done.Wait()
	})
	l.ok(l.fabric.SetSysctl("net/ipv6/conf/default/disable_ipv6", "1")) // the fabric says nothing of its own
	l.ok(l.fabric.AddBridge(bridge))
	l.ok(l.fabric.SetSysctl("net/ipv6/conf/"+bridge+"/disable_ipv6", "1"))
	l.ok(l.setSnooping(false))
	l.ok(l.fabric.SetUp(bridge))
	for i := range o.Nodes {
		l.Nodes = append(l.Nodes, l.join(fmt.Sprintf("r%d", i+1), i+1, o))
	}
	l.Client = l.join("client", 50, Options{})
	t.Cleanup(l.close) // before the namespaces are closed, which is in the opposite order of their making
	l.capture = l.startCapture()
	for _, n := range l.Nodes {
		n.startWatch()
	}
	return l
}

// Node is a host of the lab: its link to the others is eth0, which is a port of the bridge at the other end.
type Node struct {
	Name   string
	Number int
	NS     *netns.NS

	lab    *Lab
	port   string // the bridge's end of eth0
	daemon *Daemon
	watch  *watch
}

// IPv4 is the node's own address.
func (n *Node) IPv4() string { return fmt.Sprintf("10.0.0.%d", n.Number) }

// IPv6 is the node's own link-local address.
func (n *Node) IPv6() string { return fmt.Sprintf("fe80::%d", n.Number) }

// Global6 is the node's own address of wider scope.
func (n *Node) Global6() string { return fmt.Sprintf("fd00::%d", n.Number) }

func (l *Lab) join(name string, number int, o Options) *Node {
	l.T.Helper()
	n := &Node{Name: name, Number: number, NS: nstest.New(l.T), lab: l, port: "p-" + name}
	l.ok(n.NS.SetSysctl("net/ipv6/conf/default/accept_ra", "0"))
	l.ok(n.NS.SetSysctl("net/ipv6/conf/default/addr_gen_mode", "1")) // the only addresses are those given below
	l.ok(n.NS.AddVeth("eth0", l.fabric, n.port))
	l.ok(n.NS.SetMAC("eth0", [6]byte{2, 0, 0, 0, 0, byte(number)}))
	l.ok(l.fabric.SetMaster(n.port, bridge))
	l.ok(l.fabric.SetUp(n.port))
	l.ok(n.NS.SetUp("eth0"))
	l.ok(n.NS.AddAddr("eth0", n.IPv4()+"/24"))
	add := n.NS.AddAddr
	if o.DAD {
		add = n.NS.AddAddrDAD
	}
	l.ok(add("eth0", n.IPv6()+"/64"))
	l.ok(add("eth0", n.Global6()+"/64"))
	if o.Spare {
		l.ok(n.NS.AddVeth("eth1", l.fabric, "s-"+name))
		l.ok(l.fabric.SetUp("s-" + name))
		l.ok(n.NS.SetUp("eth1"))
	}
	return n
}

// ok ends the test if something that has to work does not.
func (l *Lab) ok(err error) {
	l.T.Helper()
	if err != nil {
		l.T.Fatal(err)
	}
}

// close runs after all that the test itself registered.
func (l *Lab) close() {
	for _, n := range l.Nodes {
		n.end()
	}
	if l.capture != nil {
		l.capture.stop()
	}
	for _, n := range l.Nodes {
		if n.watch != nil {
			n.watch.stop()
		}
	}
	if l.T.Failed() {
		l.T.Log(l.rec.story() + l.meter.story())
	}
}

// WaitFor waits until cond is true, which should be the case within a time. It fails the test if it is not for many times as long: how
// long it takes is the machine's affair too, and a Scene's to judge.
func (l *Lab) WaitFor(what string, within time.Duration, cond func() bool) {
	l.T.Helper()
	if !l.poll(time.Now(), within+patience, cond) {
		l.T.Fatalf("not so within %v, nor a minute later: %s", within, what)
	}
}

// poll looks at cond until it is true or the time since from is over.
func (l *Lab) poll(from time.Time, within time.Duration, cond func() bool) bool {
	for {
		if cond() {
			return true
		}
		if time.Since(from) > within+l.meter.late(from) || l.ctx.Err() != nil {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Pass lets time go by in which a Scene goes on watching.
func (l *Lab) Pass(d time.Duration) {
	l.T.Helper()
	select {
	case <-time.After(d):
	case <-l.ctx.Done():
		l.T.Fatalf("the lab lives for more than %v", Limit)
	}
}
