package host_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"holdfast.dev/host"
)

// A link that cannot be read is believed to be as it was; what became of its addresses is found out when it can.
func TestLookFails(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24", "10.0.1.3/24"))
	w.run()
	w.heard()
	w.k.LookError = errors.New("no memory")
	w.k.DelAddr("eth0", "10.0.0.3/24")
	for range 5 {
		_, err := w.r.Round(w.k)
		if w.take(); err == nil || !strings.Contains(err.Error(), "no memory") {
			t.Fatalf("the error is %v", err)
		}
	}
	if said, _ := w.heard(); said != "" {
		t.Errorf("told what nobody could know: %s", said)
	}
	w.k.LookError = nil
	w.run()
	if said, _ := w.heard(); said != "lost 1 [10.0.0.3/24 eth0]" {
		t.Errorf("told: %s", said)
	}
}

// Events that come late may tell of two links with one name. When the one that took it goes, it is the other's again.
func TestTwoLinksWithOneName(t *testing.T) {
	w := newWorld(t)
	first := w.links["eth0"]
	second := first
	second.Index = first.Index + 1000
	second.MTU = 9000
	w.r.Observe(&host.Event{Kind: host.LinkNew, Index: second.Index, Link: second})
	w.take()
	if w.links["eth0"].Index != second.Index {
		t.Errorf("eth0 is %d", w.links["eth0"].Index)
	}
	w.r.Observe(&host.Event{Kind: host.LinkDel, Index: second.Index})
	w.take()
	if w.links["eth0"].Index != first.Index {
		t.Errorf("eth0 is %d, want %d: %+v", w.links["eth0"].Index, first.Index, w.links)
	}
}

// What no interface can have is refused by name, and nothing of it reaches the kernel.
func TestNonsenseIsRefused(t *testing.T) {
	change := func(f func(a *host.Address)) host.Address {
		a := addr("10.0.0.3/24")
		f(&a)
		return a
	}
	prefix := netip.MustParsePrefix
	for name, c := range map[string]struct {
		a    host.Address
		good bool
	}{
		"good":                {addr("10.0.0.3/24"), true},
		"peer":                {change(func(a *host.Address) { a.Peer = prefix("10.0.0.9/32") }), true},
		"no prefix":           {change(func(a *host.Address) { a.Prefix = netip.Prefix{} }), false},
		"mapped":              {change(func(a *host.Address) { a.Prefix = netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.3"), 120) }), false},
		"no link":             {change(func(a *host.Address) { a.Link = "" }), false},
		"long link":           {change(func(a *host.Address) { a.Link = "0123456789abcdef" }), false},
		"NUL in link":         {change(func(a *host.Address) { a.Link = "a\x00b" }), false},
		"long label":          {change(func(a *host.Address) { a.Label = "eth0:0123456789a" }), false},
		"NUL in label":        {change(func(a *host.Address) { a.Label = "eth0:\x00" }), false},
		"label":               {change(func(a *host.Address) { a.Label = "eth0:123456789" }), true},
		"peer of IPv6":        {change(func(a *host.Address) { a.Peer = prefix("fd00::1/128") }), false},
		"mapped peer":         {change(func(a *host.Address) { a.Peer = netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.9"), 128) }), false},
		"peer without length": {change(func(a *host.Address) { a.Peer = netip.PrefixFrom(netip.MustParseAddr("10.0.0.9"), 99) }), false},
		"IPv6 broadcast":      {change(func(a *host.Address) { a.Broadcast = netip.MustParseAddr("ff02::1") }), false},
		"broadcast":           {change(func(a *host.Address) { a.Broadcast = netip.MustParseAddr("10.0.0.255") }), true},
		"broadcast of IPv6": {func() host.Address {
			a := addr("fd00::3/64")
			a.Broadcast = netip.MustParseAddr("10.0.0.255")
			return a
		}(), false},
	} {
		w := newWorld(t)
		w.r.Want(1, 1, host.State{Addresses: []host.Address{c.a}})
		w.run()
		said, ops := w.heard()
		if refused := strings.Contains(said, host.NotAnAddress); refused == c.good || c.good == (ops == "") {
			t.Errorf("%s: %s; operations %s", name, said, ops)
		}
	}
}

// What the kernel has refused on one link is tried anew on another that gets its name, without being asked for again.
func TestRefusedIsTriedOnAnotherLink(t *testing.T) {
	for name, replace := range map[string]func(w *world){
		"made again": func(w *world) { w.k.DeleteLink("eth0"); w.k.AddLink("eth0", true) },
		"renamed":    func(w *world) { w.k.AddLink("eth7", true); w.k.DeleteLink("eth0"); w.k.RenameLink("eth7", "eth0") },
		"seen at last": func(w *world) {
			w.k.DeleteLink("eth0")
			w.k.AddLink("eth0", true)
			w.k.LoseEvents()
		},
	} {
		w := newWorld(t)
		w.k.Refuse = func(op host.Op) string { return "not here" }
		w.r.Want(1, 1, want("10.0.0.3/24"))
		w.expect("applied 1.1 final [10.0.0.3/24 eth0: not here]", "+10.0.0.3/24 eth0", "eth0 up:")
		w.k.Refuse = nil
		replace(w)
		w.run()
		if said, ops := w.heard(); ops != "+10.0.0.3/24 eth0" || !strings.HasSuffix(said, "applied 1.1 final [10.0.0.3/24 eth0]") {
			t.Errorf("%s: %s; operations %s", name, said, ops)
		}
	}
}

// What one owner has put back, before anybody could be told that it was lost, all owners are told of.
func TestPutBackForOneOwner(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.r.Want(2, 1, want("10.0.0.3/24"))
	w.run()
	w.heard()
	w.k.DelAddr("eth0", "10.0.0.3/24")
	w.r.Want(1, 2, want("10.0.0.3/24"))
	w.expect("applied 1.2 final [10.0.0.3/24 eth0]\napplied 2.1 final [10.0.0.3/24 eth0]", "+10.0.0.3/24 eth0", "eth0 up: 10.0.0.3/24")
}

// What a complete reading shows is told: that it was made, forwarding that was switched, and addresses of other people that are gone.
func TestReadingTellsWhatHasChanged(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.k.AddAddr("eth0", "10.0.1.1/24")
	w.run()
	if l := w.links["eth0"]; l.Forward6 || len(l.Addrs) != 1 {
		t.Fatalf("reported %+v", l)
	}
	w.k.SetForward6("eth0", true)
	w.k.DelAddr("eth0", "10.0.1.1/24")
	w.k.LoseEvents()
	if _, err := w.r.Round(w.k); err != nil {
		t.Fatal(err)
	}
	rep := w.r.Reports()
	if !rep.Synced || len(rep.Changed) != 1 || !rep.Changed[0].Forward6 || len(rep.Changed[0].Addrs) != 0 {
		t.Errorf("reported %+v", rep)
	}
	if got := w.held(); got != "10.0.0.3/24 eth0" {
		t.Errorf("held %s", got)
	}
	if _, err := w.r.Round(w.k); err != nil || w.r.Stats().Resyncs != 2 {
		t.Errorf("%v, read %d times", err, w.r.Stats().Resyncs)
	}
	if rep := w.r.Reports(); rep.Synced {
		t.Error("read again?")
	}
}

// That a link was down once does not excuse what somebody deletes when it has long been up.
func TestDownOnceIsNoExcuse(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("fd00::3/64"))
	w.run()
	w.k.SetUp("eth0", false)
	w.run()
	w.k.SetUp("eth0", true)
	w.run()
	w.heard()
	w.k.DelAddr("eth0", "fd00::3/64")
	w.run()
	if said, _ := w.heard(); said != "lost 1 [fd00::3/64 eth0]" {
		t.Errorf("told: %s", said)
	}
}

// Events are lost, or the link is renamed, while some of what belongs together is done and the rest is not: another program's address is put
// back all the same, and what was not handed out is not deleted on a link that never had it.
func TestInterruptedPuttingBack(t *testing.T) {
	half := func() *world {
		w := newWorld(t)
		w.r.Want(1, 1, want("10.0.0.3/24"))
		w.run()
		w.k.AddAddr("eth0", "10.0.0.100/24")
		w.run()
		w.heard()
		s := want("10.0.0.3/24")
		s.Addresses[0].Label = "eth0:1"
		w.r.Want(1, 2, s)
		if _, err := w.r.RoundOf(w.k, 1); err != nil {
			t.Fatal(err)
		}
		if _, ops := w.heard(); ops != "-10.0.0.3/24 eth0" {
			t.Fatalf("operations %s", ops)
		}
		return w
	}
	w := half()
	w.k.LoseEvents()
	w.run()
	if got := w.k.String(); !strings.Contains(got, "10.0.0.3/24") || !strings.Contains(got, "10.0.0.100/24") {
		t.Error(got)
	}
	w = half()
	w.k.RenameLink("eth0", "lan0")
	w.run()
	if _, ops := w.heard(); strings.Contains(ops, "-10.0.0.3/24 lan0") || !strings.Contains(w.k.String(), "10.0.0.100/24") {
		t.Errorf("operations %s; %s", ops, w.k)
	}
}
