package local

import (
	"bytes"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast.dev/transport"
)

func examples() []Msg {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::2")
	return []Msg{
		{Type: Send, Kind: transport.TLS, Src: a, Dst: netip.MustParseAddr("192.0.2.2"), Payload: []byte{0x31, 51, 100, 0, 0, 100, 1, 2}, Since: 5},
		{Type: Report, Kind: transport.TCP, IPv6: true, Src: b, Dst: b, VRID: 255, State: 2, Priority: 254, Hears: true, Since: 1 << 61},
		{
			Type: Received, Kind: transport.UDP, Src: a, Dst: a, Origin: netip.MustParseAddr("10.0.0.1"), Age: 1500 * time.Microsecond,
			Payload: bytes.Repeat([]byte{7}, MaxPayload),
		},
		{Type: Died, Kind: transport.TCP, Src: a, Dst: a},
		{Type: Told, Kind: transport.TLS, Src: a, Dst: a, Origin: a, VRID: 1, State: 1, Priority: 100},
		{
			Type: Link, Kind: transport.TLS, Src: a, Dst: a, Up: true, RTT: 2 * time.Millisecond, Since: 1 << 60,
			Count: Counts{1, 2, 3, 4, 5, 6, 7}, Text: strings.Repeat("x", MaxText),
		},
		{Type: Hand, Kind: transport.TLS, Src: a, Dst: a, VRID: 7, State: 1, ID: 1000},
		{Type: Handed, Kind: transport.TLS, IPv6: true, Src: b, Dst: b, Origin: b, VRID: 7, State: 2},
		{Type: Overrun, Kind: transport.UDP, Count: Counts{Overrun: 9}},
	}
}

func TestMessagesComeBack(t *testing.T) {
	var b []byte
	for _, m := range examples() {
		b = Append(b, &m)
	}
	if len(b) > MaxDatagram {
		t.Fatalf("%d octets", len(b))
	}
	for _, want := range examples() {
		got, rest, err := Next(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Payload) == 0 {
			got.Payload = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		b = rest
	}
	if len(b) != 0 {
		t.Errorf("%d octets are left", len(b))
	}
}

// TestCut: a message that is cut anywhere is garbage, and never another message.
func TestCut(t *testing.T) {
	for _, m := range examples() {
		whole := Append(nil, &m)
		for n := range whole {
			if got, _, err := Next(whole[:n]); err == nil {
				t.Fatalf("%d of %d octets were read as %+v", n, len(whole), got)
			}
		}
	}
}

func TestOddValues(t *testing.T) {
	good := Append(nil, &Msg{Type: Died, Kind: transport.TCP})
	for at, values := range map[int][]byte{2: {0, byte(types), 255}, 3: {0, 4, 255}, 4: {8, 128}} {
		for _, v := range values {
			bad := bytes.Clone(good)
			bad[at] = v
			if m, _, err := Next(bad); err == nil {
				t.Errorf("octet %d = %d was read as %+v", at, v, m)
			}
		}
	}
}

// TestTooLong: what is too long is cut when it is sent and refused when it comes.
func TestTooLong(t *testing.T) {
	m := Msg{Type: Send, Kind: transport.TCP, Payload: make([]byte, 1<<16)}
	got, _, err := Next(Append(nil, &m))
	if err != nil || len(got.Payload) != MaxPayload {
		t.Errorf("%d octets, %v", len(got.Payload), err)
	}
	m.Payload = m.Payload[:MaxPayload]
	b := append(Append(nil, &m), 0)
	b[0], b[1] = byte((len(b)-2)>>8), byte(len(b)-2)
	if _, _, err := Next(b); err == nil {
		t.Error("a payload of one octet too many was taken")
	}
}

func TestNoAllocation(t *testing.T) {
	m := examples()[0]
	b := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() {
		b = Append(b[:0], &m)
		if _, _, err := Next(b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzNext(f *testing.F) {
	for _, m := range examples() {
		f.Add(Append(nil, &m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			m, rest, err := Next(b)
			if err != nil {
				return
			}
			again, left, err := Next(Append(nil, &m))
			if err != nil || len(left) != 0 || !reflect.DeepEqual(again, m) {
				t.Fatalf("%+v came back as %+v (%v)", m, again, err)
			}
			b = rest
		}
	})
}
