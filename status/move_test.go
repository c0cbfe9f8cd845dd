package status

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast.dev/clock"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
)

func newPage(t *testing.T) *Page {
	t.Helper()
	p, err := Open(make([]byte, Size))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func exampleMove() Move {
	return Move{
		Name: "VI_1", Text: "sync group G", From: vrrp.Backup, To: vrrp.Master, Why: vrrp.WhyTimeout, Peer: netip.MustParseAddr("192.0.2.9"),
		PeerPriority: 90, Priority: 100, Wall: 77, Late: 5, At: [Steps]clock.Instant{1, 2, 3},
	}
}

func TestMovesAreKept(t *testing.T) {
	p := newPage(t)
	want := exampleMove()
	id := p.AddMove(&want)
	want.ID = id
	p.SetStep(id, Sent, 9)
	p.SetStep(id, Sent, 10) // the first counts
	p.SetStep(id, Announced, 11)
	want.At[Sent], want.At[Announced] = 9, 11
	var got Move
	if !p.Move(id, &got) {
		t.Fatal("not there")
	}
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if p.Move(0, &got) || p.Move(id+1, &got) {
		t.Error("a transition that was never made is there")
	}
}

func TestTheOldestMoveMakesRoom(t *testing.T) {
	p := newPage(t)
	m := exampleMove()
	for i := range Moves + 3 {
		m.Name = fmt.Sprint(i)
		p.AddMove(&m)
	}
	var got Move
	if p.LastMove() != Moves+3 || p.Move(3, &got) {
		t.Errorf("last %d, and the third is still there", p.LastMove())
	}
	if !p.Move(4, &got) || got.Name != "3" {
		t.Errorf("the fourth is %q", got.Name)
	}
	p.SetStep(1, Sent, 5) // its place belongs to another one
	if p.Move(Moves+1, &got); got.At[Sent] != 0 {
		t.Error("a step of a forgotten transition was noted for another one")
	}
}

func TestNotingATransitionDoesNotAllocate(t *testing.T) {
	p := newPage(t)
	m := exampleMove()
	if n := testing.AllocsPerRun(100, func() {
		p.SetStep(p.AddMove(&m), Confirmed, 7)
		p.Timing(Kernel).Add(time.Millisecond)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	for range 98 {
		h.Add(30 * time.Microsecond)
	}
	h.Add(-time.Second)
	h.Add(time.Minute)
	c := h.Read()
	if c.Count != 100 || c.Max != time.Minute || c.Sum != 98*30*time.Microsecond+time.Minute {
		t.Errorf("%+v", c)
	}
	if c.Buckets[0] != 1 || c.Buckets[2] != 98 || c.Buckets[len(Bounds)] != 1 {
		t.Errorf("buckets %v", c.Buckets)
	}
	for part, want := range map[float64]time.Duration{0.01: 10 * time.Microsecond, 0.5: 50 * time.Microsecond, 0.99: 50 * time.Microsecond, 1: time.Minute} {
		if got := c.Quantile(part); got != want {
			t.Errorf("%v of all within %v, want %v", part, got, want)
		}
	}
	h.Add(Bounds[3]) // the end of a bucket is in it
	if h.Read().Buckets[3] != 1 {
		t.Errorf("buckets %v", h.Read().Buckets)
	}
	if (&Counts{}).Quantile(0.5) != 0 {
		t.Error("nothing took some time")
	}
}

func TestSources(t *testing.T) {
	p := newPage(t)
	want := track.State{Kind: track.OfFile, Source: "f", Status: track.Down, Value: -3, Reason: strings.Repeat("x", 160)}
	p.PutSource(2, &want, 99)
	got, wall, ok := p.Source(2)
	if !ok || wall != 99 || got != want || p.TopSource() != 3 {
		t.Errorf("%v %v %v %d", got, wall, ok, p.TopSource())
	}
	if _, _, ok := p.Source(1); ok {
		t.Error("an empty place shows something")
	}
	p.PutSource(2, nil, 0)
	p.PutSource(Sources, &want, 0)
	p.PutSource(-1, &want, 0)
	if _, _, ok := p.Source(2); ok || p.TopSource() != 3 {
		t.Error("what was taken away is shown")
	}
}

func TestRuns(t *testing.T) {
	r, err := OpenRuns(make([]byte, RunsSize))
	if err != nil {
		t.Fatal(err)
	}
	want := Run{
		Object: "INSTANCE", Name: "VI_1", State: "MASTER", What: "notify_master", Decided: 1, Queued: 2, Arrived: 3, Asked: 4,
	}
	want.ID = r.Add(&want)
	want.Forked, want.Started, want.Ended, want.Fail = 5, 6, 7, "exited with status 1"
	r.Set(want.ID, &want)
	var got Run
	if !r.Run(want.ID, &got) || got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for range RunsKept {
		r.Add(&want)
	}
	if r.Run(1, &got) {
		t.Error("the oldest is still there")
	}
	late := want
	late.Fail = "late"
	r.Set(1, &late) // its place belongs to another one
	if r.Run(RunsKept+1, &got); got.Fail == "late" {
		t.Error("a forgotten script overwrote another one")
	}
	if _, err := OpenRuns(make([]byte, 16)); err == nil {
		t.Error("16 octets were taken")
	}
}
