package specs

import (
	"net/netip"
	"reflect"
	"testing"

	"holdfast.dev/config"
	"holdfast.dev/host"
)

func TestRoute(t *testing.T) {
	on := true
	p := netip.MustParsePrefix
	a := netip.MustParseAddr
	for _, c := range []struct {
		in   config.Route
		want host.Route
	}{
		{
			config.Route{
				Dst: p("10.9.0.0/16"), Type: 1, Protocol: 18, Table: 254, VRF: "red", Via: a("10.0.0.254"), Dev: "eth0", OnLink: true,
				Metrics: []config.Metric{{Kind: 4, Value: 300}, {Kind: 5, Value: 250, Lock: true}, {Kind: 2, Value: 1400}}, TTLProp: &on,
				Op: config.RouteAppend, Congestion: "cubic", CongLock: true,
			},
			host.Route{
				Dst: p("10.9.0.0/16"), Type: 1, Proto: 18, Table: 254, Hops: []host.Hop{{Via: a("10.0.0.254"), Dev: "eth0", OnLink: true}},
				Metrics: []host.Metric{{Kind: 4, Value: 2400}, {Kind: 5, Value: 1000, Lock: true}, {Kind: 2, Value: 1400}}, TTLProp: host.On,
				Enter: host.EnterAfter, Congestion: "cubic", CongLock: true,
			},
		},
		{
			config.Route{Dst: p("10.9.0.0/16"), Type: 6, VRF: "red", Op: config.RouteAdd},
			host.Route{Dst: p("10.9.0.0/16"), Type: 6, VRF: "red", Enter: host.EnterAlone},
		},
		{
			config.Route{Dst: p("fd00::/64"), Type: 1, Hops: []config.NextHop{{Dev: "eth0", Weight: 3, Encap: &config.Encap{Kind: config.EncapMPLS, Labels: []uint32{16}}}}},
			host.Route{Dst: p("fd00::/64"), Type: 1, Multi: true, Hops: []host.Hop{{Dev: "eth0", Weight: 3, Encap: &host.Encap{Kind: host.EncapMPLS, Labels: []uint32{16}}}}},
		},
	} {
		if got := Route(&c.in); !reflect.DeepEqual(got, c.want) {
			t.Errorf("got  %+v\nwant %+v", got, c.want)
		}
	}
}

func TestRule(t *testing.T) {
	p := netip.MustParsePrefix
	five := uint32(5)
	for _, c := range []struct {
		in   config.Rule
		want host.Rule
	}{
		{
			config.Rule{
				Family: config.IPv6, Action: config.RuleGoto, Goto: 7, Priority: 20, Protocol: 18, From: p("::/0"), To: p("fd00::/8"), HasMark: true,
				SuppressLen: &five, UIDs: &config.Range{First: 0, Last: 9}, DestPorts: &config.Range{First: 1, Last: 2},
			},
			host.Rule{
				V6: true, Action: host.ActGoto, Goto: 7, Priority: 20, Proto: 18, To: p("fd00::/8"), SuppressLen: host.Maybe{Set: true, N: 5},
				UIDs: host.Span{Set: true, Last: 9}, DstPorts: host.Span{Set: true, First: 1, Last: 2},
			},
		},
		{
			config.Rule{Family: config.IPv4, Action: config.RuleProhibit, HasMark: true, Mark: 7, MarkMask: 1<<32 - 1},
			host.Rule{Action: host.ActProhibit, Mark: host.Masked{Set: true, Mark: 7, Mask: 1<<32 - 1}},
		},
	} {
		if got := Rule(&c.in); got != c.want {
			t.Errorf("got  %+v\nwant %+v", got, c.want)
		}
	}
}
