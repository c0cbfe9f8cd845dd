package status

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
)

func TestPeers(t *testing.T) {
	p := newPage(t)
	want := Peer{
		Kind: transport.TLS, Addr: netip.MustParseAddr("192.0.2.2"), Local: netip.MustParseAddr("2001:db8::1"), Up: true, Since: 5, RTT: time.Millisecond,
		Counts: local.Counts{Sent: 1, Received: 2, Stale: 3, Replaced: 4, Refused: 5, Connects: 6, Overrun: 7}, Text: "speaks an older version",
	}
	p.PutPeer(Peers-1, &want)
	p.PutPeer(Peers, &want)
	p.PutPeer(-1, &want)
	if got, ok := p.Peer(Peers - 1); !ok || got != want || p.TopPeer() != Peers {
		t.Errorf("%+v %v", got, ok)
	}
	for _, i := range []int{0, -1, Peers} {
		if _, ok := p.Peer(i); ok {
			t.Errorf("there is a peer %d", i)
		}
	}
	long := want
	long.Text = strings.Repeat("x", 1000)
	p.PutPeer(0, &long)
	if got, _ := p.Peer(0); len(got.Text) == 0 || len(got.Text) > 112 {
		t.Error(len(got.Text))
	}
	p.PutPeer(0, nil)
	if _, ok := p.Peer(0); ok {
		t.Error("it is shown still")
	}
}
