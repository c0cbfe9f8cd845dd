package notify

import "time"

// Spec says which scripts the objects of one generation of the configuration have. Nothing changes it once it was handed over.
type Spec struct {
	Gen     uint64
	Objects []ObjectSpec
	Limits  Limits
	Pipes   []PipeSpec
}

// PipeSpec is a named pipe that is told of every event.
type PipeSpec struct {
	Path     string
	UID, GID uint32  // whose it is, if it has to be made
	Reader   *Script // who reads it, with the path as last argument; nil for somebody else
}

// ObjectSpec is one virtual router or sync group with its scripts.
type ObjectSpec struct {
	Object  Object
	Name    string
	Members []string // of a group: its virtual routers, whose scripts start before the group's (rule I10)
	// Scripts holds the script of a state: Master, Backup, Fault, Stop, Deleted or MasterRxLowPrio. Those of Trouble and TroubleOver get
	// object, name, state, kind, who shows it, and the evidence as further arguments.
	Scripts map[string]Script
	Any     *Script // notify: run after the state's own, with object, name, state and priority as further arguments
	// TellDeleted is set where notify_deleted is configured: Any hears of a removal as DELETED, else as FAULT (rule P8).
	TellDeleted bool
}

// Script is a program to run for an event.
type Script struct {
	Args   []string // program and arguments
	Open   string   // instead of Args: a path that only has to be possible to open (rule R7)
	UID    uint32
	GID    uint32
	Groups []uint32      // supplementary groups
	Limit  time.Duration // how long it may run before it is told to end; 0 is Limits.Run
}

// Limits bound what a configuration's scripts can take. A zero field stands for its default.
type Limits struct {
	// Run is how long a script may run before its group gets SIGTERM, and 2 s later SIGKILL. keepalived has no such limit, but
	// there a hung notify_master does not hold back notify_backup either, since nothing is ordered. Default 60 s.
	Run time.Duration
	// Stop replaces Run for the scripts of an instance's STOP and a group's notify; a group's notify_stop has Run (rule Y6).
	// Default 1 s.
	Stop time.Duration
	// Group is how long a group's scripts wait at most for those of its members to start first. Default 1 s.
	Group    time.Duration
	Parallel int  // scripts of different objects at the same time; default 512
	Queue    int  // events that may wait per object before superseded ones are merged; default 100
	Merge    bool // merge superseded events always: only the newest state that was not yet told is
}

// Defaults of Limits.
const (
	DefaultRun      = 60 * time.Second
	DefaultStop     = time.Second
	DefaultGroup    = time.Second
	DefaultParallel = 512
	DefaultQueue    = 100
)

// withDefaults fills in the zero fields.
func (l Limits) withDefaults() Limits {
	l.Run = or(l.Run, DefaultRun)
	l.Stop = or(l.Stop, DefaultStop)
	l.Group = or(l.Group, DefaultGroup)
	l.Parallel = or(l.Parallel, DefaultParallel)
	l.Queue = or(l.Queue, DefaultQueue)
	return l
}

func or[T time.Duration | int](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
