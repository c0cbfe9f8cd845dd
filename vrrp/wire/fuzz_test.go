package wire

import (
	"bytes"
	"net/netip"
	"testing"
)

func FuzzDecode(f *testing.F) {
	for _, g := range goldens(f) {
		_, _, payload := g.open(f)
		f.Add(payload, g.ipv6, false, len(payload)%2 == 0)
	}
	f.Fuzz(func(t *testing.T, payload []byte, ipv6, unicast, trailer bool) {
		if len(payload) > 0xffff {
			return // no IP packet is that long
		}
		src, dst, peer := src4, Group4(), netip.MustParseAddr("192.0.2.2")
		if ipv6 {
			src, dst, peer = src6, Group6(), netip.MustParseAddr("fe80::b")
		}
		if unicast {
			dst = peer
		}
		before := bytes.Clone(payload)
		a, r := Decode(payload, src, dst, Options{Trailer: trailer})
		if !bytes.Equal(before, payload) {
			t.Fatal("Decode wrote to its input")
		}
		if r != OK {
			if a.Message() != nil || a.Count() != 0 {
				t.Fatalf("%v with an advert", r)
			}
			return
		}
		if len(a.Message())+len(a.Trailer()) != len(payload) || (a.Trailer() != nil && !trailer) {
			t.Fatalf("%d + %d octets of %d", len(a.Message()), len(a.Trailer()), len(payload))
		}
		if a.Sum == 0 || (a.Sum&FormBad != 0 && a.Sum != FormBad) {
			t.Fatalf("checksum form %v", a.Sum)
		}
		reencode(t, &a, src, dst)
	})
}

// reencode checks that an advert that could have been ours is encoded to the octets that it came from.
func reencode(t *testing.T, a *Advert, src, dst netip.Addr) {
	p := again(a)
	for _, form := range []Form{FormPlain, FormPseudo, FormGroup} {
		if a.Sum&form == 0 || a.Type != TypeAdvert || (a.IsIPv6() && a.Trailer() != nil) {
			continue
		}
		p.Sum = form
		tmpl, err := NewTemplate(p)
		if err != nil {
			continue // VRID 0, interval 0, unknown authentication, mapped address
		}
		got, err := tmpl.Append(nil, a.Priority, src, dst)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(a.Message())
		if a.Version == V3 && want[4]>>4 != 0 {
			return // reserved bits are not kept
		}
		if a.Version == V2 && !a.IsIPv6() && a.AuthType != AuthPass && a.AuthData != [AuthLen]byte{} {
			return // nor is authentication data that means nothing
		}
		if want[6] == 0xff && want[7] == 0xff {
			want[6], want[7] = 0, 0 // both are zero in one's complement; we send the other
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("form %v:\n got %x\nwant %x", form, got, want)
		}
	}
}

func FuzzIPv4Header(f *testing.F) {
	for _, g := range goldens(f) {
		if !g.ipv6 {
			f.Add(g.packet)
		}
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		h, payload, r := ParseIPv4(packet, ProtoVRRP)
		if r != OK {
			if payload != nil || h.Src.IsValid() {
				t.Fatalf("%v with a packet", r)
			}
			return
		}
		if h.TTL == 0 {
			return
		}
		b, err := AppendIPv4(nil, &h, len(payload))
		if err != nil {
			t.Fatal(err)
		}
		if fold(sum(b)) != allOnes {
			t.Fatalf("header checksum of %x", b)
		}
		h2, payload2, r := ParseIPv4(append(b, payload...), ProtoVRRP)
		if r != OK || h2 != h || !bytes.Equal(payload, payload2) {
			t.Fatalf("%v: %+v %x, want %+v %x", r, h2, payload2, h, payload)
		}
	})
}
