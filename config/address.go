package config

import (
	"fmt"
	"net/netip"
	"slices"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
	"holdfast.dev/config/schema"
)

// Scopes of addresses as the kernel numbers them (linux/rtnetlink.h).
const (
	ScopeGlobal uint8 = 0
	ScopeSite   uint8 = 200
	ScopeLink   uint8 = 253
	ScopeHost   uint8 = 254
)

const maxLabel = 15

// readAddresses reads virtual_ipaddress: all of one family, none twice.
func (b *builder) readAddresses(d *draft, n *schema.Node) {
	known := seen(b, &d.Addresses, addressKey)
	for i := range n.Body {
		a, ok := b.address(&n.Body[i])
		if !ok {
			continue
		}
		if !d.fits(a.Addr()) {
			b.errorf(n.Body[i].Pos, d.Name, "address family must match VRRP instance [%s] - ignoring", n.Body[i].Name())
			continue
		}
		b.addAddress(&d.Addresses, known, a, d.Name, n.Body[i].Pos)
	}
}

// readExcluded reads virtual_ipaddress_excluded, where both families may stand (rule A2).
func (b *builder) readExcluded(d *draft, n *schema.Node) {
	known := seen(b, &d.Excluded, addressKey)
	for i := range n.Body {
		if a, ok := b.address(&n.Body[i]); ok {
			b.addAddress(&d.Excluded, known, a, d.Name, n.Body[i].Pos)
		}
	}
}

// addrDev is what makes two entries the same address.
type addrDev struct {
	addr netip.Addr
	dev  string
}

func addressKey(a *Address) addrDev { return addrDev{a.Addr(), a.Dev} }

// addAddress appends an address that is not in the list yet.
func (b *builder) addAddress(list *[]Address, seen set[addrDev], a Address, who string, pos diag.Pos) {
	if !seen.add(addressKey(&a)) {
		b.notef(pos, who, "address %s is there already - ignoring", a.Addr())
		return
	}
	*list = append(*list, a)
}

// static reads static_ipaddress.
func (b *builder) static(n *schema.Node) {
	known := seen(b, &b.cfg.Static, addressKey)
	for i := range n.Body {
		e := &n.Body[i]
		a, ok := b.address(e)
		if !ok {
			continue
		}
		if a.Dev == "" {
			a.Dev = b.cfg.Global.VRRP.DefaultInterface
			if _, exists, known := b.iface(a.Dev); a.Dev == "" || known && !exists && b.cfg.Global.VRRP.DynamicInterfaces == DynamicOff {
				b.badIface = true
				b.say(e.Pos, diag.Error, diag.BadInterface, "", "Static address "+e.Name()+" requires either an interface or default interface must exist",
					"name one with dev, or set default_interface")
				continue
			}
		}
		b.addAddress(&b.cfg.Static, known, a, "", e.Pos)
	}
}

// address reads one entry; ok is false when it is to be left out.
func (b *builder) address(e *schema.Node) (a Address, ok bool) {
	v := e.Args[0]
	if !v.OK {
		return Address{}, false
	}
	a = Address{Pos: at(v.Pos), Prefix: netip.PrefixFrom(v.Addr, prefixLen(v))}
	if v.Addr.Is4() {
		a.Scope = defaultScope(v.Addr)
	}
	a.Preferred = LifetimeForever
	if v.Addr.Is6() && a.Prefix.Bits() == v.Addr.BitLen() {
		a.Preferred = 0 // rule K7
	}
	ok = true
	for _, u := range e.Opts {
		ok = u.OK && b.addressOption(&a, u, e) && ok // an option without its argument spoils the entry
	}
	if ok {
		b.addressParts(&a, e)
	}
	if v.Addr.Is6() {
		b.onlyIPv4(&a, e)
	}
	return a, ok
}

// onlyIPv4 takes what IPv6 addresses can't have off one.
func (b *builder) onlyIPv4(a *Address, e *schema.Node) {
	if a.Label != "" {
		b.errorf(e.Pos, "", "Cannot specify label for IPv6 addresses (%s) - ignoring label", e.Name())
		a.Label = ""
	}
	if a.Scope != ScopeGlobal {
		b.say(e.Pos, diag.Error, diag.GeneralError, "", fmt.Sprintf("Cannot specify scope for IPv6 addresses (%s) - ignoring scope", e.Name()),
			"the kernel knows the scope of an IPv6 address by itself")
	}
	a.Scope = defaultScope(a.Addr())
}

// addressParts checks what does not go together in one entry.
func (b *builder) addressParts(a *Address, e *schema.Node) {
	if !a.Peer.IsValid() {
		return
	}
	if a.Prefix.Bits() < a.Addr().BitLen() {
		b.errorf(e.Pos, "", "Cannot specify address prefix when specifying peer address - ignoring")
		a.Prefix = netip.PrefixFrom(a.Addr(), a.Addr().BitLen())
	}
	if has(e, "brd") {
		b.errorf(e.Pos, "", "Cannot specify broadcast and peer addresses - ignoring broadcast address")
		a.Broadcast = netip.Addr{}
	}
}

// has reports whether an entry uses an option.
func has(e *schema.Node, option string) bool {
	return slices.ContainsFunc(e.Opts, func(u schema.Use) bool { return u.Name() == option })
}

func prefixLen(v schema.Value) int {
	if v.Int < 0 {
		return v.Addr.BitLen()
	}
	return int(v.Int)
}

func defaultScope(a netip.Addr) uint8 {
	switch {
	case a.IsLoopback():
		return ScopeHost
	case a.IsLinkLocalUnicast() && a.Is6():
		return ScopeLink
	}
	return ScopeGlobal
}

// addressOption applies one option; ok is false when the address is to be left out.
func (b *builder) addressOption(a *Address, u schema.Use, e *schema.Node) (ok bool) {
	switch u.Name() {
	case "dev":
		if a.OwnDev {
			b.errorf(u.Pos, "", "Cannot specify ipaddress device more than once for %s", e.Name())
			return false
		}
		b.needIface(u.Pos, u.Args[0].Text, "ip address "+e.Name())
		a.Dev, a.OwnDev = u.Args[0].Text, true
	case "scope":
		b.scope(a, u, e)
	case "brd":
		return b.broadcast(a, u)
	case "label":
		return b.label(a, u, e)
	case "peer":
		b.peer(a, u)
	case "home":
		a.Home = true
	case "-nodad":
		a.DAD = true
	case "mngtmpaddr":
		a.ManageTemp = true
	case "noprefixroute":
		a.NoPrefixRoute = true
	case "autojoin":
		a.AutoJoin = true
	case "no_track":
		a.NoTrack = true
	case "preferred_lft":
		b.preferred(a, u)
	case "use_vmac":
		a.UseVMAC = true
	case "track_group":
		b.addressGroup(a, u)
	}
	return true
}

func (b *builder) scope(a *Address, u schema.Use, e *schema.Node) {
	word := u.Args[0].Text
	if s, ok := scopeWords[word]; ok {
		a.Scope = uint8(s)
		return
	}
	n, what := lex.Uint(word, 10, 0, 255, true)
	if what != lex.NumberOK {
		b.say(u.Args[0].Pos, diag.Error, diag.GeneralError, "", "Invalid scope '"+word+"' specified for "+e.Name()+" - ignoring",
			"global, site, link, host, nowhere or a number up to 255")
		return
	}
	a.Scope = uint8(n)
}

// broadcast reads brd: an address, or + and - for the last and first of the network.
func (b *builder) broadcast(a *Address, u schema.Use) (ok bool) {
	word := u.Args[0].Text
	addr := a.Addr()
	if addr.Is6() {
		b.errorf(u.Pos, "", "VRRP is trying to assign a broadcast to the IPv6 address %s. skipping VIP...", addr)
		return false
	}
	if word == "+" || word == "-" {
		if a.Prefix.Bits() < 31 {
			a.Broadcast = edge(a.Prefix, word == "+")
		} else {
			b.errorf(u.Args[0].Pos, "", "Address prefix length %d too long for broadcast", a.Prefix.Bits())
		}
		return true
	}
	brd, err := netip.ParseAddr(word)
	if err != nil || !brd.Is4() {
		b.errorf(u.Args[0].Pos, "", "VRRP is trying to assign invalid broadcast %s. skipping VIP...", word)
		return false
	}
	a.Broadcast = brd
	return true
}

// edge is the address of an IPv4 network with all host bits set, or all clear.
func edge(p netip.Prefix, last bool) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := p.Bits(); last && i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

func (b *builder) label(a *Address, u schema.Use, e *schema.Node) (ok bool) {
	a.Label = u.Args[0].Text
	if len(a.Label) > maxLabel {
		b.errorf(u.Args[0].Pos, "", "Address label %s is longer than maximum length %d - removing address", a.Label, maxLabel)
		return false
	}
	return true
}

func (b *builder) peer(a *Address, u schema.Use) {
	word := u.Args[0].Text
	peer, err := netip.ParseAddr(word)
	switch {
	case err != nil || peer.Zone() != "":
		b.errorf(u.Args[0].Pos, "", "Invalid peer address %s", word)
	case peer.Is4() != a.Addr().Is4():
		b.errorf(u.Args[0].Pos, "", "Peer address %s does not match address family", word)
	default:
		a.Peer = peer
	}
}

func (b *builder) preferred(a *Address, u schema.Use) {
	word := u.Args[0].Text
	if word == "forever" {
		a.Preferred = LifetimeForever
		return
	}
	n, what := lex.Uint(word, 10, 0, LifetimeForever, b.env.Test)
	if !what.OK() {
		b.say(u.Args[0].Pos, diag.Error, diag.InvalidNumber, "", what.Text(word, "0", "4294967295"), "")
		b.errorf(u.Args[0].Pos, "", "preferred_lft %s is invalid", word)
		return
	}
	a.Preferred = uint32(n)
}

func (b *builder) addressGroup(a *Address, u schema.Use) {
	name := b.trackGroupName(&u)
	if n := b.trackGroups[name]; n <= 1<<16-1 {
		a.TrackGroup = uint16(n)
	}
}

// trackGroupName is the group that an option names; empty, with an error, when there is none of that name.
func (b *builder) trackGroupName(u *schema.Use) string {
	name := u.Args[0].Text
	if b.trackGroups[name] == 0 {
		b.errorf(u.Args[0].Pos, "", "track_group %s not found", name)
		return ""
	}
	return name
}
