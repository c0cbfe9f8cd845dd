package node

import (
	"net/netip"
	"testing"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/link/poll"
	"holdfast.dev/notify"
	"holdfast.dev/status"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
)

func newMoves(t *testing.T) *moves {
	t.Helper()
	page, err := status.Open(make([]byte, status.Size))
	if err != nil {
		t.Fatal(err)
	}
	return &moves{page: page, open: map[host.Owner]openMove{}, untold: map[string]untold{}}
}

// takeOver is what the election thread does with one transition to MASTER and one back.
func takeOver(m *moves, e *vrrp.Engine, name string, o host.Owner) {
	at := clock.Now{Mono: poll.Mono()}
	m.woken = at.Mono
	m.sent(o) // the advert leaves first
	m.begin(&vrrp.Transition{Owner: o, Name: name, From: vrrp.Backup, To: vrrp.Master, At: at, Cause: vrrp.Cause{At: at.Mono, Text: "x"}})
	m.confirmed(o, at.Mono+1)
	m.announced([]vrrp.Announcement{{Owner: o, Addr: netip.AddrFrom4([4]byte{192, 0, 2, 1})}}, e)
	m.told(&notify.Event{Object: notify.Instance, Name: name, Times: notify.Times{Decided: at.Mono, Queued: at.Mono + 2}})
	m.begin(&vrrp.Transition{Owner: o, Name: name, From: vrrp.Master, To: vrrp.Backup, At: at})
	m.told(&notify.Event{Object: notify.Instance, Name: name, Times: notify.Times{Decided: at.Mono, Queued: at.Mono + 3}})
}

func TestMovesAllocateNothing(t *testing.T) {
	m, e := newMoves(t), vrrp.New(clock.Now{})
	items := []vrrp.Announcement{{Owner: 7}}
	takeOver(m, e, "VI_1", 7)
	if n := testing.AllocsPerRun(100, func() {
		at := clock.Now{Mono: poll.Mono()}
		m.sent(7)
		m.begin(&vrrp.Transition{Owner: 7, Name: "VI_1", To: vrrp.Master, At: at})
		m.confirmed(7, at.Mono+1)
		m.announced(items, e)
	}); n != 0 {
		t.Errorf("%v allocations for a take-over, want none", n)
	}
	m.regular = true
	if n := testing.AllocsPerRun(100, func() { m.sent(8); m.announced(items, e) }); n != 0 {
		t.Errorf("%v allocations for an advert, want none", n)
	}
}

func TestMovesAreComplete(t *testing.T) {
	m, e := newMoves(t), vrrp.New(clock.Now{})
	takeOver(m, e, "VI_1", 7)
	var up, back status.Move
	if !m.page.Move(1, &up) || !m.page.Move(2, &back) || m.page.LastMove() != 2 {
		t.Fatal("not both transitions are there")
	}
	for i, at := range up.At {
		if at == 0 {
			t.Errorf("step %d of the transition to MASTER has no time: %v", i, up.At)
		}
	}
	if back.At[status.Queued] != back.At[status.Decided]+3 || back.At[status.Sent] != 0 {
		t.Errorf("back: %v", back.At)
	}
	if len(m.open)+len(m.untold) != 0 {
		t.Errorf("left: %v %v", m.open, m.untold)
	}
	// A router that is forgotten on its way leaves nothing.
	m.begin(&vrrp.Transition{Owner: 9, Name: "VI_9", To: vrrp.Master, At: clock.Now{Mono: poll.Mono()}})
	m.forget(9, "VI_9")
	if len(m.open)+len(m.untold) != 0 {
		t.Errorf("left: %v %v", m.open, m.untold)
	}
}

func TestShownSources(t *testing.T) {
	m := newMoves(t)
	s := &shownSources{page: m.page, places: map[track.ID]int{}}
	s.show(&track.State{Source: "a", Status: track.Up}, 10)
	s.show(&track.State{Source: "b", Status: track.Down}, 20)
	s.show(&track.State{Source: "a", Status: track.Up, Reason: "again"}, 30)
	if st, wall, ok := m.page.Source(0); !ok || st.Reason != "again" || wall != 10 {
		t.Errorf("%+v since %d: it was up all the time", st, wall)
	}
	s.keep(&vrrp.Config{Routers: []vrrp.Spec{{Trackers: []track.Binding{{Source: "b"}}}}})
	if _, _, ok := m.page.Source(0); ok {
		t.Error("what nobody tracks is shown")
	}
	s.show(&track.State{Source: "c", Status: track.Up}, 40)
	if st, _, ok := m.page.Source(0); !ok || st.Source != "c" {
		t.Errorf("the free place has %+v", st)
	}
}
