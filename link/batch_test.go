package link

import (
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"holdfast.dev/vrrp/wire"
)

// TestAtMalformed: what no kernel should hand out is a reason, too.
func TestAtMalformed(t *testing.T) {
	good := append([]byte{
		0x45, 0xc0, 0, 32, 0, 1, 0, 0, 255, 112, 0, 0, 192, 0, 2, 1, 224, 0, 0, 18,
	}, advert(51)...)
	edit := func(at int, v byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = v
		return b
	}
	b := NewBatch(1)
	for _, c := range []struct {
		packet []byte
		want   wire.Reason
	}{
		{good, wire.OK},
		{append(edit(1, 0), 0, 0, 0, 0), wire.OK}, // padding
		{nil, wire.NotIPv4},
		{good[:19], wire.NotIPv4},
		{edit(0, 0x65), wire.NotIPv4},
		{edit(0, 0x44), wire.BadIPHeader},
		{edit(0, 0x4f), wire.BadIPHeader},
		{good[:31], wire.IPTruncated},
		{edit(6, 0x20), wire.Fragment},
		{edit(9, 51), wire.WrongProtocol},
	} {
		b.head[0][0].n = uint32(copy(b.data, c.packet))
		d := b.At(0)
		if d.Drop != c.want || (d.Drop == wire.OK && string(d.Payload) != string(advert(51))) {
			t.Errorf("%x: %+v, want %v", c.packet, d, c.want)
		}
	}
	b.v6 = true
	if d := b.At(0); d.Drop == wire.OK || d.TTL != -1 {
		t.Errorf("IPv6 without ancillary data: %+v", d)
	}
}

// TestAncillary: no ancillary data of any shape makes the reader panic, loop, or take what is not whole.
func TestAncillary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBatch(1)
		b.v6 = true
		side := &b.side[0]
		for i := range side.control {
			// Mostly small numbers, so that lengths, levels and types make sense often.
			side.control[i] = rapid.OneOf(
				rapid.Uint64Range(0, 90),
				rapid.Just(uint64(unix.IPV6_PKTINFO)<<32|unix.SOL_IPV6),
				rapid.Just(uint64(unix.IPV6_HOPLIMIT)<<32|unix.SOL_IPV6),
				rapid.Uint64(),
			).Draw(t, "word")
		}
		n := rapid.IntRange(0, 200).Draw(t, "length")
		b.head[1][0].hdr.SetControllen(n)
		if d := b.At(0); n < unix.CmsgLen(4) && (d.Dst.IsValid() || d.TTL != -1) {
			t.Errorf("%d octets tell %+v", n, d)
		}
	})
}
