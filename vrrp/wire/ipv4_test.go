package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func goodIPv4(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString("45c0002000010000ff701899c0000201e0000012" + "3133c8010064a171c0000264")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseIPv4(t *testing.T) {
	set := func(i int, v ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[i:], v); return b }
	}
	for _, c := range []struct {
		name string
		edit func([]byte) []byte
		want Reason
		rest int // length of the payload
	}{
		{"good", set(0), OK, 12},
		{"Ethernet padding", func(b []byte) []byte { return append(b, make([]byte, 14)...) }, OK, 12},
		{"options", func(b []byte) []byte {
			b[0], b[3] = 0x46, 0x24
			return append(b[:20], append([]byte{1, 1, 1, 0}, b[20:]...)...)
		}, OK, 12},
		{"no payload", set(2, 0, 20), OK, 0},
		{"don't fragment", set(6, 0x40), OK, 12},
		{"reserved bit", set(6, 0x80), OK, 12},
		{"version 6", set(0, 0x65), NotIPv4, 0},
		{"header length 4", set(0, 0x44), BadIPHeader, 0},
		{"header longer than the packet", set(0, 0x4f), BadIPHeader, 0},
		{"total length below the header", set(2, 0, 19), BadIPHeader, 0},
		{"total length 0", set(2, 0, 0), BadIPHeader, 0},
		{"total length too large", set(2, 0, 33), IPTruncated, 0},
		{"more fragments", set(6, 0x20), Fragment, 0},
		{"fragment offset", set(6, 0, 1), Fragment, 0},
		{"UDP", set(9, 17), WrongProtocol, 0},
		{"AH", set(9, ProtoAH), WrongProtocol, 0},
	} {
		h, payload, r := ParseIPv4(c.edit(goodIPv4(t)), ProtoVRRP)
		if r != c.want || len(payload) != c.rest {
			t.Errorf("%s: %v, %d octets, want %v, %d", c.name, r, len(payload), c.want, c.rest)
		}
		if r == OK && (h.TTL != 255 || h.ID != 1 || h.Src != src4 || h.Dst != Group4() || h.Protocol != ProtoVRRP) {
			t.Errorf("%s: %+v", c.name, h)
		}
	}
}

func TestParseIPv4Cut(t *testing.T) {
	b := goodIPv4(t)
	for n := range len(b) {
		want := IPTruncated
		if n < IPv4Len {
			want = NotIPv4
		}
		if _, payload, r := ParseIPv4(b[:n], ProtoVRRP); r != want || payload != nil {
			t.Errorf("first %d octets: %v, want %v", n, r, want)
		}
	}
}

func TestAppendIPv4(t *testing.T) {
	h := IPv4{Protocol: ProtoVRRP, TTL: 255, ID: 1, Src: src4, Dst: Group4()}
	b, err := AppendIPv4([]byte("before"), &h, 12)
	if err != nil || !bytes.Equal(b[6:], goodIPv4(t)[:20]) || !strings.HasPrefix(string(b), "before") {
		t.Errorf("%x, %v", b, err)
	}
	for _, c := range []struct {
		name   string
		h      IPv4
		length int
		want   error
	}{
		{"no TTL", IPv4{Src: src4, Dst: Group4()}, 12, ErrTTL},
		{"no source", IPv4{TTL: 1, Dst: Group4()}, 12, ErrFamily},
		{"IPv6", IPv4{TTL: 1, Src: src4, Dst: Group6()}, 12, ErrFamily},
		{"negative length", IPv4{TTL: 1, Src: src4, Dst: src4}, -1, ErrLength},
		{"too long", IPv4{TTL: 1, Src: src4, Dst: src4}, 65516, ErrLength},
		{"longest", IPv4{TTL: 1, Src: src4, Dst: src4}, 65515, nil},
	} {
		b, err := AppendIPv4(nil, &c.h, c.length)
		if !errors.Is(err, c.want) || (err == nil) != (len(b) == IPv4Len) {
			t.Errorf("%s: %d octets, %v", c.name, len(b), err)
		}
	}
}
