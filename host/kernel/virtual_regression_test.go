package kernel

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
)

// What went wrong in other VRRP daemons: docs/regressions.md. Section D: virtual MAC and IPv6.

var (
	mac51   = [6]byte{0, 0, 0x5e, 0, 1, 51}
	allMAC  = net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}
	peerMAC = net.HardwareAddr{2, 0, 0, 0, 0, 9}
)

// icmp6 is a frame with a message of ICMPv6 to all nodes.
func icmp6(t *testing.T, typ uint8, message gopacket.SerializableLayer, dst string) []byte {
	t.Helper()
	ip := &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: net.ParseIP("fe80::9"), DstIP: net.ParseIP(dst)}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(typ, 0)}
	nstest.OK(t, icmp.SetNetworkLayerForChecksum(ip))
	b := gopacket.NewSerializeBuffer()
	nstest.OK(t, gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: peerMAC, DstMAC: allMAC, EthernetType: layers.EthernetTypeIPv6}, ip, icmp, message))
	return slices.Clone(b.Bytes())
}

// sender sends frames out of a namespace's eth0 through a socket.
func sender(t *testing.T, n *netns.NS, fd int) func(frame []byte) {
	t.Helper()
	index, err := n.Index("eth0")
	nstest.OK(t, err)
	return func(frame []byte) {
		t.Helper()
		if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: index}); err != nil && err != unix.ENOBUFS {
			t.Fatal(err)
		}
	}
}

// answers counts the neighbour advertisements for an address that have come in, by the hardware address that they came from.
func answers(fd int, target netip.Addr, count map[[6]byte]int) {
	var b [2048]byte
	for {
		size, _, err := unix.Recvfrom(fd, b[:], unix.MSG_DONTWAIT)
		if err != nil {
			return
		}
		if size >= 78 && b[20] == unix.IPPROTO_ICMPV6 && b[54] == layers.ICMPv6TypeNeighborAdvertisement && netip.AddrFrom16([16]byte(b[62:78])) == target {
			count[[6]byte(b[6:12])]++
		}
	}
}

// TestRegressionD73_NoAnswerForTheBase: whoever asks for the link-local address of the interface below hears of its own hardware address, and never of the
// virtual one, whether the macvlan is up or not: it has no such address.
func TestRegressionD73_NoAnswerForTheBase(t *testing.T) {
	t.Parallel()
	n, peer := nstest.Pair(t)
	own := netip.MustParseAddr("fe80::1")
	nstest.OK(t, n.SetSysctl("net/ipv6/conf/all/forwarding", "1"))
	nstest.OK(t, n.AddAddr("eth0", "fe80::1/64"))
	fd := sniff(t, peer)
	send, o := sender(t, peer, fd), watchOver(t, n, Config{})
	ask := icmp6(t, layers.ICMPv6TypeNeighborSolicitation, &layers.ICMPv6NeighborSolicitation{
		TargetAddress: own.AsSlice(), Options: layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: peerMAC}},
	}, "ff02::1:ff00:1")
	for i, up := range []bool{false, true, false} {
		if up {
			o.stand(1, uint64(i+1), vmac(51, true, "10.0.0.3/24", "fd00::3/64"))
		} else {
			o.stand(1, uint64(i+1), vmac(51, false))
		}
		count := map[[6]byte]int{}
		nstest.Eventually(t, "three answers", func() bool {
			send(ask)
			time.Sleep(10 * time.Millisecond)
			answers(fd, own, count)
			return count[o.link("eth0").MAC] >= 3
		})
		if count[mac51] > 0 || len(count) > 1 {
			t.Errorf("up %v: answers from %v", up, count)
		}
	}
}

func (o *observer) link(name string) host.Link {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.links[name]
}

// TestRegressionD74_NoAddressesFromRouters: when a router advertises a prefix, the interface below gets an address, and the macvlan does not, up or down.
func TestRegressionD74_NoAddressesFromRouters(t *testing.T) {
	t.Parallel()
	n, peer := nstest.Pair(t)
	nstest.OK(t, n.SetSysctl("net/ipv6/conf/default/accept_ra", "2")) // the strongest that there is
	nstest.OK(t, n.SetSysctl("net/ipv6/conf/eth0/accept_ra", "2"))
	fd := sniff(t, peer)
	send, o := sender(t, peer, fd), watchOver(t, n, Config{})
	for i, c := range []struct {
		up     bool
		prefix string
	}{{false, "fd07::"}, {true, "fd08::"}} {
		want := ""
		if c.up {
			o.stand(1, uint64(i+1), vmac(51, true, "fd00::3/64"))
			want = "fd00::3/64"
		} else {
			o.stand(1, uint64(i+1), vmac(51, false))
		}
		option := slices.Concat([]byte{64, 0xc0, 0, 0, 14, 16, 0, 0, 14, 16, 0, 0, 0, 0}, netip.MustParseAddr(c.prefix).AsSlice())
		advert := icmp6(t, layers.ICMPv6TypeRouterAdvertisement, &layers.ICMPv6RouterAdvertisement{
			HopLimit: 64, RouterLifetime: 600, Options: layers.ICMPv6Options{{Type: layers.ICMPv6OptPrefixInfo, Data: option}},
		}, "ff02::1")
		nstest.Eventually(t, "an address of "+c.prefix+" on the interface below", func() bool {
			send(advert)
			time.Sleep(10 * time.Millisecond)
			for _, a := range o.link("eth0").Addrs {
				if netip.PrefixFrom(netip.MustParseAddr(c.prefix), 64).Contains(a.Prefix.Addr()) {
					return true
				}
			}
			return false
		})
		expect(t, n, "vrrp.51", want)
		for _, l := range read(t, n) {
			for _, a := range l.Addrs {
				if l.Name == "vrrp.51" && a.Prefix.Addr().IsLinkLocalUnicast() {
					t.Errorf("%v on the macvlan", a.Prefix)
				}
			}
		}
	}
}

// TestRegressionD80_BothAddressesCanBeReached: with a macvlan, and the strictest filter of return paths, both the interface's own address and the virtual
// one answer; and what was set on the interface below is as it was in the end.
func TestRegressionD80_BothAddressesCanBeReached(t *testing.T) {
	t.Parallel()
	n, peer := nstest.Pair(t)
	for _, scope := range []string{"all", "default", "eth0"} {
		nstest.OK(t, n.SetSysctl("net/ipv4/conf/"+scope+"/rp_filter", "1"))
	}
	nstest.OK(t, n.AddAddr("eth0", "10.0.0.1/24"))
	nstest.OK(t, peer.AddAddr("eth0", "10.0.0.9/24"))
	base := []string{"ipv4/conf/eth0/arp_ignore", "ipv4/conf/eth0/arp_announce", "ipv4/conf/eth0/arp_filter", "ipv4/conf/eth0/rp_filter"}
	before := settings(t, n, append(base, hostWide...)...)
	var port string
	nstest.Do(t, n, func() {
		l, err := net.Listen("tcp4", "0.0.0.0:0")
		nstest.OK(t, err)
		t.Cleanup(func() { _ = l.Close() })
		_, port, err = net.SplitHostPort(l.Addr().String())
		nstest.OK(t, err)
	})
	o := watchOver(t, n, Config{})
	o.stand(1, 1, vmac(51, true, "10.0.0.3/24"))
	for _, addr := range []string{"10.0.0.1", "10.0.0.3"} {
		nstest.Eventually(t, addr+" to answer", func() bool {
			return peer.Do(func() error {
				c, err := net.DialTimeout("tcp4", net.JoinHostPort(addr, port), 2*time.Second)
				if err == nil {
					_ = c.Close()
				}
				return err
			}) == nil
		})
	}
	o.stand(1, 2, host.State{})
	if got := settings(t, n, append(base, hostWide...)...); got != before {
		t.Errorf("settings are\n%s\nwere\n%s", got, before)
	}
}
