package track

// Action is what a script wants done: Run, Signal, Change or Say.
type Action interface{ trackAction() }

// Run asks for a run of the script. Its end comes back as Ended with the same number, also when it could not be started.
type Run struct {
	Run  uint64 // counts from 1
	Spec Spec
}

// Signal asks for a signal to the whole process group of a run.
type Signal struct {
	Run  uint64
	Kill bool // SIGKILL, else SIGTERM
}

// Change says the new state of the source.
type Change struct{ State State }

// Say is a line for the log.
type Say struct {
	Level  Level
	Detail int // 0 always, 1 only with -D, 2 only with -D -D
	Text   string
}

// Level of a line, with the numbers of log/slog.
type Level int

// The levels that scripts need.
const (
	Debug Level = -4
	Info  Level = 0
	Warn  Level = 4
)

func (Run) trackAction()    {}
func (Signal) trackAction() {}
func (Change) trackAction() {}
func (Say) trackAction()    {}
