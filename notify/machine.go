package notify

import (
	"time"

	"holdfast.dev/clock"
)

// Input is what can happen to a Dispatcher.
type Input interface{ notifyInput() }

// Wakeup says that the deadline has come.
type Wakeup struct{}

// Arrived is an event that somebody wants delivered. Received is when it reached this process.
type Arrived struct{ Event Event }

// Began says that the program of a job runs now.
type Began struct {
	Job uint64
	At  clock.Instant
}

// Ended says how a job ended. Only the first word on a job counts.
type Ended struct {
	Job  uint64
	Fail string        // why it was no success, in words; empty for success
	Took time.Duration // how long the program ran
}

// Renewed says that the sender of the events is another process than before, whose Seq start anew.
type Renewed struct{}

// Resume says what a former run of this process had begun of an event that may be sent again: of the event with this Seq,
// decided at this instant, so many scripts. They are not run again.
type Resume struct {
	Seq     uint64
	Decided clock.Instant
	Steps   int
}

// Stopping says that nothing new will come, and that all must be delivered or given up by the instant Until.
type Stopping struct{ Until clock.Instant }

func (Wakeup) notifyInput()   {}
func (Arrived) notifyInput()  {}
func (Began) notifyInput()    {}
func (Ended) notifyInput()    {}
func (Renewed) notifyInput()  {}
func (Resume) notifyInput()   {}
func (Stopping) notifyInput() {}

// Action is what a Dispatcher wants done: Run, Signal, Ack or Say.
type Action interface{ notifyAction() }

// Run asks for a script to be run. Its beginning comes back as Began, its end as Ended, also when it could not be started.
type Run struct {
	Job    uint64
	Event  Event
	Step   int    // which of the event's scripts it is, from 0
	What   string // the keyword that configured it, for the log
	Script Script // with all arguments
	// Arrived is when the event reached this process.
	Arrived clock.Instant
}

// Signal asks for a signal to the whole process group of a job.
type Signal struct {
	Job  uint64
	Kill bool // SIGKILL, else SIGTERM
}

// Ack tells the sender that all events up to Seq of an object were delivered or given up: their last scripts have begun.
type Ack struct {
	Object Object
	Name   string
	Seq    uint64
}

// Say is a line for the log; Level has the numbers of log/slog.
type Say struct {
	Level int
	Text  string
}

func (Run) notifyAction()    {}
func (Signal) notifyAction() {}
func (Ack) notifyAction()    {}
func (Say) notifyAction()    {}

const (
	levelInfo  = 0
	levelWarn  = 4
	levelError = 8
)
