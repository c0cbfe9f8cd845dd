package sample

import (
	"fmt"
	"strings"
)

// Instances is a configuration with n virtual routers, 250 on each interface; the interfaces need not exist.
func Instances(n int) string {
	var b strings.Builder
	b.WriteString("global_defs {\n\tdynamic_interfaces\n}\n")
	for i := range n {
		fmt.Fprintf(&b, `vrrp_instance VI_%d {
	state BACKUP
	interface dummy%d
	virtual_router_id %d
	priority 100
	advert_int 1
	authentication {
		auth_type PASS
		auth_pass secret
	}
	virtual_ipaddress {
		10.%d.%d.1/24
	}
}
`, i, i/250, i%250+1, i/250, i%250)
	}
	return b.String()
}

// Services is a configuration with n virtual servers of that many real servers each, all with a checker.
func Services(n, each int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `virtual_server 10.%d.%d.1 80 {
	delay_loop 6
	lvs_sched rr
	lvs_method NAT
	protocol TCP
`, i/250, i%250)
		for j := range each {
			fmt.Fprintf(&b, `	real_server 172.16.%d.%d 80 {
		weight 1
		TCP_CHECK {
			connect_timeout 3
			retry 3
			delay_before_retry 3
		}
	}
`, j/250, j%250)
		}
		b.WriteString("}\n")
	}
	return b.String()
}
