package interop

import (
	"strings"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
	"holdfast.dev/link/frame"
)

// TestVirtualMAC takes two routers that use the virtual MAC through an election, a cut and a polite stop: ours against ours, against
// keepalived and against FRR, each once with the higher priority and once with the lower. Besides there being one master, the master speaks
// with the virtual MAC, and ours says nothing with it while it is not the master: no advert, no answer, no word to a multicast group.
func TestVirtualMAC(t *testing.T) {
	t.Parallel()
	v2, v3, v6 := medium{2, false, false}, medium{3, false, false}, medium{3, true, false}
	type pair struct{ first, peer string }
	for m, pairs := range map[medium][]pair{
		v2: {{"ours", "keepalived"}, {"peer", "keepalived"}},
		v3: {{"ours", "ours"}, {"ours", "frr"}, {"peer", "frr"}},
		v6: {{"ours", "ours"}, {"ours", "keepalived"}, {"peer", "keepalived"}, {"ours", "frr"}, {"peer", "frr"}},
	} {
		for _, c := range pairs {
			t.Run(m.String()+"/"+c.peer+"/"+c.first+"-preferred", func(t *testing.T) {
				t.Parallel()
				long(t)
				vmacTour(t, m, c.first == "ours", c.peer)
			})
		}
	}
}

func vmacTour(t *testing.T, m medium, oursFirst bool, peerIs string) {
	l := lab.New(t, lab.Options{Nodes: 2})
	us, peer := l.Nodes[0], l.Nodes[1]
	high, low := us, peer
	if !oursFirst {
		high, low = peer, us
	}
	priority := map[*lab.Node]int{high: 200, low: 100}
	mine, theirs := m.router(us, peer, priority[us]), m.router(peer, us, priority[peer])
	mine.Lines = append(mine.Lines, "use_vmac")
	quiet := map[*lab.Node]bool{us: true, peer: peerIs == "ours"}
	begin := map[*lab.Node]func(){us: func() { us.Start(ours(t), lab.File{Routers: []lab.Router{mine}}.Text()) }}
	switch peerIs {
	case "frr":
		frr := lab.FRR(t)
		begin[peer] = func() { peer.StartFRR(frr, theirs) }
	case "ours":
		theirs.Lines = append(theirs.Lines, "use_vmac")
		begin[peer] = func() { peer.Start(ours(t), lab.File{Routers: []lab.Router{theirs}}.Text()) }
	default:
		theirs.Lines = append(theirs.Lines, "use_vmac")
		begin[peer] = func() { peer.Start(lab.Keepalived(t), lab.File{Routers: []lab.Router{theirs}}.Text()) }
	}
	forwards(t, us, peer)
	down := 3*mine.Interval + mine.Skew(100)
	s, ping := l.Scene(mine.VR()), l.Ping(m.pinged())
	other := map[*lab.Node]*lab.Node{us: peer, peer: us}
	cut := false // a router that hears nobody is master too
	rest := func(master *lab.Node) {
		t.Helper()
		from := time.Now()
		s.Stay(2 * mine.Interval)
		if quiet[other[master]] && !cut {
			l.Silent(other[master], from)
		}
		if master == us || peerIs == "ours" {
			l.SpeaksAs(master, mine, from)
		}
	}
	begin[low]()
	begin[high]()
	s.Elect(high, down)
	rest(high)
	for _, step := range []struct {
		what   string
		want   *lab.Node
		within time.Duration
		do     func()
	}{
		{"network cut", low, down, func() { cut = true; high.Cut() }},
		{"network healed", high, mine.Interval, func() { cut = false; high.Heal() }},
		{"polite stop", low, mine.Skew(100), func() { high.Daemon().Stop() }},
		{"back", high, down, begin[high]},
	} {
		if peerIs == "frr" && high == peer && step.what == "polite stop" {
			break // FRR does not always take its macvlan down when it ends, so the addresses stay on both
		}
		from := time.Now()
		s.Move(step.want, step.within, step.do)
		t.Logf("%s: the client is without an answer for %v", step.what, ping.Outage(from).Round(time.Millisecond))
		rest(step.want)
	}
	s.End()
	dissect(l)
}

// forwards makes routers of the nodes: the kernel has more multicast groups to tell of then.
func forwards(t *testing.T, nodes ...*lab.Node) {
	t.Helper()
	for _, n := range nodes {
		for _, s := range []string{"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"} {
			if err := n.NS.SetSysctl(s, "1"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestVirtualMACLeftovers: a reload of the same file changes nothing in the kernel; what a killed daemon leaves is removed by the next one,
// which knows what the settings below the macvlan were; nothing is left after a stop.
func TestVirtualMACLeftovers(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("keepalived leaves its settings")
	}
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	m := medium{3, false, false}
	r := m.router(a, a, 200)
	r.Lines = []string{"use_vmac"}
	text := lab.File{Routers: []lab.Router{r}}.Text()
	arp := func() string { v, _ := a.NS.Sysctl("net/ipv4/conf/eth0/arp_ignore"); return strings.TrimSpace(v) }
	there := func() bool { _, err := a.NS.Index("vrrp.51"); return err == nil }
	s := l.Scene(r.VR())
	a.Start(ours(t), text)
	s.Elect(a, r.Down())
	if !there() || arp() != "1" {
		t.Errorf("as MASTER: macvlan %v, arp_ignore %s", there(), arp())
	}
	from := time.Now()
	a.Daemon().Reload(text)
	l.Pass(2 * r.Interval)
	for _, c := range a.Changes(from) {
		t.Errorf("the same file again changed something: %s", c.What)
	}
	s.End()
	a.KillAll()
	if !there() || arp() != "1" {
		t.Errorf("after kill -9: macvlan %v, arp_ignore %s", there(), arp())
	}
	s.Leave(func() { a.Start(ours(t), text) })
	s.Elect(a, r.Down())
	s.End()
	a.Daemon().Stop()
	if there() || arp() != "0" {
		t.Errorf("after a stop: macvlan %v, arp_ignore %s", there(), arp())
	}
}

// TestRegressionB48_XmitBaseToggledWithIPv6: reloads that begin and end vmac_xmit_base. The router stays MASTER, and its adverts come from the virtual MAC or
// from the interface's own. Besides, disable_local_igmp holds from the start to the end.
func TestRegressionB48_XmitBaseToggledWithIPv6(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("keepalived's adverts fail")
	}
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	r := medium{3, true, false}.router(a, a, 200)
	r.Lines = []string{"use_vmac"}
	file := func(r lab.Router) string {
		return lab.File{Global: []string{"disable_local_igmp"}, Routers: []lab.Router{r}}.Text()
	}
	text := file(r)
	reports := func() string {
		v, _ := a.NS.Sysctl("net/ipv4/igmp_link_local_mcast_reports")
		return strings.TrimSpace(v)
	}
	base := r
	base.Lines = []string{"use_vmac", "vmac_xmit_base"}
	s := l.Scene(r.VR())
	a.Start(ours(t), text)
	s.Elect(a, r.Down())
	for _, c := range []struct {
		text string
		mac  frame.MAC
	}{{file(base), frame.MAC(macOf(a))}, {text, lab.VirtualMAC(r)}} {
		from := time.Now()
		a.Daemon().Reload(c.text)
		l.WaitFor("adverts from "+c.mac.String(), 4*r.Interval, func() bool {
			adverts := l.Adverts(r.VR(), from, time.Now())
			return len(adverts) > 0 && adverts[len(adverts)-1].MAC == c.mac
		})
		s.Stay(r.Interval)
	}
	s.End()
	if got := reports(); got != "0" {
		t.Errorf("reports of link-local groups: %s", got)
	}
	a.Daemon().Stop()
	if got := reports(); got != "1" {
		t.Errorf("reports of link-local groups after a stop: %s", got)
	}
}

// TestVirtualMACLosesItsBase: the interface below the macvlan is deleted and made anew, renamed and renamed back. While it is gone nobody has the
// addresses, and nothing is heard of the virtual MAC; when it is back the router is MASTER again.
func TestVirtualMACLosesItsBase(t *testing.T) {
	for _, more := range []string{"", "vmac_xmit_base"} {
		t.Run("use_vmac "+more, func(t *testing.T) {
			t.Parallel()
			long(t)
			if reference() {
				t.Skip("keepalived's macvlan stays up")
			}
			l := lab.New(t, lab.Options{Nodes: 1})
			a := l.Nodes[0]
			addLAN(t, a)
			r := medium{3, false, false}.router(a, a, 200)
			r.Lines = []string{"use_vmac", more}
			s := l.Scene(r.VR())
			f := lab.File{Global: []string{"dynamic_interfaces allow_if_changes"}, Routers: []lab.Router{r}}
			a.Start(ours(t), strings.ReplaceAll(f.Text(), "interface eth0", "interface lan0"))
			s.Elect(a, r.Down())
			do := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			for _, step := range []struct{ lose, win func() }{
				{func() { do(a.NS.Delete("lan0")) }, func() { addLAN(t, a) }},
				{
					func() { do(a.NS.SetDown("lan0")); do(a.NS.Rename("lan0", "lan9")) },
					func() { do(a.NS.Rename("lan9", "lan0")); do(a.NS.SetUp("lan0")) },
				},
			} {
				s.Leave(step.lose)
				l.WaitFor("the addresses are gone", r.Interval, func() bool { return !a.Has(r.VR().VIPs[0]) && !a.Has(r.VR().VIPs[1]) })
				from := time.Now()
				l.Pass(2 * r.Interval)
				l.Silent(a, from)
				step.win()
				s.Elect(a, r.Down())
			}
			s.Stay(r.Interval)
			s.End()
		})
	}
}
