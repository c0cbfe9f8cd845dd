package host_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"holdfast.dev/host"
)

func TestAddAndRemove(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24", "fd00::3/128"))
	w.expect("applied 1.1 final [10.0.0.3/24 eth0] [fd00::3/128 eth0]", "+10.0.0.3/24 eth0, +fd00::3/128 eth0",
		"eth0 up: 10.0.0.3/24 fd00::3/128")
	if got := w.held(); got != "10.0.0.3/24 eth0, fd00::3/128 eth0" {
		t.Errorf("held: %s", got)
	}
	if op := w.k.Ops[1]; op.Proto != host.ProtoMark || op.Valid != host.Forever {
		t.Errorf("the operation is %+v", op)
	}
	w.r.Want(1, 2, host.State{})
	w.expect("applied 1.2 final", "-10.0.0.3/24 eth0, -fd00::3/128 eth0", "eth0 up:")
	if got := w.held(); got != "" {
		t.Errorf("held: %s", got)
	}
}

func TestSameWantMakesNoOperation(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.heard()
	changes := w.changes
	w.r.Want(1, 2, want("10.0.0.3/24"))
	w.expect("applied 1.2 final [10.0.0.3/24 eth0]", "", "eth0 up: 10.0.0.3/24")
	if w.changes != changes {
		t.Error("the link was reported although nothing changed")
	}
}

func TestOwnChangesAreNotReportedAsLinkChanges(t *testing.T) {
	w := newWorld(t)
	changes := w.changes
	w.r.Want(1, 1, want("10.0.0.3/24", "10.0.0.4/24"))
	w.run()
	w.r.Want(1, 2, host.State{})
	w.run()
	if w.changes != changes {
		t.Errorf("eth0 was reported %d times", w.changes-changes)
	}
}

func TestBeforeFirstSnapshotNothingHappens(t *testing.T) {
	w := newWorld(t)
	r := host.New(host.ProtoMark)
	r.Want(1, 1, want("10.0.0.3/24"))
	if ops := r.Next(10); len(ops) != 0 {
		t.Errorf("operations %v without knowing what stands", ops)
	}
	w.k.SnapshotError = errors.New("interrupted")
	if _, err := r.Round(w.k); err == nil {
		t.Error("a failed reading is not reported")
	}
	w.k.SnapshotError = nil
	if _, err := r.Round(w.k); err != nil || len(w.k.Ops) != 1 {
		t.Errorf("then: %v, operations %v", err, w.k.Ops)
	}
}

// TestAdoptedAddressGetsNewSettings: it is taken as it is, but what is asked for later is carried out.
func TestAdoptedAddressGetsNewSettings(t *testing.T) {
	for _, seen := range []bool{true, false} {
		w := newWorld(t)
		w.k.Hold = !seen
		w.k.AddAddr("eth0", "10.0.0.3/24")
		w.run()
		s := want("10.0.0.3/24")
		s.Addresses[0].Label = "eth0:1"
		w.r.Want(1, 1, s)
		w.run()
		if a := w.k.Addrs("eth0")[0]; a.Label != "" {
			t.Errorf("it was not taken as it is: %+v", a)
		}
		w.heard()
		s = want("10.0.0.3/24")
		s.Addresses[0].Label = "eth0:vip"
		w.r.Want(1, 2, s)
		w.expect("applied 1.2 final [10.0.0.3/24 eth0]", "-10.0.0.3/24 eth0, +10.0.0.3/24 eth0", "eth0 up: 10.0.0.3/24")
		if a := w.k.Addrs("eth0")[0]; a.Label != "eth0:vip" {
			t.Errorf("%+v", a)
		}
		w.r.Want(1, 3, s)
		w.expect("applied 1.3 final [10.0.0.3/24 eth0]", "", "eth0 up: 10.0.0.3/24")
	}
}

func TestAdoptsWhatStands(t *testing.T) {
	w := newWorld(t)
	w.k.AddAddr("eth0", "10.0.0.3/24")
	w.run()
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.expect("applied 1.1 final [10.0.0.3/24 eth0]", "", "eth0 up: 10.0.0.3/24")
	w.r.Want(1, 2, host.State{})
	w.expect("applied 1.2 final", "-10.0.0.3/24 eth0", "eth0 up:")
}

func TestExistsUnseenCountsAsStanding(t *testing.T) {
	w := newWorld(t)
	w.k.Hold = true
	w.k.AddAddr("eth0", "10.0.0.3/24")
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.expect("applied 1.1 final [10.0.0.3/24 eth0]", "+10.0.0.3/24 eth0", "eth0 up: 10.0.0.3/24")
	w.k.Hold = false
	w.expect("", "", "eth0 up: 10.0.0.3/24")
}

func TestSixWithOtherLengthStandsAndIsNotDeleted(t *testing.T) {
	w := newWorld(t)
	w.k.AddAddr("eth0", "fd00::1/64")
	w.r.Want(1, 1, want("fd00::1/128"))
	w.expect("applied 1.1 final [fd00::1/128 eth0]", "", "eth0 up: fd00::1/64")
	w.r.Want(1, 2, want("fd00::1/128"))
	w.expect("applied 1.2 final [fd00::1/128 eth0]", "", "eth0 up: fd00::1/64")
	w.k.DelAddr("eth0", "fd00::1/64")
	w.expect("lost 1 [fd00::1/128 eth0]", "", "eth0 up:")
	w.k.AddAddr("eth0", "fd00::1/64")
	w.r.Want(1, 3, host.State{})
	w.expect("applied 1.3 final", "", "eth0 up: fd00::1/64")
}

func TestRegressionC57_PrefixLengthIsPartOfTheIdentity(t *testing.T) {
	w := newWorld(t)
	w.k.AddAddr("eth0", "10.1.0.3/24")
	w.r.Want(1, 1, want("10.1.0.3/32"))
	w.expect("applied 1.1 final [10.1.0.3/32 eth0]", "+10.1.0.3/32 eth0", "eth0 up: 10.1.0.3/24 10.1.0.3/32")
	w.r.Want(1, 2, host.State{Absent: absent("10.1.0.3/32")})
	w.expect("applied 1.2 final", "-10.1.0.3/32 eth0", "eth0 up: 10.1.0.3/24")
}

func TestTwoOwnersAreCounted(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.r.Want(2, 1, want("10.0.0.3/24"))
	w.expect("applied 1.1 final [10.0.0.3/24 eth0]\napplied 2.1 final [10.0.0.3/24 eth0]", "+10.0.0.3/24 eth0",
		"eth0 up: 10.0.0.3/24")
	w.r.Want(1, 2, host.State{})
	w.expect("applied 1.2 final", "", "eth0 up: 10.0.0.3/24")
	w.k.DelAddr("eth0", "10.0.0.3/24")
	w.expect("lost 2 [10.0.0.3/24 eth0]", "", "eth0 up:")
	w.r.Want(2, 2, want("10.0.0.3/24"))
	w.r.Forget(2)
	w.expect("", "", "eth0 up:")
}

func TestRegressionB36_AddressMovesBetweenOwners(t *testing.T) {
	for _, addFirst := range []bool{true, false} {
		w := newWorld(t)
		w.r.Want(1, 1, want("10.0.0.3/24"))
		w.run()
		w.heard()
		if addFirst {
			w.r.Want(2, 1, want("10.0.0.3/24"))
		}
		w.r.Want(1, 2, host.State{})
		if !addFirst {
			w.r.Want(2, 1, want("10.0.0.3/24"))
		}
		w.run()
		if _, ops := w.heard(); ops != "" {
			t.Errorf("addFirst %v: the kernel was asked for %s", addFirst, ops)
		}
		if got := w.k.String(); got != "eth0 up: 10.0.0.3/24\n" {
			t.Errorf("addFirst %v: %s", addFirst, got)
		}
		w.r.Forget(2)
		w.run()
		if got := w.k.String(); got != "eth0 up:\n" {
			t.Errorf("addFirst %v, at the end: %s", addFirst, got)
		}
	}
}

func TestAbsent(t *testing.T) {
	w := newWorld(t)
	for _, p := range []string{"10.0.0.3/24", "10.0.1.3/24", "10.0.2.3/24"} {
		w.k.AddAddr("eth0", p)
	}
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.r.Want(2, 1, host.State{Absent: absent("10.0.0.3/24", "10.0.1.3/24", "10.0.9.3/24", "10.0.1.3/24@eth7")})
	w.expect("applied 1.1 final [10.0.0.3/24 eth0]\napplied 2.1 final", "-10.0.1.3/24 eth0",
		"eth0 up: 10.0.0.3/24 10.0.2.3/24")
	w.k.AddAddr("eth0", "10.0.1.3/24") // once is once
	w.expect("", "", "eth0 up: 10.0.0.3/24 10.0.2.3/24 10.0.1.3/24")
}

func TestRefusedIsReportedAndLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.k.Refuse = func(op host.Op) string {
		if op.Address.Prefix == netip.MustParsePrefix("10.0.1.3/24") {
			return "no more room"
		}
		return ""
	}
	w.r.Want(1, 1, want("10.0.0.3/24", "10.0.1.3/24", "10.0.2.3/24"))
	w.expect("applied 1.1 final [10.0.0.3/24 eth0] [10.0.1.3/24 eth0: no more room] [10.0.2.3/24 eth0]",
		"+10.0.0.3/24 eth0, +10.0.1.3/24 eth0, +10.0.2.3/24 eth0", "eth0 up: 10.0.0.3/24 10.0.2.3/24")
	if got := w.held(); got != "10.0.0.3/24 eth0, 10.0.2.3/24 eth0" {
		t.Errorf("held: %s", got)
	}
	w.expect("", "", "eth0 up: 10.0.0.3/24 10.0.2.3/24")
	w.k.Refuse = nil
	w.r.Want(1, 2, want("10.0.0.3/24", "10.0.1.3/24", "10.0.2.3/24"))
	w.expect("applied 1.2 final [10.0.0.3/24 eth0] [10.0.2.3/24 eth0] [10.0.1.3/24 eth0]", "+10.0.1.3/24 eth0",
		"eth0 up: 10.0.0.3/24 10.0.2.3/24 10.0.1.3/24")
}

func TestRefusedRemoval(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.heard()
	w.k.Refuse = func(host.Op) string { return "not permitted" }
	w.r.Want(1, 2, host.State{})
	w.expect("applied 1.2 final unremoved[10.0.0.3/24 eth0: not permitted]", "-10.0.0.3/24 eth0", "eth0 up: 10.0.0.3/24")
	if got := w.held(); got != "10.0.0.3/24 eth0" {
		t.Errorf("held: %q", got)
	}
	w.k.Refuse = nil
	w.r.Want(1, 3, host.State{Absent: absent("10.0.0.3/24")})
	w.expect("applied 1.3 final", "-10.0.0.3/24 eth0", "eth0 up:")
}

func TestLostAnswer(t *testing.T) {
	w := newWorld(t)
	w.k.DropAnswers = 1
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.expect("applied 1.1 final [10.0.0.3/24 eth0: the answer was lost]", "+10.0.0.3/24 eth0", "eth0 up: 10.0.0.3/24")
	w.r.Want(1, 2, want("10.0.0.3/24"))
	w.expect("applied 1.2 final [10.0.0.3/24 eth0]", "", "eth0 up: 10.0.0.3/24")
	w.k.DropAnswers = 1
	w.r.Want(1, 3, host.State{})
	w.expect("applied 1.3 final unremoved[10.0.0.3/24 eth0: the answer was lost]", "-10.0.0.3/24 eth0", "eth0 up:")
	if got := w.held(); got != "" {
		t.Errorf("held: %s", got)
	}
}

func TestNonsenseIsAnswered(t *testing.T) {
	w := newWorld(t)
	bad := []host.Address{
		{},
		{Key: host.Key{Link: "eth0"}},
		{Key: host.Key{Link: "eth0", Prefix: netip.MustParsePrefix("::ffff:10.0.0.1/120")}},
		{Key: host.Key{Link: "a-name-that-is-too-long", Prefix: netip.MustParsePrefix("10.0.0.1/24")}},
		{Key: addr("10.0.0.1/24").Key, Peer: netip.MustParsePrefix("fd00::1/128")},
		{Key: addr("fd00::1/64").Key, Broadcast: netip.MustParseAddr("10.0.0.255")},
		{Key: addr("10.0.0.1/24").Key, Label: "eth0:and-on-and-on"},
	}
	w.r.Want(1, 1, host.State{Addresses: bad, Absent: []host.Key{{}, {Link: "eth0"}}})
	w.run()
	said, ops := w.heard()
	if ops != "" {
		t.Errorf("operations %s", ops)
	}
	wantSaid := "applied 1.1 final"
	for _, a := range bad {
		wantSaid += fmt.Sprintf(" [%s: %s]", a.Key, host.NotAnAddress)
	}
	if said != wantSaid {
		t.Errorf("reported %s\nwant     %s", said, wantSaid)
	}
}

func TestBatches(t *testing.T) {
	w := newWorld(t)
	var s host.State
	for i := range 1000 {
		s.Addresses = append(s.Addresses, addr(fmt.Sprintf("10.1.%d.%d/32", i/250, i%250+1)))
	}
	w.k.Batches = nil
	w.r.Want(1, 1, s)
	w.run()
	if len(w.k.Batches) != 16 || w.k.Batches[0] != host.MaxBatch || w.k.Batches[15] != 40 {
		t.Errorf("batches %v", w.k.Batches)
	}
	if len(w.said) != 16 {
		t.Errorf("%d reports for 16 batches", len(w.said))
	}
	w.k.Batches = nil
	w.r.Want(1, 2, host.State{})
	w.run()
	if len(w.k.Batches) != 16 || len(w.k.Addrs("eth0")) != 0 {
		t.Errorf("batches %v, %d addresses are left", w.k.Batches, len(w.k.Addrs("eth0")))
	}
}

func TestNewerWantOvertakes(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24", "10.0.1.3/24"))
	w.r.Want(1, 2, want("10.0.1.3/24", "10.0.2.3/24"))
	w.expect("applied 1.2 final [10.0.1.3/24 eth0] [10.0.2.3/24 eth0]", "+10.0.1.3/24 eth0, +10.0.2.3/24 eth0",
		"eth0 up: 10.0.1.3/24 10.0.2.3/24")
	ops := w.r.Next(1)
	if len(ops) != 0 {
		t.Errorf("more operations: %v", ops)
	}
	// While an operation is on its way, the mind is changed.
	w.r.Want(1, 3, want("10.0.1.3/24"))
	ops = w.r.Next(64)
	w.r.Want(1, 4, want("10.0.1.3/24", "10.0.2.3/24"))
	if len(w.r.Next(64)) != 0 {
		t.Error("a batch was handed out before the last one was answered")
	}
	w.r.Done(w.k.Apply(ops, nil))
	w.expect("applied 1.4 final [10.0.1.3/24 eth0] [10.0.2.3/24 eth0]", "-10.0.2.3/24 eth0, +10.0.2.3/24 eth0",
		"eth0 up: 10.0.1.3/24 10.0.2.3/24")
}

func TestChangedSettings(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("fd00::3/64", "10.0.0.3/24", "10.0.0.4/24"))
	w.run()
	w.heard()
	s := want("fd00::3/64", "10.0.0.3/24", "10.0.0.4/24")
	s.Addresses[0].Preferred = 0
	s.Addresses[1].Preferred = 7 // means nothing for IPv4
	w.r.Want(1, 2, s)
	w.expect("applied 1.2 final [10.0.0.3/24 eth0] [10.0.0.4/24 eth0] [fd00::3/64 eth0]", "~fd00::3/64 eth0",
		"eth0 up: 10.0.0.3/24 10.0.0.4/24(s) fd00::3/64")
	s.Addresses = append([]host.Address(nil), s.Addresses...)
	s.Addresses[1].Label = "eth0:1"
	w.r.Want(1, 3, s)
	w.expect("applied 1.3 [fd00::3/64 eth0] [10.0.0.3/24 eth0]\napplied 1.3 final [10.0.0.4/24 eth0]",
		"-10.0.0.3/24 eth0, +10.0.0.3/24 eth0, +10.0.0.4/24 eth0", "eth0 up: 10.0.0.3/24 10.0.0.4/24(s) fd00::3/64")
	if a := w.k.Addrs("eth0"); a[0].Label != "eth0:1" || a[2].Preferred != 0 {
		t.Errorf("addresses %+v", a)
	}
}

// The kernel tells IPv4 addresses apart by their peers, too.
func TestTwoAddressesThatDifferInThePeer(t *testing.T) {
	w := newWorld(t)
	pair := func(peers ...string) (s host.State) {
		for _, p := range peers {
			a := want("10.0.0.3/32").Addresses[0]
			if a.Peer = netip.MustParsePrefix(p); p != "10.0.0.3/32" {
				a.Net = a.Peer
			}
			s.Addresses = append(s.Addresses, a)
		}
		return s
	}
	w.r.Want(1, 1, pair("10.9.9.9/32", "10.9.9.8/32"))
	w.r.Want(2, 1, want("10.0.0.3/32"))
	w.run()
	if got := w.k.String(); got != "eth0 up: 10.0.0.3/32 10.0.0.3/32 10.0.0.3/32\n" {
		t.Errorf("kernel: %s", got)
	}
	w.heard()
	w.r.Want(1, 2, pair("10.9.9.8/32"))
	w.expect("applied 1.2 final [10.0.0.3/32 peer 10.9.9.8/32 eth0]", "-10.0.0.3/32 peer 10.9.9.9/32 eth0", "eth0 up: 10.0.0.3/32 10.0.0.3/32")
	w.k.DelAddr("eth0", "10.0.0.3/32") // the one without a peer
	w.expect("lost 2 [10.0.0.3/32 eth0]", "", "eth0 up: 10.0.0.3/32")
	if got := w.held(); got != "10.0.0.3/32 peer 10.9.9.8/32 eth0" {
		t.Errorf("held: %s", got)
	}
	w.r.Want(3, 1, host.State{Absent: []host.Key{{Link: "eth0", Prefix: netip.MustParsePrefix("10.0.0.3/32")}}})
	w.expect("applied 3.1 final", "", "eth0 up: 10.0.0.3/32") // that one is gone
	w.r.Forget(1)
	w.expect("", "-10.0.0.3/32 peer 10.9.9.8/32 eth0", "eth0 up:")
}

func TestPeer(t *testing.T) {
	w := newWorld(t)
	s := want("10.0.0.3/24")
	s.Addresses[0].Peer = netip.MustParsePrefix("10.9.9.9/32")
	w.r.Want(1, 1, s)
	w.expect("applied 1.1 final [10.0.0.3/24 eth0]", "+10.0.0.3/32 eth0", "eth0 up: 10.0.0.3/32")
	w.r.Want(1, 2, s)
	w.expect("applied 1.2 final [10.0.0.3/24 eth0]", "", "eth0 up: 10.0.0.3/32")
	if got := w.held(); got != "10.0.0.3/32 peer 10.9.9.9/32 eth0" {
		t.Errorf("held: %s, which is not how the kernel knows it", got)
	}
	w.r.Want(1, 3, host.State{})
	w.expect("applied 1.3 final", "-10.0.0.3/32 peer 10.9.9.9/32 eth0", "eth0 up:")
}
