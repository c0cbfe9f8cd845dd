package specs

import (
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/transport"
)

func TestCarrier(t *testing.T) {
	a := netip.MustParseAddr
	peer := func(addr string, p *config.Proof) config.Peer { return config.Peer{Addr: a(addr), Proof: p} }
	instance := func(every time.Duration, c *config.Carry, peers ...config.Peer) config.Instance {
		return config.Instance{
			Version: 3, Priority: 100, AdvertInterval: every, DownTimerAdverts: 3, Source: a("10.0.0.1"), Peers: peers, Rare: &config.Rare{Carry: c},
		}
	}
	tls := &config.Carry{Kind: transport.TLS, Port: 1112, Identity: 2}
	fast := &config.Carry{Kind: transport.TLS, Port: 1112, Identity: 2, FastFail: true}
	c := &config.Config{
		Identities: []config.Identity{{}, {Certificate: []byte("c"), Key: config.Secret("k"), CA: []byte("a")}},
		Instances: []config.Instance{
			instance(time.Second, tls, peer("10.0.0.3", nil), peer("10.0.0.2", &config.Proof{Name: "b.example"})),
			instance(100*time.Millisecond, fast, peer("10.0.0.2", &config.Proof{Name: "b.example"})),
			instance(time.Second, &config.Carry{Kind: transport.UDP, Port: 7}, peer("10.0.0.2", &config.Proof{Name: "b.example"})),
			{Version: 3, Peers: []config.Peer{peer("10.0.0.9", nil)}},
		},
	}
	got := Carrier(c)
	if len(got.Peers) != 3 || len(got.Identities) != 2 || string(got.Identities[1].Key) != "k" || !Needed(c) {
		t.Fatalf("%+v", got)
	}
	udp, shared, other := got.Peers[0], got.Peers[1], got.Peers[2]
	if udp.Kind != transport.UDP {
		udp, shared = shared, udp
	}
	if udp.Name != "" || udp.Port != 7 || udp.FastFail {
		t.Errorf("%+v", udp)
	}
	if !shared.FastFail || shared.Interval != 100*time.Millisecond || shared.Down != 3*100*time.Millisecond+156*100*time.Millisecond/256 || shared.Name != "b.example" || shared.Identity != 1 {
		t.Errorf("%+v", shared)
	}
	if other.FastFail || other.Name != "10.0.0.3" || other.Addr != a("10.0.0.3") || other.Local != a("10.0.0.1") {
		t.Errorf("%+v", other)
	}
	if l := got.Listens(); len(l) != 2 {
		t.Errorf("%+v", l)
	}
	if c.Instances = c.Instances[3:]; Needed(c) || len(Carrier(c).Peers) != 0 {
		t.Error("there is nothing to carry")
	}
}
