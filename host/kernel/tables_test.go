package kernel

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
)

// ground is a namespace with two links and addresses on one of them.
func ground(t *testing.T) *netns.NS {
	t.Helper()
	a := nstest.New(t)
	nstest.OK(t, a.SetUp("lo"))
	nstest.OK(t, a.AddVeth("eth0", a, "eth1"))
	for _, name := range []string{"eth0", "eth1"} {
		nstest.OK(t, a.SetSysctl("net/ipv6/conf/"+name+"/addr_gen_mode", "1"))
		nstest.OK(t, a.SetUp(name))
	}
	nstest.OK(t, a.AddAddr("eth0", "10.0.0.1/24"))
	nstest.OK(t, a.AddAddr("eth0", "fd00::1/64"))
	return a
}

// run runs a command in a namespace; text is what it wrote.
func run(t testing.TB, n *netns.NS, command string) (text string, err error) {
	t.Helper()
	f := strings.Fields(command)
	cmd := exec.Command(f[0], f[1:]...)
	var b strings.Builder
	cmd.Stdout, cmd.Stderr = &b, &b
	err = n.Run(cmd)
	return b.String(), err
}

// shown is what ip tells of routes and rules that are not the kernel's, one a line.
func shown(t testing.TB, n *netns.NS) string {
	t.Helper()
	var list []string
	for _, command := range []string{
		"ip -4 -d -j route show table all", "ip -6 -d -j route show table all", "ip -4 -d -j rule", "ip -6 -d -j rule",
	} {
		text, err := run(t, n, command)
		if err != nil {
			t.Fatalf("%s: %v %s", command, err, text)
		}
		var entries []map[string]any
		nstest.OK(t, json.Unmarshal([]byte(text), &entries))
		for _, e := range entries {
			if e["protocol"] == "kernel" || e["protocol"] == nil {
				continue
			}
			delete(e, "expires") // it counts down
			b, err := json.Marshal(e)
			nstest.OK(t, err)
			list = append(list, string(b))
		}
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// TestAttributesAgainstIproute2 has ip add, in one namespace, what the Writer adds in another, and compares what ip shows
// of both. What this kernel has no part for it refuses either way.
func TestAttributesAgainstIproute2(t *testing.T) {
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("there is no ip here")
	}
	t.Parallel()
	a, b := ground(t), ground(t)
	o := watchOver(t, a, Config{})
	var all host.State
	add := func(command string, rt *host.Route, ru *host.Rule) {
		s, key := host.State{}, host.Key{}
		if rt != nil {
			for i := range rt.Hops {
				rt.Hops[i].Index = 0
			}
			s.Routes, key = []host.Route{*rt}, rt.Key()
		} else {
			s.Rules, key = []host.Rule{*ru}, ru.Key()
		}
		text, ipErr := run(t, b, command)
		if ipErr != nil && !strings.Contains(text, "not supported") && !strings.Contains(command, " ila ") {
			t.Errorf("%s: %s", command, text)
		}
		all.Routes, all.Rules = append(all.Routes, s.Routes...), append(all.Rules, s.Rules...)
		ours := o.apply(1, o.final[1]+1, all)[key]
		if (ours == "") != (ipErr == nil) {
			t.Errorf("%s: ip %s, the kernel to us: %q", command, text, ours)
		}
		if ours != "" {
			t.Logf("%s: %s", command, ours)
			all.Routes, all.Rules = all.Routes[:len(all.Routes)-len(s.Routes)], all.Rules[:len(all.Rules)-len(s.Rules)]
		}
		if here, there := shown(t, a), shown(t, b); here != there {
			t.Errorf("%s: we have\n%s\nip has\n%s", command, here, there)
		}
	}
	for command, rt := range everyRoute() {
		add(command, &rt, nil)
	}
	for command, ru := range everyRule() {
		add(command, nil, &ru)
	}
	before := o.w.Stats()
	o.stand(1, o.final[1]+1, all)
	if now := o.w.Stats(); now.Added != before.Added || now.Deleted != before.Deleted || len(all.Routes) < 10 || len(all.Rules) < 10 {
		t.Errorf("something was done about what stands: %+v, then %+v", before, now)
	}
	// Another process finds all of it again, and deletes it as it was left.
	var swept Swept
	nstest.Do(t, a, func() {
		var err error
		swept, err = Sweep(Items{Routes: all.Routes, Rules: all.Rules})
		nstest.OK(t, err)
	})
	if n := len(all.Routes) + len(all.Rules); len(swept.Removed) != n || len(swept.Failed) != 0 {
		t.Errorf("swept %d of %d, failed %v", len(swept.Removed), n, swept.Failed)
	}
	if left := shown(t, a); left != "" {
		t.Errorf("left:\n%s", left)
	}
}

func TestRouteIsWatched(t *testing.T) {
	t.Parallel()
	a := ground(t)
	o := watchOver(t, a, Config{})
	rt := host.Route{Dst: pfx("10.9.0.0/16"), Table: host.TableMain, Type: 1, Proto: 18, Source: ip("10.0.0.3"), Hops: []host.Hop{{Dev: "eth0", Via: ip("10.0.0.254")}}}
	rt6 := host.Route{Dst: pfx("fd09::/64"), Table: host.TableMain, Type: 1, Proto: 18, Hops: []host.Hop{{Dev: "eth0", Via: ip("fd00::254")}}}
	two6 := rt6
	two6.Hops = []host.Hop{{Dev: "eth0", Via: ip("fd00::253")}}
	ru := host.Rule{Priority: 100, From: pfx("10.9.0.0/16"), Action: host.ActLookup, Table: 100, Proto: 18}
	s := want("10.0.0.3/24")
	s.Routes, s.Rules = []host.Route{rt, rt6, two6}, []host.Rule{ru}
	o.stand(1, 1, s)
	o.nothingLost()
	must := func(command string) {
		t.Helper()
		if text, err := run(t, a, command); err != nil {
			t.Fatalf("%s: %s", command, text)
		}
	}
	gone := func(key host.Key) {
		t.Helper()
		if l := o.takeLost(); l.Key != key || l.LinkDown {
			t.Errorf("lost %+v, want %s", l, key)
		}
	}
	must("ip route del 10.9.0.0/16")
	gone(rt.Key())
	must("ip -6 route del fd09::/64 via fd00::254")
	gone(rt6.Key())
	must("ip rule del pref 100")
	gone(ru.Key())
	o.stand(1, 2, s)
	must("ip route replace 10.9.0.0/16 via 10.0.0.252 dev eth0")
	gone(rt.Key())
	must("ip route del 10.9.0.0/16")
	o.stand(1, 3, s)

	// The kernel drops the IPv4 route with its source address and says nothing. That is put right when the address is back.
	must("ip addr del 10.0.0.3/24 dev eth0")
	gone(host.Key{Link: "eth0", Prefix: pfx("10.0.0.3/24")})
	o.stand(1, 4, s)
	routeThere := func() bool {
		text, _ := run(t, a, "ip route show 10.9.0.0/16")
		return strings.Contains(text, "10.0.0.254")
	}
	if !routeThere() {
		t.Error("no route to 10.9.0.0/16")
	}
	must("ip link set eth0 down")
	for range 3 {
		if l := o.takeLost(); !l.LinkDown {
			t.Errorf("%+v", l)
		}
	}
	must("ip link set eth0 up")
	must("ip addr replace fd00::1/64 dev eth0 nodad")
	deadline := time.Now().Add(time.Minute)
	for gen := uint64(5); !routeThere(); gen++ {
		if time.Now().After(deadline) {
			t.Fatal("the route does not come back with its link")
		}
		o.apply(1, gen, s)
	}
	o.apply(1, 1000, s)
	o.apply(1, 1001, host.State{})
	if left := shown(t, a); left != "" {
		t.Errorf("left:\n%s", left)
	}
}

// TestRouteOfVRF: the table is that of the link. Where the kernel has no VRF, the guest's has (docs/testing.md).
func TestRouteOfVRF(t *testing.T) {
	t.Parallel()
	a := ground(t)
	if text, err := run(t, a, "ip link add red type vrf table 77"); err != nil {
		t.Skipf("this kernel has no VRF: %s", text)
	}
	nstest.OK(t, a.SetUp("red"))
	o := watchOver(t, a, Config{})
	rt := host.Route{Dst: pfx("10.9.0.0/16"), VRF: "red", Type: 1, Proto: 18, Hops: []host.Hop{{Dev: "red"}}}
	o.stand(1, 1, host.State{Routes: []host.Route{rt}})
	if text := shown(t, a); !strings.Contains(text, `"table":"77"`) {
		t.Errorf("shown: %s", text)
	}
	o.stand(1, 2, host.State{})
	if text := shown(t, a); text != "" {
		t.Errorf("left: %s", text)
	}
}
