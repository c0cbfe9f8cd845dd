package config

import (
	"slices"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

// groupDraft is a sync group while it is read.
type groupDraft struct {
	SyncGroup
	pos     diag.Pos
	alert   opt[bool]
	members []*draft
}

// group reads a vrrp_sync_group block.
func (b *builder) group(n *schema.Node) {
	g := &groupDraft{pos: n.Pos}
	g.Name, g.Pos = n.Name(), at(n.Pos)
	for i := range n.Body {
		k := &n.Body[i]
		switch k.Key.Name {
		case "group":
			for _, v := range k.List {
				g.Members = append(g.Members, v.Text)
			}
		case "track_interface":
			b.trackInterfaces(&g.Track, g.Name, k)
		case "track_script":
			b.trackScripts(&g.Track, g.Name, k)
		case "sync_group_tracking_weight", "global_tracking":
			g.WeightTracking = true
		case "smtp_alert":
			putFlag(&g.alert, k)
		case "notify_priority_changes":
			if on, ok := k.Flag(); ok {
				g.NotifyPriority = &on
			}
		case "notify_master":
			b.notify(&g.Notify.Master, g.Name, k)
		case "notify_backup":
			b.notify(&g.Notify.Backup, g.Name, k)
		case "notify_fault":
			b.notify(&g.Notify.Fault, g.Name, k)
		case "notify_stop":
			b.notify(&g.Notify.Stop, g.Name, k)
		case "notify":
			b.notify(&g.Notify.Any, g.Name, k)
		default:
			b.tracked(&g.Track, g.Name, k)
		}
	}
	b.groups = append(b.groups, g)
}

// members finds the instances of each group (rule I7).
func (b *builder) members() {
	byName := make(map[string]*draft, len(b.drafts))
	for _, d := range b.drafts {
		byName[d.Name] = d
	}
	b.groups = slices.DeleteFunc(b.groups, func(g *groupDraft) bool { return !b.groupMembers(g, byName) })
	for _, g := range b.groups {
		g.SMTPAlert = g.alert.or(b.cfg.Global.VRRP.SMTPAlert)
	}
}

// groupMembers binds the instances of one group; ok is false when none is left.
func (b *builder) groupMembers(g *groupDraft, byName map[string]*draft) (ok bool) {
	if len(g.Members) == 0 {
		b.errorf(g.pos, "", "Sync group %s has no virtual router(s). removing", g.Name)
		return false
	}
	var names []string
	for _, name := range g.Members {
		d := byName[name]
		switch {
		case d == nil:
			b.errorf(g.pos, "", "Virtual router %s specified in sync group %s doesn't exist - ignoring", name, g.Name)
		case d.member == g:
			b.errorf(g.pos, "", "Virtual router %s is twice in sync group %s - ignoring the second", name, g.Name)
		case d.member != nil:
			b.errorf(g.pos, "", "Virtual router %s cannot exist in more than one sync group; ignoring %s", name, g.Name)
		default:
			d.member, d.SyncGroup = g, g.Name
			g.members = append(g.members, d)
			names = append(names, name)
		}
	}
	g.Members = names
	switch len(names) {
	case 0:
		b.errorf(g.pos, "", "Sync group %s, no matching virtual router found in group declaration - removing", g.Name)
		return false
	case 1:
		b.say(g.pos, diag.Warning, diag.GeneralError, "",
			"Sync group "+g.Name+" has only 1 virtual router(s) - this probably isn't what you want", "")
	}
	return true
}

// groupTracking gives members their share of what the group tracks (rules I8, I9, A35, A36).
func (b *builder) groupTracking() {
	for _, d := range b.drafts {
		b.ownTrackers(d)
	}
	for _, g := range b.groups {
		owners := b.owners(g)
		b.groupWeights(g, owners)
		for _, d := range g.members {
			b.shareTrackers(g, d)
		}
		b.cfg.Groups = append(b.cfg.Groups, g.SyncGroup)
	}
}

// owners reports whether the group has address owners, and warns when they are mixed with others (rule I8).
func (b *builder) owners(g *groupDraft) bool {
	n := 0
	for _, d := range g.members {
		if d.Owner() {
			n++
		}
	}
	if n > 0 && n < len(g.members) {
		b.notef(g.pos, "", "Sync group %s has some member(s) as address owner and some not as address owner. This won't work.", g.Name)
	}
	return n > 0
}

// groupWeights clears the weights that a group may not have (rules I9 and A35).
func (b *builder) groupWeights(g *groupDraft, owners bool) {
	drop := func(w *int, kind, name string) {
		switch {
		case *w == 0:
			return
		case owners:
			b.errorf(g.pos, g.Name, "Cannot have weighted track %s '%s' with member having priority 255 - clearing weight", kind, name)
		case !g.WeightTracking:
			b.errorf(g.pos, g.Name, "Cannot have weighted track %s '%s' without sync_group_tracking_weight - clearing weight", kind, name)
		default:
			return
		}
		*w = 0
	}
	for i := range g.Track.Scripts {
		drop(&g.Track.Scripts[i].Weight, "script", g.Track.Scripts[i].Name)
	}
	for i := range g.Track.Others {
		t := &g.Track.Others[i]
		w := int(t.Weight)
		if t.Kind == OfFile && !g.WeightTracking && (w == 1 || w == -1) {
			w = 0 // the default is no weight that somebody asked for
		}
		drop(&w, t.Kind.String(), t.Name)
		t.Weight = int16(w)
	}
	for i := range g.Track.Interfaces {
		drop(&g.Track.Interfaces[i].Weight, "interface", g.Track.Interfaces[i].Name)
	}
}

// shareTrackers adds the group's trackers to a member; the same tracker of its own is dropped (rule A36).
func (b *builder) shareTrackers(g *groupDraft, d *draft) {
	twice := func(kind, name string) {
		b.errorf(d.pos, d.Name, "%s %s is configured on VRRP instance and sync group. Remove vrrp instance or sync group config", kind, name)
	}
	ifaces := setOf(g.Track.Interfaces, func(t *TrackInterface) string { return t.Name })
	d.Track.Interfaces = slices.DeleteFunc(d.Track.Interfaces, func(t TrackInterface) bool {
		if ifaces.has(t.Name) {
			twice("track_interface", t.Name)
		}
		return ifaces.has(t.Name)
	})
	for _, t := range g.Track.Interfaces {
		if t.Name == d.Interface {
			twice("track_interface", t.Name)
			if !d.DontTrackPrimary {
				continue // its own tracking of it is as strict
			}
		}
		t.FromGroup = true
		d.Track.Interfaces = append(d.Track.Interfaces, t)
	}
	scripts := setOf(g.Track.Scripts, func(t *TrackScript) string { return t.Name })
	d.Track.Scripts = slices.DeleteFunc(d.Track.Scripts, func(t TrackScript) bool {
		if scripts.has(t.Name) {
			twice("track_script", t.Name)
		}
		return scripts.has(t.Name)
	})
	for _, t := range g.Track.Scripts {
		t.FromGroup = true
		d.Track.Scripts = append(d.Track.Scripts, t)
	}
	b.shareOthers(g, d, twice)
	d.Track.Interfaces, d.Track.Scripts = none(d.Track.Interfaces), none(d.Track.Scripts)
}
