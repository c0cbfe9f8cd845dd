package interop

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// withTables is our daemon with an iptables that is a certain variant, whatever the system's is.
func withTables(t *testing.T, variant string) (p lab.Program, dir string) {
	t.Helper()
	path := lab.Tool(t, "xtables-"+variant+"-multi", "iptables")
	lab.Tool(t, "ipset", "ipset")
	dir = t.TempDir()
	for _, name := range []string{"iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"} {
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	p = ours(t)
	p.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "XTABLES_LOCKFILE=" + filepath.Join(dir, "lock")}
	return p, dir
}

// TestIptables: where vrrp_iptables names chains, and iptables writes its own tables, the addresses of a MASTER that does not accept packets for them
// are barred there, by rules of their own or by rules that ask sets. Neighbour discovery and what is forwarded passes. What somebody flushes is
// put back, also by a runner that took the place of another one; what a killed daemon leaves is removed by the next; nothing is left after a
// stop. Rules N1 and N2.
func TestIptables(t *testing.T) {
	t.Parallel()
	for name, sets := range map[string]string{"rules": "vrrp_ipsets", "sets": "vrrp_ipsets ha4"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testIptables(t, sets)
		})
	}
}

func testIptables(t *testing.T, sets string) {
	if reference() {
		t.Skip("the Debian package is built without iptables")
	}
	us, dir := withTables(t, "legacy")
	l := lab.New(t, lab.Options{Nodes: 2})
	a := l.Nodes[0]
	tables := func(program string, args ...string) string {
		t.Helper()
		out, err := output(a, filepath.Join(dir, program), args...)
		if err != nil {
			t.Fatalf("%s %v: %v %s", program, args, err, out)
		}
		return out
	}
	if out, err := output(a, filepath.Join(dir, "ip6tables-save"), "-t", "filter"); err != nil {
		t.Skipf("this kernel has no tables of iptables: %s", out)
	}
	for _, program := range []string{"iptables", "ip6tables"} {
		for _, args := range []string{"-N ours_in", "-N ours_out", "-A INPUT -j ours_in", "-A OUTPUT -j ours_out"} {
			tables(program, strings.Fields("-w 20 "+args)...)
		}
	}
	saved := func() string {
		var lines []string
		for _, program := range []string{"iptables-save", "ip6tables-save"} {
			for line := range strings.Lines(tables(program, "-t", "filter")) {
				if strings.HasPrefix(line, "-A ours") {
					lines = append(lines, strings.TrimSpace(line))
				}
			}
		}
		list, err := output(a, "ipset", "save")
		if err != nil {
			t.Fatalf("ipset save: %v", err)
		}
		for line := range strings.Lines(list) {
			if words := strings.Fields(line); words[0] == "add" {
				lines = append(lines, strings.Join(words[:3], " "))
			}
		}
		return strings.Join(lines, "\n")
	}
	four, six := media[2].router(a, a, 200), media[4].router(a, a, 200)
	six.Name = "VI_6"
	four.Lines, six.Lines = append(four.Lines, "no_accept"), append(six.Lines, "no_accept")
	file := lab.File{Routers: []lab.Router{four, six}, Global: []string{"vrrp_iptables ours_in ours_out", sets}}
	s := l.Scene(four.VR(), six.VR())
	d := a.Start(us, file.Text())
	s.Elect(a, file.Settled())

	want := []string{"10.0.0.100", "fd00::100", "fe80::100", "135", "DROP", "-A ours_out"}
	stands := func() bool {
		text := saved()
		for _, w := range want {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return true
	}
	if !stands() {
		t.Errorf("iptables and ipset have\n%s", saved())
	}
	if got := walls(t, a); strings.Contains(got, "keepalived") {
		t.Errorf("there is a table of nftables besides:\n%s", got)
	}
	heldBack(t, l)
	before := saved()
	d.Reload(file.Text())
	s.Stay(2 * second)
	if after := saved(); after != before {
		t.Errorf("the same file again changed the firewall:\n%s\nto\n%s", before, after)
	}
	flush := func() {
		tables("iptables", "-w", "20", "-F", "ours_in")
		tables("ip6tables", "-w", "20", "-F", "ours_out")
	}
	flush()
	l.WaitFor("what was flushed is put back", time.Minute, stands)
	runner := familyOf(d).runner
	if runner == 0 {
		t.Fatal("there is no runner")
	}
	_ = unix.Kill(runner, unix.SIGKILL)
	l.WaitFor("another runner", time.Minute, func() bool { pid := familyOf(d).runner; return pid != 0 && pid != runner })
	flush()
	l.WaitFor("what was flushed is put back by another runner", time.Minute, stands)
	s.End()
	a.KillAll()
	if !stands() {
		t.Error("kill -9 took the rules with it: the test proves nothing")
	}
	open := file
	open.Routers = []lab.Router{media[2].router(a, a, 200)}
	s = l.Scene(four.VR())
	s.Leave(func() { a.Start(us, open.Text()) })
	l.WaitFor("the next daemon, which needs none, has removed them", time.Minute, func() bool { return saved() == "" })
	s.End()
	a.Daemon().Stop()
	a.Start(us, file.Text())
	l.WaitFor("rules for the third daemon", time.Minute, stands)
	a.Daemon().Stop()
	if got := saved(); got != "" {
		t.Errorf("after a stop:\n%s", got)
	}
	if list, _ := output(a, "ipset", "save"); list != "" {
		t.Errorf("sets after a stop:\n%s", list)
	}
}

// TestIptablesOfNftables: where iptables writes nftables those are used, in a table of our own (rule N2).
func TestIptablesOfNftables(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("the Debian package is built without iptables")
	}
	us, _ := withTables(t, "nft")
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	r := media[2].router(a, a, 200)
	r.Lines = append(r.Lines, "no_accept")
	s := l.Scene(r.VR())
	d := a.Start(us, lab.File{Routers: []lab.Router{r}, Global: []string{"vrrp_iptables"}}.Text())
	s.Elect(a, r.Down())
	if got := walls(t, a); !strings.Contains(got, "10.0.0.100") || !strings.Contains(got, "table ip keepalived") {
		t.Errorf("nft says:\n%s", got)
	}
	if !strings.Contains(d.Log(), "vrrp_iptables: nftables are used instead, in table keepalived: that is what this iptables writes") {
		t.Error("nothing is said about it")
	}
	s.End()
}

// heldBack asks the first node, which is MASTER: it answers for its virtual addresses, but not from them, and forwards to the second.
func heldBack(t *testing.T, l *lab.Lab) {
	t.Helper()
	a, b := l.Nodes[0], l.Nodes[1]
	forwards(t, a)
	ip(t, b, "address add 192.0.2.9/32 dev eth0")
	ip(t, a, "route add 192.0.2.9/32 via "+b.IPv4())
	vip4, vip6, link6 := netip.MustParseAddr("10.0.0.100"), netip.MustParseAddr("fd00::100"), netip.MustParseAddr("fe80::100")
	own4, own6, behind := netip.MustParseAddr(a.IPv4()), netip.MustParseAddr(a.Global6()), netip.MustParseAddr("192.0.2.9")
	heard, asked := listen(t, l.Client), time.Now()
	a.Give(
		whoHas(t, l.Client, vip4), whoHas(t, l.Client, vip6), whoHas(t, l.Client, link6), echo(t, l.Client, a, vip4), echo(t, l.Client, a, vip6),
		echo(t, l.Client, a, behind), echo(t, l.Client, a, own4), echo(t, l.Client, a, own6),
	)
	l.WaitFor("what may be answered is", time.Minute, func() bool {
		return answered(l, a, vip4, asked) != nil && answered(l, a, vip6, asked) != nil && answered(l, a, link6, asked) != nil &&
			heard.from(behind) && heard.from(own4) && heard.from(own6)
	})
	if heard.from(vip4) || heard.from(vip6) {
		t.Errorf("answers ICMP: %v %v, %v %v", vip4, heard.from(vip4), vip6, heard.from(vip6))
	}
}
