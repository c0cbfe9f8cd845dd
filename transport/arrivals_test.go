package transport

import (
	"testing"
	"time"

	"holdfast.dev/clock"
)

// arrivals judges adverts of one router whose sender's clock is off by an hour.
type arrivals struct {
	t *testing.T
	a Arrivals
}

const life = 100 * time.Millisecond

func us(d time.Duration) uint64 { return uint64(d / time.Microsecond) }

func (x *arrivals) judge(sent, under time.Duration, want Verdict) {
	x.t.Helper()
	now := clock.Instant(time.Hour + sent + under)
	if _, got := x.a.Judge(now, 1, us(sent), RouterID{VRID: 51}, life); got != want {
		x.t.Errorf("sent at %v and %v under way: verdict %d, want %d", sent, under, got, want)
	}
}

func TestAge(t *testing.T) {
	x := &arrivals{t: t}
	x.judge(1*time.Second, 50*time.Millisecond, Fresh)
	x.judge(2*time.Second, 20*time.Millisecond, Fresh)
	x.judge(3*time.Second, 120*time.Millisecond, Fresh) // 100 ms more than the least
	x.judge(4*time.Second, 121*time.Millisecond, Stale)
	x.judge(4*time.Second, 20*time.Millisecond, Overtaken) // the same one, over another connection
	x.judge(3500*time.Millisecond, 520*time.Millisecond, Overtaken)
	x.judge(5*time.Second, 20*time.Millisecond, Fresh)
}

// TestOtherRouters: what is heard of one router says nothing about another, but how long the way is.
func TestOtherRouters(t *testing.T) {
	var a Arrivals
	now := clock.Instant(time.Hour)
	for _, v6 := range []bool{false, true} {
		for vrid := range 256 {
			if _, v := a.Judge(now, 1, 5000000, RouterID{v6, uint8(vrid), 0}, life); v != Fresh {
				t.Fatalf("%d %v: %d", vrid, v6, v)
			}
		}
	}
	if _, v := a.JudgeReport(now, 1, 5000000, RouterID{VRID: 51}); v != Fresh {
		t.Error("a report is no advert")
	}
}

// TestLongerWay: a path that has become longer for good is taken as it is within a minute.
func TestLongerWay(t *testing.T) {
	x := &arrivals{t: t}
	for at := time.Second; at < 31*time.Second; at += time.Second {
		x.judge(at, 0, Fresh)
	}
	x.judge(31*time.Second, 300*time.Millisecond, Stale)
	for at := 32 * time.Second; at < 91*time.Second; at += time.Second {
		x.a.Judge(clock.Instant(time.Hour+at+300*time.Millisecond), 1, us(at), RouterID{VRID: 51}, life)
	}
	x.judge(92*time.Second, 300*time.Millisecond, Fresh)
}

// TestPausedSender: the clock of a machine that was paused has stood still; the first answer to a PING puts that right.
func TestPausedSender(t *testing.T) {
	x := &arrivals{t: t}
	x.judge(time.Second, 0, Fresh)
	const pause = 5 * time.Second
	x.judge(2*time.Second, pause, Stale)
	asked := clock.Instant(time.Hour + 2*time.Second + pause)
	x.a.Answered(asked.Add(2*time.Millisecond), asked, 1, us(2*time.Second+time.Millisecond))
	x.judge(3*time.Second, pause, Fresh)
	// An answer that came late says nothing of the kind.
	asked = clock.Instant(time.Hour + 4*time.Second + pause)
	x.a.Answered(asked.Add(3*time.Second), asked, 1, us(4*time.Second))
	x.judge(5*time.Second, pause+150*time.Millisecond, Stale)
}

// TestManyStampsAtOnce: what is said of many routers at once is stamped a little ahead of the clock, which is no sign that that has stood still.
func TestManyStampsAtOnce(t *testing.T) {
	x := &arrivals{t: t}
	for vrid := range 250 { // all in one microsecond, and there at once
		x.a.Judge(clock.Instant(time.Hour+time.Second), 1, us(time.Second)+uint64(vrid), RouterID{VRID: uint8(vrid)}, life)
	}
	asked := clock.Instant(time.Hour + 2*time.Second)
	x.a.Answered(asked.Add(3*time.Second), asked, 1, us(2*time.Second)) // answered at once, and the answer came late
	x.judge(6*time.Second, 3*time.Second, Stale)
}

// TestNewLife: a daemon that was started again counts anew, and what is left of the one before is not heard.
func TestNewLife(t *testing.T) {
	var a Arrivals
	now := clock.Instant(time.Hour)
	a.Judge(now, 1, us(90*time.Minute), RouterID{VRID: 51}, life)
	if _, v := a.Judge(now, 2, 1, RouterID{VRID: 51}, life); v != Fresh {
		t.Errorf("the first advert of a new life: %d", v)
	}
	if _, v := a.Judge(now, 1, us(91*time.Minute), RouterID{VRID: 51}, life); v != Former {
		t.Errorf("an advert of the former life: %d", v)
	}
	if _, v := a.Judge(now.Add(2*time.Minute), 1, us(93*time.Minute), RouterID{VRID: 51}, life); v != Fresh {
		t.Errorf("two daemons share an address: %d", v)
	}
}
