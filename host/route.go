package host

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Route is one route as it is to stand in a routing table, or as the kernel holds it. Numbers are those of
// linux/rtnetlink.h.
type Route struct {
	Dst     netip.Prefix // masked
	From    netip.Prefix `json:",omitzero"` // IPv6: of source-specific routing; the zero Prefix for none
	Table   uint32       `json:",omitzero"` // 0 is that of VRF
	VRF     string       `json:",omitzero"` // the link whose table it is, where Table is 0
	Metric  uint32       `json:",omitzero"` // 0 is the kernel's default: none for IPv4, 1024 for IPv6
	Type    uint8        // RTN_*
	Scope   uint8        `json:",omitzero"` // RT_SCOPE_*; IPv4 only
	TOS     uint8        `json:",omitzero"` // IPv4 only
	Proto   uint8        // RTPROT_*
	Pref    uint8        `json:",omitzero"` // RTA_PREF: 0 medium, 1 high, 3 low; IPv6 only
	Enter   Enter        `json:",omitzero"`
	TTLProp Switch       `json:",omitzero"` // of the TTL between the packet and its MPLS labels
	Multi   bool         `json:",omitzero"` // a multipath route, even if it has one hop
	Expires uint32       `json:",omitzero"` // seconds; 0 is never; IPv6 only
	Realms  uint32       `json:",omitzero"` // source realm << 16 | destination realm; IPv4 only
	Source  netip.Addr   `json:",omitzero"` // preferred source address
	Hops    []Hop        `json:",omitzero"` // where it leads; none where it leads nowhere
	Metrics []Metric     `json:",omitzero"`
	// Congestion is the name of a congestion control algorithm, empty for none; it is locked with CongLock.
	Congestion string `json:",omitzero"`
	CongLock   bool   `json:",omitzero"`
}

// Hop is one way that a route takes.
type Hop struct {
	Dev    string     `json:",omitzero"` // empty leaves the choice to the kernel
	Index  int        `json:"-"`         // the link's number; of what is wanted the Reconciler fills it in
	Via    netip.Addr `json:",omitzero"` // gateway, possibly of the other family
	Weight uint16     `json:",omitzero"` // 1 to 256; of a multipath route only
	OnLink bool       `json:",omitzero"`
	Realms uint32     `json:",omitzero"` // of a multipath route only
	Encap  *Encap     `json:",omitzero"`
}

// Metric is one metric of a route (RTAX_*) in the kernel's units.
type Metric struct {
	Kind  uint8
	Lock  bool `json:",omitzero"`
	Value uint32
}

// Encap is a lightweight tunnel.
type Encap struct {
	Kind   uint8      // LWTUNNEL_ENCAP_*: 1 MPLS, 2 IP, 3 ILA, 4 IP6
	TOS    uint8      `json:",omitzero"` // or traffic class
	TTL    uint8      `json:",omitzero"` // or hop limit
	Flags  uint16     `json:",omitzero"`
	ID     uint64     `json:",omitzero"`
	Dst    netip.Addr `json:",omitzero"`
	Src    netip.Addr `json:",omitzero"`
	Labels []uint32   `json:",omitzero"` // MPLS, outermost first
	ILA    uint64     `json:",omitzero"` // locator
}

// Kinds of lightweight tunnels (linux/lwtunnel.h).
const (
	EncapMPLS uint8 = 1
	EncapIP   uint8 = 2
	EncapILA  uint8 = 3
	EncapIP6  uint8 = 4
)

// Enter is how a route enters its table where there is one for the same destination.
type Enter uint8

// Ways to enter a table (flags of RTM_NEWROUTE).
const (
	EnterBefore Enter = iota // NLM_F_CREATE alone. IPv6 makes one multipath route of both
	EnterAlone               // and NLM_F_EXCL: not at all
	EnterAfter               // and NLM_F_APPEND
)

// Switch is something that is on, off, or as the kernel likes it.
type Switch uint8

// Positions of a Switch.
const (
	AsItIs Switch = iota
	On
	Off
)

// TableMain is the routing table that is meant where none is named (RT_TABLE_MAIN).
const TableMain = 254

// typeUnicast is RTN_UNICAST, metric6 the metric of IPv6 routes without one (IP6_RT_PRIO_USER).
const (
	typeUnicast = 1
	metric6     = 1024
)

var routeTypes = map[uint8]string{
	2: "local", 3: "broadcast", 4: "anycast", 5: "multicast", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw", 10: "nat",
}

// Is6 reports whether it is an IPv6 route.
func (rt *Route) Is6() bool { return rt.Dst.Addr().Is6() }

// Key identifies the route: by everything that tells it from another one to a person, but not by its metrics, which can
// be changed.
func (rt *Route) Key() Key {
	var b strings.Builder
	b.WriteString("route ")
	if name, ok := routeTypes[rt.Type]; ok {
		b.WriteString(name + " ")
	}
	b.WriteString(rt.Dst.String())
	if rt.From.IsValid() {
		fmt.Fprintf(&b, " from %s", rt.From)
	}
	if rt.TOS != 0 {
		fmt.Fprintf(&b, " tos %#x", rt.TOS)
	}
	for i := range rt.Hops {
		rt.Hops[i].describe(&b, rt.Multi)
	}
	switch {
	case rt.VRF != "":
		b.WriteString(" vrf " + rt.VRF)
	case rt.Table != TableMain:
		fmt.Fprintf(&b, " table %d", rt.Table)
	}
	if rt.Scope != 0 && !rt.Is6() {
		fmt.Fprintf(&b, " scope %d", rt.Scope)
	}
	if rt.Metric != 0 {
		fmt.Fprintf(&b, " metric %d", rt.Metric)
	}
	if rt.Proto != ProtoMark {
		fmt.Fprintf(&b, " proto %d", rt.Proto)
	}
	return Key{Entry: b.String()}
}

func (h *Hop) describe(b *strings.Builder, multi bool) {
	if multi {
		b.WriteString(" nexthop")
	}
	if h.Via.IsValid() {
		fmt.Fprintf(b, " via %s", h.Via)
	}
	if h.Dev != "" {
		b.WriteString(" dev " + h.Dev)
	}
}

// Valid reports whether the kernel could be asked to add it.
func (rt *Route) Valid() bool {
	if !plain(rt.Dst) || (rt.From != (netip.Prefix{}) && (!plain(rt.From) || !rt.Is6())) {
		return false
	}
	if rt.Source.IsValid() && (rt.Source.Is4() == rt.Is6() || rt.Source.Zone() != "" || rt.Source.Is4In6()) {
		return false
	}
	for i := range rt.Hops {
		h := &rt.Hops[i]
		if !linkName(h.Dev) || h.Via.Zone() != "" || h.Via.Is4In6() || len(rt.Hops) > maxHops || !h.Encap.valid() {
			return false
		}
	}
	return linkName(rt.VRF) && len(rt.Congestion) < 16 && len(rt.Metrics) <= maxMetrics && (rt.Multi || len(rt.Hops) <= 1)
}

// Limits that keep a message within what the kernel reads.
const (
	maxHops    = 256
	maxMetrics = 64
	maxLabels  = 30
)

func (e *Encap) valid() bool {
	if e == nil {
		return true
	}
	plain := func(a netip.Addr, is4 bool) bool {
		return !a.IsValid() || a.Is4() == is4 && a.Zone() == "" && !a.Is4In6()
	}
	return len(e.Labels) <= maxLabels && (e.Kind != EncapMPLS || len(e.Labels) > 0) &&
		plain(e.Dst, e.Kind == EncapIP) && plain(e.Src, e.Kind == EncapIP)
}

func plain(p netip.Prefix) bool {
	return p.IsValid() && p == p.Masked() && !p.Addr().Is4In6() && p.Addr().Zone() == ""
}

// linkName reports whether the kernel could take it for the name of a link; none is fine.
func linkName(name string) bool { return len(name) <= 15 && !strings.ContainsRune(name, 0) }

// like is how a standing route compares with a wanted one.
type like uint8

const (
	differs like = iota
	almost       // the kernel would not add ours besides it, but it is not quite ours
	alike
)

// like compares a route that is wanted, its links numbered, with one that the kernel holds.
func (rt *Route) like(have *Route) like {
	if rt.Dst != have.Dst || rt.From != have.From || rt.Table != have.Table || rt.Type != have.Type || rt.Proto != have.Proto ||
		rt.rank() != have.rank() || !rt.leadsAs(have) {
		return differs
	}
	if !rt.Is6() {
		if rt.TOS != have.TOS || rt.Scope != have.Scope || (rt.Source.IsValid() && rt.Source != have.Source) {
			return differs
		}
		return alike
	}
	if rt.Source.IsValid() && rt.Source != have.Source {
		return almost // the kernel takes the source address out of an IPv6 route when the address goes
	}
	return alike
}

// Meets reports whether the kernel, told to delete rt, would take have for it: a gateway or source address that rt does not
// have counts as any.
func (rt *Route) Meets(have *Route) bool {
	if rt.Dst != have.Dst || rt.From != have.From || rt.Table != have.Table || rt.Type != have.Type || rt.Proto != have.Proto ||
		rt.rank() != have.rank() || (rt.Multi && len(rt.Hops) != len(have.Hops)) {
		return false
	}
	if !rt.Is6() && (rt.TOS != have.TOS || rt.Scope != have.Scope || (rt.Source.IsValid() && rt.Source != have.Source)) {
		return false
	}
	for i := range rt.Hops {
		h, in := rt.Hops[i], have.Hops
		if !rt.Is6() && rt.Multi {
			in = in[i : i+1]
		}
		if !slices.ContainsFunc(in, func(b Hop) bool {
			return (!h.Via.IsValid() || h.Via == b.Via) && (h.Index == 0 || h.Index == b.Index)
		}) {
			return false
		}
	}
	return true
}

// rank is the metric as the kernel has it.
func (rt *Route) rank() uint32 {
	if rt.Metric == 0 && rt.Is6() {
		return metric6
	}
	return rt.Metric
}

// leadsAs compares the hops. What is not asked for is not compared: the kernel fills in links, gateways and weights.
func (rt *Route) leadsAs(have *Route) bool {
	if len(rt.Hops) == 0 {
		return len(have.Hops) == 0 || rt.Is6() && !have.Hops[0].Via.IsValid() // IPv6 has blackholes lead to lo
	}
	if rt.Is6() { // it may have become a part of another route
		for i := range rt.Hops {
			if !slices.ContainsFunc(have.Hops, func(h Hop) bool { return rt.Hops[i].like(&h, rt.Multi) }) {
				return false
			}
		}
		return true
	}
	return slices.EqualFunc(rt.Hops, have.Hops, func(a, b Hop) bool { return a.like(&b, rt.Multi) })
}

func (h *Hop) like(have *Hop, multi bool) bool {
	return h.Via == have.Via && (h.Index == 0 || h.Index == have.Index) && h.Encap.like(have.Encap) &&
		(!multi || max(h.Weight, 1) == max(have.Weight, 1))
}

// like compares what makes a tunnel another one; the kernel has defaults for the rest.
func (e *Encap) like(have *Encap) bool {
	if e == nil || have == nil {
		return e == have
	}
	return e.Kind == have.Kind && e.ID == have.ID && e.Dst == have.Dst && e.ILA == have.ILA && slices.Equal(e.Labels, have.Labels) &&
		(!e.Src.IsValid() || e.Src == have.Src)
}

// Uses reports whether the route needs the link.
func (rt *Route) Uses(link string) bool {
	return rt.VRF == link || slices.ContainsFunc(rt.Hops, func(h Hop) bool { return h.Dev == link })
}
