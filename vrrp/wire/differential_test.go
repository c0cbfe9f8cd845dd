package wire

import (
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// FuzzAgainstGopacket: what we take for an advert of version 2 another implementation reads as the same one, field by field. The other way
// round it need not be: gopacket looks at no checksum and takes what is too long.
func FuzzAgainstGopacket(f *testing.F) {
	for _, g := range goldens(f) {
		if !g.ipv6 {
			f.Add(g.packet)
		}
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		h, payload, r := ParseIPv4(packet, ProtoVRRP)
		if r != OK {
			return
		}
		a, r := Decode(payload, h.Src, h.Dst, Options{})
		if r != OK || a.Version != V2 {
			return
		}
		pkt := gopacket.NewPacket(packet, layers.LayerTypeIPv4, gopacket.Default)
		ip, _ := pkt.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		if ip == nil {
			t.Fatalf("no IPv4 header for gopacket: %v", pkt.ErrorLayer())
		}
		src, _ := netip.AddrFromSlice(ip.SrcIP.To4())
		dst, _ := netip.AddrFromSlice(ip.DstIP.To4())
		if src != h.Src || dst != h.Dst || ip.TTL != h.TTL || ip.Id != h.ID {
			t.Fatalf("header %+v, gopacket has %+v", h, ip)
		}
		if a.Type != TypeAdvert || a.VRID == 0 || a.Count() == 0 {
			return // gopacket refuses these; we read them and decide one step later (an advert without addresses is heard)
		}
		v, _ := pkt.Layer(layers.LayerTypeVRRP).(*layers.VRRPv2)
		if v == nil {
			t.Fatalf("no advert for gopacket: %v", pkt.ErrorLayer())
		}
		if v.VirtualRtrID != a.VRID || v.Priority != a.Priority || int(v.CountIPAddr) != a.Count() ||
			uint8(v.AuthType) != a.AuthType || time.Duration(v.AdverInt)*time.Second != a.Interval {
			t.Fatalf("%+v, gopacket has %+v", a, v)
		}
		for i := range a.Count() {
			if got, _ := netip.AddrFromSlice(v.IPAddress[i].To4()); got != a.At(i) {
				t.Fatalf("address %d is %v, for gopacket %v", i, a.At(i), got)
			}
		}
	})
}
