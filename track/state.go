// Package track turns named sources (scripts, later files, processes, BFD sessions) into weights and faults.
// It is pure: track/watch does the watching.
package track

// Status of a source.
type Status uint8

// A source is Unknown until its first result. A weight-0 tracker holds its router back until then (rule J9).
const (
	Unknown Status = iota
	Up
	Down
)

func (s Status) String() string {
	switch s {
	case Up:
		return "up"
	case Down:
		return "down"
	}
	return "unknown"
}

// State is the last word on one source. A new State of the same source replaces the old.
type State struct {
	Source string // the name of the vrrp_script
	Status Status
	// Reload is set on the Unknown of a source that appeared at a reload: it holds nobody back (rule P10).
	Reload bool `json:",omitempty"`
	// Reason says in words what happened: "exited with status 1", "timed_out".
	Reason string `json:",omitempty"`
}

// Binding ties a router or a group to a source.
type Binding struct {
	Source  string
	Weight  int // -253 to 253; 0 means that a failure is a fault
	Reverse bool
}

// Effect is what one binding does to its router at the moment.
type Effect struct {
	Delta   int  // added to the base priority
	Fault   bool // the router must not run
	Pending bool // the router waits for the first result
}

// Effect works out rules J1 and J9 for the status s of the binding's source.
func (b Binding) Effect(s Status, reload bool) Effect {
	if b.Weight == 0 {
		switch {
		case s == Unknown:
			return Effect{Pending: !reload}
		case (s == Down) != b.Reverse:
			return Effect{Fault: true}
		}
		return Effect{}
	}
	w := b.Weight
	if b.Reverse {
		w = -w
	}
	if s == Up && b.Weight > 0 || s == Down && b.Weight < 0 {
		return Effect{Delta: w}
	}
	return Effect{}
}
