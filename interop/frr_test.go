package interop

import (
	"slices"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// TestFRR takes ours and the vrrpd of FRR through what both know: an election, a cut, a polite stop.
func TestFRR(t *testing.T) {
	t.Parallel()
	for _, m := range []medium{{2, false, false}, {3, false, false}, {3, true, false}} {
		for _, first := range []string{"ours", "peer"} {
			t.Run(m.String()+"/"+first+"-preferred", func(t *testing.T) {
				t.Parallel()
				long(t)
				frr := lab.FRR(t)
				l := lab.New(t, lab.Options{Nodes: 2})
				us, peer := l.Nodes[0], l.Nodes[1]
				high, low := us, peer
				if first == "peer" {
					high, low = peer, us
				}
				priority := map[*lab.Node]int{high: 200, low: 100}
				mine, theirs := m.router(us, peer, priority[us]), m.router(peer, us, priority[peer])
				begin := map[*lab.Node]func(){
					us:   func() { us.Start(ours(t), lab.File{Routers: []lab.Router{mine}}.Text()) },
					peer: func() { peer.StartFRR(frr, theirs) },
				}
				frrTour(l, high, low, begin, mine)
				dissect(l)
			})
		}
	}
}

func frrTour(l *lab.Lab, high, low *lab.Node, begin map[*lab.Node]func(), r lab.Router) {
	down := 3*r.Interval + r.Skew(100) // of either, or less
	s, ping := l.Scene(r.VR()), l.Ping(r.VR().VIPs[len(r.VIPs)-1])
	begin[low]()
	begin[high]()
	s.Elect(high, down)
	s.Stay(r.Interval)
	for _, step := range []struct {
		what   string
		want   *lab.Node
		within time.Duration
		do     func()
	}{
		{"network cut", low, down, high.Cut},
		{"network healed", high, r.Interval, high.Heal},
		{"polite stop", low, r.Skew(100), func() { high.Daemon().Stop() }},
		{"back", high, down, begin[high]},
	} {
		if d := high.Daemon(); step.what == "polite stop" && !d.Program.Ours {
			// FRR does not always take its macvlan down when it ends, so the address may stay on both: no more than the take-over is asserted.
			from := time.Now()
			s.Leave(step.do)
			l.WaitFor("ours takes over", step.within, func() bool {
				return low.Has(r.VR().VIPs[0]) && slices.ContainsFunc(l.Adverts(r.VR(), from, time.Now()), func(a lab.Advert) bool { return a.Node == low })
			})
			return
		}
		from := time.Now()
		s.Move(step.want, step.within, step.do)
		l.T.Logf("%s: the client is without an answer for %v", step.what, ping.Outage(from).Round(time.Millisecond))
	}
	s.Stay(down)
	s.End()
}
