package kernel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
)

func vmac(vrid byte, up bool, list ...string) host.State {
	name := fmt.Sprintf("vrrp.%d", vrid)
	for i := range list {
		list[i] += "@" + name
	}
	s := want(list...)
	s.Links = []host.VirtualLink{{
		Name: name, Base: "eth0", Kind: host.Macvlan, Mode: host.MacvlanBridge,
		MAC: [6]byte{0, 0, 0x5e, 0, 1, vrid}, For: host.IPv4 | host.IPv6, Up: up,
	}}
	return s
}

// ipLink is what ip(8) says about a link.
type ipLink struct {
	Index    int      `json:"ifindex"`
	Base     string   `json:"link"`
	Flags    []string `json:"flags"`
	Address  string   `json:"address"`
	Alias    string   `json:"ifalias"`
	Group    string   `json:"group"`
	GenMode  string   `json:"inet6_addr_gen_mode"`
	LinkInfo struct {
		Kind string `json:"info_kind"`
		Data struct {
			Mode string `json:"mode"`
		} `json:"info_data"`
	} `json:"linkinfo"`
}

func showLink(t *testing.T, n *netns.NS, name string) (l ipLink, ok bool) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command("ip", "-d", "-j", "link", "show", "dev", name)
	cmd.Stdout = &out
	if err := n.Run(cmd); err != nil {
		return l, false
	}
	var list []ipLink
	nstest.OK(t, json.Unmarshal(out.Bytes(), &list))
	return list[0], true
}

// settings reads sysctls as "name=value", sorted as given.
func settings(t *testing.T, n *netns.NS, names ...string) string {
	t.Helper()
	var list []string
	for _, name := range names {
		v, err := n.Sysctl("net/" + name)
		nstest.OK(t, err)
		list = append(list, name+"="+strings.TrimSpace(v))
	}
	return strings.Join(list, " ")
}

var hostWide = func() (names []string) {
	for _, scope := range []string{"all", "default"} {
		for _, s := range []string{"arp_ignore", "arp_announce", "arp_filter", "rp_filter", "accept_local", "promote_secondaries", "forwarding"} {
			names = append(names, "ipv4/conf/"+scope+"/"+s)
		}
		for _, s := range []string{"disable_ipv6", "accept_ra", "autoconf", "forwarding"} {
			names = append(names, "ipv6/conf/"+scope+"/"+s)
		}
	}
	return names
}()

// TestVirtualMAC follows a macvlan through its life, against what ip(8) and /proc/sys say of it.
func TestVirtualMAC(t *testing.T) {
	t.Parallel()
	n, _ := nstest.Pair(t)
	nstest.OK(t, n.SetSysctl("net/ipv4/conf/all/rp_filter", "1"))
	base := []string{"ipv4/conf/eth0/arp_ignore", "ipv4/conf/eth0/arp_announce"}
	before, baseBefore := settings(t, n, hostWide...), settings(t, n, base...)
	o := watchOver(t, n, Config{})
	o.stand(1, 1, vmac(51, false))
	l, ok := showLink(t, n, "vrrp.51")
	if !ok || l.Base != "eth0" || l.Address != "00:00:5e:00:01:33" || l.LinkInfo.Kind != "macvlan" || l.LinkInfo.Data.Mode != "bridge" ||
		l.GenMode != "none" || slices.Contains(l.Flags, "UP") || !strings.HasPrefix(l.Alias, host.LinkMark) {
		t.Fatalf("made: %+v", l)
	}
	const own = "ipv4/conf/vrrp.51/arp_ignore=1 ipv4/conf/vrrp.51/rp_filter=2 ipv4/conf/vrrp.51/accept_local=1 ipv6/conf/vrrp.51/accept_ra=0 ipv6/conf/vrrp.51/disable_ipv6=0"
	if got := settings(t, n, "ipv4/conf/vrrp.51/arp_ignore", "ipv4/conf/vrrp.51/rp_filter", "ipv4/conf/vrrp.51/accept_local",
		"ipv6/conf/vrrp.51/accept_ra", "ipv6/conf/vrrp.51/disable_ipv6"); got != own {
		t.Errorf("its settings: %s", got)
	}
	o.stand(1, 2, vmac(51, true, "10.0.0.3/24", "fd00::3/64"))
	expect(t, n, "vrrp.51", "10.0.0.3/24 fd00::3/64")
	if got := settings(t, n, base...); got != "ipv4/conf/eth0/arp_ignore=1 ipv4/conf/eth0/arp_announce=2" {
		t.Errorf("settings of the base: %s", got)
	}
	o.stand(2, 1, vmac(52, true, "10.0.0.4/32"))
	o.stand(1, 3, vmac(51, false))
	expect(t, n, "vrrp.51", "")
	if got := settings(t, n, hostWide...); got != before {
		t.Errorf("host-wide settings changed:\n%s\nwere:\n%s", got, before)
	}
	o.stand(1, 4, host.State{})
	if _, ok := showLink(t, n, "vrrp.51"); ok {
		t.Error("vrrp.51 is still there")
	}
	if got := settings(t, n, base...); got != "ipv4/conf/eth0/arp_ignore=1 ipv4/conf/eth0/arp_announce=2" {
		t.Errorf("settings of the base, which vrrp.52 stands on still: %s", got)
	}

	// Another process finds what this one left. It changes nothing, and knows in the end what the base's settings were.
	nstest.OK(t, o.w.Close())
	left, _ := showLink(t, n, "vrrp.52")
	o = watchOver(t, n, Config{})
	o.stand(2, 1, vmac(52, true, "10.0.0.4/32"))
	if now, _ := showLink(t, n, "vrrp.52"); now.Index != left.Index {
		t.Errorf("vrrp.52 was made anew: %d, was %d", now.Index, left.Index)
	}
	o.stand(2, 2, host.State{})
	if got := settings(t, n, base...); got != baseBefore {
		t.Errorf("settings of the base: %s, were %s", got, baseBefore)
	}
}

// TestVirtualMACsGoTogether: many are deleted with one request, and nothing else is.
func TestVirtualMACsGoTogether(t *testing.T) {
	t.Parallel()
	n, _ := nstest.Pair(t)
	nstest.OK(t, n.AddMacvlanBridge("other", "eth0"))
	base := []string{"ipv4/conf/eth0/arp_ignore", "ipv4/conf/eth0/arp_announce"}
	before := settings(t, n, base...)
	o := watchOver(t, n, Config{})
	const many = 150 // more than two batches
	for i := range byte(many) {
		o.w.Want(host.Owner(i+1), 1, vmac(i+1, true, fmt.Sprintf("10.0.1.%d/32", i), fmt.Sprintf("fd00::%d/128", i)))
	}
	o.eventually("all to be there", func() bool {
		for i := range host.Owner(many) {
			if o.final[i+1] != 1 {
				return false
			}
		}
		return true
	})
	if got := settings(t, n, base...); got == before {
		t.Errorf("settings of the base: %s", got)
	}
	from := time.Now()
	for i := range host.Owner(many) {
		o.w.Want(i+1, 2, host.State{})
	}
	o.eventually("all to be gone", func() bool {
		for i := range host.Owner(many) {
			if o.final[i+1] != 2 {
				return false
			}
		}
		return true
	})
	t.Logf("%d were deleted in %v", many, time.Since(from))
	var left []string
	for _, l := range read(t, n) {
		left = append(left, l.Name)
	}
	if slices.Sort(left); !slices.Equal(left, []string{"eth0", "lo", "other"}) {
		t.Errorf("left: %v", left)
	}
	if got := settings(t, n, base...); got != before {
		t.Errorf("settings of the base: %s, were %s", got, before)
	}
}

// sniff opens a socket that gets every frame that comes in on eth0.
func sniff(t *testing.T, n *netns.NS) int {
	t.Helper()
	fd := -1
	nstest.Do(t, n, func() {
		var err error
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.ETH_P_ALL<<8)
		nstest.OK(t, err)
	})
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// from counts the frames that came from an Ethernet address since the last call.
func from(fd int, mac [6]byte) (n int) {
	var b [2048]byte
	for {
		size, _, err := unix.Recvfrom(fd, b[:], unix.MSG_DONTWAIT)
		if err != nil {
			return n
		}
		if size >= 14 && [6]byte(b[6:12]) == mac {
			n++
		}
	}
}

// TestRegressionD72_BackupSaysNothing: of a macvlan nothing is heard but while it is up. The host forwards, so that the kernel has groups to join, and
// it has IPv6 addresses, so that it has groups to leave.
func TestRegressionD72_BackupSaysNothing(t *testing.T) {
	t.Parallel()
	n, peer := nstest.Pair(t)
	nstest.OK(t, n.SetSysctl("net/ipv6/conf/all/forwarding", "1"))
	nstest.OK(t, n.SetSysctl("net/ipv6/conf/default/accept_dad", "1"))
	fd := sniff(t, peer)
	mac := [6]byte{0, 0, 0x5e, 0, 1, 51}
	o := watchOver(t, n, Config{})
	addrs := []string{"10.0.0.3/24"}
	for i := range 20 {
		addrs = append(addrs, fmt.Sprintf("fd00::%d:3/64", i))
	}
	o.stand(1, 1, vmac(51, false))
	time.Sleep(1500 * time.Millisecond) // longer than the kernel waits before it reports a group
	if got := from(fd, mac); got != 0 {
		t.Errorf("%d frames from a macvlan that was never up", got)
	}
	for round := range uint64(2) {
		o.stand(1, 10*round+2, vmac(51, true, slices.Clone(addrs)...))
		heard := 0
		nstest.Eventually(t, "a word from the macvlan while it is up", func() bool { heard += from(fd, mac); return heard > 0 })
		o.stand(1, 10*round+3, vmac(51, false))
		from(fd, mac) // what was said before
		time.Sleep(1500 * time.Millisecond)
		if got := from(fd, mac); got != 0 {
			t.Errorf("round %d: %d frames from a macvlan that was taken down", round, got)
		}
	}
}

func TestVirtualMACOnABaseThatComesAndGoes(t *testing.T) {
	t.Parallel()
	a, b := nstest.New(t), nstest.New(t)
	o := watchOver(t, a, Config{})
	if res := o.apply(1, 1, vmac(51, true, "10.0.0.3/24")); res[host.Key{Link: "vrrp.51"}] != host.NoSuchInterface {
		t.Errorf("without a base: %v", res)
	}
	for range 3 {
		nstest.OK(t, a.AddVeth("eth0", b, "eth0"))
		nstest.OK(t, a.SetUp("eth0"))
		nstest.Eventually(t, "the address on the macvlan", func() bool { return holds(t, a, "vrrp.51") == "10.0.0.3/24" })
		nstest.OK(t, a.Delete("eth0"))
		nstest.Eventually(t, "the macvlan to be gone", func() bool { _, ok := showLink(t, a, "vrrp.51"); return !ok })
	}
	nstest.OK(t, a.AddVeth("eth0", b, "eth0"))
	nstest.Eventually(t, "the address on the macvlan", func() bool { return holds(t, a, "vrrp.51") == "10.0.0.3/24" })
	nstest.OK(t, a.Delete("vrrp.51"))
	nstest.Eventually(t, "it to be made again", func() bool { return holds(t, a, "vrrp.51") == "10.0.0.3/24" })
	nstest.OK(t, a.SetDown("vrrp.51"))
	nstest.Eventually(t, "it to be up again", func() bool { l, _ := showLink(t, a, "vrrp.51"); return slices.Contains(l.Flags, "UP") })
}

// What a killed run has put on a macvlan is swept, and the settings are given back to that one, not to what it stands on.
func TestSweepOnAMacvlan(t *testing.T) {
	t.Parallel()
	n, _ := nstest.Pair(t)
	nstest.OK(t, n.AddMacvlanBridge("lan0", "eth0"))
	nstest.OK(t, n.SetUp("lan0"))
	files := []string{"ipv4/conf/lan0/arp_ignore", "ipv4/conf/lan0/arp_announce", "ipv4/conf/eth0/arp_ignore", "ipv4/conf/eth0/arp_announce"}
	before := settings(t, n, files...)
	o := watchOver(t, n, Config{})
	s := vmac(51, true, "10.0.0.3/32")
	s.Links[0].Base = "lan0"
	o.stand(1, 1, s)
	if settings(t, n, files...) == before {
		t.Error("no setting changed: the test proves nothing")
	}
	nstest.Do(t, n, func() {
		nstest.OK(t, o.w.Close())
		removed, err := SweepLinks([]string{"vrrp.51"})
		if nstest.OK(t, err); len(removed) != 1 {
			t.Errorf("swept: %v", removed)
		}
	})
	if got := settings(t, n, files...); got != before {
		t.Errorf("settings are %s, were %s", got, before)
	}
}

// In a container the interface is often a macvlan itself, whose base is in another network namespace.
func TestVirtualMACOnAMacvlan(t *testing.T) {
	t.Parallel()
	outside, peer := nstest.Pair(t)
	n := nstest.New(t)
	nstest.OK(t, outside.AddMacvlanBridge("lan0", "eth0"))
	nstest.OK(t, outside.MoveTo("lan0", n))
	nstest.OK(t, n.SetUp("lan0"))
	fd := sniff(t, peer)
	base := []string{"ipv4/conf/lan0/arp_ignore", "ipv4/conf/lan0/arp_announce"}
	before := settings(t, n, base...)
	o := watchOver(t, n, Config{})
	for i := range byte(2) {
		s := vmac(51+i, true, fmt.Sprintf("10.0.0.%d/32", 3+i), fmt.Sprintf("fd00::%d/64", 3+i))
		s.Links[0].Base = "lan0"
		o.stand(host.Owner(i+1), 1, s)
		first, _ := showLink(t, n, "vrrp.51")
		o.stand(host.Owner(i+1), 2, s)
		if again, _ := showLink(t, n, "vrrp.51"); first.Index != again.Index || !slices.Contains(again.Flags, "UP") {
			t.Errorf("made anew, or not up: %+v", again)
		}
	}
	nstest.Eventually(t, "a word from it", func() bool { return from(fd, mac51) > 0 })
	o.stand(1, 3, host.State{})
	if got := settings(t, n, base...); got == before {
		t.Errorf("settings of the base, which vrrp.52 stands on still: %s", got)
	}
	o.stand(2, 3, host.State{})
	if got := settings(t, n, base...); got != before {
		t.Errorf("settings of the base: %s, were %s", got, before)
	}
}

func TestVirtualMACRefused(t *testing.T) {
	t.Parallel()
	n, _ := nstest.Pair(t)
	nstest.OK(t, n.AddBridge("br0"))
	nstest.OK(t, n.SetMaster("eth0", "br0"))
	o := watchOver(t, n, Config{})
	if res := o.apply(1, 1, vmac(51, true, "10.0.0.3/24")); !strings.Contains(res[host.Key{Link: "vrrp.51"}], "busy") {
		t.Errorf("on the port of a bridge: %v", res)
	}
}
