package link

import (
	"errors"
	"math/rand"
	"net/netip"
	"os"
	"slices"
	"testing"

	"golang.org/x/net/bpf"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/link/frame"
)

// passes runs a filter as the kernel does.
func passes(t testing.TB, vm *bpf.VM, b []byte) bool {
	t.Helper()
	n, err := vm.Run(b)
	nstest.OK(t, err)
	return n > 0
}

func assembled(t testing.TB, prog []bpf.Instruction) *bpf.VM {
	t.Helper()
	if len(prog) > 4096 {
		t.Fatalf("%d instructions: the kernel takes 4096", len(prog))
	}
	_, err := bpf.Assemble(prog)
	nstest.OK(t, err)
	vm, err := bpf.NewVM(prog)
	nstest.OK(t, err)
	return vm
}

// With as many ranges as there is room for, exactly the claims of the addresses pass; beyond that, more may, but all of them do.
func TestClaimFilterFinds(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	mac := mac6(t, macA)
	for _, n := range []int{1, 2, 3, maxRanges, 5000} {
		var addrs []netip.Addr
		for range n {
			addrs = append(addrs, netip.AddrFrom4([4]byte{10, byte(random.Intn(256)), byte(random.Intn(256)), byte(random.Intn(256))}))
		}
		addrs[0] = ip("0.0.0.0")
		vm := assembled(t, claimFilter(4, addrs))
		for _, a := range addrs[1:] {
			g, err := frame.AppendGARP(nil, mac[:], a)
			nstest.OK(t, err)
			if !passes(t, vm, g) {
				t.Fatalf("of %d addresses, %s does not pass", n, a)
			}
		}
		for range 1000 {
			a := netip.AddrFrom4([4]byte{byte(1 + random.Intn(200)), byte(random.Intn(256)), 1, 1})
			g, err := frame.AppendGARP(nil, mac[:], a)
			nstest.OK(t, err)
			if n <= maxRanges && passes(t, vm, g) != slices.Contains(addrs, a) {
				t.Fatalf("of %d addresses: wrong about %s", n, a)
			}
		}
	}
}

// Of IPv6 only neighbour advertisements pass, by the end of their target.
func TestClaimFilterIPv6(t *testing.T) {
	mac := mac6(t, macA)
	vm := assembled(t, claimFilter(6, []netip.Addr{ip("2001:db8::5"), ip("fe80::7:ffff:ffff")}))
	for addr, want := range map[string]bool{
		"2001:db8::5": true, "fe80::7:ffff:ffff": true, "2001:db8::6": false, "2001:db8::4": false, "fe80::1": false,
	} {
		b, err := frame.AppendNA(nil, mac[:], ip(addr), false)
		nstest.OK(t, err)
		if got := passes(t, vm, b); got != want {
			t.Errorf("%s: %v", addr, got)
		}
		solicitation, udp := slices.Clone(b), slices.Clone(b)
		solicitation[54], udp[20] = 135, 17
		for _, other := range [][]byte{solicitation, udp, b[:60]} {
			if n, _ := vm.Run(other); n > 0 {
				t.Errorf("%s: what is no advertisement passes", addr)
			}
		}
	}
}

// Neighbours are one range, and what is taken together is what is nearest.
func TestSpans(t *testing.T) {
	var addrs []netip.Addr
	for _, last := range []byte{9, 1, 2, 3, 20, 3, 22} {
		addrs = append(addrs, netip.AddrFrom4([4]byte{0, 0, 0, last}))
	}
	for limit, want := range map[int][]span{
		9: {{1, 3}, {9, 9}, {20, 20}, {22, 22}}, 3: {{1, 3}, {9, 9}, {20, 22}}, 2: {{1, 9}, {20, 22}}, 1: {{1, 22}},
	} {
		if got := spans(addrs, limit); !slices.Equal(got, want) {
			t.Errorf("%d: %v, want %v", limit, got, want)
		}
	}
}

// The other side's claims are heard, of the addresses that are watched only, and Close ends the wait.
func TestClaimWatch(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	mac := mac6(t, macA)
	var w *ClaimWatch
	lab.b.do(func() {
		var err error
		w, err = WatchClaims(4, []netip.Addr{ip("192.0.2.100")})
		lab.b.must(err)
	})
	for _, a := range []string{"192.0.2.99", "192.0.2.101", "192.0.2.100"} {
		g, err := frame.AppendGARP(nil, mac[:], ip(a))
		nstest.OK(t, err)
		lab.a.raw(linkA, g)
	}
	got, err := w.Recv()
	if want := (Claim{lab.b.index(linkB), mac, ip("192.0.2.100")}); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%v, %v", got, err)
	}
	ended := make(chan error)
	go func() {
		_, err := w.Recv()
		ended <- err
	}()
	nstest.OK(t, w.Close())
	if err := <-ended; !errors.Is(err, os.ErrClosed) {
		t.Error("Close ends the wait with", err)
	}
}
