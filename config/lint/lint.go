// Package lint holds the configurations of two nodes against each other: what each of them takes for granted of the other.
package lint

import (
	"cmp"
	"fmt"
	"slices"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
)

// Node is one node's configuration.
type Node struct {
	Name   string // as shown: the file's name
	Config *config.Config
}

// Finding is one thing that two nodes disagree on, or that goes wrong between them.
type Finding struct {
	Severity diag.Severity // Error: they do not work together; Warning: they do, badly; Note: worth knowing
	A, B     config.Pos    // where it stands in each file; may be nowhere
	Text     string
	Hint     string
}

// pair is one virtual router on both nodes.
type pair struct {
	a, b   *config.Instance
	na, nb *Node
	l      *linter
}

// linter collects findings.
type linter struct {
	a, b Node
	out  []Finding
}

// Lint compares two nodes. It is empty for two that agree. Nothing is said of what one file alone shows.
func Lint(a, b Node) []Finding {
	l := &linter{a: a, b: b}
	pairs := l.match()
	for _, p := range pairs {
		p.check()
	}
	l.groups()
	l.global(pairs)
	slices.SortStableFunc(l.out, func(x, y Finding) int { return cmp.Compare(y.Severity, x.Severity) })
	return l.out
}

func (l *linter) say(s diag.Severity, a, b config.Pos, hint, format string, args ...any) {
	l.out = append(l.out, Finding{Severity: s, A: a, B: b, Text: fmt.Sprintf(format, args...), Hint: hint})
}

func (p *pair) say(s diag.Severity, hint, format string, args ...any) {
	p.l.say(s, p.a.Pos, p.b.Pos, hint, p.name()+": "+format, args...)
}

func (p *pair) name() string {
	if p.a.Name == p.b.Name {
		return p.a.Name
	}
	return p.a.Name + "/" + p.b.Name
}

// place is what adverts are told apart by where both nodes hear them.
type place struct {
	family config.Family
	vrid   uint8
}

// match finds the virtual routers that both nodes have: the same VRID and family, of several the one with the same name
// first, then the same interface.
func (l *linter) match() (pairs []*pair) {
	taken := make(map[*config.Instance]bool)
	byPlace := make(map[place][]*config.Instance)
	for i := range l.b.Config.Instances {
		b := &l.b.Config.Instances[i]
		k := place{b.Family, b.VRID}
		byPlace[k] = append(byPlace[k], b)
	}
	var alone []*config.Instance
	for i := range l.a.Config.Instances {
		a := &l.a.Config.Instances[i]
		b := best(a, byPlace[place{a.Family, a.VRID}], taken)
		if b == nil {
			alone = append(alone, a)
			continue
		}
		taken[b] = true
		pairs = append(pairs, &pair{a, b, &l.a, &l.b, l})
	}
	l.unmatched(alone, taken)
	return pairs
}

func best(a *config.Instance, candidates []*config.Instance, taken map[*config.Instance]bool) (found *config.Instance) {
	score := -1
	for _, b := range candidates {
		if taken[b] {
			continue
		}
		s := 0
		if a.Name == b.Name {
			s += 2
		}
		if a.Interface == b.Interface {
			s++
		}
		if s > score {
			found, score = b, s
		}
	}
	return found
}

// unmatched reports routers that only one node has, and those that were meant to be the same.
func (l *linter) unmatched(alone []*config.Instance, taken map[*config.Instance]bool) {
	for _, a := range alone {
		b, ok := l.b.Config.Instance(a.Name)
		if ok && !taken[b] {
			taken[b] = true
			l.say(diag.Error, a.Pos, b.Pos, "give both the same virtual_router_id and address family",
				"%s is virtual router %d (%s) on %s and %d (%s) on %s: they never hear each other, and both become master", a.Name, a.VRID, a.Family, l.a.Name, b.VRID, b.Family, l.b.Name)
			continue
		}
		l.say(diag.Warning, a.Pos, config.Pos{}, "", "virtual router %d (%s, %s) is on %s only: nobody takes over from it", a.VRID, a.Family, a.Name, l.a.Name)
	}
	for i := range l.b.Config.Instances {
		if b := &l.b.Config.Instances[i]; !taken[b] {
			l.say(diag.Warning, config.Pos{}, b.Pos, "", "virtual router %d (%s, %s) is on %s only: nobody takes over from it", b.VRID, b.Family, b.Name, l.b.Name)
		}
	}
}

// check compares one virtual router of both nodes.
func (p *pair) check() {
	p.delivery()
	p.protocol()
	p.authentication()
	p.addresses()
	p.priorities()
	p.weights()
	p.flapping()
}

// groups compares sync groups: a group on one node only moves its members together there and one by one here.
func (l *linter) groups() {
	member := func(c *config.Config) map[string][]string {
		m := make(map[string][]string)
		for i := range c.Groups {
			names := slices.Sorted(slices.Values(c.Groups[i].Members))
			for _, n := range names {
				m[n] = names
			}
		}
		return m
	}
	in, there := member(l.a.Config), member(l.b.Config)
	for i := range l.a.Config.Instances {
		a := &l.a.Config.Instances[i]
		b, ok := l.b.Config.Instance(a.Name)
		if ok && !slices.Equal(in[a.Name], there[a.Name]) {
			l.say(diag.Warning, a.Pos, b.Pos, "write the same vrrp_sync_group into both files",
				"%s moves together with %s on %s and with %s on %s: after a fault the members can end up on different nodes", a.Name, others(in[a.Name], a.Name), l.a.Name, others(there[a.Name], a.Name), l.b.Name)
		}
	}
}

func others(members []string, self string) string {
	rest := slices.DeleteFunc(slices.Clone(members), func(n string) bool { return n == self })
	if len(rest) == 0 {
		return "nobody"
	}
	return fmt.Sprint(rest)
}

// global compares what holds for all routers.
func (l *linter) global(pairs []*pair) {
	a, b := &l.a.Config.Global, &l.b.Config.Global
	if len(pairs) == 0 {
		return
	}
	if a.VRRP.StartupDelay != b.VRRP.StartupDelay || a.VRRP.StartupDelay == 0 {
		if a.VRRP.StartupDelay > 0 || b.VRRP.StartupDelay > 0 {
			l.say(diag.Note, a.Pos, b.Pos, "", "vrrp_startup_delay is %s on %s and %s on %s: when both start together the shorter one becomes master first", seconds(a.VRRP.StartupDelay), l.a.Name, seconds(b.VRRP.StartupDelay), l.b.Name)
		}
		if a.VRRP.StartupDelay == 0 || b.VRRP.StartupDelay == 0 {
			return
		}
	}
	l.say(diag.Warning, a.Pos, b.Pos, "until both nodes run holdfast, do not reload in the first seconds after a start",
		"both nodes wait vrrp_startup_delay (%s, %s) after a start: a node that still runs keepalived 2.2.7 and is reloaded meanwhile never ends the delay, hears no adverts, and becomes a second master; a node that runs holdfast does not", seconds(a.VRRP.StartupDelay), seconds(b.VRRP.StartupDelay))
}
