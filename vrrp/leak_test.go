package vrrp

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/host"
)

// size counts everything that an engine keeps per router, owner, packet or address.
func (e *Engine) size() map[string]int {
	lanes := 0
	for _, l := range e.garp.lanes {
		lanes += len(l.jobs.jobs)
	}
	return map[string]int{
		"owners": len(e.owners), "links": len(e.links), "sources": len(e.sources), "adverts": len(e.adverts.timers),
		"timers": len(e.timers.timers), "groups": len(e.groups), "unknown": len(e.unknown), "jobs": len(e.garp.ready.jobs) - e.garp.ready.head,
		"lanes": lanes, "virtual": len(e.index.virtual), "by link": len(e.index.byLink), "dirty": len(e.dirty), "touched": len(e.touched),
	}
}

func TestThousandReloadsLeakNothing(t *testing.T) {
	l := newLAN(0)
	d := l.join(1)
	config := func(i int) *Config {
		c := &Config{Restore: true, GarpInterval: time.Millisecond}
		for k := range 3 + i%3 {
			s := spec(fmt.Sprintf("R%d", (i*7+k)%50), uint8((i*5+k)%250+1), 200)
			s.Addresses[0].Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), byte(k)}), 32)
			c.Routers = append(c.Routers, s)
		}
		c.Groups = []GroupSpec{{Name: fmt.Sprintf("G%d", i%9), Members: []string{c.Routers[0].Name, c.Routers[1].Name}}}
		return c
	}
	d.round(&Configure{Config: config(0)})
	l.run(l.now.Mono.Add(20 * time.Second))
	d.e.Touched()
	before := d.e.size()
	for i := range 1000 {
		d.round(&Configure{Config: config(i)})
		l.run(l.now.Mono.Add(time.Duration(i%5) * time.Second))
		d.e.Touched()
	}
	d.round(&Configure{Config: config(0)})
	l.run(l.now.Mono.Add(20 * time.Second))
	d.e.Touched()
	for what, n := range d.e.size() {
		if n != before[what] {
			t.Errorf("%s: %d before, %d after a thousand reloads", what, before[what], n)
		}
	}
}

// A router that is gone must be told of as such, or whoever keeps its desired state keeps it for ever.
func TestRemovedOwnerIsDirtyOnceMore(t *testing.T) {
	e := New(epoch)
	e.Step(epoch, eth0("192.0.2.1/24"))
	e.Step(epoch, &Configure{Config: &Config{Routers: []Spec{spec("A", 1, 100)}}})
	owner := e.routers[0].owner
	gen, _ := e.Desired(owner)
	e.Dirty()
	e.Step(epoch, &Applied{host.Applied{Owner: owner, Gen: gen, Final: true}})
	e.Step(epoch, &Configure{Config: &Config{}})
	if d := e.Dirty(); len(d) != 1 || d[0] != owner {
		t.Fatalf("dirty is %v, want the owner %d", d, owner)
	}
	if gen, want := e.Desired(owner); gen != 0 || len(want.Addresses)+len(want.Absent) != 0 || e.Has(owner) {
		t.Errorf("generation %d of an owner that is gone, wants %v", gen, want)
	}
}
