package config

import (
	"slices"
	"strings"
)

// vridPlace is where two instances may get in each other's way.
type vridPlace struct {
	family Family
	vrid   uint8
	iface  string
}

// clashes is rules A28 to A30: what two instances of one VRID on one interface may not share.
func (b *builder) clashes() {
	b.vmacClashes()
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

// vmacClashes is rule A31: one name or one MAC for two virtual interfaces.
func (b *builder) vmacClashes() {
	seen := make(map[string]*draft)
	for _, d := range b.drafts {
		for _, name := range d.vmacNames {
			name = strings.ToLower(name)
			if o := seen[name]; o != nil && o != d {
				b.errorf(d.pos, d.Name, "use_vmac %s is taken by %s already - the instance stays in FAULT", name, o.Name)
				d.Faults = append(d.Faults, FaultVMAC)
				continue
			}
			seen[name] = d
		}
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
