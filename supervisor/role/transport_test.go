package role

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"holdfast.dev/transport"
)

func TestTransportComesBack(t *testing.T) {
	want := &transport.Config{
		Node: transport.NodeID{1, 2, 255}, Release: "1.2.3",
		Peers: []transport.Peer{{
			PeerKey:  transport.PeerKey{Kind: transport.TLS, Local: netip.MustParseAddr("192.0.2.1"), Addr: netip.MustParseAddr("192.0.2.2"), Port: 1112},
			Identity: 1, Name: "node-b.example.net", Pin: transport.Pin{9}, Interval: time.Second, Down: 3 * time.Second, FastFail: true,
		}, {PeerKey: transport.PeerKey{Kind: transport.UDP, Addr: netip.MustParseAddr("2001:db8::2"), Port: 1}}},
		Identities: []transport.Identity{{}, {Certificate: []byte("c"), Key: []byte("k"), CA: []byte{0, 1}}},
	}
	f, err := SealedTransport(want)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := ReadTransport(f)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
