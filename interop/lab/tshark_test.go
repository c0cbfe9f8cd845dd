package lab

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/link/frame"
	"holdfast.dev/vrrp/wire"
)

// packet builds the frame of an advert over IPv4.
func packet(t *testing.T, version uint8) []byte {
	t.Helper()
	src, dst := netip.MustParseAddr("10.0.0.1"), wire.Group4()
	p := wire.Params{
		Version: version, VRID: 51, Interval: time.Second, Sum: wire.DefaultForm(version, false),
		Addrs: []netip.Addr{vip},
	}
	template, err := wire.NewTemplate(p)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := template.Append(nil, 100, src, dst)
	if err != nil {
		t.Fatal(err)
	}
	b := append([]byte{1, 0, 0x5e, 0, 0, 18}, 2, 0, 0, 0, 0, 1, 8, 0)
	b, err = wire.AppendIPv4(b, &wire.IPv4{Protocol: wire.ProtoVRRP, TTL: 255, ID: 1, Src: src, Dst: dst}, len(payload))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, payload...)
}

// TestDissect: tshark says nothing of packets that are right, and something of each that is not.
func TestDissect(t *testing.T) {
	flip := func(i int) func([]byte) []byte {
		return func(b []byte) []byte { b[i] ^= 1; return b }
	}
	garp, err := frame.AppendGARP(nil, []byte{2, 0, 0, 0, 0, 1}, vip)
	if err != nil {
		t.Fatal(err)
	}
	other, err := frame.AppendGARP(nil, []byte{2, 0, 0, 0, 0, 2}, vip)
	if err != nil {
		t.Fatal(err)
	}
	na, err := frame.AppendNA(nil, []byte{2, 0, 0, 0, 0, 1}, netip.MustParseAddr("fd00::100"), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		bytes []byte
		edit  func([]byte) []byte
		wrong bool
	}{
		{"version 2", packet(t, 2), nil, false},
		{"version 3", packet(t, 3), nil, false},
		{"gratuitous ARP", garp, nil, false},
		{"gratuitous ARP of the next master", other, nil, false},
		{"neighbor advertisement", na, nil, false},
		{"version 2, another address", packet(t, 2), flip(45), true},
		{"version 3, another address", packet(t, 3), flip(45), true},
		{"another IP identification", packet(t, 2), flip(18), true},
		{"cut short", packet(t, 2), func(b []byte) []byte { return b[:44] }, true},
		{"neighbor advertisement, another target", na, flip(77), true},
	} {
		b := bytes.Clone(c.bytes)
		if c.edit != nil {
			b = c.edit(b)
		}
		p := &probe{TB: t}
		l := &Lab{T: p, rec: &record{frames: []Frame{{At: start, Node: r1, Bytes: b}}}}
		l.Dissect(r1)
		if p.failed != c.wrong {
			t.Errorf("%s: complained about: %v", c.name, p.failed)
		}
	}
}
