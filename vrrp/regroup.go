package vrrp

import "holdfast.dev/notify"

// regroup makes the sync groups of a new configuration; a group keeps its state if it keeps its name or its members do.
func (e *Engine) regroup(specs []GroupSpec) {
	named := make(map[string]bool, len(specs))
	for i := range specs {
		named[specs[i].Name] = true
	}
	old := make(map[string]*group, len(e.groups))
	for _, g := range e.groups {
		old[g.spec.Name] = g
	}
	byName := make(map[string]*Router, len(e.routers))
	was := make(map[*Router]*group, len(e.routers))
	for _, r := range e.routers {
		byName[r.spec.Name] = r
		was[r], r.group = r.group, nil
	}
	e.groups = nil
	for i := range specs {
		g := &group{engine: e, spec: &specs[i]}
		for _, name := range specs[i].Members {
			if r := byName[name]; r != nil && r.group == nil {
				r.group = g
				g.members = append(g.members, r)
			}
		}
		if len(g.members) == 0 {
			continue
		}
		o := old[g.spec.Name]
		if first := was[g.members[0]]; o == nil && first != nil && !named[first.spec.Name] && sameMembers(g, first) {
			o = first // renamed
		}
		if o != nil {
			g.told, g.pending, g.waited, g.defers = o.told, o.pending, o.waited, o.defers
		}
		g.adopt()
		if o == nil || o.state != g.state || !sameMembers(g, o) {
			g.untold = g.state != Init
		}
		g.flushTold()
		e.groups = append(e.groups, g)
	}
}

func sameMembers(a, b *group) bool {
	if len(a.members) != len(b.members) {
		return false
	}
	for _, m := range b.members {
		if m.group != a {
			return false
		}
	}
	return true
}

// adopt works out the state of a group from those of its members after a reload (rule P11). Members that disagree are made to agree
// on BACKUP: a member may have been MASTER alone before it joined. A member that begins in a group that is MASTER joins it.
func (g *group) adopt() {
	count := map[State]int{}
	for _, m := range g.members {
		count[m.state]++
	}
	n := len(g.members)
	switch {
	case count[Init] == n:
		g.state = Init
	case count[Master] > 0 && count[Master]+count[Init] == n:
		g.state = Master
	default:
		for _, m := range g.members {
			if m.state == Master {
				m.stepDown(Cause{Why: WhyGroup, Text: "sync group " + g.spec.Name, At: g.engine.now.Mono}, m.downTime())
			}
		}
		g.state = Backup
		if count[Fault]+count[Init] == n {
			g.state = Fault
		}
	}
}

// introduce tells the state of a new group, or of one whose members were elsewhere, unless it has just changed anyway.
func (g *group) introduce() {
	if !g.untold {
		return
	}
	g.untold = false
	if word := g.state.word(); word != "" && g.told != word && g.pending != word {
		g.tellLater(word)
	}
}

// word is the state as notifications call it.
func (s State) word() string {
	switch s {
	case Master:
		return notify.Master
	case Backup:
		return notify.Backup
	case Fault:
		return notify.Fault
	}
	return ""
}
