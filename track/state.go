// Package track turns named sources (scripts, built-in checks, files, processes) into weights and faults. It is pure:
// track/watch does the watching.
package track

import "fmt"

// Kind of a source. Names of one kind are unique.
type Kind uint8

// The kinds of sources.
const (
	OfScript  Kind = iota // vrrp_script
	OfCheck               // vrrp_check, ours
	OfFile                // track_file
	OfProcess             // vrrp_track_process
)

// String is what the log calls a source of the kind.
func (k Kind) String() string {
	switch k {
	case OfScript:
		return "script"
	case OfCheck:
		return "check"
	case OfFile:
		return "tracked file"
	case OfProcess:
		return "tracked process"
	}
	return fmt.Sprintf("kind %d", k)
}

// ID names a source.
type ID struct {
	Kind Kind
	Name string
}

func (i ID) String() string { return i.Kind.String() + " " + i.Name }

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
	Kind   Kind   `json:",omitempty"`
	Source string // its name, unique among those of its kind
	Status Status
	// Value is the number in a file, within ±MaxValue; 0 for all others.
	Value int `json:",omitempty"`
	// Reload is set on the Unknown of a source that appeared at a reload: it holds nobody back (rule P10).
	Reload bool `json:",omitempty"`
	// Reason says in words what happened: "exited with status 1", "timed_out".
	Reason string `json:",omitempty"`
}

// ID of the source.
func (s *State) ID() ID { return ID{s.Kind, s.Source} }

// Binding ties a router or a group to a source.
type Binding struct {
	Kind   Kind
	Source string
	// Weight is -253 to 253, up to ±254 for files and processes; 0 means that a failure is a fault. For a file it is what the number is
	// multiplied by.
	Weight  int
	Reverse bool
}

// ID of the source.
func (b *Binding) ID() ID { return ID{b.Kind, b.Source} }

// Effect is what one binding does to its router at the moment.
type Effect struct {
	Delta   int  // added to the base priority
	Fault   bool // the router must not run
	Pending bool // the router waits for the first result
}

// What a file's number may add at most, and from where on it is a fault (rule J11).
const (
	maxDelta   = 253
	faultDelta = -254
)

// Effect works out rules J1, J9, J11 and J12 for the state of the binding's source. Scripts and checks that weigh something do
// without their first result (rule J10). For files and processes every router waits: keepalived knows them before it begins.
func (b Binding) Effect(st State) Effect {
	switch {
	case st.Status == Unknown && (b.Weight == 0 || b.Kind == OfFile || b.Kind == OfProcess):
		return Effect{Pending: !st.Reload}
	case b.Kind == OfFile:
		return b.fileEffect(st.Value)
	case b.Weight == 0:
		return Effect{Fault: (st.Status == Down) != b.Reverse}
	case st.Status == Up && b.Weight > 0 || st.Status == Down && b.Weight < 0:
		return Effect{Delta: b.sign() * b.Weight}
	}
	return Effect{}
}

// fileEffect is rule J11.
func (b *Binding) fileEffect(value int) Effect {
	if b.Weight == 0 {
		return Effect{Fault: (value != 0) != b.Reverse}
	}
	product := b.sign() * clampValue(value) * b.Weight
	if product <= faultDelta {
		return Effect{Fault: true}
	}
	return Effect{Delta: min(product, maxDelta)}
}

func (b *Binding) sign() int {
	if b.Reverse {
		return -1
	}
	return 1
}

// Why says in words why the binding's source is a fault, as keepalived's log does.
func (b *Binding) Why(st State) string {
	switch b.Kind {
	case OfFile:
		return fmt.Sprintf("tracked file %s has status %d", b.Source, st.Value)
	case OfProcess:
		if b.Reverse {
			return fmt.Sprintf("tracked process %s quorum achieved", b.Source)
		}
		return fmt.Sprintf("tracked process %s quorum not achieved", b.Source)
	}
	if b.Reverse {
		return fmt.Sprintf("%s succeeded", b.ID())
	}
	return fmt.Sprintf("%s failed", b.ID())
}
