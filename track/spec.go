package track

import (
	"slices"
	"time"
)

// Spec is one vrrp_script or vrrp_check. Nothing changes it once it was handed over.
type Spec struct {
	Kind     Kind // OfScript or OfCheck
	Name     string
	Probe    Probe    // what a check does
	Args     []string // program and arguments
	Open     string   // instead of Args: a path that only has to be possible to open (rule R7)
	UID      uint32
	GID      uint32
	Groups   []uint32      // supplementary groups
	Broken   string        // why it is not to be run at all, but counts as failed; empty for what is run
	Interval time.Duration // from start to start; less than a millisecond is a second
	Timeout  time.Duration // how long it may run before it is told to end; 0 is Interval (rule J7)
	Rise     int           // successes in a row to be up, at least 1
	Fall     int           // failures in a row to be down, at least 1
}

// SameCommand reports whether both probe the same, or run the same program as the same user: then a result outlives a reload (rule P10).
func (s *Spec) SameCommand(t *Spec) bool {
	return s.Broken == t.Broken && s.Probe == t.Probe && slices.Equal(s.Args, t.Args) && s.Open == t.Open && s.UID == t.UID && s.GID == t.GID &&
		slices.Equal(s.Groups, t.Groups)
}

// withDefaults brings every field into its range.
func (s Spec) withDefaults() Spec {
	if s.Interval < time.Millisecond {
		s.Interval = time.Second
	}
	if s.Timeout <= 0 {
		s.Timeout = s.Interval
	}
	s.Interval, s.Timeout = min(s.Interval, longest), min(s.Timeout, longest)
	s.Rise, s.Fall = clampCount(s.Rise), clampCount(s.Fall)
	return s
}

// clampCount keeps rise+fall from overflowing.
func clampCount(n int) int { return min(max(n, 1), 1<<30) }

// longest is the longest interval and timeout: keepalived's own limit.
const longest = 4_294_000 * time.Second
