package node

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp"
)

// recorder writes down what a driver does.
type recorder struct {
	log    []string
	refuse error // what Send answers
	owners map[host.Owner]uint64
	states map[host.Owner]host.State
}

func (r *recorder) add(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

func (r *recorder) Send(s *vrrp.Send) error {
	r.add("send %d", s.Payload[2])
	return r.refuse
}

func (r *recorder) Announce(items []vrrp.Announcement) { r.add("announce %d", len(items)) }

func (r *recorder) Want(o host.Owner, gen uint64, want host.State) {
	r.add("want %d addresses", len(want.Addresses))
	r.owners[o], r.states[o] = gen, want
}

func (r *recorder) Forget(o host.Owner) {
	r.add("forget %d", o)
	delete(r.owners, o)
	delete(r.states, o)
}
func (r *recorder) Tell(ev notify.Event)        { r.add("tell %s %s", ev.Name, ev.State) }
func (r *recorder) Report(p *vrrp.Report)       { r.add("log %s", p.Text) }
func (r *recorder) Note(n *vrrp.Note)           { r.add("note %s %s", n.State, n.Hand) }
func (r *recorder) Refused(p *vrrp.Refused)     { r.add("refused %s", p.Reason) }
func (r *recorder) Moved(t *vrrp.Transition)    { r.add("moved %s", t.To) }
func (r *recorder) Publish(router *vrrp.Router) { r.add("publish %s", router.Name()) }

func (r *recorder) take() []string {
	log := r.log
	r.log = nil
	return log
}

// node is a driver with a clock.
type testNode struct {
	*Driver
	*recorder
	now clock.Now
}

func newTestNode() *testNode {
	r := &recorder{owners: map[host.Owner]uint64{}, states: map[host.Owner]host.State{}}
	n := &testNode{recorder: r, now: clock.Now{Mono: 1e9, Boot: 1e9, Wall: 1e18}}
	n.Driver = NewDriver(vrrp.New(n.now), r)
	return n
}

func (n *testNode) at(d time.Duration, ev vrrp.Event) {
	n.now = clock.Now{Mono: n.now.Mono.Add(d), Boot: n.now.Boot.Add(d), Wall: n.now.Wall + int64(d)}
	n.Driver.Handle(n.now, ev)
}

// apply answers for the kernel.
func (n *testNode) apply() {
	for o, gen := range n.owners {
		a := host.Applied{Owner: o, Gen: gen, Final: true}
		for i := range n.states[o].Addresses {
			a.Results = append(a.Results, host.Result{Key: n.states[o].Addresses[i].Key})
		}
		n.at(0, &vrrp.Applied{Applied: a})
	}
}

var eth0 = host.Link{
	Name: "eth0", Index: 2, Up: true, Running: true, Multicast: true, MTU: 1500, MAC: [6]byte{2, 0, 0, 0, 0, 1},
	Addrs: []host.LinkAddr{{Prefix: netip.MustParsePrefix("192.0.2.1/24")}},
}

func owner(t *testing.T) *vrrp.Config {
	return VRRPConfig(load(t, `vrrp_instance A {
	interface eth0
	virtual_router_id 51
	priority 255
	garp_master_delay 0
	virtual_ipaddress { 192.0.2.100/24 }
}`))
}

func TestDriverDoesThingsInOrder(t *testing.T) {
	n := newTestNode()
	n.at(0, &vrrp.LinkChanged{Link: eth0})
	n.at(0, &vrrp.Configure{Config: owner(t)})
	n.at(0, &vrrp.Wakeup{})
	n.Driver.Publish()
	n.apply()
	n.at(0, &vrrp.Wakeup{})
	log := n.take()
	last := -1
	for _, what := range []string{"send 255", "log (A) Entering MASTER STATE", "moved MASTER", "want 1 addresses", "publish A", "announce 5", "tell A MASTER"} {
		at := slices.Index(log, what)
		if at < 0 {
			t.Fatalf("%q is missing in %q", what, log)
		}
		if what != "log (A) Entering MASTER STATE" && what != "moved MASTER" { // their order is the engine's matter
			if at < last {
				t.Errorf("%q comes too early in %q", what, log)
			}
			last = at
		}
	}
}

func TestDriverTellsOfSendingOnlyChanges(t *testing.T) {
	n := newTestNode()
	n.at(0, &vrrp.LinkChanged{Link: eth0})
	n.at(0, &vrrp.Configure{Config: owner(t)})
	n.at(0, &vrrp.Wakeup{})
	n.apply()
	n.take()
	count := func(word string) (k int) {
		for _, line := range n.log {
			if strings.Contains(line, word) {
				k++
			}
		}
		return k
	}
	n.refuse = errors.New("no buffer space")
	for range 5 {
		n.at(time.Second, &vrrp.AdvertsDue{})
	}
	if count("send 255") != 5 || count("cannot send adverts: no buffer space") != 1 {
		t.Errorf("%q", n.log)
	}
	n.refuse = errors.New("network is down")
	n.at(time.Second, &vrrp.AdvertsDue{})
	n.refuse = nil
	for range 3 {
		n.at(time.Second, &vrrp.AdvertsDue{})
	}
	if count("network is down") != 1 || count("sent again") != 1 {
		t.Errorf("%q", n.log)
	}
}

func TestDriverForgets(t *testing.T) {
	n := newTestNode()
	n.at(0, &vrrp.LinkChanged{Link: eth0})
	n.at(0, &vrrp.Configure{Config: owner(t)})
	n.at(0, &vrrp.Wakeup{})
	n.apply()
	n.refuse = errors.New("no")
	n.at(time.Second, &vrrp.AdvertsDue{})
	if len(n.Driver.failed) != 1 {
		t.Fatalf("failed to send: %v", n.Driver.failed)
	}
	n.refuse = nil
	n.at(0, &vrrp.Configure{Config: &vrrp.Config{}})
	for range 10 { // it makes way first
		n.apply()
		n.at(time.Second, &vrrp.Wakeup{})
	}
	n.apply()
	if log := n.take(); !slices.Contains(log, "forget 1") {
		t.Errorf("%q", log)
	}
	if len(n.Driver.failed) != 0 {
		t.Errorf("an error of sending is remembered for ever: %v", n.Driver.failed)
	}
	if len(n.owners) > 1 {
		t.Errorf("owners are left: %v", n.owners)
	}
}
