package link

import (
	"net/netip"
	"testing"

	"holdfast.dev/internal/netns/nstest"
)

// docs/regressions.md: the kernel forgets that we are a member of the IPv6 group, and adverts are not heard any more.
func TestRegressionC69_MembershipDisappears(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	f := families[1]
	groups := []netip.Addr{f.group, f.alt}
	in := lab.b.open(Spec{Link: linkB, Family: 6, Groups: groups})
	out := lab.a.open(Spec{Link: linkA, Family: 6})
	rejoin := func(want int) {
		t.Helper()
		lab.b.do(func() {
			members, err := ReadMembers()
			nstest.OK(t, err)
			if lost, err := in.Rejoin(members, groups); err != nil || len(lost) != want {
				t.Errorf("joined again: %v, %v; not %d", lost, err, want)
			}
		})
	}
	rejoin(0)
	lab.b.must(lab.b.SetMTU(linkB, 1200)) // too little for IPv6
	lab.b.do(func() {
		members, err := ReadMembers()
		nstest.OK(t, err)
		if lost, err := in.Rejoin(members, groups); err == nil {
			t.Errorf("without IPv6: %v", lost)
		}
	})
	lab.b.must(lab.b.SetMTU(linkB, 1500))
	lab.b.must(lab.b.AddAddr(linkB, "fe80::b/64"))
	rejoin(2)
	rejoin(0)
	send(t, out, f.a, f.group, 255, advert(2))
	if d := wait(t, in, NewBatch(1), 1)[0]; d.Payload[1] != 2 {
		t.Errorf("heard %+v", d)
	}
	four := lab.b.open(Spec{Link: linkB, Family: 4, Groups: []netip.Addr{families[0].group}})
	if lost, err := four.Rejoin(nil, []netip.Addr{families[0].group}); err != nil || len(lost) != 0 {
		t.Errorf("IPv4: %v, %v", lost, err)
	}
}

// Whatever comes as an answer, nothing breaks.
func FuzzMembership(f *testing.F) {
	f.Add([]byte{10, 128, 0, 253, 2, 0, 0, 0, 20, 0, 7, 0, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12})
	f.Add([]byte{10, 128, 0, 253, 2, 0, 0, 0, 3, 0, 7, 0})
	f.Add([]byte{10, 128, 0, 253, 2, 0, 0, 0, 5, 0, 1, 0, 9})
	f.Fuzz(func(t *testing.T, data []byte) {
		if g, _ := membership(data); g.IsValid() && !g.Is6() {
			t.Errorf("%x: %v", data, g)
		}
	})
}

func TestMembership(t *testing.T) {
	data := []byte{10, 128, 0, 253, 2, 0, 0, 0, 20, 0, 7, 0, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12}
	if g, index := membership(data); g != ip("ff02::12") || index != 2 {
		t.Errorf("%v on %d", g, index)
	}
	for n := range data {
		if g, _ := membership(data[:n]); g.IsValid() {
			t.Errorf("the first %d octets: %v", n, g)
		}
	}
}
