package wire

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
)

// secretKey is the password of the captured frames.
func secretKey() *AHKey { return NewAHKey([AuthLen]byte{'s', 'e', 'c', 'r', 'e', 't'}) }

// ahFrames are the captured packets with an Authentication Header.
func ahFrames(t testing.TB) (all []golden) {
	for _, g := range goldens(t) {
		if strings.HasPrefix(g.name, "new-v2ah") || strings.HasPrefix(g.name, "new-uniah") || strings.HasPrefix(g.name, "old-v2ah") {
			all = append(all, g)
		}
	}
	if len(all) < 4 {
		t.Fatalf("%d frames with an Authentication Header", len(all))
	}
	return all
}

func TestAHGolden(t *testing.T) {
	k := secretKey()
	for _, g := range ahFrames(t) {
		h, payload, r := ParseIPv4(g.packet, ProtoAH)
		if r != OK {
			t.Fatalf("%s: %v", g.name, r)
		}
		ah, msg, r := ParseAH(payload)
		if r != OK || ah.SPI != h.Src || ah.Sequence == 0 || len(msg) != 20 {
			t.Errorf("%s: %v %+v, message of %d octets", g.name, r, ah, len(msg))
		}
		unicast := !h.Dst.IsMulticast()
		if r := k.Verify(payload, &h, unicast); r != OK {
			t.Errorf("%s: %v", g.name, r)
		}
		if r := k.Verify(payload, &h, !unicast); r != BadICV {
			t.Errorf("%s: with the other treatment of the TTL: %v", g.name, r)
		}
		again := bytes.Clone(payload)
		for i := range AHLen {
			again[i] = 0xff // whatever was there
		}
		if err := k.Sign(again, &h, unicast, ah.Sequence); err != nil || !bytes.Equal(again, payload) {
			t.Errorf("%s: %v\n got %x\nwant %x", g.name, err, again, payload)
		}
	}
}

// The worked example of wire-formats.md section 3, from its input on.
func TestAHVector(t *testing.T) {
	h := IPv4{Protocol: ProtoAH, TTL: 255, ID: 1, Src: netip.MustParseAddr("192.0.2.1"), Dst: Group4()}
	msg, _ := hex.DecodeString("2133c80102015265c00002640000000000000000")
	payload := append(make([]byte, AHLen), msg...)
	if err := secretKey().Sign(payload, &h, false, 1); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(payload[icvAt:AHLen]); got != "1e56050dfec3d960dc39e37d" {
		t.Errorf("multicast: %s", got)
	}
	h.Dst = netip.MustParseAddr("192.0.2.2")
	if err := secretKey().Sign(payload, &h, true, 1); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(payload[icvAt:AHLen]); got != "f3b0e7c9d5558eb479cf8b1c" {
		t.Errorf("unicast: %s", got)
	}
}

// Whatever is changed in a packet is noticed, but for what may change on the way.
func TestAHNotices(t *testing.T) {
	g := ahFrames(t)[0]
	k := secretKey()
	h, payload, _ := ParseIPv4(g.packet, ProtoAH)
	for i := range payload {
		bad := bytes.Clone(payload)
		bad[i] ^= 1
		want := BadICV
		_, _, r := ParseAH(bad)
		switch {
		case i == 0:
			want = NotVRRP
		case i == 1:
			want = BadAH
		case r != OK:
			t.Fatalf("octet %d: %v", i, r)
		default:
			r = k.Verify(bad, &h, false)
		}
		if r != want {
			t.Errorf("octet %d changed: %v, want %v", i, r, want)
		}
	}
	for what, edit := range map[string]func(h *IPv4){
		"source":         func(h *IPv4) { h.Src = netip.MustParseAddr("192.0.2.7") },
		"destination":    func(h *IPv4) { h.Dst = netip.MustParseAddr("224.0.0.19") },
		"identification": func(h *IPv4) { h.ID++ },
		"TTL":            func(h *IPv4) { h.TTL-- },
	} {
		other := h
		if edit(&other); k.Verify(payload, &other, false) != BadICV {
			t.Errorf("another %s is not noticed", what)
		}
	}
	if r := NewAHKey([AuthLen]byte{'s', 'e', 'c', 'r', 'e', 't', 's'}).Verify(payload, &h, false); r != BadICV {
		t.Errorf("another password: %v", r)
	}
	// A sender that knows the password and takes another's index.
	other := h
	other.Src = netip.MustParseAddr("192.0.2.7")
	forged := bytes.Clone(payload)
	copy(forged[icvAt:], make([]byte, icvLen))
	copy(forged[icvAt:AHLen], k.icv(forged, &other, false))
	if r := k.Verify(forged, &other, false); r != BadSPI {
		t.Errorf("another's index: %v", r)
	}
}

func TestAHShort(t *testing.T) {
	g := ahFrames(t)[0]
	_, payload, _ := ParseIPv4(g.packet, ProtoAH)
	for n := range AHLen {
		if _, msg, r := ParseAH(payload[:n]); r != TooShort || msg != nil {
			t.Errorf("%d octets: %v", n, r)
		}
	}
	if _, msg, r := ParseAH(payload[:AHLen]); r != OK || len(msg) != 0 {
		t.Errorf("no message: %v", r)
	}
	k, v6 := secretKey(), IPv4{Src: netip.MustParseAddr("fe80::1"), Dst: Group6()}
	if err := k.Sign(bytes.Clone(payload), &v6, false, 1); err != ErrFamily {
		t.Errorf("IPv6: %v", err)
	}
	if r := k.Verify(payload, &v6, false); r != BadAH {
		t.Errorf("IPv6: %v", r)
	}
}

func FuzzAH(f *testing.F) {
	for _, g := range ahFrames(f) {
		f.Add(g.packet[IPv4Len:], uint16(1), uint8(255), true)
	}
	k := secretKey()
	f.Fuzz(func(t *testing.T, payload []byte, id uint16, ttl uint8, unicast bool) {
		if len(payload) > 0xffff-IPv4Len {
			return
		}
		h := IPv4{Protocol: ProtoAH, TTL: ttl, ID: id, Src: src4, Dst: Group4()}
		ah, msg, r := ParseAH(payload)
		if r != OK {
			if msg != nil {
				t.Fatalf("%v with a message", r)
			}
			return
		}
		before := bytes.Clone(payload)
		r = k.Verify(payload, &h, unicast)
		if !bytes.Equal(before, payload) {
			t.Fatal("Verify wrote to its input")
		}
		if err := k.Sign(payload, &h, unicast, ah.Sequence); err != nil {
			t.Fatal(err)
		}
		if r == OK && payload[2] == before[2] && payload[3] == before[3] && !bytes.Equal(before, payload) {
			t.Fatalf("an authentic packet is\n%x and not\n%x", before, payload)
		}
		if r := k.Verify(payload, &h, unicast); r != OK {
			t.Fatalf("our own packet: %v", r)
		}
	})
}
