package interop

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// TestNoAccept: a MASTER that does not accept packets for its addresses does not answer ICMP and TCP there, answers for them in ARP and neighbour
// discovery, and forwards what is sent through it; its own address is as ever. A reload that changes the mode changes the firewall and nothing
// else; the same file again does not touch it. RFC 9568, sections 6.1 and 6.4.3; rules N1 and N6.
func TestNoAccept(t *testing.T) {
	t.Parallel()
	l := lab.New(t, lab.Options{Nodes: 2})
	a, b := l.Nodes[0], l.Nodes[1]
	forwards(t, a)
	behind4, behind6 := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::9")
	ip(t, b, "address add 192.0.2.9/32 dev eth0")
	ip(t, b, "address add 2001:db8::9/128 dev eth0 nodad")
	ip(t, a, "route add 192.0.2.9/32 via "+b.IPv4())
	ip(t, a, "route add 2001:db8::9/128 via "+b.IPv6()+" dev eth0")
	four, six := media[2].router(a, b, 200), media[4].router(a, b, 200)
	six.Name = "VI_6"
	four.Lines, six.Lines = append(four.Lines, "no_accept"), append(six.Lines, "no_accept")
	file := lab.File{Routers: []lab.Router{four, six}}
	heard := listen(t, l.Client)
	serve(t, a)
	s := l.Scene(four.VR(), six.VR())
	a.Start(ours(t), file.Text())
	s.Elect(a, file.Settled())

	vip4, vip6, link6 := netip.MustParseAddr("10.0.0.100"), netip.MustParseAddr("fd00::100"), netip.MustParseAddr("fe80::100")
	own4, own6 := netip.MustParseAddr(a.IPv4()), netip.MustParseAddr(a.Global6())
	ask := func(accept bool) {
		t.Helper()
		heard.forget()
		asked := time.Now()
		a.Give(
			whoHas(t, l.Client, vip4), whoHas(t, l.Client, vip6), whoHas(t, l.Client, link6), echo(t, l.Client, a, vip4), echo(t, l.Client, a, vip6),
			echo(t, l.Client, a, behind4), echo(t, l.Client, a, behind6), echo(t, l.Client, a, own4), echo(t, l.Client, a, own6),
		)
		l.WaitFor("what may be answered is", time.Minute, func() bool {
			return answered(l, a, vip4, asked) != nil && answered(l, a, vip6, asked) != nil && answered(l, a, link6, asked) != nil &&
				heard.from(behind4) && heard.from(behind6) && heard.from(own4) && heard.from(own6)
		})
		if heard.from(vip4) != accept || heard.from(vip6) != accept {
			t.Errorf("accept %v: %v answers ICMP %v, %v %v", accept, vip4, heard.from(vip4), vip6, heard.from(vip6))
		}
	}
	ask(false)
	for _, addr := range []netip.Addr{vip4, vip6} {
		if dials(l.Client, addr, 300*time.Millisecond) {
			t.Errorf("%v takes a TCP connection", addr)
		}
	}
	if !dials(l.Client, own4, time.Minute) {
		t.Errorf("%v takes no TCP connection: the test proves nothing", own4)
	}
	before := walls(t, a)
	if !strings.Contains(before, "10.0.0.100") || !strings.Contains(before, "fd00::100") || !strings.Contains(before, `fe80::100 . "eth0"`) {
		t.Errorf("nft says:\n%s", before)
	}
	a.Daemon().Reload(file.Text())
	if after := walls(t, a); after != before {
		t.Errorf("the same file again changed the firewall:\n%s\nto\n%s", before, after)
	}
	s.Stay(2 * second)
	s.End()
	open := file
	open.Routers = []lab.Router{media[2].router(a, b, 200), media[4].router(a, b, 200)}
	open.Routers[1].Name = "VI_6"
	from := time.Now()
	a.Daemon().Reload(open.Text())
	l.WaitFor("the table is gone", time.Minute, func() bool { return walls(t, a) == "" })
	ask(true)
	a.Daemon().Reload(file.Text())
	l.WaitFor("the table is back", time.Minute, func() bool { return strings.Contains(walls(t, a), "10.0.0.100") })
	ask(false)
	for _, c := range a.Changes(from) {
		t.Errorf("a change of the mode changed more than the firewall: %s", c.What)
	}
	a.Daemon().Stop()
	if got := walls(t, a); got != "" {
		t.Errorf("after a stop:\n%s", got)
	}
}

// TestNoAcceptLeftovers: what a killed daemon leaves of the firewall goes with its addresses, and what somebody flushes is put back.
func TestNoAcceptLeftovers(t *testing.T) {
	t.Parallel()
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	r := media[2].router(a, a, 200)
	r.Lines = append(r.Lines, "strict_mode")
	file := lab.File{Routers: []lab.Router{r}, Global: []string{"nftables ha", "nftables_counters"}}
	s := l.Scene(r.VR())
	a.Start(ours(t), file.Text())
	s.Elect(a, r.Down())
	there := func() bool { return strings.Contains(walls(t, a), "10.0.0.100") }
	if got := walls(t, a); !there() || !strings.Contains(got, "table ip ha") || !strings.Contains(got, "counter") || strings.Contains(got, "ip6") {
		t.Errorf("nft says:\n%s", got)
	}
	nft(t, a, "flush ruleset")
	l.WaitFor("what was flushed is put back", time.Minute, there)
	s.End()
	a.KillAll()
	if !there() {
		t.Error("kill -9 took the table with it: the test proves nothing")
	}
	r.Lines = nil
	s.Leave(func() { a.Start(ours(t), lab.File{Routers: []lab.Router{r}}.Text()) })
	l.WaitFor("the next daemon, which needs none, has removed it", time.Minute, func() bool { return walls(t, a) == "" })
	s.Elect(a, r.Down())
	s.End()
}

func ip(t *testing.T, n *lab.Node, command string) {
	t.Helper()
	if out, err := output(n, "ip", strings.Fields(command)...); err != nil {
		t.Fatalf("ip %s: %v %s", command, err, out)
	}
}

func nft(t *testing.T, n *lab.Node, command ...string) string {
	t.Helper()
	out, err := output(n, lab.Tool(t, "nft", "nftables"), command...)
	if err != nil {
		t.Fatalf("nft %v: %v %s", command, err, out)
	}
	return out
}

// walls is what nft says of all tables, with the numbers that change when something is made anew.
func walls(t *testing.T, n *lab.Node) string { return nft(t, n, "-a", "list", "ruleset") }

func output(n *lab.Node, program string, args ...string) (string, error) {
	var b strings.Builder
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &b, &b
	err := n.NS.Run(cmd)
	return b.String(), err
}

const servedPort = 8080

// serve takes TCP connections on all addresses of a node.
func serve(t *testing.T, n *lab.Node) {
	t.Helper()
	var ln net.Listener
	if err := n.NS.Do(func() (err error) { ln, err = net.Listen("tcp", fmt.Sprintf("[::]:%d", servedPort)); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
}

// dials reports whether a TCP connection comes about.
func dials(from *lab.Node, to netip.Addr, within time.Duration) (ok bool) {
	_ = from.NS.Do(func() error {
		c, err := net.DialTimeout("tcp", netip.AddrPortFrom(to, servedPort).String(), within)
		if err == nil {
			ok = true
			_ = c.Close()
		}
		return nil
	})
	return ok
}
