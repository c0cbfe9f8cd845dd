package config

import (
	"net/netip"
	"strings"
)

// vridPlace is where the adverts of an instance go or come from; two instances may not share one.
type vridPlace struct {
	family Family
	vrid   uint8
	iface  string
	source netip.Addr // unicast: the configured source
	dest   netip.Addr // the group, or a peer
}

// places lists where the instance is: one place for multicast, one for each peer of unicast.
func (d *draft) places() []vridPlace {
	p := vridPlace{family: d.Family, vrid: d.VRID, iface: d.Interface, dest: d.Group}
	if !d.Unicast() {
		return []vridPlace{p}
	}
	p.source = d.Source
	places := make([]vridPlace, 0, len(d.Peers))
	for _, peer := range d.Peers {
		p.dest = peer.Addr
		places = append(places, p)
	}
	return places
}

// clashes is rules A28 to A30: what two instances of one VRID on one interface may not share.
func (b *builder) clashes() {
	b.vmacClashes()
	seen := make(map[vridPlace]*draft, len(b.drafts))
	for _, d := range b.drafts {
		if d.VRID == 0 {
			continue
		}
		var clash *draft
		for _, p := range d.places() {
			if o := seen[p]; o != nil && clash == nil {
				clash = o
			}
			seen[p] = d
		}
		if clash != nil {
			b.clash(clash, d)
		}
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
