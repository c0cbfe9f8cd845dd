package host_test

import "holdfast.dev/host"

// checkWall: what stands and is to be barred is, and what is not to be is not.
func (p *property) checkWall() {
	type wish struct{ barred, open bool }
	wished := map[host.Key]wish{}
	for _, s := range p.e.want {
		for _, a := range s.Addresses {
			w := wished[a.Key]
			w.barred, w.open = w.barred || a.Barred, w.open || !a.Barred
			wished[a.Key] = w
		}
	}
	for _, name := range linkPool {
		for _, a := range p.k.Addrs(name) {
			key := host.Key{Link: name, Prefix: a.Prefix}
			w := wished[key]
			if w.barred && !w.open && !p.k.Bars(key) {
				p.t.Errorf("%s stands and is not barred: %s", key, p.k.Wall())
			}
		}
	}
	for key, w := range wished {
		same := false // the firewall does not tell apart where an address stands
		for k, o := range wished {
			same = same || k.Prefix.Addr() == key.Prefix.Addr() && o.barred
		}
		if w.open && !same && p.k.Bars(key) {
			p.t.Errorf("%s is barred and should not be: %s", key, p.k.Wall())
		}
	}
}
