package interop

import (
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// TestKeyChange switches auth_hmac on and changes its key, one reload of one router after the other, and nobody but the master ever
// advertises (rule G9).
func TestKeyChange(t *testing.T) {
	t.Parallel()
	long(t)
	l := lab.New(t, lab.Options{Nodes: 2})
	a, b := l.Nodes[0], l.Nodes[1]
	const interval = 300 * time.Millisecond
	files := func(auth string) [2]lab.File {
		var f [2]lab.File
		for i := range f {
			r := media[2].router(l.Nodes[i], l.Nodes[1-i], 200-100*i)
			if r.Interval = interval; auth != "" {
				r.Lines = append(r.Lines, auth)
			}
			f[i].Routers = []lab.Router{r}
		}
		return f
	}
	first := files("")
	s := l.Scene(first[0].Routers[0].VR())
	for i, n := range l.Nodes {
		n.Start(ours(t), first[i].Text())
	}
	s.Elect(a, first[1].Settled())
	newKey := "auth_hmac {\n\t\tkey 2 " + "hex:5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\n\t\tactive_key 2\n\t}"
	oldKey := "auth_hmac {\n\t\tkey 1 correct-horse-battery-staple-12345\n\t\tactive_key 1\n\t}"
	for n, auth := range []string{
		hmac("1", "mode receive-only"), hmac("1", "mode permissive"), oldKey, // switched on
		hmac("1"), hmac("2"), newKey, // another key
	} {
		f := files(auth)
		for k := range l.Nodes {
			i := (n + k) % 2 // by turns the master first and the backup first
			l.Nodes[i].Daemon().Reload(f[i].Text())
			s.Stay(4 * interval)
		}
	}
	from := time.Now()
	s.Stay(5 * interval)
	adverts := l.Adverts(first[0].Routers[0].VR(), from, time.Now())
	for _, ad := range adverts {
		if ad.Node != a || !ad.Signed {
			t.Errorf("%s advertises, signed: %v", ad.Node.Name, ad.Signed)
		}
	}
	if len(adverts) == 0 {
		t.Error("nobody advertises")
	}
	s.Move(b, first[1].Routers[0].Down(), a.Cut)
	s.Move(a, interval, a.Heal)
	s.End()
}

// TestToldApart: one interface, one VRID, one source: two unicast instances that differ in their peers only, of which each peer knows one.
// What happens to one is nothing to the other (rules A29, O7).
func TestToldApart(t *testing.T) {
	t.Parallel()
	long(t)
	l := lab.New(t, lab.Options{Nodes: 3})
	hub := l.Nodes[0]
	one, two := media[1].router(hub, l.Nodes[1], 150), media[1].router(hub, l.Nodes[2], 150)
	two.Name, two.VIPs = "VI_2", []string{"10.0.0.110/24"}
	vr := one.VR()
	vr.VIPs = append(vr.VIPs, two.VR().VIPs...)
	other := func(r lab.Router, n *lab.Node, priority int) string {
		r.Src, r.Peers, r.Priority = n.IPv4(), []string{hub.IPv4()}, priority
		return lab.File{Routers: []lab.Router{r}}.Text()
	}
	hub.Start(ours(t), lab.File{Routers: []lab.Router{one, two}}.Text())
	l.Nodes[1].Start(lab.Keepalived(t), other(one, l.Nodes[1], 100))
	l.Nodes[2].Start(lab.Keepalived(t), other(two, l.Nodes[2], 200))
	has := func(what string, n *lab.Node, within time.Duration, r lab.Router) {
		t.Helper()
		l.WaitFor(what, within, func() bool {
			for _, o := range l.Nodes {
				for _, vip := range r.VR().VIPs {
					if o.Has(vip) != (o == n) {
						return false
					}
				}
			}
			return true
		})
	}
	settled := 4 * second
	has("the hub has the first", hub, settled, one)
	has("its peer has the second", l.Nodes[2], settled, two)
	l.Pass(2 * second)
	has("the hub has the first still", hub, 0, one)
	has("the peer has the second still", l.Nodes[2], 0, two)
	l.Nodes[2].Daemon().Stop()
	has("the hub takes the second over", hub, second, two)
	hub.Daemon().Stop()
	has("the other peer takes the first over", l.Nodes[1], 2*second, one)
}
