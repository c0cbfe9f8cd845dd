package host_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"holdfast.dev/host"
	"holdfast.dev/host/hosttest"
)

// side is one of the two machines of a model: a pretended kernel that keeps account of what is asked of it, and a Reconciler.
type side struct {
	*hosttest.Kernel
	m       *model
	r       *host.Reconciler
	view    map[string]host.Link
	held    string
	gen     map[host.Owner]uint64
	told    map[host.Owner]map[host.Key]bool // results of the generation
	final   map[host.Owner]bool
	stats   host.Stats // as they should be
	reads   int
	answers map[host.Key]string // what was told last of an item

	looked map[int]bool // in this round

	murky       bool // answers are lost, or operations refused
	log         []string
	said        []string
	lost        []string
	lostEntries []string
	done        map[string]bool   // operations of addresses since begin
	took        map[host.Key]bool // addresses that the kernel has dropped with their primary one since
	twice       map[host.Key]bool // those of them whose primary one only got other settings
}

// begin is before something happens.
func (s *side) begin() {
	s.answers = map[host.Key]string{}
	s.log, s.said, s.lost, s.lostEntries = nil, nil, nil, nil
	s.done, s.took, s.twice = map[string]bool{}, map[host.Key]bool{}, map[host.Key]bool{}
}

// Poll counts events.
func (s *side) Poll(events []host.Event) ([]host.Event, host.PollState) {
	out, state := s.Kernel.Poll(events)
	s.looked = map[int]bool{}
	s.stats.Events += uint64(len(out) - len(events))
	if state == host.Overrun && s.stats.Resyncs > 0 {
		s.stats.Overruns++
	}
	return out, state
}

// Snapshot counts complete readings.
func (s *side) Snapshot() ([]host.Link, error) {
	s.stats.Resyncs++
	s.reads++
	return s.Kernel.Snapshot()
}

// Look counts readings of a link.
func (s *side) Look(index int) (host.View, error) {
	if s.stats.Looks++; s.looked[index] {
		s.m.t.Fatalf("link %d is looked at twice in a round", index)
	}
	s.looked[index] = true
	s.reads++
	return s.Kernel.Look(index)
}

// Tables holds that nothing is asked for twice.
func (s *side) Tables(ask []host.Query) ([]host.Route, []host.Rule, error) {
	s.reads++
	seen := map[host.Query]bool{}
	for _, q := range ask {
		if seen[q] || !q.Rules && (q.Table == 0 || q.Proto == 0) {
			s.m.t.Fatalf("asked for %+v", ask)
		}
		seen[q] = true
	}
	return s.Kernel.Tables(ask)
}

// Apply carries out operations one by one, and judges each.
func (s *side) Apply(ops []host.Op, results []host.OpResult) []host.OpResult {
	if len(ops) == 0 || len(ops) > s.m.limit {
		s.m.t.Fatalf("%d operations at a time, of at most %d", len(ops), s.m.limit)
	}
	s.stats.Batches++
	siblings := s.siblings(ops)
	for i, op := range ops {
		if op.Link != nil && (op.Link.Sibling != siblings[i] || op.Link.Alone != (op.Link.Do == host.LinkDrop && siblings[i] == 0)) {
			s.m.t.Fatalf("%v: sibling %d, alone %v, the sibling is %d", op, op.Link.Sibling, op.Link.Alone, siblings[i])
		}
		before := s.everything()
		res := s.Kernel.Apply([]host.Op{op}, nil)[0]
		s.log = append(s.log, fmt.Sprintf("%v: %v", op, res.Outcome))
		s.count(op, res)
		switch {
		case op.Route != nil || op.Rule != nil:
			s.judgeEntry(op, res)
		case op.Link == nil && op.Knob == nil:
			s.judge(op, res, before)
		}
		results = append(results, res)
	}
	return results
}

// siblings are, for each operation, the other macvlan of ours that its base has, by the lowest number.
func (s *side) siblings(ops []host.Op) []int {
	out, leaves := make([]int, len(ops)), map[int]bool{} // one that is deleted by an operation before is nobody's sibling
	for i, op := range ops {
		if op.Link == nil || op.Link.Base == 0 {
			continue
		}
		leaves[op.Index] = op.Link.Do == host.LinkDrop
		for _, name := range modelVMACs {
			l := s.Link(name)
			if l != nil && l.Base == op.Link.Base && l.Index != op.Index && !leaves[l.Index] && l.Ours() && (out[i] == 0 || l.Index < out[i]) {
				out[i] = l.Index
			}
		}
	}
	return out
}

func (s *side) count(op host.Op, res host.OpResult) {
	switch {
	case res.Outcome == host.Refused || res.Outcome == host.Unknown:
		s.stats.Refused++
	case res.Outcome != host.Done || op.Link != nil || op.Knob != nil || op.Replace:
	case op.Delete:
		s.stats.Deleted++
	case op.Route != nil || op.Rule != nil || op.Proto == host.ProtoMark:
		s.stats.Added++
	}
}

// everything has all addresses.
func (s *side) everything() map[host.Key]host.LinkAddr {
	all := map[host.Key]host.LinkAddr{}
	for _, name := range append(slices.Clone(modelLinks), modelVMACs...) {
		for _, a := range s.Addrs(name) {
			all[host.Key{Link: name, Prefix: a.Prefix}] = a
		}
	}
	return all
}

// judge holds that an operation on an address has its reason, does something, and comes once.
func (s *side) judge(op host.Op, res host.OpResult, before map[host.Key]host.LinkAddr) {
	if s.murky {
		return
	}
	k, t := op.Address.Key, s.m.t
	wanted, theirs := s.m.wanted()[k], op.Proto != host.ProtoMark && !op.Delete
	switch {
	case theirs: // put back, if it had gone at all
	case !theirs && wanted == op.Delete && !(op.Delete && s.changed(k, before[k])):
		t.Fatalf("%v: wanted %v; so far %v", op, wanted, s.log)
	case s.m.promote && k.Prefix.Addr().Is4(): // which address is the primary one nobody tells
	case s.done[op.String()] && !s.twice[k]:
		t.Fatalf("%v: once more; so far %v", op, s.log)
	case k.Link == "other": // what goes with the name goes in any order
	case res.Outcome != host.Done && !s.took[k]:
		t.Fatalf("%v: %v; so far %v", op, res.Outcome, s.log)
	}
	s.done[op.String()] = true
	if !op.Delete {
		return
	}
	s.twice[k] = s.twice[k] || wanted
	after := s.everything()
	for gone := range before {
		if _, still := after[gone]; still || gone == k {
			continue
		}
		s.took[gone] = true
		s.twice[gone] = s.twice[gone] || wanted
		if _, theirs := s.m.foreign[gone.Link][gone.Prefix]; !wanted && !s.m.wanted()[gone] && !theirs && !s.m.promote {
			t.Fatalf("%v: takes %v along, which was to go before it; so far %v", op, gone, s.log)
		}
	}
}

// judgeEntry holds that what is added is wanted, and what is deleted is there.
func (s *side) judgeEntry(op host.Op, res host.OpResult) {
	wanted := slices.ContainsFunc(slices.Collect(maps.Values(s.m.want)), func(w host.State) bool { return keysOf(w)[op.Key()] })
	if !s.murky && (!op.Delete && !wanted || op.Delete && res.Outcome != host.Done) {
		s.m.t.Fatalf("%v: %v, wanted %v; so far %v", op, res.Outcome, wanted, s.log)
	}
}

// entries are the keys of all routes and rules.
func (s *side) entries() (keys []string) {
	for line := range strings.Lines(s.Entries()) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " src ")
		keys = append(keys, strings.TrimSuffix(line, " metric 1024"))
	}
	return keys
}

// changed reports whether a wanted address has settings that are not those that are wanted now.
func (s *side) changed(k host.Key, a host.LinkAddr) bool {
	w, ok := s.m.latest[k]
	return ok && (w.Label != a.Label || w.Preferred != a.Preferred)
}

func (s *side) has(k host.Key) bool {
	return slices.ContainsFunc(s.Addrs(k.Link), func(a host.LinkAddr) bool { return a.Prefix == k.Prefix })
}

// hear takes in what the Reconciler reports, and holds it against what there is.
func (s *side) hear() {
	rep := s.r.Reports()
	t := s.m.t
	if !rep.Empty() {
		s.said = append(s.said, fmt.Sprintf("%+v", rep))
	}
	now := fmt.Sprint(s.r.Held())
	if now != s.held && !rep.Held {
		t.Fatalf("held %s, then %s, and nobody was told", s.held, now)
	}
	s.held = now
	for _, name := range rep.Gone {
		if _, ok := s.view[name]; !ok {
			t.Fatalf("%s is gone, and was never there", name)
		}
		delete(s.view, name)
	}
	for _, l := range rep.Changed {
		s.view[l.Name] = l
	}
	for _, l := range rep.Lost {
		line := fmt.Sprintf("%d %s", l.Owner, l.Key)
		if l.LinkDown {
			line += " link down"
		}
		if l.Key.IsEntry() {
			s.lostEntries = append(s.lostEntries, line)
		} else {
			s.lost = append(s.lost, line)
		}
	}
	for i := range rep.Applied {
		s.applied(&rep.Applied[i])
	}
	if len(rep.Troubles) > 0 && !s.murky {
		t.Fatalf("troubles: %v", rep.Troubles)
	}
}

// applied holds that every item of a generation is answered once before the end, and truly.
func (s *side) applied(a *host.Applied) {
	t := s.m.t
	gen, ok := s.gen[a.Owner]
	if !ok || gen != a.Gen {
		t.Fatalf("an answer for generation %d of owner %d, which is at %d", a.Gen, a.Owner, gen)
	}
	keys, told := keysOf(s.m.want[a.Owner]), s.told[a.Owner]
	for _, res := range a.Results {
		if !keys[res.Key] || told[res.Key] && !s.final[a.Owner] && !s.murky {
			t.Fatalf("owner %d is told of %v: wanted %v, told already %v", a.Owner, res.Key, keys[res.Key], told[res.Key])
		}
		told[res.Key] = true
		s.answers[res.Key] = res.Err
	}
	if len(a.Unremoved) > 0 && !s.murky {
		t.Fatalf("not removed: %v; operations %v", a.Unremoved, s.log)
	}
	if a.Final {
		if len(told) != len(keys) {
			t.Fatalf("the last answer to owner %d, who has %v of %v", a.Owner, told, keys)
		}
		s.final[a.Owner] = true
	}
}

// truth holds that the last answers are so.
func (s *side) truth() {
	for k, err := range s.answers {
		stands := s.Link(k.Link) != nil
		if !k.IsLink() {
			stands = s.has(k)
		}
		if !s.murky && !k.IsEntry() && stands != (err == "") {
			s.m.t.Fatalf("told of %v: %q, and it stands: %v; done: %v. There are:\n%s", k, err, stands, s.log, s.Kernel)
		}
	}
}

func keysOf(w host.State) map[host.Key]bool {
	keys := map[host.Key]bool{}
	for i := range w.Addresses {
		keys[w.Addresses[i].Key] = true
	}
	for i := range w.Routes {
		keys[w.Routes[i].Key()] = true
	}
	for i := range w.Rules {
		keys[w.Rules[i].Key()] = true
	}
	for i := range w.Links {
		keys[w.Links[i].Key()] = true
	}
	for _, name := range w.Promote {
		keys[host.Knob{Link: name}.Key()] = true
	}
	return keys
}

// settle has both machines work until there is nothing left to do, and holds that this is so, and that they have done the same.
func (m *model) settle(what string) {
	for _, s := range m.sides {
		for n := 0; ; n++ {
			if n > 1000 {
				m.t.Fatalf("still busy after %s: %v", what, s.log)
			}
			more, err := s.r.RoundOf(s, m.limit)
			if err != nil {
				m.t.Fatal(err)
			}
			s.hear()
			if !more && s.Waiting() == 0 {
				break
			}
		}
		ops, reads := len(s.log), s.reads
		more, err := s.r.RoundOf(s, m.limit)
		rep := s.r.Reports()
		if more || err != nil || len(s.log) != ops || s.reads != reads || !rep.Empty() || s.r.Pending() {
			m.t.Fatalf("not at rest after %s: more %v, error %v, operations %v, %d readings, says %+v", what, more, err, s.log[ops:], s.reads-reads, rep)
		}
		s.truth()
		for o, final := range s.final {
			if !final {
				m.t.Fatalf("after %s owner %d has not had its last answer", what, o)
			}
		}
		got := s.r.Stats()
		got.Restored = 0
		if got != s.stats {
			m.t.Fatalf("after %s counted %+v, there were %+v", what, got, s.stats)
		}
	}
	a, b := m.sides[0], m.sides[1]
	m.t.Logf("%s: %v", what, a.log)
	if !slices.Equal(a.log, b.log) || !slices.Equal(a.said, b.said) {
		m.t.Fatalf("after %s the same has not led to the same:\n%v\n%v\n%s\n%s", what, a.log, b.log, strings.Join(a.said, "\n"), strings.Join(b.said, "\n"))
	}
}

// check holds that both machines are as they should be.
func (m *model) check() {
	for _, s := range m.sides {
		held := map[host.Key]bool{}
		for _, k := range s.r.Held() {
			held[k] = true
		}
		for _, name := range append(slices.Clone(modelLinks), modelVMACs...) {
			s.checkVirtual(name)
			if l := s.Link(name); l != nil {
				s.checkAddrs(l, held)
				s.checkView(l, held)
			} else if v, ok := s.view[name]; ok {
				m.t.Fatalf("%s is not there and was reported: %+v", name, v)
			}
		}
		s.checkPromote()
	}
}

// checkAddrs compares the addresses of a link with what is wanted and what other people have.
func (s *side) checkAddrs(l *host.Link, held map[host.Key]bool) {
	t, wanted := s.m.t, s.m.wanted()
	has := map[netip.Prefix]bool{}
	for _, a := range l.Addrs {
		k := host.Key{Link: l.Name, Prefix: a.Prefix}
		has[a.Prefix] = true
		theirs, foreign := s.m.foreign[l.Name][a.Prefix]
		theirs.Flags, a.Flags = theirs.Flags&^host.FlagSecondary, a.Flags&^host.FlagSecondary
		switch {
		case wanted[k] == foreign || wanted[k] != held[k]:
			t.Fatalf("%v stands: wanted %v, held %v, somebody else's %v. Done: %v", k, wanted[k], held[k], foreign, s.log)
		case foreign && a != theirs:
			t.Fatalf("somebody else's was %+v and is %+v", theirs, a)
		case wanted[k] && a.Proto == host.ProtoMark && s.changed(k, a):
			t.Fatalf("wanted %+v, there is %+v", s.m.latest[k], a)
		}
	}
	for k := range wanted {
		if k.Link == l.Name && !has[k.Prefix] && (l.Up || k.Prefix.Addr().Is4()) {
			t.Fatalf("%v is wanted and does not stand. Done: %v. There are:\n%s", k, s.log, s.Kernel)
		}
	}
	for p := range s.m.foreign[l.Name] {
		if !has[p] {
			t.Fatalf("somebody else's %v is gone from %s. Done: %v", p, l.Name, s.log)
		}
	}
}

// checkView compares what was reported of a link with what is there, our own addresses apart.
func (s *side) checkView(l *host.Link, held map[host.Key]bool) {
	view, ok := s.view[l.Name]
	theirs := map[netip.Prefix]host.LinkAddr{}
	for _, a := range l.Addrs {
		if !held[host.Key{Link: l.Name, Prefix: a.Prefix}] {
			theirs[a.Prefix] = a
		}
	}
	told := map[netip.Prefix]host.LinkAddr{}
	for _, a := range view.Addrs {
		told[a.Prefix] = a
	}
	facts := *l
	facts.Addrs, view.Addrs = nil, nil
	if !ok || !maps.Equal(theirs, told) || fmt.Sprint(facts) != fmt.Sprint(view) {
		s.m.t.Fatalf("%s was reported (%v) as\n%+v %v\nand is\n%+v %v. Done: %v", l.Name, ok, view, told, facts, theirs, s.log)
	}
}

// checkVirtual holds that a virtual link is there while it is wanted, as it is wanted, and up while anybody wants it so.
func (s *side) checkVirtual(name string) {
	i := slices.Index(modelVMACs, name)
	if i < 0 {
		return
	}
	want, up := modelVMAC(i, false), false
	wanted := false
	for _, w := range s.m.want {
		for _, v := range w.Links {
			if v.Name == name {
				wanted, up = true, up || v.Up
			}
		}
	}
	l, base := s.Link(name), s.Link(want.Base)
	switch {
	case l == nil:
		if wanted && base != nil {
			s.m.t.Fatalf("%s is wanted and not there. Done: %v", name, s.log)
		}
	case !wanted, base == nil, l.Up != up, !l.Ours(), l.Kind != want.Kind, l.Mode != want.Mode, l.MAC != want.MAC, l.Base != base.Index, l.Master != 0:
		s.m.t.Fatalf("%+v: wanted %v, up %v. Done: %v", l, wanted, up, s.log)
	}
}

// checkTables compares routes and rules with what is wanted and possible.
func (s *side) checkTables() {
	e := &engine{r: s.r, want: s.m.want}
	p := &property{t: s.m.t, k: s.Kernel, e: e}
	p.checkTables()
}

// checkPromote compares promote_secondaries with what is wanted.
func (s *side) checkPromote() {
	for _, name := range modelLinks {
		wanted := false
		for _, w := range s.m.want {
			wanted = wanted || slices.Contains(w.Promote, name)
		}
		if s.Link(name) != nil && s.Promotes(name) != wanted {
			s.m.t.Fatalf("promote_secondaries of %s: wanted %v. Done: %v", name, wanted, s.log)
		}
	}
}
