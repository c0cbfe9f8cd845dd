package wire

import (
	"bytes"
	"net/netip"
	"testing"
	"time"
)

var (
	src4 = netip.MustParseAddr("192.0.2.1")
	src6 = netip.MustParseAddr("fe80::a")
)

// V3-7.1-04, V2-7.1-03: a packet that lacks any octet is rejected.
func TestDecodeCut(t *testing.T) {
	for _, g := range goldens(t) {
		src, dst, payload := g.open(t)
		whole, r := Decode(payload, src, dst, Options{Trailer: true})
		if r != OK {
			t.Fatalf("%s: %v", g.name, r)
		}
		for n := range len(payload) {
			a, r := Decode(payload[:n], src, dst, Options{Trailer: true})
			want := TooShort
			switch {
			case n == len(whole.Message()):
				want = OK // the trailer is gone, the message is whole
			case n > len(whole.Message()):
				want = TooLong
			}
			if r != want {
				t.Errorf("%s: first %d octets: %v, want %v", g.name, n, r, want)
			}
			if r != OK && (a.Count() != 0 || a.Version != 0 || a.Message() != nil) {
				t.Errorf("%s: first %d octets: a rejected advert is not zero", g.name, n)
			}
		}
		for _, extra := range []int{1, 18, 27, 29, 40} {
			long := append(bytes.Clone(whole.Message()), make([]byte, extra)...)
			if _, r := Decode(long, src, dst, Options{Trailer: true}); r != TooLong {
				t.Errorf("%s: %d octets behind the message: %v, want %v", g.name, extra, r, TooLong)
			}
		}
	}
}

// V3-5.2.8-04, V2-7.1-04: no single flipped bit passes.
func TestDecodeBitFlips(t *testing.T) {
	for _, g := range goldens(t) {
		src, dst, payload := g.open(t)
		whole, r := Decode(payload, src, dst, Options{Trailer: true})
		if r != OK {
			t.Fatalf("%s: %v", g.name, r)
		}
		if whole.Sum == FormBad {
			continue
		}
		covered := len(whole.Message())
		if g.ipv6 {
			covered = len(payload)
		}
		for bit := range covered * 8 {
			flipped := bytes.Clone(payload)
			flipped[bit/8] ^= 0x80 >> (bit % 8)
			if a, r := Decode(flipped, src, dst, Options{Trailer: true}); r == OK && a.Sum != FormBad {
				t.Errorf("%s: bit %d flipped: accepted as %s", g.name, bit, describe(&a, src, dst))
			}
		}
	}
}

func TestDecodeShape(t *testing.T) {
	zone := netip.MustParseAddr("fe80::a%eth0")
	mapped := netip.MustParseAddr("::ffff:192.0.2.1")
	v3 := []byte{0x31, 51, 200, 0, 0, 100, 0, 0}
	for _, c := range []struct {
		name     string
		payload  []byte
		src, dst netip.Addr
		want     Reason
	}{
		{"nothing", nil, src4, Group4(), TooShort},
		{"no addresses", v3, src4, Group4(), OK},
		{"no addresses, IPv6", v3, src6, Group6(), OK},
		{"source with a zone", v3, zone, Group6(), OK},
		{"no source", v3, netip.Addr{}, Group4(), FamilyMismatch},
		{"no destination", v3, src4, netip.Addr{}, FamilyMismatch},
		{"neither", v3, netip.Addr{}, netip.Addr{}, FamilyMismatch},
		{"IPv4 to IPv6", v3, src4, Group6(), FamilyMismatch},
		{"IPv6 to IPv4", v3, src6, Group4(), FamilyMismatch},
		{"mapped source", v3, mapped, Group6(), FamilyMismatch},
		{"mapped destination", v3, src6, mapped, FamilyMismatch},
		{"version 1", []byte{0x11, 51, 200, 0, 0, 100, 0, 0}, src4, Group4(), BadVersion},
		{"version 4", []byte{0x41, 51, 200, 0, 0, 100, 0, 0}, src4, Group4(), BadVersion},
		{"version 2 without authentication data", []byte{0x21, 51, 200, 0, 0, 1, 0, 0}, src4, Group4(), TooShort},
		{"version 2 over IPv6", []byte{0x21, 51, 200, 0, 0, 1, 0, 0}, src6, Group6(), OK},
		{"IPv4 addresses over IPv6", []byte{0x31, 51, 200, 1, 0, 100, 0, 0, 192, 0, 2, 100}, src6, Group6(), TooShort},
		{"IPv6 address over IPv4", append([]byte{0x31, 51, 200, 1, 0, 100, 0, 0}, make([]byte, 16)...), src4, Group4(), TooLong},
		{"255 addresses", append([]byte{0x31, 51, 200, 255, 0, 100, 0, 0}, make([]byte, 255*4)...), src4, Group4(), OK},
		{"type 0", []byte{0x30, 51, 200, 0, 0, 100, 0, 0}, src4, Group4(), OK},
	} {
		a, r := Decode(c.payload, c.src, c.dst, Options{})
		if r != c.want {
			t.Errorf("%s: %v, want %v", c.name, r, c.want)
		}
		if r == OK && a.Count() != int(c.payload[3]) {
			t.Errorf("%s: %d addresses", c.name, a.Count())
		}
	}
}

func TestAddressIndex(t *testing.T) {
	payload := []byte{0x31, 51, 200, 1, 0, 100, 0, 0, 192, 0, 2, 100}
	a, _ := Decode(payload, src4, Group4(), Options{})
	if got := a.At(0); got != netip.MustParseAddr("192.0.2.100") {
		t.Errorf("address 0 is %v", got)
	}
	for _, i := range []int{-1, 1, 255} {
		if got := a.At(i); got.IsValid() {
			t.Errorf("address %d is %v, want none", i, got)
		}
	}
	var zero Advert
	if zero.Count() != 0 || zero.At(0).IsValid() || zero.Checksum() != 0 {
		t.Error("the zero advert is not empty")
	}
}

// V3-5.2.6-02: the reserved bits are ignored, though summed.
func TestReservedBits(t *testing.T) {
	payload := []byte{0x31, 51, 200, 0, 0x50, 100, 0, 0}
	want := ^fold(sum(payload))
	payload[6], payload[7] = byte(want>>8), byte(want)
	a, r := Decode(payload, src4, Group4(), Options{})
	if r != OK || a.Sum != FormPlain || a.Interval != time.Second || a.AuthType != 0 {
		t.Errorf("%v: %+v", r, a)
	}
}

func TestPeek(t *testing.T) {
	for _, short := range [][]byte{nil, {0x31}} {
		if _, _, _, ok := Peek(short); ok {
			t.Errorf("Peek(%x) succeeded", short)
		}
	}
	version, typ, vrid, ok := Peek([]byte{0x2f, 77})
	if !ok || version != 2 || typ != 15 || vrid != 77 {
		t.Errorf("Peek: %d %d %d %v", version, typ, vrid, ok)
	}
}

// V2-5.3.8-01: version 2 over IPv4 has no pseudo-header.
func TestNoPseudoHeaderInV2(t *testing.T) {
	payload := append([]byte{0x21, 51, 200, 0, 0, 1, 0, 0}, make([]byte, AuthLen)...)
	for _, dst := range []netip.Addr{Group4(), src4} {
		payload[6], payload[7] = 0, 0
		s := ^fold(sum(payload) + pseudo(src4, Group4(), len(payload)))
		payload[6], payload[7] = byte(s>>8), byte(s)
		if a, r := Decode(payload, src4, dst, Options{}); r != OK || a.Sum != FormBad {
			t.Errorf("to %v: %v, checksum %v", dst, r, a.Sum)
		}
	}
}

// Rule F4: an own group takes part in the old unicast form.
func TestGroupOption(t *testing.T) {
	group := netip.MustParseAddr("224.0.0.99")
	peer := netip.MustParseAddr("192.0.2.2")
	tmpl, err := NewTemplate(Params{Version: V3, VRID: 1, Interval: time.Second, Sum: FormGroup, Group: group})
	if err != nil {
		t.Fatal(err)
	}
	packet, err := tmpl.Append(nil, 100, src4, peer)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := Decode(packet, src4, peer, Options{Group: group}); a.Sum != FormGroup {
		t.Errorf("with the group: %v", a.Sum)
	}
	if a, _ := Decode(packet, src4, peer, Options{}); a.Sum != FormBad {
		t.Errorf("with the default group: %v", a.Sum)
	}
	if a, _ := Decode(packet, src4, group, Options{Group: group}); a.Sum != FormPseudo {
		t.Errorf("sent to the group itself: %v", a.Sum)
	}
}
