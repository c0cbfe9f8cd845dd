package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// record is all that was seen in a lab, in the order in which it became known.
type record struct {
	mu      sync.Mutex
	adverts []Advert
	claims  []Claim
	frames  []Frame
	voices  []Frame   // from the hardware addresses of virtual routers
	asks    []Frame   // neighbour solicitations
	bad     []string  // frames that no decoder understands
	holds   []hold    // who got or lost an address
	changes []Change  // all that the kernel reported
	away    []absence // who did not count when
	notes   []note
}

// hold says that a node has, or no longer has, an address.
type hold struct {
	at   time.Time
	node *Node
	addr netip.Addr
	has  bool
}

// Change is one thing that the kernel of a node reported.
type Change struct {
	At   time.Time
	Node *Node
	What string
}

// absence is a time in which a node was cut off or dead. It lasts for as long as to is zero.
type absence struct {
	node     *Node
	from, to time.Time
}

// note is something that the test did.
type note struct {
	at   time.Time
	text string
}

func (r *record) keep(f Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frames = append(r.frames, f)
}

func (r *record) claim(c Claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.claims = append(r.claims, c)
}

func (r *record) wrong(f Frame, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bad = append(r.bad, fmt.Sprintf("%s from %s: %s: %x", clock(f.At), f.Node.Name, why, f.Bytes))
}

func (r *record) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, note{time.Now(), fmt.Sprintf(format, args...)})
}

func (r *record) leave(n *Node, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = append(r.away, absence{node: n, from: at})
	r.notes = append(r.notes, note{at, n.Name + " is cut off"})
}

func (r *record) enter(n *Node, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.away {
		if r.away[i].node == n && r.away[i].to.IsZero() {
			r.away[i].to = at
		}
	}
	r.notes = append(r.notes, note{at, n.Name + " is back"})
}

// isAway is for callers that hold the lock.
func (r *record) isAway(n *Node, at time.Time) bool {
	return slices.ContainsFunc(r.away, func(a absence) bool {
		return a.node == n && !at.Before(a.from) && (a.to.IsZero() || at.Before(a.to))
	})
}

// advertsOf lists the adverts of a virtual router in a time by nodes that counted then.
func (r *record) advertsOf(v VR, from, to time.Time) []Advert {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Advert
	for _, a := range r.adverts {
		if a.VRID == v.ID && a.Src.Is6() == v.is6() && a.At.After(from) && a.At.Before(to) && !r.isAway(a.Node, a.At) {
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b Advert) int { return a.At.Compare(b.At) })
	return out
}

// advertises reports whether a node has advertised a virtual router, not to give it up, between two times.
func (r *record) advertises(n *Node, v VR, from, to time.Time) bool {
	return slices.ContainsFunc(r.advertsOf(v, from, to), func(a Advert) bool { return a.Node == n && a.Priority > 0 })
}

// those lists the ones of a kind of record that are wanted.
func those[T any](r *record, list *[]T, wanted func(*T) bool) (out []T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range *list {
		if wanted(&(*list)[i]) {
			out = append(out, (*list)[i])
		}
	}
	return out
}

// Claims lists what a node has said about addresses since a time.
func (l *Lab) Claims(n *Node, since time.Time) []Claim {
	return those(l.rec, &l.rec.claims, func(c *Claim) bool { return c.Node == n && c.At.After(since) })
}

// FirstAdvert is when anybody first advertised after a time; the zero time if nobody did.
func (l *Lab) FirstAdvert(since time.Time) time.Time {
	l.rec.mu.Lock()
	defer l.rec.mu.Unlock()
	for _, a := range l.rec.adverts {
		if a.At.After(since) {
			return a.At
		}
	}
	return time.Time{}
}

// span is a time in which a node held an address and counted.
type span struct {
	node     *Node
	from, to time.Time
}

// spans lists who held an address between two times, cut to them.
func (r *record) spans(addr netip.Addr, from, to time.Time) []span {
	r.mu.Lock()
	defer r.mu.Unlock()
	since := map[*Node]time.Time{}
	var out []span
	for _, h := range r.holds {
		start, held := since[h.node]
		switch {
		case h.addr != addr:
		case h.has && !held:
			since[h.node] = h.at
		case !h.has && held:
			out = append(out, span{h.node, start, h.at})
			delete(since, h.node)
		}
	}
	for n, start := range since {
		out = append(out, span{n, start, to})
	}
	return clip(r.present(out), from, to)
}

// present takes the times out in which a node did not count.
func (r *record) present(spans []span) []span {
	for _, a := range r.away {
		var out []span
		for _, s := range spans {
			if s.node != a.node || (!a.to.IsZero() && !s.from.Before(a.to)) || !s.to.After(a.from) {
				out = append(out, s)
				continue
			}
			if s.from.Before(a.from) {
				out = append(out, span{s.node, s.from, a.from})
			}
			if !a.to.IsZero() && s.to.After(a.to) {
				out = append(out, span{s.node, a.to, s.to})
			}
		}
		spans = out
	}
	return spans
}

// Held adds up for how long between two times an address was with nobody, and with two nodes.
func (l *Lab) Held(addr netip.Addr, from, to time.Time) (nobody, two time.Duration) {
	spans := l.rec.spans(addr, from, to)
	until := from // somebody had it until then
	for _, s := range spans {
		nobody += max(s.from.Sub(until), 0)
		if s.from.Before(until) {
			two += minTime(s.to, until).Sub(s.from)
		}
		if s.to.After(until) {
			until = s.to
		}
	}
	return nobody + to.Sub(until), two
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func clip(spans []span, from, to time.Time) []span {
	var out []span
	for _, s := range spans {
		if s.from.Before(from) {
			s.from = from
		}
		if s.to.After(to) {
			s.to = to
		}
		if s.from.Before(s.to) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b span) int { return a.from.Compare(b.from) })
	return out
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }

// story tells what happened, for the log of a test that failed. Runs of adverts of the same sender become one line.
func (r *record) story() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	type line struct {
		at   time.Time
		text string
	}
	var lines []line
	for _, n := range r.notes {
		lines = append(lines, line{n.at, "        * " + n.text})
	}
	for _, a := range r.adverts {
		lines = append(lines, line{a.At, fmt.Sprintf("%-7s advert v%d vrid %d priority %d", a.Node.Name, a.Version, a.VRID, a.Priority)})
	}
	for _, h := range r.holds {
		lines = append(lines, line{h.at, fmt.Sprintf("%-7s %s %s", h.node.Name, map[bool]string{true: "has", false: "lost"}[h.has], h.addr)})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	var b strings.Builder
	b.WriteString("what happened:\n")
	for i := 0; i < len(lines); {
		j := i + 1
		for j < len(lines) && lines[j].text == lines[i].text {
			j++
		}
		fmt.Fprintf(&b, "%s %s", clock(lines[i].at), lines[i].text)
		if j > i+1 {
			fmt.Fprintf(&b, " (%d times until %s)", j-i, clock(lines[j-1].at))
		}
		b.WriteByte('\n')
		i = j
	}
	for _, w := range r.bad {
		b.WriteString("not understood: " + w + "\n")
	}
	return b.String()
}
