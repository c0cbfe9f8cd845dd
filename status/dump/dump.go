// Package dump renders what is known of the daemon in the forms that keepalived writes on a signal (outputs.md sections 6 to 8), because
// programs read them: monitors, and whatever manages a router. It is pure: the supervisor writes the files.
package dump

import (
	"fmt"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/status"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
)

// Snapshot is the configuration in force and what its instances do.
type Snapshot struct {
	Config *config.Config
	// Status has what is known of instances, by name. One that is missing has not run yet: it is shown as INIT.
	Status map[string]vrrp.Status
	// Sources has the states of what is tracked, as far as they are known.
	Sources map[track.ID]track.State
	// Results has what is known of the runs of scripts.
	Results map[track.ID]track.Report
	Zone    *time.Location // in which times are written
}

// Take reads the status of all instances from a page, and what became of tracked scripts; runs may be nil for nothing.
func Take(c *config.Config, p *status.Page, runs *status.Runs, zone *time.Location) *Snapshot {
	s := &Snapshot{Config: c, Status: map[string]vrrp.Status{}, Sources: map[track.ID]track.State{}, Zone: zone}
	var r status.Record
	for i := range p.Top() {
		if p.Get(i, &r) {
			st := r.Status()
			s.Status[st.Name] = st
		}
	}
	for i := range p.TopSource() {
		if st, _, ok := p.Source(i); ok {
			s.Sources[st.ID()] = st
		}
	}
	if runs != nil {
		s.Results = runs.AllResults()
	}
	return s
}

// Of returns the status of an instance.
func (s *Snapshot) Of(in *config.Instance) vrrp.Status {
	st, ok := s.Status[in.Name]
	if !ok {
		st.BasePriority, st.Priority, st.Interval = in.Priority, in.Priority, in.AdvertInterval
	}
	return st
}

// wanted is the state that an instance is after: the configured one, until it is MASTER.
func wanted(in *config.Instance, st *vrrp.Status) vrrp.State {
	if in.WantMaster || st.State == vrrp.Master {
		return vrrp.Master
	}
	return vrrp.Backup
}

// Group is the state of a sync group: what all of its members are, and FAULT if one is.
func (s *Snapshot) Group(g *config.SyncGroup) vrrp.State {
	state, first := vrrp.Init, true
	for _, name := range g.Members {
		switch st := s.Status[name].State; {
		case st == vrrp.Fault:
			return st
		case first:
			state, first = st, false
		case st != state:
			return vrrp.Init
		}
	}
	return state
}

// text is a page that is being written. Section headers have no space in front, objects one, what they have three, members of lists
// five.
type text struct{ b []byte }

func (t *text) section(title string)              { t.b = fmt.Appendf(t.b, "------< %s >------\n", title) }
func (t *text) object(format string, args ...any) { t.line(1, format, args...) }
func (t *text) field(format string, args ...any)  { t.line(3, format, args...) }
func (t *text) member(format string, args ...any) { t.line(5, format, args...) }
func (t *text) line(n int, format string, a ...any) {
	t.b = fmt.Appendf(fmt.Appendf(t.b, "%*s", n, ""), format+"\n", a...)
}

// word is one of two.
func word(on bool, yes, no string) string {
	if on {
		return yes
	}
	return no
}

// downTimer is how long a BACKUP waits (rules B5 and B6).
func downTimer(in *config.Instance, st *vrrp.Status) time.Duration {
	interval, unit := in.AdvertInterval, time.Second
	if in.Version == 3 {
		if st.State == vrrp.Backup && st.MasterInterval > 0 {
			interval = st.MasterInterval
		}
		unit = interval
	}
	return time.Duration(in.DownTimerAdverts)*interval + unit*time.Duration(256-int(st.Priority))/256
}

// moment writes a time as keepalived does: seconds, and in words.
func (s *Snapshot) moment(wall int64) string {
	at := time.Unix(0, wall).In(s.Zone)
	return fmt.Sprintf("%d.%06d (%s)", at.Unix(), at.Nanosecond()/1000, at.Format("Mon Jan _2 15:04:05.000000 2006"))
}
