package dump

import (
	"fmt"

	"holdfast.dev/config"
	"holdfast.dev/track"
)

// What became of the last run of a tracked script is ours; keepalived's dumps only tell whether one is running.

// of is what is known of the runs of a script.
func (s *Snapshot) of(name string) track.Report {
	return s.Results[track.ID{Kind: track.OfScript, Name: name}]
}

// activity is keepalived's word for what a script does at the moment.
func activity(r *track.Report) string {
	switch {
	case r.Began == 0:
		return "idle"
	case r.Signals == 0:
		return "running"
	case r.Signals == 1:
		return "requested termination"
	}
	return "forcing termination"
}

// result tells of the last run in the text dump.
func (t *text) result(s *Snapshot, name string) {
	r := s.of(name)
	t.field("State = %s", activity(&r))
	if r.Last.Run == 0 {
		return
	}
	t.field("Last run = %s after %.6f secs, %s", r.Outcome(), r.Last.Took.Seconds(), s.moment(r.At.Wall))
	if r.Last.Output != "" {
		t.field("Last output = %q", r.Last.Output)
	}
}

// results tells of the last runs of an instance's scripts in the JSON dump, under a key of its own.
func (j *object) results(s *Snapshot, in *config.Instance) {
	first := true
	for _, x := range in.Track.Scripts {
		r := s.of(x.Name)
		if r.Last.Run == 0 {
			continue
		}
		if first {
			j.key("track_script_results")
		}
		j.b = append(j.b, word(first, "[", ",")...)
		first = false
		j.open()
		j.str("script", x.Name)
		j.str("result", r.Outcome())
		j.num("status", uint64(r.Last.Code))
		j.num("signal", uint64(r.Last.Signal))
		j.secs("took", r.Last.Took)
		j.key("ended")
		j.b = fmt.Appendf(j.b, "%f", float64(r.At.Wall/1000)/1e6)
		j.str("output", r.Last.Output)
		j.close()
	}
	if !first {
		j.b = append(j.b, ']')
	}
}
