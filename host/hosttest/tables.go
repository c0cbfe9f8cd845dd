package hosttest

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"holdfast.dev/host"
)

// Tables reads what is asked for.
func (k *Kernel) Tables(ask []host.Query) (routes []host.Route, rules []host.Rule, err error) {
	if k.TablesError != nil {
		return nil, nil, k.TablesError
	}
	k.tablesRead = true
	for _, q := range ask {
		for _, rt := range k.routes {
			if !q.Rules && q.V6 == rt.Is6() && q.Table == rt.Table && q.Proto == rt.Proto {
				rt.Hops = slices.Clone(rt.Hops)
				routes = append(routes, rt)
			}
		}
		for _, ru := range k.rules {
			if q.Rules && q.V6 == ru.V6 {
				rules = append(rules, ru)
			}
		}
	}
	return routes, rules, nil
}

func (k *Kernel) tellRoute(rt host.Route, by host.Actor) {
	if k.tablesRead {
		k.tell(host.Event{Kind: host.EntryChanged, Route: &rt, By: by})
	}
}

func (k *Kernel) tellRule(ru host.Rule, by host.Actor) {
	if k.tablesRead {
		k.tell(host.Event{Kind: host.EntryChanged, Rule: &ru, By: by})
	}
}

// asHeld is a route as the kernel describes it.
func asHeld(rt host.Route) host.Route {
	rt.VRF, rt.Enter = "", 0
	if rt.Is6() {
		rt.Scope, rt.TOS = 0, 0
		if rt.Metric == 0 {
			rt.Metric = 1024
		}
	}
	rt.Hops = slices.Clone(rt.Hops)
	for i := range rt.Hops {
		rt.Hops[i].Dev = ""
		rt.Hops[i].Weight = max(rt.Hops[i].Weight, 1)
	}
	return rt
}

func samePath(a, b host.Route) bool {
	return slices.EqualFunc(a.Hops, b.Hops, func(x, y host.Hop) bool { return x.Via == y.Via && x.Index == y.Index })
}

// insertRoute adds a route as the kernel does.
func (k *Kernel) insertRoute(in host.Route, by host.Actor) host.OpResult {
	rt := asHeld(in)
	if res := k.reaches(&rt); res.Outcome != host.Done {
		return res
	}
	if rt.Source.IsValid() && !k.local(rt.Source) {
		return host.OpResult{Outcome: host.Refused, Text: "invalid argument: Invalid source address"}
	}
	at := len(k.routes)
	for i, b := range k.routes {
		switch {
		case b.Dst != rt.Dst || b.Table != rt.Table || b.Metric != rt.Metric || b.TOS != rt.TOS || b.From != rt.From:
			continue
		case in.Enter == host.EnterAlone, reflect.DeepEqual(b, rt), rt.Is6() && samePath(b, rt):
			return host.OpResult{Outcome: host.Exists}
		case in.Enter == host.EnterBefore && !rt.Is6():
			at = min(at, i)
		}
	}
	k.routes = slices.Insert(k.routes, at, rt)
	k.tellRoute(rt, by)
	return host.OpResult{}
}

// reaches finds the links of the hops, and reports what is wrong with them.
func (k *Kernel) reaches(rt *host.Route) host.OpResult {
	for i := range rt.Hops {
		h := &rt.Hops[i]
		for _, l := range k.links {
			if h.Index == 0 && h.Via.IsValid() && l.Up && onLink(l, h.Via) {
				h.Index = l.Index
			}
		}
		l := k.byIndex(h.Index)
		switch {
		case l == nil && h.Index != 0:
			return host.OpResult{Outcome: host.NoLink}
		case l == nil:
			return host.OpResult{Outcome: host.Refused, Text: "network is unreachable"}
		case !l.Up:
			return host.OpResult{Outcome: host.Refused, Text: "network is down"}
		case h.Via.IsValid() && !h.OnLink && !onLink(l, h.Via):
			return host.OpResult{Outcome: host.Refused, Text: "network is unreachable: Nexthop has invalid gateway"}
		}
	}
	return host.OpResult{}
}

func onLink(l *link, via netip.Addr) bool {
	return slices.ContainsFunc(l.addrs, func(a *host.LinkAddr) bool { return a.Prefix.Contains(via) })
}

func (k *Kernel) local(a netip.Addr) bool {
	return slices.ContainsFunc(k.links, func(l *link) bool {
		return slices.ContainsFunc(l.addrs, func(b *host.LinkAddr) bool { return b.Prefix.Addr() == a })
	})
}

// removeRoute deletes the first route that fits.
func (k *Kernel) removeRoute(in host.Route, by host.Actor) bool {
	rt := asHeld(in)
	i := slices.IndexFunc(k.routes, func(b host.Route) bool { return rt.Meets(&b) })
	if i < 0 {
		return false
	}
	gone := k.routes[i]
	k.routes = slices.Delete(k.routes, i, i+1)
	k.tellRoute(gone, by)
	return true
}

// dropRoutes deletes the routes of which f is true, as the kernel does on its own account: of IPv6 ones it tells.
func (k *Kernel) dropRoutes(f func(rt *host.Route) bool) {
	var kept, gone []host.Route
	for _, rt := range k.routes {
		if f(&rt) {
			gone = append(gone, rt)
		} else {
			kept = append(kept, rt)
		}
	}
	k.routes = kept
	for _, rt := range gone {
		if rt.Is6() {
			k.tellRoute(rt, host.ByKernel)
		}
	}
}

func through(rt *host.Route, index int) bool {
	return slices.ContainsFunc(rt.Hops, func(h host.Hop) bool { return h.Index == index })
}

// addressGone is what becomes of routes when an address goes.
func (k *Kernel) addressGone(l *link, a *host.LinkAddr) {
	ip := a.Prefix.Addr()
	none := !slices.ContainsFunc(l.addrs, func(b *host.LinkAddr) bool { return b.Prefix.Addr().Is4() })
	if ip.Is4() {
		k.dropRoutes(func(rt *host.Route) bool {
			return !rt.Is6() && (rt.Source == ip && !k.local(ip) || none && through(rt, l.Index))
		})
		return
	}
	for i := range k.routes {
		if rt := &k.routes[i]; rt.Source == ip && !k.local(ip) {
			rt.Source = netip.Addr{}
		}
	}
}

// taken reports whether the kernel would not have the rule besides b. It does not look at the protocol and at not, and takes networks, TOS and realms that are not asked for to mean any.
func taken(ru, b host.Rule) bool {
	if ru.From == (netip.Prefix{}) {
		ru.From = b.From
	}
	if ru.To == (netip.Prefix{}) {
		ru.To = b.To
	}
	if ru.TOS == 0 {
		ru.TOS = b.TOS
	}
	if ru.Realms == 0 || ru.V6 {
		ru.Realms = b.Realms
	}
	ru.Proto, ru.Not = b.Proto, b.Not
	return ru == b
}

func (k *Kernel) insertRule(ru host.Rule, by host.Actor) host.OpResult {
	if slices.ContainsFunc(k.rules, func(b host.Rule) bool { return taken(ru, b) }) {
		return host.OpResult{Outcome: host.Exists}
	}
	i := slices.IndexFunc(k.rules, func(b host.Rule) bool { return b.Priority > ru.Priority })
	if i < 0 {
		i = len(k.rules)
	}
	k.rules = slices.Insert(k.rules, i, ru)
	k.tellRule(ru, by)
	return host.OpResult{}
}

func (k *Kernel) removeRule(ru host.Rule, by host.Actor) bool {
	i := slices.IndexFunc(k.rules, func(b host.Rule) bool { return ru.Meets(&b) })
	if i < 0 {
		return false
	}
	gone := k.rules[i]
	k.rules = slices.Delete(k.rules, i, i+1)
	k.tellRule(gone, by)
	return true
}

// applyEntry carries out an operation on a route or rule.
func (k *Kernel) applyEntry(op host.Op) host.OpResult {
	switch {
	case op.Route != nil && !op.Delete:
		return k.insertRoute(*op.Route, host.BySelf)
	case op.Rule != nil && !op.Delete:
		return k.insertRule(*op.Rule, host.BySelf)
	case op.Route != nil && !k.removeRoute(*op.Route, host.BySelf), op.Rule != nil && !k.removeRule(*op.Rule, host.BySelf):
		return host.OpResult{Outcome: host.NotThere}
	}
	return host.OpResult{}
}

// AddRoute adds a route as another program would; it reports false if that is refused. The links go by their names.
func (k *Kernel) AddRoute(rt host.Route) bool {
	rt.Hops = slices.Clone(rt.Hops)
	for i := range rt.Hops {
		if l := k.find(rt.Hops[i].Dev); l != nil {
			rt.Hops[i].Index = l.Index
		}
	}
	return k.insertRoute(rt, host.ByOther).Outcome == host.Done
}

// AddRule adds a rule as another program would; it reports false if it is there.
func (k *Kernel) AddRule(ru host.Rule) bool {
	return k.insertRule(ru, host.ByOther).Outcome == host.Done
}

// DelRoute deletes the first route to dst, as another program would; it reports false if there is none.
func (k *Kernel) DelRoute(dst string) bool {
	i := slices.IndexFunc(k.routes, func(rt host.Route) bool { return rt.Dst.String() == dst })
	return i >= 0 && k.removeRoute(k.routes[i], host.ByOther)
}

// DelRule deletes a rule, as another program would; it reports false if there is none.
func (k *Kernel) DelRule(ru host.Rule) bool { return k.removeRule(ru, host.ByOther) }

// DelEntry deletes the route or rule that has this key, as another program would; it reports false if there is none. The kernel's metric of
// an IPv6 route may be left out.
func (k *Kernel) DelEntry(key string) bool {
	i := slices.IndexFunc(k.routes, func(rt host.Route) bool {
		text := k.describe(rt)
		return text == key || rt.Is6() && text == key+" metric 1024"
	})
	if i >= 0 {
		gone := k.routes[i]
		k.routes = slices.Delete(k.routes, i, i+1)
		k.tellRoute(gone, host.ByOther)
		return true
	}
	i = slices.IndexFunc(k.rules, func(ru host.Rule) bool { return ru.Key().Entry == key })
	if i >= 0 {
		gone := k.rules[i]
		k.rules = slices.Delete(k.rules, i, i+1)
		k.tellRule(gone, host.ByOther)
	}
	return i >= 0
}

// describe is the key of a route that is held, its links by their names.
func (k *Kernel) describe(rt host.Route) string {
	rt = asHeld(rt)
	for i := range rt.Hops {
		if l := k.byIndex(rt.Hops[i].Index); l != nil {
			rt.Hops[i].Dev = l.Name
		}
	}
	return rt.Key().Entry
}

// Entries is the routes and rules as text, one a line, in the kernel's order.
func (k *Kernel) Entries() string {
	var b strings.Builder
	for _, rt := range k.routes {
		b.WriteString(k.describe(rt))
		if rt.Source.IsValid() {
			b.WriteString(" src " + rt.Source.String())
		}
		b.WriteByte('\n')
	}
	for _, ru := range k.rules {
		b.WriteString(ru.Key().Entry + "\n")
	}
	return b.String()
}
