package config_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast.dev/config"
)

// Rule A13. All but those with HMAC, which it does not know, are what keepalived 2.2.7 says of the same files.
func TestRoomForAddresses(t *testing.T) {
	const (
		isAH   = "authentication {\nauth_type AH\nauth_pass x\n}\n"
		signed = "auth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nactive_key 1\n}\n"
	)
	for _, c := range []struct {
		version, family, mtu int
		lines                string
		want                 int
	}{
		{2, 4, 1500, "", 255},
		{2, 4, 1500, isAH, 255},
		{3, 4, 1500, "", 255},
		{3, 4, 65536, "", 255},
		{3, 6, 9000, "", 255},
		{2, 4, 576, "", 131},
		{2, 4, 576, isAH, 125},
		{3, 4, 573, "", 132},
		{3, 4, 574, "", 133},
		{3, 4, 577, "", 133},
		{3, 4, 578, "", 134},
		{2, 4, 1000, "", 237},
		{3, 4, 1000, "", 239},
		{3, 6, 1280, "", 76},
		{3, 6, 1500, "", 89},
		{3, 6, 2000, "", 121},
		{2, 6, 1502, "", 90},
		{2, 6, 1517, "", 90},
		{3, 6, 1500, signed, 88},
		{3, 4, 574 + 28, signed, 133},
		{2, 4, 576 + 28, signed, 131},
		{3, 4, 40, "", 0},
	} {
		env := machine(false)
		env.Interface = func(string) (config.Interface, bool) {
			return config.Interface{Multicast: true, Ethernet: true, MTU: c.mtu}, true
		}
		addrs := make([]string, 300)
		for i := range addrs {
			addrs[i] = fmt.Sprintf("10.1.%d.%d/32", i/200, 1+i%200)
			if c.family == 6 {
				addrs[i] = fmt.Sprintf("fe80::1:%x/64", i)
			}
		}
		text := fmt.Sprintf("vrrp_instance V {\nversion %d\ninterface eth0\nvirtual_router_id 1\n%svirtual_ipaddress {\n%s\n}\n}\n",
			c.version, c.lines, strings.Join(addrs, "\n"))
		res := config.Load(tree{"/c": text}, "/c", env)
		if res.Config == nil {
			t.Fatalf("%+v: %v", c, res.Diags.Sorted())
		}
		i := &res.Config.Instances[0]
		if len(i.Addresses) != c.want || len(i.Addresses)+len(i.Excluded) != len(addrs) || c.want > 0 && i.Addresses[0].Addr().String() != strings.Split(addrs[0], "/")[0] {
			t.Errorf("%+v: %d carried, %d not", c, len(i.Addresses), len(i.Excluded))
		}
	}
}
