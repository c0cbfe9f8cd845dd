package host_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"holdfast.dev/host"
)

func TestLookDoesNotMissWhatStandsWithAnotherLength(t *testing.T) {
	w := newWorld(t)
	w.k.AddAddr("eth0", "fd00::1/64")
	w.r.Want(1, 1, want("fd00::1/128", "10.0.0.3/24"))
	w.run()
	w.heard()
	w.k.DelAddr("eth0", "10.0.0.3/24")
	w.expect("lost 1 [10.0.0.3/24 eth0]", "", "eth0 up: fd00::1/64")
}

// TestForeignEventsNextToOurOwn has somebody delete an address right after we put it back: the event must neither be taken
// for an old one nor be waited for in vain.
func TestForeignEventsNextToOurOwn(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.k.AddAddr("eth0", "10.0.0.9/24")
	w.run()
	w.r.Want(1, 2, host.State{})
	if _, err := w.r.Round(w.k); err != nil {
		t.Fatal(err)
	}
	w.k.DelAddr("eth0", "10.0.0.9/24")
	w.run()
	if n := len(w.links["eth0"].Addrs); n != 0 {
		t.Errorf("reported with %d addresses that are not there", n)
	}
	looks := w.r.Stats().Looks
	for range 5 {
		w.k.AddAddr("eth0", "10.0.0.9/24")
		w.run()
		w.k.DelAddr("eth0", "10.0.0.9/24")
		w.run()
	}
	if got := w.r.Stats().Looks; got != looks {
		t.Errorf("looked %d times although the address has had nothing to do with us for long", got-looks)
	}
}

func TestKernelsFlagTellsThePrimary(t *testing.T) {
	links := []host.Link{{Name: "eth0", Index: 3, Up: true, Addrs: []host.LinkAddr{
		{Prefix: netip.MustParsePrefix("10.0.0.3/24"), Flags: host.FlagSecondary},
		{Prefix: netip.MustParsePrefix("10.0.0.1/24")},
	}}}
	ops := host.Diff(host.Machine{Links: links}, host.State{
		Addresses: []host.Address{addr("10.0.0.3/24")}, Absent: absent("10.0.0.1/24"),
	}, host.ProtoMark)
	if got := fmt.Sprint(ops); got != "[-10.0.0.1/24 eth0 +10.0.0.3/24 eth0]" {
		t.Errorf("operations %s", got)
	}
}

func TestUnwantedBeforeItWasAdoptedIsNotOurs(t *testing.T) {
	w := newWorld(t)
	w.k.AddAddr("eth0", "10.0.0.9/24")
	w.run()
	w.r.Want(1, 1, want("10.0.0.9/24"))
	w.r.Want(1, 2, host.State{})
	w.expect("applied 1.2 final", "", "eth0 up: 10.0.0.9/24")
}

func TestLookFailsAtFirst(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.k.AddAddr("eth0", "10.0.0.9/24")
	w.run()
	w.r.Want(1, 2, host.State{})
	_, _ = w.r.Round(w.k)
	w.k.DelAddr("eth0", "10.0.0.9/24")
	w.k.LookError = errors.New("too busy")
	if more, err := w.r.Round(w.k); err == nil || !more {
		t.Errorf("more %v, error %v", more, err)
	}
	w.k.LookError = nil
	w.run()
	if n := len(w.links["eth0"].Addrs); n != 0 {
		t.Errorf("reported with %d addresses that are not there", n)
	}
}

func TestForgottenOwnersHearNothing(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.heard()
	w.k.DelAddr("eth0", "10.0.0.3/24")
	if _, err := w.r.Round(w.k); err != nil {
		t.Fatal(err)
	}
	w.r.Want(2, 1, want("10.0.0.4/24"))
	w.r.Forget(1)
	w.r.Forget(7)
	w.expect("applied 2.1 final [10.0.0.4/24 eth0]", "+10.0.0.4/24 eth0", "eth0 up: 10.0.0.4/24")
}

// restoring brings a world to where 100 addresses are being put back after their primary one went, and 64 operations of that
// were made.
func restoring(t *testing.T) *world {
	w := newWorld(t)
	list := many(101)
	w.r.Want(1, 1, want(list[0]))
	w.r.Want(2, 1, want(list[1:]...))
	w.run()
	w.r.Want(1, 2, host.State{})
	if more, err := w.r.Round(w.k); err != nil || !more {
		t.Fatalf("more %v, error %v", more, err)
	}
	w.heard()
	if n := len(w.k.Addrs("eth0")); n != 63 {
		t.Fatalf("%d addresses in the middle", n)
	}
	return w
}

func TestRenameWhilePuttingBack(t *testing.T) {
	w := restoring(t)
	w.k.RenameLink("eth0", "lan0")
	w.run()
	for _, op := range w.k.Ops[len(w.k.Ops)-10:] {
		if !op.Delete {
			t.Errorf("%v was asked for although the link has another name", op)
		}
	}
	if got := w.k.String(); got != "lan0 up:\n" {
		t.Error(got)
	}
	w.k.RenameLink("lan0", "eth0")
	w.run()
	if n := len(w.k.Addrs("eth0")); n != 100 {
		t.Errorf("%d addresses", n)
	}
}

func TestOverrunWhilePuttingBack(t *testing.T) {
	w := restoring(t)
	w.k.LoseEvents()
	w.run()
	w.take()
	if n := len(w.k.Addrs("eth0")); n != 100 {
		t.Errorf("%d addresses", n)
	}
	for _, line := range w.said {
		if strings.HasPrefix(line, "lost") {
			t.Errorf("reported: %s", line)
		}
	}
}

// Somebody else's address that went with its primary one, and is not put back yet, is known of when that one goes again.
func TestAnothersIsPutBackAfterTheSecondTime(t *testing.T) {
	for _, c := range []struct {
		what   string
		happen func(w *world)
	}{
		{"nothing", func(*world) {}},
		{"everything is read anew", func(w *world) { w.k.LoseEvents() }},
		{"the link is looked at", func(w *world) { w.k.AddAddr("eth0", "10.0.0.3/24"); w.k.DelAddr("eth0", "10.0.7.7/24") }},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := newWorld(t)
			labelled := func(label string) host.State {
				s := want("10.0.0.3/24")
				s.Addresses[0].Label = label
				return s
			}
			w.r.Want(1, 1, want("10.0.0.3/24"))
			w.run()
			w.k.AddAddr("eth0", "10.0.0.9/24")
			w.run()
			w.r.Want(1, 2, labelled("eth0:1"))
			if more, err := w.r.RoundOf(w.k, 2); err != nil || !more {
				t.Fatalf("more %v, error %v", more, err)
			}
			if n := len(w.k.Addrs("eth0")); n != 1 {
				t.Fatalf("%d addresses in the middle", n)
			}
			c.happen(w)
			w.r.Want(1, 3, labelled("eth0:2"))
			w.run()
			if n := len(w.k.Addrs("eth0")); n != 2 {
				t.Errorf("the kernel holds %v", w.k)
			}
		})
	}
}

// Somebody else's address that is wanted in the moment in which it is put back is ours from then on, and not reported any more.
func TestAnothersIsWantedWhenPutBack(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.k.AddAddr("eth0", "10.0.0.9/24")
	w.run()
	s := want("10.0.0.3/24", "10.0.0.9/24")
	s.Addresses[0].Label = "eth0:1"
	w.r.Want(1, 2, s)
	w.run()
	if got := fmt.Sprint(w.k.Ops[len(w.k.Ops)-3:]); got != "[-10.0.0.3/24 eth0 +10.0.0.3/24 eth0 +10.0.0.9/24 eth0]" {
		t.Errorf("operations %s", got)
	}
	if left := w.links["eth0"].Addrs; len(left) != 0 {
		t.Errorf("reported as somebody else's: %v", left)
	}
}
