package host_test

import (
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast.dev/host"
	"holdfast.dev/host/hosttest"
)

// The cases are the same in every run, unless another seed is asked for: -rapid.seed=0 takes one from the clock, -rapid.checks=5000 tries more.
func init() {
	for name, value := range map[string]string{"rapid.seed": "1", "rapid.checks": "400"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
}

// engine stands for the owners: it remembers what it wants, and wants it again when it hears that something is missing,
// as the election does.
type engine struct {
	r      *host.Reconciler
	held   string
	gen    uint64
	want   map[host.Owner]host.State
	owed   map[host.Owner]bool // a Final of the latest generation is to come
	repeat map[host.Owner]bool // something is missing
	view   map[string]host.Link
	log    func(string, ...any)
}

func (e *engine) set(o host.Owner, s host.State) {
	if o == host.Static {
		s.Wall = wall
	}
	e.gen++
	e.want[o] = s
	if e.log != nil {
		e.log("owner %d wants %v, not %v", o, s.Addresses, s.Absent)
	}
	e.owed[o], e.repeat[o] = true, false
	e.r.Want(o, e.gen, s)
}

func (e *engine) forget(o host.Owner) {
	delete(e.want, o)
	delete(e.owed, o)
	delete(e.repeat, o)
	e.r.Forget(o)
}

func (e *engine) hear(t *rapid.T, rep host.Report) {
	if held := fmt.Sprint(e.r.Held()); held != e.held {
		if !rep.Held {
			t.Fatalf("held %s, then %s, and nobody was told", e.held, held)
		}
		e.held = held
	}
	for _, name := range rep.Gone {
		delete(e.view, name)
	}
	for _, l := range rep.Changed {
		e.view[l.Name] = l
	}
	for _, l := range rep.Lost {
		if _, ok := e.want[l.Owner]; !ok {
			t.Fatalf("lost of an owner that does not exist: %+v", l)
		}
		if !l.LinkDown { // those come back with the link
			e.repeat[l.Owner] = true
		}
	}
	for _, a := range rep.Applied {
		for _, res := range append(slices.Clone(a.Results), a.Unremoved...) {
			if res.Err != "" && res.Err != host.NoSuchInterface && (!res.Key.IsEntry() || res.Key.IsWall()) {
				e.repeat[a.Owner] = true
			}
		}
		if a.Final {
			e.owed[a.Owner] = false
		}
	}
}

// again wants anew what is missing, as a retry does.
func (e *engine) again() (did bool) {
	for _, o := range slices.Sorted(maps.Keys(e.repeat)) {
		if e.repeat[o] {
			e.set(o, e.want[o])
			did = true
		}
	}
	return did
}

var (
	ourPool = []string{
		"10.0.0.3/24", "10.0.0.4/24", "10.0.0.5/24", "10.0.1.3/24", "10.0.0.6/32", "fd00::3/64", "fd00::4/128",
		"10.0.0.3/24@eth1", "10.0.0.7/24@eth1", "fd00::3/64@eth1", "10.0.0.8/24@eth2", "fd00::8/64@eth2",
	}
	foreignPool = []string{"10.0.0.100/24", "10.0.0.101/24", "10.0.1.100/24", "fd00::100/64", "10.0.0.6/24"}
	linkPool    = []string{"eth0", "eth1", "eth2"}
	tablesPool  = []string{
		"10.90.0.0/16 dev eth0", "10.91.0.0/16 via 10.0.0.254 dev eth0", "10.92.0.0/16 dev eth0 src 10.0.1.3",
		"10.93.0.0/16 dev eth1 metric 5", "fd90::/64 dev eth2", "blackhole 10.94.0.0/16", "fd91::/64 via fd00::99 dev eth0 src fd00::3",
		"100: iif eth0 lookup 100", "100: lookup 100", "200: from fd90::/64 lookup 7",
	}
	foreignTables = []string{
		"10.90.0.0/16 dev eth0 proto 4", "10.95.0.0/16 dev eth1 proto 4", "99: from 10.90.0.0/16 lookup 100 proto 4",
		"fd90::/64 dev eth2 metric 9 proto 4",
	}
)

func drawState(t *rapid.T) host.State {
	var s host.State
	for i, text := range ourPool {
		switch rapid.IntRange(0, 3).Draw(t, fmt.Sprintf("want%d", i)) {
		case 0:
			a := addr(text)
			if rapid.IntRange(0, 4).Draw(t, "other") == 0 {
				if a.Prefix.Addr().Is4() {
					a.Label = a.Link + ":1"
				} else {
					a.Preferred = 0
				}
			}
			a.Barred = rapid.IntRange(0, 2).Draw(t, "barred") == 0
			s.Addresses = append(s.Addresses, a)
		case 1:
			s.Absent = append(s.Absent, addr(text).Key)
		}
	}
	for i, text := range tablesPool {
		one := tables(nil, text)
		switch rapid.IntRange(0, 3).Draw(t, fmt.Sprintf("entry%d", i)) {
		case 0:
			if len(one.Routes) > 0 && rapid.IntRange(0, 4).Draw(t, "other") == 0 {
				one.Routes[0].Metrics = []host.Metric{{Kind: 2, Value: 1400}}
			}
			s.Routes, s.Rules = append(s.Routes, one.Routes...), append(s.Rules, one.Rules...)
		case 1:
			s.AbsentRoutes, s.AbsentRules = append(s.AbsentRoutes, one.Routes...), append(s.AbsentRules, one.Rules...)
		}
	}
	return s
}

// TestProperty lets owners change their minds, other people delete and add addresses, links go and come, the kernel
// refuse and events be late or lost. When it is quiet again the kernel holds what is wanted and everything else is as
// other people left it.
func TestProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := &hosttest.Kernel{}
		k.AddrsFirst = rapid.Bool().Draw(t, "addrs first")
		e := &engine{
			r: host.New(host.ProtoMark), want: map[host.Owner]host.State{}, owed: map[host.Owner]bool{},
			repeat: map[host.Owner]bool{}, view: map[string]host.Link{}, held: "[]",
		}
		p := &property{t: t, k: k, e: e, foreign: map[string]map[string]bool{}, limit: rapid.SampledFrom([]int{host.MaxBatch, 1, 3}).Draw(t, "limit")}
		for _, name := range linkPool {
			p.k.AddLink(name, true)
			p.foreign[name] = map[string]bool{}
		}
		e.log = t.Logf
		e.set(host.Static, host.State{})
		e.log = t.Logf
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			p.step()
		}
		p.settle()
		for range 2 { // what was refused because something was missing, or another owner's address was, is tried once more
			for _, o := range slices.Sorted(maps.Keys(e.want)) {
				e.set(o, e.want[o])
			}
			p.settle()
		}
		p.check()
		p.checkTables()
		p.checkWall()
	})
}

type property struct {
	t       *rapid.T
	k       *hosttest.Kernel
	e       *engine
	foreign map[string]map[string]bool // by link: what other people have there
	limit   int                        // of operations at a time
}

func (p *property) step() {
	t, k := p.t, p.k
	link := rapid.SampledFrom(linkPool).Draw(t, "link")
	switch rapid.IntRange(0, 17).Draw(t, "what") {
	case 0, 1, 2:
		p.e.set(host.Owner(rapid.IntRange(0, 3).Draw(t, "owner")), drawState(t))
	case 3:
		p.e.forget(host.Owner(rapid.IntRange(1, 3).Draw(t, "owner"))) // Static is there as long as the process
	case 4, 5, 6:
		p.round()
	case 7:
		p.foreignAdd(link)
	case 8:
		p.foreignDelete(link)
	case 9:
		up, before := rapid.Bool().Draw(t, "up"), k.Addrs(link)
		k.SetUp(link, up)
		p.recount(link, before)
	case 10:
		if rapid.Bool().Draw(t, "delete") {
			k.DeleteLink(link)
			clear(p.foreign[link])
		} else if len(k.Addrs(link)) == 0 && !strings.Contains(k.String(), link) {
			k.AddLink(link, rapid.Bool().Draw(t, "up"))
		}
	case 11:
		k.Hold = !k.Hold
	case 12:
		switch rapid.IntRange(0, 2).Draw(t, "fault") {
		case 0:
			k.LoseEvents()
		case 1:
			k.DropAnswers = rapid.IntRange(1, 3).Draw(t, "answers")
		case 2:
			k.PollLimit = rapid.IntRange(0, 3).Draw(t, "poll limit")
		}
	case 13:
		p.refuse()
	case 14:
		p.foreignEntry()
	case 15:
		p.victimEntry()
	case 16:
		k.Flush()
	case 17:
		if k.WallLater = rapid.Bool().Draw(t, "firewall later"); rapid.Bool().Draw(t, "answer") {
			k.AnswerWall()
		}
	}
}

// foreignEntry lets somebody add a route or a rule.
func (p *property) foreignEntry() {
	s := tables(nil, rapid.SampledFrom(foreignTables).Draw(p.t, "foreign entry"))
	for i := range s.Routes {
		p.k.AddRoute(s.Routes[i])
	}
	for i := range s.Rules {
		p.k.AddRule(s.Rules[i])
	}
}

// victimEntry lets somebody delete a route or a rule.
func (p *property) victimEntry() {
	s := tables(nil, rapid.SampledFrom(tablesPool).Draw(p.t, "victim entry"))
	for i := range s.Routes {
		p.k.DelRoute(s.Routes[i].Dst.String())
	}
	for i := range s.Rules {
		p.k.DelRule(s.Rules[i])
	}
}

// foreignAdd lets somebody add an address, and lets us hear of it: nobody can put back what he does not know of.
func (p *property) foreignAdd(link string) {
	text := rapid.SampledFrom(foreignPool).Draw(p.t, "foreign")
	if p.k.Hold || !p.k.AddAddr(link, text) {
		return
	}
	p.foreign[link][text] = true
	p.deliver()
}

// deliver has the events heard of before anything else is done.
func (p *property) deliver() {
	for p.k.Waiting() > 0 {
		events, state := p.k.Poll(nil)
		for i := range events {
			p.e.r.Observe(&events[i])
		}
		if state == host.Overrun {
			links, _ := p.k.Snapshot()
			p.e.r.Sync(links)
		}
	}
}

// foreignDelete lets somebody delete one of the addresses of a link, ours or not. A primary address takes its secondary
// ones along.
func (p *property) foreignDelete(link string) {
	addrs := p.k.Addrs(link)
	if len(addrs) == 0 || (p.k.Hold && len(p.foreign[link]) > 0) {
		return
	}
	a := rapid.SampledFrom(addrs).Draw(p.t, "victim")
	p.k.DelAddr(link, a.Prefix.String())
	p.recount(link, addrs)
	if !p.k.Hold {
		p.deliver()
	}
}

// recount strikes out what the kernel or somebody has just deleted. What was missing before may be about to be put back.
func (p *property) recount(link string, before []host.LinkAddr) {
	left := map[string]bool{}
	for _, b := range p.k.Addrs(link) {
		left[b.Prefix.String()] = true
	}
	for _, b := range before {
		if text := b.Prefix.String(); !left[text] {
			delete(p.foreign[link], text)
		}
	}
}

// refuse lets the kernel refuse to add one of our addresses, until the end. Never to delete, and never what is not ours.
func (p *property) refuse() {
	victim := addr(rapid.SampledFrom(ourPool).Draw(p.t, "refused")).Key
	noWall := rapid.IntRange(0, 3).Draw(p.t, "refused firewall") == 0
	dst := tables(nil, rapid.SampledFrom(tablesPool[:7]).Draw(p.t, "refused route")).Routes[0].Dst
	p.k.Refuse = func(op host.Op) string {
		if op.Route != nil && op.Route.Dst == dst && !op.Delete {
			return "not now"
		}
		if op.Address.Key == victim && !op.Delete && op.Proto == host.ProtoMark {
			return "not now"
		}
		if op.Wall != nil && noWall {
			return "not now"
		}
		return ""
	}
}

func (p *property) round() (more bool) {
	rules, ops := foreignRules(p.k), len(p.k.Ops)
	more, err := p.e.r.RoundOf(p.k, p.limit)
	p.t.Logf("round: %v; %s", p.k.Ops[ops:], strings.ReplaceAll(p.k.String(), "\n", "; "))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, op := range p.k.Ops[ops:] {
		if op.Delete && op.Route != nil && op.Route.Proto != host.ProtoMark {
			p.t.Fatalf("somebody else's route was deleted: %v", op)
		}
	}
	if now := foreignRules(p.k); now != rules {
		p.t.Fatalf("other people's rules were\n%sand are\n%s", rules, now)
	}
	p.e.hear(p.t, p.e.r.Reports())
	for _, n := range p.k.Batches {
		if n > p.limit {
			p.t.Fatalf("a batch of %d", n)
		}
	}
	return more
}

func (p *property) settle() {
	p.k.Hold, p.k.Refuse, p.k.DropAnswers = false, nil, 0
	for range 400 {
		p.k.AnswerWall()
		if !p.round() && p.k.Waiting() == 0 && !p.e.again() {
			p.atRest()
			return
		}
	}
	p.t.Fatal("does not come to rest")
}

// atRest holds that there is nothing left to do.
func (p *property) atRest() {
	ops, looks := len(p.k.Ops), p.e.r.Stats().Looks
	more, err := p.e.r.RoundOf(p.k, p.limit)
	rep := p.e.r.Reports()
	if more || err != nil || len(p.k.Ops) != ops || p.e.r.Stats().Looks != looks || !rep.Empty() || p.e.r.Pending() {
		p.t.Fatalf("not at rest: more %v, error %v, operations %v, says %+v", more, err, p.k.Ops[ops:], rep)
	}
}

func (p *property) check() {
	wanted := map[string]map[string]bool{}
	for _, name := range linkPool {
		wanted[name] = map[string]bool{}
	}
	for _, s := range p.e.want {
		for _, a := range s.Addresses {
			wanted[a.Link][a.Prefix.String()] = true
		}
	}
	for o, owed := range p.e.owed {
		if owed {
			p.t.Errorf("owner %d was never told that its generation is done", o)
		}
	}
	held := map[string]bool{}
	for _, key := range p.e.r.Held() {
		held[key.String()] = true
	}
	for _, name := range linkPool {
		got := map[string]bool{}
		for _, a := range p.k.Addrs(name) {
			got[a.Prefix.String()] = true
			if wanted[name][a.Prefix.String()] != held[host.Key{Link: name, Prefix: a.Prefix}.String()] {
				p.t.Errorf("%s: held %v, wanted %v", a.Prefix, held, wanted[name])
			}
		}
		if !strings.Contains(p.k.String(), name) {
			continue // the link does not exist
		}
		expect := maps.Clone(wanted[name])
		for text := range p.foreign[name] {
			expect[text] = true
		}
		if strings.Contains(p.k.String(), name+" down") { // what went with the link comes back with it
			maps.DeleteFunc(expect, func(text string, _ bool) bool { return strings.Contains(text, ":") && !got[text] })
		}
		if !maps.Equal(got, expect) {
			p.t.Errorf("%s holds %v, want %v (wanted %v, foreign %v)", name, got, expect, wanted[name], p.foreign[name])
		}
		p.checkView(name)
	}
}

// checkView compares what was reported of a link, our own addresses apart, with what is there.
func (p *property) checkView(name string) {
	view, ok := p.e.view[name]
	if !ok {
		p.t.Errorf("%s is there and was never reported", name)
		return
	}
	held := map[host.Key]bool{}
	for _, k := range p.e.r.Held() {
		held[k] = true
	}
	theirs := func(list []host.LinkAddr) map[netip.Prefix]bool {
		out := map[netip.Prefix]bool{}
		for _, a := range list {
			if !held[host.Key{Link: name, Prefix: a.Prefix}] {
				out[a.Prefix] = true
			}
		}
		return out
	}
	if got, want := theirs(view.Addrs), theirs(p.k.Addrs(name)); !maps.Equal(got, want) {
		p.t.Errorf("%s was reported with %v, has %v", name, got, want)
	}
	if up := strings.Contains(p.k.String(), name+" up"); view.Up != up {
		p.t.Errorf("%s was reported up=%v, is up=%v", name, view.Up, up)
	}
}
