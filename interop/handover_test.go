package interop

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// noOutage is what a planned hand-over may cost a client on a machine that does other things too; keepalived takes more than 600 ms.
const noOutage = 250 * time.Millisecond

// served asserts that the client had answers since a time. On a starved machine the client's own asking and hearing falters, as it did in
// the quiet time before.
func served(l *lab.Lab, ping *lab.Pinger, from time.Time, noise time.Duration) {
	l.T.Helper()
	out := ping.Outage(from)
	l.T.Logf("the client is without an answer for %v, before for %v", out.Round(time.Millisecond), noise.Round(time.Millisecond))
	if out > noOutage+noise+l.Stood(from) {
		l.T.Errorf("the client is without an answer for %v", out)
	}
}

// quietly lets the scene stay as it is, and measures how long a client is without an answer that is always there.
func quietly(s *lab.Scene, ping *lab.Pinger) (noise time.Duration) {
	s.Stay(second)
	from := time.Now()
	s.Stay(second)
	return ping.Outage(from)
}

// handover is a polite stop of the preferred router, which is ours.
type handover struct {
	name    string
	m       medium
	vips    int
	backups []func(testing.TB) lab.Program // the first is preferred to the second
}

func theirs(t testing.TB) lab.Program { return lab.Keepalived(t) }

var (
	oneOfTheirs = []func(testing.TB) lab.Program{theirs}
	oneOfOurs   = []func(testing.TB) lab.Program{ours}
	oneOfEach   = []func(testing.TB) lab.Program{theirs, ours}
)

var handovers = []handover{
	{"keepalived/ipv4", media[0], 1, oneOfTheirs},
	{"keepalived/ipv4-200", media[0], 200, oneOfTheirs},
	{"keepalived/ipv6", media[4], 1, oneOfTheirs},
	{"keepalived/ipv6-50", media[4], 50, oneOfTheirs},
	{"keepalived/unicast", media[1], 1, oneOfTheirs},
	{"ours/ipv4", media[0], 1, oneOfOurs},
	{"ours/ipv4-200", media[0], 200, oneOfOurs},
	{"ours/ipv6", media[4], 1, oneOfOurs},
	{"two-backups", media[2], 2, oneOfEach},
}

// addresses are those of the virtual router, all within the client's network.
func (h handover) addresses() (out []string) {
	if h.m.six {
		out = append(out, "fe80::100/64")
		for i := range h.vips {
			out = append(out, fmt.Sprintf("fd00::1:%x/64", i+1))
		}
		return out
	}
	for i := range h.vips {
		out = append(out, fmt.Sprintf("10.0.0.%d/24", 51+i))
	}
	return out
}

// TestHandover: whoever the peer is, a polite stop costs a client nothing; no address is ever without a router, and each goes as soon as
// the other router has it.
func TestHandover(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("keepalived lets go first")
	}
	for _, h := range handovers {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			h.run(t)
		})
	}
}

func (h handover) run(t *testing.T) {
	long(t)
	l := lab.New(t, lab.Options{Nodes: 1 + len(h.backups)})
	a, b := l.Nodes[0], l.Nodes[1]
	r := h.m.router(a, b, 200)
	r.VIPs = h.addresses()
	vr := r.VR()
	s, first, last := l.Scene(vr), l.Ping(vr.VIPs[len(vr.VIPs)-h.vips]), l.Ping(vr.VIPs[len(vr.VIPs)-1])
	var down time.Duration
	for i, p := range h.backups {
		low := h.m.router(l.Nodes[1+i], a, 100-10*i)
		low.VIPs = r.VIPs
		down = max(down, low.Down())
		l.Nodes[1+i].Start(p(t), lab.File{Routers: []lab.Router{low}}.Text())
	}
	a.Start(ours(t), lab.File{Routers: []lab.Router{r}}.Text())
	s.Elect(a, down)
	noise := quietly(s, first)
	from := time.Now()
	s.Move(b, r.Skew(100), func() { a.Daemon().Stop() })
	s.Stay(h.m.interval())
	served(l, first, from, noise)
	served(l, last, from, noise)
	var early, late time.Duration
	for _, vip := range vr.VIPs {
		d := moment(t, a, vip, "deleted", from).Sub(moment(t, b, vip, "added", from))
		early, late = min(early, d), max(late, d)
	}
	t.Logf("both have an address for %v at most", late.Round(100*time.Microsecond))
	if early < -lab.Margin/20-l.Stood(from) { // the two are read by two goroutines
		t.Errorf("an address is with nobody for %v", -early)
	}
	if late > time.Second+l.Stood(from) {
		t.Errorf("both have an address for %v", late)
	}
}

// moment is when the kernel of a node first reported a change of an address after a time.
func moment(t *testing.T, n *lab.Node, vip netip.Addr, what string, since time.Time) time.Time {
	t.Helper()
	for _, c := range n.Changes(since) {
		if strings.HasPrefix(c.What, "address "+vip.String()+"/") && strings.HasSuffix(c.What, what) {
			return c.At
		}
	}
	t.Fatalf("on %s %v was not %s", n.Name, vip, what)
	return time.Time{}
}

// handoverPair is a lab with ours as the master a and keepalived as the backup b.
func handoverPair(t *testing.T, m medium, o lab.Options, lines ...string) (l *lab.Lab, s *lab.Scene, r lab.Router) {
	t.Helper()
	t.Parallel()
	long(t)
	if reference() {
		t.Skip("keepalived lets go first")
	}
	l = lab.New(t, o)
	r = m.router(l.Nodes[0], l.Nodes[1], 200)
	r.Lines = lines
	low := m.router(l.Nodes[1], l.Nodes[0], 100)
	s = l.Scene(r.VR())
	l.Nodes[1].Start(lab.Keepalived(t), lab.File{Routers: []lab.Router{low}}.Text())
	l.Nodes[0].Start(ours(t), lab.File{Routers: []lab.Router{r}}.Text())
	s.Elect(l.Nodes[0], low.Down())
	s.Stay(m.interval())
	return l, s, r
}

// Unicast, the backup's adverts do not come back: its gratuitous ARP does.
func TestHandoverMutedPeer(t *testing.T) {
	l, s, r := handoverPair(t, media[1], lab.Options{Nodes: 2})
	a, b := l.Nodes[0], l.Nodes[1]
	ping, vip := l.Ping(media[1].pinged()), r.VR().VIPs[0]
	noise := quietly(s, ping)
	s.Leave(b.Mute)
	from := time.Now()
	a.Daemon().Stop()
	l.WaitFor("b has the address alone", r.Skew(100), func() bool { return b.Has(vip) && !a.Has(vip) })
	both := moment(t, a, vip, "deleted", from).Sub(moment(t, b, vip, "added", from))
	t.Logf("both have the address for %v", both)
	if both > r.Interval/4+l.Stood(from) { // nothing else would have told before 490 ms
		t.Errorf("both have the address for %v", both)
	}
	served(l, ping, from, noise)
}

// Nothing of the successor is heard: the addresses stay for as long as a backup can take, and then go.
func TestHandoverUnheard(t *testing.T) {
	l, s, r := handoverPair(t, media[1], lab.Options{Nodes: 2})
	a, b := l.Nodes[0], l.Nodes[1]
	ping, vip := l.Ping(media[1].pinged()), r.VR().VIPs[0]
	noise := quietly(s, ping)
	s.Leave(func() { a.Deafen(b) })
	from := time.Now()
	a.Daemon().Stop()
	l.WaitFor("b has the address alone", 2*second, func() bool { return b.Has(vip) && !a.Has(vip) })
	held := moment(t, a, vip, "deleted", from).Sub(from)
	t.Logf("the address goes after %v", held)
	if held < r.Interval {
		t.Errorf("the address goes after %v, before a backup must have taken over", held)
	}
	served(l, ping, from, noise)
}

// There is no backup: the same.
func TestHandoverAlone(t *testing.T) {
	t.Parallel()
	long(t)
	if reference() {
		t.Skip("keepalived lets go first")
	}
	l := lab.New(t, lab.Options{Nodes: 1})
	a, d := l.Nodes[0], newDiary(t, t.TempDir())
	r := media[0].router(a, a, 200)
	r.Lines = []string{d.hooks("VI_1")}
	f := lab.File{Global: []string{"script_user root"}, Routers: []lab.Router{r}}
	s, ping, vip := l.Scene(r.VR()), l.Ping(media[0].pinged()), r.VR().VIPs[0]
	a.Start(ours(t), f.Text())
	s.Elect(a, r.Down())
	s.Stay(second)
	s.End()
	from := time.Now()
	a.Daemon().Stop()
	ended := time.Now()
	deleted := moment(t, a, vip, "deleted", from)
	until := ended.Sub(from) - ping.Outage(from)
	t.Logf("the address goes after %v, the client was served until %v", deleted.Sub(from), until)
	if deleted.Sub(from) < r.Interval || until < r.Interval-noOutage-l.Stood(from) {
		t.Error("the address goes before a backup must have taken over")
	}
	calls := d.read(t)
	for _, c := range calls[max(0, len(calls)-2):] {
		if !strings.Contains(c.text, "stop") && !strings.Contains(c.text, "STOP") || c.at.Before(deleted.Add(-lab.Margin/20-l.Stood(from))) {
			t.Errorf("script call %q at %v, the address went at %v", c.text, c.at, deleted)
		}
	}
}

// Never on FAULT: what cannot serve does not keep the address until another has it.
func TestNoHandoverOnFault(t *testing.T) {
	l, s, r := handoverPair(t, media[0], lab.Options{Nodes: 2, Spare: true}, "track_interface {\n\t\teth1\n\t}")
	a, b, vip := l.Nodes[0], l.Nodes[1], r.VR().VIPs[0]
	from := time.Now()
	s.Move(b, r.Skew(100), a.UnplugSpare)
	if gone, taken := moment(t, a, vip, "deleted", from), moment(t, b, vip, "added", from); !gone.Before(taken) {
		t.Errorf("the address goes %v after it was taken over", gone.Sub(taken))
	}
}

// A reload without an instance hands it over, also if nothing else uses its socket.
func TestHandoverRemoved(t *testing.T) {
	t.Parallel()
	long(t)
	if reference() {
		t.Skip("keepalived lets go first")
	}
	l := lab.New(t, lab.Options{Nodes: 2})
	a, b := l.Nodes[0], l.Nodes[1]
	high, low := media[0].router(a, b, 200), media[0].router(b, a, 100)
	rest := media[4].router(a, b, 200)
	rest.Name, rest.VRID = "VI_rest", 52
	s, other := l.Scene(high.VR()), l.Scene(rest.VR())
	ping := l.Ping(media[0].pinged())
	b.Start(lab.Keepalived(t), lab.File{Routers: []lab.Router{low}}.Text())
	a.Start(ours(t), lab.File{Routers: []lab.Router{high, rest}}.Text())
	s.Elect(a, low.Down())
	other.Elect(a, rest.Down())
	noise := quietly(s, ping)
	from := time.Now()
	s.Move(b, high.Skew(100), func() { a.Daemon().Reload(lab.File{Routers: []lab.Router{rest}}.Text()) })
	s.Stay(second)
	served(l, ping, from, noise)
	vip := high.VR().VIPs[0]
	both := moment(t, a, vip, "deleted", from).Sub(moment(t, b, vip, "added", from))
	t.Logf("both have the address for %v", both)
}
