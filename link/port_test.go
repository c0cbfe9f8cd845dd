package link

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/vrrp/wire"
)

// advert is a message that only has to look like one: version 3, the VRID, and zeros.
func advert(vrid uint8) []byte { return []byte{0x31, vrid, 100, 1, 0, 100, 0, 0, 192, 0, 2, 100} }

// families are the addresses of the lab.
var families = []struct {
	name       string
	family     int
	a, b       netip.Addr // of the two hosts, on the link
	wideA      netip.Addr // of host a, with global scope
	wideB      netip.Addr
	group, alt netip.Addr
}{
	{"IPv4", 4, ip("192.0.2.1"), ip("192.0.2.2"), ip("192.0.2.1"), ip("192.0.2.2"), ip("224.0.0.18"), ip("224.0.0.99")},
	{"IPv6", 6, ip("fe80::a"), ip("fe80::b"), ip("2001:db8::1"), ip("2001:db8::2"), ip("ff02::12"), ip("ff02::99")},
}

func send(t testing.TB, p *Port, src, dst netip.Addr, ttl uint8, payload []byte) {
	t.Helper()
	if err := p.Send(src, dst, ttl, 1, payload); err != nil {
		t.Fatalf("send from %s to %s: %v", src, dst, err)
	}
}

// TestUnicast: peers with an interface and without one hear each other, and the TTL is the one that was asked for (rules O1, O2, O5).
func TestUnicast(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	batch := NewBatch(4)
	for _, f := range families {
		specs := map[string]Spec{
			"interface": {Link: linkB, Family: f.family},
			"address":   {Local: f.wideB, Family: f.family},
		}
		for name, spec := range specs {
			in := lab.b.open(spec)
			out := lab.a.open(Spec{Local: f.wideA, Family: f.family})
			for _, ttl := range []uint8{0, 1, 64, 255} {
				send(t, out, f.wideA, f.wideB, ttl, advert(51))
				want := int(ttl)
				if ttl == 0 {
					want = map[int]int{4: 255, 6: 64}[f.family]
				}
				d := wait(t, in, batch, 1)[0]
				if d.TTL != want || d.Src != f.wideA || d.Dst != f.wideB || d.Drop != wire.OK {
					t.Errorf("%s, %s, TTL %d: %+v", f.name, name, ttl, d)
				}
			}
			if err := out.Send(f.wideB, f.wideA, 0, 1, advert(51)); !errors.Is(err, unix.EADDRNOTAVAIL) {
				t.Errorf("%s: a port at one address sent from another: %v", f.name, err)
			}
			in.Close()
			out.Close()
		}
	}
}

// TestGroups: a port hears the groups that it joined. With IPv4 it hears no others, though the interface does (rule F5); with IPv6
// raw sockets cannot have that, and the destination is told.
func TestGroups(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	batch := NewBatch(1) // so that what is waited for comes one by one
	for _, f := range families {
		in := lab.b.open(Spec{Link: linkB, Family: f.family, Groups: []netip.Addr{f.group}})
		other := lab.b.open(Spec{Link: linkB, Family: f.family, Groups: []netip.Addr{f.alt}})
		out := lab.a.open(Spec{Link: linkA, Family: f.family, Groups: []netip.Addr{f.group}})

		skip := func() { // what another port on the interface joined for
			if f.family == 6 {
				if d := wait(t, in, batch, 1)[0]; d.Dst != f.alt {
					t.Errorf("%s: heard %+v", f.name, d)
				}
			}
		}
		send(t, out, f.a, f.alt, 255, advert(1))
		skip()
		send(t, out, f.a, f.group, 255, advert(2))
		if d := wait(t, in, batch, 1)[0]; d.Dst != f.group || d.Payload[1] != 2 {
			t.Errorf("%s: heard %+v", f.name, d)
		}
		if d := wait(t, other, batch, 1)[0]; d.Dst != f.alt || d.Payload[1] != 1 {
			t.Errorf("%s: the other port heard %+v", f.name, d)
		}
		if f.family == 6 {
			wait(t, other, batch, 1)
		}
		for _, p := range []*Port{in, other, out} { // and nothing more; out does not hear itself
			if n, err := p.Recv(batch); n != 0 || err != nil {
				t.Errorf("%s: %d more packets, %v", f.name, n, err)
			}
		}

		for range 2 { // joining and leaving twice is no error
			nstest.OK(t, in.Join(f.alt))
		}
		send(t, out, f.a, f.alt, 255, advert(3))
		if d := wait(t, in, batch, 1)[0]; d.Payload[1] != 3 {
			t.Errorf("%s: heard %+v", f.name, d)
		}
		for range 2 {
			nstest.OK(t, in.Leave(f.alt))
		}
		send(t, out, f.a, f.alt, 255, advert(4))
		skip()
		send(t, out, f.a, f.group, 255, advert(5))
		if d := wait(t, in, batch, 1)[0]; d.Payload[1] != 5 {
			t.Errorf("%s: heard %+v after leaving", f.name, d)
		}
	}
}

// TestMembershipVisible: the kernel lists the group on the interface, until the port is closed.
func TestMembershipVisible(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	listed := func(file, group string) (yes bool) {
		lab.b.do(func() {
			text, err := os.ReadFile("/proc/thread-self/net/" + file)
			nstest.OK(t, err)
			yes = strings.Contains(strings.ToLower(string(text)), group)
		})
		return yes
	}
	for i, file := range []string{"igmp", "igmp6"} {
		group := []string{"120000e0", "ff020000000000000000000000000012"}[i]
		if listed(file, group) {
			t.Fatalf("%s lists %s before anybody joined", file, group)
		}
		p := lab.b.open(Spec{Link: linkB, Family: families[i].family, Groups: []netip.Addr{families[i].group}})
		if !listed(file, group) {
			t.Errorf("%s does not list %s", file, group)
		}
		p.Close()
		if listed(file, group) {
			t.Errorf("%s lists %s after Close", file, group)
		}
	}
}

// TestVRIDFilter: the kernel drops what is for other virtual routers, and nothing else.
func TestVRIDFilter(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	batch := NewBatch(BatchMax)
	for _, f := range families {
		var set VRIDSet
		wanted := []uint8{1, 31, 32, 51, 255}
		for _, v := range wanted {
			set.Add(v)
		}
		in := lab.b.open(Spec{Link: linkB, Family: f.family, Groups: []netip.Addr{f.group}, VRIDs: &set, RcvBuf: RcvBufFor(256)})
		every := lab.b.open(Spec{Link: linkB, Family: f.family, Groups: []netip.Addr{f.group}, RcvBuf: RcvBufFor(256)})
		out := lab.a.open(Spec{Link: linkA, Family: f.family})
		all := func() { // and all have arrived, in any order: the kernel hands them over on several processors
			for v := range 256 {
				send(t, out, f.a, f.group, 200, advert(uint8(v)))
			}
			wait(t, every, batch, 256)
		}
		vrids := func(list []Datagram) (v []uint8) {
			for _, d := range list {
				if v = append(v, d.Payload[1]); d.TTL != 200 {
					t.Errorf("%s: %+v", f.name, d)
				}
			}
			slices.Sort(v)
			return v
		}
		all()
		if got := vrids(wait(t, in, batch, len(wanted))); !slices.Equal(got, wanted) {
			t.Errorf("%s: virtual routers %v were heard", f.name, got)
		}
		nstest.OK(t, in.SetVRIDs(&VRIDSet{}))
		all()
		if n, _ := in.Recv(batch); n != 0 {
			t.Errorf("%s: the empty set let %d packets through", f.name, n)
		}
		for range 2 {
			nstest.OK(t, in.SetVRIDs(nil))
		}
		all()
		if got := vrids(wait(t, in, batch, 256)); got[7] != 7 || got[255] != 255 {
			t.Errorf("%s: without a set: %v", f.name, got)
		}
		if n := in.Dropped(); n != 0 {
			t.Errorf("%s: filtered packets were counted as lost: %d", f.name, n)
		}
	}
}

// TestOverflow: what did not fit into the receive buffer is known right after the drain, once.
func TestOverflow(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	batch := NewBatch(64)
	for _, f := range families {
		in := lab.b.open(Spec{Link: linkB, Family: f.family, Groups: []netip.Addr{f.group}, RcvBuf: 8 << 10})
		out := lab.a.open(Spec{Link: linkA, Family: f.family})
		const sent = 500
		for range sent {
			send(t, out, f.a, f.group, 255, advert(51))
		}
		// The kernel hands packets to the other end later, on some processor; whatever is still on its way is not lost.
		got, lost := 0, 0
		nstest.Eventually(t, "all packets are accounted for", func() bool {
			n, err := in.Recv(batch)
			nstest.OK(t, err)
			got += n
			lost += int(in.Dropped())
			return got+lost == sent
		})
		if got == 0 || lost == 0 || in.Dropped() != 0 {
			t.Errorf("%s: received %d, lost %d, and then %d more", f.name, got, lost, in.Dropped())
		}
	}
}

// TestRcvBuf: what is asked for is granted; an ordinary user gets less and is told.
func TestRcvBuf(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.open(Spec{Link: "lo", Family: 4, RcvBuf: RcvBufFor(250)})
	n, err := p.RcvBuf()
	nstest.OK(t, err)
	if n != RcvBufFor(250) && n != 250*4*perAdvert {
		t.Logf("granted %d of %d", n, RcvBufFor(250))
		if !netns.Inside() {
			t.Errorf("root was not granted it")
		}
	}
	for routers, want := range map[int]int{-1: 64 << 10, 0: 64 << 10, 250: 2304000, 1 << 30: 32 << 20} {
		if got := RcvBufFor(routers); got != want {
			t.Errorf("RcvBufFor(%d) = %d, want %d", routers, got, want)
		}
	}
}

// TestTentative: while the source is tentative, or not there, sending fails with the error that says so.
func TestTentative(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	// Detection that takes long, so that the address is tentative for as long as the test looks.
	lab.a.must(lab.a.SetSysctl("net/ipv6/conf/"+linkA+"/dad_transmits", "100"))
	lab.a.must(lab.a.AddAddrDAD(linkA, "fe80::1:1/64"))
	lab.a.must(lab.a.AddAddrDAD(linkA, "2001:db8::1:1/64"))
	for _, c := range []struct {
		spec     Spec
		src, dst string
	}{
		{Spec{Link: linkA, Family: 6}, "fe80::1:1", "ff02::12"},
		{Spec{Link: linkA, Family: 6}, "fe80::1:1", "fe80::b"},
		{Spec{Link: linkA, Family: 6}, "fe80::dead", "ff02::12"},
		{Spec{Local: ip("2001:db8::1:1"), Family: 6}, "2001:db8::1:1", "2001:db8::2"},
		{Spec{Local: ip("2001:db8::dead"), Family: 6}, "2001:db8::dead", "2001:db8::2"},
	} {
		p := lab.a.open(c.spec)
		if err := p.Send(ip(c.src), ip(c.dst), 255, 1, advert(51)); err != unix.EADDRNOTAVAIL { //nolint:errorlint // the contract is the errno itself
			t.Errorf("%s to %s: %v", c.src, c.dst, err)
		}
	}
}

// TestTooLong: a packet longer than any VRRP packet is told apart, and the next one is whole.
func TestTooLong(t *testing.T) {
	t.Parallel()
	inOrder(t)
	lab := newPair(t)
	batch := NewBatch(4)
	for _, f := range families {
		in := lab.b.open(Spec{Link: linkB, Family: f.family, Groups: []netip.Addr{f.group}})
		out := lab.a.open(Spec{Link: linkA, Family: f.family})
		// Larger than the MTU, so that it comes in pieces, which the kernel puts together; not from Send, which refuses it.
		fd := -1
		lab.a.do(func() { fd = rawSocket(t, f.family, lab.a.index(linkA)) })
		defer unix.Close(fd)
		long := append(advert(1), make([]byte, 6000)...)
		nstest.OK(t, sendRaw(fd, f.group, lab.a.index(linkA), long))
		if err := out.Send(f.a, f.group, 255, 1, long); !errors.Is(err, unix.EMSGSIZE) {
			t.Errorf("%s: Send of %d octets: %v", f.name, len(long), err)
		}
		send(t, out, f.a, f.group, 255, advert(2))
		got := wait(t, in, batch, 2)
		if d := got[0]; !d.Truncated || d.Drop != wire.TooLong {
			t.Errorf("%s: %v, %v, %d octets", f.name, d.Truncated, d.Drop, len(d.Payload))
		}
		if d := got[1]; d.Drop != wire.OK || !bytes.Equal(d.Payload[:6], advert(2)[:6]) {
			t.Errorf("%s: the next: %+v", f.name, d)
		}
	}
}

func rawSocket(t *testing.T, family, index int) int {
	t.Helper()
	domain := map[int]int{4: unix.AF_INET, 6: unix.AF_INET6}[family]
	fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 112)
	nstest.OK(t, err)
	nstest.OK(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, index))
	if family == 6 {
		nstest.OK(t, unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_CHECKSUM, 6))
	}
	return fd
}

func sendRaw(fd int, dst netip.Addr, index int, b []byte) error {
	if dst.Is4() {
		return unix.Sendto(fd, b, 0, &unix.SockaddrInet4{Addr: dst.As4()})
	}
	return unix.Sendto(fd, b, 0, &unix.SockaddrInet6{Addr: dst.As16(), ZoneId: uint32(index)})
}

// TestIPv6BadChecksum: the kernel drops it, and the port tells that something was dropped when the next packet comes.
func TestIPv6BadChecksum(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	f := families[1]
	in := lab.b.open(Spec{Link: linkB, Family: 6, Groups: []netip.Addr{f.group}})
	fd := -1
	lab.a.do(func() { fd = rawSocket(t, 6, lab.a.index(linkA)) })
	defer unix.Close(fd)
	nstest.OK(t, unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_CHECKSUM, -1))
	nstest.OK(t, sendRaw(fd, f.group, lab.a.index(linkA), advert(1)))
	send(t, lab.a.open(Spec{Link: linkA, Family: 6}), f.a, f.group, 255, advert(2))
	if d := wait(t, in, NewBatch(4), 1)[0]; d.Payload[1] != 2 {
		t.Errorf("heard %+v", d)
	}
	if n := in.Dropped(); n != 1 {
		t.Errorf("%d dropped", n)
	}
}

// TestBatchShared: one batch serves ports of both families in turn, full and half full.
func TestBatchShared(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	batch := NewBatch(3)
	var in, out [2]*Port
	for i, f := range families {
		in[i] = lab.b.open(Spec{Link: linkB, Family: f.family, Groups: []netip.Addr{f.group}})
		out[i] = lab.a.open(Spec{Link: linkA, Family: f.family})
	}
	for round, n := range []int{3, 1, 2, 3, 3, 1} {
		for i, f := range families {
			for k := range n {
				send(t, out[i], f.a, f.group, uint8(10+k), advert(uint8(round)))
			}
			for k, d := range wait(t, in[i], batch, n) {
				if d.Drop != wire.OK || d.Payload[1] != uint8(round) || d.TTL != 10+k || d.Src != f.a || d.Dst != f.group {
					t.Errorf("%s, round %d, packet %d: %+v", f.name, round, k, d)
				}
			}
		}
	}
	if got := NewBatch(-1).Cap(); got != 1 {
		t.Errorf("NewBatch(-1) holds %d", got)
	}
	if got := NewBatch(1 << 30).Cap(); got != BatchMax {
		t.Errorf("NewBatch(1<<30) holds %d", got)
	}
}

// TestNoAllocation holds the receive and send path to it.
func TestNoAllocation(t *testing.T) {
	lab := newPair(t)
	batch := NewBatch(64)
	payload := advert(51)
	for _, f := range families {
		in := lab.b.open(Spec{Link: linkB, Family: f.family, Groups: []netip.Addr{f.group}})
		out := lab.a.open(Spec{Link: linkA, Family: f.family})
		var got int
		n := testing.AllocsPerRun(200, func() {
			if out.Send(f.a, f.group, 255, 7, payload) != nil {
				t.Error("not sent")
			}
			k, _ := in.Recv(batch)
			for i := range k {
				if d := batch.At(i); d.Drop == wire.OK {
					got++
				}
			}
			in.Dropped()
			_ = out.Send(f.b, netip.Addr{}, 255, 7, payload)
		})
		for end := time.Now().Add(time.Minute); got < 201 && time.Now().Before(end); {
			k, _ := in.Recv(batch)
			got += k
		}
		if n != 0 || got != 201 {
			t.Errorf("%s: %v allocations a packet, %d of 201 packets", f.name, n, got)
		}
	}
}
