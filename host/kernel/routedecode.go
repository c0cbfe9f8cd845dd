package kernel

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// decodeRoute reads a route from a dump or an event. ok is false for what is not an IPv4 or IPv6 route, and for exceptions
// that the kernel has noted to one.
func decodeRoute(b []byte) (rt *host.Route, ok bool) {
	if len(b) < unix.SizeofRtMsg || (b[0] != unix.AF_INET && b[0] != unix.AF_INET6) || native.Uint32(b[8:])&cloned != 0 {
		return nil, false
	}
	six := b[0] == unix.AF_INET6
	rt = &host.Route{TOS: b[3], Table: uint32(b[4]), Proto: b[5], Scope: b[6], Type: b[7]}
	dst, from := netip.IPv4Unspecified(), netip.Addr{}
	if six {
		rt.Scope, rt.TOS = 0, 0 // they have none
		dst = netip.IPv6Unspecified()
	}
	w := way{hop: host.Hop{Weight: 1, OnLink: native.Uint32(b[8:])&onLink != 0}}
	for a := (attrs{b: b[unix.SizeofRtMsg:]}); a.next(); {
		switch a.typ {
		case unix.RTA_DST:
			dst, _ = netip.AddrFromSlice(a.val)
		case unix.RTA_SRC:
			from, _ = netip.AddrFromSlice(a.val)
		case unix.RTA_TABLE:
			rt.Table = u32(a.val)
		case unix.RTA_PRIORITY:
			rt.Metric = u32(a.val)
		case unix.RTA_PREFSRC:
			rt.Source, _ = netip.AddrFromSlice(a.val)
		case unix.RTA_OIF:
			w.hop.Index = int(int32(u32(a.val)))
		case unix.RTA_MULTIPATH:
			rt.Hops = decodeHops(a.val)
		default:
			w.take(a.typ, a.val)
		}
	}
	if rt.Multi = len(rt.Hops) > 1; rt.Hops == nil && (w.hop.Index != 0 || w.hop.Via.IsValid()) {
		rt.Hops = []host.Hop{w.end()}
	}
	var okDst, okFrom bool
	rt.Dst, okDst = network(dst, b[1], six)
	if okFrom = true; b[2] > 0 {
		rt.From, okFrom = network(from, b[2], six)
	}
	return rt, okDst && okFrom
}

// network makes a prefix of what a message has in two places.
func network(a netip.Addr, bits byte, six bool) (p netip.Prefix, ok bool) {
	if !a.IsValid() || a.Is6() != six || int(bits) > a.BitLen() {
		return p, false
	}
	return netip.PrefixFrom(a, int(bits)).Masked(), true
}

// way is a hop while it is read: the kind of its tunnel may come after the tunnel.
type way struct {
	hop   host.Hop
	kind  uint16
	encap []byte
}

func (w *way) take(typ uint16, val []byte) {
	switch typ {
	case unix.RTA_GATEWAY:
		w.hop.Via, _ = netip.AddrFromSlice(val)
	case rtaVia: // struct rtvia
		if len(val) > 2 {
			w.hop.Via, _ = netip.AddrFromSlice(val[2:])
		}
	case rtaEncapType:
		if len(val) >= 2 {
			w.kind = native.Uint16(val)
		}
	case rtaEncap:
		w.encap = val
	}
}

func (w *way) end() host.Hop {
	if w.kind != 0 {
		w.hop.Encap = decodeEncap(byte(min(w.kind, 255)), w.encap)
	}
	return w.hop
}

func decodeHops(b []byte) (hops []host.Hop) {
	const head = 8 // struct rtnexthop
	for len(b) >= head {
		n := int(native.Uint16(b))
		if n < head || n > len(b) {
			break
		}
		w := way{hop: host.Hop{Index: int(int32(native.Uint32(b[4:]))), Weight: uint16(b[3]) + 1, OnLink: b[2]&onLink != 0}}
		for a := (attrs{b: b[head:n]}); a.next(); {
			if a.typ == unix.RTA_FLOW {
				w.hop.Realms = u32(a.val)
			} else {
				w.take(a.typ, a.val)
			}
		}
		hops = append(hops, w.end())
		b = b[min(align(n), len(b)):]
	}
	return hops
}

func decodeEncap(kind byte, b []byte) *host.Encap {
	e := &host.Encap{Kind: kind}
	for a := (attrs{b: b}); a.next(); {
		switch kind {
		case host.EncapIP, host.EncapIP6:
			takeTunnel(e, a.typ, a.val)
		case host.EncapILA:
			if a.typ == ilaLocator && len(a.val) >= 8 {
				e.ILA = binary.BigEndian.Uint64(a.val)
			}
		case host.EncapMPLS:
			for v := a.val; a.typ == mplsDst && len(v) >= 4; v = v[4:] {
				e.Labels = append(e.Labels, binary.BigEndian.Uint32(v)>>12)
			}
		}
	}
	return e
}

func takeTunnel(e *host.Encap, typ uint16, val []byte) {
	switch {
	case typ == tunID && len(val) >= 8:
		e.ID = binary.BigEndian.Uint64(val)
	case typ == tunDst:
		e.Dst, _ = netip.AddrFromSlice(val)
	case typ == tunSrc:
		e.Src, _ = netip.AddrFromSlice(val)
	case typ == tunTOS && len(val) > 0:
		e.TOS = val[0]
	case typ == tunTTL && len(val) > 0:
		e.TTL = val[0]
	case typ == tunFlags && len(val) >= 2:
		e.Flags = binary.BigEndian.Uint16(val)
	}
	// The kernel tells :: and 0.0.0.0 where none was given.
	if e.Src.IsValid() && e.Src.IsUnspecified() {
		e.Src = netip.Addr{}
	}
	if e.Dst.IsValid() && e.Dst.IsUnspecified() {
		e.Dst = netip.Addr{}
	}
}
