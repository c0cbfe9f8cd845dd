package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
)

// carrier is an engine with one router that has a route and a rule, and a kernel that does as it is told.
type carrier struct {
	t      *testing.T
	e      *Engine
	now    clock.Now
	refuse map[host.Key]string
	said   []string
	states []State
	last   host.State // what the router wants
}

func routed(s *Spec) {
	rt := host.Route{Dst: netip.MustParsePrefix("10.9.0.0/16"), Table: host.TableMain, Type: 1, Proto: 18, Hops: []host.Hop{{Dev: "eth0"}}}
	s.Routes = []Route{{Route: rt}}
	s.Rules = []Rule{{Rule: host.Rule{Priority: 100, Action: host.ActLookup, Table: 100, Proto: 18}}}
}

func newCarrier(t *testing.T, c *Config, change func(s *Spec)) *carrier {
	s := spec("VI_1", 51, 200)
	routed(&s)
	if change != nil {
		change(&s)
	}
	c.Routers = []Spec{s}
	w := &carrier{t: t, e: New(epoch), now: epoch, refuse: map[host.Key]string{}}
	w.step(eth0("192.0.2.1/24"))
	w.step(&Configure{Config: c})
	return w
}

func (w *carrier) step(ev Event) {
	for _, a := range w.e.Step(w.now, ev) {
		switch a := a.(type) {
		case *Transition:
			w.states = append(w.states, a.To)
		case *Report:
			w.said = append(w.said, a.Text)
		}
	}
	for _, o := range slices.Clone(w.e.Dirty()) {
		gen, st := w.e.Desired(o)
		if o != host.Static {
			w.last = st
		}
		w.step(w.answer(o, gen, &st))
	}
}

// answer is what the kernel makes of a state.
func (w *carrier) answer(o host.Owner, gen uint64, st *host.State) *Applied {
	ap := &Applied{host.Applied{Owner: o, Gen: gen, Final: true}}
	result := func(k host.Key) { ap.Results = append(ap.Results, host.Result{Key: k, Err: w.refuse[k]}) }
	gone := func(k host.Key) {
		if w.refuse[k] != "" {
			ap.Unremoved = append(ap.Unremoved, host.Result{Key: k, Err: w.refuse[k]})
		}
	}
	for i := range st.Addresses {
		result(st.Addresses[i].Key)
	}
	for i := range st.Routes {
		result(st.Routes[i].Key())
	}
	for i := range st.Rules {
		result(st.Rules[i].Key())
	}
	for _, k := range st.Absent {
		gone(k)
	}
	for i := range st.AbsentRoutes {
		gone(st.AbsentRoutes[i].Key())
	}
	for i := range st.AbsentRules {
		gone(st.AbsentRules[i].Key())
	}
	return ap
}

func (w *carrier) pass(d time.Duration) {
	end := w.now.Add(d)
	for {
		at, ok := w.e.Deadline()
		if !ok || at > end.Mono {
			w.now = end
			return
		}
		w.now = w.now.Add(max(0, at.Sub(w.now.Mono)))
		w.step(&AdvertsDue{})
		w.step(&Wakeup{})
	}
}

func (w *carrier) state() State { return w.e.Routers()[0].State() }

// wants is the newest desired state as text.
func (w *carrier) wants() string {
	s := fmt.Sprintf("%d addresses %d routes %d rules", len(w.last.Addresses), len(w.last.Routes), len(w.last.Rules))
	if n := len(w.last.Absent) + len(w.last.AbsentRoutes) + len(w.last.AbsentRules); n > 0 {
		s += fmt.Sprintf(", %d absent", n)
	}
	return s
}

func (w *carrier) expect(state State, wants string) {
	w.t.Helper()
	if w.state() != state || w.wants() != wants {
		w.t.Errorf("%v wants %s; should be %v and %s\n%s", w.state(), w.wants(), state, wants, strings.Join(w.said, "\n"))
	}
}

func (w *carrier) route() host.Key { rt := w.e.Routers()[0].spec.Routes[0]; return rt.Key() }
func (w *carrier) rule() host.Key  { ru := w.e.Routers()[0].spec.Rules[0]; return ru.Key() }
func (w *carrier) lose(k host.Key, down bool) {
	w.step(&Lost{host.Lost{Owner: w.e.Routers()[0].Owner(), Key: k, LinkDown: down}})
}

func (w *carrier) heard(text string) bool {
	return slices.ContainsFunc(w.said, func(s string) bool { return strings.Contains(s, text) })
}

func TestRoutesAndRulesOfAMaster(t *testing.T) {
	w := newCarrier(t, &Config{Restore: true}, nil)
	w.expect(Backup, "0 addresses 0 routes 0 rules, 3 absent") // rule C5
	w.pass(5 * time.Second)
	w.expect(Master, "1 addresses 1 routes 1 rules")
	w.step(&Stop{})
	w.pass(5 * time.Second)
	if w.expect(Init, "0 addresses 0 routes 0 rules"); !w.e.Settled() {
		t.Error("not settled")
	}
}

// TestRegressionC54_LostRouteAndRuleAreRestored is rule K1 turned off, as for addresses.
func TestRegressionC54_LostRouteAndRuleAreRestored(t *testing.T) {
	w := newCarrier(t, &Config{Restore: true}, nil)
	w.pass(5 * time.Second)
	for _, k := range []host.Key{w.route(), w.rule()} {
		w.last = host.State{}
		w.lose(k, false)
		w.expect(Master, "1 addresses 1 routes 1 rules")
	}
	if !w.heard("route 10.9.0.0/16 dev eth0 was removed by someone, putting it back") || !w.heard("rule 100: lookup 100 was removed") {
		t.Errorf("said: %q", w.said)
	}
}

// TestLostRouteStepsDown is rule K1, and no_track.
func TestLostRouteStepsDown(t *testing.T) {
	for _, noTrack := range []bool{false, true} {
		w := newCarrier(t, &Config{}, func(s *Spec) { s.Routes[0].NoTrack, s.Rules[0].NoTrack = noTrack, noTrack })
		w.pass(5 * time.Second)
		w.lose(w.route(), false)
		if want := map[bool]State{false: Backup, true: Master}[noTrack]; w.state() != want {
			t.Errorf("no_track %v: %v", noTrack, w.state())
		}
		w.pass(time.Second)
		if w.state() != Master {
			t.Errorf("no_track %v: not MASTER after its skew time", noTrack)
		}
	}
}

// TestRefusedRouteIsNoFault: it is tried again, ever more seldom, and the router goes on.
func TestRefusedRouteIsNoFault(t *testing.T) {
	w := newCarrier(t, &Config{Restore: true}, nil)
	w.refuse[w.route()] = "network is unreachable"
	w.pass(4 * time.Second)
	w.expect(Master, "1 addresses 1 routes 1 rules")
	if !w.heard("cannot set route 10.9.0.0/16 dev eth0: network is unreachable") {
		t.Errorf("said: %q", w.said)
	}
	clear(w.refuse)
	w.last = host.State{}
	w.pass(2 * time.Second)
	w.expect(Master, "1 addresses 1 routes 1 rules")
	s := &Status{}
	if w.e.Routers()[0].Status(s); s.Standing != 3 || s.Refused != 0 {
		t.Errorf("%d standing, %d refused", s.Standing, s.Refused)
	}
	w.refuse[w.e.Routers()[0].spec.Addresses[0].Key] = "no"
	w.lose(w.e.Routers()[0].spec.Addresses[0].Key, false)
	w.pass(time.Second)
	if w.state() != Fault {
		t.Errorf("no address stands, only routes: %v", w.state())
	}
}

// TestRefusedRemovalIsTriedAgain: of what a state no longer has, and of what a reload took out of the configuration.
func TestRefusedRemovalIsTriedAgain(t *testing.T) {
	c := &Config{Restore: true}
	w := newCarrier(t, c, nil)
	w.pass(5 * time.Second)
	key := w.route()
	next := *c
	next.Routers = []Spec{c.Routers[0]}
	next.Routers[0].Routes = nil
	gen, _ := w.e.Desired(1)
	w.step(&Configure{Config: &next})
	w.step(&Applied{host.Applied{Owner: 1, Gen: gen, Final: true}}) // of a generation that is past
	w.e.touch(&w.e.Routers()[0].keeper)
	gen, _ = w.e.Desired(1)
	w.e.Routers()[0].keeper.dropped = []item{{key: key, route: &c.Routers[0].Routes[0].Route}}
	w.e.Dirty()
	w.refuse[key] = "busy"
	w.step(&Applied{host.Applied{Owner: 1, Gen: gen, Final: true, Unremoved: []host.Result{{Key: key, Err: "busy"}}}})
	if !w.heard("cannot remove route 10.9.0.0/16 dev eth0: busy, trying again") {
		t.Errorf("said: %q", w.said)
	}
	w.pass(1500 * time.Millisecond)
	w.expect(Master, "1 addresses 0 routes 1 rules, 1 absent")
	clear(w.refuse)
	w.pass(3 * time.Second)
	w.last = host.State{}
	w.pass(2 * time.Minute)
	if len(w.last.AbsentRoutes) > 0 || len(w.e.Routers()[0].keeper.stuck) > 0 {
		t.Errorf("asked for once more although it is gone: %+v", w.last)
	}
}

// TestPromoteSecondaries is rule K12: for as long as the router is configured, MASTER or not.
func TestPromoteSecondaries(t *testing.T) {
	w := newCarrier(t, &Config{Restore: true}, func(s *Spec) { s.Promote = true })
	is := func(when string, n int) {
		t.Helper()
		if len(w.last.Promote) != n {
			t.Errorf("%s: %v", when, w.last.Promote)
		}
	}
	is("BACKUP", 1)
	w.pass(5 * time.Second)
	is("MASTER", 1)
	c := *w.e.cfg
	c.Routers = slices.Clone(c.Routers)
	c.Routers[0].Promote = false
	w.step(&Configure{Config: &c})
	is("no longer configured", 0)
	w.step(&Configure{Config: &Config{Restore: true, Routers: []Spec{func() Spec { s := c.Routers[0]; s.Promote = true; return s }()}}})
	is("again", 1)
	w.step(&Stop{Within: 10 * time.Second})
	is("making way", 1)
	w.pass(5 * time.Second)
	is("gone", 0)
}

func TestStaticRoutes(t *testing.T) {
	s := spec("VI_1", 51, 200)
	routed(&s)
	c := &Config{StaticRoutes: []host.Route{s.Routes[0].Route}, StaticRules: []host.Rule{s.Rules[0].Rule}}
	e := New(epoch)
	e.Step(epoch, &Configure{Config: c})
	gen, st := e.Desired(host.Static)
	if gen == 0 || len(st.Routes) != 1 || len(st.Rules) != 1 {
		t.Errorf("wanted: %+v", st)
	}
	e.Step(epoch, &Applied{host.Applied{Owner: host.Static, Gen: gen, Final: true, Results: []host.Result{
		{Key: st.Routes[0].Key()}, {Key: st.Rules[0].Key()},
	}}})
	e.Dirty()
	e.Step(epoch, &Configure{Config: c})
	if d := e.Dirty(); len(d) != 0 {
		t.Errorf("an identical configuration is asked for again: %v", d)
	}
	e.Step(epoch, &Lost{host.Lost{Owner: host.Static, Key: st.Rules[0].Key()}})
	if d := e.Dirty(); len(d) != 1 {
		t.Errorf("a static rule that was deleted is not put back: %v", d)
	}
}
