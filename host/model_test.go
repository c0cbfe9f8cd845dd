package host_test

import (
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

// TestModel holds the Reconciler against a model that is too simple to be wrong: one thing happens at a time, and then everything that was
// asked of the kernel, answered to owners and told of links must be what follows from it. The same happens to two machines: what one of
// them does and says, the other does and says too, for nothing may depend on the order of a map.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		m.settle("the first reading")
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			m.step()
		}
		m.again()
		for _, o := range slices.Sorted(maps.Keys(m.want)) {
			m.forget(o)
		}
	})
}

// model is what is wanted and what other people have, and the two machines.
type model struct {
	t       *rapid.T
	sides   [2]*side
	gen     uint64
	want    map[host.Owner]host.State
	latest  map[host.Key]host.Address // as the latest owner wanted it
	foreign map[string]map[netip.Prefix]host.LinkAddr
	limit   int
	promote bool // somebody may want promote_secondaries
}

var (
	modelLinks = []string{"eth0", "eth1"}
	modelVMACs = []string{"vrrp.51", "vrrp.52", "vrrp.53", "vrrp.54"} // the last on eth1
	modelPool  = []string{
		"10.0.0.3/24", "10.0.0.4/24", "10.0.0.5/24", "10.0.0.4/25", "10.0.1.3/24", "10.0.0.6/32", "fd00::3/64", "fd00::4/128",
		"10.0.0.3/24@eth1", "10.0.0.7/24@eth1", "fd00::3/64@eth1", "10.0.2.1/24", "10.0.2.2/24",
	}
	modelForeign = []string{"10.0.0.100/24", "10.0.0.101/24", "10.0.1.100/24", "fd00::100/64", "10.0.0.5/24", "fd00::3/64"}
	modelTables  = []string{
		"10.90.0.0/16 dev eth0", "10.92.0.0/16 dev eth0 src 10.0.1.3", "10.93.0.0/16 dev eth1 metric 5", "fd90::/64 dev eth1",
		"blackhole 10.94.0.0/16", "10.91.0.0/16 via 10.0.0.254 dev eth0", "100: iif eth0 lookup 100", "100: lookup 100",
		"200: from fd90::/64 lookup 7", "201: from fd91::/64 lookup 7",
	}
)

func newModel(t *rapid.T) *model {
	m := &model{
		t: t, want: map[host.Owner]host.State{}, latest: map[host.Key]host.Address{}, foreign: map[string]map[netip.Prefix]host.LinkAddr{},
		limit: rapid.SampledFrom([]int{1, 2, 5, host.MaxBatch}).Draw(t, "limit"), promote: rapid.IntRange(0, 3).Draw(t, "promote") == 0,
	}
	for i := range m.sides {
		s := &side{
			m: m, Kernel: &hosttest.Kernel{}, r: host.New(host.ProtoMark), view: map[string]host.Link{}, held: "[]", gen: map[host.Owner]uint64{},
			told: map[host.Owner]map[host.Key]bool{}, final: map[host.Owner]bool{},
		}
		for _, name := range modelLinks {
			s.AddLink(name, true)
		}
		s.begin()
		m.sides[i] = s
	}
	for _, name := range append(slices.Clone(modelLinks), modelVMACs...) {
		m.foreign[name] = map[netip.Prefix]host.LinkAddr{}
	}
	return m
}

func (m *model) step() {
	t := m.t
	switch rapid.IntRange(0, 13).Draw(t, "what") {
	case 0, 1, 2, 3, 4:
		m.ask(host.Owner(rapid.IntRange(0, 2).Draw(t, "owner")), m.drawState())
	case 5:
		m.forget(host.Owner(rapid.IntRange(0, 2).Draw(t, "owner")))
	case 6, 7:
		m.foreignAdd()
	case 8, 9:
		m.victim()
	case 10:
		m.power()
	case 11:
		m.replug()
	case 12:
		m.doubtful()
	case 13:
		m.entryVictim()
	}
}

// drawState draws what an owner wants: few things, so that they meet.
func (m *model) drawState() (s host.State) {
	t := m.t
	for i, text := range modelPool {
		a := addr(text)
		switch rapid.IntRange(0, 5).Draw(t, fmt.Sprintf("want%d", i)) {
		case 0, 1:
			if rapid.IntRange(0, 4).Draw(t, "other") == 0 {
				if a.Prefix.Addr().Is4() {
					a.Label = a.Link + ":1"
				} else {
					a.Preferred = 0
				}
			}
			s.Addresses = append(s.Addresses, a)
		case 2:
			s.Absent = append(s.Absent, a.Key)
		}
	}
	for i, text := range modelTables {
		one := tables(nil, text)
		if rapid.IntRange(0, 3).Draw(t, fmt.Sprintf("entry%d", i)) == 0 {
			s.Routes, s.Rules = append(s.Routes, one.Routes...), append(s.Rules, one.Rules...)
		}
	}
	for i, name := range modelVMACs {
		switch rapid.IntRange(0, 5).Draw(t, "link "+name) {
		case 0:
			s.Links = append(s.Links, modelVMAC(i, false))
		case 1:
			s.Links = append(s.Links, modelVMAC(i, true))
			s.Addresses = append(s.Addresses, addr(fmt.Sprintf("10.1.%d.1/24@%s", i, name)), addr(fmt.Sprintf("fd01::%d/64@%s", i+1, name)))
		}
	}
	for _, name := range modelLinks {
		if m.promote && rapid.IntRange(0, 4).Draw(t, "promote "+name) == 0 {
			s.Promote = append(s.Promote, name)
		}
	}
	return s
}

func modelVMAC(i int, up bool) host.VirtualLink {
	v := vmac(up)
	v.Name, v.MAC[5] = modelVMACs[i], byte(51+i)
	if i == 3 {
		v.Base = "eth1"
	}
	return v
}

// ask has an owner want something else, and holds that exactly what follows from it is done.
func (m *model) ask(o host.Owner, s host.State) {
	m.wish(o, s)
	m.check()
}

func (m *model) wish(o host.Owner, s host.State) {
	m.gen++
	m.want[o] = s
	for i := range s.Addresses {
		m.latest[s.Addresses[i].Key] = s.Addresses[i]
	}
	wanted := m.wanted()
	for _, k := range s.Absent {
		if !wanted[k] {
			delete(m.foreign[k.Link], k.Prefix)
		}
	}
	for _, side := range m.sides {
		side.begin()
		side.gen[o], side.told[o], side.final[o] = m.gen, map[host.Key]bool{}, false
		side.r.Want(o, m.gen, s)
	}
	m.settle(fmt.Sprintf("a new wish of %d", o))
	m.adopt()
	m.nothingLost()
}

func (m *model) forget(o host.Owner) {
	delete(m.want, o)
	for _, side := range m.sides {
		side.begin()
		delete(side.gen, o)
		delete(side.told, o)
		delete(side.final, o)
		side.r.Forget(o)
	}
	m.settle("an owner that is gone")
	m.nothingLost()
	m.check()
}

// again wants anew what every owner wants, as owners do who have lost something.
func (m *model) again() {
	for range 2 { // what one owner's route needs another may only have got then
		for _, o := range slices.Sorted(maps.Keys(m.want)) {
			m.wish(o, m.want[o])
		}
	}
	m.check()
	for _, s := range m.sides {
		s.checkTables()
	}
}

// wanted are the addresses that anybody wants.
func (m *model) wanted() map[host.Key]bool {
	all := map[host.Key]bool{}
	for _, s := range m.want {
		for i := range s.Addresses {
			all[s.Addresses[i].Key] = true
		}
	}
	return all
}

// adopt: what is wanted and stands is ours from now on, whoever added it.
func (m *model) adopt() {
	for k := range m.wanted() {
		delete(m.foreign[k.Link], k.Prefix)
	}
}

// foreignAdd lets another program add an address with settings of its own.
func (m *model) foreignAdd() {
	k := addr(rapid.SampledFrom(modelForeign).Draw(m.t, "foreign")).Key
	k.Link = rapid.SampledFrom(modelLinks).Draw(m.t, "foreign link")
	label, flags := "", host.FlagNoDAD
	if k.Prefix.Addr().Is4() {
		if flags = 0; rapid.Bool().Draw(m.t, "labelled") {
			label = k.Link + ":x"
		}
	}
	if m.wanted()[k] {
		return
	}
	for _, s := range m.sides {
		l := s.Link(k.Link)
		if l == nil || !l.Up {
			return
		}
		s.begin()
		op := host.Op{Index: l.Index, Proto: 4, Valid: 1000, Metric: 7, Address: host.Address{Key: k, Label: label, Flags: flags, Preferred: 900}}
		if s.Kernel.Apply([]host.Op{op}, nil)[0].Outcome != host.Done {
			return
		}
		for _, a := range s.Addrs(k.Link) {
			if a.Prefix == k.Prefix {
				m.foreign[k.Link][k.Prefix] = a
			}
		}
	}
	m.settle("another program's address")
	m.nothingLost()
	for _, s := range m.sides {
		if len(s.log) > 0 {
			m.t.Fatalf("operations because of somebody else's address: %v", s.log)
		}
	}
	m.check()
}

// victim lets somebody delete an address, ours or another's. Then it is lost and not put back by itself.
func (m *model) victim() {
	link := rapid.SampledFrom(append(slices.Clone(modelLinks), modelVMACs...)).Draw(m.t, "victim link")
	addrs := m.sides[0].Addrs(link)
	if len(addrs) == 0 {
		return
	}
	at := rapid.SampledFrom(addrs).Draw(m.t, "victim").Prefix
	unseen := rapid.IntRange(0, 3).Draw(m.t, "unseen") == 0
	m.meddle("an address that somebody deleted", unseen, func(k *hosttest.Kernel) { k.DelAddr(link, at.String()) })
	for _, s := range m.sides {
		for _, line := range s.log {
			if !strings.Contains(line, "route ") && !strings.Contains(line, "rule ") { // routes that went with it come back
				m.t.Fatalf("%s was deleted by somebody, and then: %v", at, s.log)
			}
		}
	}
	m.again()
}

// entryVictim lets somebody delete a route or a rule of ours, which is lost then and not put back by itself.
func (m *model) entryVictim() {
	entries := m.sides[0].entries()
	if len(entries) == 0 {
		return
	}
	key := rapid.SampledFrom(entries).Draw(m.t, "entry")
	var lost []string
	for _, o := range slices.Sorted(maps.Keys(m.want)) {
		if keysOf(m.want[o])[host.Key{Entry: key}] {
			lost = append(lost, fmt.Sprintf("%d %s", o, key))
		}
	}
	for _, s := range m.sides {
		s.begin()
		if !s.DelEntry(key) {
			m.t.Fatalf("%s is there and can't be deleted", key)
		}
	}
	m.settle("an entry that somebody deleted")
	m.nothingLost()
	for _, s := range m.sides {
		if slices.Sort(s.lostEntries); !slices.Equal(s.lostEntries, lost) || len(s.log) > 0 {
			m.t.Fatalf("%s was deleted by somebody: told as lost %v, want %v; done: %v", key, s.lostEntries, lost, s.log)
		}
	}
	m.again()
}

// power takes a link down, or up.
func (m *model) power() {
	link := rapid.SampledFrom(append(slices.Clone(modelLinks), modelVMACs...)).Draw(m.t, "power link")
	l := m.sides[0].Link(link)
	if l == nil {
		return
	}
	unseen := rapid.IntRange(0, 3).Draw(m.t, "unseen") == 0
	first := rapid.Bool().Draw(m.t, "addresses first")
	m.meddle("a link that goes up or down", unseen, func(k *hosttest.Kernel) {
		k.AddrsFirst = first
		k.SetUp(link, !l.Up)
	})
	if l.Base != 0 {
		m.again() // it is taken up or down again
	}
	m.check()
}

// replug deletes a link, makes it, or gives it another name and its own again.
func (m *model) replug() {
	link := rapid.SampledFrom(append(slices.Clone(modelLinks), modelVMACs...)).Draw(m.t, "replug link")
	l := m.sides[0].Link(link)
	unseen := rapid.IntRange(0, 3).Draw(m.t, "unseen") == 0
	switch {
	case l == nil && strings.HasPrefix(link, "vrrp"):
		return
	case l == nil:
		m.meddle("a new link", unseen, func(k *hosttest.Kernel) { k.AddLink(link, true) })
	case rapid.Bool().Draw(m.t, "rename") && l.Base == 0:
		theirs := maps.Clone(m.foreign[link])
		m.meddle(renamed, unseen, func(k *hosttest.Kernel) { k.RenameLink(link, "other") })
		m.foreign[link] = theirs
		m.meddle(renamed, unseen, func(k *hosttest.Kernel) { k.RenameLink("other", link) })
	default:
		m.meddle("a deleted link", unseen, func(k *hosttest.Kernel) { k.DeleteLink(link) })
	}
	m.again()
}

// doubtful has an owner want something while answers are lost, or the kernel refuses something: nothing can be foretold of it but what
// stands when the owner has wanted it again.
func (m *model) doubtful() {
	o, s := host.Owner(rapid.IntRange(0, 2).Draw(m.t, "owner")), m.drawState()
	s.Absent = nil
	lose, one := rapid.IntRange(0, 4).Draw(m.t, "answers"), rapid.SampledFrom(modelPool).Draw(m.t, "refused")
	m.gen++
	m.want[o] = s
	for i := range s.Addresses {
		m.latest[s.Addresses[i].Key] = s.Addresses[i]
	}
	for _, side := range m.sides {
		side.begin()
		side.murky = true
		side.DropAnswers = lose
		side.Refuse = func(op host.Op) string {
			if op.Link == nil && op.Key() == addr(one).Key && !op.Delete {
				return "not now"
			}
			return ""
		}
		side.gen[o], side.told[o], side.final[o] = m.gen, map[host.Key]bool{}, false
		side.r.Want(o, m.gen, s)
	}
	m.settle("doubt")
	for _, side := range m.sides {
		side.murky, side.DropAnswers, side.Refuse = false, 0, nil
	}
	m.adopt()
	m.again()
}

// renamed is what happened to a link whose macvlans then are taken down: what is lost on those is not foretold.
const renamed = "another name"

// meddle lets somebody do something to both machines, and holds that exactly what is gone is told as lost.
func (m *model) meddle(what string, unseen bool, do func(k *hosttest.Kernel)) {
	var lost [2][]string
	for i, s := range m.sides {
		s.begin()
		before := m.standing(s)
		do(s.Kernel)
		after := m.standing(s)
		for line, k := range before {
			if _, still := after[line]; still {
				continue
			}
			l := s.Link(k.Link)
			if l == nil || k.Prefix.Addr().Is6() && !l.Up {
				line += " link down"
			}
			lost[i] = append(lost[i], line)
		}
		if unseen {
			s.LoseEvents()
		}
		m.recount(s)
	}
	m.settle(what)
	for i, s := range m.sides {
		if what == renamed {
			virtual := func(line string) bool { return strings.Contains(line, "vrrp.") }
			s.lost, lost[i] = slices.DeleteFunc(s.lost, virtual), slices.DeleteFunc(lost[i], virtual)
		}
		slices.Sort(lost[i])
		slices.Sort(s.lost)
		if !slices.Equal(lost[i], s.lost) {
			m.t.Fatalf("after %s (unseen: %v): told as lost %v, want %v", what, unseen, s.lost, lost[i])
		}
	}
}

// standing are the addresses that stand and are wanted, one line for each owner.
func (m *model) standing(s *side) map[string]host.Key {
	out := map[string]host.Key{}
	for o, w := range m.want {
		for i := range w.Addresses {
			if k := w.Addresses[i].Key; s.has(k) {
				out[fmt.Sprintf("%d %s", o, k)] = k
			}
		}
	}
	return out
}

// recount strikes out what other people have no more.
func (m *model) recount(s *side) {
	for link, list := range m.foreign {
		maps.DeleteFunc(list, func(p netip.Prefix, _ host.LinkAddr) bool { return !s.has(host.Key{Link: link, Prefix: p}) })
	}
}

func (m *model) nothingLost() {
	for _, s := range m.sides {
		if len(s.lost) > 0 {
			m.t.Fatalf("told as lost, although nobody took anything away: %v", s.lost)
		}
	}
}
