package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/config"
	"holdfast.dev/status"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
)

// newSource is a daemon with two instances, of which VI_1 has scripts.
func newSource(t *testing.T) *Source {
	t.Helper()
	page, err := status.Open(make([]byte, status.Size))
	if err != nil {
		t.Fatal(err)
	}
	runs, err := status.OpenRuns(make([]byte, status.RunsSize))
	if err != nil {
		t.Fatal(err)
	}
	command := &config.Command{Args: []string{"/bin/true"}}
	return &Source{
		Version: "test", Generation: 3, Page: page, Runs: runs, Zone: time.UTC, Now: clock.Now{Mono: 1000e9, Wall: 2000e9},
		Config: &config.Config{
			Instances: []config.Instance{
				{
					Name: "VI_1", Interface: "eth0", VRID: 51, Family: config.IPv4, Version: 2, Priority: 100, AdvertInterval: time.Second,
					Notify: &config.Notify{Master: command, Any: command}, SyncGroup: "G", Garp: &config.Garp{},
					Addresses: []config.Address{{Prefix: netip.MustParsePrefix("192.0.2.10/24"), Dev: "eth0"}},
					Track: config.Tracking{
						Scripts:    []config.TrackScript{{Name: "chk", Weight: 10}},
						Interfaces: []config.TrackInterface{{Name: "eth1", Weight: -20}},
					},
				},
				{Name: "VI_2", Interface: "eth0", VRID: 52, Family: config.IPv6, Version: 3, Priority: 90, Notify: &config.Notify{}, Garp: &config.Garp{}},
			},
			Groups: []config.SyncGroup{{Name: "G", Members: []string{"VI_1"}}},
		},
	}
}

// move is a transition of VI_1 to MASTER, decided at 900 s, with steps after so many milliseconds.
func move(ms ...int) *status.Move {
	m := &status.Move{
		Name: "VI_1", From: vrrp.Backup, To: vrrp.Master, Why: vrrp.WhyTimeout, Peer: netip.MustParseAddr("192.0.2.2"), PeerPriority: 90,
		Wall: 1900e9, Priority: 110,
	}
	for i, d := range ms {
		if d >= 0 {
			m.At[i] = clock.Instant(900e9 + d*1e6)
		}
	}
	return m
}

func TestStatus(t *testing.T) {
	s := newSource(t)
	st := vrrp.Status{
		Name: "VI_1", State: vrrp.Master, Since: clock.Now{Mono: 900e9, Wall: 1900e9}, Cause: vrrp.Cause{Why: vrrp.WhyTimeout}, BasePriority: 100, Priority: 90,
		Interval: time.Second, Source: netip.MustParseAddr("192.0.2.1"), Standing: 1, Addresses: 1, Contested: true, SendError: "no buffer",
		Speakers: [vrrp.Speakers]vrrp.Speaker{{Addr: netip.MustParseAddr("192.0.2.2"), Priority: 80, At: 999e9}},
	}
	st.TroubleCount, st.MoreTroubles = 1, 2
	st.Troubles[0] = vrrp.Trouble{
		Kind: vrrp.TwoMasters, From: netip.MustParseAddr("192.0.2.9"), Since: clock.Now{Wall: 1800e9}, Last: clock.Now{Wall: 1999e9}, Count: 7,
		Text: "advertises too",
	}
	var r status.Record
	r.Set(&st)
	s.Page.Put(0, &r)
	s.Page.PutSource(0, &track.State{Source: "chk", Status: track.Up, Reason: "exited\x1b[31m"}, 1950e9)
	s.Runs.PutResult(3, &track.Report{
		State: track.State{Source: "chk"}, At: clock.Now{Mono: 998e9, Wall: 1998e9}, Began: 999e9,
		Last: track.Ended{Run: 2, Code: 3, Took: 1500 * time.Microsecond, Output: strings.Repeat("x", 2000) + "\n1\n2\n3\n4\nlast \x07line\n"},
	})
	s.Page.PutSource(1, &track.State{Kind: track.OfCheck, Source: "web", Status: track.Down, Reason: "status 500"}, 1950e9)
	s.Checks = []track.Report{{
		State: track.State{Kind: track.OfCheck, Source: "web"}, At: clock.Now{Wall: 1999e9}, Last: track.Ended{Run: 1, Err: "status 500", Took: time.Second},
	}}
	s.Page.AddMove(move(0, 1, 1, 2, 3, 4, 5))
	s.Troubles = []Trouble{{Kind: "disk", Text: "it is slow", Since: time.Unix(1990, 0).UTC()}}
	got := s.Of()
	in := &got.Instances[0]
	if in.State != "MASTER" || in.Addresses[0].Held != "yes" || in.Last == nil || in.Last.To != "MASTER" || len(in.Troubles) != 4 ||
		in.Peers[0].Heard.Unix() != 1999 || in.Peers[0].Priority != 80 {
		t.Errorf("%+v", in)
	}
	want := Conflict{
		"two_masters", "192.0.2.9", "", time.Unix(1800, 0).UTC(), time.Unix(1999, 0).UTC(), 7, "advertises too", vrrp.TwoMasters.Advice(),
	}
	if len(in.Conflicts) != 1 || in.Conflicts[0] != want {
		t.Errorf("%+v", in.Conflicts)
	}
	if want := []string{"+10 script chk is up", "-20 by tracked interfaces, or by the limits of a priority"}; !reflect.DeepEqual(in.Priority.Why, want) {
		t.Errorf("priority because of %q, want %q", in.Priority.Why, want)
	}
	if two := &got.Instances[1]; two.State != "INIT" || two.Priority.Now != 90 || two.Family != 6 || two.Last != nil {
		t.Errorf("an instance that has not begun: %+v", two)
	}
	if got.Groups[0].State != "MASTER" || got.Trackers[0].Status != "up" || len(got.Timings) != 7 {
		t.Errorf("%+v", got)
	}
	script, web := got.Trackers[0], got.Trackers[1]
	if l := script.Last; l == nil || *l.Status != 3 || l.Outcome != "exited with status 3" || l.TookUS != 1500 || l.Ended.Unix() != 1998 ||
		len(l.Output) != status.MaxOutput || script.Running.Unix() != 1999 {
		t.Errorf("%+v", l)
	}
	if l := web.Last; l == nil || l.Status != nil || l.Outcome != "status 500" || !web.Running.IsZero() {
		t.Errorf("%+v", l)
	}
	var b strings.Builder
	if err := got.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"exited with status 3 after 1.5ms, 2s ago; running for 1s", "status 500 after 1s, 1s ago", "chk printed at the end:\n    1\n    2\n    3\n    4\n    last ?line\n",
		"TROUBLE  it is slow", "VI_1      MASTER", "90 (100)", "1, held", "priority    90 = 100, +10 script chk is up, -20 by", "peer        192.0.2.2, priority 80, heard 1s ago",
		"two_masters: 192.0.2.9 advertises too. make its adverts", "2 more of this kind", "somebody keeps taking the addresses away", "adverts can't be sent: no buffer", "exited?[31m", "BACKUP -> MASTER  advert timeout (192.0.2.2, priority 90)",
		"+1ms woken, +1ms decided, +2ms advert sent, +3ms kernel confirmed",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.ContainsAny(b.String(), "\x1b\x07") {
		t.Error("there are control characters in the text")
	}
}

func TestEventsAreJoinedWithTheirScripts(t *testing.T) {
	s := newSource(t)
	s.Page.AddMove(move(0, 1, 1, 2, 3, 4, 5))
	other := move(0, 1, 50)
	other.Name, other.At[status.Decided] = "VI_2", 950e9
	s.Page.AddMove(other)
	at := func(ms int) clock.Instant { return clock.Instant(900e9 + ms*1e6) }
	run := status.Run{
		Object: "INSTANCE", Name: "VI_1", State: "MASTER", What: "notify_master", Decided: at(1), Queued: at(5), Arrived: at(6), Asked: at(7), Started: at(3007),
	}
	id := s.Runs.Add(&run)
	group := status.Run{Object: "GROUP", Name: "G", State: "MASTER", What: "notify_master", Decided: at(9), Queued: at(9), Arrived: at(9), Asked: at(9), Started: at(9), Ended: at(10), Fail: "exited with status 1"}
	s.Runs.Add(&group)

	events := s.Events(100)
	if len(events) != 3 || events[0].Name != "VI_1" || events[1].Kind != KindGroup || events[2].Name != "VI_2" {
		t.Fatalf("%+v", events)
	}
	e := events[0]
	if e.Done || len(e.Scripts) != 1 || *e.Scripts[0].StartedUS != 3007e3 || e.Scripts[0].EndedUS != nil {
		t.Errorf("%+v", e)
	}
	if e.Slowest != "3s passed until notify_master was executed" {
		t.Errorf("slowest: %q", e.Slowest)
	}
	if text := strings.Join(e.Details(), "\n"); !strings.Contains(text, "notify_master: +5ms queued, +3.01s started, still running\nslow: 3s passed until") {
		t.Errorf("%s", text)
	}
	if g := events[1]; !g.Done || g.Scripts[0].Fail == "" || g.ID != "g2" {
		t.Errorf("%+v", g)
	}
	run.Forked = at(2900)
	s.Runs.Set(id, &run)
	if e := s.Events(100)[0]; e.Slowest != "2.89s passed until notify_master had a process" || *e.Scripts[0].ForkedUS != 2900e3 {
		t.Errorf("slowest: %q", e.Slowest)
	}
	run.Ended = at(3010)
	s.Runs.Set(id, &run)
	if e := s.Events(100)[0]; !e.Done || *e.Scripts[0].EndedUS != 3010e3 {
		t.Errorf("%+v", e)
	}
	if got := s.Events(1); len(got) != 1 || got[0].Name != "VI_2" {
		t.Errorf("the last one is %+v", got)
	}
	if got := s.Events(0); len(got) != 0 {
		t.Errorf("none is %+v", got)
	}
}

// TestTheSlowStepIsNamed: of every step that can be late.
func TestTheSlowStepIsNamed(t *testing.T) {
	for _, c := range []struct {
		ms   []int
		want string
	}{
		{[]int{0, 1, 1, 2, 3, 4, 5}, ""},
		{[]int{0, 700, 701, 702, 703, 704, 705}, "700ms passed until the election thread woke up"},
		{[]int{0, 1, 1, 300, 301, 302, 303}, "299ms passed until the first advert was sent"},
		{[]int{0, 1, 1, 2, 5002, 5003, 102}, "4.9s passed until the kernel held the addresses"},
		{[]int{0, 1, 1, 2, 3, 1003, 4}, "999ms passed until the addresses were announced"},
		{[]int{5, 3, 5, -1, -1, -1, 6}, ""}, // a packet: the round began before it was read
	} {
		s := newSource(t)
		for i := range c.ms {
			if c.ms[i] < 0 {
				c.ms[i] = -1
			}
		}
		e := s.Transition(move(c.ms...))
		if e.Slowest != c.want {
			t.Errorf("%v: %q, want %q", c.ms, e.Slowest, c.want)
		}
		if e.Steps[0].Step != "caused" || e.Steps[0].AtUS != 0 {
			t.Errorf("%v begins with %+v", c.ms, e.Steps[0])
		}
	}
}

// TestADoneTransition: the state of a router that has no scripts, and of one that is not MASTER.
func TestADoneTransition(t *testing.T) {
	s := newSource(t)
	for _, c := range []struct {
		what string
		name string
		now  clock.Instant
		m    *status.Move
		want bool
	}{
		{"its scripts are to come", "VI_1", 900.1e9, move(0, 1, 1, 2, 3, 4, 5), false},
		{"nobody is told", "VI_2", 900.1e9, move(0, 1, 1, 2, 3, 4, 5), true},
		{"the kernel has not answered", "VI_2", 900.1e9, move(0, 1, 1, 2, -1, -1, 5), false},
		{"the kernel never answered", "VI_2", 906e9, move(0, 1, 1, 2, -1, -1, 5), true},
	} {
		c.m.Name, s.Now.Mono = c.name, c.now
		if e := s.Transition(c.m); e.Done != c.want {
			t.Errorf("%s: %v", c.what, e.Done)
		}
	}
}

// TestDocsNameEveryField: docs/api.md tells of every field that there can be in an answer.
func TestDocsNameEveryField(t *testing.T) {
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[reflect.Type]bool{}
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] || typ == reflect.TypeFor[time.Time]() {
			return
		}
		seen[typ] = true
		for f := range typ.Fields() {
			if !f.IsExported() {
				continue
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" || !bytes.Contains(text, []byte("`"+name+"`")) {
				t.Errorf("%s.%s (%q) is not in docs/api.md", typ.Name(), f.Name, name)
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[Status]())
	walk(reflect.TypeFor[Event]())
	for _, s := range steps {
		if !bytes.Contains(text, []byte("`"+s.name+"`")) {
			t.Errorf("step %q is not in docs/api.md", s.name)
		}
	}
	for _, h := range newSource(t).Timings() {
		if !bytes.Contains(text, []byte("`"+h.Name+"`")) {
			t.Errorf("histogram %q is not in docs/api.md", h.Name)
		}
	}
}

// TestManyTransitions: thousands of transitions and instances are told of without a list per pair of them.
func TestManyTransitions(t *testing.T) {
	s := newSource(t)
	m := move(0, 1, 1, 2, 3, 4, 5)
	for i := range status.Moves + 10 {
		m.Name = fmt.Sprint("VI_", i%2000)
		s.Page.AddMove(m)
	}
	events := s.Events(status.Moves)
	if len(events) != status.Moves || events[0].ID != "t11" || events[len(events)-1].ID != fmt.Sprint("t", status.Moves+10) {
		t.Errorf("%d events from %s on", len(events), events[0].ID)
	}
	if _, err := json.Marshal(events); err != nil {
		t.Error(err)
	}
}
