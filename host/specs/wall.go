package specs

import (
	"strings"

	"holdfast.dev/config"
	"holdfast.dev/host"
)

// defaultTable is keepalived's too, so that whoever looks after it finds it.
const defaultTable = "keepalived"

// Barred reports whether packets to and from the addresses of an instance are dropped (rules A18, N1).
func Barred(i *config.Instance) bool { return !i.Accept && !i.Owner() }

// Wall is the firewall that a configuration needs; the zero Wall for none.
func Wall(c *config.Config) host.Wall {
	f := &c.Global.Firewall
	w := host.Wall{Priority: f.Priority, ByIndex: f.IfIndex, Counters: f.Counters}
	w.Table, w.Mark = f.Nftables, mark(c)
	if w.Table == "" {
		w.Table = defaultTable // rules A19, N2
	}
	if f.UseIptables {
		w = host.Wall{WallName: host.WallName{Mark: w.Mark, Chains: chains(f)}}
	}
	for i := range c.Instances {
		in := &c.Instances[i]
		if !Barred(in) {
			continue
		}
		for _, list := range [...][]config.Address{in.Addresses, in.Excluded} {
			for n := range list {
				six := list[n].Addr().Is6()
				w.V4, w.V6 = w.V4 || !six, w.V6 || six
			}
		}
	}
	if !w.V4 && !w.V6 {
		return host.Wall{}
	}
	return w
}

// mark tells the firewalls of several daemons in one network namespace apart. It holds only what can be written anywhere without quotes.
func mark(c *config.Config) string {
	m := host.LinkMark
	for _, part := range [...]string{c.Process.Instance, c.Global.Firewall.Owner} {
		if part != "" {
			m += " " + part
		}
	}
	m = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune("\"'`\\$", r) {
			return '_'
		}
		return r
	}, m)
	if len(m) > host.MaxMark { // the end tells more
		m = host.LinkMark + " ..." + m[len(m)-(host.MaxMark-len(host.LinkMark)-len(" ...")):]
	}
	return m
}

// maxSet is the longest name of a set.
const maxSet = 31

// chains are those that vrrp_iptables names, and the sets of vrrp_ipsets: omitted names are made from the first one.
func chains(f *config.Firewall) host.Chains {
	var c host.Chains
	for i, p := range [...]*string{&c.In, &c.Out} {
		if i < len(f.Chains) {
			*p = f.Chains[i]
		}
	}
	if !f.UseIpsets {
		return c
	}
	c.Set4 = defaultTable
	if len(f.Ipsets) > 0 {
		c.Set4 = f.Ipsets[0]
	}
	stem := c.Set4[:min(len(c.Set4), maxSet-len("_if6"))]
	c.Set6, c.Local = stem+"6", stem+"_if6"
	for i, p := range [...]*string{&c.Set4, &c.Set6, &c.Local} {
		if i < len(f.Ipsets) {
			*p = f.Ipsets[i]
		}
	}
	return c
}
