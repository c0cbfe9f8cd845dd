package transport

import (
	"slices"
	"testing"
	"time"

	"holdfast.dev/clock"
)

func fastPair(t *testing.T) *world {
	w := newWorld(t, Peer{Interval: time.Second, Down: 3 * time.Second, FastFail: true}, 1)
	w.run(5 * time.Second)
	if both, n := w.connected(); !both || n != 1 {
		t.Fatalf("%d connections\n%v", n, w)
	}
	return w
}

// TestDeathIsConfirmedByRefusal: a daemon that is gone is known of within a few round trips.
func TestDeathIsConfirmedByRefusal(t *testing.T) {
	w := fastPair(t)
	w.kill(1)
	w.run(10 * time.Millisecond)
	if w.side[0].deaths != 1 {
		t.Errorf("%d deaths\n%v", w.side[0].deaths, w)
	}
	w.run(10 * time.Second)
	if w.side[0].deaths != 1 {
		t.Errorf("%d deaths of one daemon", w.side[0].deaths)
	}
}

// TestResetIsNoDeath: connections that something on the way has reset are dialled again, and that is all.
func TestResetIsNoDeath(t *testing.T) {
	w := fastPair(t)
	for range 20 {
		for _, c := range snapshot(w.side[0]) {
			w.ended(0, c, Reset)
			w.ended(1, c, Reset)
		}
		w.run(300 * time.Millisecond)
	}
	if n := w.side[0].deaths + w.side[1].deaths; n != 0 {
		t.Errorf("%d deaths", n)
	}
}

// TestSilenceConfirms: where nothing comes back, one interval without an advert confirms; an advert puts it off.
func TestSilenceConfirms(t *testing.T) {
	w := fastPair(t)
	for _, c := range snapshot(w.side[0]) {
		w.ended(0, c, Reset)
	}
	w.hole = [2]bool{true, true}
	w.run(900 * time.Millisecond)
	w.step(0, Spoke{Claims: time.Second})
	w.run(900 * time.Millisecond)
	if w.side[0].deaths != 0 {
		t.Fatal("an advert came within the interval")
	}
	w.run(300 * time.Millisecond) // a dial that was answered before the hole has come to nothing meanwhile, and was asked about
	if w.side[0].deaths != 1 {
		t.Errorf("%d deaths", w.side[0].deaths)
	}
}

// TestLongestIntervalCounts: silence is measured by the slowest of the routers that the peer speaks for.
func TestLongestIntervalCounts(t *testing.T) {
	w := newWorld(t, Peer{Interval: 100 * time.Millisecond, FastFail: true}, 1)
	w.run(3 * time.Second)
	w.step(0, Spoke{Claims: time.Second})
	w.step(0, Spoke{Claims: 100 * time.Millisecond})
	w.hole = [2]bool{true, true}
	for _, c := range snapshot(w.side[0]) {
		w.ended(0, c, EndOfStream)
	}
	w.run(900 * time.Millisecond)
	if w.side[0].deaths != 0 {
		t.Fatal("the interval has not passed")
	}
	w.run(300 * time.Millisecond)
	if w.side[0].deaths != 1 {
		t.Errorf("%d deaths", w.side[0].deaths)
	}
}

// TestAcceptedDialIsLife: a port that answers is not dead, though nobody says a word there: a carrier that is just started again.
func TestAcceptedDialIsLife(t *testing.T) {
	w := fastPair(t)
	node := w.side[1].s
	w.side[1].s = nil // its kernel accepts
	for _, c := range snapshot(&end{s: node, conns: w.side[1].conns}) {
		w.shut(1, c, EndOfStream)
	}
	w.run(900 * time.Millisecond)
	if w.side[0].deaths != 0 {
		t.Error("a living daemon was declared dead")
	}
}

// TestAnsweredDialIsLifeUntilItsEnd: where a port has answered until a moment ago, that moment begins the silence.
func TestAnsweredDialIsLifeUntilItsEnd(t *testing.T) {
	for _, how := range []Why{Reset, EndOfStream} {
		now := clock.Instant(time.Hour)
		s := NewSession(now, Peer{Interval: time.Second, FastFail: true}, NodeID{1}, 1)
		first := s.Accepted()
		s.Step(now, Up{ID: first, Node: NodeID{2}})
		var dial ConnID
		for _, a := range s.Step(now, Ended{first, Reset}) {
			if d, ok := a.(Dial); ok {
				dial = d.ID
			}
		}
		s.Step(now, Reached{dial})
		now = now.Add(999 * time.Millisecond)
		for range 20 { // whatever else is dialled gets no answer
			s.Step(now, Wake{})
		}
		now = now.Add(time.Millisecond)
		for _, a := range s.Step(now, Ended{dial, how}) {
			if _, ok := a.(Died); ok {
				t.Errorf("%v of a connection that was accepted until now is a death", how)
			}
		}
	}
}

// TestAcceptedDialsAreLife: the same for as long as it may take, and however rarely is dialled.
func TestAcceptedDialsAreLife(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, Peer{Interval: time.Second, Down: 3 * time.Second, FastFail: true}, seed)
		w.run(5 * time.Second)
		node := w.side[1].s
		w.side[1].s = nil
		w.side[0].s.dialling.since = w.now.Add(-time.Minute) // dials are a second apart
		for _, c := range snapshot(&end{s: node, conns: w.side[1].conns}) {
			w.shut(1, c, EndOfStream)
		}
		w.run(10 * time.Second)
		if w.side[0].deaths != 0 {
			t.Fatalf("seed %d: a living daemon was declared dead", seed)
		}
	}
}

// TestGoodbyeIsNoDeath, nor is what follows it.
func TestGoodbyeIsNoDeath(t *testing.T) {
	w := fastPair(t)
	w.side[1].listening = false
	for _, c := range snapshot(w.side[0]) {
		w.ended(0, c, Stopping)
	}
	w.side[1].s = nil
	w.run(5 * time.Second)
	if w.side[0].deaths != 0 {
		t.Error("a goodbye was taken for a death")
	}
}

// TestLateIsNotSilence: a process that stood still has heard nothing, whatever has come.
func TestLateIsNotSilence(t *testing.T) {
	now := clock.Instant(time.Hour)
	s := NewSession(now, Peer{Interval: time.Second, FastFail: true}, NodeID{1}, 1)
	id := s.Accepted()
	s.Step(now, Up{ID: id, Node: NodeID{2}})
	s.Step(now, Ended{id, Reset})
	now = now.Add(5 * time.Second)
	died := func() bool {
		for _, a := range s.Step(now, Wake{}) {
			if _, ok := a.(Died); ok {
				return true
			}
		}
		return false
	}
	if died() {
		t.Error("dead, though nobody has looked")
	}
	for range 999 {
		now = now.Add(time.Millisecond)
		if died() {
			t.Fatal("dead before an interval has passed")
		}
	}
	dead := false
	for range 10 {
		now = now.Add(time.Millisecond)
		dead = dead || died()
	}
	if !dead {
		t.Error("an interval of silence has passed")
	}
}

// TestGoodbyeGoesForAllConnections: the others of a peer that stops may end in any way, before or after it.
func TestGoodbyeGoesForAllConnections(t *testing.T) {
	for _, ends := range [][2]Why{{Stopping, Reset}, {Stopping, EndOfStream}, {Reset, Stopping}} {
		now := clock.Instant(time.Hour)
		s := NewSession(now, Peer{Interval: time.Second, FastFail: true}, NodeID{1}, 1)
		conns := [2]ConnID{s.Accepted(), s.Accepted()}
		s.Step(now, Up{ID: conns[0], Node: NodeID{2}})
		s.Step(now, Up{ID: conns[1], Node: NodeID{2}})
		var dials []ConnID
		for i, why := range ends {
			for _, a := range s.Step(now, Ended{conns[i], why}) {
				if d, ok := a.(Dial); ok {
					dials = append(dials, d.ID)
				}
			}
		}
		for range 3000 {
			now = now.Add(time.Millisecond)
			for _, a := range s.Step(now, Wake{}) {
				switch a := a.(type) {
				case Died:
					t.Fatalf("%v: a daemon that said that it stops is called dead", ends)
				case Dial:
					dials = append(dials, a.ID)
				}
			}
			for len(dials) > 0 {
				id := dials[0]
				dials = dials[1:]
				for _, a := range s.Step(now, Ended{id, Refused}) {
					if _, ok := a.(Died); ok {
						t.Fatalf("%v: a daemon that said that it stops is called dead", ends)
					}
				}
			}
		}
	}
}

// TestConfirmationHasNoRoomOfItsOwn: however many dials are under way when the connections end, there are not more.
func TestConfirmationHasNoRoomOfItsOwn(t *testing.T) {
	now := clock.Instant(time.Hour)
	s := NewSession(now, Peer{Interval: 50 * time.Millisecond, FastFail: true}, NodeID{1}, 1)
	id := s.Accepted()
	for range 10_000 {
		now = now.Add(time.Millisecond)
		for _, a := range s.Step(now, Wake{}) {
			if d, ok := a.(Dial); ok {
				s.Step(now, Reached(d))
			}
		}
		if _, dials, _ := s.Held(); dials == maxDials {
			break
		}
	}
	s.Step(now, Up{ID: id, Node: NodeID{2}})
	s.Step(now, Ended{id, Reset})
	if _, dials, _ := s.Held(); dials != maxDials {
		t.Errorf("%d dials", dials)
	}
}

func TestOutbox(t *testing.T) {
	now := clock.Instant(time.Hour)
	s := NewSession(now, Peer{Interval: time.Second}, NodeID{1}, 1)
	id := s.Accepted()
	s.Step(now, Up{ID: id, Node: NodeID{2}})
	put := func(vrid byte, text string) {
		s.Queue(now, AdvertSlot(RouterID{VRID: vrid}), time.Second, []byte(text))
	}
	put(1, "one")
	put(2, "two")
	put(1, "ONE")
	if got := string(s.Take(now, id, nil, 100)); got != "ONEtwo" {
		t.Errorf("took %q", got)
	}
	if o := s.Outbox(); o.Replaced != 1 || o.Sent != 2 {
		t.Errorf("%+v", o.Replaced)
	}
	put(1, "old")
	if got := s.Take(now.Add(time.Second), id, nil, 100); len(got) != 0 {
		t.Errorf("%q has waited for an interval and was sent", got)
	}
	put(1, "aaa")
	put(2, "bbb")
	if got := string(s.Take(now, id, nil, 5)); got != "aaa" {
		t.Errorf("took %q of 5 octets", got)
	}
	// A connection that is new gets what still means something.
	other := s.Accepted()
	s.Step(now, Up{ID: other, Node: NodeID{2}})
	if got := string(s.Take(now.Add(time.Second/2), other, nil, 100)); got != "aaabbb" {
		t.Errorf("the new connection got %q", got)
	}
	if got := s.Take(now, 99, nil, 100); got != nil {
		t.Errorf("%q for a connection that is not there", got)
	}
}

// TestDoubtfulRoundTrip: what TCP thinks of the round trip after a time in which nothing came through is not believed, unless a PING takes as long; so the
// next loss is noticed as soon as the first.
func TestDoubtfulRoundTrip(t *testing.T) {
	now := clock.Instant(time.Hour)
	s := NewSession(now, Peer{PeerKey: PeerKey{Kind: TCP}, Interval: 100 * time.Millisecond}, NodeID{1}, 1)
	id := s.Accepted()
	s.Step(now, Up{ID: id, Node: NodeID{2}, RTT: time.Millisecond})
	asks := func(rtt time.Duration) (asked bool) {
		t.Helper()
		now = now.Add(time.Millisecond)
		for _, a := range s.Step(now, Measured{ID: id, RTT: rtt}) {
			_, nudge := a.(Nudge)
			asked = asked || nudge
		}
		return asked
	}
	for _, rtt := range []time.Duration{2 * time.Millisecond, 8 * time.Millisecond} {
		if asks(rtt) || s.conn(id).rtt != rtt {
			t.Errorf("%v is doubted, %v is known", rtt, s.conn(id).rtt)
		}
	}
	if !asks(4*time.Second) || asks(4*time.Second) || s.conn(id).rtt != 8*time.Millisecond {
		t.Errorf("4 s are believed, or asked about more than once: %v", s.conn(id).rtt)
	}
	asked := now.Add(-time.Millisecond)
	s.Step(now, Answered{ID: id, Asked: asked.Add(-4 * time.Second)}) // of before
	if got := s.conn(id).rtt; got != 8*time.Millisecond {
		t.Errorf("%v", got)
	}
	now = asked.Add(300 * time.Millisecond)
	s.Step(now, Answered{ID: id, Asked: asked})
	if got := s.conn(id).rtt; got != 300*time.Millisecond {
		t.Errorf("the path has become slow, and %v is known", got)
	}
	// The first estimate is all that is known, and put right by the answer.
	other := s.Accepted()
	s.Step(now, Up{ID: other, Node: NodeID{2}})
	s.Step(now, Measured{ID: other, RTT: 4 * time.Second})
	s.Step(now.Add(2*time.Millisecond), Answered{ID: other, Asked: now})
	if got := s.conn(other).rtt; got != 4*time.Millisecond {
		t.Errorf("the first estimate stays: %v", got)
	}
}

// TestEarly: what still counts is told at once on the next connection, and comes again when that is up.
func TestEarly(t *testing.T) {
	now := clock.Instant(time.Hour)
	s := NewSession(now, Peer{PeerKey: PeerKey{Kind: TCP}, Interval: time.Second}, NodeID{1}, 1)
	s.Queue(now, AdvertSlot(RouterID{VRID: 1}), time.Second, []byte("one"))
	s.Queue(now, AdvertSlot(RouterID{VRID: 2}), time.Millisecond, []byte("two"))
	now = now.Add(10 * time.Millisecond)
	if got := string(s.Early(now, []byte("HELLO "), 100)); got != "HELLO one" {
		t.Errorf("%q", got)
	}
	id := s.Accepted()
	s.Step(now, Up{ID: id, Node: NodeID{2}})
	if got := string(s.Take(now, id, nil, 100)); got != "one" {
		t.Errorf("%q", got)
	}
}

// upTo is a session with a connection to a node that it has dialled, which is all that it has.
func upTo(t *testing.T, peer NodeID) (s *Session, id ConnID, now clock.Instant) {
	t.Helper()
	now = clock.Instant(time.Hour)
	s = NewSession(now, Peer{PeerKey: PeerKey{Kind: TLS}, Interval: time.Second}, NodeID{1}, 1)
	id = dialled(t, s.Step(now, Wake{}))
	s.Step(now, Reached{id})
	s.Step(now, Up{ID: id, Node: peer})
	return s, id, now
}

// dialled is the first dial of some actions; 0 for none.
func dialled(t *testing.T, actions []Action) ConnID {
	t.Helper()
	for _, a := range actions {
		if d, is := a.(Dial); is {
			return d.ID
		}
	}
	return 0
}

func has(actions []Action, want Action) bool { return slices.Contains(actions, want) }

// TestFormerLife: what is left of an earlier life of the peer is dropped when another one is there: nothing of it may be heard, and nothing sent
// to it arrives.
func TestFormerLife(t *testing.T) {
	s, former, now := upTo(t, NodeID{2})
	id := s.Accepted()
	if actions := s.Step(now, Up{ID: id, Node: NodeID{2}}); has(actions, Drop{former}) {
		t.Error("a second connection of one life ends the first at once")
	}
	next := s.Accepted()
	actions := s.Step(now.Add(time.Millisecond), Up{ID: next, Node: NodeID{3}})
	for _, old := range []ConnID{former, id} {
		if !has(actions, Drop{old}) {
			t.Errorf("connection %d of an earlier life stays: %v", old, actions)
		}
	}
	if n := s.Status().Conns; n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestRenew: with other certificates another connection is made, and only when that has proved itself the one before ends, whoever has dialled it.
func TestRenew(t *testing.T) {
	for _, mine := range []bool{true, false} {
		s, old, now := upTo(t, NodeID{2})
		if !mine { // the smaller node has dialled it, so that of two equal ones it would stay
			s, _, now = upTo(t, NodeID{0})
			old = s.Accepted()
			s.Step(now, Up{ID: old, Node: NodeID{0}})
			now = now.Add(2 * provenIn)
			s.Step(now, Heard{old})
		}
		id := dialled(t, s.Step(now, Renew{}))
		if id == 0 {
			t.Fatal("nothing is dialled")
		}
		if n := s.Status().Conns; n == 0 || !s.Status().Up {
			t.Fatal("the connection is not waited with")
		}
		s.Step(now, Reached{id})
		if a := s.Step(now, Up{ID: id, Node: s.conns[0].node}); has(a, Close{old}) || has(a, Drop{old}) {
			t.Error("the one before ends before the next has proved itself")
		}
		at, is := s.Deadline()
		for ; is && at < now.Add(3*provenIn); at, is = s.Deadline() {
			for _, c := range s.conns {
				c.heard = at
			}
			a := s.Step(at, Wake{})
			if has(a, Close{id}) || dialled(t, a) != 0 {
				t.Fatalf("it is dialled again, or the next one ends: %v", a)
			}
			if has(a, Close{old}) {
				old = 0
			}
		}
		if old != 0 {
			t.Error("the one before stays")
		}
	}
}
