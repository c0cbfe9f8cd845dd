// Package specs translates what a configuration wants of a kernel into the values of package host. It is pure.
package specs

import (
	"net/netip"

	"holdfast.dev/config"
	"holdfast.dev/host"
)

// Address translates one entry of an address list; at says where it stands.
func Address(a *config.Address, at *config.Layout) host.Address {
	out := host.Address{
		Key:       host.Key{Link: at.Dev(a), Prefix: a.Prefix},
		Broadcast: a.Broadcast, Label: a.Label, Scope: a.Scope, Preferred: a.Preferred,
	}
	if a.Peer.IsValid() {
		out.Peer = netip.PrefixFrom(a.Peer, a.Prefix.Bits())
		have := host.LinkAddr{Prefix: a.Prefix, Peer: out.Peer}
		out.Key = have.Key(out.Link)
	}
	if a.Prefix.Addr().Is6() && !a.DAD {
		out.Flags |= host.FlagNoDAD // rule K7
	}
	for _, f := range [...]struct {
		on   bool
		flag uint32
	}{
		{a.Home, host.FlagHomeAddress},
		{a.ManageTemp, host.FlagManageTemp},
		{a.NoPrefixRoute, host.FlagNoPrefixRoute},
		{a.AutoJoin, host.FlagMCAutoJoin},
	} {
		if f.on {
			out.Flags |= f.flag
		}
	}
	return out
}

// Virtual translates one virtual interface. Macvlans are in bridge mode and not in private mode as keepalived's: the kernel would keep from
// the interface below what another router sends from the same hardware address (docs/decisions/0009).
func Virtual(p *config.VirtualPlace) host.VirtualLink {
	v := host.VirtualLink{Name: p.Name, Base: p.Base, Kind: host.Macvlan, Mode: host.MacvlanBridge, MAC: p.MAC}
	if p.IPVLAN {
		v.Kind, v.MAC = host.IPVLAN, [6]byte{}
		v.Mode = [...]uint32{
			config.IPVLANBridge: host.IPVLANBridge, config.IPVLANPrivate: host.IPVLANPrivate, config.IPVLANVEPA: host.IPVLANVEPA,
		}[p.Mode]
	}
	if p.Group != nil {
		v.Group, v.OwnGroup = *p.Group, true
	}
	if p.IPv4 {
		v.For |= host.IPv4
	}
	if p.IPv6 {
		v.For |= host.IPv6
	}
	return v
}

// Own is the address that an ipvlan has as long as it stands (use_ipvlan); ok is false if it has none.
func Own(p *config.VirtualPlace) (a host.Address, ok bool) {
	if !p.IPVLAN || !p.Addr.IsValid() {
		return a, false
	}
	a = host.Address{Key: host.Key{Link: p.Name, Prefix: p.Addr}, Preferred: host.Forever}
	if p.Addr.Addr().Is6() {
		a.Flags = host.FlagNoDAD // its hardware address is another interface's too
	}
	return a, true
}

// Metrics whose units the kernel has its own way of counting (RTAX_RTT, RTAX_RTTVAR): eighths and quarters of a millisecond.
const (
	metricRTT    = 4
	metricRTTVar = 5
)

// Route translates one entry of virtual_routes or static_routes.
func Route(r *config.Route) host.Route {
	out := host.Route{
		Dst: r.Dst, From: r.From, Table: r.Table, VRF: r.VRF, Metric: r.Metric, Type: r.Type, Scope: r.Scope, TOS: r.TOS,
		Proto: r.Protocol, Pref: r.Preference, Enter: enter(r.Op), Expires: r.Expires, Realms: r.Realms, Source: r.Source,
		Congestion: r.Congestion, CongLock: r.CongLock,
	}
	if out.Table != 0 {
		out.VRF = "" // the table was said
	}
	if r.TTLProp != nil {
		out.TTLProp = host.Off
		if *r.TTLProp {
			out.TTLProp = host.On
		}
	}
	for _, m := range r.Metrics {
		switch m.Kind {
		case metricRTT:
			m.Value *= 8
		case metricRTTVar:
			m.Value *= 4
		}
		out.Metrics = append(out.Metrics, host.Metric(m))
	}
	if len(r.Hops) > 0 {
		out.Multi = true
		for i := range r.Hops {
			out.Hops = append(out.Hops, hop(&r.Hops[i]))
		}
	} else if r.Dev != "" || r.Via.IsValid() || r.Encap != nil {
		out.Hops = []host.Hop{{Dev: r.Dev, Via: r.Via, OnLink: r.OnLink, Encap: encap(r.Encap)}}
	}
	return out
}

func enter(op config.RouteOp) host.Enter {
	switch op {
	case config.RouteAdd:
		return host.EnterAlone
	case config.RouteAppend:
		return host.EnterAfter
	}
	return host.EnterBefore
}

func hop(h *config.NextHop) host.Hop {
	return host.Hop{Dev: h.Dev, Via: h.Via, Weight: h.Weight, OnLink: h.OnLink, Realms: h.Realms, Encap: encap(h.Encap)}
}

func encap(e *config.Encap) *host.Encap {
	if e == nil {
		return nil
	}
	return &host.Encap{
		Kind: uint8(e.Kind), TOS: e.TOS, TTL: e.TTL, Flags: e.Flags, ID: e.ID, Dst: e.Dst, Src: e.Src, Labels: e.Labels, ILA: e.ILA,
	}
}

// actions are FR_ACT_* by the configuration's actions.
var actions = map[config.RuleAction]uint8{
	config.RuleLookup: host.ActLookup, config.RuleGoto: host.ActGoto, config.RuleNop: host.ActNop,
	config.RuleBlackhole: host.ActBlackhole, config.RuleUnreachable: host.ActUnreachable, config.RuleProhibit: host.ActProhibit,
}

// Rule translates one entry of virtual_rules or static_rules.
func Rule(r *config.Rule) host.Rule {
	out := host.Rule{
		V6: r.Family == config.IPv6, Not: r.Not, L3MDev: r.L3MDev, Action: actions[r.Action], TOS: r.TOS, Proto: r.Protocol,
		IPProto: r.IPProto, Priority: r.Priority, Table: r.Table, Goto: r.Goto, Realms: r.Realms, TunnelID: r.TunnelID,
		From: network(r.From), To: network(r.To), IIF: r.IIF, OIF: r.OIF, SuppressLen: maybe(r.SuppressLen), SuppressGrp: maybe(r.SuppressGrp),
		UIDs: span(r.UIDs), SrcPorts: span(r.SourcePorts), DstPorts: span(r.DestPorts),
	}
	if r.HasMark && (r.Mark != 0 || r.MarkMask != 0) { // without a mask, 0 is any
		out.Mark = host.Masked{Set: true, Mark: r.Mark, Mask: r.MarkMask}
	}
	return out
}

// network is p, or none for all addresses.
func network(p netip.Prefix) netip.Prefix {
	if p.Bits() <= 0 {
		return netip.Prefix{}
	}
	return p
}

func maybe(n *uint32) host.Maybe {
	if n == nil {
		return host.Maybe{}
	}
	return host.Maybe{Set: true, N: *n}
}

func span(r *config.Range) host.Span {
	if r == nil {
		return host.Span{}
	}
	return host.Span{Set: true, First: r.First, Last: r.Last}
}
