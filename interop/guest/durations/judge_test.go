package durations

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// tolerance is how late anything may be. Nothing may be early, unless it is counted from something that may be late.
const tolerance = 2 * time.Millisecond

// judge holds a duration against what is due. That of the reference is only told.
func judge(t *testing.T, p program, what string, got, due time.Duration) {
	t.Helper()
	off := got - due
	t.Logf("%s: %s: %v is due, off by %v", p.name, what, due, off)
	if p == ours && (off < 0 || off > tolerance) {
		t.Errorf("%s: took %v where %v is due: off by %v", what, got, due, off)
	}
}

// judgeGap is judge for the time between two packets of the same sender, the first of which may have been late.
func judgeGap(t *testing.T, p program, what string, got, due time.Duration) {
	t.Helper()
	off := got - due
	t.Logf("%s: %s: %v is due, off by %v", p.name, what, due, off)
	if p == ours && off.Abs() > tolerance {
		t.Errorf("%s: took %v where %v is due: off by %v", what, got, due, off)
	}
}

// spread sums durations up.
type spread struct{ least, median, p99, most time.Duration }

func spreadOf(d []time.Duration) spread {
	d = slices.Sorted(slices.Values(d))
	if len(d) == 0 {
		return spread{}
	}
	return spread{d[0], d[len(d)/2], d[len(d)*99/100], d[len(d)-1]}
}

func (s spread) String() string {
	return fmt.Sprintf("%v at least, %v at the median, %v at p99, %v at most", s.least, s.median, s.p99, s.most)
}

// list is some adverts in the order in which they came.
type list []advert

func (l list) of(r *router) (out list) {
	for _, a := range l {
		if a.from == r {
			out = append(out, a)
		}
	}
	return out
}

func (l list) since(at time.Time) (out list) {
	for _, a := range l {
		if a.at.After(at) {
			out = append(out, a)
		}
	}
	return out
}

func (l list) until(at time.Time) (out list) {
	for _, a := range l {
		if a.at.Before(at) {
			out = append(out, a)
		}
	}
	return out
}

func (l list) first() (advert, bool) {
	if len(l) == 0 {
		return advert{}, false
	}
	return l[0], true
}

func (l list) last() (advert, bool) {
	if len(l) == 0 {
		return advert{}, false
	}
	return l[len(l)-1], true
}
