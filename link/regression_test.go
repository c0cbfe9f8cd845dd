package link

import (
	"encoding/binary"
	"net/netip"
	"slices"
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
}

// The same with IPv4, on the one interface whose MTU may be that small.
func TestRegressionC69_MembershipOfIPv4Disappears(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	groups := []netip.Addr{families[0].group, families[0].alt}
	lab.b.must(lab.b.SetUp("lo"))
	in := lab.b.open(Spec{Link: "lo", Family: 4, Groups: groups})
	rejoin := func(want int, works bool) {
		t.Helper()
		lab.b.do(func() {
			members, err := ReadMembers()
			nstest.OK(t, err)
			if lost, err := in.Rejoin(members, groups); (err == nil) != works || len(lost) != want {
				t.Errorf("joined again: %v, %v; not %d", lost, err, want)
			}
		})
	}
	rejoin(0, true)
	lab.b.must(lab.b.SetMTU("lo", 60)) // too little for IPv4
	rejoin(0, false)
	lab.b.must(lab.b.SetMTU("lo", 1500))
	rejoin(2, true)
	rejoin(0, true)
}

func TestReadIGMP(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the text below is a little-endian machine's")
	}
	members := Members{}
	readIGMP("Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n1\tlo        :     1      V3\n"+
		"\t\t\t\t010000E0     1 0:00000000\t\t0\n12\teth0      :     2      V3\n\t\t\t\t120000E0     1 0:00000000\t\t0\n"+
		"\t\t\t\t010000E0     1 0:00000000\t\t0\n\t\t\t\tnonsense\n\n\t\n", members)
	if len(members) != 2 || !slices.Equal(members[1], []netip.Addr{ip("224.0.0.1")}) || !slices.Equal(members[12], []netip.Addr{ip("224.0.0.18"), ip("224.0.0.1")}) {
		t.Errorf("%v", members)
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
