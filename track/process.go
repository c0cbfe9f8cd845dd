package track

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast.dev/clock"
)

// Match says which parameters a process may have.
type Match uint8

// The values of param_match, as keepalived 2.2.7 was seen to take them.
const (
	AnyParams     Match = iota // whatever they are
	ExactParams                // those given and no others
	PartialParams              // those given are the first ones
	InitialParams              // as PartialParams, and the last of those given may be the beginning of a longer one
)

// ProcessSpec is one vrrp_track_process (rule J12).
type ProcessSpec struct {
	Name    string
	Process string   // what /proc/PID/comm says, or with Full the first word of the command line
	Full    bool     // compare the command line
	Params  []string // with Full
	Match   Match    // with Full
	Quorum  int      // at least so many; 0 when none has to run
	Max     int      // at most so many; negative is any number
	Gain    time.Duration
	Loss    time.Duration
}

// maxComm is the longest name that the kernel keeps of a process, in bytes.
const maxComm = 15

// Hopeless reports whether no process can ever match, because the kernel does not keep names that long, or with slashes in
// them that nobody sets.
func (s *ProcessSpec) Hopeless() bool { return !s.Full && len(s.Process) > maxComm }

// SameProcesses reports whether both count the same processes.
func (s *ProcessSpec) SameProcesses(t *ProcessSpec) bool {
	return s.Process == t.Process && s.Full == t.Full && s.Match == t.Match && slices.Equal(s.Params, t.Params)
}

// Matches reports whether a process counts. comm is its name, argv its command line; that of a kernel thread or a zombie is empty.
func (s *ProcessSpec) Matches(comm string, argv []string) bool {
	if !s.Full {
		return comm == s.Process
	}
	if len(argv) == 0 || argv[0] != s.Process {
		return false
	}
	have, n := argv[1:], len(s.Params)
	switch s.Match {
	case AnyParams:
		return true
	case ExactParams:
		return slices.Equal(have, s.Params)
	}
	if n == 0 {
		return true
	}
	if len(have) < n || !slices.Equal(have[:n-1], s.Params[:n-1]) {
		return false
	}
	if s.Match == InitialParams {
		return strings.HasPrefix(have[n-1], s.Params[n-1])
	}
	return have[n-1] == s.Params[n-1]
}

// Quorum is the machine of one vrrp_track_process: it is told how many processes there are, and says whether that is right. A gain
// counts after Gain, a loss after Loss, unless the number is right, or wrong, again by then.
type Quorum struct {
	spec    ProcessSpec
	state   State
	count   int
	known   bool
	due     clock.Instant // when the other verdict counts; 0 for none
	actions []Action
}

// NewQuorum makes the machine. With reload set the source appeared at a reload (rule P10).
func NewQuorum(spec ProcessSpec, reload bool) *Quorum {
	return &Quorum{spec: spec, state: State{Kind: OfProcess, Source: spec.Name, Reload: reload}}
}

// State is the last word on the source.
func (q *Quorum) State() State { return q.state }

// Count is how many processes there were last.
func (q *Quorum) Count() int { return q.count }

// Spec is what is counted.
func (q *Quorum) Spec() *ProcessSpec { return &q.spec }

// Deadline is when Wake must next be called; ok is false when nothing is due.
func (q *Quorum) Deadline() (at clock.Instant, ok bool) { return q.due, q.due != 0 }

// Reconfigure takes over a new Spec. The processes that it counts must be told anew if they are others.
func (q *Quorum) Reconfigure(now clock.Now, spec ProcessSpec) []Action {
	q.actions = q.actions[:0]
	same := q.spec.SameProcesses(&spec)
	q.spec = spec
	if same && q.known {
		q.judge(now, 0)
	}
	return q.actions
}

// Counted takes a new number of processes. The actions are to be performed in order; the slice is reused by the next call.
func (q *Quorum) Counted(now clock.Now, n int) []Action {
	q.actions = q.actions[:0]
	delay := q.spec.Loss
	if n > q.count {
		delay = q.spec.Gain
	}
	if !q.known {
		delay = 0 // rule J12: what there is at the beginning counts at once
	}
	changed := n != q.count
	if changed {
		q.actions = append(q.actions, Say{
			Level: Info, Detail: 1,
			Text: fmt.Sprintf("Process %s, number of current processes changed from %d to %d", q.spec.Name, q.count, n),
		})
	}
	q.count, q.known = n, true
	q.judge(now, delay)
	return q.actions
}

// Wake is to be called at the deadline.
func (q *Quorum) Wake(now clock.Now) []Action {
	q.actions = q.actions[:0]
	if q.due != 0 && !now.Mono.Before(q.due) {
		q.become(q.verdict())
	}
	return q.actions
}

func (q *Quorum) verdict() Status {
	if q.count >= q.spec.Quorum && (q.spec.Max < 0 || q.count <= q.spec.Max) {
		return Up
	}
	return Down
}

// judge compares the number with what holds. A verdict that waits already goes on waiting.
func (q *Quorum) judge(now clock.Now, delay time.Duration) {
	v := q.verdict()
	switch {
	case v == q.state.Status:
		q.due = 0
	case delay <= 0:
		q.become(v)
	case q.due == 0:
		q.due = now.Mono.Add(delay)
	}
}

// become is the only place where the verdict changes.
func (q *Quorum) become(v Status) {
	q.due = 0
	if v == q.state.Status {
		return
	}
	first := q.state.Status == Unknown
	q.state = State{Kind: OfProcess, Source: q.spec.Name, Status: v}
	word := "gained"
	if v == Down {
		word = "lost"
		q.state.Reason = fmt.Sprintf("%d processes", q.count)
	}
	if !first || v == Down {
		q.actions = append(q.actions, Say{Level: Info, Text: fmt.Sprintf("Quorum %s for tracked process %s", word, q.spec.Name)})
	}
	q.actions = append(q.actions, Change{q.state})
}
