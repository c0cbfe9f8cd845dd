package config

import (
	"fmt"
	"slices"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

// trackInterfaces reads track_interface of an instance or group called who.
func (b *builder) trackInterfaces(t *Tracking, who string, n *schema.Node) {
	known := seen(b, &t.Interfaces, func(o *TrackInterface) string { return o.Name })
	for i := range n.Body {
		e := &n.Body[i]
		v, ok := e.Arg(0)
		if !ok {
			continue
		}
		if known.has(v.Text) {
			b.errorf(e.Pos, who, "duplicate track_interface %s - ignoring", v.Text)
			continue
		}
		ti := TrackInterface{Pos: at(v.Pos), Name: v.Text}
		if !b.trackWeight(e, who, &ti.Weight, &ti.Reverse) {
			continue
		}
		b.trackedIface(v, who)
		known.add(v.Text)
		t.Interfaces = append(t.Interfaces, ti)
	}
}

func (b *builder) trackedIface(v schema.Value, who string) {
	if _, exists, known := b.iface(v.Text); exists || !known || b.cfg.Global.VRRP.DynamicInterfaces != DynamicOff {
		return
	}
	b.badIface = true
	b.errorf(v.Pos, who, "tracked interface %s doesn't exist", v.Text)
}

// trackWeight reads "weight W [reverse]" of an entry; ok is false when the entry is to be ignored.
func (b *builder) trackWeight(e *schema.Node, who string, weight *int, reverse *bool) (ok bool) {
	for _, u := range e.Opts {
		if !u.OK {
			if len(u.Args) > 0 {
				b.errorf(e.Pos, who, "weight %s for %s must be between [-%d..%d] inclusive. Ignoring...", u.Args[0].Text, e.Name(), maxWeight, maxWeight)
				return false
			}
			continue
		}
		*weight = int(u.Args[0].Int)
		if *weight > maxWeight || *weight < -maxWeight {
			b.errorf(e.Pos, who, "weight for %s cannot be +/-254. Setting to +/-253", e.Name())
			*weight = max(min(*weight, maxWeight), -maxWeight)
		}
		if len(u.Args) > 1 {
			*reverse = u.Args[1].Text == "reverse"
		}
	}
	return true
}

// trackScripts reads track_script of an instance or group called who. The scripts must stand earlier in the file.
func (b *builder) trackScripts(t *Tracking, who string, n *schema.Node) {
	known := seen(b, &t.Scripts, func(o *TrackScript) string { return o.Name })
	for i := range n.Body {
		e := &n.Body[i]
		name := e.Name()
		s, ok := b.scripts[name]
		if !ok {
			hint := ""
			if b.later[name] {
				hint = "the vrrp_script must stand before the block that tracks it"
			}
			b.say(e.Pos, diag.Error, diag.GeneralError, who, fmt.Sprintf("track script %s not found, ignoring...", name), hint)
			continue
		}
		if known.has(name) {
			b.errorf(e.Pos, who, "duplicate track_script %s - ignoring", name)
			continue
		}
		ts := TrackScript{Pos: at(e.Pos), Name: name, Weight: s.Weight, Reverse: s.Reverse}
		if !b.trackWeight(e, who, &ts.Weight, &ts.Reverse) {
			continue
		}
		if s.bad {
			b.errorf(s.pos, "", "Disabling track script %s since not found/accessible", name)
			continue
		}
		if s.Broken != "" {
			b.errorf(s.pos, "", "track script %s can't be run: it counts as failed", name)
		}
		s.used = true
		known.add(name)
		t.Scripts = append(t.Scripts, ts)
	}
}

// ownTrackers is rules A26 and A35 for what an instance tracks itself.
func (b *builder) ownTrackers(d *draft) {
	neutral := ""
	switch {
	case d.Owner():
		neutral = "address owner"
	case d.member != nil && !d.member.WeightTracking:
		neutral = "SYNC group"
	}
	d.Track.Interfaces = slices.DeleteFunc(d.Track.Interfaces, func(t TrackInterface) bool {
		if t.Name == d.Interface {
			b.errorf(d.at("track_interface"), d.Name, "Ignoring track_interface %s since own interface", t.Name)
			return true
		}
		if t.Weight == 0 || !d.Owner() {
			return false
		}
		b.errorf(d.at("track_interface"), d.Name, "ignoring %s tracked interface due to %s", t.Name, neutral)
		return true
	})
	for i := range d.Track.Interfaces {
		if t := &d.Track.Interfaces[i]; t.Weight != 0 && neutral != "" {
			b.errorf(d.at("track_interface"), d.Name, "ignoring %s tracked interface weight due to %s", t.Name, neutral)
			t.Weight = 0
		}
	}
	d.Track.Scripts = slices.DeleteFunc(d.Track.Scripts, func(t TrackScript) bool {
		if t.Weight == 0 || neutral == "" {
			return false
		}
		b.errorf(d.at("track_script"), d.Name, "ignoring tracked script %s with weights due to %s", t.Name, neutral)
		return true
	})
	b.ownOthers(d, neutral)
	d.Track.Interfaces, d.Track.Scripts = none(d.Track.Interfaces), none(d.Track.Scripts)
}

// none makes an empty list nil, so that two models that mean the same are the same.
func none[T any](s []T) []T {
	if len(s) == 0 {
		return nil
	}
	return s
}
