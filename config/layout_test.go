package config_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast.dev/config"
)

// TestLayout says where addresses stand.
func TestLayout(t *testing.T) {
	const two = "virtual_ipaddress {\n10.0.0.100/24\n10.0.0.101 dev eth1\n10.0.0.102 dev eth0\n}\nvirtual_ipaddress_excluded {\nfd00::1\n}\n"
	for _, c := range []struct{ name, body, want string }{
		{"none", two, "eth0 eth1 eth0 eth0;"},
		{"use_vmac", "use_vmac\n" + two, "vrrp.51 eth1 eth0 vrrp.51; vrrp.51@eth0 00:00:5e:00:01:33 46"},
		{"named", "use_vmac v\n" + two, "v eth1 eth0 v; v@eth0 00:00:5e:00:01:33 46"},
		{"use_vmac_addr", "use_vmac\nuse_vmac_addr\n" + two, "vrrp.51 vrrp1.51 eth0 vrrp6.51; " +
			"vrrp.51@eth0 00:00:5e:00:01:33 4, vrrp1.51@eth1 00:00:5e:00:01:33 4, vrrp6.51@eth0 00:00:5e:00:02:33 6"},
		{"only use_vmac_addr", "use_vmac_addr\n" + two, "eth0 vrrp.51 eth0 vrrp6.51; " +
			"vrrp.51@eth1 00:00:5e:00:01:33 4, vrrp6.51@eth0 00:00:5e:00:02:33 6"},
		{"one address", "virtual_ipaddress {\n10.0.0.100\n10.0.0.101 dev eth1 use_vmac\n}\n", "eth0 vrrp.51; vrrp.51@eth1 00:00:5e:00:01:33 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := laidOut(t, "vrrp_instance V {\ninterface eth0\nvirtual_router_id 51\n"+c.body+"}\n")
			l, in := cfg.Layout(), &cfg.Instances[0]
			var devs, links []string
			for i := range in.Addresses {
				devs = append(devs, l.Dev(&in.Addresses[i]))
			}
			for i := range in.Excluded {
				devs = append(devs, l.Dev(&in.Excluded[i]))
			}
			for _, v := range l.Of(in) {
				families := ""
				if v.IPv4 {
					families += "4"
				}
				if v.IPv6 {
					families += "6"
				}
				links = append(links, fmt.Sprintf("%s@%s %s %s", v.Name, v.Base, v.MAC, families))
			}
			if got := strings.TrimSpace(strings.Join(devs, " ") + "; " + strings.Join(links, ", ")); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func laidOut(t *testing.T, text string) *config.Config {
	t.Helper()
	res := load(text, false)
	if res.Config == nil {
		t.Fatalf("not loaded: %v", res.Diags)
	}
	return res.Config
}

// Two virtual routers with one MAC on one interface share the macvlan; the kernel would not let two be up.
func TestLayoutShares(t *testing.T) {
	text := ""
	for i, group := range []string{"", "mcast_dst_ip 224.0.0.99\n"} {
		text += fmt.Sprintf("vrrp_instance V%d {\ninterface eth0\nvirtual_router_id 51\nuse_vmac\n%svirtual_ipaddress {\n10.0.0.10%d\n}\n}\n", i, group, i)
	}
	cfg := laidOut(t, text)
	l := cfg.Layout()
	a, b := l.Of(&cfg.Instances[0]), l.Of(&cfg.Instances[1])
	if len(l.Links) != 1 || len(a) != 1 || len(b) != 1 || a[0] != b[0] {
		t.Errorf("%v, %v, %v", l.Links, a, b)
	}
}
