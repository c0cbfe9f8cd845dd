package config

import (
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"holdfast.dev/config/schema"
)

// Numbers of linux/rtnetlink.h.
const (
	protoKeepalived = 18
	tableMain       = 254
	routeUnicast    = 1
	ruleTop         = 16384 // the priority of the first rule without one
)

var routeTypes = map[string]uint8{
	"unicast": 1, "local": 2, "broadcast": 3, "brd": 3, "anycast": 4, "multicast": 5, "blackhole": 6, "unreachable": 7,
	"prohibit": 8, "throw": 9, "nat": 10, "xresolve": 11,
}

// metricKinds are the metrics that are plain numbers (RTAX_*).
var metricKinds = map[string]uint8{
	"mtu": 2, "window": 3, "ssthresh": 6, "cwnd": 7, "advmss": 8, "reordering": 9, "hoplimit": 10, "initcwnd": 11,
	"initrwnd": 14, "quickack": 15, "fastopen_no_cookie": 17,
}

// metricTimes are the metrics that are times.
var metricTimes = map[string]uint8{"rtt": 4, "rttvar": 5, "rto_min": 13}

const metricFeatures = 12

// routeDraft is a route while it is read.
type routeDraft struct {
	Route
	e         *schema.Node
	scope     opt[uint8]
	op        opt[RouteOp]
	table     opt[uint32]
	protocol  opt[uint8]
	dst       string
	or        netip.Addr
	viaFamily bool // via says its family
	bad       bool
}

// readRoutes reads virtual_routes or static_routes.
func (b *builder) readRoutes(n *schema.Node, who string) (routes []Route) {
	for i := range n.Body {
		if r, ok := b.route(&n.Body[i], who); ok {
			routes = append(routes, r)
		}
	}
	return routes
}

// route reads one entry; ok is false for one that is left out.
func (b *builder) route(e *schema.Node, who string) (r Route, ok bool) {
	d := &routeDraft{e: e}
	d.Pos, d.Type = at(e.Pos), routeUnicast
	for i := range e.Opts {
		u := &e.Opts[i]
		if !u.OK && u.Name() != "encap" && u.Name() != "nexthop" {
			d.bad = true
			continue
		}
		b.routeOption(d, u)
	}
	if d.bad || !b.routeFamily(d, who) {
		return Route{}, false
	}
	b.finishRoute(d, who)
	return d.Route, true
}

// routeOption applies one option.
func (b *builder) routeOption(d *routeDraft, u *schema.Use) {
	name := u.Name()
	if k, ok := metricKinds[name]; ok {
		d.metric(k, u, uint32(lastArg(u).Int))
		return
	}
	if k, ok := metricTimes[name]; ok {
		d.metric(k, u, b.metricTime(u))
		return
	}
	if t, ok := routeTypes[name]; ok {
		d.Type, d.dst = t, lastArg(u).Text
		return
	}
	if b.routeNumber(d, u) || b.routePath(d, u) {
		return
	}
	switch name {
	case "", "to":
		d.dst = lastArg(u).Text
		if len(u.Args) > 1 {
			d.Type = routeTypes[u.Args[0].Text]
		}
	case "inet":
		d.Family = IPv4
	case "inet6":
		d.Family = IPv6
	case "as":
		b.errorf(u.Pos, "", "\"as\" is not allowed in a route - ignoring the route")
		d.bad = true
	case "add":
		d.op.put(RouteAdd)
	case "prepend":
		d.op.put(RoutePrepend)
	case "append":
		d.op.put(RouteAppend)
	case "features":
		d.metric(metricFeatures, u, 1)
	case "congctl":
		d.Congestion, d.CongLock = lastArg(u).Text, len(u.Args) > 1
	case "pref":
		b.routePreference(d, u)
	case "ttl-propagate":
		on := u.Args[0].Text == "enabled"
		d.TTLProp = &on
	case "no_track":
		d.NoTrack = true
	case "track_group":
		d.TrackGroup = b.trackGroupName(u)
	}
}

// routePath applies what says where the route leads; ok is false for another option.
func (b *builder) routePath(d *routeDraft, u *schema.Use) (ok bool) {
	switch u.Name() {
	case "src":
		d.Source = u.Args[0].Addr
	case "via":
		if u.Word == "gw" {
			b.errorf(u.Pos, "", "\"gw\" for routes is deprecated. Please use \"via\"")
		}
		d.Via, d.viaFamily = lastArg(u).Addr, len(u.Args) > 1
	case "from":
		d.From, _ = parseNet(u.Args[0].Text, IPv6)
	case "dev":
		b.needIface(u.Pos, u.Args[0].Text, "VROUTE nexthop")
		d.Dev = u.Args[0].Text
	case "vrf":
		b.needIface(u.Pos, u.Args[0].Text, "VROUTE vrf")
		d.VRF = u.Args[0].Text
	case "onlink":
		d.OnLink = true
	case "encap":
		d.Encap = b.encap(u)
		d.bad = d.bad || d.Encap == nil
	case "nexthop":
		d.Hops = append(d.Hops, b.hop(u))
	case "or":
		b.errorf(u.Pos, "", "\"or\" for routes is deprecated. Please use \"nexthop\"")
		d.or = u.Args[0].Addr
	default:
		return false
	}
	return true
}

// routeNumber applies an option whose value has a number or name; ok is false for another option.
func (b *builder) routeNumber(d *routeDraft, u *schema.Use) (ok bool) {
	if len(u.Args) == 0 {
		return false
	}
	word := u.Args[0].Text
	number := func(kind *nameFile) (n uint32) {
		n, known := b.lookup(kind, word)
		if !known {
			b.errorf(u.Args[0].Pos, "", "Unknown %s '%s' in a route - ignoring the route", u.Name(), word)
			d.bad = true
		}
		return n
	}
	switch u.Name() {
	case "tos":
		d.TOS = uint8(number(fieldNames))
	case "table":
		d.table.put(number(tableNames))
	case "protocol":
		d.protocol.put(uint8(number(protoNames)))
	case "scope":
		d.scope.put(uint8(number(scopeNames)))
	case "metric":
		d.Metric = uint32(u.Args[0].Int)
	case "expires":
		d.Expires = uint32(u.Args[0].Int)
	case "realms":
		d.Realms = b.realms(u)
	default:
		return false
	}
	return true
}

func lastArg(u *schema.Use) *schema.Value { return &u.Args[len(u.Args)-1] }

func (d *routeDraft) metric(kind uint8, u *schema.Use, value uint32) {
	d.Metrics = append(d.Metrics, Metric{Kind: kind, Value: value, Lock: len(u.Args) > 1})
}

// metricTime is a time in milliseconds, 0.2 to 120 s.
func (b *builder) metricTime(u *schema.Use) uint32 {
	const least, most = 200, 120_000
	word := lastArg(u).Text
	digits := strings.TrimRight(word, "msec")
	n, _ := strconv.ParseUint(digits, 10, 32)
	if unit := word[len(digits):]; strings.HasPrefix(unit, "s") {
		n *= 1000
	}
	switch {
	case n < least:
		b.notef(u.Pos, "", "%s value %s below minimum %dms, resetting", u.Name(), word, least)
	case n > most:
		b.errorf(u.Pos, "", "%s value %s above maximum %dms, resetting", u.Name(), word, most)
	}
	return uint32(min(max(n, least), most))
}

func (b *builder) routePreference(d *routeDraft, u *schema.Use) {
	word := u.Args[0].Text
	p, ok := map[string]uint8{"low": 3, "medium": 0, "high": 1}[word]
	if n, err := strconv.ParseUint(word, 10, 8); err == nil {
		p, ok = uint8(n), true
	}
	if !ok {
		b.errorf(u.Pos, "", "Invalid pref value '%s' in a route - ignoring the route", word)
		d.bad = true
	}
	d.Preference = p
}

// realms reads "[SRC/]DST".
func (b *builder) realms(u *schema.Use) (n uint32) {
	src, dst, both := strings.Cut(u.Args[0].Text, "/")
	if !both {
		src, dst = "0", src
	}
	s, okS := b.lookup(realmNames, src)
	t, okT := b.lookup(realmNames, dst)
	if !okS || !okT {
		b.errorf(u.Pos, "", "Invalid realms '%s' - ignoring", u.Args[0].Text)
		return 0
	}
	return s<<16 | t
}

// parseNet reads a network, or a word for all addresses of the family.
func parseNet(text string, f Family) (p netip.Prefix, explicit bool) {
	switch text {
	case "default", "any", "all", "":
		if f == IPv6 {
			return netip.PrefixFrom(netip.IPv6Unspecified(), 0), false
		}
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), false
	case "default6":
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0), true
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a.WithZone(""), a.BitLen()), true
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), true
	}
	return netip.Prefix{}, false
}

func familyOf(a netip.Addr) Family {
	switch {
	case a.Is4():
		return IPv4
	case a.IsValid():
		return IPv6
	}
	return 0
}

// routeFamily settles the family; ok is false where the parts of the entry disagree.
func (b *builder) routeFamily(d *routeDraft, who string) (ok bool) {
	p, explicit := parseNet(d.dst, 0)
	candidates := []Family{d.Family, familyOf(d.Source), familyOf(d.From.Addr())}
	if explicit {
		candidates = append(candidates, familyOf(p.Addr()))
	}
	if !d.viaFamily {
		candidates = append(candidates, familyOf(d.Via)) // else the gateway is meant to be of the other family
	}
	f := Family(0)
	for _, c := range candidates {
		if c != 0 && f != 0 && c != f {
			b.errorf(d.e.Pos, who, "Cannot mix IPv4 and IPv6 addresses for route - ignoring")
			return false
		}
		f = max(f, c)
	}
	if f == 0 {
		f = IPv4
	}
	if d.dst == "" {
		b.errorf(d.e.Pos, who, "Route has no destination - ignoring")
		return false
	}
	d.Family = f
	d.Dst, _ = parseNet(d.dst, f)
	return true
}

// finishRoute fills in defaults as keepalived has them, which are not those of ip-route(8), and rule K8.
func (b *builder) finishRoute(d *routeDraft, who string) {
	if d.or.IsValid() {
		d.Hops = append([]NextHop{{Via: d.Via, Weight: 1}}, NextHop{Via: d.or, Weight: 1})
		d.Via = netip.Addr{}
	}
	def := uint32(tableMain) // whatever the type
	if d.VRF != "" {
		def = 0
	}
	d.Table = d.table.or(def)
	d.Op = d.op.or(RoutePrepend)
	if d.Type != routeUnicast {
		d.Op = d.op.or(RouteAdd)
	}
	d.Scope = d.scope.or(d.defaultScope())
	b.familyOnly(d, who)
	if d.Dev == "" && !d.NoTrack {
		b.errorf(d.e.Pos, who, "Warning - cannot track route %s with no interface specified, not tracking", destination(d.e))
		d.NoTrack = true
	}
	d.Protocol = d.protocol.or(protoKeepalived)
	if !d.NoTrack && d.Protocol != protoKeepalived {
		b.errorf(d.e.Pos, who, "Route cannot be tracked if protocol is not RTPROT_KEEPALIVED(18), resetting protocol")
		d.Protocol = protoKeepalived
	}
}

// familyOnly drops what only routes of the other family have.
func (b *builder) familyOnly(d *routeDraft, who string) {
	if d.Family == IPv6 {
		if has(d.e, "realms") {
			b.errorf(d.e.Pos, who, "realms is only valid for IPv4")
			d.Realms = 0
		}
		return
	}
	for _, name := range []string{"pref", "expires"} {
		if has(d.e, name) {
			b.errorf(d.e.Pos, who, "%s is only valid for IPv6", name)
		}
	}
	d.Preference, d.Expires = 0, 0
}

// defaultScope is that of all addresses, except where no kernel would take it: keepalived's routes of such a type are refused
// unless they say their scope.
func (d *routeDraft) defaultScope() uint8 {
	switch d.Type {
	case routeTypes["local"], routeTypes["nat"]:
		return ScopeHost
	case routeTypes["broadcast"], routeTypes["anycast"]:
		return ScopeLink
	}
	return ScopeGlobal
}

// hop reads one nexthop.
func (b *builder) hop(u *schema.Use) NextHop {
	h := NextHop{Weight: 1}
	for i := range u.Opts {
		o := &u.Opts[i]
		if !o.OK && o.Name() != "encap" {
			continue
		}
		switch o.Name() {
		case "via":
			h.Via = lastArg(o).Addr
		case "dev":
			b.needIface(o.Pos, o.Args[0].Text, "VROUTE nexthop")
			h.Dev = o.Args[0].Text
		case "weight":
			h.Weight = uint16(o.Args[0].Int)
		case "onlink":
			h.OnLink = true
		case "encap":
			h.Encap = b.encap(o)
		case "realms":
			h.Realms = b.realms(o)
		}
	}
	return h
}

// encap reads a tunnel; nil when its kind is missing.
func (b *builder) encap(u *schema.Use) *Encap {
	e := new(Encap)
	for i := range u.Opts {
		o := &u.Opts[i]
		if !o.OK {
			continue
		}
		switch o.Name() {
		case "ip":
			e.Kind = EncapIP
		case "ip6":
			e.Kind = EncapIP6
		case "mpls":
			e.Kind, e.Labels = EncapMPLS, mplsLabels(o.Args[0].Text)
		case "ila":
			e.Kind, e.ILA = EncapILA, locator(o.Args[0].Text)
		case "id":
			e.ID = uint64(o.Args[0].Int)
		case "dst":
			e.Dst = o.Args[0].Addr
		case "src":
			e.Src = o.Args[0].Addr
		case "tos", "tc":
			tos, _ := b.lookup(fieldNames, o.Args[0].Text)
			e.TOS = uint8(tos)
		case "ttl", "hoplimit":
			e.TTL = uint8(o.Args[0].Int)
		case "flags":
			e.Flags = uint16(o.Args[0].Int)
		}
	}
	if e.Kind == 0 {
		b.errorf(u.Pos, "", "encap needs one of ip, ip6, mpls, ila - ignoring the route")
		return nil
	}
	return e
}

func mplsLabels(text string) (labels []uint32) {
	for l := range strings.SplitSeq(text, "/") {
		n, _ := strconv.ParseUint(l, 10, 20)
		labels = append(labels, uint32(n))
	}
	return labels
}

// locator is an ILA locator: four groups of 16 bits in hexadecimal.
func locator(text string) (n uint64) {
	for g := range strings.SplitSeq(text, ":") {
		v, _ := strconv.ParseUint(g, 16, 16)
		n = bits.RotateLeft64(n, 16) | v
	}
	return n
}
