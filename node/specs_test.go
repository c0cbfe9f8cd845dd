package node

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast.dev/host"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

const textKey = "0123456789abcdef0123456789abcdef"

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// plain is what an instance with nothing but what it must have is for the engine.
func plain() vrrp.Spec {
	return vrrp.Spec{
		Name: "A", VRID: 51, Version: 2, Link: "eth0", Group: addr("224.0.0.18"),
		Priority: 100, Interval: time.Second, DownAdverts: 3,
		Sum: wire.DefaultForm(2, false), Accept: wire.DefaultForm(2, false),
		Addresses: []vrrp.Address{{Address: host.Address{
			Key: host.Key{Link: "eth0", Prefix: netip.MustParsePrefix("192.0.2.100/24")}, Preferred: 1<<32 - 1,
		}}},
		Garp: vrrp.Garp{
			Delay: 5 * time.Second, Repeat: 5, RefreshRepeat: 1, LowerDelay: 5 * time.Second, LowerRepeat: 5,
		},
	}
}

// TestRouterSpec: what a line of the file changes for the engine, and that it changes nothing else.
func TestRouterSpec(t *testing.T) {
	for _, c := range []struct {
		name, global, lines string
		change              func(s *vrrp.Spec)
	}{
		{"nothing", "", "", func(*vrrp.Spec) {}},
		{"priority", "", "priority 200", func(s *vrrp.Spec) { s.Priority = 200 }},
		{"state", "", "state MASTER", func(s *vrrp.Spec) { s.StateMaster, s.Priority = true, 255 }},
		{"no_accept", "", "no_accept", func(s *vrrp.Spec) { s.Addresses[0].Barred = true }},
		{"strict mode", "vrrp_strict", "", func(s *vrrp.Spec) {
			s.Addresses[0].Barred, s.LowerPrioNoAdvert, s.Garp.LowerDelay, s.Garp.LowerRepeat = true, true, 0, 0
		}},
		{"strict mode that accepts, version 3", "vrrp_strict", "version 3\naccept", func(s *vrrp.Spec) {
			s.Version, s.LowerPrioNoAdvert, s.Garp.LowerDelay, s.Garp.LowerRepeat = 3, true, 0, 0
			s.Sum = wire.DefaultForm(3, false)
			s.Accept = s.Sum | wire.FormPlain
		}},
		{"an owner has no firewall", "", "priority 255\nno_accept", func(s *vrrp.Spec) { s.Priority, s.StateMaster = 255, true }},
		{"garp_extra_if without another interface", "", "garp_extra_if all 30", func(s *vrrp.Spec) { s.Garp.Extra = 30 * time.Second }},
		{"garp_extra_if of the globals, switched off", "vrrp_garp_extra_if 30", "garp_extra_if 0", func(*vrrp.Spec) {}},
		{"nopreempt", "", "nopreempt", func(s *vrrp.Spec) { s.NoPreempt = true }},
		{"preempt_delay", "", "preempt_delay 7", func(s *vrrp.Spec) { s.PreemptDelay = 7 * time.Second }},
		{"advert_int", "", "advert_int 3", func(s *vrrp.Spec) { s.Interval = 3 * time.Second }},
		{"down_timer_adverts", "", "down_timer_adverts 5", func(s *vrrp.Spec) { s.DownAdverts = 5 }},
		{"version 3", "", "version 3\nadvert_int 0.25", func(s *vrrp.Spec) {
			s.Version, s.Interval = 3, 250*time.Millisecond
			s.Sum = wire.DefaultForm(3, false)
			s.Accept = s.Sum | wire.FormPlain
		}},
		{"version 3 with the checksum of version 2", "v3_checksum_as_v2", "version 3", func(s *vrrp.Spec) {
			s.Version = 3
			s.Sum = wire.FormPlain
			s.Accept = wire.DefaultForm(3, false) | wire.FormPlain | wire.FormBad | wire.FormGroup
		}},
		{"password", "", "authentication {\nauth_type PASS\nauth_pass secret\n}", func(s *vrrp.Spec) {
			s.AuthType = wire.AuthPass
			copy(s.Password[:], "secret")
		}},
		{"AH", "", "authentication {\nauth_type AH\nauth_pass secret\n}", func(s *vrrp.Spec) {
			s.AuthType = wire.AuthAH
			copy(s.Password[:], "secret")
		}},
		{"HMAC", "", "auth_hmac {\nkey 7 file:/k\nkey 2 " + textKey + "\nactive_key 7\nmode receive-only\nanti_replay monotonic\ntime_window 9\n}", func(s *vrrp.Spec) {
			s.HMAC = &vrrp.HMAC{
				Keys: []vrrp.HMACKey{{ID: 2, Secret: vrrp.Secret(textKey)}, {ID: 7, Secret: vrrp.Secret(textKey + "!")}}, Active: 7,
				Window: 9 * time.Second, Monotonic: true, Mode: vrrp.HMACReceiveOnly,
			}
		}},
		{"HMAC with defaults", "", "advert_int 10\nauth_hmac {\nkey 1 " + textKey + "\nactive_key 1\nmode permissive\n}", func(s *vrrp.Spec) {
			s.Interval = 10 * time.Second
			s.HMAC = &vrrp.HMAC{
				Keys: []vrrp.HMACKey{{ID: 1, Secret: vrrp.Secret(textKey)}}, Active: 1, Window: 30 * time.Second, Mode: vrrp.HMACPermissive,
			}
		}},
		{"unicast", "", "unicast_src_ip 192.0.2.1\nunicast_peer { 192.0.2.2\n192.0.2.3 min_ttl 3 max_ttl 9\n}\ncheck_unicast_src", func(s *vrrp.Spec) {
			s.Group, s.Source, s.CheckPeers, s.TTL = netip.Addr{}, addr("192.0.2.1"), true, 255
			s.Peers = []vrrp.Peer{{Addr: addr("192.0.2.2"), MaxTTL: 255}, {Addr: addr("192.0.2.3"), MinTTL: 3, MaxTTL: 9}}
		}},
		{"unicast version 3", "", "version 3\nunicast_src_ip 192.0.2.1\nunicast_peer { 192.0.2.2\n}", func(s *vrrp.Spec) {
			s.Version, s.Group, s.Source, s.TTL = 3, netip.Addr{}, addr("192.0.2.1"), 255
			s.Peers = []vrrp.Peer{{Addr: addr("192.0.2.2"), MaxTTL: 255}}
			s.Sum = wire.DefaultForm(3, false)
			s.Accept, s.LearnGroupSum = s.Sum|wire.FormPlain|wire.FormGroup, true
		}},
		{"multicast group", "vrrp_mcast_group4 224.0.0.99", "", func(s *vrrp.Spec) { s.Group = addr("224.0.0.99") }},
		{"source", "", "mcast_src_ip 192.0.2.9\ntrack_src_ip", func(s *vrrp.Spec) { s.Source, s.TrackSource = addr("192.0.2.9"), true }},
		{"garp", "", "garp_master_delay 1\ngarp_master_repeat 2\ngarp_master_refresh 60\ngarp_master_refresh_repeat 3\ngarp_lower_prio_delay 4\ngarp_lower_prio_repeat 6", func(s *vrrp.Spec) {
			s.Garp = vrrp.Garp{
				Delay: time.Second, Repeat: 2, Refresh: time.Minute, RefreshRepeat: 3, LowerDelay: 4 * time.Second, LowerRepeat: 6,
			}
		}},
		{"tracked interface", "", "track_interface { eth1 weight -20\n}", func(s *vrrp.Spec) {
			s.Links = []vrrp.LinkBinding{{Link: "eth1", Weight: -20}}
		}},
		{"tracked script", "", "track_script { chk weight 30\n}", func(s *vrrp.Spec) {
			s.Trackers = []track.Binding{{Source: "chk", Weight: 30}}
		}},
		{"priority changes", "", "notify_priority_changes false", func(*vrrp.Spec) {}},
		{"excluded address", "", "virtual_ipaddress_excluded { 198.51.100.1/32 dev eth1 no_track\n}", func(s *vrrp.Spec) {
			s.Addresses = append(s.Addresses, vrrp.Address{Excluded: true, NoTrack: true, Address: host.Address{
				Key: host.Key{Link: "eth1", Prefix: netip.MustParsePrefix("198.51.100.1/32")}, Preferred: 1<<32 - 1,
			}})
		}},
		{"routes and rules", "", "promote_secondaries\nvirtual_routes {\n10.9.0.0/16 dev eth1\n10.8.0.0/16 dev eth0\n10.7.0.0/16 dev eth1 no_track metric 9\n}\nvirtual_rules {\niif eth1 table 5 priority 9\n}", func(s *vrrp.Spec) {
			s.Promote = true
			route := func(dst, dev string, noTrack bool) {
				s.Routes = append(s.Routes, vrrp.Route{NoTrack: noTrack, Route: host.Route{
					Dst: netip.MustParsePrefix(dst), Table: host.TableMain, Type: 1, Proto: host.ProtoMark, Hops: []host.Hop{{Dev: dev}},
				}})
			}
			route("10.9.0.0/16", "eth1", false)
			route("10.8.0.0/16", "eth0", false)
			route("10.7.0.0/16", "eth1", true)
			s.Routes[2].Metric = 9
			s.Rules = []vrrp.Rule{{Rule: host.Rule{IIF: "eth1", Table: 5, Priority: 9, Action: host.ActLookup, Proto: host.ProtoMark}}}
			s.Links = []vrrp.LinkBinding{{Link: "eth1"}} // rule K11
		}},
		{"a route over its own virtual MAC", "dynamic_interfaces", "use_vmac v\nvirtual_routes {\n10.9.0.0/16 dev v\n}", func(s *vrrp.Spec) {
			s.MAC = [6]byte{0, 0, 0x5e, 0, 1, 51}
			s.Virtual = []host.VirtualLink{{Name: "v", Base: "eth0", Kind: host.Macvlan, Mode: host.MacvlanBridge, MAC: s.MAC, For: host.IPv4}}
			s.Addresses[0].Link = "v"
			s.Routes = []vrrp.Route{{Route: host.Route{
				Dst: netip.MustParsePrefix("10.9.0.0/16"), Table: host.TableMain, Type: 1, Proto: host.ProtoMark, Hops: []host.Hop{{Dev: "v"}},
			}}}
		}},
		{"tracks a virtual interface", "dynamic_interfaces", "dont_track_primary\nuse_ipvlan v 192.0.2.9/24 private\ntrack_interface {\neth1 weight 3\nv\n}", func(s *vrrp.Spec) {
			own := host.Key{Link: "v", Prefix: netip.MustParsePrefix("192.0.2.9/24")}
			s.DontTrackPrimary, s.Source, s.Statics = true, own.Prefix.Addr(), []host.Key{own}
			s.Virtual = []host.VirtualLink{{Name: "v", Base: "eth0", Kind: host.IPVLAN, Mode: host.IPVLANPrivate, For: host.IPv4}}
			s.Addresses[0].Link = "v"
			s.Links = []vrrp.LinkBinding{{Link: "eth1", Weight: 3}}
		}},
		{"unicast from an ipvlan", "", "use_ipvlan v 192.0.2.9/24\nunicast_peer {\n192.0.2.8\n}\ntrack_src_ip", func(s *vrrp.Spec) {
			own := host.Key{Link: "v", Prefix: netip.MustParsePrefix("192.0.2.9/24")}
			s.Source, s.Statics, s.Via, s.Group = own.Prefix.Addr(), []host.Key{own}, "v", netip.Addr{}
			s.Peers, s.TTL = []vrrp.Peer{{Addr: addr("192.0.2.8"), MaxTTL: 255}}, 255
			s.Virtual = []host.VirtualLink{{Name: "v", Base: "eth0", Kind: host.IPVLAN, For: host.IPv4}}
			s.Addresses[0].Link = "v"
		}},
		{"lower priority", "", "lower_prio_no_advert\nhigher_prio_send_advert", func(s *vrrp.Spec) {
			s.LowerPrioNoAdvert, s.HigherPrioAdvert = true, true
		}},
		{"skip checks", "", "skip_check_adv_addr\ndont_track_primary", func(s *vrrp.Spec) {
			s.SkipCheckAddrs, s.DontTrackPrimary = true, true
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "global_defs {\n" + c.global + "\n}\nvrrp_script chk {\nscript /bin/true\n}\nvrrp_instance A {\ninterface eth0\nvirtual_router_id 51\n" +
				c.lines + "\nvirtual_ipaddress { 192.0.2.100/24 }\n}"
			got := VRRPConfig(load(t, text))
			want := plain()
			c.change(&want)
			if len(got.Routers) != 1 {
				t.Fatalf("%d routers", len(got.Routers))
			}
			if d := cmp.Diff(want, got.Routers[0], cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty()); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestVRRPConfig(t *testing.T) {
	got := VRRPConfig(load(t, `global_defs {
	vrrp_startup_delay 4
	vrrp_delay_after_boot 20
	vrrp_garp_interval 0.5
	vrrp_gna_interval 0.25
	log_unknown_vrids
	vrrp_lost_address step_down
}
static_ipaddress { 198.51.100.9/32 dev eth1 }
vrrp_sync_group G { group { A
B } }
vrrp_instance A {
	interface eth0
	virtual_router_id 51
	virtual_ipaddress { 192.0.2.100/24 }
}
vrrp_instance B {
	interface eth1
	virtual_router_id 52
	virtual_ipaddress {
		2001:db8::1/64
		fe80::100/64
	}
}`))
	if got.StartupDelay != 4*time.Second || got.DelayAfterBoot != 20*time.Second || got.GarpInterval != 500*time.Millisecond ||
		got.NAInterval != 250*time.Millisecond || !got.LogUnknownVRIDs || got.Restore {
		t.Errorf("global settings: %+v", got)
	}
	if len(got.Groups) != 1 || got.Groups[0].Name != "G" || len(got.Groups[0].Members) != 2 {
		t.Errorf("groups %+v", got.Groups)
	}
	if len(got.Static) != 1 || got.Static[0].Link != "eth1" {
		t.Errorf("static addresses %+v", got.Static)
	}
	b := got.Routers[1]
	if !b.IPv6 || b.Version != 3 || b.Group != addr("ff02::12") || b.Addresses[0].Flags&host.FlagNoDAD == 0 {
		t.Errorf("IPv6: %+v", b)
	}
	if len(got.Ports()) != 2 {
		t.Errorf("ports %+v", got.Ports())
	}
}

// TestWallAndGroups: what the file says of the firewall, of garp_groups, and of addresses elsewhere (rules A19, M5, L12).
func TestWallAndGroups(t *testing.T) {
	got := VRRPConfig(load(t, `instance blue
global_defs {
	nftables ha
	nftables_priority -7
	nftables_ifindex
	nftables_counters
	vrrp_garp_extra_if 30
}
garp_group {
	garp_interval 0.5
	gna_interval 0.25
	interfaces { eth0 }
}
vrrp_instance A {
	interface eth0
	virtual_router_id 51
	use_vmac
	no_accept
	virtual_ipaddress {
		192.0.2.100/24
		192.0.2.101/24 dev eth1 use_vmac
		192.0.2.102/24 dev eth1
	}
	virtual_ipaddress_excluded { 2001:db8::1/64 }
}
vrrp_instance B {
	interface eth1
	virtual_router_id 52
	priority 255
	no_accept
	virtual_ipaddress { 192.0.2.200/24 }
}`))
	if want := (host.Wall{WallName: host.WallName{Table: "ha", Mark: "holdfast blue"}, Priority: -7, V4: true, V6: true, ByIndex: true, Counters: true}); got.Wall != want {
		t.Errorf("firewall %+v, want %+v", got.Wall, want)
	}
	if g := got.GarpGroups; len(g) != 1 || g[0].GarpInterval != 500*time.Millisecond || g[0].NAInterval != 250*time.Millisecond || len(g[0].Links) != 1 {
		t.Errorf("groups %+v", g)
	}
	a := got.Routers[0]
	if a.Garp.Extra != 30*time.Second {
		t.Errorf("extra every %v", a.Garp.Extra)
	}
	for i, extra := range []bool{false, true, false, false} {
		if a.Addresses[i].Extra != extra || !a.Addresses[i].Barred {
			t.Errorf("%+v: extra should be %v, barred true", a.Addresses[i], extra)
		}
	}
	if b := got.Routers[1].Addresses[0]; b.Barred {
		t.Errorf("an owner's address is barred: %+v", b)
	}
}

func TestBufferSizes(t *testing.T) {
	size := func(global, lines string, routers, mtu int) int {
		c := load(t, "global_defs {\n"+global+"\n}\nvrrp_instance A {\ninterface eth0\nvirtual_router_id 51\n"+lines+"\nvirtual_ipaddress { 192.0.2.100 }\n}")
		p := VRRPConfig(c).Ports()[0]
		p.Routers = routers
		return bufferSizes(c)(&p, mtu)
	}
	least, many := size("", "", 1, 1500), size("", "", 1000, 1500)
	if least < 64<<10 || many <= least {
		t.Errorf("%d octets for one router, %d for a thousand", least, many)
	}
	for _, c := range []struct {
		global, lines string
		want          int
	}{
		{"vrrp_rx_bufs_policy 3000000", "", 3000000},
		{"vrrp_rx_bufs_policy 10", "", least},
		{"vrrp_rx_bufs_policy MTU\nvrrp_rx_bufs_multiplier 1000", "", 1500000},
		{"vrrp_rx_bufs_policy ADVERT\nvrrp_rx_bufs_multiplier 100000", "", 40 * 100000},
		{"", "kernel_rx_buf_size 2000000", 2000000},
		{"vrrp_rx_bufs_policy 4294967295", "", maxBuffer},
	} {
		if got := size(c.global, c.lines, 1, 1500); got != c.want {
			t.Errorf("%q %q: %d, want %d", c.global, c.lines, got, c.want)
		}
	}
}

func TestTells(t *testing.T) {
	if notifies(load(t, "vrrp_instance A {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress { 192.0.2.100 }\n}")) {
		t.Error("a configuration without scripts has somebody to tell")
	}
	if !notifies(load(t, "vrrp_instance A {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress { 192.0.2.100 }\nnotify_master /bin/true\n}")) {
		t.Error("a notify script is not told")
	}
}
