package iptables

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
)

// legacy is a directory in which the programs of iptables are those that write its own tables, whatever the system's are; empty where those are
// missing.
var legacy string

func TestMain(m *testing.M) {
	if netns.Able() != nil && !netns.Inside() {
		nstest.Main(m) // comes back here in a second process, or does without namespaces
	}
	if path := lookFor("xtables-legacy-multi"); path != "" {
		legacy, _ = os.MkdirTemp("", "holdfast-iptables-")
		for _, name := range []string{"iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"} {
			_ = os.Symlink(path, filepath.Join(legacy, name))
		}
		_ = os.Setenv("PATH", legacy+":"+os.Getenv("PATH"))
		_ = os.Setenv("XTABLES_LOCKFILE", filepath.Join(legacy, "lock"))
	}
	status := m.Run()
	_ = os.RemoveAll(legacy)
	os.Exit(status)
}

const mark = "holdfast blue"

// in makes a namespace with two chains for us, of which INPUT and OUTPUT ask.
func in(t *testing.T) *netns.NS {
	t.Helper()
	if legacy == "" || lookFor("ipset") == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("iptables and ipset are not installed")
		}
		t.Skip("iptables and ipset are not installed")
	}
	n := nstest.New(t)
	if err := n.Run(exec.Command(lookFor("ip6tables-save"), "-t", "filter")); err != nil {
		t.Skipf("this kernel has no tables of iptables: %v", err)
	}
	for _, program := range []string{"iptables", "ip6tables"} {
		for _, args := range []string{"-N ours_in", "-N ours_out", "-A INPUT -j ours_in", "-A OUTPUT -j ours_out", "-A ours_in -s 127.0.0.0/8 -j ACCEPT"} {
			if program == "iptables" || !strings.Contains(args, "127.") {
				tool(t, n, program, strings.Fields("-w 10 "+args)...)
			}
		}
	}
	return n
}

func tool(t *testing.T, n *netns.NS, program string, args ...string) string {
	t.Helper()
	var out, said strings.Builder
	cmd := exec.Command(lookFor(program), args...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := n.Run(cmd); err != nil {
		t.Fatalf("%s %v: %v: %s", program, args, err, said.String())
	}
	return out.String()
}

// rulesOf are the rules in our chains, as iptables-save has them.
func rulesOf(t *testing.T, n *netns.NS, program string) string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(tool(t, n, program+"-save", "-t", "filter")) {
		if strings.HasPrefix(line, "-A ours") {
			lines = append(lines, strings.TrimSpace(strings.Replace(line, ` -m comment --comment "holdfast blue"`, "", 1)))
		}
	}
	return strings.Join(lines, "\n")
}

func setOf(t *testing.T, n *netns.NS, name string) string {
	t.Helper()
	var list []string
	for line := range strings.Lines(tool(t, n, "ipset", "save", name)) {
		if words := strings.Fields(line); words[0] == "add" {
			list = append(list, words[2])
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func bars(list ...string) (out []host.Bar) {
	for _, s := range list {
		a := netip.MustParseAddr(s)
		out = append(out, host.Bar{Addr: a.WithZone(""), Link: a.Zone()})
	}
	return out
}

// keeping does something with a Keeper in a namespace.
func keeping(t *testing.T, n *netns.NS, f func() error) error {
	t.Helper()
	var err error
	nstest.Do(t, n, func() { err = f() })
	return err
}
