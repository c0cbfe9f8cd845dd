package lab

import (
	"net/netip"
	"testing"
	"time"
)

var (
	start = time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)
	r1    = &Node{Name: "r1"}
	r2    = &Node{Name: "r2"}
	vip   = netip.MustParseAddr("10.0.0.100")
)

// at is a moment of the tests below, in milliseconds.
func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

// sent makes adverts of a node at moments.
func sent(n *Node, ms ...int) (out []Advert) {
	for _, m := range ms {
		out = append(out, Advert{At: at(m), Node: n, Priority: 100, VRID: 51, Src: netip.MustParseAddr("10.0.0.1")})
	}
	return out
}

func TestContested(t *testing.T) {
	release := sent(r1, 3500)
	release[0].Priority = 0
	for _, c := range []struct {
		name    string
		adverts [][]Advert
		want    int
	}{
		{"nobody", nil, 0},
		{"one", [][]Advert{sent(r1, 0, 1000, 2000)}, 0},
		{"a hand-over", [][]Advert{sent(r1, 0, 1000, 2000), sent(r2, 2500, 3500)}, 0},
		{"there and back, seconds apart", [][]Advert{sent(r1, 0, 1000), sent(r2, 1500, 2500, 3500, 4500, 5500), sent(r1, 6000, 7000)}, 0},
		{"one answer", [][]Advert{sent(r1, 0, 1000), sent(r2, 1500), sent(r1, 1501), sent(r2, 1502, 2502)}, 2},
		{"two for ever", [][]Advert{sent(r1, 0), sent(r2, 500), sent(r1, 1000), sent(r2, 1500), sent(r1, 2000), sent(r2, 2500)}, 2000},
		{"a release and a successor", [][]Advert{sent(r1, 2000, 3000), release, sent(r2, 3600, 4600)}, 0},
	} {
		var all []Advert
		for _, a := range c.adverts {
			all = append(all, a...)
		}
		if got, _ := contested(all, time.Second); got != time.Duration(c.want)*time.Millisecond {
			t.Errorf("%s: %v, want %d ms", c.name, got, c.want)
		}
	}
}

func TestSpans(t *testing.T) {
	r := &record{}
	for _, h := range []hold{
		{at(1000), r1, vip, true},
		{at(2000), r2, netip.MustParseAddr("10.0.0.101"), true},
		{at(3000), r2, vip, true},
		{at(3200), r1, vip, false},
		{at(5000), r1, vip, true},
	} {
		r.hold(h)
	}
	spans := r.spans(vip, at(0), at(6000))
	if len(spans) != 3 || spans[0] != (span{r1, at(1000), at(3200)}) || spans[1] != (span{r2, at(3000), at(6000)}) ||
		spans[2] != (span{r1, at(5000), at(6000)}) {
		t.Errorf("%v", spans)
	}
	if d := shared(spans); d != time.Second {
		t.Errorf("shared for %v", d)
	}
	r.leave(r2, at(3100))
	r.enter(r2, at(5600))
	spans = r.spans(vip, at(0), at(6000))
	if len(spans) != 4 || spans[1] != (span{r2, at(3000), at(3100)}) || spans[3] != (span{r2, at(5600), at(6000)}) {
		t.Errorf("%v", spans)
	}
	if d := shared(spans); d != 400*time.Millisecond {
		t.Errorf("shared for %v", d)
	}
	if got := r.spans(vip, at(3300), at(3400)); len(got) != 0 {
		t.Errorf("while r2 is away: %v", got)
	}
}

// probe is a testing.TB that only notes whether a test failed.
type probe struct {
	testing.TB
	failed bool
}

func (p *probe) Helper()               {}
func (p *probe) Errorf(string, ...any) { p.failed = true }

// TestQuiet: each way in which there is not exactly one master is noticed.
func TestQuiet(t *testing.T) {
	v := VR{ID: 51, VIPs: []netip.Addr{vip}, Interval: time.Second}
	for _, c := range []struct {
		name  string
		edit  func(r *record)
		wrong bool
	}{
		{"as it should be", func(*record) {}, false},
		{"somebody else advertises", func(r *record) { r.adverts = append(r.adverts, sent(r2, 2500)...) }, true},
		{"somebody who is cut off advertises", func(r *record) {
			r.leave(r2, at(0))
			r.adverts = append(r.adverts, sent(r2, 2500)...)
		}, false},
		{"the master gives up", func(r *record) { r.adverts[1].Priority = 0 }, true},
		{"the master falls silent", func(r *record) { r.adverts = r.adverts[:2] }, true},
		{"nobody holds the address for a while", func(r *record) {
			r.hold(hold{at(2000), r1, vip, false})
			r.hold(hold{at(2001), r1, vip, true})
		}, true},
		{"somebody else holds it too", func(r *record) { r.hold(hold{at(2000), r2, vip, true}) }, true},
	} {
		r := &record{adverts: sent(r1, 0, 1000, 2000, 3000, 4000, 5000)}
		r.hold(hold{at(-500), r1, vip, true})
		c.edit(r)
		p := &probe{TB: t}
		s := &Scene{lab: &Lab{T: p, rec: r}, vrs: []VR{v}, master: r1, since: at(500)}
		s.quiet(at(5500))
		if p.failed != c.wrong {
			t.Errorf("%s: judged wrong: %v", c.name, p.failed)
		}
	}
}

// TestHeld: r1 has it from 1 to 3.2 s, r2 from 3 to 4 s, r1 again from 5 s on.
func TestHeld(t *testing.T) {
	r := &record{}
	for _, h := range []hold{{at(1000), r1, vip, true}, {at(3000), r2, vip, true}, {at(3200), r1, vip, false}, {at(4000), r2, vip, false}, {at(5000), r1, vip, true}} {
		r.hold(h)
	}
	nobody, two := (&Lab{rec: r}).Held(vip, at(0), at(6000))
	if nobody != 2*time.Second || two != 200*time.Millisecond {
		t.Errorf("with nobody for %v, with two for %v", nobody, two)
	}
}
