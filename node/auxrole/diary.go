package auxrole

import (
	"fmt"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/node/auxrole/selfcheck"
	"holdfast.dev/status"
	"holdfast.dev/status/view"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/vrrp"
)

// diary keeps what is told of the daemon as a whole: troubles and configurations.
type diary struct {
	events []view.Event
	last   uint64 // number of the newest
	open   []view.Trouble
}

// maxDiary is how many events are kept.
const maxDiary = 512

func (d *diary) add(now clock.Now, kind, name, text string) {
	d.last++
	if len(d.events) == maxDiary {
		d.events = slices.Delete(d.events, 0, 1)
	}
	d.events = append(d.events, view.Event{
		ID: fmt.Sprintf("d%d", d.last), Kind: kind, Name: name, Text: text, Time: time.Unix(0, now.Wall), Done: true,
	}.At(now.Mono))
}

// list is a copy of all.
func (d *diary) list() []view.Event { return slices.Clone(d.events) }

// troubles is a copy of those that there are at the moment.
func (d *diary) troubles() []view.Trouble { return slices.Clone(d.open) }

// configured notes that a configuration came into force.
func (d *diary) configured(now clock.Now, g *Generation) {
	d.add(now, view.KindConfig, "", fmt.Sprintf("configuration %d came into force, with %d virtual routers", g.Number, len(g.Config.Instances)))
}

// note takes over what the self-check has found, and makes the lines for the log.
func (d *diary) note(now clock.Now, changes []selfcheck.Change) (lines []role.Log) {
	for _, c := range changes {
		i := slices.IndexFunc(d.open, func(t view.Trouble) bool { return t.Kind == c.Kind })
		kind, level, text := view.KindTrouble, levelWarning, c.Text
		switch {
		case !c.Over && i < 0:
			d.open = append(d.open, view.Trouble{Kind: c.Kind, Text: c.Text, Since: time.Unix(0, now.Wall)})
		case c.Over && i >= 0:
			kind, level, text = view.KindOver, levelInfo, "no more: "+d.open[i].Text
			d.open = slices.Delete(d.open, i, i+1)
		default:
			continue
		}
		d.add(now, kind, c.Kind, text)
		lines = append(lines, role.Log{Level: level, Text: "self-check: " + text, Attrs: map[string]string{"kind": c.Kind}, At: now.Wall})
	}
	return lines
}

// Levels of log/slog.
const (
	levelInfo    = 0
	levelWarning = 4
)

// lateSteps tells of transitions of which a step was late. Those of scripts are told of by the process that runs them.
type lateSteps struct {
	seen uint64          // transitions up to this one were dealt with, but for
	wait map[uint64]bool // these, which are not complete
}

// look makes a line for every transition that is complete and had a slow step on its way to those who notify.
func (l *lateSteps) look(s *view.Source) (lines []role.Log) {
	if l.wait == nil {
		l.wait = map[uint64]bool{}
	}
	last := s.Page.LastMove()
	for id := max(l.seen, last-min(last, status.Moves)) + 1; id <= last; id++ {
		l.wait[id] = true
	}
	l.seen = last
	var m status.Move
	for id := range l.wait {
		if !s.Page.Move(id, &m) {
			delete(l.wait, id)
			continue
		}
		done := m.To != vrrp.Master || m.At[status.Sent] != 0 && m.At[status.Confirmed] != 0 && m.At[status.Announced] != 0
		if !done && s.Now.Mono.Sub(m.At[status.Decided]) < lateWait {
			continue
		}
		delete(l.wait, id)
		if e := s.Transition(&m); e.Slowest != "" {
			text := fmt.Sprintf("(%s) %s -> %s was slow: %s", e.Name, e.From, e.To, e.Slowest)
			lines = append(lines, role.Log{Level: levelWarning, Text: text, At: s.Now.Wall})
		}
	}
	return lines
}

// lateWait is how long the steps of a transition are waited for.
const lateWait = 5 * time.Second
