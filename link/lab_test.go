package link

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// host is a network namespace.
type host struct {
	*netns.NS
	t testing.TB
}

func newHost(t testing.TB) *host {
	t.Helper()
	return &host{nstest.New(t), t}
}

// do runs f inside the namespace.
func (h *host) do(f func()) {
	h.t.Helper()
	nstest.Do(h.t, h.NS, f)
}

func (h *host) index(name string) int {
	h.t.Helper()
	i, err := h.Index(name)
	h.must(err)
	return i
}

func (h *host) must(err error) {
	h.t.Helper()
	nstest.OK(h.t, err)
}

// pair is a lab of two hosts joined by a veth, with the addresses of the golden captures.
type pair struct{ a, b *host }

const (
	linkA, linkB = "rfca0", "rfcb0"
	macA, macB   = "02:00:00:00:0a:01", "02:00:00:00:0b:02"
)

func newPair(t testing.TB) *pair {
	t.Helper()
	p := &pair{newHost(t), newHost(t)}
	p.wire(linkA, linkB)
	p.a.must(p.a.SetMAC(linkA, mac6(t, macA)))
	p.b.must(p.b.SetMAC(linkB, mac6(t, macB)))
	for _, s := range []string{"192.0.2.1/24", "fe80::a/64", "2001:db8::1/64"} {
		p.a.must(p.a.AddAddr(linkA, s))
	}
	for _, s := range []string{"192.0.2.2/24", "fe80::b/64", "2001:db8::2/64"} {
		p.b.must(p.b.AddAddr(linkB, s))
	}
	return p
}

// wire joins the two hosts by one more veth, on which the kernel does not speak by itself.
func (p *pair) wire(nameA, nameB string) {
	p.a.t.Helper()
	p.a.must(p.a.AddVeth(nameA, p.b.NS, nameB))
	for _, e := range []struct {
		h    *host
		name string
	}{{p.a, nameA}, {p.b, nameB}} {
		e.h.must(e.h.SetSysctl("net/ipv6/conf/"+e.name+"/addr_gen_mode", "1"))
		e.h.must(e.h.SetUp(e.name))
	}
}

func mac6(t testing.TB, s string) [6]byte {
	t.Helper()
	m, err := net.ParseMAC(s)
	nstest.OK(t, err)
	return [6]byte(m)
}

// open opens a port on the host and closes it with the test.
func (h *host) open(s Spec) *Port {
	h.t.Helper()
	var p *Port
	var err error
	h.do(func() { p, err = Open(s) })
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { p.Close() })
	return p
}

// inOrder makes all that the test sends from now on arrive in this order: the kernel hands packets to the other end of a veth on the
// processor of the sender, and each processor when it comes to it.
func inOrder(t testing.TB) {
	t.Helper()
	runtime.LockOSThread() // for good: the thread ends with the test
	var all, one unix.CPUSet
	nstest.OK(t, unix.SchedGetaffinity(0, &all))
	for cpu := 0; ; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	nstest.OK(t, unix.SchedSetaffinity(0, &one))
}

// tap captures the frames that arrive on an interface.
type tap struct {
	t  testing.TB
	fd int
}

func (h *host) tap(link string) *tap {
	h.t.Helper()
	fd := -1
	h.do(func() {
		var err error
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			h.t.Fatal(err)
		}
		sa := &unix.SockaddrLinklayer{Protocol: 0x0300, Ifindex: h.index(link)} // ETH_P_ALL
		h.must(unix.Bind(fd, sa))
	})
	tv := unix.Timeval{Sec: 60}
	h.must(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv))
	h.t.Cleanup(func() { unix.Close(fd) })
	return &tap{h.t, fd}
}

// next is the next frame for which want holds.
func (p *tap) next(want func(frame []byte) bool) []byte {
	p.t.Helper()
	buf := make([]byte, 9000)
	for {
		n, from, err := unix.Recvfrom(p.fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			p.t.Fatalf("no such frame came: %v", err)
		}
		if ll := from.(*unix.SockaddrLinklayer); ll.Pkttype != unix.PACKET_OUTGOING && want(buf[:n]) {
			return bytes.Clone(buf[:n])
		}
	}
}

// vrrp is the next frame that carries IP protocol 112, or 51.
func (p *tap) vrrp() []byte {
	p.t.Helper()
	return p.next(func(f []byte) bool {
		switch {
		case len(f) >= 34 && f[12] == 0x08 && f[13] == 0:
			return f[23] == 112 || f[23] == 51
		case len(f) >= 54 && f[12] == 0x86 && f[13] == 0xdd:
			return f[20] == 112
		}
		return false
	})
}

// wait receives until n packets came.
func wait(t testing.TB, p *Port, b *Batch, n int) (got []Datagram) {
	t.Helper()
	for end := time.Now().Add(time.Minute); len(got) < n; {
		k, err := p.Recv(b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range k {
			d := b.At(i)
			d.Payload = bytes.Clone(d.Payload)
			got = append(got, d)
		}
		if k == 0 {
			if time.Now().After(end) {
				t.Fatalf("%d of %d packets came", len(got), n)
			}
			fds := []unix.PollFd{{Fd: int32(p.FD()), Events: unix.POLLIN}}
			unix.Poll(fds, 100)
		}
	}
	return got
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }
