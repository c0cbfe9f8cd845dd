package host_test

import (
	"errors"
	"strings"
	"testing"

	"holdfast.dev/host"
)

// What was believed once, and is settled, decides nothing later.

// round is one round with batches of at most limit operations.
func (w *world) round(limit int) (ops string) {
	w.t.Helper()
	if _, err := w.r.RoundOf(w.k, limit); err != nil {
		w.t.Fatal(err)
	}
	w.take()
	_, ops = w.heard()
	return ops
}

// A route that was not found once, and then went with its link, is put back only after the next time that it is not found twice: whoever has
// deleted it may be named in an event that is on its way.
func TestNotFoundOnceBeforeTheLinkWentDown(t *testing.T) {
	const key = "route 10.9.0.0/16 dev eth0"
	w := newWorld(t)
	drop := func() { // without a word: the last address takes the routes along
		w.k.AddAddr("eth0", "10.0.0.1/24")
		w.k.DelAddr("eth0", "10.0.0.1/24")
	}
	w.r.Want(1, 1, tables(nil, key[6:]))
	w.run()
	w.heard()
	drop()
	if ops := w.round(host.MaxBatch); ops != "" {
		t.Fatalf("operations %s: nobody knows yet who did it", ops)
	}
	w.k.SetUp("eth0", false)
	w.run()
	w.k.SetUp("eth0", true)
	w.expectTables("lost 1 ["+key+"] link down\napplied 1.1 final ["+key+"]", "+"+key, key)
	drop()
	if ops := w.round(host.MaxBatch); ops != "" {
		t.Errorf("operations %s: it is the first time that it is not found", ops)
	}
	w.expectTables("applied 1.1 final ["+key+"]", "+"+key, key)
}

// A route that was not found once and is there again is held again, which whoever writes that down is told (see world.take).
func TestNotFoundOnceAndThereAgain(t *testing.T) {
	const key = "route 10.9.0.0/16 dev eth0"
	w := newWorld(t)
	w.r.Want(1, 1, tables(nil, key[6:]))
	w.run()
	w.heard()
	w.k.AddAddr("eth0", "10.0.0.1/24")
	w.k.DelAddr("eth0", "10.0.0.1/24") // takes the route along without a word
	if ops := w.round(host.MaxBatch); ops != "" || w.held() != "" {
		t.Fatalf("operations %s, held %s", ops, w.held())
	}
	w.k.AddRoute(route(key[6:]))
	w.expectTables("", "", key)
	if w.held() != key {
		t.Errorf("held %s", w.held())
	}
}

// Rules of one priority stay in the order in which they were added, whatever others come and go around them: the kernel deletes the first one
// that fits.
func TestRulesAddedTogetherKeepTheirOrder(t *testing.T) {
	const more, less = "rule 100: iif eth0 lookup 7", "rule 100: lookup 7"
	w := newWorld(t)
	w.r.Want(1, 1, tables(nil, "200: lookup 9"))
	w.run()
	w.heard()
	w.r.Want(2, 1, tables(nil, "100: from 10.1.0.0/16 lookup 1", "150: lookup 8", more[5:]))
	w.r.Want(1, 2, host.State{})
	w.r.Want(3, 1, tables(nil, less[5:]))
	if ops := w.round(host.MaxBatch); strings.Count(ops, ", ") != 4 || !strings.HasSuffix(ops, "-rule 200: lookup 9, +"+less) {
		t.Fatalf("operations %s", ops)
	}
	w.k.TablesError = errors.New("interrupted")
	w.r.Want(3, 2, host.State{})
	if _, err := w.r.Round(w.k); err == nil {
		t.Fatal("the tables were read")
	}
	w.take()
	if _, ops := w.heard(); ops != "-"+more+", -"+less {
		t.Errorf("operations %s: the kernel would take another rule for this one", ops)
	}
	w.k.TablesError = nil
	w.run()
	if got := w.k.Entries(); !strings.Contains(got, more) || strings.Contains(got, less) {
		t.Errorf("tables:\n%s", got)
	}
}

// An address is about to be added anew when its link turns out to have another name: it does not stand there, and is not deleted there.
func TestRenamedBeforeItWasAddedAnew(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.run()
	w.heard()
	w.k.Hold = true
	w.k.RenameLink("eth0", "lan0")
	s := want("10.0.0.3/24")
	s.Addresses[0].Label = "eth0:1"
	w.r.Want(1, 2, s)
	if ops := w.round(1); ops != "-10.0.0.3/24 eth0" {
		t.Fatalf("operations %s", ops)
	}
	w.k.Hold, w.k.PollLimit = false, 1
	w.run()
	if _, ops := w.heard(); ops != "" || w.k.String() != "lan0 up:\n" {
		t.Errorf("operations %s; %s", ops, w.k)
	}
}

// A complete reading that shows what is known already tells of nothing.
func TestReadingTellsNothingThatIsKnown(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/24"))
	w.k.AddAddr("eth0", "10.0.1.1/24")
	w.k.AddAddr("eth0", "fd00::1/64")
	w.run()
	w.heard()
	told := w.changes
	w.k.LoseEvents()
	w.expect("", "", "eth0 up: 10.0.1.1/24 10.0.0.3/24 fd00::1/64")
	if n := w.r.Stats().Resyncs; w.changes != told || n != 2 {
		t.Errorf("links were reported %d times more after %d readings", w.changes-told, n)
	}
}

// Addresses of other people are reported in the kernel's order, which is the order of its choice of a source address.
func TestAddressesInTheKernelsOrder(t *testing.T) {
	w := newWorld(t)
	for _, a := range []string{
		"10.0.0.1/24", "fd00::1/64", "10.0.0.2/24", "fe80::1/64", "10.0.1.1/24", "fd00::2/64", "10.0.1.2/24", "10.0.0.3/24", "fe80::2/64",
	} {
		w.k.AddAddr("eth0", a)
		w.run()
		var told, held []string
		for _, b := range w.links["eth0"].Addrs {
			told = append(told, b.Prefix.String())
		}
		for _, b := range w.k.Addrs("eth0") {
			held = append(held, b.Prefix.String())
		}
		if got, has := strings.Join(told, " "), strings.Join(held, " "); got != has {
			t.Fatalf("after %s: reported %s, the kernel has %s", a, got, has)
		}
	}
}

// A virtual link that was wanted once and is gone has no claim to its name: what another process of ours makes under it is left alone.
func TestNameOfAFormerVirtualLink(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, onVMAC(false))
	w.run()
	w.r.Want(1, 2, host.State{})
	w.run()
	w.heard()
	w.k.Apply([]host.Op{{Link: &host.LinkOp{Do: host.LinkMake, Want: vmac(false), Base: w.k.Link("eth0").Index}}}, nil)
	w.expect("", "+vrrp.51@eth0", "eth0 up:\nvrrp.51 down:")
}
