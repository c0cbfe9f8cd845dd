package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// feature is a configuration of the preferred router, something that makes it lose and its opposite.
type feature struct {
	name       string
	medium     int                           // in media
	file       func(f *lab.File, dir string) // adds the feature to a file of either router; dir is the node's own
	lose       func(a *lab.Node, dir string)
	win        func(a *lab.Node, dir string)
	loseWithin time.Duration
	winWithin  time.Duration
	scripts    bool // the preferred router runs scripts
	agree      bool // depends on what the other router makes of it
	ours       bool // the peer does not know it
}

// Durations of the routers below: version 2, 1 s, priorities 200 and 100.
var (
	second   = time.Second
	downHigh = 3*second + second*56/256
	downLow  = 3*second + second*156/256
	skewLow  = second * 156 / 256
)

// check is a vrrp_script that succeeds while a file is there.
func check(dir, more string) string {
	return fmt.Sprintf("vrrp_script chk {\n\tscript \"/usr/bin/test -e %s/healthy\"\n\tinterval 1\n\ttimeout 1\n\trise 2\n\tfall 2\n%s}", dir, more)
}

func heal(_ *lab.Node, dir string) { _ = os.WriteFile(filepath.Join(dir, "healthy"), nil, 0o644) }
func hurt(_ *lab.Node, dir string) { _ = os.Remove(filepath.Join(dir, "healthy")) }

func plug(a *lab.Node, _ string)   { a.PlugSpare() }
func unplug(a *lab.Node, _ string) { a.UnplugSpare() }

// ah is an authentication block with an Authentication Header.
func ah(pass string) string {
	return "authentication {\n\t\tauth_type AH\n\t\tauth_pass " + pass + "\n\t}"
}

// hmac is an auth_hmac block with two keys, 1 and 2, and more lines.
func hmac(active string, more ...string) string {
	return "auth_hmac {\n\t\tkey 1 correct-horse-battery-staple-12345\n\t\tkey 2 hex:" + strings.Repeat("5a", 32) +
		"\n\t\tactive_key " + active + "\n\t\t" + strings.Join(more, "\n\t\t") + "\n\t}"
}

// authenticated is a feature of which both routers have the same; the preferred one loses when it is cut off.
func authenticated(name string, medium int, block string) feature {
	return feature{
		name:       name,
		medium:     medium,
		file:       func(f *lab.File, _ string) { line(f, block) },
		lose:       func(a *lab.Node, _ string) { a.Cut() },
		win:        func(a *lab.Node, _ string) { a.Heal() },
		loseWithin: downLow,
		winWithin:  second,
		agree:      true,
	}
}

// extended is a feature that the peer does not know.
func extended(f feature) feature {
	f.ours = true
	return f
}

func line(f *lab.File, text string) { f.Routers[0].Lines = append(f.Routers[0].Lines, text) }

var features = []feature{
	authenticated("pass", 0, "authentication {\n\t\tauth_type PASS\n\t\tauth_pass secret\n\t}"),
	authenticated("ah", 0, ah("secret")),
	authenticated("ah-unicast", 1, ah("12345678")),
	extended(authenticated("hmac", 0, hmac("1"))),
	extended(authenticated("hmac-ipv6-unicast", 5, hmac("1"))),
	{
		name:       "track-interface",
		file:       func(f *lab.File, _ string) { line(f, "track_interface {\n\t\teth1\n\t}") },
		lose:       unplug,
		win:        plug,
		loseWithin: skewLow,
		winWithin:  downHigh,
	},
	{
		name:       "track-interface-weight",
		file:       func(f *lab.File, _ string) { line(f, "track_interface {\n\t\teth1 weight -150\n\t}") },
		lose:       unplug,
		win:        plug,
		loseWithin: second + downLow,
		winWithin:  second + downLow,
	},
	{
		name: "track-script",
		file: func(f *lab.File, dir string) {
			f.Global = append(f.Global, "script_user root")
			f.Scripts = append(f.Scripts, check(dir, ""))
			line(f, "track_script {\n\t\tchk\n\t}")
		},
		lose:       hurt,
		win:        heal,
		loseWithin: 3*second + skewLow,
		winWithin:  3*second + downHigh,
		scripts:    true,
	},
	{
		name: "track-script-weight",
		file: func(f *lab.File, dir string) {
			f.Global = append(f.Global, "script_user root")
			f.Scripts = append(f.Scripts, check(dir, "\tweight -150\n"))
			line(f, "track_script {\n\t\tchk\n\t}")
		},
		lose:       hurt,
		win:        heal,
		loseWithin: 3*second + second + downLow,
		winWithin:  3*second + second + downLow,
		scripts:    true,
	},
	{
		name: "sync-group",
		file: func(f *lab.File, _ string) {
			f.Groups = append(f.Groups, "vrrp_sync_group G {\n\tgroup {\n\t\tVI_1\n\t\tVI_2\n\t}\n}")
			second := f.Routers[0]
			second.Name, second.VRID, second.VIPs = "VI_2", 52, []string{"10.0.0.110/24"}
			second.Lines = []string{"track_interface {\n\t\teth1\n\t}"} // the other member follows
			f.Routers = append(f.Routers, second)
		},
		lose: unplug,
		win:  plug,
		// A member whose timer ends first waits for the other with another full one (rule I1).
		loseWithin: skewLow + downLow,
		winWithin:  2 * downHigh,
		agree:      true,
	},
}

// TestFeature has the preferred router lose by each feature and win by its opposite, with each of the two daemons
// as the preferred one.
func TestFeature(t *testing.T) {
	t.Parallel()
	for _, f := range features {
		if f.ours {
			continue
		}
		for _, first := range []string{"ours", "peer"} {
			t.Run(f.name+"/"+first+"-preferred", func(t *testing.T) {
				t.Parallel()
				high, low := ours(t), lab.Keepalived(t)
				if first == "peer" {
					high, low = low, high
				}
				loseAndWin(t, f, high, low)
			})
		}
	}
}

// TestFeatureOurs is the same with ours at both ends, for what the two have to agree on.
func TestFeatureOurs(t *testing.T) {
	t.Parallel()
	for _, f := range features {
		if !f.agree {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			loseAndWin(t, f, ours(t), ours(t))
		})
	}
}

func loseAndWin(t *testing.T, f feature, high, low lab.Program) {
	long(t)
	if f.scripts {
		high.RunsScripts(t)
	}
	l := lab.New(t, lab.Options{Nodes: 2, Spare: true})
	a, b := l.Nodes[0], l.Nodes[1]
	var files [2]lab.File
	var dirs [2]string
	for i, priority := range []int{200, 100} {
		dirs[i] = t.TempDir()
		heal(nil, dirs[i])
		files[i].Routers = []lab.Router{media[f.medium].router(l.Nodes[i], l.Nodes[1-i], priority)}
		f.file(&files[i], dirs[i])
	}
	var vrs []lab.VR
	for _, r := range files[0].Routers {
		vrs = append(vrs, r.VR())
	}
	s, ping := l.Scene(vrs...), l.Ping(media[f.medium].pinged())
	a.Start(high, files[0].Text())
	b.Start(low, files[1].Text())
	// A script with weight 0 has to have succeeded before its instance begins, and a group may wait twice.
	s.Elect(a, second+2*files[1].Settled())
	from := time.Now()
	s.Move(b, f.loseWithin, func() { f.lose(a, dirs[0]) })
	t.Logf("lost: the client is without an answer for %v", ping.Outage(from).Round(time.Millisecond))
	from = time.Now()
	s.Move(a, f.winWithin, func() { f.win(a, dirs[0]) })
	t.Logf("won: the client is without an answer for %v", ping.Outage(from).Round(time.Millisecond))
	s.Stay(second)
	s.End()
	if f.ours && !media[f.medium].six {
		return // tshark takes the trailer, which no checksum of IPv4 covers, for a part of the message
	}
	dissect(l)
}
