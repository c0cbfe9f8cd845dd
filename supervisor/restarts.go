package supervisor

import "time"

// restarts decides when a role that died comes back (rule Q4).
type restarts struct {
	step   int
	deaths []time.Time // the last ones, at most resumeLimit
}

// A role may resume what it was doing unless it died resumeLimit times within resumeWindow.
const (
	resumeLimit  = 3
	resumeWindow = time.Minute
)

// died is told of a death after a life of that length. The result is how long to wait.
func (r *restarts) died(now time.Time, lived time.Duration, t *Timing) (delay time.Duration, limited bool) {
	r.deaths = append(r.deaths, now)
	if n := len(r.deaths) - resumeLimit; n > 0 {
		r.deaths = r.deaths[n:]
	}
	if lived >= t.Healthy {
		r.step = 0
		return 0, false
	}
	delay = t.Delays[min(r.step, len(t.Delays)-1)]
	r.step++
	return delay, true
}

// mayResume reports whether a process that is started now may go on where the last one was.
func (r *restarts) mayResume(now time.Time) bool {
	return len(r.deaths) > 0 && (len(r.deaths) < resumeLimit || now.Sub(r.deaths[0]) > resumeWindow)
}
