package hosttest

import (
	"net/netip"
	"slices"

	"holdfast.dev/host"
)

// What the rest of the world does to the machine. A method that is given the name of a link that does not exist does
// nothing and reports false.

// AddLink makes an Ethernet link with carrier, which is up if up is set, and returns its number. A number is not used twice.
func (k *Kernel) AddLink(name string, up bool) int {
	k.last++
	l := &link{Link: host.Link{
		Name: name, Index: k.last, Multicast: true, Type: 1, MTU: 1500, MAC: [6]byte{2, 0, 0, 0, 0, byte(k.last)},
	}}
	k.links = append(k.links, l)
	k.tell(host.Event{Kind: host.Forward6, Index: l.Index})
	k.tellLink(l)
	if up {
		k.SetUp(name, true)
	}
	return l.Index
}

// Number lets the next link have this number, if it was not used yet, as if there had been others.
func (k *Kernel) Number(next int) { k.last = max(k.last, next-1) }

// DeleteLink removes a link with its addresses.
func (k *Kernel) DeleteLink(name string) bool {
	l := k.find(name)
	if l == nil {
		return false
	}
	k.deleteOn(l.Index)
	k.SetUp(name, false)
	for _, a := range slices.Clone(l.addrs) {
		k.tell(host.Event{Kind: host.AddrDel, Index: l.Index, Addr: *a})
	}
	k.links = slices.DeleteFunc(k.links, func(m *link) bool { return m == l })
	k.tell(host.Event{Kind: host.LinkDel, Index: l.Index, Link: host.Link{Name: name}})
	return true
}

// RenameLink gives a link another name, which must be free.
func (k *Kernel) RenameLink(name, newName string) bool {
	l := k.find(name)
	if l == nil || k.find(newName) != nil {
		return false
	}
	l.Name = newName
	k.tellLink(l)
	return true
}

// SetUp sets or clears IFF_UP, and IFF_RUNNING with it. A link that goes down loses its IPv6 addresses, unless SetKeep
// was called.
func (k *Kernel) SetUp(name string, up bool) bool {
	l := k.find(name)
	if l == nil || l.Up == up {
		return l != nil
	}
	l.Up, l.Running = up, up
	if up {
		k.tellLink(l)
		if l.auto {
			k.insert(l, host.LinkAddr{
				Prefix: linkLocal(l.Index), Scope: 253, Proto: 3, Preferred: host.Forever, Valid: host.Forever,
				Flags: host.FlagPermanent | host.FlagTentative,
			})
		}
		return true
	}
	if !k.AddrsFirst {
		k.tellLink(l)
	}
	if !l.keep {
		for _, a := range slices.Clone(l.addrs) {
			if a.Prefix.Addr().Is6() {
				k.remove(l, a.Prefix, a.Peer)
			}
		}
	}
	if k.AddrsFirst {
		k.tellLink(l)
	}
	k.dropRoutes(func(rt *host.Route) bool { return through(rt, l.Index) })
	return true
}

// SetCarrier sets or clears IFF_RUNNING.
func (k *Kernel) SetCarrier(name string, on bool) bool {
	l := k.find(name)
	if l != nil && l.Running != on {
		l.Running = on
		k.tellLink(l)
	}
	return l != nil
}

// SetAuto has the link get an IPv6 link-local address, tentative at first, whenever it comes up.
func (k *Kernel) SetAuto(name string) bool {
	l := k.find(name)
	if l != nil {
		l.auto = true
	}
	return l != nil
}

// SetKeep is keep_addr_on_down.
func (k *Kernel) SetKeep(name string, keep bool) bool {
	l := k.find(name)
	if l != nil {
		l.keep = keep
	}
	return l != nil
}

// SetPromote is promote_secondaries.
func (k *Kernel) SetPromote(name string, promote bool) bool {
	l := k.find(name)
	if l != nil {
		l.promote = promote
	}
	return l != nil
}

// SetForward6 is IPv6 forwarding.
func (k *Kernel) SetForward6(name string, on bool) bool {
	l := k.find(name)
	if l != nil && l.Forward6 != on {
		l.Forward6 = on
		k.tell(host.Event{Kind: host.Forward6, Index: l.Index, Forward: on})
	}
	return l != nil
}

// EndDAD ends duplicate address detection of all tentative addresses of a link: with success, or with the discovery of
// another owner.
func (k *Kernel) EndDAD(name string, duplicate bool) bool {
	l := k.find(name)
	if l == nil {
		return false
	}
	for _, a := range l.addrs {
		if a.Flags&host.FlagTentative == 0 {
			continue
		}
		if a.Flags &^= host.FlagTentative; duplicate {
			a.Flags |= host.FlagTentative | host.FlagDADFailed
		}
		k.tell(host.Event{Kind: host.AddrNew, Index: l.Index, Addr: *a})
	}
	return true
}

// AddAddr adds an address, as another program would; it reports false if that is refused. Prefix must be valid.
func (k *Kernel) AddAddr(name, prefix string) bool {
	l := k.find(name)
	if l == nil {
		return false
	}
	res := k.insert(l, host.LinkAddr{
		Prefix: netip.MustParsePrefix(prefix), Flags: host.FlagPermanent, Preferred: host.Forever, Valid: host.Forever,
	})
	return res.Outcome == host.Done
}

// DelAddr deletes an address, as another program would; it reports false if there is none. Prefix must be valid.
func (k *Kernel) DelAddr(name, prefix string) bool {
	l := k.find(name)
	return l != nil && k.remove(l, netip.MustParsePrefix(prefix), netip.Prefix{})
}

// LoseEvents loses all events that wait, as when the receive buffer is full.
func (k *Kernel) LoseEvents() {
	k.queue, k.overrun = nil, true
}

// Waiting is the number of events that wait for Poll.
func (k *Kernel) Waiting() int { return len(k.queue) + len(k.answers) }

// find returns a link, nil if there is none of that name.
func (k *Kernel) find(name string) *link {
	for _, l := range k.links {
		if l.Name == name {
			return l
		}
	}
	return nil
}

// Addrs returns the addresses of a link in the kernel's order.
func (k *Kernel) Addrs(name string) []host.LinkAddr {
	if l := k.find(name); l != nil {
		return l.snapshot().Addrs
	}
	return nil
}

func linkLocal(index int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: byte(index), 14: byte(index >> 8)}), 64)
}

// SetVRF makes a VRF of a link, or a link that is one, up.
func (k *Kernel) SetVRF(name string, table uint32) {
	if k.find(name) == nil {
		k.AddLink(name, true)
	}
	l := k.find(name)
	l.VRFTable, l.Kind = table, host.VRF
	k.tellLink(l)
}

// SetMaster puts a link into a bridge or VRF, or out of all for an empty name.
func (k *Kernel) SetMaster(name, master string) {
	l, index := k.find(name), 0
	if m := k.find(master); m != nil {
		index = m.Index
	}
	l.Master = index
	k.tellLink(l)
}

// Promotes reports whether promote_secondaries is set.
func (k *Kernel) Promotes(name string) bool {
	l := k.find(name)
	return l != nil && l.promote
}
