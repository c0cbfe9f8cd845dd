package host_test

import (
	"fmt"
	"net/netip"
	"testing"

	"holdfast.dev/host"
)

// many returns n addresses of one network.
func many(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("10.0.%d.%d/16", 1+i/250, 1+i%250))
	}
	return list
}

func TestSecondariesGoFirst(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24", "10.0.0.4/24", "10.0.0.5/24"))
	w.run()
	w.heard()
	w.r.Want(1, 2, host.State{})
	w.expect("applied 1.2 final", "-10.0.0.4/24 eth0, -10.0.0.5/24 eth0, -10.0.0.3/24 eth0", "eth0 up:")
}

func TestSecondariesOfOthersArePutBack(t *testing.T) {
	for _, promote := range []bool{false, true} {
		w := newWorld(t)
		w.k.SetPromote("eth0", promote)
		w.r.Want(1, 1, want("10.0.0.3/24"))
		w.r.Want(2, 1, want("10.0.0.4/24"))
		w.run()
		w.k.AddAddr("eth0", "10.0.0.9/24") // the administrator's
		w.run()
		w.heard()
		changes := w.changes
		w.r.Want(1, 2, host.State{})
		w.expect("applied 1.2 final", "-10.0.0.3/24 eth0, +10.0.0.4/24 eth0, +10.0.0.9/24 eth0",
			"eth0 up: 10.0.0.4/24 10.0.0.9/24(s)")
		if op := w.k.Ops[len(w.k.Ops)-1]; op.Proto != 0 {
			t.Errorf("the administrator's address is put back as ours: %+v", op)
		}
		if got := w.held(); got != "10.0.0.4/24 eth0" {
			t.Errorf("held: %s", got)
		}
		if w.changes != changes { // a source address that is away for microseconds must not look lost (rule K4)
			t.Error("the administrator's address was reported as gone and back")
		}
		w.r.Forget(2)
		w.run()
		if got := w.k.String(); got != "eth0 up: 10.0.0.9/24\n" {
			t.Error(got)
		}
	}
}

func TestHostAddressStaysPrimary(t *testing.T) {
	w := newWorld(t)
	w.k.AddAddr("eth0", "10.0.0.1/24")
	w.r.Want(1, 1, want("10.0.0.3/24", "10.0.0.4/24"))
	w.run()
	w.heard()
	w.r.Want(1, 2, want("10.0.0.4/24"))
	w.expect("applied 1.2 final [10.0.0.4/24 eth0]", "-10.0.0.3/24 eth0", "eth0 up: 10.0.0.1/24 10.0.0.4/24(s)")
}

func TestAddBeforeDelete(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.heard()
	w.r.Want(1, 2, want("10.0.1.3/24"))
	w.expect("applied 1.2 final [10.0.1.3/24 eth0]", "+10.0.1.3/24 eth0, -10.0.0.3/24 eth0", "eth0 up: 10.0.1.3/24")
	w.r.Want(1, 3, want("10.0.1.4/24", "10.0.2.3/24")) // in the network of a primary address that goes
	w.expect("applied 1.3 final [10.0.2.3/24 eth0] [10.0.1.4/24 eth0]",
		"+10.0.2.3/24 eth0, -10.0.1.3/24 eth0, +10.0.1.4/24 eth0", "eth0 up: 10.0.2.3/24 10.0.1.4/24")
}

func TestAddedAndPrimaryDeletedInOneBatch(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.heard()
	w.r.Want(2, 1, want("10.0.0.4/24"))
	w.r.Want(1, 2, host.State{})
	w.expect("applied 2.1 final [10.0.0.4/24 eth0]\napplied 1.2 final",
		"+10.0.0.4/24 eth0, -10.0.0.3/24 eth0, +10.0.0.4/24 eth0", "eth0 up: 10.0.0.4/24")
}

func TestPrimaryWithManySecondaries(t *testing.T) {
	for _, promote := range []bool{false, true} {
		w := newWorld(t)
		w.k.SetPromote("eth0", promote)
		list := many(200)
		w.r.Want(1, 1, want(list[0]))
		w.r.Want(2, 1, want(list[1:]...))
		w.run()
		w.heard()
		w.r.Want(1, 2, host.State{})
		w.run()
		if said, _ := w.heard(); said != "applied 1.2 final" {
			t.Errorf("promote %v: reported %s", promote, said)
		}
		if n := len(w.k.Addrs("eth0")); n != 199 {
			t.Errorf("promote %v: %d addresses", promote, n)
		}
	}
}

func TestForeignPrimaryDeletedTakesOursAway(t *testing.T) {
	w := newWorld(t)
	w.k.AddAddr("eth0", "10.0.0.1/24")
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.heard()
	w.k.DelAddr("eth0", "10.0.0.1/24")
	w.expect("lost 1 [10.0.0.3/24 eth0]", "", "eth0 up:")
}

func TestRestoringFails(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.r.Want(2, 1, want("10.0.0.4/24"))
	w.run()
	w.k.AddAddr("eth0", "10.0.0.9/24")
	w.run()
	w.heard()
	w.k.Refuse = func(op host.Op) string {
		if op.Delete {
			return ""
		}
		return "no"
	}
	w.r.Want(1, 2, host.State{})
	w.expect("lost 2 [10.0.0.4/24 eth0]\napplied 1.2 final\n10.0.0.9/24 eth0: the kernel dropped this address "+
		"together with its primary address, and it can't be put back: no",
		"-10.0.0.3/24 eth0, +10.0.0.4/24 eth0, +10.0.0.9/24 eth0", "eth0 up:")
}

func TestDiff(t *testing.T) {
	links := []host.Link{{Name: "eth0", Index: 3, Up: true, Addrs: []host.LinkAddr{
		{Prefix: netip.MustParsePrefix("10.0.0.1/24")},
		{Prefix: netip.MustParsePrefix("10.0.0.3/24"), Flags: host.FlagSecondary},
		{Prefix: netip.MustParsePrefix("fd00::3/64")},
		{Prefix: netip.MustParsePrefix("10.5.0.3/24")},
	}}}
	s := want("10.0.0.3/24", "10.0.0.4/24", "10.0.0.4/24@eth9")
	s.Absent = absent("10.0.0.3/24", "fd00::3/64", "fd00::4/64")
	ops := host.Diff(host.Machine{Links: links}, s, host.ProtoMark)
	if got := fmt.Sprint(ops); got != "[+10.0.0.4/24 eth0 -fd00::3/64 eth0]" || ops[0].Index != 3 {
		t.Errorf("operations %s", got)
	}
}
