package config

import "slices"

// vridPlace is where two instances may get in each other's way.
type vridPlace struct {
	family Family
	vrid   uint8
	iface  string
}

// clashes is rules A28 to A30: what two instances of one VRID on one interface may not share.
func (b *builder) clashes() {
	seen := make(map[vridPlace][]*draft, len(b.drafts))
	for _, d := range b.drafts {
		if d.VRID == 0 {
			continue
		}
		key := vridPlace{d.Family, d.VRID, d.Interface}
		for _, o := range seen[key] {
			if clash(d, o) {
				b.clash(o, d)
				break
			}
		}
		seen[key] = append(seen[key], d)
	}
}

// clash reports whether a packet could be meant for both.
func clash(a, b *draft) bool {
	switch {
	case a.Unicast() != b.Unicast():
		return false
	case !a.Unicast():
		return a.Group == b.Group
	case a.Source != b.Source:
		return false
	}
	return slices.ContainsFunc(a.Peers, func(p Peer) bool {
		return slices.ContainsFunc(b.Peers, func(q Peer) bool { return p.Addr == q.Addr })
	})
}

// clash reports two instances in each other's way; the later one stays in FAULT where interfaces come and go.
func (b *builder) clash(first, later *draft) {
	report := b.fatalf
	if b.cfg.Global.VRRP.DynamicInterfaces == DynamicChanges {
		report = b.errorf
		later.Faults = append(later.Faults, FaultClash)
	}
	if later.Unicast() {
		report(later.pos, first.Name, "duplicate VRID conflict with %s VRID %d", later.Name, later.VRID)
		return
	}
	report(later.pos, "", "%s and %s both use VRID %d with %s on interface %s", first.Name, later.Name, later.VRID, later.Family, later.Interface)
}
