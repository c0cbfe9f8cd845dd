package view

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/status"
	"holdfast.dev/vrrp"
)

// The kinds of events.
const (
	KindTransition = "transition"    // of an instance
	KindGroup      = "group"         // of a sync group that has scripts
	KindTrouble    = "trouble"       // the self-check found something
	KindOver       = "trouble over"  // and finds it no more
	KindConfig     = "configuration" // one has come into force
)

// Event is something that happened.
type Event struct {
	ID           string    `json:"id"`
	Kind         string    `json:"kind"`
	Time         time.Time `json:"time"`
	Name         string    `json:"name,omitempty"` // of the instance or the group; of a trouble its kind
	From         string    `json:"from,omitempty"`
	To           string    `json:"to,omitempty"`
	Why          string    `json:"why,omitempty"`
	Text         string    `json:"text,omitempty"`
	Peer         string    `json:"peer,omitempty"` // who sent the advert that decided it, or fell silent
	PeerPriority uint8     `json:"peer_priority,omitempty"`
	Priority     uint8     `json:"priority,omitempty"`
	// LateUS is how late the round of the election thread began that decided it, in microseconds.
	LateUS  float64  `json:"late_us,omitempty"`
	Steps   []Timed  `json:"steps,omitempty"`
	Scripts []Script `json:"scripts,omitempty"`
	// Slowest names the step that took longest, if any took long.
	Slowest string `json:"slowest,omitempty"`
	// Done says that nothing more will be known of it.
	Done bool `json:"done"`

	at clock.Instant
}

// Timed is a step of a transition: when it came, counted from the cause, and how long after the step before, in microseconds.
type Timed struct {
	Step   string  `json:"step"`
	AtUS   float64 `json:"at_us"`
	TookUS float64 `json:"took_us"`
}

// Script is a notify script that was run for a transition. Times are counted from the transition's cause, in microseconds.
type Script struct {
	What      string   `json:"what"` // the keyword that names it
	QueuedUS  float64  `json:"queued_us"`
	ArrivedUS float64  `json:"arrived_us"`          // it reached the process that runs scripts
	AskedUS   float64  `json:"asked_us"`            // what was before it was done
	ForkedUS  *float64 `json:"forked_us,omitempty"` // it had a process
	StartedUS *float64 `json:"started_us,omitempty"`
	EndedUS   *float64 `json:"ended_us,omitempty"`
	Fail      string   `json:"fail,omitempty"`
}

// Slow is from when on a step is worth a word.
const Slow = 100 * time.Millisecond

// settled is after what time nothing more is expected of a transition but the end of scripts.
const settled = 5 * time.Second

// key tells to which transition a script belongs.
type key struct {
	name, state string
	decided     clock.Instant
}

// Events are the latest transitions, at most limit of them, oldest first. Those of the self-check are the caller's to add.
func (s *Source) Events(limit int) []Event {
	scripts := s.scripts()
	var out []Event
	var m status.Move
	for id := s.Page.LastMove(); id > 0 && len(out) < limit; id-- {
		if !s.Page.Move(id, &m) {
			break
		}
		k := key{m.Name, m.To.String(), m.At[status.Decided]}
		out = append(out, s.transition(&m, scripts[k]))
		delete(scripts, k)
	}
	for k, runs := range scripts {
		if runs[0].Object == "GROUP" {
			out = append(out, s.groupEvent(k, runs))
		}
	}
	slices.Reverse(out) // those of one moment as they came
	order(out)
	return out[max(0, len(out)-limit):]
}

// scripts are all that are known, by what they tell of.
func (s *Source) scripts() map[key][]status.Run {
	out := map[key][]status.Run{}
	last := s.Runs.Last()
	first := uint64(1)
	if last > status.RunsKept {
		first = last - status.RunsKept + 1
	}
	var r status.Run
	for id := first; id <= last; id++ {
		if s.Runs.Run(id, &r) {
			k := key{r.Name, r.State, r.Decided}
			out[k] = append(out[k], r)
		}
	}
	return out
}

// lastMoves are the last transitions of each instance, with what is known of them.
func (s *Source) lastMoves() map[string]*Event {
	out := map[string]*Event{}
	for _, e := range s.Events(status.Moves) {
		if e.Kind == KindTransition {
			out[e.Name] = &e
		}
	}
	return out
}

// steps are the names of a transition's.
var steps = [status.Steps]struct{ name, is string }{
	status.Caused:    {"caused", "cause"},
	status.Woken:     {"woken", "the election thread woke up"},
	status.Decided:   {"decided", "it was decided"},
	status.Sent:      {"advert sent", "the first advert was sent"},
	status.Confirmed: {"kernel confirmed", "the kernel held the addresses"},
	status.Announced: {"announced", "the addresses were announced"},
	status.Queued:    {"queued", "it was handed to those who notify"},
}

// Transition is a transition without its scripts.
func (s *Source) Transition(m *status.Move) Event { return s.transition(m, nil) }

// At gives the event the moment by which events are ordered.
func (e Event) At(at clock.Instant) Event {
	e.at = at
	return e
}

// Merge puts two lists together in the order of time and keeps the latest, at most limit.
func Merge(a, b []Event, limit int) []Event {
	out := slices.Concat(a, b)
	order(out)
	return out[max(0, len(out)-limit):]
}

func order(list []Event) {
	slices.SortStableFunc(list, func(a, b Event) int { return cmp.Compare(a.at, b.at) })
}

func (s *Source) transition(m *status.Move, runs []status.Run) Event {
	e := Event{
		ID: fmt.Sprintf("t%d", m.ID), Kind: KindTransition, Time: s.wall(m.Wall), Name: m.Name, From: m.From.String(), To: m.To.String(),
		Why: m.Why.String(), Text: m.Text, Peer: text(m.Peer), PeerPriority: m.PeerPriority, Priority: m.Priority, LateUS: us(m.Late),
		at: m.At[status.Decided],
	}
	cause := first(m)
	before, slow := cause, slowest{}
	for _, i := range inOrder(m) {
		took := m.At[i].Sub(before)
		e.Steps = append(e.Steps, Timed{steps[i].name, us(m.At[i].Sub(cause)), us(max(took, 0))})
		if i != status.Caused {
			slow.see(took, steps[i].is)
		}
		before = max(before, m.At[i])
	}
	e.addScripts(runs, cause, &slow)
	e.Slowest = slow.text()
	e.Done = s.done(m, runs)
	return e
}

// first is what all times of a transition are counted from: its cause, or what is known to have come before that.
func first(m *status.Move) clock.Instant {
	at := m.At[status.Caused]
	if at == 0 {
		at = m.At[status.Decided]
	}
	return at
}

// inOrder lists the steps that the transition has come to, as they came. A packet is a cause after the round began that read it: then there
// is no waking up to be told of.
func inOrder(m *status.Move) (out []status.Step) {
	cause := first(m)
	for i := range status.Steps {
		if at := m.At[i]; at != 0 && (at >= cause || i != status.Woken) {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(a, b status.Step) int { return cmp.Compare(m.At[a], m.At[b]) })
	return out
}

// groupEvent is the scripts of a sync group for one state.
func (s *Source) groupEvent(k key, runs []status.Run) Event {
	e := Event{
		ID: fmt.Sprintf("g%d", runs[0].ID), Kind: KindGroup, Time: s.at(k.decided), Name: k.name, To: k.state, at: k.decided,
		Done: ended(runs),
	}
	var slow slowest
	e.addScripts(runs, k.decided, &slow)
	e.Slowest = slow.text()
	return e
}

func (e *Event) addScripts(runs []status.Run, cause clock.Instant, slow *slowest) {
	for i := range runs {
		r := &runs[i]
		since := func(at clock.Instant) float64 { return us(at.Sub(cause)) }
		sc := Script{What: r.What, QueuedUS: since(r.Queued), ArrivedUS: since(r.Arrived), AskedUS: since(r.Asked), Fail: r.Fail}
		slow.see(r.Arrived.Sub(r.Queued), r.What+" reached the process that runs scripts")
		slow.see(r.Asked.Sub(r.Arrived), "what was before "+r.What+" was done")
		asked := r.Asked
		if r.Forked != 0 {
			sc.ForkedUS = new(since(r.Forked))
			slow.see(r.Forked.Sub(r.Asked), r.What+" had a process")
			asked = r.Forked
		}
		if r.Started != 0 {
			sc.StartedUS = new(since(r.Started))
			slow.see(r.Started.Sub(asked), r.What+" was executed")
		}
		if r.Ended != 0 {
			sc.EndedUS = new(since(r.Ended))
		}
		if r.Started != 0 && r.Ended != 0 {
			slow.see(r.Ended.Sub(r.Started), r.What+" ended")
		}
		e.Scripts = append(e.Scripts, sc)
	}
}

// slowest finds the step that took longest.
type slowest struct {
	took time.Duration
	is   string
}

func (s *slowest) see(took time.Duration, is string) {
	if took > s.took {
		s.took, s.is = took, is
	}
}

func (s *slowest) text() string {
	if s.took < Slow {
		return ""
	}
	return fmt.Sprintf("%s passed until %s", brief(s.took), s.is)
}

func ended(runs []status.Run) bool {
	return !slices.ContainsFunc(runs, func(r status.Run) bool { return r.Ended == 0 })
}

// done reports whether nothing more will be known of a transition.
func (s *Source) done(m *status.Move, runs []status.Run) bool {
	if !ended(runs) {
		return false
	}
	if s.Now.Mono.Sub(m.At[status.Decided]) > settled {
		return true
	}
	complete := m.To != vrrp.Master || m.At[status.Sent] != 0 && m.At[status.Confirmed] != 0 && m.At[status.Announced] != 0
	return complete && m.At[status.Queued] != 0 && len(runs) >= s.expected(m)
}

// expected is how many scripts are run for a transition.
func (s *Source) expected(m *status.Move) (n int) {
	for i := range s.Config.Instances {
		in := &s.Config.Instances[i]
		if in.Name != m.Name {
			continue
		}
		own := map[vrrp.State]bool{vrrp.Master: in.Notify.Master != nil, vrrp.Backup: in.Notify.Backup != nil, vrrp.Fault: in.Notify.Fault != nil}
		if own[m.To] {
			n++
		}
		if in.Notify.Any != nil && m.To != vrrp.Init {
			n++
		}
	}
	return n
}

// brief leaves out digits that nobody wants.
func brief(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}
