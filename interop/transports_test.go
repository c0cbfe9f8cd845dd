package interop

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// way is how two routers hear each other where VRRP does not pass: a transport, over a family.
type way struct {
	kind string
	six  bool
}

func (w way) String() string {
	return fmt.Sprintf("%s-ipv%d", w.kind, map[bool]int{false: 4, true: 6}[w.six])
}

// routers are the preferred one and the other, with distinct addresses that certificates can be for.
func (w way) routers(t *testing.T, l *lab.Lab) (out [2]lab.Router) {
	t.Helper()
	lines := []string{"transport " + w.kind}
	if w.kind == "tls" {
		dir := certificates(t, w.source(l.Nodes[0]), w.source(l.Nodes[1]))
		lines = append(lines, "transport_certificate "+dir+"/NODE.pem", "transport_key "+dir+"/NODE.key", "transport_ca "+dir+"/ca.pem")
	}
	for i, n := range l.Nodes {
		r := medium{3, w.six, true}.router(n, l.Nodes[1-i], []int{200, 100}[i])
		r.Src, r.Peers = w.source(n), []string{w.source(l.Nodes[1-i])}
		for _, line := range lines {
			r.Lines = append(r.Lines, strings.ReplaceAll(line, "NODE", fmt.Sprint(i+1)))
		}
		out[i] = r
	}
	return out
}

func (w way) source(n *lab.Node) string {
	if w.six {
		return n.Global6()
	}
	return n.IPv4()
}

// trip takes two routers from one scene to the next.
type trip struct {
	*lab.Lab
	s      *lab.Scene
	a, b   *lab.Node
	ra, rb lab.Router
	p      lab.Program
	away   *lab.Node // that is cut off
}

func newTrip(t *testing.T, w way) *trip {
	t.Helper()
	long(t)
	l := lab.New(t, lab.Options{Nodes: 2})
	r := w.routers(t, l)
	if w.kind != "ip" {
		for _, n := range l.Nodes {
			n.Firewall()
		}
	}
	vr := r[0].VR()
	vr.Unseen = w.kind != "ip"
	return &trip{Lab: l, s: l.Scene(vr), a: l.Nodes[0], b: l.Nodes[1], ra: r[0], rb: r[1], p: ours(t)}
}

// start starts the daemon of a node; change, if any, has the last word on its file.
func (x *trip) start(n *lab.Node, change ...func(*lab.File)) { n.Start(x.p, x.file(n, change...)) }

func (x *trip) file(n *lab.Node, change ...func(*lab.File)) string {
	f := lab.File{Routers: []lab.Router{x.ra}}
	if n == x.b {
		f.Routers[0] = x.rb
	}
	for _, do := range change {
		do(&f)
	}
	return f.Text()
}

// move does something after which want has to have the addresses, and to have said last that it is MASTER; the other, where it lives, that it is not.
func (x *trip) move(what string, want *lab.Node, within time.Duration, do func()) {
	x.T.Helper()
	x.s.Move(want, within, do)
	for _, n := range x.Nodes {
		if n.Daemon().Alive() && n != x.away {
			x.WaitFor(fmt.Sprintf("%s: %s says whether it is MASTER", what, n.Name), carriedWait, func() bool { // the log comes by a pipe
				said := states(n.Daemon().Log())
				return len(said) > 0 && (said[len(said)-1] == "MASTER") == (n == want)
			})
		}
	}
}

// states are those that a daemon has said it enters.
func states(log string) (out []string) {
	for line := range strings.Lines(log) {
		if _, rest, ok := strings.Cut(line, "Entering "); ok {
			state, _, _ := strings.Cut(rest, " STATE")
			out = append(out, state)
		}
	}
	return out
}

// voyages are all the ways in which an address has to move, or to stay, in two halves.
var voyages = map[string]func(x *trip){"moves": (*trip).moves, "crashes": (*trip).crashes}

// moves: what an operator does, what a network does, and the end of a host.
func (x *trip) moves() {
	a, b, ra, rb := x.a, x.b, x.ra, x.rb
	x.start(a)
	x.start(b)
	x.s.Elect(a, max(ra.Down(), rb.Down()))
	x.s.Stay(ra.Interval)
	x.move("polite stop", b, rb.Skew(100), a.Daemon().Stop)
	x.move("back", a, ra.Down(), func() { x.start(a) })
	x.move("machine dead", b, rb.Down(), a.PowerOff)
	x.move("rebooted", a, ra.Down(), func() { a.PowerOn(); x.start(a) })
	x.away = a
	x.move("partition", b, rb.Down(), a.Cut)
	x.away = nil
	x.move("healed", a, ra.Interval, a.Heal)
	lower := func(f *lab.File) { f.Routers[0].Priority = 50 }
	x.move("priority lowered", b, rb.Down(), func() { a.Daemon().Reload(x.file(a, lower)) })
	x.move("priority raised", a, ra.Down()+ra.Skew(50), func() { a.Daemon().Reload(x.file(a)) })
	x.s.Stay(rb.Down())
}

// crashes: incident 1 at the start, and then what happens to processes and interfaces.
func (x *trip) crashes() {
	a, b, ra, rb := x.a, x.b, x.ra, x.rb
	delayed := func(f *lab.File) { f.StartupDelay = startupDelay }
	x.start(b, delayed)
	x.start(a, delayed)
	from := time.Now()
	for _, n := range x.Nodes {
		n.Daemon().WaitLog(0, "Startup complete", 0)
	}
	for _, after := range []time.Duration{1000, 3500, 3900, 4500} {
		x.Pass(time.Until(from.Add(after * time.Millisecond)))
		for _, n := range x.Nodes {
			n.Daemon().Signal(unix.SIGHUP)
		}
	}
	x.s.Elect(a, max(time.Until(from.Add(startupDelay+rb.Down())), 0))
	for _, n := range x.Nodes {
		n.Daemon().Reload(x.file(n, delayed)) // the same
	}
	x.s.Stay(rb.Down())
	x.move("interface down", b, rb.Down(), a.Unplug)
	x.move("interface up", a, ra.Down(), a.Plug)
	x.s.Leave(func() { x.signal(a, unix.SIGSTOP) })
	x.WaitFor("the other takes over from one that stands still", rb.Down(), func() bool { return b.Has(x.vip()) })
	x.Pass(stallTime - rb.Down())
	x.signal(a, unix.SIGCONT)
	x.s.Elect(a, ra.Interval)
	x.s.Leave(a.KillAll)
	x.WaitFor("the other takes over from one that was killed", rb.Down(), func() bool { return b.Has(x.vip()) })
	x.start(a)
	x.s.Elect(a, ra.Down())
	x.s.Stay(rb.Down())
}

// vip is one of the addresses.
func (x *trip) vip() netip.Addr { return x.ra.VR().VIPs[0] }

func (x *trip) signal(n *lab.Node, sig unix.Signal) {
	for _, pid := range n.Pids() {
		_ = unix.Kill(pid, sig)
	}
}

// TestTransports has the address move, and stay, in all the ways that there are, over every transport and both families, where nft drops protocol 112
// and multicast. The whole product, and ip beside it, with HOLDFAST_TRANSPORTS=all. In the end it tells which ways went through the same states: on a quiet machine all do.
func TestTransports(t *testing.T) {
	if reference() {
		t.Skip("only ours has transports")
	}
	t.Parallel()
	all := os.Getenv("HOLDFAST_TRANSPORTS") == "all"
	some := map[string][]way{
		"moves":   {{"udp", true}, {"tcp", false}, {"tls", true}},
		"crashes": {{"udp", false}, {"tcp", true}, {"tls", false}},
	}
	var mu sync.Mutex
	said := map[string]map[string][]string{} // by voyage and what was said: the ways
	for name, do := range voyages {
		said[name] = map[string][]string{}
		for _, kind := range transports {
			for _, six := range []bool{false, true} {
				w := way{kind, six}
				if !all && !slices.Contains(some[name], w) {
					continue
				}
				t.Run(name+"/"+w.String(), func(t *testing.T) {
					t.Parallel()
					x := newTrip(t, w)
					do(x)
					mu.Lock()
					defer mu.Unlock()
					text := fmt.Sprint(states(x.a.Daemon().Log()), states(x.b.Daemon().Log()))
					said[name][text] = append(said[name][text], w.String())
				})
			}
		}
	}
	t.Cleanup(func() {
		for name, texts := range said {
			for text, ways := range texts {
				t.Logf("%s: %v say %s", name, ways, text)
			}
		}
	})
}
