package wire

import (
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"

	_ "holdfast.dev/internal/steady" // the same on CI every time
)

// Another implementation reads what we write. Its VRRP layer knows version 2 over IPv4 only.
func TestGopacketReadsV2(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Params{
			Version:  V2,
			VRID:     rapid.Uint8Min(1).Draw(t, "vrid"),
			AuthType: rapid.Uint8Max(AuthPass).Draw(t, "auth"),
			Interval: time.Duration(rapid.IntRange(1, 255).Draw(t, "s")) * time.Second,
			Addrs:    rapid.SliceOfN(genAddr(false), 1, 255).Draw(t, "addrs"),
			Sum:      FormPlain,
		}
		if p.AuthType == AuthPass {
			copy(p.Password[:], "secret")
		}
		priority := rapid.Byte().Draw(t, "priority")
		tmpl, err := NewTemplate(p)
		if err != nil {
			t.Fatal(err)
		}
		h := IPv4{Protocol: ProtoVRRP, TTL: HopLimit, ID: rapid.Uint16().Draw(t, "id"), Src: src4, Dst: Group4()}
		packet, err := AppendIPv4(nil, &h, tmpl.Len())
		if err != nil {
			t.Fatal(err)
		}
		if packet, err = tmpl.Append(packet, priority, h.Src, h.Dst); err != nil {
			t.Fatal(err)
		}
		pkt := gopacket.NewPacket(packet, layers.LayerTypeIPv4, gopacket.Default)
		if e := pkt.ErrorLayer(); e != nil {
			t.Fatal(e.Error())
		}
		ip := pkt.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		if ip.TTL != 255 || ip.TOS != 0xc0 || ip.Id != h.ID || ip.Protocol != layers.IPProtocolVRRP || ip.Flags != 0 {
			t.Errorf("IPv4 header %+v", ip)
		}
		v := pkt.Layer(layers.LayerTypeVRRP).(*layers.VRRPv2)
		if v.Version != 2 || v.Type != layers.VRRPv2Advertisement || v.VirtualRtrID != p.VRID || v.Priority != priority ||
			int(v.CountIPAddr) != len(p.Addrs) || uint8(v.AuthType) != p.AuthType ||
			time.Duration(v.AdverInt)*time.Second != p.Interval {
			t.Errorf("got %+v, want %+v", v, p)
		}
		if len(v.IPAddress) != len(p.Addrs) {
			t.Fatalf("%d addresses, want %d", len(v.IPAddress), len(p.Addrs))
		}
		for i, ip := range v.IPAddress {
			if a, _ := netip.AddrFromSlice(ip.To4()); a != p.Addrs[i] {
				t.Errorf("address %d is %v, want %v", i, ip, p.Addrs[i])
			}
		}
	})
}
