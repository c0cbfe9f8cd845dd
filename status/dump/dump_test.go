package dump

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/config"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

var update = flag.Bool("update", false, "rewrite what is expected")

func snapshot() *Snapshot {
	garp := &config.Garp{Delay: 5 * time.Second, Repeat: 5, RefreshRepeat: 1, LowerPrioDelay: 5 * time.Second, LowerPrioCount: 5}
	run := &config.Command{Args: []string{"/bin/run", "it now"}, User: config.Credentials{UID: 7, GID: 8}}
	addr := func(s string) config.Address {
		p := netip.MustParsePrefix(s)
		return config.Address{Prefix: p, Dev: "eth0", Preferred: config.LifetimeForever}
	}
	labelled := addr("10.1.0.1/24")
	labelled.Label, labelled.NoTrack = "eth0:1", true
	c := &config.Config{
		Global: config.Global{
			RouterID: "lab", Dirs: config.Dirs{JSONVersion: 2}, VRRP: config.VRRPDefaults{GarpExtra: 30 * time.Second},
			Firewall: config.Firewall{Priority: -7, IfIndex: true, Counters: true},
		},
		GarpGroups: []config.GarpGroup{{ARP: 50 * time.Millisecond, NA: 60 * time.Millisecond, Interfaces: []string{"eth1", "eth0"}}},
		Instances: []config.Instance{
			{
				Name: "V1", Interface: "eth0", VRID: 51, Family: config.IPv4, Version: 2, Priority: 100, WantMaster: true, Accept: true,
				Preempt: true, AdvertInterval: time.Second, DownTimerAdverts: 3, Garp: garp, Group: netip.MustParseAddr("224.0.0.18"),
				Auth: config.Auth{Type: config.AuthPass, Password: "secret"}, Addresses: []config.Address{labelled, addr("10.1.0.2/32")},
				Notify: &config.Notify{Master: run, TellDeleted: true}, SyncGroup: "G",
				Track: config.Tracking{Scripts: []config.TrackScript{{Name: "chk", Weight: -5}}},
			},
			{
				Name: "V/2", Interface: "eth0", VRID: 52, Family: config.IPv6, Version: 3, Priority: 90, AdvertInterval: time.Second / 2,
				DownTimerAdverts: 3, Garp: garp, Peers: []config.Peer{{Addr: netip.MustParseAddr("fe80::2"), MaxTTL: 255}},
				Addresses: []config.Address{addr("fe80::9/64")}, Notify: &config.Notify{}, SyncGroup: "G",
				Track: config.Tracking{Others: []config.Tracker{{Name: "web", Kind: config.OfProcess}}},
			},
		},
		Groups:    []config.SyncGroup{{Name: "G", Members: []string{"V1", "V/2"}}},
		Scripts:   []config.Script{{Name: "chk", Command: *run, Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 2}},
		Processes: []config.TrackProcess{{Name: "web", Process: "nginx", Quorum: 1, Weight: -10}},
	}
	st := vrrp.Status{
		Name: "V/2", State: vrrp.Backup, Priority: 90, Master: netip.MustParseAddr("fe80::1"), MasterPriority: 200,
		MasterInterval: time.Second, Since: clock.Now{Wall: 1700000000123456789},
	}
	st.Stats.Received, st.Stats.IntervalDiffers, st.Stats.Dropped[wire.BadPassword] = 7, 2, 3
	last := track.Report{
		State: track.State{Source: "chk"}, At: clock.Now{Wall: 1700000001987654321}, Began: 1,
		Last: track.Ended{Run: 7, Code: 2, Took: 12345 * time.Microsecond, Output: "not = good\n"},
	}
	results := map[track.ID]track.Report{{Name: "chk"}: last}
	return &Snapshot{Config: c, Status: map[string]vrrp.Status{"V/2": st}, Results: results, Zone: time.UTC}
}

// TestForms: the three files, to the letter.
func TestForms(t *testing.T) {
	s := snapshot()
	for name, got := range map[string][]byte{"data": Data(s), "stats": Stats(s), "json": JSON(s)} {
		path := "testdata/" + name + ".txt"
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
		}
	}
	var v any
	if err := json.Unmarshal(JSON(s), &v); err != nil {
		t.Error(err)
	}
}

// TestNoInstances: keepalived writes no JSON then.
func TestNoInstances(t *testing.T) {
	if got := JSON(&Snapshot{Config: &config.Config{}, Zone: time.UTC}); got != nil {
		t.Errorf("%s", got)
	}
}
