package specs

import (
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
	w.Table, w.Mark = f.Nftables, "holdfast"
	if name := c.Process.Instance; name != "" { // several in one network namespace
		w.Mark += " " + name
		w.Mark = w.Mark[:min(len(w.Mark), host.MaxMark)]
	}
	if w.Table == "" {
		w.Table = defaultTable // rules A19, N2
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
