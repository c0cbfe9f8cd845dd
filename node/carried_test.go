package node

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/vrrp"
)

const carriedConf = `vrrp_instance A {
	version 3
	interface eth0
	virtual_router_id 51
	priority 255
	state MASTER
	advert_int 0.1
	transport tcp
	unicast_src_ip 192.0.2.1
	unicast_peer { 192.0.2.2 }
	virtual_ipaddress { 192.0.2.100/24 }
}`

// carrierEnd gives the loop a socket to the carrier, which the test plays.
func carrierEnd(t *testing.T, l *loop) (far int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	nstest.OK(t, err)
	l.Do(func(l *loop) { l.setCarrier(fds[0]) })
	return fds[1]
}

// nextOf reads until there is a message of a type.
func nextOf(t *testing.T, fd int, want local.Type) (got local.Msg) {
	t.Helper()
	b := make([]byte, local.MaxDatagram)
	nstest.Eventually(t, "the carrier is sent a message", func() bool {
		n, err := unix.Read(fd, b)
		if err != nil {
			return false
		}
		for rest := b[:n]; len(rest) > 0; {
			var m local.Msg
			if m, rest, err = local.Next(rest); err != nil {
				t.Fatal(err)
			}
			if m.Type == want {
				m.Payload = append([]byte(nil), m.Payload...)
				got = m
				return true
			}
		}
		return false
	})
	return got
}

// TestCarrierSocket: adverts and reports go to the carrier, what it tells is heard and shown, and whatever becomes of it the thread goes on.
func TestCarrierSocket(t *testing.T) {
	if !inside(t) {
		return
	}
	l := testLoop(t)
	c := VRRPConfig(load(t, carriedConf))
	nstest.OK(t, l.ports.Prepare(c, small))
	far := carrierEnd(t, l)
	if !l.apply(c, 1, nothing, nothing, nil) {
		t.Fatal(l.err)
	}
	peer, own := netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.1")
	m := nextOf(t, far, local.Send)
	if m.Kind != transport.TCP || m.Src != own || m.Dst != peer || len(m.Payload) != 12 || m.Payload[1] != 51 || m.Payload[2] != 255 {
		t.Errorf("%+v", m)
	}
	if m = nextOf(t, far, local.Report); m.Dst != peer || m.VRID != 51 || m.Priority != 255 {
		t.Errorf("%+v", m)
	}
	up := local.Msg{Type: local.Link, Kind: transport.TCP, Src: peer, Dst: own, Up: true, Text: "well", Count: local.Counts{Sent: 7}}
	_, err := unix.Write(far, append(local.Append(nil, &up), 1, 2, 3)) // and something that can't be read
	nstest.OK(t, err)
	nstest.Eventually(t, "the connection is shown", func() bool {
		p, ok := l.page.Peer(0)
		return ok && p.Up && p.Addr == peer && p.Counts.Sent == 7 && p.Text == "well" && l.page.Malformed() == 1
	})
	told := local.Msg{Type: local.Told, Kind: transport.TCP, Src: peer, Dst: own, VRID: 51, State: uint8(vrrp.Master), Priority: 1}
	nstest.Eventually(t, "a second master is named", func() bool {
		n := 0
		l.Do(func(l *loop) {
			var s vrrp.Status
			for _, r := range l.driver.Engine.Routers() {
				r.Status(&s)
				n += s.TroubleCount
			}
		})
		_, _ = unix.Write(far, local.Append(nil, &told))
		return n > 0
	})
	nstest.OK(t, unix.Close(far)) // the carrier dies
	nstest.Eventually(t, "that is noticed", func() bool {
		gone := false
		l.Do(func(l *loop) { gone = l.carrier.fd < 0 })
		return gone
	})
	l.Do(func(l *loop) {
		if got := l.toCarrier(&local.Msg{Type: local.Send, Kind: transport.TCP}); got != errNoCarrier {
			t.Error(got)
		}
	})
	far = carrierEnd(t, l) // another one, which hangs
	beat := l.page.Beat()
	nstest.Eventually(t, "the thread goes on", func() bool { return l.page.Beat() > beat+20 })
	nextOf(t, far, local.Send)
	nstest.OK(t, unix.Close(far))
}
