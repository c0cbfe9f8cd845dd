package wire

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParamErrors(t *testing.T) {
	v2 := Params{Version: V2, VRID: 1, Interval: time.Second, Sum: FormPlain, Addrs: []netip.Addr{src4}}
	v3 := Params{Version: V3, VRID: 1, Interval: time.Second, Sum: FormPseudo, Addrs: []netip.Addr{src4}}
	v6 := Params{Version: V3, IPv6: true, VRID: 1, Interval: time.Second, Sum: FormZero, Addrs: []netip.Addr{src6}}
	for _, ok := range []Params{v2, v3, v6} {
		if _, err := NewTemplate(ok); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, param string
		base        Params
		edit        func(p *Params)
	}{
		{"version 0", "Version", v2, func(p *Params) { p.Version = 0 }},
		{"version 4", "Version", v3, func(p *Params) { p.Version = 4 }},
		{"no VRID", "VRID", v3, func(p *Params) { p.VRID = 0 }},
		{"authentication in version 3", "AuthType", v3, func(p *Params) { p.AuthType = AuthPass }},
		{"unknown authentication", "AuthType", v2, func(p *Params) { p.AuthType = 3 }},
		{"AH over IPv6", "AuthType", v6, func(p *Params) { p.Version, p.AuthType = V2, AuthAH }},
		{"password without authentication", "Password", v2, func(p *Params) { p.Password[0] = 'x' }},
		{"password with AH", "Password", v2, func(p *Params) { p.AuthType, p.Password[0] = AuthAH, 'x' }},
		{"password in version 3", "Password", v3, func(p *Params) { p.Password[7] = 'x' }},
		{"no interval, version 2", "Interval", v2, func(p *Params) { p.Interval = 0 }},
		{"fraction of a second", "Interval", v2, func(p *Params) { p.Interval = 1500 * time.Millisecond }},
		{"256 s", "Interval", v2, func(p *Params) { p.Interval = 256 * time.Second }},
		{"no interval, version 3", "Interval", v3, func(p *Params) { p.Interval = 0 }},
		{"negative", "Interval", v3, func(p *Params) { p.Interval = -time.Second }},
		{"15 ms", "Interval", v3, func(p *Params) { p.Interval = 15 * time.Millisecond }},
		{"40.96 s", "Interval", v3, func(p *Params) { p.Interval = 40960 * time.Millisecond }},
		{"zero checksum over IPv4", "Sum", v3, func(p *Params) { p.Sum = FormZero }},
		{"pseudo-header in version 2", "Sum", v2, func(p *Params) { p.Sum = FormPseudo }},
		{"old form in version 2", "Sum", v2, func(p *Params) { p.Sum = FormGroup }},
		{"plain over IPv6", "Sum", v6, func(p *Params) { p.Sum = FormPlain }},
		{"old form over IPv6", "Sum", v6, func(p *Params) { p.Sum = FormGroup }},
		{"two forms", "Sum", v3, func(p *Params) { p.Sum = FormPlain | FormPseudo }},
		{"wrong on purpose", "Sum", v3, func(p *Params) { p.Sum = FormBad }},
		{"IPv6 group", "Group", v3, func(p *Params) { p.Group = Group6() }},
		{"256 addresses", "Addrs", v3, func(p *Params) { p.Addrs = slices.Repeat([]netip.Addr{src4}, 256) }},
		{"IPv6 address over IPv4", "Addrs", v3, func(p *Params) { p.Addrs = []netip.Addr{src4, src6} }},
		{"IPv4 address over IPv6", "Addrs", v6, func(p *Params) { p.Addrs = []netip.Addr{src6, src4} }},
		{"mapped address", "Addrs", v6, func(p *Params) { p.Addrs = []netip.Addr{netip.MustParseAddr("::ffff:1.2.3.4")} }},
		{"no address", "Addrs", v6, func(p *Params) { p.Addrs = []netip.Addr{{}} }},
		{"zone", "Addrs", v6, func(p *Params) { p.Addrs = []netip.Addr{src6.WithZone("eth0")} }},
	} {
		p := c.base
		c.edit(&p)
		tmpl, err := NewTemplate(p)
		var pe *ParamError
		if !errors.As(err, &pe) || pe.Param != c.param {
			t.Errorf("%s: error %v, want one of %s", c.name, err, c.param)
		}
		if tmpl.Len() != 0 {
			t.Errorf("%s: a template came with the error", c.name)
		}
	}
}

func TestAppendFamily(t *testing.T) {
	tmpl, err := NewTemplate(Params{Version: V3, VRID: 1, Interval: time.Second, Sum: FormPseudo})
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range [][2]netip.Addr{{src6, Group6()}, {src4, Group6()}, {src6, Group4()}, {{}, Group4()}, {src4, {}}} {
		b, err := tmpl.Append([]byte("kept"), 100, way[0], way[1])
		if !errors.Is(err, ErrFamily) || string(b) != "kept" {
			t.Errorf("%v: %q, %v", way, b, err)
		}
	}
	var zero Template
	if b, err := zero.Append(nil, 1, src4, Group4()); err != nil || len(b) != 0 {
		t.Errorf("zero template: %x, %v", b, err)
	}
}

// A template must not hold on to what it was made from, nor change by being used.
func TestTemplateIndependent(t *testing.T) {
	list := []netip.Addr{src4}
	tmpl, err := NewTemplate(Params{Version: V3, VRID: 1, Interval: time.Second, Sum: FormPseudo, Addrs: list})
	if err != nil {
		t.Fatal(err)
	}
	first, _ := tmpl.Append(nil, 100, src4, Group4())
	list[0] = Group4()
	if _, err := tmpl.Append(nil, 0, src4, src4); err != nil {
		t.Fatal(err)
	}
	first[9] ^= 0xff
	second, _ := tmpl.Append([]byte{1, 2, 3}, 100, src4, Group4())
	first[9] ^= 0xff
	if !bytes.Equal(second[3:], first) {
		t.Errorf("second packet %x, first %x", second[3:], first)
	}
}

func genAddr(ipv6 bool) *rapid.Generator[netip.Addr] {
	return rapid.Custom(func(t *rapid.T) netip.Addr {
		n := 4
		if ipv6 {
			n = 16
		}
		b := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "octets")
		if ipv6 {
			b[0] |= 0x20 // no IPv4-mapped address
		}
		a, _ := netip.AddrFromSlice(b)
		return a
	})
}

func genParams(t *rapid.T) Params {
	p := Params{
		Version: rapid.SampledFrom([]uint8{V2, V3}).Draw(t, "version"),
		IPv6:    rapid.Bool().Draw(t, "ipv6"),
		VRID:    rapid.Uint8Min(1).Draw(t, "vrid"),
	}
	p.Sum = DefaultForm(p.Version, p.IPv6)
	if p.Version == V3 {
		p.Interval = time.Duration(rapid.IntRange(1, 4095).Draw(t, "cs")) * centisecond
		if !p.IPv6 {
			p.Sum = rapid.SampledFrom([]Form{FormPlain, FormPseudo, FormGroup}).Draw(t, "form")
		}
	} else {
		p.Interval = time.Duration(rapid.IntRange(1, 255).Draw(t, "s")) * time.Second
		p.AuthType = rapid.Uint8Max(AuthPass).Draw(t, "auth")
	}
	if p.AuthType == AuthPass && !p.IPv6 {
		copy(p.Password[:], rapid.SliceOfN(rapid.Byte(), 0, AuthLen).Draw(t, "password"))
	}
	p.Addrs = rapid.SliceOfN(genAddr(p.IPv6), 0, 255).Draw(t, "addrs")
	return p
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := genParams(t)
		priority := rapid.Byte().Draw(t, "priority")
		src, dst := genAddr(p.IPv6).Draw(t, "src"), genAddr(p.IPv6).Draw(t, "dst")
		trailer := rapid.Bool().Draw(t, "trailer") && !p.IPv6
		tmpl, err := NewTemplate(p)
		if err != nil {
			t.Fatal(err)
		}
		packet, err := tmpl.Append(nil, priority, src, dst)
		if err != nil || len(packet) != tmpl.Len() {
			t.Fatalf("%d octets, %v", len(packet), err)
		}
		if trailer {
			packet = append(packet, make([]byte, TrailerLen)...)
		}
		a, r := Decode(packet, src, dst, Options{Trailer: trailer})
		if r != OK {
			t.Fatal(r)
		}
		if trailer != (a.Trailer() != nil) {
			t.Errorf("trailer %x", a.Trailer())
		}
		if a.Sum&p.Sum == 0 && (p.Sum != FormGroup || dst != Group4()) {
			t.Errorf("checksum form %v, sent %v", a.Sum, p.Sum)
		}
		if a.Type != TypeAdvert || a.Priority != priority {
			t.Errorf("type %d, priority %d", a.Type, a.Priority)
		}
		got, want := again(&a), p
		got.Sum, want.Sum = 0, 0
		if !slices.Equal(got.Addrs, want.Addrs) {
			t.Errorf("addresses %v, want %v", got.Addrs, want.Addrs)
		}
		got.Addrs, want.Addrs = nil, nil
		if got.Version != want.Version || got.IPv6 != want.IPv6 || got.VRID != want.VRID || got.AuthType != want.AuthType ||
			got.Password != want.Password || got.Interval != want.Interval {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestConstants(t *testing.T) {
	if Group4().String() != "224.0.0.18" || Group6().String() != "ff02::12" {
		t.Errorf("groups %v, %v", Group4(), Group6())
	}
	if got := VirtualMAC(false, 51); got != [6]byte{0, 0, 0x5e, 0, 1, 0x33} {
		t.Errorf("IPv4 virtual MAC %x", got)
	}
	if got := VirtualMAC(true, 51); got != [6]byte{0, 0, 0x5e, 0, 2, 0x33} {
		t.Errorf("IPv6 virtual MAC %x", got)
	}
}

// A packet holds 255 addresses, and not one more.
func TestMostAddresses(t *testing.T) {
	p := Params{Version: V2, VRID: 1, Interval: time.Second, Sum: FormPlain}
	for i := range 256 {
		p.Addrs = append(p.Addrs, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
	}
	if _, err := NewTemplate(p); err == nil {
		t.Error("256 addresses")
	}
	p.Addrs = p.Addrs[:255]
	if _, err := NewTemplate(p); err != nil {
		t.Error(err)
	}
}
