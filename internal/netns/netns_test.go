package netns_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

func linkNames(t *testing.T) string {
	ifs, err := net.Interfaces()
	nstest.OK(t, err)
	var names []string
	for _, i := range ifs {
		names = append(names, i.Name)
	}
	return strings.Join(names, " ")
}

func TestNewIsEmptyAndApart(t *testing.T) {
	t.Parallel()
	n := nstest.New(t)
	nstest.Do(t, n, func() {
		if got := linkNames(t); got != "lo" {
			t.Errorf("links %q, want lo alone", got)
		}
		lo, err := net.InterfaceByName("lo")
		nstest.OK(t, err)
		if lo.Flags&net.FlagUp == 0 {
			t.Error("lo is down")
		}
	})
	var here unix.Stat_t
	nstest.OK(t, unix.Stat("/proc/thread-self/ns/net", &here))
	if n.Inode() == 0 || n.Inode() == here.Ino {
		t.Errorf("inode %d, this thread's is %d", n.Inode(), here.Ino)
	}
}

func TestVethCarriesPackets(t *testing.T) {
	t.Parallel()
	a, b := nstest.Pair(t)
	nstest.OK(t, a.AddAddr("eth0", "10.0.0.1/24"))
	nstest.OK(t, b.AddAddr("eth0", "10.0.0.2/24"))
	var server net.PacketConn
	nstest.Do(t, b, func() {
		var err error
		server, err = net.ListenPacket("udp4", "10.0.0.2:7000")
		nstest.OK(t, err)
	})
	defer server.Close()
	nstest.Do(t, a, func() {
		c, err := net.Dial("udp4", "10.0.0.2:7000")
		nstest.OK(t, err)
		defer c.Close()
		_, err = c.Write([]byte("ping"))
		nstest.OK(t, err)
	})
	buf := make([]byte, 16)
	k, from, err := server.ReadFrom(buf) // outside: a socket stays where it was opened
	nstest.OK(t, err)
	if string(buf[:k]) != "ping" || !strings.HasPrefix(from.String(), "10.0.0.1:") {
		t.Errorf("got %q from %v", buf[:k], from)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	a, b := nstest.Pair(t)
	nstest.OK(t, a.AddBridge("br0"))
	nstest.OK(t, a.SetMaster("eth0", "br0"))
	nstest.OK(t, a.SetMaster("eth0", ""))
	nstest.OK(t, a.AddMacvlan("mv0", "eth0"))
	nstest.OK(t, a.AddMacvlanBridge("mv1", "eth0"))
	nstest.OK(t, a.SetMAC("mv0", [6]byte{0, 0, 0x5e, 0, 1, 7}))
	nstest.OK(t, a.SetMTU("mv0", 1400))
	nstest.OK(t, a.Rename("mv1", "mv2"))
	nstest.OK(t, a.Delete("br0"))
	nstest.Do(t, a, func() {
		if got := linkNames(t); got != "lo eth0 mv0 mv2" {
			t.Errorf("links %q", got)
		}
		mv, err := net.InterfaceByName("mv0")
		nstest.OK(t, err)
		if mv.HardwareAddr.String() != "00:00:5e:00:01:07" || mv.MTU != 1400 {
			t.Errorf("mv0 is %+v", mv)
		}
	})
	nstest.OK(t, b.Delete("eth0"))
	if _, err := a.Index("eth0"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("the other end of a deleted veth: %v", err)
	}
	if err := a.SetUp("nosuch"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("setting up a link that does not exist: %v", err)
	}
}

func TestProcessLivesInside(t *testing.T) {
	t.Parallel()
	n := nstest.New(t)
	cmd := exec.Command("/bin/readlink", "/proc/self/ns/net")
	var out strings.Builder
	cmd.Stdout = &out
	nstest.OK(t, n.Run(cmd))
	var want string
	nstest.Do(t, n, func() {
		var err error
		want, err = os.Readlink("/proc/thread-self/ns/net")
		nstest.OK(t, err)
	})
	if strings.TrimSpace(out.String()) != want {
		t.Errorf("the process is in %q, want %q", out.String(), want)
	}
	err := n.Run(exec.Command("/bin/sh", "-c", "echo why >&2; exit 3"))
	if err == nil || !strings.Contains(err.Error(), "exit status 3: why") {
		t.Errorf("a process that fails: %v", err)
	}
}

func TestSysctl(t *testing.T) {
	t.Parallel()
	a, b := nstest.New(t), nstest.New(t)
	nstest.OK(t, a.SetSysctl("net/ipv4/ip_forward", "1"))
	for _, c := range []struct {
		n    *netns.NS
		want string
	}{{a, "1"}, {b, "0"}} {
		got, err := c.n.Sysctl("net/ipv4/ip_forward")
		nstest.OK(t, err)
		if got != c.want {
			t.Errorf("ip_forward is %q, want %q", got, c.want)
		}
	}
}

func TestGoexitAndClosed(t *testing.T) {
	t.Parallel()
	n, err := netns.New()
	if err != nil {
		t.Skip(err)
	}
	if err := n.Do(func() error { leave(); return nil }); !errors.Is(err, netns.ErrGoexit) {
		t.Errorf("Goexit gives %v", err)
	}
	nstest.OK(t, n.Run(exec.Command("/bin/true")))
	nstest.OK(t, n.Close())
	nstest.OK(t, n.Close())
	if n.Do(func() error { return nil }) == nil || n.Start(exec.Command("/bin/true")) == nil {
		t.Error("a closed namespace can be entered")
	}
}

func leave() { runtime.Goexit() }
