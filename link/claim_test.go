package link

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/link/frame"
)

func (h *host) claims(family int) *ClaimPort {
	h.t.Helper()
	var c *ClaimPort
	var err error
	h.do(func() { c, err = OpenClaims(family, 200) })
	h.must(err)
	h.t.Cleanup(func() { c.Close() })
	return c
}

// next waits for claims until enough have come, or long enough.
func (c *ClaimPort) next(t testing.TB, enough int) (all []Claim) {
	t.Helper()
	for end := time.Now().Add(time.Minute); len(all) < enough && time.Now().Before(end); {
		claims, more, err := c.Recv()
		nstest.OK(t, err)
		all = append(all, claims...)
		if !more && len(claims) == 0 {
			fds := []unix.PollFd{{Fd: int32(c.FD()), Events: unix.POLLIN}}
			_, _ = unix.Poll(fds, 100)
		}
	}
	return all
}

// raw sends a frame as it is.
func (h *host) raw(link string, b []byte) {
	h.t.Helper()
	h.do(func() {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		h.must(err)
		defer unix.Close(fd)
		h.must(unix.Sendto(fd, b, 0, &unix.SockaddrLinklayer{Ifindex: h.index(link)}))
	})
}

// What an Announcer sends is heard on the other side, and not on its own.
func TestClaimsOfAnnouncements(t *testing.T) {
	t.Parallel()
	inOrder(t)
	for _, family := range []int{4, 6} {
		lab := newPair(t)
		own, other := lab.a.claims(family), lab.b.claims(family)
		a, index := lab.a.announcer(), lab.a.index(linkA)
		var want []Claim
		for _, g := range announced {
			add(a, index, mac6(t, macA), ip(g.addr), g.router)
			if ip(g.addr).Is6() == (family == 6) {
				want = append(want, Claim{lab.b.index(linkB), mac6(t, macA), ip(g.addr)})
			}
		}
		a.Flush()
		if got := other.next(t, len(want)); !slices.Equal(got, want) {
			t.Errorf("IPv%d: %v, want %v", family, got, want)
		}
		if got, _, err := own.Recv(); err != nil || len(got) != 0 {
			t.Errorf("IPv%d: the sender hears %v, %v", family, got, err)
		}
	}
}

// Only claims come through: not probes, proxies, the solicited answers of which say so, other packets, broken ones.
func TestClaimsOddFrames(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	arp, na := lab.b.claims(4), lab.b.claims(6)
	mac := mac6(t, macA)
	garp, err := frame.AppendGARP(nil, mac[:], ip("192.0.2.100"))
	nstest.OK(t, err)
	adv, err := frame.AppendNA(nil, mac[:], ip("fe80::100"), false)
	nstest.OK(t, err)
	edit := func(b []byte, at int, with ...byte) []byte {
		b = slices.Clone(b)
		copy(b[at:], with)
		return b
	}
	for _, b := range [][]byte{
		edit(garp, 28, 0, 0, 0, 0), // a probe
		edit(garp, 14, 0, 6),       // another hardware type
		garp[:30],
		edit(adv, 58, 0),               // without override; the checksum is wrong, too
		edit(adv, 57, adv[57]+0x20, 0), // the same with the right one
		edit(adv, 54, 135),             // a solicitation
		edit(adv, 20, 17),              // UDP
		edit(adv, 62, 0xff),            // wrong checksum
		append(edit(adv, 18, 1, 0), make([]byte, 224)...), // longer than any
	} {
		lab.a.raw(linkA, b)
	}
	reply := edit(garp, 0, mac6bytes(t, macB)...)
	lab.a.raw(linkA, edit(reply, 21, 2))
	lab.a.raw(linkA, adv)
	index := lab.b.index(linkB)
	if got := arp.next(t, 1); len(got) != 1 || got[0] != (Claim{index, mac, ip("192.0.2.100")}) {
		t.Errorf("ARP: %v", got)
	}
	if got := na.next(t, 1); len(got) != 1 || got[0] != (Claim{index, mac, ip("fe80::100")}) {
		t.Errorf("NA: %v", got)
	}
}

func mac6bytes(t testing.TB, s string) []byte {
	m := mac6(t, s)
	return m[:]
}

// Several batches in a row, without allocations.
func TestClaimsMany(t *testing.T) {
	inOrder(t)
	lab := newPair(t)
	c := lab.b.claims(4)
	a, index, mac := lab.a.announcer(), lab.a.index(linkA), mac6(t, macA)
	const n = 3 * AnnounceMax
	for i := range n {
		addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
		if !a.GARP(index, mac, addr) {
			a.Flush()
			a.GARP(index, mac, addr)
		}
	}
	a.Flush()
	got := c.next(t, n)
	for i, claim := range got {
		if claim.Addr != netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}) {
			t.Fatalf("claim %d is of %v", i, claim.Addr)
		}
	}
	if len(got) != n {
		t.Errorf("%d claims, want %d", len(got), n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _, _ = c.Recv() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestClaimsErrors(t *testing.T) {
	t.Parallel()
	if _, err := OpenClaims(5, 1); err == nil {
		t.Error("family 5 is taken")
	}
	lab := newPair(t)
	c := lab.b.claims(4)
	lab.b.must(lab.b.SetDown(linkB))
	lab.b.must(lab.b.SetUp(linkB))
	lab.a.must(lab.a.SetUp(linkA))
	for range 3 {
		if _, _, err := c.Recv(); err != nil {
			t.Errorf("after an interface was down: %v", err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := c.Recv(); err != unix.EBADF {
		t.Errorf("Recv after Close: %v", err)
	}
	if c.Close() != nil || c.FD() != -1 {
		t.Error("closing again does something")
	}
}
