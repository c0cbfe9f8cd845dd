package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/vrrp/wire"
)

// FuzzReceived: whatever comes in through a socket, an engine in any state goes on: every packet is counted as an advert or as refused, what is
// sent is in range, and time goes on.
func FuzzReceived(f *testing.F) {
	f.Add([]byte{0x21, 1, 150, 0, 0, 1, 0, 0}, uint8(255), uint8(3), false)
	f.Add([]byte{0x31, 1, 0, 1, 0, 100, 0, 0, 192, 0, 2, 101}, uint8(255), uint8(1), false)
	f.Add([]byte{0x31, 2, 255, 1, 0, 100, 0, 0}, uint8(1), uint8(250), true)
	f.Fuzz(func(t *testing.T, payload []byte, ttl, wait uint8, six bool) {
		w := newWorld(t)
		for _, line := range []string{
			"router A vrid=1 addr=192.0.2.101/32 prio=150", "router B vrid=2 prio=255 addr=192.0.2.102/32",
			"link eth0 192.0.2.1/24 fe80::1/64",
		} {
			w.line(line)
		}
		w.e = New(w.now)
		w.step(&LinkChanged{w.links["eth0"]})
		w.step(&Configure{Config: w.config()})
		src, dst := netip.MustParseAddr("192.0.2.9"), wire.Group4()
		if six {
			src, dst = netip.MustParseAddr("fe80::9"), wire.Group6()
		}
		for _, d := range []string{"run " + (40 * time.Duration(wait) * time.Millisecond).String(), "run 4s"} {
			p := &Received{Port: PortID{Link: "eth0", IPv6: six}, Src: src, Dst: dst, TTL: int(ttl), Payload: payload}
			w.step(p)
			w.step(p)
			w.line(d)
		}
		for _, r := range w.e.Routers() {
			if r.state != Master && r.state != Backup {
				t.Errorf("%s is %v", r.Name(), r.state)
			}
		}
	})
}
