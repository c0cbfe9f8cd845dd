package node

import (
	"testing"
	"time"

	"holdfast.dev/host"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
)

// TestTrackerSpecs: what is tracked is translated, with what it may weigh, and what is not tracked is not watched.
func TestTrackerSpecs(t *testing.T) {
	c := load(t, `track_file f {
	file /run/f
	weight 3
}
track_file unused {
	file /run/g
}
vrrp_track_process p {
	process haproxy -f /etc/a
	param_match initial
	quorum_max 2
	delay 1.5
	terminate_delay 2
}
vrrp_check web {
	http http://192.0.2.9/ status 200-204
	interval 0.2
	fall 3
}
vrrp_check unused {
	tcp 192.0.2.9 80
}
track_group tg {
	group { A }
}
static_ipaddress {
	198.51.100.7/24 dev eth0 track_group tg
	198.51.100.8/24 dev eth0
}
interface_up_down_delays {
	eth0 0.5 1
}
vrrp_instance A {
	interface eth0
	virtual_router_id 51
	track_file { f weight -2 reverse }
	track_process { p }
	track_check { web weight -30 }
	virtual_ipaddress { 192.0.2.100/24 }
}
vrrp_instance B {
	interface eth0
	virtual_router_id 52
	virtual_ipaddress { 192.0.2.101/24 }
}`)
	if f := FileSpecs(c); len(f) != 1 || f[0] != (track.FileSpec{Name: "f", Path: "/run/f"}) {
		t.Errorf("%+v", f)
	}
	p := ProcessSpecs(c)
	if len(p) != 1 || !p[0].Full || p[0].Match != track.InitialParams || len(p[0].Params) != 2 || p[0].Quorum != 1 || p[0].Max != 2 ||
		p[0].Gain != 1500*time.Millisecond || p[0].Loss != 2*time.Second {
		t.Errorf("%+v", p)
	}
	k := CheckSpecs(c)
	if len(k) != 1 || k[0].Kind != track.OfCheck || k[0].Probe != (track.Probe{Does: track.Fetch, URL: "http://192.0.2.9/", Low: 200, Top: 204}) ||
		k[0].Interval != 200*time.Millisecond || k[0].Timeout != k[0].Interval || k[0].Fall != 3 {
		t.Errorf("%+v", k)
	}
	v := VRRPConfig(c)
	want := []track.Binding{
		{Kind: track.OfFile, Source: "f", Weight: -2, Reverse: true},
		{Kind: track.OfProcess, Source: "p"},
		{Kind: track.OfCheck, Source: "web", Weight: -30},
	}
	a, b := &v.Routers[0], &v.Routers[1]
	if len(a.Trackers) != len(want) || len(b.Trackers) != 0 {
		t.Fatalf("%+v, %+v", a.Trackers, b.Trackers)
	}
	for i := range want {
		if a.Trackers[i] != want[i] {
			t.Errorf("%+v, want %+v", a.Trackers[i], want[i])
		}
	}
	if len(a.Statics) != 1 || a.Statics[0] != (host.Key{Link: "eth0", Prefix: v.Static[0].Prefix}) || len(b.Statics) != 0 {
		t.Errorf("%+v, %+v", a.Statics, b.Statics)
	}
	if d := v.Debounce["eth0"]; d != (vrrp.Debounce{Down: 500 * time.Millisecond, Up: time.Second}) {
		t.Errorf("%+v", d)
	}
}
