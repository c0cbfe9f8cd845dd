package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"holdfast.dev/host"
	"holdfast.dev/host/hosttest"
	"holdfast.dev/internal/netns/nstest"
)

// TestPretendedTablesBehaveAsThese gives the same operations on routes and rules to this kernel and to hosttest's, and
// compares answers and what there is afterwards.
func TestPretendedTablesBehaveAsThese(t *testing.T) {
	t.Parallel()
	rules := []host.Rule{
		{Priority: 100, Table: 100},
		{Priority: 100, Table: 100, From: pfx("10.1.0.0/16")},
		{Priority: 100, Table: 100, Not: true},
		{Priority: 100, Table: 100, From: pfx("10.1.0.0/16"), IIF: "eth0"},
		{Priority: 100, Table: 101},
		{Priority: 101, Table: 100},
		{Priority: 100, Table: 100, Mark: host.Masked{Set: true, Mark: 1, Mask: 3}},
		{Priority: 100, Table: 100, TOS: 0x10},
		{Priority: 100, Table: 100, UIDs: host.Span{Set: true, Last: 5}},
		{Priority: 100, Table: 100, IPProto: 6, DstPorts: host.Span{Set: true, First: 1, Last: 2}},
		{Priority: 100, Table: 100, To: pfx("10.1.0.0/16"), OIF: "eth1", Proto: 4},
		{Priority: 100, L3MDev: true},
		{Priority: 100, Table: 100, SuppressLen: host.Maybe{Set: true, N: 3}},
		{Priority: 100, Table: 100, Realms: 5},
		{V6: true, Priority: 100, Table: 100},
		{V6: true, Priority: 100, Table: 100, From: pfx("fd00::/16")},
	}
	for i := range rules {
		rules[i].Action = host.ActLookup
		if rules[i].Proto == 0 {
			rules[i].Proto = 18
		}
	}
	var routes []host.Route
	for _, dst := range []string{"10.8.0.0/16", "10.9.0.0/16", "fd09::/64"} {
		for i, gw := range []string{"", "10.0.0.254", "10.0.0.253", "fd00::254"} {
			rt := host.Route{Dst: pfx(dst), Table: 254, Type: 1, Proto: 18, Hops: []host.Hop{{Index: 1, Dev: "eth0"}}, Enter: host.Enter(i % 3)}
			if gw != "" {
				rt.Hops[0].Via = ip(gw)
			}
			if gw == "" || rt.Hops[0].Via.Is6() == rt.Is6() {
				routes = append(routes, rt)
			}
		}
	}
	for seed := range uint64(4) {
		a := ground(t)
		fake := &hosttest.Kernel{}
		fake.AddLink("eth0", true)
		fake.AddAddr("eth0", "10.0.0.1/24")
		fake.AddAddr("eth0", "fd00::1/64")
		index, err := a.Index("eth0")
		nstest.OK(t, err)
		var m *machine
		nstest.Do(t, a, func() {
			m, err = newMachine(Config{})
			nstest.OK(t, err)
		})
		rnd := rand.New(rand.NewPCG(seed, 2))
		var log []string
		for range 150 {
			op := host.Op{Delete: rnd.IntN(5) < 2}
			there := op
			if rnd.IntN(2) == 0 {
				ru := rules[rnd.IntN(len(rules))]
				op.Rule, there.Rule = &ru, &ru
			} else {
				rt := routes[rnd.IntN(len(routes))]
				real := rt
				real.Hops = slices.Clone(rt.Hops)
				real.Hops[0].Index = index
				op.Route, there.Route = &real, &rt
			}
			res, want := m.Apply([]host.Op{op}, nil)[0], fake.Apply([]host.Op{there}, nil)[0]
			log = append(log, fmt.Sprint(op, res))
			if res.Outcome != want.Outcome {
				t.Errorf("this kernel says %v, the other %v", res, want)
			}
			if here, other := contents(t, m, index), contents(t, fake, 1); here != other {
				t.Errorf("this kernel:\n%s\nthe other:\n%s", here, other)
			}
			if t.Failed() {
				t.Fatalf("after:\n%s", strings.Join(log, "\n"))
			}
		}
		nstest.OK(t, m.close())
	}
}

// contents is what a kernel has in its tables, as text.
func contents(t *testing.T, k host.Kernel, eth0 int) string {
	t.Helper()
	routes, rules, err := k.Tables([]host.Query{{Rules: true}, {Rules: true, V6: true}, {Table: 254, Proto: 18}, {Table: 254, Proto: 18, V6: true}})
	nstest.OK(t, err)
	var list []string
	for i := range routes {
		for j := range routes[i].Hops {
			if routes[i].Hops[j].Index == eth0 {
				routes[i].Hops[j].Dev = "eth0"
			}
		}
		list = append(list, routes[i].Key().Entry)
	}
	slices.Sort(list) // of several routes to one destination the kernel has an order of its own
	for i := range rules {
		if rules[i].Priority > 0 && rules[i].Priority < 1000 {
			list = append(list, rules[i].Key().Entry)
		}
	}
	return strings.Join(list, "\n")
}
