package host

// EventKind says what an Event tells.
type EventKind uint8

// Kinds of events.
const (
	LinkNew      EventKind = iota + 1 // a link is there, or something about it changed: Link without Forward6 and Addrs
	LinkDel                           // a link is gone
	AddrNew                           // an address is there, or its flags changed: Addr
	AddrDel                           // an address is gone: Addr
	Forward6                          // IPv6 forwarding was switched on a link: Forward
	EntryChanged                      // a route or rule was added, changed or deleted: Route or Rule, By
	WallChanged                       // somebody else has changed the firewall
	WallAnswered                      // what came of the WallOp that was answered Later: Answer
)

// Event is something that the kernel told of its own accord. Events come in the kernel's order, but late: what they tell
// may no longer be so, and what we do ourselves is told as well.
type Event struct {
	Kind    EventKind
	Index   int // the link
	Forward bool
	Link    Link
	Addr    LinkAddr
	Route   *Route
	Rule    *Rule
	By      Actor
	Answer  OpResult
}

// Actor is who caused an event.
type Actor uint8

// Who may cause an event.
const (
	ByKernel Actor = iota // nobody asked for it
	BySelf                // we did
	ByOther               // another program did
)

// View is one link as the kernel describes it when it is asked.
type View struct {
	Gone  bool // there is no such link any more
	Up    bool // IFF_UP
	Addrs []LinkAddr
}

// PollState says what is left after a Poll.
type PollState uint8

// States after a Poll.
const (
	Drained PollState = iota // no event is left
	Waiting                  // there may be more
	Overrun                  // events were lost: what the kernel holds has to be read anew. Stays until a Snapshot succeeds
)

// Kernel is what a Reconciler needs of a kernel. host/kernel is a real one, host/hosttest one that is pretended.
// All calls come from one goroutine.
type Kernel interface {
	// Poll appends the events that have come, as many as suit a round, and does not wait. The events of an Apply are
	// there before it returns; only that of an IPv6 address which was added may come later, and not after its end.
	Poll(events []Event) ([]Event, PollState)
	// Snapshot reads all links with their addresses, in the kernel's order.
	Snapshot() ([]Link, error)
	// Look reads one link. The flags are read after the addresses, and not while the kernel is changing the link: if an
	// address is missing because the link was taken down or away, then View says so.
	Look(index int) (View, error)
	// Tables reads the parts of the routing tables and the rules that are asked for, with more of them or not. From the first
	// call on there are events about routes and rules.
	Tables(ask []Query) ([]Route, []Rule, error)
	// Apply carries out ops in order and appends a result for each.
	Apply(ops []Op, results []OpResult) []OpResult
}

// Report is what a Reconciler has to tell since it was last asked, in the order in which it should be taken in: a link
// that was renamed, or made again, is in Gone and in Changed, and what was lost may have been added again already.
type Report struct {
	Gone     []string // names of links that are no more
	Changed  []Link   // links of which anything changed but the addresses that we hold
	Lost     []Lost
	Applied  []Applied
	Troubles []string // what went wrong and belongs to no owner, for the log
	Synced   bool     // the kernel was read completely, for the first time or after events were lost
	Held     bool     // what Held returns has changed
}

// Empty reports whether there is nothing in it.
func (r *Report) Empty() bool {
	return len(r.Applied)+len(r.Lost)+len(r.Gone)+len(r.Changed)+len(r.Troubles) == 0 && !r.Synced && !r.Held
}

// Stats counts what a Reconciler did. Nothing is ever reset.
type Stats struct {
	Events   uint64 // events observed
	Overruns uint64 // times that events were lost
	Resyncs  uint64 // complete readings
	Looks    uint64 // readings of one link, to learn whether an address is really gone
	Batches  uint64
	Added    uint64
	Deleted  uint64
	Refused  uint64
	Walls    uint64 // changes of the firewall
	Restored uint64 // addresses put back because the kernel drops them with their primary address
}
