package frame

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"

	_ "holdfast.dev/internal/steady" // the same on CI every time
)

type golden struct {
	name  string
	arp   bool
	addr  netip.Addr
	frame []byte
}

func goldens(t testing.TB) []golden {
	t.Helper()
	text, err := os.ReadFile("testdata/announcements.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, octets, _ := strings.Cut(strings.TrimSpace(line), " ")
		frame, err := hex.DecodeString(octets)
		if err != nil {
			t.Fatal(err)
		}
		_, kind, _ := strings.Cut(name, "/")
		kind, addr, _ := strings.Cut(kind, "-")
		all = append(all, golden{name: name, arp: kind == "garp", addr: netip.MustParseAddr(addr), frame: frame})
	}
	if len(all) != 9 {
		t.Fatalf("%d frames in testdata, want 9", len(all))
	}
	return all
}

func TestGolden(t *testing.T) {
	for _, g := range goldens(t) {
		mac := MAC{2, 0, 0, 0, 0x0a, 1}
		if strings.HasPrefix(g.name, "new-vmacv2/") {
			mac = MAC{0, 0, 0x5e, 0, 1, 0x33}
		} else if strings.HasPrefix(g.name, "new-vmacv6/") {
			mac = MAC{0, 0, 0x5e, 0, 2, 0x33}
		}
		router := strings.HasPrefix(g.name, "new-v3v6fwd/")
		if g.arp {
			goldenARP(t, g, mac)
			continue
		}
		got, err := AppendNA([]byte("x"), mac[:], g.addr, router)
		if err != nil || string(got[:1]) != "x" || !bytes.Equal(got[1:], g.frame) {
			t.Errorf("%s: %v\n got %x\nwant %x", g.name, err, got, g.frame)
		}
		n, r := ParseNA(g.frame)
		want := NA{
			Source: mac, Src: g.addr, Dst: allNodes, Target: g.addr, TargetMAC: mac, HasMAC: true,
			Router: router, Override: true,
		}
		if r != OK || n != want {
			t.Errorf("%s: %v\n got %+v\nwant %+v", g.name, r, n, want)
		}
		if _, r := ParseARP(g.frame); r != OtherProtocol {
			t.Errorf("%s: as ARP: %v", g.name, r)
		}
	}
}

func goldenARP(t *testing.T, g golden, mac MAC) {
	t.Helper()
	got, err := AppendGARP([]byte("x"), mac[:], g.addr)
	if err != nil || string(got[:1]) != "x" || !bytes.Equal(got[1:], g.frame) {
		t.Errorf("%s: %v\n got %x\nwant %x", g.name, err, got, g.frame)
	}
	a, r := ParseARP(g.frame)
	want := ARP{Source: mac, Op: ARPRequest, SenderMAC: mac, Sender: g.addr, TargetMAC: Broadcast, Target: g.addr}
	if r != OK || a != want || !a.Claims(g.addr) || a.Claims(netip.MustParseAddr("192.0.2.1")) {
		t.Errorf("%s: %v\n got %+v\nwant %+v", g.name, r, a, want)
	}
	if _, r := ParseNA(g.frame); r != OtherProtocol {
		t.Errorf("%s: as NA: %v", g.name, r)
	}
}

func TestRefused(t *testing.T) {
	mac := []byte{2, 0, 0, 0, 0, 1}
	for _, c := range []struct {
		name, addr string
		mac        []byte
		want       error
	}{
		{"InfiniBand", "192.0.2.1", make([]byte, 20), ErrInfiniBand},
		{"InfiniBand", "fe80::1", make([]byte, 20), ErrInfiniBand},
		{"no hardware address", "192.0.2.1", nil, ErrHardwareAddr},
		{"hardware address of 8 octets", "fe80::1", make([]byte, 8), ErrHardwareAddr},
		{"zero hardware address", "192.0.2.1", make([]byte, 6), ErrHardwareAddr},
		{"broadcast hardware address", "fe80::1", Broadcast[:], ErrHardwareAddr},
		{"multicast", "224.0.0.18", mac, ErrAddr},
		{"multicast", "ff02::12", mac, ErrAddr},
		{"unspecified", "0.0.0.0", mac, ErrAddr},
		{"unspecified", "::", mac, ErrAddr},
		{"broadcast", "255.255.255.255", mac, ErrAddr},
		{"mapped", "::ffff:192.0.2.1", mac, ErrAddr},
		{"zone", "fe80::1%eth0", mac, ErrAddr},
	} {
		addr := netip.MustParseAddr(c.addr)
		b, err := AppendGARP([]byte("kept"), c.mac, addr)
		if addr.Is6() {
			b, err = AppendNA([]byte("kept"), c.mac, addr, true)
		}
		if !errors.Is(err, c.want) || string(b) != "kept" {
			t.Errorf("%s %s: %v, %q", c.name, c.addr, err, b)
		}
	}
	if _, err := AppendGARP(nil, mac, netip.MustParseAddr("fe80::1")); !errors.Is(err, ErrAddr) {
		t.Errorf("ARP for an IPv6 address: %v", err)
	}
	if _, err := AppendNA(nil, mac, netip.MustParseAddr("192.0.2.1"), false); !errors.Is(err, ErrAddr) {
		t.Errorf("NA for an IPv4 address: %v", err)
	}
	for _, none := range []func() ([]byte, error){
		func() ([]byte, error) { return AppendGARP(nil, mac, netip.Addr{}) },
		func() ([]byte, error) { return AppendNA(nil, mac, netip.Addr{}, false) },
	} {
		if _, err := none(); !errors.Is(err, ErrAddr) {
			t.Errorf("no address: %v", err)
		}
	}
}

func TestCutAndPadding(t *testing.T) {
	for _, g := range goldens(t) {
		parse := func(b []byte) Reason { _, r := ParseNA(b); return r }
		if g.arp {
			parse = func(b []byte) Reason { _, r := ParseARP(b); return r }
		}
		for n := range len(g.frame) {
			if r := parse(g.frame[:n]); r != Truncated {
				t.Errorf("%s: first %d octets: %v", g.name, n, r)
			}
		}
		if r := parse(append(bytes.Clone(g.frame), make([]byte, 18)...)); r != OK {
			t.Errorf("%s: with padding: %v", g.name, r)
		}
	}
}

func TestParseARPOthers(t *testing.T) {
	good := goldens(t)[0].frame
	for _, c := range []struct {
		name string
		at   int
		v    byte
		want Reason
	}{
		{"EtherType", 13, 0x00, OtherProtocol},
		{"hardware type", 15, 6, OtherProtocol},
		{"protocol type", 16, 0x86, OtherProtocol},
		{"hardware length", 18, 8, OtherProtocol},
		{"protocol length", 19, 16, OtherProtocol},
		{"reply", 21, ARPReply, OK},
	} {
		b := bytes.Clone(good)
		b[c.at] = c.v
		if _, r := ParseARP(b); r != c.want {
			t.Errorf("%s: %v, want %v", c.name, r, c.want)
		}
	}
	probe := bytes.Clone(good)
	copy(probe[28:], []byte{0, 0, 0, 0})
	a, r := ParseARP(probe)
	if r != OK || a.Claims(a.Sender) || a.Claims(a.Target) {
		t.Errorf("a probe claims an address: %v %+v", r, a)
	}
}

// RFC 4861 section 7.1.2.
func TestParseNARules(t *testing.T) {
	good, err := AppendNA(nil, []byte{2, 0, 0, 0, 0, 1}, netip.MustParseAddr("2001:db8::100"), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		edit func(b []byte) []byte
		want Reason
	}{
		{"good", func(b []byte) []byte { return b }, OK},
		{"IPv4", func(b []byte) []byte { b[14] = 0x45; return b }, OtherProtocol},
		{"UDP", func(b []byte) []byte { b[20] = 17; return b }, OtherProtocol},
		{"solicitation", func(b []byte) []byte { b[54] = 135; return b }, OtherMessage},
		{"hop limit 254", func(b []byte) []byte { b[21] = 254; return b }, BadHopLimit},
		{"code 1", func(b []byte) []byte { b[55] = 1; return b }, BadMessage},
		{"solicited to a group", func(b []byte) []byte { b[58] |= flagSolicited; return b }, BadMessage},
		{"multicast target", func(b []byte) []byte { b[62] = 0xff; return b }, BadMessage},
		{"option length 0", func(b []byte) []byte { b[79] = 0; return b }, BadMessage},
		{"option too long", func(b []byte) []byte { b[79] = 2; return b }, BadMessage},
		{"an odd octet behind", func(b []byte) []byte { b[19]++; return append(b, 1) }, BadMessage},
		{"another option", func(b []byte) []byte { b[78] = 14; return b }, OK},
		{"no option", func(b []byte) []byte { b[19] = 24; return b }, OK},
		{"no ICMPv6", func(b []byte) []byte { b[19] = 0; return b }, Truncated},
		{"half a message", func(b []byte) []byte { b[19] = 16; return b }, Truncated},
	} {
		b := c.edit(bytes.Clone(good))
		end := icmpOffset + int(b[19])
		if end >= icmpOffset+4 { // sum it right, so that the rule itself is what refuses
			b[56], b[57] = 0, 0
			s := ^icmpSum(b[EtherLen:end])
			b[56], b[57] = byte(s>>8), byte(s)
		}
		n, r := ParseNA(b)
		if r != c.want {
			t.Errorf("%s: %v, want %v", c.name, r, c.want)
		}
		if r == OK && (c.name == "good") != n.HasMAC {
			t.Errorf("%s: hardware address %v %v", c.name, n.TargetMAC, n.HasMAC)
		}
	}
	for bit := icmpOffset * 8; bit < len(good)*8; bit++ {
		b := bytes.Clone(good)
		b[bit/8] ^= 0x80 >> (bit % 8)
		if _, r := ParseNA(b); r == OK {
			t.Errorf("bit %d flipped: accepted", bit)
		}
	}
}

// Another implementation reads what we write.
func TestGopacketReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mac := MAC(rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "mac"))
		mac[0] = mac[0]&^1 | 2
		ip6 := netip.AddrFrom16([16]byte(append([]byte{0x20}, rapid.SliceOfN(rapid.Byte(), 15, 15).Draw(t, "ip6")...)))
		router := rapid.Bool().Draw(t, "router")
		b, err := AppendNA(nil, mac[:], ip6, router)
		if err != nil || len(b) != NALen {
			t.Fatalf("%d octets, %v", len(b), err)
		}
		pkt := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
		if e := pkt.ErrorLayer(); e != nil {
			t.Fatal(e.Error())
		}
		icmp := pkt.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
		if err := icmp.SetNetworkLayerForChecksum(pkt.NetworkLayer()); err != nil {
			t.Fatal(err)
		}
		if err, bad := pkt.VerifyChecksums(); err != nil || len(bad) != 0 {
			t.Errorf("checksums: %v %v", err, bad)
		}
		na := pkt.Layer(layers.LayerTypeICMPv6NeighborAdvertisement).(*layers.ICMPv6NeighborAdvertisement)
		if na.Router() != router || na.Solicited() || !na.Override() || !bytes.Equal(na.TargetAddress, ip6.AsSlice()) ||
			len(na.Options) != 1 || !bytes.Equal(na.Options[0].Data, mac[:]) {
			t.Errorf("%+v", na)
		}
		ip4 := netip.AddrFrom4([4]byte(append([]byte{10}, rapid.SliceOfN(rapid.Byte(), 3, 3).Draw(t, "ip4")...)))
		if b, err = AppendGARP(nil, mac[:], ip4); err != nil || len(b) != GARPLen {
			t.Fatalf("%d octets, %v", len(b), err)
		}
		pkt = gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
		arp := pkt.Layer(layers.LayerTypeARP).(*layers.ARP)
		if arp.Operation != layers.ARPRequest || !bytes.Equal(arp.SourceHwAddress, mac[:]) ||
			!bytes.Equal(arp.SourceProtAddress, ip4.AsSlice()) || !bytes.Equal(arp.DstProtAddress, ip4.AsSlice()) {
			t.Errorf("%+v", arp)
		}
	})
}

func TestNoAllocations(t *testing.T) {
	buf, mac := make([]byte, 0, 128), []byte{2, 0, 0, 0, 0, 1}
	ip4, ip6 := netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("fe80::100")
	if n := testing.AllocsPerRun(1000, func() {
		b, err := AppendGARP(buf, mac, ip4)
		if _, r := ParseARP(b); r != OK || err != nil {
			t.Fatal(r, err)
		}
		b, err = AppendNA(buf, mac, ip6, false)
		if _, r := ParseNA(b); r != OK || err != nil {
			t.Fatal(r, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestReasonStrings(t *testing.T) {
	seen := map[string]bool{}
	for r := range Reason(Reasons) {
		if r.String() == "" || seen[r.String()] {
			t.Errorf("reason %d: %q is empty or used twice", r, r)
		}
		seen[r.String()] = true
	}
	if got := Reason(99).String(); got != "reason 99" {
		t.Errorf("an unknown reason is %q", got)
	}
	if got := (MAC{2, 0, 0, 0, 0x0a, 1}).String(); got != "02:00:00:00:0a:01" {
		t.Errorf("MAC %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		before := bytes.Clone(frame)
		a, r := ParseARP(frame)
		if (r == OK) != a.Sender.IsValid() {
			t.Fatalf("ARP %v with %+v", r, a)
		}
		n, r := ParseNA(frame)
		if (r == OK) != n.Target.IsValid() {
			t.Fatalf("NA %v with %+v", r, n)
		}
		if !bytes.Equal(before, frame) {
			t.Fatal("input was changed")
		}
	})
}
