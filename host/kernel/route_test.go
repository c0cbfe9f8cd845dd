package kernel

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

func pfx(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func ip(s string) netip.Addr    { return netip.MustParseAddr(s) }

// via is a hop over eth0, of which the tests say that it has number 3; the empty text is no gateway.
func via(gateway string) host.Hop {
	h := host.Hop{Dev: "eth0", Index: 3}
	if gateway != "" {
		h.Via = ip(gateway)
	}
	return h
}

// everyRoute has a route for each attribute that a route can have, by the command of ip that adds it.
func everyRoute() map[string]host.Route {
	base := func(dst string, hops ...host.Hop) host.Route {
		return host.Route{Dst: pfx(dst), Table: host.TableMain, Type: 1, Proto: 18, Enter: host.EnterAlone, Hops: hops}
	}
	out := map[string]host.Route{}
	add := func(command string, rt host.Route, change func(rt *host.Route)) {
		if change != nil {
			change(&rt)
		}
		out[command] = rt
	}
	encap := func(gateway string, e host.Encap) host.Hop {
		h := via(gateway)
		h.Encap = &e
		return h
	}
	add("ip route add 10.9.0.0/16 via 10.0.0.254 dev eth0 metric 20 tos 0x10 src 10.0.0.1 proto 18 table 100", base("10.9.0.0/16", via("10.0.0.254")), func(rt *host.Route) {
		rt.Metric, rt.TOS, rt.Source, rt.Table = 20, 0x10, ip("10.0.0.1"), 100
	})
	add("ip route prepend 10.9.0.0/16 via 10.0.0.254 dev eth0 proto 18 mtu lock 1400 advmss 1300 rtt 300ms rttvar 250ms reordering 5 window 1000 cwnd lock 20 ssthresh 30 realms 3/4 rto_min 300ms initcwnd 11 initrwnd 12 features ecn quickack 1 congctl lock cubic hoplimit 9 fastopen_no_cookie 1",
		base("10.9.0.0/16", via("10.0.0.254")), func(rt *host.Route) {
			rt.Enter, rt.Realms, rt.Congestion, rt.CongLock = host.EnterBefore, 3<<16|4, "cubic", true
			rt.Metrics = []host.Metric{
				{Kind: 2, Lock: true, Value: 1400},
				{Kind: 8, Value: 1300},
				{Kind: 4, Value: 300 * 8},
				{Kind: 5, Value: 250 * 4},
				{Kind: 9, Value: 5},
				{Kind: 3, Value: 1000},
				{Kind: 7, Lock: true, Value: 20},
				{Kind: 6, Value: 30},
				{Kind: 13, Lock: true, Value: 300},
				{Kind: 11, Value: 11},
				{Kind: 14, Value: 12},
				{Kind: 12, Value: 1},
				{Kind: 15, Value: 1},
				{Kind: 10, Value: 9},
				{Kind: 17, Value: 1},
			}
		})
	add("ip route append 10.9.0.0/16 via 10.0.0.254 dev eth0 onlink table 70000 proto 4 ttl-propagate disabled", base("10.9.0.0/16", via("10.0.0.254")), func(rt *host.Route) {
		rt.Enter, rt.Table, rt.Proto, rt.TTLProp, rt.Hops[0].OnLink = host.EnterAfter, 70000, 4, host.Off, true
	})
	add("ip route add 10.10.0.0/16 encap ip id 5 dst 192.0.2.1 src 192.0.2.2 tos 4 ttl 9 key dev eth0 proto 18 scope link",
		base("10.10.0.0/16", encap("", host.Encap{Kind: host.EncapIP, ID: 5, Dst: ip("192.0.2.1"), Src: ip("192.0.2.2"), TOS: 4, TTL: 9, Flags: 4})),
		func(rt *host.Route) { rt.Scope = 253 })
	add("ip -6 route add fd10::/64 encap ip6 id 5 dst 2001:db8::1 src 2001:db8::2 tc 4 hoplimit 9 dev eth0 proto 18",
		base("fd10::/64", encap("", host.Encap{Kind: host.EncapIP6, ID: 5, Dst: ip("2001:db8::1"), Src: ip("2001:db8::2"), TOS: 4, TTL: 9})), nil)
	add("ip route add 10.11.0.0/16 encap mpls 100/200 via 10.0.0.254 dev eth0 proto 18",
		base("10.11.0.0/16", encap("10.0.0.254", host.Encap{Kind: host.EncapMPLS, Labels: []uint32{100, 200}})), nil)
	add("ip -6 route add fd12::/64 encap ila 1:2:3:4 via fd00::254 dev eth0 proto 18",
		base("fd12::/64", encap("fd00::254", host.Encap{Kind: host.EncapILA, ILA: 0x0001_0002_0003_0004})), nil)
	add("ip route add 10.12.0.0/16 proto 18 nexthop via 10.0.0.253 dev eth0 weight 3 realms 7 nexthop via 10.0.0.252 dev eth0 weight 5 onlink",
		base("10.12.0.0/16", via("10.0.0.253"), via("10.0.0.252")), func(rt *host.Route) {
			rt.Multi, rt.Hops[0].Weight, rt.Hops[0].Realms, rt.Hops[1].Weight, rt.Hops[1].OnLink = true, 3, 7, 5, true
		})
	add("ip route add 10.14.0.0/16 proto 18 nexthop encap mpls 16 via 10.0.0.253 dev eth0 nexthop via inet6 fd00::254 dev eth0",
		base("10.14.0.0/16", encap("10.0.0.253", host.Encap{Kind: host.EncapMPLS, Labels: []uint32{16}}), via("fd00::254")), func(rt *host.Route) {
			rt.Multi, rt.Hops[0].Weight, rt.Hops[1].Weight = true, 1, 1
		})
	add("ip -6 route add fd13::/64 proto 18 nexthop via fd00::253 dev eth0 weight 3 nexthop via fd00::252 dev eth0 weight 5",
		base("fd13::/64", via("fd00::253"), via("fd00::252")), func(rt *host.Route) { rt.Multi, rt.Hops[0].Weight, rt.Hops[1].Weight = true, 3, 5 })
	add("ip route add 10.13.0.0/16 via inet6 fd00::254 dev eth0 proto 18", base("10.13.0.0/16", via("fd00::254")), nil)
	add("ip -6 route add fd14::/64 via fd00::254 dev eth0 pref low expires 100 proto 18", base("fd14::/64", via("fd00::254")), func(rt *host.Route) {
		rt.Pref, rt.Expires = 3, 100
	})
	add("ip -6 route add fd15::/64 from fd00:5::/48 via fd00::254 dev eth0 proto 18", base("fd15::/64", via("fd00::254")), func(rt *host.Route) {
		rt.From = pfx("fd00:5::/48")
	})
	add("ip route add blackhole 10.16.0.0/16 proto 18", base("10.16.0.0/16"), func(rt *host.Route) { rt.Type = 6 })
	add("ip route add default via 10.0.0.254 proto 18 table 100", base("0.0.0.0/0", host.Hop{Via: ip("10.0.0.254")}), func(rt *host.Route) { rt.Table = 100 })
	return out
}

// everyRule has a rule for each attribute that a rule can have, by the command of ip that adds it.
func everyRule() map[string]host.Rule {
	look := host.Rule{Action: host.ActLookup, Proto: 18, Table: 100}
	out := map[string]host.Rule{}
	add := func(command string, change func(ru *host.Rule)) {
		ru := look
		change(&ru)
		out[command] = ru
	}
	add("ip rule add from 10.9.0.0/16 to 10.8.0.0/16 tos 0x10 fwmark 7/0xff iif eth0 oif eth1 pref 100 table 100 protocol 18", func(ru *host.Rule) {
		ru.From, ru.To, ru.TOS, ru.Mark = pfx("10.9.0.0/16"), pfx("10.8.0.0/16"), 0x10, host.Masked{Set: true, Mark: 7, Mask: 0xff}
		ru.IIF, ru.OIF, ru.Priority = "eth0", "eth1", 100
	})
	add("ip rule add l3mdev pref 101 protocol 18", func(ru *host.Rule) { ru.L3MDev, ru.Table, ru.Priority = true, 0, 101 })
	add("ip rule add tun_id 5 pref 102 table 70000 protocol 18", func(ru *host.Rule) { ru.TunnelID, ru.Table, ru.Priority = 5, 70000, 102 })
	add("ip rule add uidrange 100-200 pref 103 table 100 protocol 18", func(ru *host.Rule) { ru.UIDs, ru.Priority = host.Span{Set: true, First: 100, Last: 200}, 103 })
	add("ip rule add ipproto 6 sport 10-20 dport 30-40 pref 104 table 100 protocol 18", func(ru *host.Rule) {
		ru.IPProto, ru.SrcPorts, ru.DstPorts, ru.Priority = 6, host.Span{Set: true, First: 10, Last: 20}, host.Span{Set: true, First: 30, Last: 40}, 104
	})
	add("ip rule add not from 10.0.0.0/8 pref 105 table 100 suppress_prefixlength 5 suppress_ifgroup 7 protocol 18", func(ru *host.Rule) {
		ru.Not, ru.From, ru.Priority, ru.SuppressLen, ru.SuppressGrp = true, pfx("10.0.0.0/8"), 105, host.Maybe{Set: true, N: 5}, host.Maybe{Set: true, N: 7}
	})
	add("ip rule add from 10.3.0.0/16 realms 3/4 pref 106 table 100 protocol 18", func(ru *host.Rule) {
		ru.From, ru.Realms, ru.Priority = pfx("10.3.0.0/16"), 3<<16|4, 106
	})
	add("ip rule add from 10.0.0.0/8 goto 200 pref 107 protocol 18", func(ru *host.Rule) {
		ru.From, ru.Action, ru.Goto, ru.Table, ru.Priority = pfx("10.0.0.0/8"), host.ActGoto, 200, 0, 107
	})
	for pref, word := range map[uint32]string{108: "blackhole", 109: "unreachable", 110: "prohibit", 111: "nop"} {
		proto := map[bool]byte{true: 99, false: 18}[pref == 108]
		add(fmt.Sprintf("ip rule add %s pref %d protocol %d", word, pref, proto), func(ru *host.Rule) {
			ru.Action = map[uint32]byte{108: host.ActBlackhole, 109: host.ActUnreachable, 110: host.ActProhibit, 111: host.ActNop}[pref]
			ru.Table, ru.Priority, ru.Proto = 0, pref, proto
		})
	}
	add("ip -6 rule add from fd00::/16 to fd01::/64 pref 100 table 100 protocol 18", func(ru *host.Rule) {
		ru.V6, ru.From, ru.To, ru.Priority = true, pfx("fd00::/16"), pfx("fd01::/64"), 100
	})
	return out
}

// anatomy is a request as text in which the order of attributes does not matter.
func anatomy(t *testing.T, b []byte) string {
	t.Helper()
	m, rest, ok := next(b)
	if !ok || len(rest) != 0 {
		t.Fatalf("not one message: %x", b)
	}
	head := unix.SizeofRtMsg // as long as that of a rule
	return fmt.Sprintf("type %d flags %#x %x%s", m.typ, m.flags&^unix.NLM_F_ACK, m.body[:head], parts(m.body[head:], map[uint16]bool{8: true, 22: true}, m.typ))
}

func parts(b []byte, nests map[uint16]bool, typ uint16) string {
	var list []string
	for a := (attrs{b: b}); a.next(); {
		switch route := typ == unix.RTM_NEWROUTE; {
		case route && nests[a.typ]:
			list = append(list, fmt.Sprintf("\n%d{%s}", a.typ, parts(a.val, nil, 0)))
		case route && a.typ == unix.RTA_MULTIPATH:
			s := ""
			for v := a.val; len(v) >= 8; v = v[align(int(native.Uint16(v))):] {
				s += fmt.Sprintf(" hop %x%s", v[2:8], parts(v[8:native.Uint16(v)], map[uint16]bool{22: true}, typ))
			}
			list = append(list, fmt.Sprintf("\n%d{%s}", a.typ, s))
		default:
			list = append(list, fmt.Sprintf("\n%d=%x", a.typ, a.val))
		}
	}
	slices.Sort(list)
	return strings.Join(list, "")
}

// TestAsIproute2 compares the requests with those that ip makes for the same.
func TestAsIproute2(t *testing.T) {
	if native.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the messages are of a little-endian machine")
	}
	text, err := os.ReadFile("testdata/iproute2.txt")
	if err != nil {
		t.Fatal(err)
	}
	routes, rules := everyRoute(), everyRule()
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
	for i := 0; i+1 < len(lines); i += 2 {
		command := lines[i]
		want, err := hex.DecodeString(lines[i+1])
		if err != nil {
			t.Fatal(err)
		}
		var op host.Op
		if rt, ok := routes[command]; ok {
			op.Route = &rt
		} else if ru, ok := rules[command]; ok {
			op.Rule = &ru
		} else {
			t.Fatalf("%s: no such route or rule", command)
		}
		delete(routes, command)
		delete(rules, command)
		got := appendOp(nil, &op, 0)
		if g, w := anatomy(t, got), anatomy(t, want); g != w {
			t.Errorf("%s\ngot  %s\nwant %s", command, g, w)
		}
		if key := roundTrip(t, got); key != op.Key() {
			t.Errorf("%s: read back as %s", command, key)
		}
	}
	if len(routes)+len(rules) > 0 {
		t.Errorf("without a message: %v %v", routes, rules)
	}
}

// roundTrip reads a request as if the kernel told of it.
func roundTrip(t *testing.T, b []byte) host.Key {
	m, _, _ := next(b)
	ev, ok := decode(m)
	switch {
	case !ok || ev.Kind != host.EntryChanged:
		t.Errorf("not read: %x", b)
	case ev.Rule != nil:
		return ev.Rule.Key()
	default:
		for i := range ev.Route.Hops {
			if ev.Route.Hops[i].Index == 3 {
				ev.Route.Hops[i].Dev = "eth0"
			}
		}
		return ev.Route.Key()
	}
	return host.Key{}
}

// TestCutAnywhere: half a message is no crash.
func TestEntriesCutAnywhere(t *testing.T) {
	var all [][]byte
	for _, rt := range everyRoute() {
		all = append(all, appendOp(nil, &host.Op{Route: &rt}, 1))
	}
	for _, ru := range everyRule() {
		all = append(all, appendOp(nil, &host.Op{Rule: &ru}, 1))
	}
	for _, b := range all {
		for n := range len(b) {
			native.PutUint32(b, uint32(max(n, headerLen)))
			if m, _, ok := next(b[:n]); ok {
				decode(m)
			}
		}
	}
}

func FuzzEntry(f *testing.F) {
	for _, rt := range everyRoute() {
		f.Add(appendOp(nil, &host.Op{Route: &rt}, 1))
	}
	for _, ru := range everyRule() {
		f.Add(appendOp(nil, &host.Op{Rule: &ru}, 1))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, _, ok := next(b)
		if !ok {
			return
		}
		ev, ok := decode(m)
		if ok && ev.Route != nil {
			_ = ev.Route.Key()
		}
	})
}
