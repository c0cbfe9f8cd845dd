package link

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// TestMain runs the tests of someone who is not root inside a user namespace, where they are.
func TestMain(m *testing.M) {
	if os.Geteuid() == 0 {
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			os.Exit(exit.ExitCode())
		}
		os.Stderr.WriteString("cannot make a user namespace: " + err.Error() + "\n")
		os.Exit(1)
	}
}

// host is a network namespace.
type host struct {
	t  testing.TB
	ns netns.NsHandle
	nl *netlink.Handle
}

func newHost(t testing.TB) *host {
	t.Helper()
	h := &host{t: t}
	runtime.LockOSThread()
	old, err := netns.Get()
	if err == nil {
		h.ns, err = netns.New()
	}
	if err == nil {
		err = netns.Set(old)
	}
	if err != nil {
		t.Fatalf("make a network namespace: %v", err) // the thread dies with the test's goroutine
	}
	old.Close()
	runtime.UnlockOSThread()
	t.Cleanup(func() { h.ns.Close() })
	if h.nl, err = netlink.NewHandleAt(h.ns); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.nl.Close)
	h.up("lo")
	return h
}

// do runs f inside the namespace.
func (h *host) do(f func()) {
	h.t.Helper()
	runtime.LockOSThread()
	old, err := netns.Get()
	if err != nil {
		h.t.Fatal(err)
	}
	defer old.Close()
	if err := netns.Set(h.ns); err != nil {
		h.t.Fatal(err)
	}
	f()
	if err := netns.Set(old); err != nil {
		h.t.Fatal(err) // and the thread stays locked
	}
	runtime.UnlockOSThread()
}

func (h *host) link(name string) netlink.Link {
	h.t.Helper()
	l, err := h.nl.LinkByName(name)
	if err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
	return l
}

func (h *host) index(name string) int { return h.link(name).Attrs().Index }

func (h *host) up(name string) {
	h.t.Helper()
	h.must(h.nl.LinkSetUp(h.link(name)))
}

func (h *host) down(name string) {
	h.t.Helper()
	h.must(h.nl.LinkSetDown(h.link(name)))
}

func (h *host) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// addr adds an address, IPv6 ones usable at once unless flags say otherwise.
func (h *host) addr(name, cidr string, flags int) {
	h.t.Helper()
	a, err := netlink.ParseAddr(cidr)
	h.must(err)
	a.Flags = flags
	h.must(h.nl.AddrAdd(h.link(name), a))
}

// pair is a lab of two hosts joined by a veth, with the addresses of the golden captures.
type pair struct{ a, b *host }

const (
	linkA, linkB = "rfca0", "rfcb0"
	macA, macB   = "02:00:00:00:0a:01", "02:00:00:00:0b:02"
)

func newPair(t testing.TB) *pair {
	t.Helper()
	p := &pair{a: newHost(t), b: newHost(t)}
	p.wire(linkA, linkB, macA, macB)
	p.a.addr(linkA, "192.0.2.1/24", 0)
	p.b.addr(linkB, "192.0.2.2/24", 0)
	for _, s := range []string{"fe80::a/64", "2001:db8::1/64"} {
		p.a.addr(linkA, s, unix.IFA_F_NODAD)
	}
	for _, s := range []string{"fe80::b/64", "2001:db8::2/64"} {
		p.b.addr(linkB, s, unix.IFA_F_NODAD)
	}
	// So that unicast does not wait for a neighbour to answer.
	p.neighbour(p.a, linkA, macB, "192.0.2.2", "2001:db8::2", "fe80::b")
	p.neighbour(p.b, linkB, macA, "192.0.2.1", "2001:db8::1", "fe80::a")
	return p
}

// wire joins the two hosts by one more veth.
func (p *pair) wire(nameA, nameB, hwA, hwB string) {
	a, b := p.a, p.a
	a.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = nameA
	attrs.HardwareAddr = mustMAC(a.t, hwA)
	a.must(a.nl.LinkAdd(&netlink.Veth{
		LinkAttrs: attrs, PeerName: nameB,
		PeerHardwareAddr: mustMAC(a.t, hwB), PeerNamespace: netlink.NsFd(p.b.ns),
	}))
	b = p.b
	for _, e := range []struct {
		h    *host
		name string
	}{{a, nameA}, {b, nameB}} {
		e.h.must(e.h.nl.LinkSetIP6AddrGenMode(e.h.link(e.name), 1)) // none: no address, no router solicitation
		e.h.up(e.name)
	}
}

func (p *pair) neighbour(h *host, link, mac string, ips ...string) {
	h.t.Helper()
	for _, ip := range ips {
		h.must(h.nl.NeighSet(&netlink.Neigh{
			LinkIndex: h.index(link), State: netlink.NUD_PERMANENT, IP: net.ParseIP(ip), HardwareAddr: mustMAC(h.t, mac),
		}))
	}
}

func mustMAC(t testing.TB, s string) net.HardwareAddr {
	t.Helper()
	m, err := net.ParseMAC(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mac6(t testing.TB, s string) [6]byte { return [6]byte(mustMAC(t, s)) }

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
	tv := unix.Timeval{Sec: 10}
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

// vrrp is the next frame that carries IP protocol 112.
func (p *tap) vrrp() []byte {
	p.t.Helper()
	return p.next(func(f []byte) bool {
		switch {
		case len(f) >= 34 && f[12] == 0x08 && f[13] == 0:
			return f[23] == 112
		case len(f) >= 54 && f[12] == 0x86 && f[13] == 0xdd:
			return f[20] == 112
		}
		return false
	})
}

// wait receives until n packets came.
func wait(t testing.TB, p *Port, b *Batch, n int) (got []Datagram) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); len(got) < n; {
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
