// Package hosttest is a kernel that is pretended: links and addresses that behave as Linux's do, without a clock, without
// goroutines, and with faults on demand. Tests and the simulator give it to a host.Reconciler in the place of a real one.
package hosttest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"holdfast.dev/host"
)

// Kernel is a pretended kernel. The zero value is a machine without links. It implements host.Kernel.
type Kernel struct {
	// QueueLimit is how many events wait for Poll before one is lost and the receiver is told of an overrun. 0: no limit.
	QueueLimit int
	// Hold keeps events back: Poll returns none.
	Hold bool
	// PollLimit is how many events one Poll returns at most. 0: no limit.
	PollLimit int
	// AddrsFirst turns the order of events round when a link goes down: its addresses before the link itself.
	AddrsFirst bool
	// Refuse is asked about every operation; a text other than the empty one is what the kernel has against it.
	Refuse func(op host.Op) string
	// SnapshotError and LookError let reading fail.
	SnapshotError, LookError, TablesError error
	// WallLater has operations on the firewall wait for AnswerWall, as if another process carried them out.
	WallLater bool
	// DropAnswers is how many of the next answers get lost although the operations are carried out.
	DropAnswers int

	Ops     []host.Op // everything that Apply was asked for
	Batches []int     // how many operations each Apply had

	routes     []host.Route // in the order in which the kernel would try those to one destination
	rules      []host.Rule
	tablesRead bool // so that there are events about them

	// Open lists addresses that were to be barred and were added while nothing barred them.
	Open    []host.Key
	wall    *wall
	walling *host.WallOp // to be carried out by AnswerWall
	answers []host.Event // to what AnswerWall carried out: those are not lost
	flushed bool         // the wall was deleted by somebody else, and not written anew since

	links   []*link
	last    int // the latest link's number
	queue   []host.Event
	overrun bool
}

type link struct {
	host.Link
	addrs   []*host.LinkAddr // IPv4 primary and secondary, then IPv6
	promote bool
	keep    bool
	auto    bool
}

var _ host.Kernel = (*Kernel)(nil)

// Poll returns the events that wait.
func (k *Kernel) Poll(events []host.Event) ([]host.Event, host.PollState) {
	events = append(events, k.answers...)
	k.answers = nil
	if k.Hold {
		return events, host.Waiting
	}
	n := len(k.queue)
	if k.PollLimit > 0 {
		n = min(n, k.PollLimit)
	}
	events = append(events, k.queue[:n]...)
	k.queue = slices.Delete(k.queue, 0, n)
	switch {
	case k.overrun:
		return events, host.Overrun
	case len(k.queue) > 0:
		return events, host.Waiting
	}
	return events, host.Drained
}

// Snapshot reads everything, and ends an overrun.
func (k *Kernel) Snapshot() ([]host.Link, error) {
	if k.SnapshotError != nil {
		return nil, k.SnapshotError
	}
	k.overrun = false
	var out []host.Link
	for _, l := range k.links {
		out = append(out, l.snapshot())
	}
	return out, nil
}

func (l *link) snapshot() host.Link {
	s := l.Link
	if len(l.addrs) > 0 {
		s.Addrs = make([]host.LinkAddr, 0, len(l.addrs))
	}
	for _, a := range l.addrs {
		s.Addrs = append(s.Addrs, *a)
	}
	return s
}

// Look reads one link.
func (k *Kernel) Look(index int) (host.View, error) {
	if k.LookError != nil {
		return host.View{}, k.LookError
	}
	l := k.byIndex(index)
	if l == nil {
		return host.View{Gone: true}, nil
	}
	s := l.snapshot()
	return host.View{Up: s.Up, Addrs: s.Addrs}, nil
}

// Apply carries out operations.
func (k *Kernel) Apply(ops []host.Op, results []host.OpResult) []host.OpResult {
	k.Batches = append(k.Batches, len(ops))
	for _, op := range ops {
		k.Ops = append(k.Ops, op)
		res := k.apply(op)
		if k.DropAnswers > 0 && res.Outcome != host.Later {
			k.DropAnswers--
			res = host.OpResult{Outcome: host.Unknown, Text: "the answer was lost"}
		}
		results = append(results, res)
	}
	return results
}

func (k *Kernel) apply(op host.Op) host.OpResult {
	if k.Refuse != nil && (op.Wall == nil || !k.WallLater) {
		if text := k.Refuse(op); text != "" {
			return host.OpResult{Outcome: host.Refused, Text: text}
		}
	}
	switch {
	case op.Link != nil:
		return k.applyLink(op)
	case op.Wall != nil && k.WallLater:
		k.walling = op.Wall
		return host.OpResult{Outcome: host.Later}
	case op.Wall != nil:
		k.flushed = false
		return k.applyWall(op.Wall)
	}
	if op.Route != nil || op.Rule != nil {
		return k.applyEntry(op)
	}
	l := k.byIndex(op.Index)
	if l == nil {
		return host.OpResult{Outcome: host.NoLink}
	}
	if op.Knob != nil {
		if l.promote == op.Knob.On {
			return host.OpResult{Outcome: host.Exists}
		}
		l.promote = op.Knob.On
		return host.OpResult{}
	}
	at, peer := op.Address.Prefix, op.Address.Peer
	if op.Delete {
		if !k.remove(l, at, peer) {
			return host.OpResult{Outcome: host.NotThere}
		}
		return host.OpResult{}
	}
	if a := l.find(at, peer); a != nil && op.Replace {
		a.Preferred, a.Valid = op.Address.Preferred, op.Valid
		k.tell(host.Event{Kind: host.AddrNew, Index: l.Index, Addr: *a})
		return host.OpResult{}
	}
	a := host.LinkAddr{
		Prefix: at, Peer: peer, Scope: op.Address.Scope, Proto: op.Proto, Broadcast: op.Address.Broadcast, Label: op.Address.Label,
		Preferred: op.Address.Preferred, Valid: op.Valid, Metric: op.Metric, Flags: op.Address.Flags | host.FlagPermanent,
	}
	if at.Addr().Is6() && l.Up && a.Flags&host.FlagNoDAD == 0 {
		a.Flags |= host.FlagTentative
	}
	if key := (host.Key{Link: l.Name, Prefix: at}); op.Address.Barred && !k.flushed && !k.Bars(key) {
		k.Open = append(k.Open, key)
	}
	return k.insert(l, a)
}

// insert adds an address as the kernel does.
func (k *Kernel) insert(l *link, a host.LinkAddr) host.OpResult {
	four := a.Prefix.Addr().Is4()
	for _, b := range l.addrs {
		if b.Prefix.Addr() == a.Prefix.Addr() && (!four || network(*b) == network(a)) {
			return host.OpResult{Outcome: host.Exists}
		}
	}
	for _, b := range l.addrs {
		switch {
		case !four || !b.Prefix.Addr().Is4() || network(*b) != network(a):
		case b.Scope != a.Scope:
			return host.OpResult{Outcome: host.Refused, Text: "invalid argument: ipv4: Invalid scope value"}
		default:
			a.Flags |= host.FlagSecondary
		}
	}
	l.addrs = slices.Insert(l.addrs, l.position(a), &a)
	if a.Flags&host.FlagTentative == 0 { // Linux tells of a tentative address only when its detection ends
		k.tell(host.Event{Kind: host.AddrNew, Index: l.Index, Addr: a})
	}
	return host.OpResult{}
}

// position is where the kernel puts an address: IPv4 primary ones behind the last primary one of no smaller scope, secondary
// ones behind all, then IPv6, the latest of a scope first, link-local ones last.
func (l *link) position(a host.LinkAddr) int {
	at := 0
	for i, b := range l.addrs {
		before := b.Prefix.Addr().Is4()
		switch {
		case a.Prefix.Addr().Is6():
			before = before || (a.Prefix.Addr().IsLinkLocalUnicast() && !b.Prefix.Addr().IsLinkLocalUnicast())
		case a.Flags&host.FlagSecondary == 0:
			before = before && b.Flags&host.FlagSecondary == 0 && a.Scope <= b.Scope
		}
		if before {
			at = i + 1
		}
	}
	return at
}

// remove deletes an address, and what the kernel deletes with it.
func (k *Kernel) remove(l *link, at, peer netip.Prefix) bool {
	a := l.find(at, peer)
	if a == nil {
		return false
	}
	l.drop(a)
	var promoted *host.LinkAddr
	if a.Prefix.Addr().Is4() && a.Flags&host.FlagSecondary == 0 {
		promoted = k.removeSecondaries(l, a)
	}
	k.tell(host.Event{Kind: host.AddrDel, Index: l.Index, Addr: *a})
	k.addressGone(l, a)
	if promoted != nil {
		l.drop(promoted)
		promoted.Flags &^= host.FlagSecondary
		l.addrs = slices.Insert(l.addrs, l.position(*promoted), promoted)
		k.tell(host.Event{Kind: host.AddrNew, Index: l.Index, Addr: *promoted})
	}
	return true
}

func (l *link) drop(a *host.LinkAddr) {
	l.addrs = slices.DeleteFunc(l.addrs, func(b *host.LinkAddr) bool { return b == a })
}

// removeSecondaries deletes the other addresses of the network of a primary one, or says which of them takes its place.
func (k *Kernel) removeSecondaries(l *link, primary *host.LinkAddr) (promoted *host.LinkAddr) {
	for _, b := range slices.Clone(l.addrs) {
		if !b.Prefix.Addr().Is4() || network(*b) != network(*primary) {
			continue
		}
		if l.promote {
			return b
		}
		l.drop(b)
		k.tell(host.Event{Kind: host.AddrDel, Index: l.Index, Addr: *b})
		k.addressGone(l, b)
	}
	return nil
}

func (l *link) find(at, peer netip.Prefix) *host.LinkAddr {
	want := network(host.LinkAddr{Prefix: at, Peer: peer})
	for _, a := range l.addrs {
		if a.Prefix == at && (at.Addr().Is6() || network(*a) == want) {
			return a
		}
	}
	return nil
}

func network(a host.LinkAddr) netip.Prefix {
	if a.Peer.IsValid() {
		return netip.PrefixFrom(a.Peer.Addr(), a.Prefix.Bits()).Masked()
	}
	return a.Prefix.Masked()
}

func (k *Kernel) tell(ev host.Event) {
	if k.QueueLimit > 0 && len(k.queue) >= k.QueueLimit {
		k.overrun = true
		return
	}
	k.queue = append(k.queue, ev)
}

func (k *Kernel) tellLink(l *link) {
	facts := l.Link
	k.tell(host.Event{Kind: host.LinkNew, Index: l.Index, Link: facts})
}

func (k *Kernel) byIndex(index int) *link {
	for _, l := range k.links {
		if l.Index == index {
			return l
		}
	}
	return nil
}

// String is the state of the machine, one link a line, as a person would write it: "eth0 up: 10.0.0.1/24 10.0.0.2/24(s)".
// An address is followed by s for secondary, t for tentative, f for a failed duplicate address detection.
func (k *Kernel) String() string {
	var b strings.Builder
	for _, l := range k.links {
		state := "down"
		if l.Up {
			state = "up"
		}
		fmt.Fprintf(&b, "%s %s:", l.Name, state)
		for _, a := range l.addrs {
			fmt.Fprintf(&b, " %s%s", a.Prefix, marks(*a))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func marks(a host.LinkAddr) string {
	s := ""
	if a.Prefix.Addr().Is4() && a.Flags&host.FlagSecondary != 0 {
		s += "s"
	}
	if a.Flags&host.FlagTentative != 0 {
		s += "t"
	}
	if a.Flags&host.FlagDADFailed != 0 {
		s += "f"
	}
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}
