package carrier

import (
	"net"
	"testing"
	"time"

	"holdfast.dev/transport"
	"holdfast.dev/transport/wire"
)

// TestDatagramsAgain: a peer whose answers to PINGs get lost is sent each advert twice, the second time as it was.
func TestDatagramsAgain(t *testing.T) {
	t.Parallel()
	x, y, port := addrs(t)
	a := newNode(t, x, port)
	ok(t, a.configure(config(transport.UDP, x, y, port)))
	peer, err := net.ListenUDP("udp", &net.UDPAddr{IP: y.AsSlice(), Port: int(port)})
	ok(t, err)
	defer peer.Close()
	over := make(chan struct{})
	defer close(over)
	go func() { // it says who it is, answers nothing, and gets an advert every 20 ms
		hello := wire.Hello{Min: wire.Version, Max: wire.Version, Node: transport.NodeID{9}, Clock: 1, Release: "test"}
		to := &net.UDPAddr{IP: x.AsSlice(), Port: int(port)}
		for mark := byte(0); ; mark++ {
			_, _ = peer.WriteTo(hello.Append(nil), to)
			a.send(transport.UDP, y, 51, mark, 4)
			select {
			case <-time.After(20 * time.Millisecond):
			case <-over:
				return
			}
		}
	}()
	ok(t, peer.SetReadDeadline(time.Now().Add(patience)))
	seen := map[uint64]int{} // by when it was sent
	for b := make([]byte, 2048); ; {
		n, err := peer.Read(b)
		ok(t, err)
		for rest := b[:n]; len(rest) > 0; {
			var f wire.Frame
			if f, rest, err = wire.Next(rest); err != nil {
				t.Fatal(err)
			}
			var ad wire.Advert
			if f.Type == wire.TypeAdvert && ad.Parse(&f) == nil {
				if seen[ad.Sent]++; seen[ad.Sent] == 2 {
					return
				}
			}
		}
	}
}
