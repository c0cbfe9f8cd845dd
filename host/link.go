package host

import (
	"net/netip"
	"slices"
)

// standing is an address that we believe the kernel holds.
type standing struct {
	LinkAddr
	ours  bool    // added or adopted by us
	told  bool    // the kernel has described it
	vague bool    // the kernel's answer about it was lost, and nobody has looked since
	set   Address // of ours: as we added it, or as it was wanted when we adopted it as it was
}

// linkState is a link that we believe the kernel has.
type linkState struct {
	Link             // Addrs is not used
	list []*standing // in the kernel's order as far as it is known
	four int         // how many of them are IPv4 addresses: those come first
	at   map[spot]*standing
	nets map[netip.Prefix][]*standing // IPv4, by network: the first is the primary address
	six  map[netip.Addr]*standing     // IPv6: an address stands once, whatever its prefix length

	// recent has what we added or deleted a moment ago. Events about it may be older than that, until there are none left.
	recent map[spot]struct{}

	shown    Link // as it was last reported, without its addresses
	wasShown bool

	changed bool // to be reported
	suspect bool // an event contradicts what we believe: ask
	fell    bool // it was down since it was last asked
	dying   bool // it is gone, only its last event has not come yet
}

func newLinkState(l Link) *linkState {
	l.Addrs = nil
	return &linkState{
		Link: l, changed: true,
		at:     map[spot]*standing{},
		nets:   map[netip.Prefix][]*standing{},
		six:    map[netip.Addr]*standing{},
		recent: map[spot]struct{}{},
	}
}

// same reports whether a differs in lifetimes at most.
func (s *standing) same(a LinkAddr) bool {
	a.Preferred, a.Valid = s.Preferred, s.Valid
	return a == s.LinkAddr
}

// find returns the address with this prefix length and peer, nil if it does not stand. The peer counts only as far as the
// kernel tells addresses apart by it.
func (l *linkState) find(at, peer netip.Prefix) *standing { return l.at[spotOf(at, peer)] }

// covered reports whether the address stands with this or, for IPv6, any prefix length: adding it would give EEXIST.
func (l *linkState) covered(at, peer netip.Prefix) bool {
	if at.Addr().Is6() {
		return l.six[at.Addr()] != nil
	}
	return l.find(at, peer) != nil
}

// put adds an address or brings it up to date.
func (l *linkState) put(a LinkAddr) *standing {
	if s := l.find(a.Prefix, a.Peer); s != nil {
		s.LinkAddr, s.told = a, true
		return s
	}
	s := &standing{LinkAddr: a, told: true}
	l.list = slices.Insert(l.list, l.position(&a), s)
	l.at[s.spot()] = s
	if a.Prefix.Addr().Is4() {
		net := network(a.Prefix, a.Peer)
		l.nets[net] = append(l.nets[net], s)
		l.four++
	} else {
		l.six[a.Prefix.Addr()] = s
	}
	return s
}

// position is where the kernel puts a new address: IPv4 ones before IPv6 ones, IPv4 primary ones behind the last primary
// one of no smaller scope, and IPv6 ones before the others of their scope, link-local ones last.
func (l *linkState) position(a *LinkAddr) int {
	at, first, fits := len(l.list), 0, func(*standing) bool { return true }
	switch six := a.Prefix.Addr(); {
	case six.IsLinkLocalUnicast() && six.Is6():
		first, fits = l.four, func(s *standing) bool { return !s.Prefix.Addr().IsLinkLocalUnicast() }
	case six.Is6():
		at = l.four
	default:
		at = l.four
		if a.Flags&FlagSecondary == 0 && len(l.nets[network(a.Prefix, a.Peer)]) == 0 {
			fits = func(s *standing) bool { return s.Flags&FlagSecondary == 0 && a.Scope <= s.Scope }
		}
	}
	for at > first && !fits(l.list[at-1]) { // from behind: most come in this order, and there may be thousands
		at--
	}
	return at
}

func (l *linkState) remove(s *standing) {
	delete(l.at, s.spot())
	n := len(l.list)
	if l.list = without(l.list, s); len(l.list) < n && s.Prefix.Addr().Is4() {
		l.four--
	}
	if s.Prefix.Addr().Is6() {
		if l.six[s.Prefix.Addr()] == s {
			delete(l.six, s.Prefix.Addr())
		}
	} else {
		net := network(s.Prefix, s.Peer)
		if l.nets[net] = without(l.nets[net], s); len(l.nets[net]) == 0 {
			delete(l.nets, net)
		}
	}
}

func without[T comparable](list []T, s T) []T {
	if i := slices.Index(list, s); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// secondaries are the other addresses of the network of s, if s is its primary one, or may be: the kernel drops them with
// it, unless promote_secondaries is set.
func (l *linkState) secondaries(s *standing) []*standing {
	if s.Prefix.Addr().Is6() {
		return nil
	}
	net := l.nets[network(s.Prefix, s.Peer)]
	if net[0] == s || (s.told && s.Flags&FlagSecondary == 0) {
		return without(slices.Clone(net), s)
	}
	return nil
}

// snapshot is the link as it is reported: with the addresses of other people. Ours come and go without a report, so whoever kept one
// of them would not learn that it is gone.
func (l *linkState) snapshot() Link {
	out := l.Link
	out.Addrs = make([]LinkAddr, 0, len(l.list))
	for _, s := range l.list {
		if !s.ours {
			out.Addrs = append(out.Addrs, s.LinkAddr)
		}
	}
	return out
}

// sameShown reports whether nothing but addresses changed since the link was last reported.
func (l *linkState) sameShown() bool {
	return l.wasShown && sameFacts(&l.Link, &l.shown) && l.Forward6 == l.shown.Forward6
}

// sameFacts reports whether two descriptions of a link differ in nothing that an event of kind LinkNew tells.
func sameFacts(a, b *Link) bool {
	return a.Name == b.Name && a.Index == b.Index && a.Up == b.Up && a.Running == b.Running && a.Multicast == b.Multicast &&
		a.Loopback == b.Loopback && a.NoARP == b.NoARP && a.Type == b.Type && a.MTU == b.MTU && a.MAC == b.MAC &&
		a.Kind == b.Kind && a.Mode == b.Mode && a.Base == b.Base && a.Master == b.Master && a.Alias == b.Alias &&
		a.VRFTable == b.VRFTable
}
