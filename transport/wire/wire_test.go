package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast.dev/transport"
)

// golden are the octets of docs/transport.md: another release must read them, and write the same.
var golden = []struct {
	name  string
	frame interface{ Append([]byte) []byte }
	octet string
}{
	{
		"HELLO",
		&Hello{Min: 1, Max: 1, Can: CanReport | CanFastFail, Node: transport.NodeID{0xa1, 0xa2, 0xa3, 0xa4, 15: 0xff}, Clock: 0x0102030405060708, Release: "1.2.3"},
		"002a 01 00  48465654 01 01 00000003 a1a2a3a40000000000000000000000ff 0102030405060708 05 312e322e33",
	},
	{
		"ADVERT",
		&Advert{
			Stamp:  Stamp{Epoch: 0xa1a2a3a4, Sent: 1000000, Origin: netip.MustParseAddr("192.0.2.1")},
			Packet: []byte{0x31, 51, 100, 1, 0, 100, 0xab, 0xcd, 192, 0, 2, 100},
		},
		"002c 02 00  a1a2a3a4 00000000000f4240 00000000000000000000ffffc0000201 0000  313364010064abcdc0000264",
	},
	{
		"REPORT",
		&Report{
			Stamp: Stamp{Epoch: 0xa1a2a3a4, Sent: 1000001, Origin: netip.MustParseAddr("2001:db8::1"), ID: 0x102},
			IPv6:  true, Hears: true, VRID: 51, State: 1, Priority: 100,
		},
		"0023 03 03  a1a2a3a4 00000000000f4241 20010db8000000000000000000000001 0102  330164",
	},
	{
		"HAND",
		&Hand{Stamp: Stamp{Epoch: 0xa1a2a3a4, Sent: 1000002, Origin: netip.MustParseAddr("192.0.2.1")}, VRID: 51, Step: 1},
		"0022 07 80  a1a2a3a4 00000000000f4242 00000000000000000000ffffc0000201 0000  3301",
	},
	{"PING", &Ping{Token: 7}, "000a 04 00  0000000000000007"},
	{"PONG", &Pong{Token: 7, Clock: 9}, "0012 05 00  0000000000000007 0000000000000009"},
	{"BYE", &Bye{Reason: ByeStop}, "0003 06 00  01"},
}

func octets(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGolden(t *testing.T) {
	for _, g := range golden {
		want := octets(t, g.octet)
		if got := g.frame.Append(nil); !bytes.Equal(got, want) {
			t.Errorf("%s:\ngot  %x\nwant %x", g.name, got, want)
			continue
		}
		f, rest, err := Next(want)
		if err != nil || len(rest) != 0 {
			t.Fatalf("%s: %v, %d octets left", g.name, err, len(rest))
		}
		back := reflect.New(reflect.TypeOf(g.frame).Elem()).Interface().(parser)
		if err := back.Parse(&f); err != nil {
			t.Errorf("%s: %v", g.name, err)
		}
		if !reflect.DeepEqual(back, g.frame) {
			t.Errorf("%s: came back as %+v", g.name, back)
		}
	}
}

type parser interface{ Parse(f *Frame) error }

// TestCut: a frame that is cut in the stream is waited for; one whose body is cut is garbage.
func TestCut(t *testing.T) {
	for _, g := range golden {
		whole := octets(t, g.octet)
		for n := range whole {
			if _, _, err := Next(whole[:n]); !errors.Is(err, ErrShort) {
				t.Fatalf("%s: %d of %d octets: %v", g.name, n, len(whole), err)
			}
		}
		f, _, _ := Next(whole)
		body := f.Body
		for n := range body {
			f.Body = body[:n]
			back := reflect.New(reflect.TypeOf(g.frame).Elem()).Interface().(parser)
			err := back.Parse(&f)
			if g.name == "ADVERT" && n >= stampLen+minPacket {
				continue // a shorter message, which the engine looks at
			}
			if err == nil {
				t.Errorf("%s: a body of %d of %d octets was read", g.name, n, len(body))
			}
		}
	}
}

// TestLater: what a later version of the protocol adds behind a frame is left out.
func TestLater(t *testing.T) {
	for _, g := range golden {
		if g.name == "ADVERT" {
			continue
		}
		f, _, _ := Next(octets(t, g.octet))
		f.Body = append(bytes.Clone(f.Body), 1, 2, 3)
		back := reflect.New(reflect.TypeOf(g.frame).Elem()).Interface().(parser)
		if err := back.Parse(&f); err != nil || !reflect.DeepEqual(back, g.frame) {
			t.Errorf("%s: %v, %+v", g.name, err, back)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		want error
	}{
		"length 0":    {[]byte{0, 0, 0, 0}, ErrGarbage},
		"length 1":    {[]byte{0, 1, 1}, ErrGarbage},
		"oversized":   {[]byte{0xff, 0xff, 2, 0}, ErrLong},
		"one too big": {[]byte{byte((MaxFrame - 1) >> 8), byte((MaxFrame - 1) & 0xff)}, ErrLong},
		"http":        {[]byte("GET / HTTP/1.1\r\n"), ErrLong},
		"tls":         {[]byte{0x16, 3, 1, 2, 0}, ErrShort}, // and fails when its 5,635 octets have come
	} {
		if _, _, err := Next(c.in); !errors.Is(err, c.want) && !(name == "tls" && errors.Is(err, ErrLong)) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for name, h := range map[string]func(b []byte){
		"magic":    func(b []byte) { b[4] = 'h' },
		"versions": func(b []byte) { b[8], b[9] = 3, 2 },
		"release":  func(b []byte) { b[4+helloLen-1] = 200 },
	} {
		b := golden[0].frame.Append(nil)
		h(b)
		f, _, _ := Next(b)
		if err := new(Hello).Parse(&f); err == nil {
			t.Errorf("a HELLO with a wrong %s was taken", name)
		}
	}
}

// TestRelease: a stranger's text can't write lines or escapes into our log.
func TestRelease(t *testing.T) {
	f, _, _ := Next((&Hello{Min: 1, Max: 2, Release: "a\n\x1b[31m\xff" + strings.Repeat("b", 100)}).Append(nil))
	var h Hello
	if err := h.Parse(&f); err != nil {
		t.Fatal(err)
	}
	if strings.IndexFunc(h.Release, func(r rune) bool { return r < 32 || r > 126 }) >= 0 || len(h.Release) > MaxText*3 || !h.Speaks(&Hello{Min: Version, Max: Version}) {
		t.Errorf("%q", h.Release)
	}
	if (&Hello{Min: 2, Max: 9}).Speaks(&Hello{Min: Version, Max: Version}) {
		t.Error("a version that we do not speak")
	}
}

func TestClaim(t *testing.T) {
	for name, c := range map[string]struct {
		packet []byte
		want   Claim
		ok     bool
	}{
		"version 3":      {[]byte{0x31, 51, 100, 0, 0xf0, 10, 0, 0}, Claim{51, 100, 100 * time.Millisecond}, true},
		"version 2":      {[]byte{0x21, 1, 0, 0, 0, 1, 0, 0}, Claim{1, 0, time.Second}, true},
		"no interval":    {[]byte{0x31, 51, 100, 0, 0, 0, 0, 0}, Claim{51, 100, 10 * time.Millisecond}, true},
		"version 4":      {[]byte{0x41, 51, 100, 0, 0, 10, 0, 0}, Claim{}, false},
		"another type":   {[]byte{0x32, 51, 100, 0, 0, 10, 0, 0}, Claim{}, false},
		"virtual router": {[]byte{0x31, 0, 100, 0, 0, 10, 0, 0}, Claim{}, false},
		"short":          {[]byte{0x31, 51, 100, 0, 0, 10, 0}, Claim{}, false},
	} {
		got, ok := ReadClaim(c.packet)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	a := golden[1].frame.(*Advert)
	b := make([]byte, 0, 256)
	var back Advert
	if n := testing.AllocsPerRun(100, func() {
		b = a.Append(b[:0])
		f, _, _ := Next(b)
		if err := back.Parse(&f); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzStream: whatever comes in on a stream, what is taken can be written again and is the same.
func FuzzStream(f *testing.F) {
	var all []byte
	for _, g := range golden {
		b := g.frame.Append(nil)
		f.Add(b)
		all = append(all, b...)
	}
	f.Add(all)
	f.Add([]byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		for {
			fr, rest, err := Next(b)
			if err != nil {
				return
			}
			if len(rest) >= len(b) || len(fr.Body) > MaxFrame {
				t.Fatalf("%d octets left of %d, a body of %d", len(rest), len(b), len(fr.Body))
			}
			again(t, &fr)
			b = rest
		}
	})
}

// again parses a frame, writes it and parses that.
func again(t *testing.T, f *Frame) {
	t.Helper()
	kinds := map[Type]any{
		TypeHello: &Hello{}, TypeAdvert: &Advert{}, TypeReport: &Report{}, TypePing: &Ping{}, TypePong: &Pong{}, TypeBye: &Bye{}, TypeHand: &Hand{},
	}
	v := kinds[f.Type]
	if known, _ := f.Known(); known != (v != nil) {
		t.Fatalf("type %d: known %v", f.Type, known)
	}
	if v == nil || v.(parser).Parse(f) != nil {
		return
	}
	back, _, err := Next(v.(interface{ Append([]byte) []byte }).Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	w := reflect.New(reflect.TypeOf(v).Elem()).Interface()
	if err := w.(parser).Parse(&back); err != nil || !reflect.DeepEqual(v, w) {
		t.Fatalf("%+v came back as %+v (%v)", v, w, err)
	}
}
