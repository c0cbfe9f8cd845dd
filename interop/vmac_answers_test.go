package interop

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"holdfast.dev/interop/lab"
	"holdfast.dev/link/frame"
	"holdfast.dev/vrrp/wire"
)

// vmacLab is an owner and a BACKUP with virtual MACs in both families, both of which forward, and a host.
type vmacLab struct {
	*lab.Lab
	t              *testing.T
	master, backup *lab.Node
	host           *lab.Node
	heard          *ears // by the client
	told           *ears // by the host
	four, six      lab.Router
}

// TestVirtualMACAnswers: what is sent to the virtual MAC, asked for its addresses, and said in their name. RFC 3768 and RFC 9568, sections 6.4.2, 6.4.3 and
// 8. A MASTER forwards what comes to the virtual MAC and answers from it, by proxy as well; a BACKUP does neither.
func TestVirtualMACAnswers(t *testing.T) {
	t.Parallel()
	long(t)
	if reference() {
		t.Skip("keepalived's macvlans are always up")
	}
	v := vmacLab{Lab: lab.New(t, lab.Options{Nodes: 3}), t: t}
	v.master, v.backup, v.host = v.Nodes[0], v.Nodes[1], v.Nodes[2]
	forwards(t, v.master, v.backup)
	v.heard, v.told = listen(t, v.Client), listen(t, v.host)
	for _, a := range []string{"10.9.9.9/32", "fd09::9/128"} {
		v.ok(v.Client.NS.AddAddr("eth0", a))
	}
	for _, n := range v.Nodes[:2] {
		v.ip(n, "route add 10.9.9.0/24 via 10.0.0.50 dev eth0", "-6 route add fd09::/64 via fe80::50 dev eth0")
		v.ok(n.NS.SetSysctl("net/ipv4/icmp_errors_use_inbound_ifaddr", "1"))
	}
	file := func(n *lab.Node, priority int) lab.File {
		v.four, v.six = media[2].router(n, n, priority), media[4].router(n, n, priority)
		v.six.Name = "VI_6"
		v.four.Lines = []string{"use_vmac", "virtual_routes {\n\t\t10.8.8.0/24 via 10.0.0.50 dev vrrp.51\n\t}"}
		v.six.Lines = []string{"use_vmac", "virtual_routes {\n\t\tfd08::/64 via fe80::50 dev vrrp6.51\n\t}"}
		return lab.File{Global: []string{"dynamic_interfaces"}, Routers: []lab.Router{v.four, v.six}}
	}
	s := v.Scene(file(v.master, 255).Routers[0].VR(), v.six.VR())
	begin := time.Now()
	v.master.Start(ours(t), file(v.master, 255).Text())
	s.Elect(v.master, v.four.Down())
	v.backup.Start(ours(t), file(v.backup, 100).Text())
	v.WaitFor("the macvlans of the BACKUP", time.Second, func() bool {
		_, err4 := v.backup.NS.Index("vrrp.51")
		_, err6 := v.backup.NS.Index("vrrp6.51")
		return err4 == nil && err6 == nil
	})
	for _, n := range v.Nodes[:2] {
		v.ok(n.NS.SetSysctl("net/ipv4/conf/vrrp.51/proxy_arp", "1"))
	}
	v.ask(v.backup)
	v.ask(v.master)
	v.answers()
	v.solicits()
	v.redirects()
	s.Stay(time.Second)
	s.End()
	v.Silent(v.backup, begin)
	v.SpeaksAs(v.master, v.four, begin)
	v.SpeaksAs(v.master, v.six, begin)
	v.firstWords(begin)
}

func (v *vmacLab) ok(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *vmacLab) ip(n *lab.Node, commands ...string) {
	v.t.Helper()
	for _, c := range commands {
		v.ok(n.NS.Run(exec.Command(lab.Tool(v.t, "ip", "iproute2"), strings.Fields(c)...)))
	}
}

// through is a packet of the host for a network behind the client, in a frame for a virtual router.
func (v *vmacLab) through(r lab.Router, dst string) []byte {
	mac := lab.VirtualMAC(r)
	ether := &layers.Ethernet{SrcMAC: macOf(v.host), DstMAC: mac[:], EthernetType: layers.EthernetTypeIPv4}
	if to := net.ParseIP(dst); to.To4() != nil {
		return serialise(v.t, ether,
			&layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: net.ParseIP(v.host.IPv4()).To4(), DstIP: to.To4()},
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoReply, 0), Id: 7, Seq: 7})
	}
	ether.EthernetType = layers.EthernetTypeIPv6
	ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolICMPv6, SrcIP: net.ParseIP(v.host.Global6()), DstIP: net.ParseIP(dst)}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoReply, 0)}
	v.ok(icmp.SetNetworkLayerForChecksum(ip))
	return serialise(v.t, ether, ip, icmp, &layers.ICMPv6Echo{Identifier: 7, SeqNumber: 7})
}

// ask sends a router what only a MASTER may act upon, and waits until it has answered for itself.
func (v *vmacLab) ask(n *lab.Node) {
	v.t.Helper()
	own4, own6 := netip.MustParseAddr(n.IPv4()), netip.MustParseAddr(n.Global6())
	asked := time.Now()
	n.Give(
		v.through(v.four, "10.9.9.9"), v.through(v.six, "fd09::9"),
		whoHas(v.t, v.Client, netip.MustParseAddr("10.9.9.9")),
		whoHas(v.t, v.Client, netip.MustParseAddr("10.0.0.100")), whoHas(v.t, v.Client, netip.MustParseAddr("fd00::100")),
		whoHas(v.t, v.Client, own4), whoHas(v.t, v.Client, own6), echo(v.t, v.Client, n, own4), echo(v.t, v.Client, n, own6),
	)
	v.WaitFor(n.Name+" answers for itself", time.Second, func() bool {
		return answered(v.Lab, n, own4, asked) != nil && answered(v.Lab, n, own6, asked) != nil && v.heard.from(own4) && v.heard.from(own6)
	})
	for _, a := range []netip.Addr{own4, own6} {
		if c := answered(v.Lab, n, a, asked); c.MAC != frame.MAC(macOf(n)) {
			v.t.Errorf("%s says that its own address %v is at %s", n.Name, a, c.MAC)
		}
	}
}

// answers is what has become of what the two were asked.
func (v *vmacLab) answers() {
	v.t.Helper()
	host4, host6 := netip.MustParseAddr(v.host.IPv4()), netip.MustParseAddr(v.host.Global6())
	v.WaitFor("the MASTER forwards what came to the virtual MAC", time.Second, func() bool { return v.heard.from(host4) && v.heard.from(host6) })
	if v.heard.times(host4) != 1 || v.heard.times(host6) != 1 {
		v.t.Errorf("forwarded %d and %d times: the BACKUP does it, too", v.heard.times(host4), v.heard.times(host6))
	}
	for _, addr := range []string{"10.9.9.9", "10.0.0.100", "fd00::100"} {
		a := netip.MustParseAddr(addr)
		mac := lab.VirtualMAC(v.four)
		if a.Is6() {
			mac = lab.VirtualMAC(v.six)
		}
		v.WaitFor("the MASTER answers for "+addr, time.Second, func() bool { return answered(v.Lab, v.master, a, time.Time{}) != nil })
		if c := answered(v.Lab, v.master, a, time.Time{}); c.MAC != mac {
			v.t.Errorf("the MASTER says that %s is at %s", addr, c.MAC)
		}
		if answered(v.Lab, v.backup, a, time.Time{}) != nil {
			v.t.Errorf("the BACKUP answers for %s", addr)
		}
	}
}

// solicits: a MASTER that has to ask for a neighbour in the name of a virtual address does so from the virtual MAC.
func (v *vmacLab) solicits() {
	v.t.Helper()
	mac := lab.VirtualMAC(v.six)
	from := time.Now()
	ping := echo(v.t, v.Client, v.master, netip.MustParseAddr("fe80::100"))
	copy(ping, mac[:])
	copy(ping[22:], net.ParseIP(v.Client.IPv6())) // its checksum is no good any more
	v.master.Give(sumICMP6(ping))
	v.WaitFor("the MASTER looks for its neighbour", time.Second, func() bool { return len(v.Solicits(v.master, from)) > 0 })
	for _, f := range v.Solicits(v.master, time.Time{}) {
		src, sender := netip.AddrFrom16([16]byte(f.Bytes[22:38])), frame.MAC(f.Bytes[6:12])
		virtual := slices.Contains(v.six.VR().VIPs, src)
		if virtual != (sender == mac) {
			v.t.Errorf("%v solicits from %s", src, sender)
		}
		if option := f.Bytes[78:]; !src.IsUnspecified() && (len(option) < 8 || option[0] != 1 || frame.MAC(option[2:8]) != sender) {
			v.t.Errorf("%v solicits from %s with the options %x", src, sender, option)
		}
	}
}

// sumICMP6 corrects the checksum of an ICMPv6 message in a frame.
func sumICMP6(b []byte) []byte {
	b[56], b[57] = 0, 0
	sum := uint32(len(b)-54) + uint32(layers.IPProtocolICMPv6)
	for i := 22; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(b[56:], ^uint16(sum>>16+sum))
	return b
}

// redirects: what came to the virtual MAC and goes on through the interface below is never redirected. Where a route leads through the macvlan
// itself, the host is told of it by the virtual router that it knows.
func (v *vmacLab) redirects() {
	v.t.Helper()
	if from := v.told.redirects(); len(from) > 0 {
		v.t.Errorf("redirected by %v", from)
	}
	v.master.Give(v.through(v.four, "10.8.8.8"), v.through(v.six, "fd08::8"))
	v.WaitFor("two redirects", time.Second, func() bool { return len(v.told.redirects()) >= 2 })
	for _, from := range v.told.redirects() {
		if !slices.Contains(v.four.VR().VIPs, from) && !slices.Contains(v.six.VR().VIPs, from) {
			v.t.Errorf("redirected by %v", from)
		}
	}
}

// firstWords: the first that is heard of each virtual MAC is an advert.
func (v *vmacLab) firstWords(since time.Time) {
	v.t.Helper()
	first := map[frame.MAC]lab.Frame{}
	for _, f := range v.Voices(v.master, since) {
		if mac := frame.MAC(f.Bytes[6:12]); first[mac].Bytes == nil {
			first[mac] = f
		}
	}
	for mac, f := range first {
		if f.Bytes[23] != wire.ProtoVRRP && f.Bytes[20] != wire.ProtoVRRP {
			v.t.Errorf("the first word of %s is %x", mac, f.Bytes)
		}
	}
}
