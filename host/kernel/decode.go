package kernel

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// decode turns a notification, or a part of a dump, into an event. ok is false for what we have no use for: other
// families' views of a link (a bridge tells of its ports as if they were links that go), other messages, nonsense.
func decode(m message) (ev host.Event, ok bool) {
	switch m.typ {
	case unix.RTM_NEWLINK:
		ev.Kind = host.LinkNew
		ok = decodeLink(m.body, &ev)
	case unix.RTM_DELLINK:
		ev.Kind = host.LinkDel
		ok = decodeLink(m.body, &ev)
	case unix.RTM_NEWADDR:
		ev.Kind = host.AddrNew
		ok = decodeAddr(m.body, &ev)
	case unix.RTM_DELADDR:
		ev.Kind = host.AddrDel
		ok = decodeAddr(m.body, &ev)
	case unix.RTM_NEWNETCONF:
		ev.Kind = host.Forward6
		ok = decodeNetconf(m.body, &ev)
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE, unix.RTM_NEWRULE, unix.RTM_DELRULE:
		return decodeEntry(m)
	}
	return ev, ok
}

func decodeLink(b []byte, ev *host.Event) bool {
	if len(b) < ifInfoLen || b[0] != unix.AF_UNSPEC {
		return false
	}
	flags := native.Uint32(b[8:])
	ev.Index = int(int32(native.Uint32(b[4:])))
	ev.Link = host.Link{
		Index:     ev.Index,
		Type:      native.Uint16(b[2:]),
		Up:        flags&unix.IFF_UP != 0,
		Running:   flags&unix.IFF_RUNNING != 0,
		Multicast: flags&unix.IFF_MULTICAST != 0,
		Loopback:  flags&unix.IFF_LOOPBACK != 0,
		NoARP:     flags&unix.IFF_NOARP != 0,
	}
	elsewhere := false
	for a := (attrs{b: b[ifInfoLen:]}); a.next(); {
		switch a.typ {
		case unix.IFLA_IFNAME:
			ev.Link.Name = text(a.val)
		case unix.IFLA_MTU:
			ev.Link.MTU = int(u32(a.val))
		case unix.IFLA_ADDRESS:
			if len(a.val) == len(ev.Link.MAC) {
				copy(ev.Link.MAC[:], a.val)
			}
		case unix.IFLA_LINK:
			ev.Link.Base = int(int32(u32(a.val)))
		case unix.IFLA_LINK_NETNSID:
			elsewhere = true
		case unix.IFLA_MASTER:
			ev.Link.Master = int(int32(u32(a.val)))
		case unix.IFLA_IFALIAS:
			ev.Link.Alias = text(a.val)
		case unix.IFLA_LINKINFO:
			decodeKind(a.val, &ev.Link)
		}
	}
	if elsewhere || ev.Link.Base == ev.Index {
		ev.Link.Base = 0
	}
	return ev.Index > 0 && (ev.Link.Name != "" || ev.Kind == host.LinkDel)
}

// decodeKind reads what kind of interface it is, and how it works if it is a macvlan or ipvlan.
func decodeKind(b []byte, l *host.Link) {
	var data []byte
	for a := (attrs{b: b}); a.next(); {
		switch a.typ {
		case unix.IFLA_INFO_KIND:
			l.Kind = host.LinkKind(text(a.val))
		case unix.IFLA_INFO_DATA:
			data = a.val
		}
	}
	for a := (attrs{b: data}); a.next(); {
		switch {
		case l.Kind == host.VRF && a.typ == vrfTable:
			l.VRFTable = u32(a.val)
		case l.Kind == host.Macvlan && a.typ == macvlanMode:
			l.Mode = u32(a.val)
		case l.Kind == host.IPVLAN && a.typ == ipvlanMode && len(a.val) >= 2:
			l.Mode |= uint32(native.Uint16(a.val)) << ipvlanModeShift
		case l.Kind == host.IPVLAN && a.typ == ipvlanFlags && len(a.val) >= 2:
			l.Mode |= uint32(native.Uint16(a.val))
		}
	}
}

func decodeAddr(b []byte, ev *host.Event) bool {
	if len(b) < ifAddrLen || (b[0] != unix.AF_INET && b[0] != unix.AF_INET6) {
		return false
	}
	bits := int(b[1])
	ev.Index = int(int32(native.Uint32(b[4:])))
	ev.Addr = host.LinkAddr{Flags: uint32(b[2]), Scope: b[3], Preferred: host.Forever, Valid: host.Forever}
	var local, remote netip.Addr
	for a := (attrs{b: b[ifAddrLen:]}); a.next(); {
		switch a.typ {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(a.val)
		case unix.IFA_ADDRESS:
			remote, _ = netip.AddrFromSlice(a.val)
		case unix.IFA_BROADCAST:
			ev.Addr.Broadcast, _ = netip.AddrFromSlice(a.val)
		case unix.IFA_LABEL:
			ev.Addr.Label = text(a.val)
		case unix.IFA_FLAGS:
			ev.Addr.Flags = u32(a.val)
		case unix.IFA_CACHEINFO:
			if len(a.val) >= 8 {
				ev.Addr.Preferred, ev.Addr.Valid = native.Uint32(a.val), native.Uint32(a.val[4:])
			}
		case unix.IFA_RT_PRIORITY:
			ev.Addr.Metric = u32(a.val)
		case ifaProto:
			if len(a.val) > 0 {
				ev.Addr.Proto = a.val[0]
			}
		}
	}
	return ev.Index > 0 && prefixes(&ev.Addr, b[0], bits, local, remote)
}

// prefixes works out which is the local address: IFA_ADDRESS is the remote end where there is an IFA_LOCAL that differs,
// and otherwise the address itself.
func prefixes(a *host.LinkAddr, family byte, bits int, local, remote netip.Addr) bool {
	if !local.IsValid() {
		local = remote
	}
	if !local.IsValid() || local.Is4() != (family == unix.AF_INET) || bits > local.BitLen() {
		return false
	}
	a.Prefix = netip.PrefixFrom(local, bits)
	if remote.IsValid() && remote != local {
		if remote.Is4() != local.Is4() {
			return false
		}
		a.Peer = netip.PrefixFrom(remote, bits)
	}
	return true
}

func decodeNetconf(b []byte, ev *host.Event) bool {
	if len(b) < confLen || b[0] != unix.AF_INET6 {
		return false
	}
	known := false
	for a := (attrs{b: b[confLen:]}); a.next(); {
		switch a.typ {
		case netconfIndex:
			ev.Index = int(int32(u32(a.val)))
		case netconfForwarding:
			ev.Forward, known = u32(a.val) != 0, true
		}
	}
	return known && ev.Index > 0 // not the values for "all" and "default"
}

func u32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return native.Uint32(b)
}

// text is a string attribute, with or without a NUL at the end.
func text(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
