package config

import "fmt"

// Layout says which virtual interfaces a configuration needs, and where its addresses stand.
type Layout struct {
	// Links has every virtual interface once, in the order of the file.
	Links []*VirtualPlace

	of  map[*Instance][]*VirtualPlace
	dev map[*Address]*VirtualPlace
}

// VirtualPlace is one virtual interface. Instances whose virtual routers have the same MAC on the same interface share one: the kernel
// would not let two of them be up.
type VirtualPlace struct {
	VirtualLink
	Base       string
	IPv4, IPv6 bool // which addresses will stand on it
}

// virtualKey is what can be on an interface once.
type virtualKey struct {
	base string
	mac  HardwareAddr
	name string // of an ipvlan; those share the MAC of their base
}

// Layout works out where everything stands (rules A33, L5, L6 and L12).
func (c *Config) Layout() *Layout {
	l := &layouter{
		Layout: Layout{of: map[*Instance][]*VirtualPlace{}, dev: map[*Address]*VirtualPlace{}},
		known:  map[virtualKey]*VirtualPlace{}, names: set[string]{}, stem: c.Global.VRRP.VMACAddrPrefix,
	}
	for i := range c.Instances {
		if v := c.Instances[i].Virtual; v != nil {
			l.names.add(v.Name)
		}
	}
	for i := range c.Instances {
		in := &c.Instances[i]
		if in.Virtual != nil {
			p := l.use(in, *in.Virtual, in.Interface)
			if own := in.Virtual.Addr; own.IsValid() {
				p.IPv4, p.IPv6 = p.IPv4 || own.Addr().Is4(), p.IPv6 || own.Addr().Is6()
			}
		}
	}
	for i := range c.Instances {
		in := &c.Instances[i]
		for _, list := range [...][]Address{in.Addresses, in.Excluded} {
			for n := range list {
				l.place(in, &list[n])
			}
		}
	}
	return &l.Layout
}

// Of lists the virtual interfaces of an instance: first the one that it runs on, if it runs on one.
func (l *Layout) Of(i *Instance) []*VirtualPlace { return l.of[i] }

// Dev is the interface that an address of an instance, or a static one, stands on.
func (l *Layout) Dev(a *Address) string {
	if v := l.dev[a]; v != nil {
		return v.Name
	}
	return a.Dev
}

type layouter struct {
	Layout
	known map[virtualKey]*VirtualPlace
	names set[string]
	stem  string
}

// use makes a virtual interface one of the instance's.
func (l *layouter) use(in *Instance, v VirtualLink, base string) *VirtualPlace {
	k := virtualKey{base: base, mac: v.MAC}
	if v.IPVLAN {
		k.name = v.Name
	}
	p := l.known[k]
	if p == nil {
		p = &VirtualPlace{VirtualLink: v, Base: base}
		if p.Name == "" {
			p.Name = l.name(in.VRID, v.MAC[4] == 2)
		}
		l.known[k] = p
		l.Links = append(l.Links, p)
	}
	for _, o := range l.of[in] {
		if o == p {
			return p
		}
	}
	l.of[in] = append(l.of[in], p)
	return p
}

// place settles where an address of an instance stands.
func (l *layouter) place(in *Instance, a *Address) {
	six := a.Addr().Is6()
	alien := six != (in.Family == IPv6)
	var p *VirtualPlace
	switch {
	case in.Virtual != nil && a.Dev == in.Interface && (!a.OwnDev || a.UseVMAC && !alien) && !(alien && (in.UseVMACAddr || a.UseVMAC)):
		p = l.of[in][0]
	case a.UseVMAC, in.UseVMACAddr && (a.Dev != in.Interface || alien):
		v := VirtualLink{MAC: HardwareAddr{0, 0, 0x5e, 0, 1, in.VRID}}
		if six {
			v.MAC[4] = 2
		}
		p = l.use(in, v, a.Dev)
	default:
		return
	}
	p.IPv4, p.IPv6 = p.IPv4 || !six, p.IPv6 || six
	l.dev[a] = p
}

// name finds one that no other virtual interface has.
func (l *layouter) name(vrid uint8, six bool) string {
	stem := l.stem
	if stem == "" {
		stem = "vrrp"
	}
	try := []string{fmt.Sprintf("%s.%d", stem, vrid)}
	if six {
		try = []string{fmt.Sprintf("%s6.%d", stem, vrid), try[0]}
	}
	for n := 0; ; n++ {
		name := fmt.Sprintf("%s%d.%d", stem, n, vrid)
		if n < len(try) {
			name = try[n]
		}
		if len(name) > maxIfName {
			name = name[len(name)-maxIfName:]
		}
		if l.names.add(name) {
			return name
		}
	}
}
