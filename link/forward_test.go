package link

import (
	"net/netip"
	"testing"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/vrrp/wire"
)

// TestGroupsAreNotForwarded: a router that has joined the groups and forwards everything else passes no advert on to another link, whatever its
// TTL (RFC 3768 section 5.2.2, RFC 9568 sections 5.1.1.2 and 5.1.2.2).
func TestGroupsAreNotForwarded(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	for _, name := range []string{"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"} {
		lab.b.must(lab.b.SetSysctl(name, "1"))
	}
	lab.wire("far0", "far1") // from the router back to host a
	lab.b.must(lab.b.AddAddr("far1", "198.51.100.2/24"))
	lab.b.must(lab.b.AddAddr("far1", "fe80::f/64"))
	tap := lab.a.tap("far0")
	batch := NewBatch(64)
	for i, f := range families {
		in := lab.b.open(Spec{Link: linkB, Family: f.family, Groups: []netip.Addr{f.group, f.alt}})
		lab.b.open(Spec{Link: "far1", Family: f.family, Groups: []netip.Addr{f.group}})
		out := lab.a.open(Spec{Link: linkA, Family: f.family})
		for _, ttl := range []uint8{255, 64, 2, 1} {
			send(t, out, f.a, f.group, ttl, advert(51))
		}
		wait(t, in, batch, 4)
		last := lab.b.open(Spec{Link: "far1", Family: f.family})
		nstest.OK(t, last.Send(ip([]string{"198.51.100.2", "fe80::f"}[i]), f.group, 255, 1, advert(99)))
		frame := tap.vrrp() // the first that comes there
		offset := 14 + wire.IPv4Len
		if f.family == 6 {
			offset = 14 + wire.IPv6Len
		}
		if frame[offset+1] != 99 {
			t.Errorf("%s: on the other link there came %x", f.name, frame)
		}
	}
}
