package link

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/vrrp/wire"
)

// TestStationGolden builds the frames of keepalived's captures with use_vmac.
func TestStationGolden(t *testing.T) {
	for name, c := range map[string]struct {
		mac      [6]byte
		src, dst string
		id       uint16
		frame    string
	}{
		"v2": {
			[6]byte{0, 0, 0x5e, 0, 1, 0x33},
			"192.0.2.1", "224.0.0.18", 1,
			"01005e00001200005e000133080045c0002800010000ff701891c0000201e00000122133c80100015465c00002640000000000000000",
		},
		"v3": {
			[6]byte{0, 0, 0x5e, 0, 1, 0x33},
			"192.0.2.1", "224.0.0.18", 1,
			"01005e00001200005e000133080045c0002000010000ff701899c0000201e00000123133c8010064a171c0000264",
		},
		"v6": { // without the flow label, which the kernel chose
			[6]byte{0, 0, 0x5e, 0, 2, 0x33},
			"fe80::a", "ff02::12", 0,
			"33330000001200005e00023386dd6c000000002870fffe80000000000000000000000000000aff0200000000000000000000000000123133c8020064d9f3" +
				"fe80000000000000000000000000010020010db8000000000000000000000100",
		},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := hex.DecodeString(c.frame)
			if err != nil {
				t.Fatal(err)
			}
			dst := netip.MustParseAddr(c.dst)
			head := 14 + wire.IPv4Len
			if dst.Is6() {
				head = 14 + wire.IPv6Len
			}
			s := &Station{fd: -1}
			payload := append([]byte(nil), want[head:]...)
			if dst.Is6() {
				payload[6], payload[7] = 0xaa, 0xbb // whatever stands there is not looked at
			}
			got, _, err := s.packet(c.mac, wire.ProtoVRRP, netip.MustParseAddr(c.src), dst, c.id, payload)
			if err != nil || hex.EncodeToString(got) != c.frame {
				t.Errorf("%v\ngot  %x\nwant %s", err, got, c.frame)
			}
		})
	}
}

func TestStationRefuses(t *testing.T) {
	s := &Station{fd: -1}
	four, six, group := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1"), netip.MustParseAddr("224.0.0.18")
	for _, c := range []struct {
		src, dst netip.Addr
		payload  []byte
		want     error
	}{
		{six, group, make([]byte, 12), unix.EAFNOSUPPORT},
		{four, four, make([]byte, 12), unix.EADDRNOTAVAIL},
		{four, group, make([]byte, bufSize), unix.EMSGSIZE},
		{six, netip.MustParseAddr("ff02::12"), make([]byte, 3), unix.EINVAL},
		{four, group, make([]byte, 12), unix.EBADF}, // all is well but for the socket
	} {
		if err := s.Send(1, [6]byte{2}, wire.ProtoVRRP, c.src, c.dst, 1, c.payload); err != c.want {
			t.Errorf("%v to %v, %d octets: %v, want %v", c.src, c.dst, len(c.payload), err, c.want)
		}
	}
}
