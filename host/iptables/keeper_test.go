package iptables

import (
	"strings"
	"testing"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns/nstest"
)

func wallIn(sets bool) host.Wall {
	w := host.Wall{WallName: host.WallName{Mark: mark, Chains: host.Chains{In: "ours_in", Out: "ours_out"}}, V4: true, V6: true}
	if sets {
		w.Chains.Set4, w.Chains.Set6, w.Chains.Local = "ha4", "ha6", "ha_if6"
	}
	return w
}

const rules4 = `-A ours_in -d 10.0.0.3/32 -j DROP
-A ours_in -s 127.0.0.0/8 -j ACCEPT
-A ours_out -s 10.0.0.3/32 -j DROP`

const rules6 = `-A ours_in -d fd00::3/128 -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT
-A ours_in -d fd00::3/128 -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT
-A ours_in -d fd00::3/128 -j DROP
-A ours_in -d fe80::3/128 -i eth0 -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT
-A ours_in -d fe80::3/128 -i eth0 -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT
-A ours_in -d fe80::3/128 -i eth0 -j DROP
-A ours_out -s fd00::3/128 -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT
-A ours_out -s fd00::3/128 -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT
-A ours_out -s fd00::3/128 -j DROP
-A ours_out -s fe80::3/128 -o eth0 -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT
-A ours_out -s fe80::3/128 -o eth0 -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT
-A ours_out -s fe80::3/128 -o eth0 -j DROP`

// TestRules: a rule for each address, at the beginning of its chain; changes touch nothing else; what somebody else changes is noticed and
// put back; at the end nothing of ours is left, and what is not ours is as it was.
func TestRules(t *testing.T) {
	t.Parallel()
	n := in(t)
	w, k := wallIn(false), NewKeeper()
	before := tool(t, n, "ip6tables-save", "-t", "filter")
	apply := func(do host.WallAction, add, remove []host.Bar) {
		t.Helper()
		nstest.OK(t, keeping(t, n, func() error { return k.Apply(&host.WallOp{Do: do, Wall: w, Add: add, Remove: remove}) }))
	}
	changed := func() (yes bool) {
		t.Helper()
		nstest.OK(t, keeping(t, n, func() (err error) { yes, err = k.Changed(); return err }))
		return yes
	}
	expect := func(four, six string) {
		t.Helper()
		if got := rulesOf(t, n, "iptables"); got != four {
			t.Errorf("iptables has\n%s\nwant\n%s", got, four)
		}
		if got := rulesOf(t, n, "ip6tables"); got != six {
			t.Errorf("ip6tables has\n%s\nwant\n%s", got, six)
		}
	}
	apply(host.WallWrite, bars("10.0.0.3"), nil)
	expect(rules4, "")
	apply(host.WallChange, bars("fd00::3", "fe80::3%eth0"), nil)
	expect(rules4, rules6)
	apply(host.WallChange, bars("10.0.0.4"), bars("10.0.0.3"))
	expect(strings.ReplaceAll(rules4, "10.0.0.3", "10.0.0.4"), rules6)
	for range 2 {
		if changed() {
			t.Error("nobody has changed anything")
		}
	}
	for _, meddle := range []string{"-F ours_in", "-D ours_out 1", "-I ours_in -d 10.0.0.4 -j DROP -m comment --comment holdfast\\ blue"} {
		args := strings.Fields("-w 10 " + meddle)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "holdfast\\", "holdfast blue")
		}
		if args[len(args)-1] == "blue" {
			args = args[:len(args)-1]
		}
		tool(t, n, "iptables", args...)
		if !changed() {
			t.Errorf("iptables %s was not noticed", meddle)
		}
		apply(host.WallWrite, bars("10.0.0.4", "fd00::3", "fe80::3%eth0"), nil)
		if changed() {
			t.Errorf("put back after %s, and changed again", meddle)
		}
	}
	apply(host.WallChange, nil, bars("10.0.0.4", "fe80::3%eth0"))
	apply(host.WallDrop, nil, nil)
	expect("", "")
	if after := tool(t, n, "ip6tables-save", "-t", "filter"); lasting(after) != lasting(before) {
		t.Errorf("ip6tables has\n%s\nhad\n%s", after, before)
	}
}

// lasting is the text without comments and counters.
func lasting(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			line, _, _ = strings.Cut(line, "[")
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// TestSets: the rules ask sets, at the end of the chains, and only the sets change afterwards.
func TestSets(t *testing.T) {
	t.Parallel()
	n := in(t)
	w, k := wallIn(true), NewKeeper()
	apply := func(do host.WallAction, add, remove []host.Bar) error {
		return keeping(t, n, func() error { return k.Apply(&host.WallOp{Do: do, Wall: w, Add: add, Remove: remove}) })
	}
	changed := func() (yes bool) {
		t.Helper()
		nstest.OK(t, keeping(t, n, func() (err error) { yes, err = k.Changed(); return err }))
		return yes
	}
	expect := func(want string) {
		t.Helper()
		if got := setOf(t, n, "ha4") + "; " + setOf(t, n, "ha6") + "; " + setOf(t, n, "ha_if6"); got != want {
			t.Errorf("the sets have %s, want %s", got, want)
		}
	}
	nstest.OK(t, apply(host.WallWrite, bars("10.0.0.3", "fd00::3"), nil))
	want := "-A ours_in -s 127.0.0.0/8 -j ACCEPT\n-A ours_in -m set --match-set ha4 dst -j DROP\n-A ours_out -m set --match-set ha4 src -j DROP"
	if got := rulesOf(t, n, "iptables"); got != want {
		t.Errorf("iptables has\n%s\nwant\n%s", got, want)
	}
	six := rulesOf(t, n, "ip6tables")
	for _, part := range []string{"ha6 dst -m icmp6 --icmpv6-type 135 -j ACCEPT", "ha6 src -j DROP", "ha_if6 dst,src -j DROP", "ha_if6 src,dst -m icmp6 --icmpv6-type 136 -j ACCEPT"} {
		if !strings.Contains(six, part) {
			t.Errorf("ip6tables has\n%s\nand not %s", six, part)
		}
	}
	nstest.OK(t, apply(host.WallChange, bars("10.0.0.4", "fe80::3%eth0"), bars("10.0.0.3")))
	expect("10.0.0.4; fd00::3; fe80::3,eth0")
	if rulesOf(t, n, "ip6tables") != six || changed() || changed() {
		t.Error("the rules have changed")
	}
	tool(t, n, "ipset", "add", "ha4", "10.0.0.99")
	if !changed() {
		t.Error("an element more was not noticed")
	}
	tool(t, n, "iptables", "-w", "10", "-F", "ours_in")
	if err := apply(host.WallChange, bars("10.0.0.5"), nil); err == nil || !strings.Contains(err.Error(), "somebody has deleted rules of ours") {
		t.Errorf("without the rules to ask it an element helps nobody: %v", err)
	}
	nstest.OK(t, apply(host.WallWrite, bars("10.0.0.4", "10.0.0.5"), nil))
	expect("10.0.0.4 10.0.0.5; ; ")
	nstest.OK(t, apply(host.WallDrop, nil, nil))
	if got := tool(t, n, "ipset", "save"); got != "" {
		t.Errorf("sets that are left:\n%s", got)
	}
	if got := rulesOf(t, n, "iptables"); got != "" { // what was not ours was flushed above
		t.Errorf("rules that are left:\n%s", got)
	}
}

// TestOthers: a chain that is missing is named; somebody else's set is left alone; so are rules with another mark; what a killed run has left
// is taken over, or swept.
func TestOthers(t *testing.T) {
	t.Parallel()
	n := in(t)
	w := wallIn(true)
	write := func(k *Keeper, w host.Wall, add ...string) error {
		return keeping(t, n, func() error { return k.Apply(&host.WallOp{Do: host.WallWrite, Wall: w, Add: bars(add...)}) })
	}
	missing := wallIn(false)
	missing.Chains.Out = "nowhere"
	if err := write(NewKeeper(), missing, "10.0.0.3"); err == nil || !strings.Contains(err.Error(), "iptables has no chain nowhere in its table filter: make it (iptables -N nowhere)") {
		t.Errorf("a missing chain: %v", err)
	}
	tool(t, n, "ipset", "create", "ha6", "hash:ip", "family", "inet6")
	tool(t, n, "ipset", "add", "ha6", "fd00::77")
	if err := write(NewKeeper(), w, "10.0.0.3"); err == nil || !strings.Contains(err.Error(), "ipset has a set ha6 already, which is not ours") {
		t.Errorf("somebody else's set: %v", err)
	}
	if got := setOf(t, n, "ha6"); got != "fd00::77" {
		t.Errorf("somebody else's set has %s", got)
	}
	tool(t, n, "ipset", "destroy", "ha6")
	if err := write(NewKeeper(), wallIn(false), "fe80::3%odd+"); err == nil || !strings.Contains(err.Error(), "can't name the interface") {
		t.Errorf("an interface with a wild card: %v", err)
	}
	green := wallIn(false)
	green.Mark = "holdfast green"
	nstest.OK(t, write(NewKeeper(), green, "10.0.0.9"))
	nstest.OK(t, write(NewKeeper(), w, "10.0.0.3"))
	nstest.OK(t, write(NewKeeper(), w, "10.0.0.4")) // as after a crash
	if got := setOf(t, n, "ha4"); got != "10.0.0.4" {
		t.Errorf("the set has %s", got)
	}
	var removed []host.WallName
	sweep := func(names ...host.WallName) error {
		return keeping(t, n, func() (err error) { removed, err = Sweep(names); return err })
	}
	other := wallIn(true)
	other.Mark = "holdfast"
	nstest.OK(t, sweep(other.WallName))
	if len(removed) > 0 || setOf(t, n, "ha4") != "10.0.0.4" {
		t.Errorf("swept %v", removed)
	}
	nstest.OK(t, sweep(w.WallName, other.WallName))
	if got := tool(t, n, "ipset", "save"); got != "" || len(removed) != 1 {
		t.Errorf("swept %v, and there is\n%s", removed, got)
	}
	want := "-A ours_in -d 10.0.0.9/32 -m comment --comment \"holdfast green\" -j DROP\n-A ours_in -s 127.0.0.0/8 -j ACCEPT\n" +
		"-A ours_out -s 10.0.0.9/32 -m comment --comment \"holdfast green\" -j DROP"
	if got := rulesOf(t, n, "iptables"); got != want {
		t.Errorf("iptables has\n%s\nwant\n%s", got, want)
	}
}

// TestInstalled tells the variants apart.
func TestInstalled(t *testing.T) {
	t.Parallel()
	if legacy == "" {
		t.Skip("iptables is not installed")
	}
	if v, err := Installed(t.Context()); v != Legacy || err != nil {
		t.Errorf("%v %v", v, err)
	}
}

// TestSplit: words as iptables-save quotes them.
func TestSplit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "a  b": "a|b", `--comment "holdfast blue" -j DROP`: "--comment|holdfast blue|-j|DROP",
		`--comment "a \"b\\ c" ""`: `--comment|a "b\ c|`, `x"y z`: "xy z",
	} {
		if got := strings.Join(split(text), "|"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// FuzzParse: whatever other programs have in their rules.
func FuzzParse(f *testing.F) {
	f.Add("*filter\n:INPUT ACCEPT [0:0]\n-A ours_in -m comment --comment \"holdfast blue\" -j DROP\nCOMMIT\n")
	f.Add("-A ours_in --comment")
	f.Add(":\n-A \n-A ours_in \"\\")
	f.Fuzz(func(t *testing.T, text string) {
		w := wallIn(true)
		for _, r := range parse(text, &w.WallName).ours {
			if strings.Contains(r.args, "\n") || r.chain != w.Chains.In && r.chain != w.Chains.Out {
				t.Errorf("%+v", r)
			}
		}
	})
}
