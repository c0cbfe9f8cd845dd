package kernel

import (
	"encoding/json"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
)

var testWall = host.Wall{WallName: host.WallName{Table: "keepalived", Mark: "holdfast"}, Priority: -1, V4: true, V6: true}

func barred(list ...string) host.State {
	s := want(list...)
	for i := range s.Addresses {
		s.Addresses[i].Barred = true
	}
	return s
}

// nft runs nft(8) in a namespace: what it says of the tables is what the kernel has.
func nft(t testing.TB, n *netns.NS, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("nft")
	if err != nil {
		t.Skip("nft is not installed")
	}
	var out, complaint strings.Builder
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := n.Run(cmd); err != nil {
		t.Fatalf("nft %s: %v: %s", strings.Join(args, " "), err, complaint.String())
	}
	return out.String()
}

// tables is the ruleset as text, without what depends on the version of nft.
func ruleset(t testing.TB, n *netns.NS) string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(nft(t, n, "list", "ruleset")) {
		line = strings.TrimSpace(line)
		if line != "" && line != "}" && !strings.HasPrefix(line, "comment ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// elements lists a set in nft's own JSON, sorted.
func elements(t testing.TB, n *netns.NS, family, set string) string {
	t.Helper()
	var doc struct {
		Nftables []struct {
			Set *struct{ Elem []any }
		}
	}
	nstest.OK(t, json.Unmarshal([]byte(nft(t, n, "-j", "list", "set", family, testWall.Table, set)), &doc))
	var out []string
	for _, o := range doc.Nftables {
		if o.Set != nil {
			for _, e := range o.Set.Elem {
				b, err := json.Marshal(e)
				nstest.OK(t, err)
				out = append(out, string(b))
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

const wholeWall = `table ip keepalived {
set vips {
type ipv4_addr
elements = { 10.0.0.3 }
chain in {
type filter hook input priority filter - 1; policy accept;
ip daddr @vips drop
chain out {
type filter hook output priority filter - 1; policy accept;
ip saddr @vips drop
table ip6 keepalived {
set vips {
type ipv6_addr
elements = { fd00::3 }
set vips_link_local_name {
type ipv6_addr . ifname
elements = { fe80::3 . "eth0" }
chain in {
type filter hook input priority filter - 1; policy accept;
icmpv6 type nd-neighbor-solicit accept
icmpv6 type nd-neighbor-advert accept
ip6 daddr @vips drop
ip6 daddr . iifname @vips_link_local_name drop
chain out {
type filter hook output priority filter - 1; policy accept;
icmpv6 type nd-neighbor-solicit accept
icmpv6 type nd-neighbor-advert accept
ip6 saddr @vips drop
ip6 saddr . oifname @vips_link_local_name drop`

// TestWall compares the firewall with what nft says of it: as it is written, after a change, after somebody has flushed it or meddled with it,
// with other settings, and at the end. Another program's table is left alone.
func TestWall(t *testing.T) {
	t.Parallel()
	n, _ := nstest.Pair(t)
	o := watchOver(t, n, Config{})
	o.w.Want(1, 1, barred("10.0.0.3/24", "fd00::3/64", "fe80::3/64"))
	o.stand(host.Static, 1, host.State{Wall: testWall})
	o.eventually("the addresses", func() bool { return o.final[1] == 1 })
	if got := ruleset(t, n); !strings.Contains(got, wholeWall) {
		t.Fatalf("nft says:\n%s\nwant:\n%s", got, wholeWall)
	}
	for _, meddle := range []string{
		"flush ruleset", "flush table ip keepalived", "delete table ip6 keepalived", "delete element ip keepalived vips { 10.0.0.3 }",
		"add rule ip keepalived in accept",
	} {
		nft(t, n, meddle)
		nstest.Eventually(t, "the firewall after "+meddle, func() bool { return strings.Contains(ruleset(t, n), wholeWall) })
	}
	nft(t, n, "add", "table", "ip", "theirs")
	o.stand(1, 2, host.State{})
	nstest.Eventually(t, "no address barred", func() bool {
		return elements(t, n, "ip", "vips") == "" && elements(t, n, "ip6", "vips_link_local_name") == ""
	})
	index := testWall
	index.ByIndex, index.Counters, index.Priority = true, true, -5
	o.stand(host.Static, 3, host.State{Wall: index})
	o.stand(1, 3, barred("fe80::3/64"))
	if got := elements(t, n, "ip6", "vips_link_local"); got != `{"concat":["fe80::3","eth0"]}` {
		t.Errorf("by index: %s", got)
	}
	if got := ruleset(t, n); !strings.Contains(got, "filter - 5") || !strings.Contains(got, "counter packets 0 bytes 0 drop") {
		t.Errorf("with other settings:\n%s", got)
	}
	o.stand(1, 4, host.State{})
	o.stand(host.Static, 4, host.State{})
	if got := ruleset(t, n); got != "table ip theirs {" {
		t.Errorf("at the end there is:\n%s", got)
	}
}

// TestWallLosesAFamily: a firewall that needs one family less than before leaves no table of the other behind.
func TestWallLosesAFamily(t *testing.T) {
	t.Parallel()
	n, _ := nstest.Pair(t)
	nft(t, n, "list", "ruleset")
	nstest.Do(t, n, func() {
		w, err := newWalls()
		nstest.OK(t, err)
		defer func() { nstest.OK(t, w.close()) }()
		six := host.Bar{Addr: netip.MustParseAddr("fd00::3")}
		nstest.OK(t, w.apply(&host.WallOp{Do: host.WallWrite, Wall: testWall, Add: []host.Bar{six}}))
		four := testWall
		four.V6 = false
		nstest.OK(t, w.apply(&host.WallOp{Do: host.WallWrite, Wall: four}))
	})
	if got := ruleset(t, n); !strings.Contains(got, "table ip keepalived") || strings.Contains(got, "ip6") {
		t.Errorf("nft says:\n%s", got)
	}
}

// TestWallOfThousands: an attribute of netlink holds 64 KiB; whoever forgets it loses elements without an error.
func TestWallOfThousands(t *testing.T) {
	t.Parallel()
	n, _ := nstest.Pair(t)
	nft(t, n, "list", "ruleset")
	var bars []host.Bar
	for i := range 5000 {
		bars = append(bars, host.Bar{Addr: netip.AddrFrom4([4]byte{10, 7, byte(i >> 8), byte(i)})},
			host.Bar{Addr: netip.AddrFrom16([16]byte{0xfd, 14: byte(i >> 8), 15: byte(i)})},
			host.Bar{Addr: netip.AddrFrom16([16]byte{0xfe, 0x80, 14: byte(i >> 8), 15: byte(i)}), Link: "eth0"})
	}
	nstest.Do(t, n, func() {
		w, err := newWalls()
		nstest.OK(t, err)
		defer func() { nstest.OK(t, w.close()) }()
		nstest.OK(t, w.apply(&host.WallOp{Do: host.WallWrite, Wall: testWall, Add: bars[:9000]}))
		nstest.OK(t, w.apply(&host.WallOp{Do: host.WallChange, Wall: testWall, Add: bars[9000:], Remove: bars[:3]}))
	})
	for set, family := range map[string]string{setVIPs: "ip", setByName: "ip6"} {
		if got := strings.Count(elements(t, n, family, set), " ") + 1; got != 4999 {
			t.Errorf("%s has %d addresses, want 4999", set, got)
		}
	}
}

// TestWallOfOthers: a table of that name which is not ours is in the way, and stays as it is. One that a killed run has left is taken over
// and swept.
func TestWallOfOthers(t *testing.T) {
	t.Parallel()
	n, _ := nstest.Pair(t)
	nft(t, n, "add", "table", "ip", "keepalived")
	nft(t, n, "add", "chain", "ip", "keepalived", "mine")
	before := ruleset(t, n)
	apply := func(do host.WallAction) (err error) {
		nstest.Do(t, n, func() {
			w, e := newWalls()
			nstest.OK(t, e)
			err = w.apply(&host.WallOp{Do: do, Wall: testWall})
			nstest.OK(t, w.close())
		})
		return err
	}
	sweep := func() (removed []host.WallName) {
		nstest.Do(t, n, func() {
			var err error
			removed, err = SweepWalls([]host.WallName{testWall.WallName, {Table: "nobody's", Mark: "holdfast"}})
			nstest.OK(t, err)
		})
		return removed
	}
	if err := apply(host.WallWrite); err == nil || !strings.Contains(err.Error(), "table ip keepalived already, which is not ours") {
		t.Errorf("writing over another program's table: %v", err)
	}
	nstest.OK(t, apply(host.WallDrop))
	if removed := sweep(); len(removed) > 0 || ruleset(t, n) != before {
		t.Errorf("swept %v, and there is:\n%s", removed, ruleset(t, n))
	}
	nft(t, n, "delete", "table", "ip", "keepalived")
	nstest.OK(t, apply(host.WallWrite))
	nstest.OK(t, apply(host.WallWrite)) // by another socket: as after a crash
	testWallOfAnother(t, n, testWall)
	if removed := sweep(); len(removed) != 1 || ruleset(t, n) != "" {
		t.Errorf("swept %v, and there is:\n%s", removed, ruleset(t, n))
	}
	nstest.Do(t, n, func() { nstest.OK(t, CheckWall()) })
}

// testWallOfAnother: another daemon of ours in the same network namespace, with an instance name of its own, has another mark.
func testWallOfAnother(t *testing.T, n *netns.NS, there host.Wall) {
	t.Helper()
	there.Mark += " blue"
	before := ruleset(t, n)
	nstest.Do(t, n, func() {
		w, err := newWalls()
		nstest.OK(t, err)
		if err := w.apply(&host.WallOp{Do: host.WallWrite, Wall: there}); err == nil || !strings.Contains(err.Error(), `another daemon has made (its comment is "holdfast")`) {
			t.Errorf("writing over another daemon's table: %v", err)
		}
		nstest.OK(t, w.close())
		removed, err := SweepWalls([]host.WallName{there.WallName})
		if nstest.OK(t, err); len(removed) > 0 {
			t.Errorf("swept %v", removed)
		}
	})
	if after := ruleset(t, n); after != before {
		t.Errorf("there is:\n%s", after)
	}
}
