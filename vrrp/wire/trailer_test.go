package wire

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func counted(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func trailerKey(t testing.TB, id uint8, secret []byte) *TrailerKey {
	t.Helper()
	k, err := NewTrailerKey(id, secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The vectors of wire-formats.md section 5.
var trailerVectors = []struct {
	name     string
	id       uint8
	secret   []byte
	src, dst string
	payload  string
}{
	{"H-1", 1, counted(32), "198.51.100.10", "224.0.0.18", "3133c80100644402c0000264" + "0101000068000000800000001b84bc4e8e43892dc6d98448f8ee2265"},
	{"H-2", 1, counted(32), "fe80::10", "fe80::20", "3133c8010064a2e9fe800000000000000000000000000100" + "010100006800000080000000c8c56146ebfd66ee10ec4d8186461b78"},
	{"H-3", 7, counted(64), "192.0.2.1", "224.0.0.18", "2101000200015a31c0000264c00002650000000000000000" + "010700006800000180000003519ac8f0a8ce797c7a9dfd2c26d69fd3"},
	{"H-4", 255, []byte("correct horse battery staple 1234"), "203.0.113.2", "224.0.0.18", "31ff64010fff016ccb007101" + "01ff0000fffffffffffeffff22f1251cafb2615b859b753d3cb847bd"},
	{"H-5", 2, counted(32), "fe80::a", "ff02::12", "3133c8020064dbe5fe80000000000000000000000000010020010db8000000000000000000000100" + "0102000068000000800000007fd35321b24e8ebebe4e9817b6fef387"},
	{"H-6", 1, counted(32), "192.0.2.1", "224.0.0.18", "3133c8010064a171c0000264010100006b02e190271300007112ff1209f6809145b9b0a7986d76d4"},
	{"H-7", 1, counted(32), "192.0.2.1", "224.0.0.18", "2133c80100015465c00002640000000000000000010100006b02e19fa8eb0000ddee752fd9e2963f031d3f3074c03d22"},
	{"H-8", 1, counted(32), "fe80::a", "ff02::12", "3133c802006486f0fe80000000000000000000000000010020010db8000000000000000000000100010100006b02e1a7684a0000d63a850f197c00cf1ae64bd06d315374"},
}

func TestTrailerVectors(t *testing.T) {
	for _, v := range trailerVectors {
		src, dst := netip.MustParseAddr(v.src), netip.MustParseAddr(v.dst)
		payload := unhex(t, v.payload)
		a, r := Decode(payload, src, dst, Options{Trailer: true})
		if r != OK {
			t.Fatalf("%s: %v", v.name, r)
		}
		tr, r := a.ParseTrailer()
		if r != OK || tr.KeyID != v.id {
			t.Errorf("%s: %v, key %d", v.name, r, tr.KeyID)
		}
		k := trailerKey(t, v.id, v.secret)
		if !k.Verify(&a, src) {
			t.Errorf("%s does not verify", v.name)
		}
		if got := k.Append(nil, a.Message(), src, tr.Sequence); !bytes.Equal(got, a.Trailer()) {
			t.Errorf("%s:\n got %x\nwant %x", v.name, got, a.Trailer())
		}
		other := bytes.Clone(v.secret)
		other[len(other)-1] ^= 1
		if trailerKey(t, v.id, other).Verify(&a, src) {
			t.Errorf("%s verifies with another key", v.name)
		}
	}
}

// All captured frames with a trailer are keepalived's with one key.
func TestTrailerGolden(t *testing.T) {
	k := trailerKey(t, 1, counted(32))
	seen := 0
	for _, g := range goldens(t) {
		if !strings.Contains(g.fields, "trailer") {
			continue
		}
		seen++
		src, dst, payload := g.open(t)
		if a, r := Decode(payload, src, dst, Options{Trailer: true}); r != OK || !k.Verify(&a, src) {
			t.Errorf("%s: %v, or it does not verify", g.name, r)
		}
	}
	if seen < 4 {
		t.Errorf("%d frames with a trailer", seen)
	}
}

// The negative cases of wire-formats.md section 5, for every octet of H-2.
func TestTrailerNotices(t *testing.T) {
	k := trailerKey(t, 1, counted(32))
	src, dst := netip.MustParseAddr("fe80::10"), netip.MustParseAddr("fe80::20")
	payload := unhex(t, trailerVectors[1].payload)
	n := len(payload) - TrailerLen
	for i := range payload {
		bad := bytes.Clone(payload)
		bad[i] ^= 1
		a, r := Decode(bad, src, dst, Options{Trailer: true})
		if i == 3 { // another count asks for another length
			if r == OK {
				t.Error("another count is not noticed")
			}
			continue
		}
		if r != OK {
			t.Errorf("octet %d: %v", i, r)
			continue
		}
		tr, r := a.ParseTrailer()
		switch {
		case i == n || i == n+2 || i == n+3:
			if r != TrailerMalformed {
				t.Errorf("octet %d: %v", i, r)
			}
		case i == n+1:
			if r != OK || tr.KeyID == k.ID() {
				t.Errorf("octet %d: %v, key %d", i, r, tr.KeyID)
			}
		case i == sumAt || i == sumAt+1:
			if r != OK || !k.Verify(&a, src) {
				t.Error("the checksum counts")
			}
		default:
			if r != OK || k.Verify(&a, src) {
				t.Errorf("octet %d changed is not noticed", i)
			}
		}
	}
	a, _ := Decode(payload, src, dst, Options{Trailer: true})
	if k.Verify(&a, netip.MustParseAddr("fe80::11")) {
		t.Error("another source is not noticed")
	}
	a, _ = Decode(payload[:n], src, dst, Options{})
	if _, r := a.ParseTrailer(); r != TrailerMissing || k.Verify(&a, src) {
		t.Errorf("no trailer: %v", r)
	}
}

func TestTrailerKeys(t *testing.T) {
	for _, n := range []int{0, 1, 31, 65, 1000} {
		if _, err := NewTrailerKey(1, counted(n)); err == nil {
			t.Errorf("a key of %d octets is taken", n)
		} else if strings.Contains(err.Error(), string(counted(n))) && n > 0 {
			t.Errorf("the error shows the key: %v", err)
		}
	}
	for _, n := range []int{32, 33, 64} {
		trailerKey(t, 255, counted(n))
	}
	if _, err := NewTrailerKey(0, counted(32)); err == nil {
		t.Error("id 0 is taken")
	}
}

func TestSequence(t *testing.T) {
	const second = int64(time.Second)
	for wall, want := range map[int64]Sequence{
		0:                            0,
		second / 2:                   0x8000_0000,
		0x68000000*second + second/2: 0x68000000_8000_0000,
		second - 1:                   0xffff_0000,
		-1:                           0xffffffff_ffff_0000,
		(1<<32+5)*second + second/4:  0x00000005_4000_0000,
		9_223_372_036_854_775_807:    0x25c17d04_dad2_0000,
		-9_223_372_036_854_775_807:   0xda3e82fb_252d_0000,
		1_700_000_000_123_456_789:    0x6553f100_1f9a_0000,
	} {
		if got := SequenceAt(wall); got != want {
			t.Errorf("%d: %016x, want %016x", wall, uint64(got), uint64(want))
		}
	}
	wrap := Sequence(0xffffffff_ffff_fffe)
	if !(wrap + 5).After(wrap) || wrap.After(wrap+5) || wrap.After(wrap) {
		t.Error("the order does not survive the end of the counter")
	}
	if got := Sequence(2 << 32).Ahead(0xffffffff_8000_0000); got != 3 {
		t.Errorf("ahead by %d", got)
	}
	if got := Sequence(5 << 32).Ahead(7<<32 + 1); got != -2 {
		t.Errorf("ahead by %d", got)
	}
}

func TestAuthenticationDoesNotAllocate(t *testing.T) {
	tmpl := benchTemplate(t, FormPseudo)
	k, ah := trailerKey(t, 1, counted(32)), secretKey()
	msg, err := tmpl.Append(nil, 100, src4, Group4())
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, 256)
	h := IPv4{Protocol: ProtoAH, TTL: 255, ID: 7, Src: src4, Dst: Group4()}
	payload := append(make([]byte, AHLen, 256), msg...)
	allocs := testing.AllocsPerRun(1000, func() {
		b := append(buf[:0], msg...)
		b = k.Append(b, b, src4, 5)
		a, r := Decode(b, src4, Group4(), Options{Trailer: true})
		if _, p := a.ParseTrailer(); r != OK || p != OK || !k.Verify(&a, src4) {
			t.Fatal("no good")
		}
		if err := ah.Sign(payload, &h, false, 5); err != nil || ah.Verify(payload, &h, false) != OK {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per packet", allocs)
	}
}

func FuzzTrailer(f *testing.F) {
	for _, v := range trailerVectors {
		f.Add(unhex(f, v.payload), strings.Contains(v.src, ":"))
	}
	k := trailerKey(f, 1, counted(32))
	f.Fuzz(func(t *testing.T, payload []byte, ipv6 bool) {
		if len(payload) > 0xffff {
			return
		}
		src, dst := src4, Group4()
		if ipv6 {
			src, dst = src6, Group6()
		}
		a, r := Decode(payload, src, dst, Options{Trailer: true})
		if r != OK {
			return
		}
		tr, r := a.ParseTrailer()
		if (r == TrailerMissing) != (a.Trailer() == nil) {
			t.Fatalf("%v with %d octets", r, len(a.Trailer()))
		}
		before := bytes.Clone(payload)
		good := k.Verify(&a, src)
		if !bytes.Equal(before, payload) {
			t.Fatal("Verify wrote to its input")
		}
		if r != OK {
			if good && r == TrailerMissing {
				t.Fatal("nothing verifies")
			}
			return
		}
		mine := k.Append(nil, a.Message(), src, tr.Sequence)
		if good && tr.KeyID == k.ID() && !bytes.Equal(mine, a.Trailer()) {
			t.Fatalf("an authentic trailer is\n%x and not\n%x", a.Trailer(), mine)
		}
		signed, r := Decode(append(bytes.Clone(a.Message()), mine...), src, dst, Options{Trailer: true})
		if r != OK || !k.Verify(&signed, src) {
			t.Fatalf("our own trailer does not verify: %v", r)
		}
	})
}

func BenchmarkTrailer(b *testing.B) {
	tmpl := benchTemplate(b, FormPseudo)
	k := trailerKey(b, 1, counted(32))
	msg, _ := tmpl.Append(nil, 100, src4, Group4())
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		buf = k.Append(buf[:0], msg, src4, 5)
	}
}
