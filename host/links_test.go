package host_test

import (
	"testing"

	"holdfast.dev/host"
)

func TestForeignDeleteIsLostAndNotPutBack(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24", "fd00::3/64"))
	w.run()
	w.heard()
	w.k.DelAddr("eth0", "10.0.0.3/24")
	w.k.DelAddr("eth0", "fd00::3/64")
	w.expect("lost 1 [10.0.0.3/24 eth0]\nlost 1 [fd00::3/64 eth0]", "", "eth0 up:")
	w.expect("", "", "eth0 up:")
	w.r.Want(1, 2, want("10.0.0.3/24", "fd00::3/64"))
	w.expect("applied 1.2 final [10.0.0.3/24 eth0] [fd00::3/64 eth0]", "+10.0.0.3/24 eth0, +fd00::3/64 eth0",
		"eth0 up: 10.0.0.3/24 fd00::3/64")
}

func TestForeignDeleteAndAddAgainIsNothing(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.heard()
	w.k.DelAddr("eth0", "10.0.0.3/24")
	w.k.AddAddr("eth0", "10.0.0.3/24")
	w.expect("", "", "eth0 up: 10.0.0.3/24")
}

func TestLateEventsOfOurOwn(t *testing.T) {
	w := newWorld(t)
	w.k.Hold = true
	for gen := range uint64(5) {
		w.r.Want(1, 2*gen, want("10.0.0.3/24", "fd00::3/64"))
		w.run()
		w.r.Want(1, 2*gen+1, host.State{})
		w.run()
	}
	w.r.Want(1, 99, want("10.0.0.3/24", "fd00::3/64"))
	w.run()
	w.heard()
	w.k.Hold = false
	for range 40 { // one event at a time, each of them contradicting what stands
		w.k.PollLimit = 1
		w.expect("", "", "eth0 up: 10.0.0.3/24 fd00::3/64")
	}
}

func TestLinkDownDropsSix(t *testing.T) {
	for _, addrsFirst := range []bool{false, true} {
		w := newWorld(t)
		w.k.AddrsFirst = addrsFirst
		w.r.Want(1, 1, want("10.0.0.3/24", "fd00::3/64"))
		w.run()
		w.heard()
		w.k.SetUp("eth0", false)
		w.expect("lost 1 [fd00::3/64 eth0] link down", "", "eth0 down: 10.0.0.3/24")
		if l := w.links["eth0"]; l.Up || l.Running {
			t.Errorf("the link is reported as %+v", l)
		}
		w.k.SetUp("eth0", true)
		w.expect("applied 1.1 final [fd00::3/64 eth0]", "+fd00::3/64 eth0", "eth0 up: 10.0.0.3/24 fd00::3/64")
	}
}

func TestEventsOneByOneWhileLinkGoesDown(t *testing.T) {
	for _, addrsFirst := range []bool{false, true} {
		w := newWorld(t)
		w.k.AddrsFirst, w.k.PollLimit = addrsFirst, 1
		w.r.Want(1, 1, want("fd00::3/64"))
		w.run()
		w.heard()
		w.k.SetUp("eth0", false)
		w.expect("lost 1 [fd00::3/64 eth0] link down", "", "eth0 down:")
	}
}

func TestLinkFlapsWithinARound(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("fd00::3/64"))
	w.run()
	w.heard()
	w.k.SetUp("eth0", false)
	w.k.SetUp("eth0", true)
	w.expect("lost 1 [fd00::3/64 eth0] link down\napplied 1.1 final [fd00::3/64 eth0]", "+fd00::3/64 eth0",
		"eth0 up: fd00::3/64")
}

func TestLinkDownKeepsSixWhereItDoes(t *testing.T) {
	w := newWorld(t)
	w.k.SetKeep("eth0", true)
	w.r.Want(1, 1, want("fd00::3/64"))
	w.run()
	w.heard()
	w.k.SetUp("eth0", false)
	w.expect("", "", "eth0 down: fd00::3/64")
}

func TestFourDeletedWhileLinkIsDownWasSomebody(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.heard()
	w.k.SetUp("eth0", false)
	w.run()
	w.k.DelAddr("eth0", "10.0.0.3/24")
	w.expect("lost 1 [10.0.0.3/24 eth0]", "", "eth0 down:")
}

func TestRegressionC58_LinkDeletedAndMadeAgain(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24", "fd00::3/64"))
	w.run()
	w.heard()
	for range 5 {
		w.k.DeleteLink("eth0")
		w.expect("gone eth0\nlost 1 [10.0.0.3/24 eth0] link down\nlost 1 [fd00::3/64 eth0] link down", "", "")
		if len(w.links) != 0 {
			t.Fatalf("links %v", w.links)
		}
		index := w.k.AddLink("eth0", true)
		w.expect("applied 1.1 final [10.0.0.3/24 eth0] [fd00::3/64 eth0]", "+10.0.0.3/24 eth0, +fd00::3/64 eth0",
			"eth0 up: 10.0.0.3/24 fd00::3/64")
		if w.links["eth0"].Index != index {
			t.Errorf("the link is reported with number %d, want %d", w.links["eth0"].Index, index)
		}
	}
}

func TestLinkDeletedEventByEvent(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24", "fd00::3/64"))
	w.run()
	w.heard()
	w.k.PollLimit = 1
	w.k.DeleteLink("eth0")
	w.run()
	said, ops := w.heard()
	wantSaid := "lost 1 [10.0.0.3/24 eth0] link down\nlost 1 [fd00::3/64 eth0] link down\ngone eth0"
	if said != wantSaid || ops != "" {
		t.Errorf("reported:\n%s\noperations: %s", said, ops)
	}
}

func TestMissingLink(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24@eth1", "10.0.1.3/24"))
	w.expect("applied 1.1 final [10.0.0.3/24 eth1: no such interface] [10.0.1.3/24 eth0]", "+10.0.1.3/24 eth0",
		"eth0 up: 10.0.1.3/24")
	w.k.AddLink("eth1", false)
	w.expect("applied 1.1 final [10.0.0.3/24 eth1]", "+10.0.0.3/24 eth1",
		"eth0 up: 10.0.1.3/24\neth1 down: 10.0.0.3/24")
}

func TestLinkGoneUnseen(t *testing.T) {
	w := newWorld(t)
	w.k.AddLink("eth1", true)
	w.run()
	w.heard()
	w.k.Hold = true
	w.k.DeleteLink("eth1")
	w.r.Want(1, 1, want("10.0.0.3/24@eth1"))
	w.expect("applied 1.1 final [10.0.0.3/24 eth1: no such interface]", "+10.0.0.3/24 eth1", "eth0 up:")
	if got := w.held(); got != "" {
		t.Errorf("held: %s", got)
	}
	w.k.Hold = false
	w.expect("gone eth1", "", "eth0 up:")
}

func TestRename(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.heard()
	w.k.RenameLink("eth0", "lan0")
	w.expect("gone eth0\nlost 1 [10.0.0.3/24 eth0] link down", "-10.0.0.3/24 lan0", "lan0 up:")
	if _, ok := w.links["lan0"]; !ok || len(w.links) != 1 {
		t.Errorf("links %v", w.links)
	}
	w.k.RenameLink("lan0", "eth0")
	w.expect("gone lan0\napplied 1.1 final [10.0.0.3/24 eth0]", "+10.0.0.3/24 eth0", "eth0 up: 10.0.0.3/24")
}

func TestRenameBackAtOnce(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.heard()
	w.k.RenameLink("eth0", "lan0")
	w.k.RenameLink("lan0", "eth0")
	w.expect("gone eth0\ngone lan0\nlost 1 [10.0.0.3/24 eth0] link down\napplied 1.1 final [10.0.0.3/24 eth0]", "",
		"eth0 up: 10.0.0.3/24")
	if _, ok := w.links["eth0"]; !ok {
		t.Error("eth0 is not reported")
	}
}

func TestRenameInTheMiddleOfThings(t *testing.T) {
	w := newWorld(t)
	w.k.AddLink("eth1", true)
	w.run()
	w.heard()
	s := want()
	for _, p := range many(100) {
		s.Addresses = append(s.Addresses, addr(p))
	}
	w.r.Want(1, 1, s)
	if _, err := w.r.Round(w.k); err != nil { // 64 are on
		t.Fatal(err)
	}
	w.k.RenameLink("eth0", "lan0")
	w.run()
	if got := w.k.String(); got != "lan0 up:\neth1 up:\n" {
		t.Errorf("left behind: %s", got)
	}
	if got := w.held(); got != "" {
		t.Errorf("held: %s", got)
	}
}

func TestLinkFacts(t *testing.T) {
	w := newWorld(t)
	w.k.SetAuto("eth0")
	w.k.SetUp("eth0", false)
	w.run()
	w.k.SetUp("eth0", true)
	w.run()
	if l := w.links["eth0"]; !l.IsUp() || len(l.Addrs) != 0 || l.Forward6 { // a tentative address is seen only when read
		t.Errorf("after link up: %+v", l)
	}
	w.k.LoseEvents()
	w.run()
	if l := w.links["eth0"]; len(l.Addrs) != 1 || l.Addrs[0].Flags&host.FlagTentative == 0 {
		t.Errorf("read anew: %+v", l)
	}
	w.k.EndDAD("eth0", false)
	w.run()
	if l := w.links["eth0"]; len(l.Addrs) != 1 || l.Addrs[0].Flags&host.FlagTentative != 0 {
		t.Errorf("at the end of duplicate address detection: %+v", l)
	}
	w.k.SetForward6("eth0", true)
	w.run()
	if !w.links["eth0"].Forward6 {
		t.Error("forwarding is not reported")
	}
	w.k.SetCarrier("eth0", false)
	w.run()
	if l := w.links["eth0"]; l.IsUp() || !l.Up || !l.Forward6 {
		t.Errorf("without carrier: %+v", l)
	}
	w.k.SetUp("eth0", false)
	w.k.SetUp("eth0", true)
	w.k.EndDAD("eth0", true)
	w.run()
	if a := w.links["eth0"].Addrs; len(a) != 1 || a[0].Flags&host.FlagDADFailed == 0 {
		t.Errorf("a duplicate address: %+v", a)
	}
	if said, _ := w.heard(); said != "" {
		t.Errorf("reported: %s", said)
	}
}

func TestForward6IsToldBeforeTheLink(t *testing.T) {
	w := newWorld(t)
	w.r.Observe(&host.Event{Kind: host.Forward6, Index: 70, Forward: true})
	w.r.Observe(&host.Event{Kind: host.LinkNew, Index: 70, Link: host.Link{Name: "ppp0"}})
	w.take()
	if l := w.links["ppp0"]; !l.Forward6 || l.Index != 70 {
		t.Errorf("%+v", l)
	}
}

func TestOverrun(t *testing.T) {
	w := newWorld(t)
	w.k.AddAddr("eth0", "192.168.0.1/24")
	w.k.AddLink("eth1", true)
	w.r.Want(1, 1, want("10.0.0.3/24", "10.0.1.3/24", "10.0.2.3/24@eth1"))
	w.run()
	w.heard()
	w.k.DelAddr("eth0", "10.0.0.3/24")
	w.k.DelAddr("eth0", "192.168.0.1/24")
	w.k.AddAddr("eth0", "192.168.7.1/24")
	w.k.DeleteLink("eth1")
	w.k.AddLink("eth2", true)
	w.k.SetUp("eth0", false)
	w.k.LoseEvents()
	w.expect("gone eth1\nlost 1 [10.0.2.3/24 eth1] link down\nlost 1 [10.0.0.3/24 eth0]", "",
		"eth0 down: 10.0.1.3/24 192.168.7.1/24\neth2 up:")
	l := w.links["eth0"]
	if l.Up || len(l.Addrs) != 1 || l.Addrs[0].Prefix.String() != "192.168.7.1/24" {
		t.Errorf("eth0 is reported as %+v", l)
	}
	if _, ok := w.links["eth2"]; !ok || len(w.links) != 2 {
		t.Errorf("links %v", w.links)
	}
	if s := w.r.Stats(); s.Overruns != 1 || s.Resyncs != 2 {
		t.Errorf("%+v", s)
	}
}

func TestOverrunInTheMiddleOfThings(t *testing.T) {
	w := newWorld(t)
	w.k.AddAddr("eth0", "10.0.0.1/16")
	s := want()
	for _, p := range many(200) {
		s.Addresses = append(s.Addresses, addr(p))
	}
	w.r.Want(1, 1, s)
	for range 2 {
		_, _ = w.r.Round(w.k)
	}
	w.k.DelAddr("eth0", many(1)[0])
	w.k.LoseEvents()
	w.run()
	w.take()
	if n := len(w.k.Addrs("eth0")); n != 200 { // ours but the one that was deleted, and the host's
		t.Errorf("%d addresses", n)
	}
	w.r.Want(1, 2, host.State{})
	w.run()
	if got := w.k.String(); got != "eth0 up: 10.0.0.1/16\n" {
		t.Error(got)
	}
}
