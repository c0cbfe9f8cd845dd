package interop

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"holdfast.dev/interop/lab"
	"holdfast.dev/link/frame"
)

// TestAnswers: who answers for the addresses, and how. RFC 3768 and RFC 9568, sections 6.4.2, 6.4.3 and 8; RFC 4861, section 7.2. Each router is
// asked by frames that nobody else gets, about a virtual address and then about its own: when the second is answered, the first would
// have been.
func TestAnswers(t *testing.T) {
	t.Parallel()
	long(t)
	l := lab.New(t, lab.Options{Nodes: 2})
	a, b := l.Nodes[0], l.Nodes[1]
	for _, name := range []string{"net/ipv6/conf/all/forwarding", "net/ipv4/ip_forward"} {
		if err := a.NS.SetSysctl(name, "1"); err != nil { // a is a router, b is not
			t.Fatal(err)
		}
	}
	file := func(priority int) lab.File {
		four, six := media[2].router(a, b, priority), media[4].router(a, b, priority)
		six.Name = "VI_6"
		return lab.File{Routers: []lab.Router{four, six}}
	}
	fa, fb := file(200), file(100)
	s := l.Scene(fa.Routers[0].VR(), fa.Routers[1].VR())
	heard := listen(t, l.Client)
	begin := time.Now()
	a.Start(ours(t), fa.Text())
	b.Start(ours(t), fb.Text())
	s.Elect(a, fa.Settled()+fb.Settled())

	vip4, vip6, link6 := netip.MustParseAddr("10.0.0.100"), netip.MustParseAddr("fd00::100"), netip.MustParseAddr("fe80::100")
	for _, n := range l.Nodes {
		own4, own6 := netip.MustParseAddr(n.IPv4()), netip.MustParseAddr(n.Global6())
		asked := time.Now()
		n.Give(
			whoHas(t, l.Client, vip4), whoHas(t, l.Client, vip6), whoHas(t, l.Client, link6), echo(t, l.Client, n, vip4), echo(t, l.Client, n, vip6),
			whoHas(t, l.Client, own4), whoHas(t, l.Client, own6), echo(t, l.Client, n, own4), echo(t, l.Client, n, own6),
		)
		l.WaitFor(n.Name+" answers for itself", time.Second, func() bool {
			return answered(l, n, own4, asked) != nil && answered(l, n, own6, asked) != nil && heard.from(own4) && heard.from(own6)
		})
		for _, vip := range []netip.Addr{vip4, vip6, link6} {
			c := answered(l, n, vip, asked)
			switch {
			case n == b && c != nil:
				t.Errorf("the BACKUP answers for %v", vip)
			case n == a && c == nil:
				t.Errorf("the MASTER does not answer for %v", vip)
			case n == a && c.MAC != [6]byte{2, 0, 0, 0, 0, byte(n.Number)}:
				t.Errorf("the MASTER answers for %v with %v, not with its own hardware address", vip, c.MAC)
			case n == a && vip.Is6() && !c.Router:
				t.Errorf("the MASTER forwards, and answers for %v without the router flag", vip)
			}
		}
		for _, vip := range []netip.Addr{vip4, vip6} {
			if got := heard.from(vip); got != (n == a) {
				t.Errorf("%s takes packets for %v: %v", n.Name, vip, got)
			}
		}
		heard.forget()
		inGroup(t, n, "ff0200000000000000000001ff000100", n == a)
	}
	announcedOnce(t, l, a, begin, vip4, vip6, link6)
	for _, f := range l.Frames(a) { // RFC 4861 section 7.2.4
		if na, r := frame.ParseNA(f.Bytes); r == frame.OK && na.Solicited && na.Target == vip6 && (!na.HasMAC || !na.Override) {
			t.Errorf("answered without the hardware address, or without the override flag: %+v", na)
		}
	}
	s.Stay(time.Second)
	s.End()
	if heard.adverts() > 0 {
		t.Errorf("%d router advertisements", heard.adverts())
	}
	inGroupAfter(t, l, a)
}

// answered is the answer of a node to a question for an address.
func answered(l *lab.Lab, n *lab.Node, addr netip.Addr, since time.Time) *lab.Claim {
	for _, c := range l.Claims(n, since) {
		if c.Addr == addr && c.Asked {
			return &c
		}
	}
	return nil
}

// announcedOnce: a MASTER that forwards announces all addresses, with the router flag in IPv6; a BACKUP none.
func announcedOnce(t *testing.T, l *lab.Lab, master *lab.Node, since time.Time, vips ...netip.Addr) {
	t.Helper()
	for _, n := range l.Nodes {
		for _, vip := range vips {
			count := 0
			for _, c := range l.Claims(n, since) {
				if c.Addr != vip || c.Asked {
					continue
				}
				if count++; vip.Is6() && !c.Router {
					t.Errorf("%s announces %v without the router flag", n.Name, vip)
				}
			}
			if (count > 0) != (n == master) {
				t.Errorf("%s has announced %v %d times", n.Name, vip, count)
			}
		}
	}
}

// inGroup: the node is a member of the solicited-node group of the virtual addresses exactly as long as it has them.
func inGroup(t *testing.T, n *lab.Node, group string, want bool) {
	t.Helper()
	if got := isMember(t, n, group); got != want {
		t.Errorf("%s is a member of %s: %v", n.Name, group, got)
	}
}

func isMember(t *testing.T, n *lab.Node, group string) (yes bool) {
	t.Helper()
	if err := n.NS.Do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/igmp6")
		yes = strings.Contains(string(text), group)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return yes
}

func inGroupAfter(t *testing.T, l *lab.Lab, master *lab.Node) {
	t.Helper()
	master.Daemon().Stop()
	l.WaitFor("the stopped MASTER has left the group", time.Second, func() bool { return !isMember(t, master, "ff0200000000000000000001ff000100") })
}

func macOf(n *lab.Node) net.HardwareAddr { return net.HardwareAddr{2, 0, 0, 0, 0, byte(n.Number)} }

// serialise makes a frame.
func serialise(t *testing.T, parts ...gopacket.SerializableLayer) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, parts...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Bytes())
}

// whoHas asks everybody for an address, by ARP or Neighbor Solicitation.
func whoHas(t *testing.T, from *lab.Node, addr netip.Addr) []byte {
	t.Helper()
	mac := macOf(from)
	if addr.Is4() {
		return serialise(t,
			&layers.Ethernet{SrcMAC: mac, DstMAC: net.HardwareAddr{255, 255, 255, 255, 255, 255}, EthernetType: layers.EthernetTypeARP},
			&layers.ARP{
				AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: layers.ARPRequest,
				SourceHwAddress: mac, SourceProtAddress: net.ParseIP(from.IPv4()).To4(), DstHwAddress: make([]byte, 6), DstProtAddress: addr.AsSlice(),
			})
	}
	a := addr.As16()
	group := net.IP{0: 0xff, 1: 0x02, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]}
	ip := &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: net.ParseIP(from.Global6()), DstIP: group}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborSolicitation, 0)}
	if err := icmp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	return serialise(t,
		&layers.Ethernet{SrcMAC: mac, DstMAC: net.HardwareAddr{0x33, 0x33, 0xff, a[13], a[14], a[15]}, EthernetType: layers.EthernetTypeIPv6},
		ip, icmp, &layers.ICMPv6NeighborSolicitation{
			TargetAddress: addr.AsSlice(),
			Options:       layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: mac}},
		})
}

// echo is a ping for an address in a frame for a node, whether the address is there or not.
func echo(t *testing.T, from, to *lab.Node, addr netip.Addr) []byte {
	t.Helper()
	ether := &layers.Ethernet{SrcMAC: macOf(from), DstMAC: macOf(to), EthernetType: layers.EthernetTypeIPv4}
	if addr.Is4() {
		return serialise(t, ether,
			&layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: net.ParseIP(from.IPv4()).To4(), DstIP: addr.AsSlice()},
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: 7, Seq: 7})
	}
	ether.EthernetType = layers.EthernetTypeIPv6
	ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolICMPv6, SrcIP: net.ParseIP(from.Global6()), DstIP: addr.AsSlice()}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoRequest, 0)}
	if err := icmp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	return serialise(t, ether, ip, icmp, &layers.ICMPv6Echo{Identifier: 7, SeqNumber: 7})
}

// ears are what a node hears of ICMP: echoes and redirects, by the address that they come from, and router advertisements.
type ears struct {
	mu       sync.Mutex
	seen     map[netip.Addr]int
	redirect []netip.Addr
	ra       int
}

func listen(t *testing.T, client *lab.Node) *ears {
	t.Helper()
	e := &ears{seen: map[netip.Addr]int{}}
	var done sync.WaitGroup
	t.Cleanup(done.Wait) // after the sockets are closed
	for _, network := range []string{"ip4:icmp", "ip6:ipv6-icmp"} {
		var c *net.IPConn
		if err := client.NS.Do(func() (err error) { c, err = net.ListenIP(network, nil); return err }); err != nil {
			t.Fatal(err)
		}
		done.Go(func() { e.hear(c) })
		t.Cleanup(func() { _ = c.Close() })
	}
	return e
}

func (e *ears) hear(c *net.IPConn) {
	buf := make([]byte, 2048)
	for {
		n, from, err := c.ReadFromIP(buf)
		if err != nil {
			return
		}
		addr, _ := netip.AddrFromSlice(from.IP)
		e.mu.Lock()
		switch {
		case n > 0 && (buf[0] == 0 && addr.Unmap().Is4() || buf[0] == 129):
			e.seen[addr.Unmap()]++
		case n > 0 && buf[0] == 134 && !addr.Unmap().Is4():
			e.ra++
		case n > 0 && (buf[0] == 5 && addr.Unmap().Is4() || buf[0] == 137 && !addr.Unmap().Is4()):
			e.redirect = append(e.redirect, addr.Unmap())
		}
		e.mu.Unlock()
	}
}

func (e *ears) times(a netip.Addr) int { e.mu.Lock(); defer e.mu.Unlock(); return e.seen[a] }
func (e *ears) from(a netip.Addr) bool { return e.times(a) > 0 }
func (e *ears) adverts() int           { e.mu.Lock(); defer e.mu.Unlock(); return e.ra }
func (e *ears) redirects() []netip.Addr {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.redirect)
}
func (e *ears) forget() { e.mu.Lock(); defer e.mu.Unlock(); clear(e.seen) }
