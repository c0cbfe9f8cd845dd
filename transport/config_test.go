package transport

import (
	"net/netip"
	"slices"
	"testing"
)

func TestKinds(t *testing.T) {
	for k := IP; k <= TLS; k++ {
		if got, ok := ParseKind(k.String()); !ok || got != k {
			t.Errorf("%v: read back as %v, %v", k, got, ok)
		}
	}
	for _, s := range []string{"", "TCP", "sctp", "transport 4", Kind(200).String()} {
		if k, ok := ParseKind(s); ok {
			t.Errorf("%q was taken for %v", s, k)
		}
	}
}

func TestListens(t *testing.T) {
	a := netip.MustParseAddr
	peer := func(k Kind, local, addr string, port uint16) Peer {
		p := Peer{PeerKey: PeerKey{Kind: k, Addr: a(addr), Port: port}}
		if local != "" {
			p.Local = a(local)
		}
		return p
	}
	c := Config{Peers: []Peer{
		peer(TLS, "192.0.2.1", "192.0.2.2", 1112),
		peer(TCP, "192.0.2.1", "192.0.2.3", 1112), // the same socket
		peer(TCP, "198.51.100.1", "192.0.2.3", 1113),
		peer(TCP, "", "192.0.2.4", 1113), // for all addresses
		peer(UDP, "192.0.2.1", "192.0.2.2", 1112),
		peer(TLS, "", "2001:db8::2", 1112), // another family is another socket
	}}
	want := []Listen{
		{false, a("192.0.2.1"), 1112},
		{true, a("0.0.0.0"), 1113},
		{true, a("192.0.2.1"), 1112},
		{true, a("::"), 1112},
	}
	if got := c.Listens(); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
