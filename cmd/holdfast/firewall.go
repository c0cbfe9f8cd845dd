package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/host"
	"holdfast.dev/host/iptables"
	"holdfast.dev/host/specs"
)

// versionLimit is how long iptables may take to say which it is.
const versionLimit = 5 * time.Second

// chooseFirewall decides whether a configuration's firewall is kept in the chains that vrrp_iptables names: not if nftables are configured too, or
// if iptables writes those or is not there (rule N2). It is no business of a configuration that bars nothing.
func chooseFirewall(c *config.Config) (said []string) {
	f := &c.Global.Firewall
	f.UseIptables, f.UseIpsets = false, false
	w := specs.Wall(c)
	if !f.Iptables || w == (host.Wall{}) {
		return nil
	}
	instead := func(why string) []string {
		return []string{fmt.Sprintf("vrrp_iptables: nftables are used instead, in table %s: %s", w.Table, why)}
	}
	switch {
	case f.Nftables != "":
		return instead("they are configured too")
	case os.Geteuid() != 0:
		return instead("iptables wants root")
	}
	ctx, cancel := context.WithTimeout(context.Background(), versionLimit)
	defer cancel()
	switch variant, err := iptables.Installed(ctx); {
	case err != nil:
		return instead(err.Error())
	case variant == iptables.Missing:
		return instead("iptables is not installed")
	case variant == iptables.NFT:
		return instead("that is what this iptables writes")
	}
	f.UseIptables = true
	if f.UseIpsets = !f.NoIpsets && iptables.HasIpset(); !f.UseIpsets && !f.NoIpsets {
		said = append(said, "vrrp_ipsets: ipset is not installed, each address has a rule of its own")
	}
	return said
}
