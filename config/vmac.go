package config

import (
	"fmt"
	"net/netip"
	"strings"

	"holdfast.dev/config/schema"
)

const maxIfName = 15

// readVMAC reads use_vmac.
func (b *builder) readVMAC(d *draft, n *schema.Node) {
	d.vmac = true
	v := &VirtualLink{Pos: at(n.Pos)}
	d.Virtual = v
	for i := range n.Opts {
		u := &n.Opts[i]
		switch {
		case u.Name() == "netlink_notify_msg":
			v.NotifyMsg = true
		case len(u.Args) == 0:
		case u.Name() == "group":
			b.linkGroup(v, u)
		case u.Name() == "name":
			b.linkName(d, v, u)
		case b.linkMAC(d, v, u):
		default:
			b.linkName(d, v, u)
		}
	}
}

func (b *builder) linkName(d *draft, v *VirtualLink, u *schema.Use) {
	name := u.Args[0].Text
	if len(name) > maxIfName {
		b.errorf(u.Pos, d.Name, "interface name '%s' is too long - ignoring", name)
		return
	}
	v.Name, v.Named = name, true
	d.vmacNames = append(d.vmacNames, name)
}

func (b *builder) linkGroup(v *VirtualLink, u *schema.Use) {
	n, ok := b.lookup(groupNames, u.Args[0].Text)
	if !ok {
		b.errorf(u.Pos, "", "Unknown interface group '%s' - ignoring", u.Args[0].Text)
		return
	}
	v.Group = &n
}

// linkMAC takes six octets, or five to which the VRID is added later; ok is false when the word is no MAC.
func (b *builder) linkMAC(d *draft, v *VirtualLink, u *schema.Use) (ok bool) {
	octets, ok := parseOctets(u.Args[0].Text)
	if !ok || len(octets) != 6 && len(octets) != 5 {
		return false
	}
	switch {
	case octets[0]&1 != 0, strings.HasPrefix(string(octets), "\x00\x00\x5e\x00\x01"), strings.HasPrefix(string(octets), "\x00\x00\x5e\x00\x02"):
		b.errorf(u.Pos, d.Name, "MAC address %s may not be used - ignoring", u.Args[0].Text)
		return true
	}
	copy(v.MAC[:], octets)
	d.vridMAC = len(octets) == 5
	d.vmacNames = append(d.vmacNames, u.Args[0].Text)
	return true
}

// readIPVLAN reads use_ipvlan; its address is the source address where there is none.
func (b *builder) readIPVLAN(d *draft, n *schema.Node) {
	d.ipvlan = true
	v := &VirtualLink{Pos: at(n.Pos), IPVLAN: true}
	d.Virtual = v
	for i := range n.Opts {
		u := &n.Opts[i]
		switch u.Name() {
		case "bridge":
			v.Mode = IPVLANBridge
		case "private":
			v.Mode = IPVLANPrivate
		case "vepa":
			v.Mode = IPVLANVEPA
		case "group":
			if len(u.Args) > 0 {
				b.linkGroup(v, u)
			}
		default:
			if len(u.Args) > 0 && (u.Name() == "name" || !b.linkAddr(d, v, u)) {
				v.Name, v.Named = u.Args[0].Text, true
			}
		}
	}
}

// linkAddr takes the address of an ipvlan; ok is false when the word is none.
func (b *builder) linkAddr(d *draft, v *VirtualLink, u *schema.Use) (ok bool) {
	word := u.Args[0].Text
	p, err := netip.ParsePrefix(word)
	if err != nil {
		a, err := netip.ParseAddr(word)
		if err != nil {
			return false
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if !d.fits(p.Addr()) {
		b.errorf(u.Pos, d.Name, "ipvlan address[%s] MUST match vrrp instance family !!! Skipping...", word)
		return true
	}
	v.Addr = p
	if !d.Source.IsValid() {
		d.Source = p.Addr()
	}
	return true
}

// virtualLink fills in what use_vmac and use_ipvlan leave out (rules L5, L6 and L9).
func (b *builder) virtualLink(d *draft) {
	v := d.Virtual
	if v == nil {
		return
	}
	switch {
	case v.IPVLAN || d.vridMAC || v.MAC != HardwareAddr{}:
		if d.vridMAC {
			v.MAC[5] = d.VRID
		}
	default:
		v.MAC = HardwareAddr{0, 0, 0x5e, 0, 1, d.VRID}
		if d.Family == IPv6 {
			v.MAC[4] = 2
		}
	}
	v.XmitBase = (d.xmitBase || d.Unicast()) && !d.Strict
	if v.Name != "" {
		b.linkNames.add(v.Name)
		return
	}
	stem := b.cfg.Global.VRRP.VMACPrefix
	names := []string{fmt.Sprintf("%s.%d", stem, d.VRID)}
	if d.Family == IPv6 {
		names = []string{fmt.Sprintf("%s6.%d", stem, d.VRID), names[0]}
	}
	series := fmt.Sprintf("%s%d.%d", stem, d.Family, d.VRID)
	for n := b.linkNumbers[series]; v.Name == ""; n++ {
		b.linkNumbers[series] = n
		name := fmt.Sprintf("%s%d.%d", stem, n, d.VRID)
		if n < len(names) {
			name = names[n]
		} else if len(name) > maxIfName {
			name = name[len(name)-maxIfName:]
		}
		if b.linkNames.add(name) {
			v.Name = name
		}
	}
}
