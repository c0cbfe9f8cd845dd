package interop

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// routing is what the installed keepalived and this kernel know of routes and rules.
const routing = `
static_routes {
	10.30.0.0/16 via 10.0.0.254 dev eth0 metric 20
	10.31.0.0/16 via 10.0.0.254 no_track
	fd31::/64 via fd00::254 dev eth0
}
static_rules {
	from 10.30.0.0/16 table 100 priority 2000
}
`

var virtualRouting = []string{"promote_secondaries", `virtual_routes {
		10.40.0.0/16 via 10.0.0.254 dev eth0 metric 20 tos 0x10 mtu lock 1400 advmss 1300 rtt 300ms rttvar 250ms reordering 5 window 1000 cwnd lock 20 ssthresh 30 realms 3/4 rto_min 300ms initcwnd 11 initrwnd 12 features ecn quickack 1 congctl lock cubic hoplimit 9
		src 10.0.0.100 10.41.0.0/16 via 10.0.0.254 dev eth0
		10.42.0.0/16 encap ip id 5 dst 192.0.2.1 src 192.0.2.2 tos 4 ttl 9 dev eth0
		fd10::/64 encap ip6 id 5 dst 2001:db8::1 src 2001:db8::2 tc 4 hoplimit 9 dev eth0
		10.43.0.0/16 nexthop via 10.0.0.253 dev eth0 weight 3 realms 7 nexthop via 10.0.0.252 dev eth0 weight 5 onlink
		fd13::/64 nexthop via fd00::253 dev eth0 weight 3 nexthop via fd00::252 dev eth0 weight 5
		fd14::/64 via fd00::254 dev eth0 pref high expires 100
		fd15::/64 from fd00:5::/48 via fd00::254 dev eth0
		10.45.0.0/16 via 10.0.0.254 dev eth0 fastopen_no_cookie 1 ttl-propagate enabled
		blackhole 10.46.0.0/16
		unreachable 10.47.0.0/16
		prohibit 10.48.0.0/16
		throw 10.49.0.0/16 table 100
		blackhole fd16::/64
		10.51.0.0/16 dev eth0
		10.52.0.0/16 dev eth0 scope host protocol static no_track
		default via 10.0.0.254 dev eth0 table 100
		default6 via fd00::254 dev eth0 table 100
		multicast 224.9.0.0/16 dev eth0
		10.53.0.0/16 via 10.0.0.254 dev eth0 onlink append
		10.54.0.0/16 via 10.0.0.254 dev eth0 add
		local fd17::/64 dev eth0
		10.55.0.0/16 via 10.0.0.253 or 10.0.0.254
		local 10.56.0.0/16 dev eth0 scope host
		anycast 10.57.0.1 dev eth0 scope link table local
	}`, `virtual_rules {
		from 10.9.0.0/16 to 10.8.0.0/16 tos 0x10 fwmark 7/0xff iif eth0 oif eth1 priority 100 table 100
		l3mdev priority 101
		tunnel-id 5 priority 102 table 70000
		uidrange 100-200 priority 103 table 100
		ipproto tcp sport 10-20 dport 30-40 priority 104 table 100
		not from 10.0.0.0/8 priority 105 table 100 suppress_prefixlength 5
		not from 10.0.0.0/8 priority 105 table 101 suppress_ifgroup 7
		from 10.0.0.0/8 realms 3/4 priority 106 table 100
		from 10.0.0.0/8 goto 200 priority 107
		from 10.1.0.0/16 blackhole priority 108 protocol 99 no_track
		from 10.1.0.0/16 unreachable priority 109
		from 10.1.0.0/16 prohibit priority 110
		from 10.1.0.0/16 nop priority 111
		from fd00::/16 table 100 priority 112
		from 10.77.0.0/16 table 100
		from 10.78.0.0/16 table 70000
		fwmark 9 table 100 priority 114
		fwmark 0 table 100 priority 115
	}`}

// routed is a file with all of that.
func routed() string {
	return lab.File{Routers: []lab.Router{{
		Name: "VI_1", Version: 2, VRID: 51, Priority: 200, Interval: second, VIPs: []string{"10.0.0.100/24"}, Lines: virtualRouting,
	}}}.Text() + routing
}

// tables is what ip tells of the routes and rules of a node that are not the kernel's own, one a line.
func tables(t testing.TB, n *lab.Node) (lines []string) {
	t.Helper()
	for _, command := range []string{"-4 -d -j route show table all", "-6 -d -j route show table all", "-4 -d -j rule", "-6 -d -j rule"} {
		var b strings.Builder
		cmd := exec.Command("ip", strings.Fields(command)...)
		cmd.Stdout, cmd.Stderr = &b, &b
		if err := n.NS.Run(cmd); err != nil {
			t.Fatalf("ip %s: %v %s", command, err, b.String())
		}
		var entries []map[string]any
		if err := json.Unmarshal([]byte(b.String()), &entries); err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e["protocol"] == "kernel" || e["protocol"] == nil {
				continue
			}
			delete(e, "expires") // it counts down
			line, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, string(line))
		}
	}
	slices.Sort(lines)
	return lines
}

// carrier runs a program with all kinds of routes and rules until it is MASTER, and returns what there is then.
func carrier(t *testing.T, p lab.Program) (n *lab.Node, lines []string) {
	t.Helper()
	l := lab.New(t, lab.Options{Nodes: 1, Spare: true})
	n = l.Nodes[0]
	n.Start(p, routed())
	l.WaitFor("the last rule", 10*time.Second, func() bool {
		lines = tables(t, n)
		return slices.ContainsFunc(lines, func(s string) bool { return strings.Contains(s, `"priority":115`) })
	})
	return n, tables(t, n) // all of them: it was read while they came
}

// TestRoutingAsKeepalived: one file, both daemons, the same routes and rules, to the last attribute; and all of them go at
// the end.
func TestRoutingAsKeepalived(t *testing.T) {
	t.Parallel()
	theirs, want := carrier(t, lab.Keepalived(t))
	ours, got := carrier(t, lab.Holdfast(t))
	if len(want) != 28+19 {
		t.Errorf("keepalived has %d entries", len(want))
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("only keepalived has %s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("only we have %s", line)
		}
	}
	promotes := func(when, want string) {
		t.Helper()
		for _, n := range []*lab.Node{theirs, ours} { // rule K12
			if got, err := n.NS.Sysctl("net/ipv4/conf/eth0/promote_secondaries"); err != nil || got != want {
				t.Errorf("%s: promote_secondaries of %s is %s, %v", when, n.Daemon().Dir, got, err)
			}
		}
	}
	promotes("running", "1")
	theirs.Daemon().Stop()
	ours.Daemon().Stop()
	promotes("ended", "0")
	if left := tables(t, ours); len(left) > 0 {
		t.Errorf("left behind:\n%s", strings.Join(left, "\n"))
	}
}

// TestRoutingSurvives: what somebody deletes is put back, what a killed daemon left is gone before its successor is MASTER, and a
// reload changes what differs.
func TestRoutingSurvives(t *testing.T) {
	if reference() {
		t.Skip("keepalived steps down")
	}
	t.Parallel()
	n, all := carrier(t, lab.Holdfast(t))
	has := func(text string) func() bool {
		return func() bool {
			return slices.ContainsFunc(tables(t, n), func(s string) bool { return strings.Contains(s, text) })
		}
	}
	differs := func() (text string) {
		now := tables(t, n)
		for _, line := range all {
			if !slices.Contains(now, line) {
				text += "gone: " + line + "\n"
			}
		}
		for _, line := range now {
			if !slices.Contains(all, line) {
				text += "new: " + line + "\n"
			}
		}
		return text
	}
	wait := func(what string, within time.Duration, cond func() bool) {
		t.Helper()
		for end := time.Now().Add(within + time.Minute); !cond(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: not within %v, nor a minute later\n%s%s", what, within, differs(), n.Daemon().Log())
			}
		}
	}
	same := func() bool { return slices.Equal(tables(t, n), all) }
	for _, command := range []string{"route del 10.51.0.0/16", "rule del priority 101", "route del 10.30.0.0/16", "rule del priority 2000"} {
		if err := n.NS.Run(exec.Command("ip", strings.Fields(command)...)); err != nil {
			t.Fatalf("ip %s: %v", command, err)
		}
	}
	wait("what was deleted comes back", 5*time.Second, same)
	file := routed()
	n.Daemon().Reload(strings.Replace(strings.Replace(file, "10.30.0.0/16 via", "10.32.0.0/16 via", 1), "blackhole 10.46", "blackhole 10.66", 1))
	wait("the reload", 5*time.Second, func() bool {
		return has("10.32.0.0/16")() && has("10.66.0.0/16")() && !has("10.46.0.0/16")() && !has(`"dst":"10.30.0.0/16"`)()
	})
	n.KillAll()
	if !has("10.66.0.0/16")() {
		t.Error("a killed daemon leaves its routes")
	}
	n.Start(lab.Holdfast(t), file)
	wait("what the old file named is gone", 3*time.Second, func() bool { return !has("10.66.0.0/16")() && !has("10.32.0.0/16")() })
	wait("MASTER again", 10*time.Second, same)
}
