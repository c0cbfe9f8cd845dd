package specs

import (
	"net/netip"
	"strings"
	"testing"

	"holdfast.dev/config"
	"holdfast.dev/host"
)

// barring is a configuration that bars one IPv4 address.
func barring() *config.Config {
	return &config.Config{Instances: []config.Instance{{Name: "V", Addresses: []config.Address{{Prefix: netip.MustParsePrefix("10.0.0.3/24")}}}}}
}

// Chains and sets as vrrp_iptables and vrrp_ipsets name them; what is omitted is made from the first name.
func TestChains(t *testing.T) {
	for _, c := range []struct {
		in   config.Firewall
		want host.Chains
	}{
		{config.Firewall{Chains: []string{"INPUT", "OUTPUT"}}, host.Chains{In: "INPUT", Out: "OUTPUT"}},
		{config.Firewall{Chains: []string{"ours"}, UseIpsets: true}, host.Chains{In: "ours", Set4: "keepalived", Set6: "keepalived6", Local: "keepalived_if6"}},
		{config.Firewall{Chains: []string{"a", "b"}, UseIpsets: true, Ipsets: []string{"ha"}}, host.Chains{In: "a", Out: "b", Set4: "ha", Set6: "ha6", Local: "ha_if6"}},
		{
			config.Firewall{Chains: []string{"a"}, UseIpsets: true, Ipsets: []string{"x", "y", "z", "igmp"}},
			host.Chains{In: "a", Set4: "x", Set6: "y", Local: "z"},
		},
		{
			config.Firewall{Chains: []string{"a"}, UseIpsets: true, Ipsets: []string{strings.Repeat("n", 30)}},
			host.Chains{In: "a", Set4: strings.Repeat("n", 30), Set6: strings.Repeat("n", 27) + "6", Local: strings.Repeat("n", 27) + "_if6"},
		},
	} {
		cfg := barring()
		cfg.Global.Firewall = c.in
		cfg.Global.Firewall.UseIptables = true
		want := host.Wall{WallName: host.WallName{Mark: "holdfast", Chains: c.want}, V4: true}
		if got := Wall(cfg); got != want {
			t.Errorf("%+v gives %+v", c.in, got)
		}
	}
}

// Several daemons in one network namespace have marks of their own, of which each fits and can be written anywhere.
func TestMark(t *testing.T) {
	marks := map[string]bool{}
	for _, c := range [][2]string{
		{"", ""},
		{"blue", ""},
		{"", "/run/a.pid"},
		{"", "/run/b.pid"},
		{"blue", "/run/a.pid"},
		{"", "/a" + strings.Repeat("/b", 100)},
		{"", "/x\"y\n'$`\\é"},
	} {
		cfg := barring()
		cfg.Process.Instance, cfg.Global.Firewall.Owner = c[0], c[1]
		m := Wall(cfg).Mark
		if marks[m] || len(m) > host.MaxMark || !strings.HasPrefix(m, "holdfast") || strings.ContainsAny(m, "\"\n'$`\\é") {
			t.Errorf("instance %q, pid file %q: %q", c[0], c[1], m)
		}
		marks[m] = true
	}
}
