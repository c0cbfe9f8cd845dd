package kernel

import (
	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// What x/sys does not name (linux/rtnetelink.h, linux/lwtunnel.h, linux/mpls_iptunnel.h, linux/ila.h).
const (
	rtaVia          = 18
	rtaPref         = 20
	rtaEncapType    = 21
	rtaEncap        = 22
	rtaExpires      = 23
	rtaTTLPropagate = 26

	rtaxLock = 1
	rtaxCC   = 16 // RTAX_CC_ALGO

	tunID    = 1 // LWTUNNEL_IP_ID, LWTUNNEL_IP6_ID
	tunDst   = 2
	tunSrc   = 3
	tunTTL   = 4
	tunTOS   = 5
	tunFlags = 6

	mplsDst    = 1 // MPLS_IPTUNNEL_DST
	ilaLocator = 1 // ILA_ATTR_LOCATOR

	onLink = 4 // RTNH_F_ONLINK
	cloned = 0x200
)

// appendRoute appends the request that adds or deletes a route.
func appendRoute(b []byte, op *host.Op, seq uint32) []byte {
	rt := op.Route
	typ, flags := uint16(unix.RTM_NEWROUTE), uint16(unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE)
	switch {
	case op.Delete:
		typ, flags = unix.RTM_DELROUTE, unix.NLM_F_REQUEST|unix.NLM_F_ACK
	case rt.Enter == host.EnterAlone:
		flags |= unix.NLM_F_EXCL
	case rt.Enter == host.EnterAfter:
		flags |= unix.NLM_F_APPEND
	}
	b, at := begin(b, typ, flags, seq)
	table := byte(unix.RT_TABLE_UNSPEC)
	if rt.Table < 256 {
		table = byte(rt.Table)
	}
	srcLen := 0
	if rt.From.IsValid() {
		srcLen = rt.From.Bits()
	}
	b = append(b, family(rt.Is6()), byte(rt.Dst.Bits()), byte(srcLen), rt.TOS, table, rt.Proto, rt.Scope, rt.Type)
	hopFlags := uint32(0)
	if len(rt.Hops) == 1 && !rt.Multi && rt.Hops[0].OnLink {
		hopFlags = onLink
	}
	b = native.AppendUint32(b, hopFlags)
	if rt.Dst.Bits() > 0 {
		b = appendIP(b, unix.RTA_DST, rt.Dst.Addr())
	}
	if srcLen > 0 {
		b = appendIP(b, unix.RTA_SRC, rt.From.Addr())
	}
	if rt.Table >= 256 {
		b = appendAttr32(b, unix.RTA_TABLE, rt.Table)
	}
	if rt.Metric != 0 {
		b = appendAttr32(b, unix.RTA_PRIORITY, rt.Metric)
	}
	if rt.Source.IsValid() {
		b = appendIP(b, unix.RTA_PREFSRC, rt.Source)
	}
	b = appendHops(b, rt)
	if !op.Delete {
		b = appendRouteSettings(b, rt)
	}
	return end(b, at)
}

func family(six bool) byte {
	if six {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// appendHops appends where the route leads.
func appendHops(b []byte, rt *host.Route) []byte {
	if !rt.Multi {
		for i := range rt.Hops {
			if h := &rt.Hops[i]; h.Index != 0 {
				b = appendAttr32(b, unix.RTA_OIF, uint32(h.Index))
			}
			b = appendWay(b, &rt.Hops[i], rt.Is6())
		}
		return b
	}
	b, at := beginNest(b, unix.RTA_MULTIPATH)
	for i := range rt.Hops {
		h := &rt.Hops[i]
		start := len(b)
		flags := byte(0)
		if h.OnLink {
			flags = onLink
		}
		b = append(b, 0, 0, flags, byte(max(h.Weight, 1)-1))
		b = native.AppendUint32(b, uint32(h.Index))
		b = appendWay(b, h, rt.Is6())
		if h.Realms != 0 {
			b = appendAttr32(b, unix.RTA_FLOW, h.Realms)
		}
		native.PutUint16(b[start:], uint16(len(b)-start))
	}
	return endNest(b, at)
}

// appendWay appends the gateway and the tunnel of a hop.
func appendWay(b []byte, h *host.Hop, six bool) []byte {
	switch {
	case !h.Via.IsValid():
	case h.Via.Is6() == six:
		b = appendIP(b, unix.RTA_GATEWAY, h.Via)
	default: // struct rtvia
		b = appendAttr(b, rtaVia, append([]byte{family(h.Via.Is6()), 0}, h.Via.AsSlice()...))
	}
	if h.Encap != nil {
		b = appendEncap(b, h.Encap)
	}
	return b
}

func appendEncap(b []byte, e *host.Encap) []byte {
	b, at := beginNest(b, rtaEncap)
	switch e.Kind {
	case host.EncapMPLS:
		var stack []byte
		for i, l := range e.Labels {
			entry := l << 12
			if i == len(e.Labels)-1 {
				entry |= 1 << 8 // bottom of stack
			}
			stack = append(stack, byte(entry>>24), byte(entry>>16), byte(entry>>8), byte(entry))
		}
		b = appendAttr(b, mplsDst, stack)
	case host.EncapILA:
		b = appendAttr(b, ilaLocator, be64(e.ILA))
	default:
		b = appendTunnel(b, e)
	}
	b = endNest(b, at)
	return appendAttr(b, rtaEncapType, native.AppendUint16(nil, uint16(e.Kind)))
}

// appendTunnel appends the attributes of an IP tunnel, which have the same numbers for both families.
func appendTunnel(b []byte, e *host.Encap) []byte {
	if e.ID != 0 {
		b = appendAttr(b, tunID, be64(e.ID))
	}
	if e.Dst.IsValid() {
		b = appendIP(b, tunDst, e.Dst)
	}
	if e.Src.IsValid() {
		b = appendIP(b, tunSrc, e.Src)
	}
	if e.TOS != 0 {
		b = appendAttr(b, tunTOS, []byte{e.TOS})
	}
	if e.TTL != 0 {
		b = appendAttr(b, tunTTL, []byte{e.TTL})
	}
	if e.Flags != 0 {
		b = appendAttr(b, tunFlags, []byte{byte(e.Flags >> 8), byte(e.Flags)})
	}
	return b
}

func be64(n uint64) []byte {
	return []byte{byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

// appendRouteSettings appends what only matters when a route is added.
func appendRouteSettings(b []byte, rt *host.Route) []byte {
	if rt.Realms != 0 {
		b = appendAttr32(b, unix.RTA_FLOW, rt.Realms)
	}
	if rt.Is6() && rt.Pref != 0 {
		b = appendAttr(b, rtaPref, []byte{rt.Pref})
	}
	if rt.Expires != 0 {
		b = appendAttr32(b, rtaExpires, rt.Expires)
	}
	if rt.TTLProp != host.AsItIs {
		b = appendAttr(b, rtaTTLPropagate, []byte{map[host.Switch]byte{host.On: 1}[rt.TTLProp]})
	}
	if len(rt.Metrics) == 0 && rt.Congestion == "" {
		return b
	}
	b, at := beginNest(b, unix.RTA_METRICS)
	locks := uint32(0)
	for _, m := range rt.Metrics {
		b = appendAttr32(b, uint16(m.Kind), m.Value)
		if m.Lock && m.Kind < 32 {
			locks |= 1 << m.Kind
		}
	}
	if rt.Congestion != "" {
		b = appendAttr(b, rtaxCC, []byte(rt.Congestion))
		if rt.CongLock {
			locks |= 1 << rtaxCC
		}
	}
	if locks != 0 {
		b = appendAttr32(b, rtaxLock, locks)
	}
	return endNest(b, at)
}

// beginNest appends the head of an attribute that has others in it; endNest fills in its length.
func beginNest(b []byte, typ uint16) (out []byte, at int) {
	at = len(b)
	return native.AppendUint16(append(b, 0, 0), typ|unix.NLA_F_NESTED), at
}

func endNest(b []byte, at int) []byte {
	native.PutUint16(b[at:], uint16(len(b)-at))
	return b
}
