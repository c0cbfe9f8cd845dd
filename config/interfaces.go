package config

import (
	"fmt"
	"time"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

// trackGroup reads a track_group block.
func (b *builder) trackGroup(n *schema.Node) {
	g := TrackGroup{Pos: at(n.Pos), Name: n.Name()}
	for i := range n.Body {
		for _, v := range n.Body[i].List {
			g.Members = append(g.Members, v.Text)
		}
	}
	g.Members = distinct(g.Members)
	b.cfg.TrackGroups = append(b.cfg.TrackGroups, g)
	b.trackGroups[g.Name] = len(b.cfg.TrackGroups)
}

// garpGroup reads a garp_group block; an interface belongs to one only.
func (b *builder) garpGroup(n *schema.Node) {
	g := GarpGroup{Pos: at(n.Pos)}
	own := make(set[string])
	add := func(v schema.Value) {
		if !v.OK || !own.add(v.Text) {
			return
		}
		if !b.garpIfaces.add(v.Text) {
			b.errorf(v.Pos, "", "garp_group already specified for %s - ignoring", v.Text)
			return
		}
		b.needIface(v.Pos, v.Text, "garp_group")
		g.Interfaces = append(g.Interfaces, v.Text)
	}
	for i := range n.Body {
		k := &n.Body[i]
		switch k.Key.Name {
		case "garp_interval":
			b.garpGap(&g.ARP, k)
		case "gna_interval":
			b.garpGap(&g.NA, k)
		case "interface":
			add(k.Args[0])
		case "interfaces":
			for _, v := range k.List {
				add(v)
			}
		}
	}
	if g.ARP == 0 && g.NA == 0 {
		b.errorf(n.Pos, "", "garp group %d does not have any delay set - removing", len(b.cfg.GarpGroups))
		return
	}
	b.cfg.GarpGroups = append(b.cfg.GarpGroups, g)
}

// debounce reads interface_up_down_delays.
func (b *builder) debounce(n *schema.Node) {
	for i := range n.Body {
		e := &n.Body[i]
		name, ok := e.Arg(0)
		if ok && len(e.Args) == 1 {
			b.notef(e.Pos, "", "no delay is given for %s - ignoring", name.Text)
		}
		down, okDown := e.Arg(1)
		if !ok || !okDown {
			continue
		}
		if _, exists, known := b.iface(name.Text); known && !exists && b.cfg.Global.VRRP.DynamicInterfaces == DynamicOff {
			b.say(name.Pos, diag.Error, diag.FatalError, "", fmt.Sprintf("unknown interface %s specified for up/down delay", name.Text), "dynamic_interfaces allows interfaces that come later")
			continue
		}
		d := Debounce{Pos: at(e.Pos), Interface: name.Text, Down: duration(down)}
		if up, ok := e.Arg(2); ok {
			d.Up = duration(up)
		}
		b.cfg.Debounce = append(b.cfg.Debounce, d)
	}
}

// capDebounce is rule A24: a delay may not outlast what a peer waits for.
func (b *builder) capDebounce() {
	limits := make(map[string]*draft) // by interface, the instance that waits least
	for _, d := range b.drafts {
		if o := limits[d.Interface]; o == nil || d.patience() < o.patience() {
			limits[d.Interface] = d
		}
	}
	for i := range b.cfg.Debounce {
		e := &b.cfg.Debounce[i]
		d := limits[e.Interface]
		if d == nil {
			continue
		}
		limit := d.patience()
		if e.Down > limit || e.Up > limit {
			b.notef(d.pos, d.Name, "the debounce delays of %s are longer than peers wait - reducing", e.Interface)
		}
		e.Down, e.Up = min(e.Down, limit), min(e.Up, limit)
	}
}

// patience is how long an interface of the instance may be down without a peer taking over.
func (d *draft) patience() time.Duration {
	return max(time.Duration(d.DownTimerAdverts-1)*d.AdvertInterval-d.AdvertInterval/256, 0)
}
