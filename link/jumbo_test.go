package link

import (
	"bytes"
	"net/netip"
	"testing"

	"holdfast.dev/vrrp/wire"
)

// TestLongestAdvert: 255 addresses and a trailer go through whole, IPv6 ones where the MTU lets them (rule A13); where it does not the kernel
// sends IPv6 in fragments, and says of IPv4 that it is too long.
func TestLongestAdvert(t *testing.T) {
	t.Parallel()
	for _, mtu := range []int{1500, 9000} {
		lab := newPair(t)
		lab.a.must(lab.a.SetMTU(linkA, mtu))
		lab.b.must(lab.b.SetMTU(linkB, mtu))
		for _, f := range families {
			in := lab.b.open(Spec{Link: linkB, Family: f.family, Groups: []netip.Addr{f.group}})
			out := lab.a.open(Spec{Link: linkA, Family: f.family})
			size := 4
			if f.family == 6 {
				size = 16
			}
			payload := bytes.Repeat([]byte{0x5a}, wire.HeaderLen+255*size+wire.TrailerLen)
			payload[0], payload[1], payload[3] = 0x31, 255, 255
			if err := out.Send(f.a, f.group, 255, 1, payload); err != nil {
				t.Fatalf("MTU %d, IPv%d: %v", mtu, f.family, err)
			}
			got := wait(t, in, NewBatch(4), 1)[0]
			if f.family == 6 { // the kernel's
				copy(payload[sumOffset:], got.Payload[sumOffset:sumOffset+2])
			}
			if got.Drop != wire.OK || got.Truncated || !bytes.Equal(got.Payload, payload) {
				t.Errorf("MTU %d, IPv%d: %d octets came, %v", mtu, f.family, len(got.Payload), got.Drop)
			}
		}
	}
}
