package link

import (
	"bytes"
	"strings"
	"testing"

	"holdfast.dev/vrrp/wire"
)

type goldenFrame struct {
	name     string
	src, dst string
	ttl      uint8
	id       uint16
	frame    string
}

func (g *goldenFrame) isAH() bool { return strings.Contains(g.name, "AH") }

// golden are frames that keepalived sent, and what Send is told to send the same.
var golden = []goldenFrame{
	{
		"v2 multicast", "192.0.2.1", "224.0.0.18", 255, 1,
		"01005e000012020000000a01080045c0002800010000ff701891c0000201e00000122133c80100015465c00002640000000000000000",
	},
	{
		"v3 multicast", "192.0.2.1", "224.0.0.18", 0, 3,
		"01005e000012020000000a01080045c0002000030000ff701897c0000201e00000123133000100646972c0000264",
	},
	{
		"v3 unicast", "192.0.2.1", "192.0.2.2", 255, 1,
		"020000000b02020000000a01080045c0002000010000ff7036a9c0000201c00002023133c8010064bf81c0000264",
	},
	{
		"v2 AH multicast", "192.0.2.1", "224.0.0.18", 255, 1,
		"01005e000012020000000a01080045c0004000010000ff3318b6c0000201e000001270040000c0000201000000011e56050dfec3d960dc39e37d" +
			"2133c80102015265c00002640000000000000000",
	},
	{
		"v2 AH unicast", "192.0.2.1", "192.0.2.2", 0, 4,
		"020000000b02020000000a01080045c0004000040000ff3336c3c0000201c000020270040000c000020100000004251dfaded478d607e0682d6a" +
			"2133000102011a66c00002640000000000000000",
	},
	{
		"v3 IPv6", "fe80::a", "ff02::12", 255, 1,
		"333300000012020000000a0186dd6c0f0055002870fffe80000000000000000000000000000aff0200000000000000000000000000123133c8020064d9f3" +
			"fe80000000000000000000000000010020010db8000000000000000000000100",
	},
	{
		"v2 IPv6", "fe80::a", "ff02::12", 0, 1,
		"333300000012020000000a0186dd6c0f0055002870fffe80000000000000000000000000000aff0200000000000000000000000000122133c8020001ea56" +
			"fe80000000000000000000000000010020010db8000000000000000000000100",
	},
}

// split takes a frame apart: family, and the message with its checksum as Send is given it.
func split(t *testing.T, frame []byte) (family int, payload []byte) {
	t.Helper()
	if frame[12] == 0x08 {
		return 4, bytes.Clone(frame[14+wire.IPv4Len:])
	}
	payload = bytes.Clone(frame[14+wire.IPv6Len:])
	payload[6], payload[7] = 0, 0 // the kernel's to fill in
	return 6, payload
}

// TestSendGolden compares what leaves the interface with keepalived's frames, octet by octet. The IPv6 flow label is the kernel's.
func TestSendGolden(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	tap := lab.b.tap(linkB)
	ports := map[int]*Port{}
	for _, f := range []int{4, 6} {
		ports[f] = lab.a.open(Spec{Link: linkA, Family: f})
	}
	ah := lab.a.open(Spec{Link: linkA, Family: 4, AH: true})
	for _, g := range golden {
		want := unhex(t, g.frame)
		family, payload := split(t, want)
		port := ports[family]
		if g.isAH() {
			port = ah
		}
		if err := port.Send(ip(g.src), ip(g.dst), g.ttl, g.id, payload); err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		got := tap.vrrp()
		if family == 6 {
			copy(want[15:18], got[15:18]) // flow label, checked here for the traffic class
			if class := got[14]<<4 | got[15]>>4; class != wire.TrafficClass {
				t.Errorf("%s: traffic class %#x", g.name, class)
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\ngot  %x\nwant %x", g.name, got, want)
		}
	}
}

// TestAHApart: the port for Authentication Headers and the other one on the same link hear nothing of each other, nor of other protocols
// that are protected so.
func TestAHApart(t *testing.T) {
	t.Parallel()
	inOrder(t)
	lab := newPair(t)
	batch := NewBatch(8)
	var set VRIDSet
	set.Add(51)
	plain := lab.b.open(Spec{Link: linkB, Family: 4, VRIDs: &set})
	ah := lab.b.open(Spec{Link: linkB, Family: 4, AH: true})
	out := lab.a.open(Spec{Link: linkA, Family: 4})
	outAH := lab.a.open(Spec{Link: linkA, Family: 4, AH: true})
	send := func(p *Port, id uint16, payload []byte) {
		t.Helper()
		if err := p.Send(ip("192.0.2.1"), ip("192.0.2.2"), 0, id, payload); err != nil {
			t.Fatal(err)
		}
	}
	header := func(next byte) []byte {
		return append(append([]byte{next, 4}, make([]byte, wire.AHLen-2)...), advert(51)...)
	}
	send(outAH, 1, header(wire.ProtoVRRP))
	send(outAH, 2, header(6))
	send(out, 3, advert(51))
	send(outAH, 4, header(wire.ProtoVRRP))
	if got := wait(t, ah, batch, 2); got[0].ID != 1 || got[1].ID != 4 || got[0].Drop != wire.OK {
		t.Errorf("with a header came %+v", got)
	}
	if got := wait(t, plain, batch, 1); len(got) != 1 || got[0].ID != 3 || got[0].Drop != wire.OK {
		t.Errorf("plain came %+v", got)
	}
	set[1] = 1 << (52 - 32)
	if err := ah.SetVRIDs(&set); err != nil {
		t.Fatal(err)
	}
	send(outAH, 5, header(wire.ProtoVRRP)) // of a virtual router that is not listened for any more
	other := header(wire.ProtoVRRP)
	other[wire.AHLen+1] = 52
	send(outAH, 6, other)
	if got := wait(t, ah, batch, 1); got[0].ID != 6 {
		t.Errorf("with a header came %+v", got)
	}
	// Without an interface, by its own address.
	floating := lab.b.open(Spec{Local: ip("192.0.2.2"), Family: 4, AH: true})
	send(outAH, 7, header(wire.ProtoVRRP))
	if got := wait(t, floating, batch, 1); got[0].ID != 7 {
		t.Errorf("to an address came %+v", got)
	}
	if _, err := Open(Spec{Link: "lo", Family: 6, AH: true}); err == nil {
		t.Error("an Authentication Header over IPv6 is opened")
	}
}

// TestReceiveGolden sends each golden message and compares what Recv tells of it.
func TestReceiveGolden(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	batch := NewBatch(8)
	for _, g := range golden {
		frame := unhex(t, g.frame)
		family, payload := split(t, frame)
		spec := Spec{Link: linkB, Index: lab.b.index(linkB), Family: family, AH: g.isAH()}
		if dst := ip(g.dst); dst.IsMulticast() {
			spec.Groups = append(spec.Groups, dst)
		}
		in := lab.b.open(spec)
		out := lab.a.open(Spec{Link: linkA, Family: family, AH: g.isAH()})
		if err := out.Send(ip(g.src), ip(g.dst), g.ttl, g.id, payload); err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		d := wait(t, in, batch, 1)[0]
		want := frame[len(frame)-len(payload):]
		if family == 4 && d.ID != g.id {
			t.Errorf("%s: identification %d", g.name, d.ID)
		}
		if d.Drop != wire.OK || d.Truncated || d.TTL != 255 || d.Src != ip(g.src) || d.Dst != ip(g.dst) ||
			!bytes.Equal(d.Payload, want) {
			t.Errorf("%s: %+v", g.name, d)
		}
		in.Close()
		out.Close()
	}
}
