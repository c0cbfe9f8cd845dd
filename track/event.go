package track

import "time"

// Event is what can happen to a script: Wakeup, Ended, Reconfigure or Remove.
type Event interface{ trackEvent() }

// Wakeup says that the deadline has come.
type Wakeup struct{}

// Ended says how the run with this number ended. Only the first word on a run counts.
type Ended struct {
	Run    uint64
	Code   int           // exit status, when neither Signal nor Err is set
	Signal int           // the signal that ended it, 0 for none
	Err    string        // why a script could not be run at all, or what a check found wrong; empty when all is well
	Took   time.Duration // from its start to its end
	Output string        // the last of what it printed
}

// Reconfigure gives the script a new Spec at a reload.
type Reconfigure struct{ Spec Spec }

// Remove ends the script: a run that is going on is told to end, and no state is said any more.
type Remove struct{}

func (Wakeup) trackEvent()      {}
func (Ended) trackEvent()       {}
func (Reconfigure) trackEvent() {}
func (Remove) trackEvent()      {}
