package node

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/notify"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/vrrp"
)

func pair(t testing.TB) (ours, theirs *role.Conn) {
	t.Helper()
	a, b, err := role.Pair()
	nstest.OK(t, err)
	ours, err = role.NewConn(a)
	nstest.OK(t, err)
	theirs, err = role.NewConn(b)
	nstest.OK(t, err)
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

func testTeller(t testing.TB) (*teller, *role.Conn) {
	ctl, super := pair(t)
	return newTeller(ctl, func(index int) string { return fmt.Sprintf("eth%d", index) }), super
}

// seqs reads n events.
func seqs(t *testing.T, c *role.Conn, n int) (got []uint64) {
	t.Helper()
	for len(got) < n {
		m, _, err := c.Recv()
		nstest.OK(t, err)
		if m.Event == nil {
			t.Fatalf("%+v", m)
		}
		got = append(got, m.Event.Seq)
	}
	return got
}

// TestTellerTellsANewRunnerWhatTheOldOneDidNotDo: in order, without what was acknowledged.
func TestTellerTellsANewRunnerWhatTheOldOneDidNotDo(t *testing.T) {
	tell, _ := testTeller(t)
	defer tell.Close()
	tell.Want(role.Runner, everything)
	for seq := uint64(1); seq <= 4; seq++ {
		tell.Event(event(string(rune('A'+seq%2)), seq))
	}
	first, runner := pair(t)
	tell.Meet(role.Runner, first)
	if got := seqs(t, runner, 4); fmt.Sprint(got) != "[1 2 3 4]" {
		t.Fatal(got)
	}
	tell.Delivered(role.Runner, role.Delivered{Object: notify.Instance, Name: "B", Seq: 1})
	tell.Delivered(role.Runner, role.Delivered{Object: notify.Instance, Name: "A", Seq: 4})
	runner.Close()
	tell.Gone(role.Runner, first)
	tell.Event(event("C", 5)) // while there is no runner
	second, again := pair(t)
	tell.Meet(role.Runner, second)
	tell.Event(event("C", 6))
	if got := seqs(t, again, 3); fmt.Sprint(got) != "[3 5 6]" {
		t.Fatal(got)
	}
	tell.Gone(role.Runner, first) // the end of the old connection is found out late
	tell.Event(event("C", 7))
	if got := seqs(t, again, 1); got[0] != 7 {
		t.Fatal(got)
	}
}

// TestTellerKeepsNothingForNobody: without scripts nothing piles up, and a runner that comes later is not told of the past.
func TestTellerKeepsNothingForNobody(t *testing.T) {
	tell, _ := testTeller(t)
	defer tell.Close()
	for seq := uint64(1); seq <= 100; seq++ {
		tell.Event(event("A", seq))
	}
	if n := tell.Waiting(role.Runner); n != 0 {
		t.Fatalf("%d events wait for nobody", n)
	}
	conn, runner := pair(t)
	tell.Meet(role.Runner, conn)
	tell.Want(role.Runner, everything)
	tell.Event(event("A", 101))
	if got := seqs(t, runner, 1); got[0] != 101 {
		t.Fatal(got)
	}
	tell.Want(role.Runner, nil)
	tell.Gone(role.Runner, conn)
	if n := tell.Waiting(role.Runner); n != 0 {
		t.Fatalf("%d events wait for nobody", n)
	}
}

// TestTellerCountsWhatIsDropped: nobody reads, so most lines go, but not their number; notifications are not held up by it.
func TestTellerCountsWhatIsDropped(t *testing.T) {
	tell, super := testTeller(t)
	tell.Want(role.Runner, everything)
	conn, runner := pair(t)
	tell.Meet(role.Runner, conn)
	const lines = 30000
	for i := range lines {
		tell.Say(vrrp.Info, fmt.Sprint(i))
	}
	tell.Event(event("A", 1))
	if got := seqs(t, runner, 1); got[0] != 1 { // although the log is stuck
		t.Fatal(got)
	}
	done := make(chan struct{})
	var got, dropped uint64
	go func() {
		defer close(done)
		last := -1
		for {
			m, _, err := super.Recv()
			if err != nil {
				return
			}
			var n int
			if _, err := fmt.Sscan(m.Log.Text, &n); err != nil || n <= last {
				t.Errorf("%q after %d", m.Log.Text, last)
			}
			last = n
			got++
			dropped += m.Log.Dropped
		}
	}()
	tell.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	nstest.OK(t, tell.ctl.Flush(ctx))
	tell.ctl.Close()
	<-done
	if sum := got + dropped + tell.lost + tell.ctl.Dropped(); sum != lines {
		t.Errorf("%d lines, %d told as dropped, %d not told yet: %d, want %d", got, dropped, tell.lost, sum, lines)
	}
	if got < maxLines {
		t.Errorf("only %d lines came", got)
	}
}

// TestTellerCloseFlushes: what was queued before the end arrives.
func TestTellerCloseFlushes(t *testing.T) {
	tell, super := testTeller(t)
	conn, runner := pair(t)
	tell.Want(role.Runner, everything)
	tell.Meet(role.Runner, conn)
	tell.Event(event("A", 1))
	tell.Say(vrrp.Info, "last words")
	tell.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	nstest.OK(t, conn.Flush(ctx))
	if got := seqs(t, runner, 1); got[0] != 1 {
		t.Fatal(got)
	}
	m, _, err := super.Recv()
	nstest.OK(t, err)
	if m.Log == nil || m.Log.Text != "last words" {
		t.Fatalf("%+v", m)
	}
}

// TestTellerAnnouncements: keepalived's words, with a line for each burst.
func TestTellerAnnouncements(t *testing.T) {
	tell, super := testTeller(t)
	items := []vrrp.Announcement{
		{Owner: 1, Index: 0, Addr: addr("192.0.2.100")},
		{Owner: 1, Index: 1, Addr: addr("2001:db8::1")},
	}
	router := func(*vrrp.Announcement) string { return "VI_1" }
	tell.Sent(items, router)
	tell.Sent(items[:1], router)
	tell.Close()
	var got []string
	for range 5 {
		m, _, err := super.Recv()
		nstest.OK(t, err)
		if m.Log.Detail != 1 {
			t.Errorf("%q is told without -D", m.Log.Text)
		}
		got = append(got, m.Log.Text)
	}
	want := []string{
		"(VI_1) Sending/queueing gratuitous ARPs on eth0 for 192.0.2.100",
		"Sending gratuitous ARP on eth0 for 192.0.2.100",
		"(VI_1) Sending/queueing Unsolicited Neighbour Adverts on eth1 for 2001:db8::1",
		"Sending unsolicited Neighbour Advert on eth1 for 2001:db8::1",
		"Sending gratuitous ARP on eth0 for 192.0.2.100",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
