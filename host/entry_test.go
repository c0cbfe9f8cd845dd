package host_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"holdfast.dev/host"
)

// route is "10.9.0.0/16 via 10.0.0.254 dev eth0 src 10.0.0.3 table 100 metric 20 mtu 1400 proto 18 add", in this or any order.
func route(text string) host.Route {
	rt := host.Route{Type: 1, Table: host.TableMain, Proto: host.ProtoMark}
	var h host.Hop
	f := strings.Fields(text)
	for i := 0; i < len(f); i++ {
		arg := func() string { i++; return f[i] }
		num := func() uint32 { n, _ := strconv.Atoi(arg()); return uint32(n) }
		switch f[i] {
		case "via":
			h.Via = netip.MustParseAddr(arg())
		case "dev":
			h.Dev = arg()
		case "src":
			rt.Source = netip.MustParseAddr(arg())
		case "table":
			rt.Table = num()
		case "vrf":
			rt.Table, rt.VRF = 0, arg()
		case "metric":
			rt.Metric = num()
		case "mtu":
			rt.Metrics = append(rt.Metrics, host.Metric{Kind: 2, Value: num()})
		case "proto":
			rt.Proto = uint8(num())
		case "add":
			rt.Enter = host.EnterAlone
		case "blackhole":
			rt.Type = 6
		case "nexthop":
			rt.Multi = true
			if h != (host.Hop{}) {
				rt.Hops = append(rt.Hops, h)
			}
			h = host.Hop{Weight: 1}
		default:
			rt.Dst = netip.MustParsePrefix(f[i])
		}
	}
	if h != (host.Hop{}) {
		rt.Hops = append(rt.Hops, h)
	}
	return rt
}

// rule is "100: from 10.9.0.0/16 lookup 100 proto 18".
func rule(text string) host.Rule {
	ru := host.Rule{Action: host.ActLookup, Proto: host.ProtoMark}
	f := strings.Fields(text)
	n, _ := strconv.Atoi(strings.TrimSuffix(f[0], ":"))
	ru.Priority = uint32(n)
	for i := 1; i+1 < len(f); i += 2 {
		n, _ := strconv.Atoi(f[i+1])
		switch f[i] {
		case "from":
			ru.From = netip.MustParsePrefix(f[i+1])
			ru.V6 = ru.From.Addr().Is6()
		case "lookup":
			ru.Table = uint32(n)
		case "proto":
			ru.Proto = uint8(n)
		case "iif", "oif":
			ru.IIF = f[i+1]
		}
	}
	return ru
}

// tables is a state: addresses, and lines that are routes, or rules where they begin with a priority.
func tables(addrs []string, lines ...string) host.State {
	s := want(addrs...)
	for _, line := range lines {
		if first, _, _ := strings.Cut(line, " "); strings.HasSuffix(first, ":") {
			s.Rules = append(s.Rules, rule(line))
		} else {
			s.Routes = append(s.Routes, route(line))
		}
	}
	return s
}

// expectTables compares what was reported, what was asked of the kernel, and what routes and rules it has.
func (w *world) expectTables(said, ops string, entries ...string) {
	w.t.Helper()
	w.run()
	gotSaid, gotOps := w.heard()
	if gotSaid != said {
		w.t.Errorf("reported:\n%s\nwant:\n%s", gotSaid, said)
	}
	if gotOps != ops {
		w.t.Errorf("operations: %s\nwant:       %s", gotOps, ops)
	}
	if got, want := strings.TrimSpace(w.k.Entries()), strings.Join(entries, "\n"); got != want {
		w.t.Errorf("tables:\n%s\nwant:\n%s", got, want)
	}
}

const (
	vip     = "10.0.0.3/24"
	viaVIP  = "10.9.0.0/16 via 10.0.0.254 dev eth0 src 10.0.0.3"
	ruleOne = "100: from 10.9.0.0/16 lookup 100"

	keyVIP  = "10.0.0.3/24 eth0"
	keyVia  = "route 10.9.0.0/16 via 10.0.0.254 dev eth0"
	keyRule = "rule 100: from 10.9.0.0/16 lookup 100"
	hasVia  = keyVia + " src 10.0.0.3"
)

// TestRoutesComeAfterAddressesAndGoBefore is rule K10.
func TestRoutesComeAfterAddressesAndGoBefore(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, tables([]string{vip}, ruleOne, viaVIP))
	w.expectTables("applied 1.1 ["+keyVIP+"]\napplied 1.1 final ["+keyVia+"] ["+keyRule+"]",
		"+"+keyVIP+", +"+keyVia+", +"+keyRule, hasVia, keyRule)
	if got := w.held(); got != keyVia+", "+keyRule+", "+keyVIP {
		t.Errorf("held: %s", got)
	}
	if n := len(w.k.Batches); n != 2 {
		t.Errorf("%d batches: the route must wait for the answer about the address, not for more", n)
	}
	w.r.Want(1, 2, tables([]string{vip}, ruleOne, viaVIP))
	w.expectTables("applied 1.2 final ["+keyVIP+"] ["+keyVia+"] ["+keyRule+"]", "", hasVia, keyRule)
	w.r.Want(1, 3, host.State{})
	w.expectTables("applied 1.3 final", "-"+keyRule+", -"+keyVia+", -"+keyVIP)
	if got := w.held(); got != "" {
		t.Errorf("held: %s", got)
	}
}

func TestRouteWithoutItsAddressIsRefusedAlone(t *testing.T) {
	w := newWorld(t)
	w.k.Refuse = func(op host.Op) string {
		if op.Route == nil && op.Rule == nil {
			return "not now"
		}
		return ""
	}
	w.r.Want(1, 1, tables([]string{vip}, ruleOne, viaVIP))
	w.expectTables("applied 1.1 ["+keyVIP+": not now]\napplied 1.1 final ["+keyVia+
		": network is unreachable: Nexthop has invalid gateway] ["+keyRule+"]",
		"+"+keyVIP+", +"+keyVia+", +"+keyRule, keyRule)
	w.k.Refuse = nil
	w.r.Want(1, 2, tables([]string{vip}, ruleOne, viaVIP))
	w.expectTables("applied 1.2 ["+keyVIP+"]\napplied 1.2 final ["+keyRule+"] ["+keyVia+"]", "+"+keyVIP+", +"+keyVia, hasVia, keyRule)
}

// standing is a world in which an address, a route and a rule stand.
func standing(t *testing.T) *world {
	w := newWorld(t)
	w.r.Want(1, 1, tables([]string{"10.0.0.4/24", vip}, viaVIP, ruleOne))
	w.run()
	w.heard()
	return w
}

func TestRegressionC54_SomebodyDeletesARouteOrARule(t *testing.T) {
	w := standing(t)
	w.k.DelRoute("10.9.0.0/16")
	w.expectTables("lost 1 ["+keyVia+"]", "", keyRule)
	w.k.DelRule(rule(ruleOne))
	w.expectTables("lost 1 ["+keyRule+"]", "")
	w.r.Want(1, 2, tables([]string{"10.0.0.4/24", vip}, viaVIP, ruleOne))
	w.expectTables("applied 1.2 final [10.0.0.4/24 eth0] ["+keyVIP+"] ["+keyVia+"] ["+keyRule+"]",
		"+"+keyVia+", +"+keyRule, hasVia, keyRule)
}

// TestSomebodyReplacesARoute: another route to the destination, of the same metric, ousts ours (ip route replace).
func TestSomebodyReplacesARoute(t *testing.T) {
	w := standing(t)
	w.k.AddAddr("eth0", "10.0.1.1/24")
	w.k.DelRoute("10.9.0.0/16")
	w.k.AddRoute(route("10.9.0.0/16 via 10.0.0.253 dev eth0 proto 4"))
	other := "route 10.9.0.0/16 via 10.0.0.253 dev eth0 proto 4"
	w.expectTables("lost 1 ["+keyVia+"]", "", other, keyRule)
	w.r.Want(1, 2, tables([]string{"10.0.0.4/24", vip}, viaVIP, ruleOne))
	w.run()
	w.heard()
	w.expectTables("", "", hasVia, other, keyRule)
	w.r.Want(1, 3, host.State{})
	w.run()
	w.heard()
	w.expectTables("", "", other)
}

// TestKernelDropsARouteWithAnAddress: it does so without a word. That is no loss, and is put right at once; rule K1 is about
// people.
func TestKernelDropsARouteWithAnAddress(t *testing.T) {
	w := standing(t)
	w.r.Want(2, 1, want("10.0.0.9/24"))
	w.run()
	w.heard()
	w.k.DelAddr("eth0", "10.0.0.4/24") // the primary one: all go
	w.run()
	w.r.Want(1, 2, tables([]string{"10.0.0.4/24", vip}, viaVIP, ruleOne))
	w.r.Want(2, 2, want("10.0.0.9/24"))
	w.run()
	if got := strings.TrimSpace(w.k.Entries()); got != hasVia+"\n"+keyRule {
		t.Errorf("tables:\n%s", got)
	}
}

// TestRegressionB37_RouteStaysWhenItsAddressIsChanged: a reload that has the kernel drop a route that is wanted still (#1719).
func TestRegressionB37_RouteStaysWhenItsAddressIsChanged(t *testing.T) {
	w := newWorld(t)
	line := "10.9.0.0/16 via 10.0.0.254 dev eth0"
	w.r.Want(1, 1, tables([]string{vip}, line))
	w.run()
	w.heard()
	w.r.Want(1, 2, tables([]string{"10.0.0.77/24"}, line))
	w.run()
	said, _ := w.heard()
	if strings.Contains(said, "lost") {
		t.Errorf("reported:\n%s", said)
	}
	if got := strings.TrimSpace(w.k.Entries()); got != keyVia {
		t.Errorf("tables: %s", got)
	}
}

func TestRouteGoesAndComesWithItsLink(t *testing.T) {
	w := standing(t)
	w.k.SetUp("eth0", false)
	w.expectTables("lost 1 ["+keyVia+"] link down", "", keyRule)
	w.k.SetUp("eth0", true)
	w.expectTables("applied 1.1 final ["+keyVia+"]", "+"+keyVia, hasVia, keyRule)
	w.k.DeleteLink("eth0")
	w.run()
	w.heard()
	w.expectTables("", "", keyRule)
	w.k.AddLink("eth0", true)
	w.expectTables("applied 1.1 [10.0.0.4/24 eth0] ["+keyVIP+"]\napplied 1.1 final ["+keyVia+"]",
		"+10.0.0.4/24 eth0, +"+keyVIP+", +"+keyVia, hasVia, keyRule)
}

func TestMissingLinks(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, tables(nil, "10.9.0.0/16 dev eth7", "10.8.0.0/16 dev eth0 vrf red"))
	w.expectTables("applied 1.1 final [route 10.9.0.0/16 dev eth7: no such interface] "+
		"[route 10.8.0.0/16 dev eth0 vrf red: no such interface]", "")
	w.k.AddLink("eth7", true)
	w.expectTables("applied 1.1 final [route 10.8.0.0/16 dev eth0 vrf red: no such interface] [route 10.9.0.0/16 dev eth7]",
		"+route 10.9.0.0/16 dev eth7", "route 10.9.0.0/16 dev eth7")
	w.k.SetVRF("red", 77)
	w.expectTables("applied 1.1 final [route 10.8.0.0/16 dev eth0 vrf red]", "+route 10.8.0.0/16 dev eth0 vrf red",
		"route 10.9.0.0/16 dev eth7", "route 10.8.0.0/16 dev eth0 table 77")
	w.r.Want(1, 2, host.State{})
	w.expectTables("applied 1.2 final", "-route 10.9.0.0/16 dev eth7, -route 10.8.0.0/16 dev eth0 vrf red")
}

func TestChangedSettingsOfARoute(t *testing.T) {
	w := newWorld(t)
	line := "10.9.0.0/16 dev eth0 metric 5 mtu "
	key := "route 10.9.0.0/16 dev eth0 metric 5"
	w.r.Want(1, 1, tables(nil, line+"1400"))
	w.run()
	w.heard()
	w.r.Want(1, 2, tables(nil, line+"1300"))
	w.expectTables("applied 1.2 final ["+key+"]", "-"+key+", +"+key, key)
	if op := w.k.Ops[len(w.k.Ops)-1]; op.Route.Metrics[0].Value != 1300 {
		t.Errorf("%+v", op.Route)
	}
}

func TestWhatIsInTheWay(t *testing.T) {
	w := newWorld(t)
	w.k.AddRoute(route("10.9.0.0/16 dev eth0 proto 4"))
	w.r.Want(1, 1, tables(nil, "10.9.0.0/16 dev eth0 add", "10.8.0.0/16 dev eth0"))
	foreign := "route 10.9.0.0/16 dev eth0 proto 4"
	w.expectTables("applied 1.1 [route 10.8.0.0/16 dev eth0]\napplied 1.1 final [route 10.9.0.0/16 dev eth0: "+host.InTheWay+"]",
		"+route 10.9.0.0/16 dev eth0, +route 10.8.0.0/16 dev eth0", foreign, "route 10.8.0.0/16 dev eth0")
	w.r.Want(1, 2, host.State{})
	w.expectTables("applied 1.2 final", "-route 10.8.0.0/16 dev eth0", foreign)
}

func TestAdoptsARoute(t *testing.T) {
	w := newWorld(t)
	w.k.AddRoute(route("10.9.0.0/16 dev eth0"))
	w.k.AddRule(rule(ruleOne))
	w.r.Want(1, 1, tables(nil, "10.9.0.0/16 dev eth0", ruleOne))
	w.expectTables("applied 1.1 final [route 10.9.0.0/16 dev eth0] ["+keyRule+"]", "", "route 10.9.0.0/16 dev eth0", keyRule)
	w.r.Forget(1)
	w.expectTables("", "-"+keyRule+", -route 10.9.0.0/16 dev eth0")
}

// TestAbsentIsDeletedExactly: what differs in the mark alone is somebody else's.
func TestAbsentIsDeletedExactly(t *testing.T) {
	w := newWorld(t)
	for _, line := range []string{"10.9.0.0/16 dev eth0 proto 4", "10.9.0.0/16 dev eth0", "10.7.0.0/16 dev eth0"} {
		w.k.AddRoute(route(line))
	}
	for _, line := range []string{"100: lookup 100", ruleOne, "99: from 10.9.0.0/16 lookup 100 proto 4"} {
		w.k.AddRule(rule(line))
	}
	s := tables(nil, "10.9.0.0/16 dev eth0", "10.6.0.0/16 dev eth0", ruleOne, "7: lookup 9", "99: from 10.9.0.0/16 lookup 100")
	w.r.Want(1, 1, host.State{AbsentRoutes: s.Routes, AbsentRules: s.Rules})
	w.expectTables("applied 1.1 final", "-"+keyRule+", -route 10.9.0.0/16 dev eth0",
		"route 10.9.0.0/16 dev eth0 proto 4", "route 10.7.0.0/16 dev eth0", "rule 99: from 10.9.0.0/16 lookup 100 proto 4", "rule 100: lookup 100")
}

// TestKernelWouldTakeAnotherRule: a request to delete a rule fits any rule that has more to it.
func TestKernelWouldTakeAnotherRule(t *testing.T) {
	w := newWorld(t)
	more := "rule 100: iif eth0 lookup 100"
	w.r.Want(1, 1, tables(nil, "100: iif eth0 lookup 100", "100: lookup 100"))
	w.run()
	w.heard()
	w.r.Want(1, 2, tables(nil, "100: iif eth0 lookup 100"))
	w.expectTables("applied 1.2\napplied 1.2 final ["+more+"]", "-"+more+", -rule 100: lookup 100, +"+more, more)

	w.k.AddRule(rule("200: iif eth1 lookup 7"))
	w.r.Want(2, 1, tables(nil, "200: lookup 7"))
	w.run()
	w.heard()
	w.r.Want(2, 2, host.State{})
	w.expectTables("applied 2.2 final unremoved[rule 200: lookup 7: "+host.WouldHit+"]", "", more, "rule 200: iif eth1 lookup 7",
		"rule 200: lookup 7")
	if got := w.held(); got != more+", rule 200: lookup 7" {
		t.Errorf("held: %s", got)
	}
	w.k.DelRule(rule("200: iif eth1 lookup 7"))
	w.r.Want(2, 3, host.State{AbsentRules: []host.Rule{rule("200: lookup 7")}})
	w.expectTables("applied 2.3 final", "-rule 200: lookup 7", more)
}

// TestKernelWouldTakeAnotherRoute: the same with a route without a gateway.
func TestKernelWouldTakeAnotherRoute(t *testing.T) {
	w := newWorld(t)
	w.k.AddAddr("eth0", "10.0.0.1/24")
	const link, gw = "route 10.9.0.0/16 dev eth0", "route 10.9.0.0/16 via 10.0.0.254 dev eth0"
	w.r.Want(1, 1, tables(nil, link[6:]))
	w.run()
	w.r.Want(2, 1, tables(nil, gw[6:]))
	w.run()
	w.heard()
	w.r.Want(1, 2, host.State{})
	w.run()
	if _, ops := w.heard(); ops != "-"+gw+", -"+link+", +"+gw {
		t.Errorf("operations %s", ops)
	}
	w.r.Want(2, 2, host.State{})
	w.run()
	w.r.Want(1, 3, tables(nil, link[6:]))
	w.run()
	w.k.AddRoute(route(gw[6:]))
	w.run()
	w.heard()
	w.r.Want(1, 4, host.State{})
	w.expectTables("applied 1.4 final unremoved["+link+": "+host.WouldHit+"]", "", gw, link)
}

func TestTwoOwnersOfARoute(t *testing.T) {
	w := newWorld(t)
	for o := host.Owner(1); o <= 2; o++ {
		w.r.Want(o, 1, tables(nil, "10.9.0.0/16 dev eth0", ruleOne))
		w.run()
	}
	w.heard()
	w.r.Want(1, 2, host.State{})
	w.expectTables("applied 1.2 final", "", "route 10.9.0.0/16 dev eth0", keyRule)
	w.r.Want(2, 2, host.State{})
	w.expectTables("applied 2.2 final", "-"+keyRule+", -route 10.9.0.0/16 dev eth0")
}

func TestTablesThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.k.TablesError = errors.New("interrupted")
	w.r.Want(1, 1, tables([]string{vip}, viaVIP))
	if _, err := w.r.Round(w.k); err == nil || err.Error() != "reading routes and rules: interrupted" {
		t.Errorf("error %v", err)
	}
	w.take()
	if _, ops := w.heard(); ops != "+"+keyVIP {
		t.Errorf("operations %s: only the address does not need them", ops)
	}
	w.k.TablesError = nil
	w.expectTables("applied 1.1 final ["+keyVia+"]", "+"+keyVia, hasVia)
}

func TestIPv6RouteThatLostItsSourceAddress(t *testing.T) {
	w := newWorld(t)
	w.k.AddAddr("eth0", "fd00::1/64")
	line := "fd09::/64 via fd00::254 dev eth0 src fd00::3"
	key := "route fd09::/64 via fd00::254 dev eth0"
	s := tables([]string{"fd00::3/64"}, line)
	w.r.Want(1, 1, s)
	w.run()
	w.heard()
	w.k.DelAddr("eth0", "fd00::3/64")
	w.run()
	w.r.Want(1, 2, s)
	w.run()
	if got := strings.TrimSpace(w.k.Entries()); got != key+" metric 1024 src fd00::3" {
		t.Errorf("tables: %s", got)
	}
}

func TestNonsenseIsNotAskedOfTheKernel(t *testing.T) {
	w := newWorld(t)
	bad := []host.Route{{}, route("10.9.0.0/16 dev eth0"), route("10.9.0.0/16 dev eth0"), route("10.9.0.0/16 dev eth0")}
	bad[1].Dst = netip.MustParsePrefix("10.9.0.1/16")
	bad[2].Hops[0].Dev = "a name that is too long"
	bad[3].Hops[0].Encap = &host.Encap{Kind: host.EncapMPLS}
	r := rule(ruleOne)
	r.V6 = true
	w.r.Want(1, 1, host.State{Routes: bad, Rules: []host.Rule{r}, AbsentRoutes: bad, AbsentRules: []host.Rule{r}})
	w.run()
	said, ops := w.heard()
	if ops != "" || strings.Count(said, host.NotARoute) != 4 || strings.Count(said, host.NotARule) != 1 {
		t.Errorf("reported %s\noperations %s", said, ops)
	}
}

func TestDiffOfTables(t *testing.T) {
	have := host.Machine{
		Links:  []host.Link{{Name: "eth0", Index: 3, Up: true}},
		Routes: []host.Route{route("10.9.0.0/16 via 10.0.0.254"), route("10.8.0.0/16 via 10.0.0.254")},
		Rules:  []host.Rule{rule(ruleOne), rule("100: lookup 9")},
	}
	for i := range have.Routes {
		have.Routes[i].Hops[0].Index = 3
	}
	s := tables([]string{vip}, "10.9.0.0/16 via 10.0.0.254 dev eth0", "10.5.0.0/16 dev eth0", "10.4.0.0/16 dev eth9", "100: lookup 9", "5: lookup 9")
	s.AbsentRoutes = []host.Route{route("10.8.0.0/16 via 10.0.0.254 dev eth0"), s.Routes[0]}
	s.AbsentRules = []host.Rule{rule(ruleOne)}
	ops := host.Diff(have, s, host.ProtoMark)
	if got := fmt.Sprint(ops); got != "[-"+keyRule+" -route 10.8.0.0/16 via 10.0.0.254 dev eth0 +"+keyVIP+
		" +route 10.5.0.0/16 dev eth0 +rule 5: lookup 9]" {
		t.Errorf("operations %s", got)
	}
}
