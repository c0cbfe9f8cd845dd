package config_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
	"holdfast.dev/transport"
)

const pinText = "sha256:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

var pemFiles = tree{
	"/k/cert":   "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	"/k/key":    "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
	"/k/ca":     "-----BEGIN CERTIFICATE-----\nAAAB\n-----END CERTIFICATE-----\n",
	"/k/shared": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	"/k/text":   "hello",
}

// loadCarried loads global_defs with some lines, and an instance with others.
func loadCarried(global, lines string) config.Result {
	f := tree{"/etc/c": "global_defs {\n" + global + "\n}\nvrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nversion 3\nvirtual_ipaddress {\n10.0.0.1\n}\n" +
		lines + "\n}\n"}
	for name, text := range pemFiles {
		f[name] = text
	}
	return config.Load(f, "/etc/c", machine(false))
}

const (
	onePeer = "\nunicast_peer {\n10.0.0.2\n}"
	proven  = "\ntransport_certificate /k/cert\ntransport_key /k/key\ntransport_ca /k/ca"
)

func TestTransports(t *testing.T) {
	for _, tc := range []struct {
		global, lines string
		want          config.Carry
	}{
		{"", "transport udp" + onePeer, config.Carry{Kind: transport.UDP, Port: 1112}},
		{"transport tcp\ntransport_port 99\nfast_fail", onePeer, config.Carry{Kind: transport.TCP, Port: 99, FastFail: true}},
		{"transport tcp", "transport_id 300" + onePeer, config.Carry{Kind: transport.TCP, Port: 1112, ID: 300}},
		{"transport tcp\nfast_fail on", "transport udp" + onePeer, config.Carry{Kind: transport.UDP, Port: 1112}},
		{"transport tcp\nfast_fail on", "fast_fail off" + onePeer, config.Carry{Kind: transport.TCP, Port: 1112}},
		{"transport tls" + proven, onePeer, config.Carry{Kind: transport.TLS, Port: 1112, Identity: 1}},
		{"transport tls\ntransport_certificate /k/cert\ntransport_key /k/key", "unicast_peer {\n10.0.0.2 tls_pin " + pinText + "\n}", config.Carry{Kind: transport.TLS, Port: 1112, Identity: 1}},
	} {
		res := loadCarried(tc.global, tc.lines)
		if res.Config == nil || len(res.Diags.All()) > 0 {
			t.Errorf("%q %q: %v", tc.global, tc.lines, res.Diags.All())
			continue
		}
		if got := res.Config.Instances[0].Carry(); got == nil || *got != tc.want {
			t.Errorf("%q %q: %+v, want %+v", tc.global, tc.lines, got, tc.want)
		}
	}
	for _, lines := range []string{"", onePeer, "transport ip" + onePeer} {
		res := loadCarried("transport ip", lines)
		if c := res.Config.Instances[0].Carry(); c != nil || len(res.Diags.All()) > 0 {
			t.Errorf("%q: %+v %v", lines, c, res.Diags.All())
		}
	}
	if res := loadCarried("transport tcp", ""); res.Config == nil || res.Config.Instances[0].Carry() != nil {
		t.Errorf("the default is not for multicast: %v", res.Diags.All())
	}
}

// TestTransportsThatCannotBe: what was to be carried never falls back to something else, so there is no configuration at all.
func TestTransportsThatCannotBe(t *testing.T) {
	for lines, want := range map[string]string{
		"transport tcp":           "needs unicast_peer",
		"transport tls" + onePeer: "needs transport_certificate and transport_key",
		"transport tls" + onePeer + "\ntransport_certificate /k/cert\ntransport_key /k/key":                      "who is 10.0.0.2?",
		"transport tls" + onePeer + "\ntransport_certificate /k/cert\ntransport_key /k/none\ntransport_ca /k/ca": "/k/none can't be read",
		"transport tls" + onePeer + "\ntransport_certificate /k/text\ntransport_key /k/key\ntransport_ca /k/ca":  "/k/text has no certificate in PEM",
		"transport tls" + onePeer + "\ntransport_certificate /k/cert\ntransport_key /k/ca\ntransport_ca /k/ca":   "/k/ca has no private key in PEM",
		"transport udp\nversion 2\nauthentication {\nauth_type AH\nauth_pass x\n}" + onePeer:                     "AH needs transport ip",
	} {
		res := loadCarried("", lines)
		said := ""
		for _, d := range res.Diags.All() {
			said += d.Text + "\n"
		}
		if res.Config != nil || !strings.Contains(said, want) {
			t.Errorf("%q: %v %q, want %q", lines, res.Config != nil, said, want)
		}
	}
	res := loadCarried("", "transport udp\nfast_fail on"+onePeer)
	if res.Config == nil || res.Config.Instances[0].Carry().FastFail || len(res.Diags.All()) != 1 {
		t.Errorf("fast_fail with udp: %v", res.Diags.All())
	}
}

// TestFlaws: what is found out about the files is said where they are named, once for all instances that share them.
func TestFlaws(t *testing.T) {
	f := tree{"/etc/c": "global_defs {\ntransport tls" + proven + "\n}\nvrrp_instance A {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {\n10.0.0.1\n}\n" +
		"unicast_src_ip 10.0.0.9" + onePeer + "\n}\nvrrp_instance B {\ninterface eth0\nvirtual_router_id 52\nvirtual_ipaddress {\n10.0.0.3\n}\nunicast_src_ip 10.0.0.9" + onePeer + "\n}\n"}
	for name, text := range pemFiles {
		f[name] = text
	}
	for severity, class := range map[diag.Severity]diag.Class{diag.Warning: diag.OK, diag.Error: diag.GeneralError, diag.Fatal: diag.GeneralError} {
		env, asked := machine(false), 0
		env.Identity = func(id *config.Identity, source netip.Addr) []config.Flaw {
			if asked++; string(id.Certificate) != pemFiles["/k/cert"] || string(id.Key) != pemFiles["/k/key"] || string(id.CA) != pemFiles["/k/ca"] ||
				source != netip.MustParseAddr("10.0.0.9") {
				t.Errorf("asked about %+v of %v", id, source)
			}
			return []config.Flaw{{Keyword: "transport_ca", Severity: severity, Text: "is old", Hint: "get another"}}
		}
		res := config.Load(f, "/etc/c", env)
		all := res.Diags.All()
		if asked != 1 || len(all) != 1 || (res.Config == nil) != (severity == diag.Fatal) {
			t.Fatalf("asked %d times; %v", asked, all)
		}
		if d := all[0]; d.Severity != severity || d.Class != class || d.Hint != "get another" || !strings.Contains(d.Text, "transport_ca /k/ca is old") {
			t.Errorf("%+v", d)
		}
	}
}

// TestSharedPorts: instances that share a port or a connection can't ask for different things.
func TestSharedPorts(t *testing.T) {
	two := func(more string) config.Result {
		return loadCarried("transport tls"+proven, "unicast_src_ip 10.0.0.9"+onePeer+
			"\n}\nvrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 52\nversion 3\nvirtual_ipaddress {\n10.0.0.3\n}\nunicast_src_ip 10.0.0.9\n"+more)
	}
	for more, fatal := range map[string]bool{
		onePeer: false, "transport tcp" + onePeer: false, "transport tcp\ntransport_port 1113" + onePeer: false, "transport udp" + onePeer: false,
		"transport_port 1113" + onePeer: true, "transport_key /k/shared" + onePeer: true, "unicast_peer {\n10.0.0.2 tls_name other.example\n}": true,
	} {
		if res := two(more); (res.Config == nil) != fatal {
			t.Errorf("%q: %v", more, res.Diags.All())
		}
	}
}

// TestTransportID: instances of one VRID on two interfaces that reach one peer need numbers.
func TestTransportID(t *testing.T) {
	for lines, fatal := range map[[3]string]bool{
		{"", "", "tcp"}: true, {"transport_id 7", "", "tcp"}: false, {"transport_id 7", "transport_id 7", "udp"}: true,
		{"transport_id 7", "transport_id 65535", "tcp"}: false, {"", "", "ip"}: false,
	} {
		res := loadCarried("transport "+lines[2], lines[0]+"\nunicast_src_ip 10.0.0.9"+onePeer+
			"\n}\nvrrp_instance VI_2 {\ninterface eth1\nvirtual_router_id 51\nversion 3\nvirtual_ipaddress {\n10.0.0.3\n}\nunicast_src_ip 10.0.0.9\n"+lines[1]+onePeer)
		if (res.Config == nil) != fatal {
			t.Errorf("%q: %v", lines, res.Diags.All())
		}
		if fatal && !strings.Contains(res.Diags.All()[0].Text, "transport_id") {
			t.Errorf("%q: %v", lines, res.Diags.All())
		}
	}
}

func TestPeerNames(t *testing.T) {
	res := loadCarried("unicast_peer_resolve 30", "unicast_src_ip 10.0.0.9\nunicast_peer {\nNode-B.example. max_ttl 7\n10.0.0.7\nlocalhost tls_pin "+pinText+"\n10.0.0.300\nnode-b.example\n}")
	c := res.Config
	if c == nil || len(res.Diags.All()) != 3 { // malformed twice, a double
		t.Fatal(res.Diags.All())
	}
	in := &c.Instances[0]
	if n := c.Names(); len(n) != 2 || n[0] != "node-b.example" || n[1] != "localhost" || !in.Unicast() || len(in.Peers) != 1 || c.Global.ResolveEvery() != 30*time.Second {
		t.Fatalf("%v %+v", n, in.Peers)
	}
	a := netip.MustParseAddr
	known := map[string][]netip.Addr{"node-b.example": {a("10.0.0.9"), a("10.0.0.8"), a("2001:db8::1"), a("10.0.0.7"), a("10.0.0.5")}}
	with := c.WithAddresses(known, []netip.Addr{a("10.0.0.5")})
	p := with.Instances[0].Peers
	if len(p) != 2 || p[1].Addr != a("10.0.0.8") || p[1].MaxTTL != 7 || p[1].Proof.Name != "node-b.example" || len(c.Instances[0].Peers) != 1 {
		t.Fatalf("%+v", p)
	}
	if again := with.WithAddresses(known, []netip.Addr{a("10.0.0.5")}); !again.Equal(with) {
		t.Error("a second time gives something else")
	}
	if none := with.WithAddresses(nil, nil); len(none.Instances[0].Peers) != 1 || len(none.Instances[0].Faults) != 0 {
		t.Errorf("%+v", none.Instances[0].Peers)
	}
}

// TestNoAddressYet: an instance whose peers have names only never falls back to multicast.
func TestNoAddressYet(t *testing.T) {
	c := loadCarried("", "unicast_peer {\nnode-b\n}").Config.WithAddresses(nil, nil)
	in := &c.Instances[0]
	if !in.Unicast() || len(in.Faults) != 1 || in.Faults[0] != config.FaultNoAddress || in.Group.IsValid() {
		t.Fatalf("%+v", in)
	}
	c = c.WithAddresses(map[string][]netip.Addr{"node-b": {netip.MustParseAddr("10.0.0.2")}}, nil)
	if in = &c.Instances[0]; len(in.Faults) != 0 || len(in.Peers) != 1 {
		t.Fatalf("%+v", in)
	}
}
