package interop

import (
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// mismatches are files that do not go together. Where ours drops what the peer sends it must say why, as keepalived
// does. Two masters are then what the files ask for.
var mismatches = []struct {
	name   string
	medium medium
	edit   func(r *lab.Router) // of the peer's file
	mine   func(r *lab.Router) // of ours, if anything
	one    bool                // the routers agree on a master all the same
	log    string              // ours, if not one
}{
	{name: "version", medium: media[0], edit: func(r *lab.Router) { r.Version = 3 }, log: "version"},
	{name: "vrid", medium: media[0], edit: func(r *lab.Router) { r.VRID = 52 }},
	{name: "interval-v2", medium: media[0], edit: func(r *lab.Router) { r.Interval = 2 * second }, log: "interval"},
	{name: "interval-v3", medium: media[2], edit: func(r *lab.Router) { r.Interval = second }, one: true},
	{name: "password", medium: media[0], edit: func(r *lab.Router) {
		r.Lines = []string{"authentication {\n\t\tauth_type PASS\n\t\tauth_pass another\n\t}"}
	}, log: "auth"},
	{
		name: "ah-password", medium: media[0], edit: func(r *lab.Router) { r.Lines = []string{ah("another")} },
		mine: func(r *lab.Router) { r.Lines = []string{ah("secret")} }, log: "integrity check",
	},
	{
		name: "ah-or-none", medium: media[1], edit: func(*lab.Router) {},
		mine: func(r *lab.Router) { r.Lines = []string{ah("secret")} }, log: "auth type 0",
	},
	{
		name: "hmac-or-none", medium: media[5], edit: func(*lab.Router) {},
		mine: func(r *lab.Router) { r.Lines = []string{hmac("1")} }, log: "missing authentication trailer",
	},
	{
		name: "hmac-permissive", medium: media[4], edit: func(*lab.Router) {},
		mine: func(r *lab.Router) { r.Lines = []string{hmac("1", "mode receive-only")} }, one: true,
	},
	{
		name: "ttl", medium: media[1], edit: func(r *lab.Router) { r.Lines = []string{"unicast_ttl 64"}; r.Peers[0] += " min_ttl 255" },
		mine: func(r *lab.Router) { r.Lines = []string{"unicast_ttl 3"}; r.Peers[0] += " min_ttl 65" }, log: "TTL/HL 64",
	},
	{
		name: "ttl-allowed", medium: media[5], edit: func(r *lab.Router) { r.Lines = []string{"unicast_ttl 64"} },
		mine: func(r *lab.Router) { r.Peers[0] += " min_ttl 64 max_ttl 64"; r.Lines = []string{"unicast_ttl 3"} }, one: true,
	},
	{
		name: "stranger", medium: media[3], edit: func(r *lab.Router) {},
		mine: func(r *lab.Router) { r.Peers[0] = "10.0.0.50"; r.Lines = []string{"check_unicast_src"} }, log: "not a unicast peer",
	},
}

func TestMismatch(t *testing.T) {
	t.Parallel()
	for _, m := range mismatches {
		for _, first := range []string{"ours", "peer"} {
			t.Run(m.name+"/"+first+"-preferred", func(t *testing.T) {
				t.Parallel()
				long(t)
				l := lab.New(t, lab.Options{Nodes: 2})
				us, peer := l.Nodes[0], l.Nodes[1]
				priority := map[string][2]int{"ours": {200, 100}, "peer": {100, 200}}[first]
				mine, theirs := m.medium.router(us, peer, priority[0]), m.medium.router(peer, us, priority[1])
				m.edit(&theirs)
				if m.mine != nil {
					m.mine(&mine)
				}
				fm, ft := lab.File{Routers: []lab.Router{mine}}, lab.File{Routers: []lab.Router{theirs}}
				d := us.Start(ours(t), fm.Text())
				peer.Start(lab.Keepalived(t), ft.Text())
				settled := max(fm.Settled(), ft.Settled())
				if m.one {
					s := l.Scene(theirs.VR())
					s.Elect(map[string]*lab.Node{"ours": us, "peer": peer}[first], settled)
					s.Stay(settled)
					return
				}
				l.Scene(mine.VR()).Apart(settled, us)
				l.Scene(theirs.VR()).Apart(settled, peer)
				if m.log != "" {
					d.WaitLog(0, m.log, theirs.Interval)
				}
			})
		}
	}
}

// TestOneWay: the preferred router hears the other and is not heard. There are two masters while that lasts, whatever
// the programs do; afterwards one of them yields to the first advert that it hears.
func TestOneWay(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"ours", "peer"} {
		t.Run(first+"-preferred", func(t *testing.T) {
			t.Parallel()
			long(t)
			l := lab.New(t, lab.Options{Nodes: 2})
			a, b := l.Nodes[0], l.Nodes[1]
			high, low := ours(t), lab.Keepalived(t)
			if first == "peer" {
				high, low = low, high
			}
			m := media[2]
			ra, rb := m.router(a, b, 200), m.router(b, a, 100)
			s := l.Scene(ra.VR())
			a.Start(high, lab.File{Routers: []lab.Router{ra}}.Text())
			b.Start(low, lab.File{Routers: []lab.Router{rb}}.Text())
			s.Elect(a, rb.Down())
			s.Leave(a.Mute)
			s.Apart(rb.Down(), a, b)
			s.Move(a, m.interval(), a.Unmute)
			s.Stay(4 * time.Second)
		})
	}
}
