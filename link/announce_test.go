package link

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/link/frame"
)

func (h *host) announcer() *Announcer {
	h.t.Helper()
	var a *Announcer
	var err error
	h.do(func() { a, err = OpenAnnouncer() })
	h.must(err)
	h.t.Cleanup(func() { a.Close() })
	return a
}

// announced is what keepalived sent for the addresses of the golden captures.
var announced = []struct {
	addr   string
	router bool
	frame  string
}{
	{"192.0.2.100", false, "ffffffffffff020000000a0108060001080006040001020000000a01c0000264ffffffffffffc0000264"},
	{"192.0.2.101", false, "ffffffffffff020000000a0108060001080006040001020000000a01c0000265ffffffffffffc0000265"},
	{
		"fe80::100", false, "333300000001020000000a0186dd6000000000203afffe800000000000000000000000000100ff02000000000000000000000000000188004b9d" +
			"20000000fe8000000000000000000000000001000201020000000a01",
	},
	{
		"2001:db8::100", true, "333300000001020000000a0186dd6000000000203aff20010db8000000000000000000000100ff02000000000000000000000000000188006d2c" +
			"a000000020010db80000000000000000000001000201020000000a01",
	},
}

// add queues an announcement of either kind.
func add(a *Announcer, index int, mac [6]byte, addr netip.Addr, router bool) bool {
	if addr.Is4() {
		return a.GARP(index, mac, addr)
	}
	return a.NA(index, mac, addr, router)
}

// isAnnouncement selects what an Announcer may have sent; the kernel speaks on a new interface as well (MLD, router solicitations).
func isAnnouncement(mac [6]byte) func([]byte) bool {
	return func(f []byte) bool {
		arp, r := frame.ParseARP(f)
		if r == frame.OK {
			return arp.Source == mac
		}
		na, r := frame.ParseNA(f)
		return r == frame.OK && na.Source == mac
	}
}

// TestAnnounceGolden compares what arrives with keepalived's frames, sent in one batch, twice.
func TestAnnounceGolden(t *testing.T) {
	t.Parallel()
	inOrder(t)
	lab := newPair(t)
	tap := lab.b.tap(linkB)
	a, index := lab.a.announcer(), lab.a.index(linkA)
	for range 2 {
		for _, g := range announced {
			if !add(a, index, mac6(t, macA), ip(g.addr), g.router) {
				t.Fatal("the batch is full")
			}
		}
		if a.Len() != len(announced) {
			t.Errorf("%d queued", a.Len())
		}
		for i, err := range a.Flush() {
			if err != nil {
				t.Errorf("%s: %v", announced[i].addr, err)
			}
		}
		for _, g := range announced {
			got := tap.next(isAnnouncement(mac6(t, macA)))
			if hex.EncodeToString(got) != g.frame {
				t.Errorf("%s:\ngot  %x\nwant %s", g.addr, got, g.frame)
			}
		}
	}
	if len(a.Flush()) != 0 {
		t.Error("an empty queue has results")
	}
}

// TestAnnounceErrors: each item has its own result, and one that cannot be sent holds back no other.
func TestAnnounceErrors(t *testing.T) {
	t.Parallel()
	inOrder(t)
	lab := newPair(t)
	lab.wire("down0", "down1")
	lab.a.must(lab.a.SetDown("down0"))
	tap := lab.b.tap(linkB)
	a, mac := lab.a.announcer(), mac6(t, macA)
	up, down := lab.a.index(linkA), lab.a.index("down0")
	items := []struct {
		index int
		addr  string
		v6    bool
		want  error
	}{
		{down, "192.0.2.1", false, unix.ENETDOWN},
		{up, "192.0.2.2", false, nil},
		{up, "fe80::2", false, frame.ErrAddr}, // by ARP
		{4711, "192.0.2.3", false, unix.ENXIO},
		{down, "fe80::3", true, unix.ENETDOWN},
		{up, "fe80::4", true, nil},
		{up, "192.0.2.5", true, frame.ErrAddr}, // by neighbour advertisement
		{4711, "192.0.2.6", false, unix.ENXIO},
	}
	for _, it := range items {
		if it.v6 {
			a.NA(it.index, mac, ip(it.addr), false)
		} else {
			a.GARP(it.index, mac, ip(it.addr))
		}
	}
	for i, err := range a.Flush() {
		if !errors.Is(err, items[i].want) {
			t.Errorf("%s: %v, want %v", items[i].addr, err, items[i].want)
		}
	}
	isOurs := isAnnouncement(mac)
	if arp, r := frame.ParseARP(tap.next(isOurs)); r != frame.OK || !arp.Claims(ip("192.0.2.2")) {
		t.Errorf("came: %+v", arp)
	}
	if na, r := frame.ParseNA(tap.next(isOurs)); r != frame.OK || na.Target != ip("fe80::4") {
		t.Errorf("came: %+v", na)
	}
	nstest.OK(t, a.Close())
	nstest.OK(t, a.Close())
	a.GARP(up, mac, ip("192.0.2.1"))
	if errs := a.Flush(); !errors.Is(errs[0], unix.EBADF) {
		t.Errorf("after Close: %v", errs)
	}
}

// TestAnnounceFull: no more than AnnounceMax in a slice, and they all leave, in order, without allocating.
func TestAnnounceFull(t *testing.T) {
	inOrder(t)
	lab := newPair(t)
	tap := lab.b.tap(linkB)
	a, index, mac := lab.a.announcer(), lab.a.index(linkA), mac6(t, macA)
	addr4, addr6 := ip("198.51.100.0"), ip("2001:db8::")
	slice := func() {
		four, six := addr4, addr6
		for i := range AnnounceMax {
			four, six = four.Next(), six.Next()
			if i%2 == 0 && !a.GARP(index, mac, four) || i%2 == 1 && !a.NA(index, mac, six, true) {
				t.Fatalf("full at %d", i)
			}
		}
		if a.GARP(index, mac, four) || a.NA(index, mac, six, true) {
			t.Error("more than AnnounceMax were taken")
		}
		for _, err := range a.Flush() {
			if err != nil {
				t.Error(err)
			}
		}
	}
	slice()
	four, six := addr4, addr6
	for i := range AnnounceMax {
		four, six = four.Next(), six.Next()
		f := tap.next(isAnnouncement(mac))
		if i%2 == 0 {
			if arp, _ := frame.ParseARP(f); arp.Sender != four {
				t.Errorf("frame %d: %x", i, f)
			}
		} else if na, _ := frame.ParseNA(f); na.Target != six {
			t.Errorf("frame %d: %x", i, f)
		}
	}
	if n := testing.AllocsPerRun(20, slice); n != 0 {
		t.Errorf("%v allocations a slice", n)
	}
}

// TestRegressionC68_AnnouncerHearsNothing: whatever the network sends, the socket's queue stays empty (docs/regressions.md, C68).
func TestRegressionC68_AnnouncerHearsNothing(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	a := lab.a.announcer()
	tap := lab.a.tap(linkA)
	b, index, mac := lab.b.announcer(), lab.b.index(linkB), mac6(t, macB)
	for range 10 {
		for range AnnounceMax {
			b.GARP(index, mac, ip("192.0.2.50"))
		}
		b.Flush()
		for range AnnounceMax { // all have arrived
			tap.next(isAnnouncement(mac))
		}
	}
	var buf [64]byte
	if n, _, err := unix.Recvfrom(a.fd, buf[:], unix.MSG_DONTWAIT); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("received %d octets, %v", n, err)
	}
}

func BenchmarkFlush(b *testing.B) {
	lab := newPair(b)
	a, index, mac := lab.a.announcer(), lab.a.index(linkA), mac6(b, macA)
	addr := ip("192.0.2.100")
	b.ReportAllocs()
	start := time.Now()
	for b.Loop() {
		for range AnnounceMax {
			a.GARP(index, mac, addr)
		}
		a.Flush()
	}
	b.ReportMetric(float64(time.Since(start).Nanoseconds())/float64(b.N*AnnounceMax), "ns/frame")
}
