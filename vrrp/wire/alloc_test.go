package wire

import (
	"net/netip"
	"testing"
	"time"
)

func benchTemplate(t testing.TB, form Form) Template {
	t.Helper()
	var list []netip.Addr
	for i := range 20 {
		list = append(list, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
	}
	tmpl, err := NewTemplate(Params{Version: V3, VRID: 51, Interval: time.Second, Sum: form, Addrs: list})
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// sendOne and receiveOne are what happens for each packet.
func sendOne(buf []byte, tmpl *Template, priority uint8, dst netip.Addr) []byte {
	h := IPv4{Protocol: ProtoVRRP, TTL: HopLimit, ID: 7, Src: src4, Dst: dst}
	b, err := AppendIPv4(buf[:0], &h, tmpl.Len())
	if err != nil {
		return nil
	}
	if b, err = tmpl.Append(b, priority, src4, dst); err != nil {
		return nil
	}
	return b
}

func receiveOne(packet []byte, want *Expect) (n int, r Reason) {
	h, payload, r := ParseIPv4(packet, ProtoVRRP)
	if r != OK {
		return 0, r
	}
	if _, _, _, ok := Peek(payload); !ok {
		return 0, TooShort
	}
	a, r := Decode(payload, h.Src, h.Dst, Options{})
	if r != OK {
		return 0, r
	}
	if r = a.Check(want); r != OK {
		return 0, r
	}
	for i := range a.Count() {
		if a.At(i) != src4 {
			n++
		}
	}
	return n, OK
}

func TestNoAllocations(t *testing.T) {
	tmpl := benchTemplate(t, FormPseudo)
	want := Expect{Version: V3, Accept: FormPseudo}
	buf := make([]byte, 0, 128)
	peer := netip.MustParseAddr("192.0.2.2")
	bad := []byte{0x45, 0, 0}
	allocs := testing.AllocsPerRun(1000, func() {
		packet := sendOne(buf, &tmpl, 200, peer)
		if n, r := receiveOne(packet, &want); r != OK || n != 19 {
			t.Fatalf("%v, %d addresses", r, n)
		}
		if _, r := receiveOne(bad, &want); r != NotIPv4 {
			t.Fatal(r)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per packet", allocs)
	}
}

func BenchmarkSend(b *testing.B) {
	tmpl := benchTemplate(b, FormPseudo)
	buf := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		sendOne(buf, &tmpl, 200, Group4())
	}
}

func BenchmarkReceive(b *testing.B) {
	tmpl := benchTemplate(b, FormPseudo)
	packet := sendOne(make([]byte, 0, 128), &tmpl, 200, Group4())
	want := Expect{Version: V3, Accept: FormPseudo}
	b.ReportAllocs()
	for b.Loop() {
		receiveOne(packet, &want)
	}
}
