package vrrp

import (
	"net/netip"

	"holdfast.dev/host"
	"holdfast.dev/track"
)

// index finds the routers that an event is for. It is made anew with each configuration.
type index struct {
	byVRID    map[portKey][]*Router
	byPort    map[PortID][]*Router
	byLink    map[string][]*Router
	bySource  map[track.ID][]*Router
	byAddr    map[netip.Addr][]keptAddr // the virtual addresses
	onStatic  []*Router                 // those that depend on static entries
	garpGroup map[string]int            // by link: 1 + the index of its garp_group
	virtual   map[host.Key]bool         // addresses that some router has, or that are static: none of them is ever a source address (rule A32)
}

type portKey struct {
	port PortID
	vrid uint8
}

// reindex looks up everything anew: routers, and the links' own addresses.
func (e *Engine) reindex() {
	n := len(e.routers)
	x := index{
		byVRID:   make(map[portKey][]*Router, n),
		byPort:   map[PortID][]*Router{},
		byLink:   map[string][]*Router{},
		bySource: map[track.ID][]*Router{},
		virtual:  make(map[host.Key]bool, n),
		byAddr:   make(map[netip.Addr][]keptAddr, n),
	}
	x.garpGroup = make(map[string]int)
	for i := range e.cfg.GarpGroups {
		for _, name := range e.cfg.GarpGroups[i].Links {
			x.garpGroup[name] = i + 1
		}
	}
	for i := range e.cfg.Static { // one that we hold is not reported, so one that is was left by an earlier process and is about to be ours
		x.virtual[e.cfg.Static[i].Key] = true
	}
	e.unlaned = len(e.cfg.GarpGroups) == 0 && e.cfg.GarpInterval == 0 && e.cfg.NAInterval == 0
	e.tick = 0
	for _, r := range e.routers {
		x.add(r)
		if i := r.spec.Interval; i > 0 && (e.tick == 0 || i < e.tick) {
			e.tick = i
		}
	}
	e.index, e.unknown = x, nil
	for _, l := range e.links {
		l.sources = x.sourcesOf(&l.Link)
	}
}

func (x *index) add(r *Router) {
	for _, port := range r.spec.hears() {
		k := portKey{port, r.spec.VRID}
		x.byVRID[k] = append(x.byVRID[k], r)
		x.byPort[port] = append(x.byPort[port], r)
		if port.ID != 0 {
			port.ID = 0
			x.byPort[port] = append(x.byPort[port], r)
		}
	}
	enter(x.byLink, r.spec.Link, r)
	for i := range r.spec.Links {
		enter(x.byLink, r.spec.Links[i].Link, r)
	}
	for i := range r.spec.Addresses {
		enter(x.byLink, r.spec.Addresses[i].Link, r)
		x.virtual[r.spec.Addresses[i].Key] = true
	}
	for i := range r.keeper.items {
		if it := &r.keeper.items[i]; !it.isEntry() {
			a := it.address.Prefix.Addr()
			x.byAddr[a] = append(x.byAddr[a], keptAddr{r, i})
		}
	}
	for i := range r.spec.Routes {
		rt := &r.spec.Routes[i]
		enter(x.byLink, rt.VRF, r)
		for j := range rt.Hops {
			enter(x.byLink, rt.Hops[j].Dev, r)
		}
	}
	if len(r.spec.Statics) > 0 {
		x.onStatic = append(x.onStatic, r)
	}
	for i := range r.spec.Trackers {
		enter(x.bySource, r.spec.Trackers[i].ID(), r)
	}
}

// enter notes r under the key once. Routers are added one after another, so it can only be the last.
func enter[K comparable](m map[K][]*Router, key K, r *Router) {
	list := m[key]
	if key == *new(K) || len(list) > 0 && list[len(list)-1] == r {
		return
	}
	m[key] = append(list, r)
}

// sourcesOf lists the link's addresses that are not virtual.
func (x *index) sourcesOf(l *host.Link) []host.LinkAddr {
	var own []host.LinkAddr
	for i := range l.Addrs {
		if !x.virtual[l.Addrs[i].Key(l.Name)] {
			own = append(own, l.Addrs[i])
		}
	}
	return own
}
