package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// few is of how many instances everything is shown without being asked for.
const few = 3

const clockForm = "2006-01-02 15:04:05"

// Write writes a Status for people: a line for each instance, and all that is known of those named, or of all if there are few. The text
// is without control characters whatever the names are.
func (s *Status) Write(w io.Writer, names ...string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, configuration %d, process %d\n", clean(s.Version), s.Time.Format(clockForm), s.Generation, s.PID)
	for _, t := range s.Troubles {
		fmt.Fprintf(&b, "TROUBLE  %s (since %s)\n", clean(t.Text), t.Since.Format(clockForm))
	}
	b.WriteByte('\n')
	s.table(&b)
	for i := range s.Instances {
		in := &s.Instances[i]
		if slices.Contains(names, in.Name) || len(names) == 0 && len(s.Instances) <= few {
			in.write(&b, s.Time)
		}
	}
	if len(names) == 0 {
		s.rest(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *Status) table(b *strings.Builder) {
	t := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "INSTANCE\tSTATE\tFOR\tPRIORITY\tMASTER\tADDRESSES\tTROUBLES")
	for i := range s.Instances {
		in := &s.Instances[i]
		prio := fmt.Sprint(in.Priority.Now)
		if in.Priority.Now != in.Priority.Base {
			prio += fmt.Sprintf(" (%d)", in.Priority.Base)
		}
		master := "-"
		if in.Master != "" {
			master = fmt.Sprintf("%s (%d)", in.Master, in.MasterPriority)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n",
			clean(in.Name), in.State, ago(s.Time, in.Since), prio, master, in.addresses(), len(in.Troubles))
	}
	_ = t.Flush() // a Builder takes everything
}

// addresses says how many are held of how many.
func (in *Instance) addresses() string {
	if len(in.Addresses) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d, %s", len(in.Addresses), map[string]string{"yes": "held", "no": "not held", "some": "some held"}[in.Addresses[0].Held])
}

func (in *Instance) write(b *strings.Builder, now time.Time) {
	line := func(label, format string, args ...any) {
		fmt.Fprintf(b, "  %-12s%s\n", label, clean(fmt.Sprintf(format, args...)))
	}
	fmt.Fprintf(b, "\n%s: %s on %s, VRID %d, IPv%d, version %d\n", clean(in.Name), in.State, or(in.Interface, "any interface"), in.VRID, in.Family, in.Version)
	line("since", "%s, %s", in.Since.Format(clockForm), in.Why)
	prio := fmt.Sprintf("%d", in.Priority.Now)
	if len(in.Priority.Why) > 0 {
		prio += fmt.Sprintf(" = %d, %s", in.Priority.Base, strings.Join(in.Priority.Why, ", "))
	}
	line("priority", "%s", prio)
	if in.Group != "" {
		line("group", "%s", in.Group)
	}
	for _, a := range in.Addresses {
		line("address", "%s on %s, held: %s", a.Address, a.Interface, a.Held)
	}
	for _, p := range in.Peers {
		line("peer", "%s, priority %d, heard %s ago", p.Address, p.Priority, ago(now, p.Heard))
	}
	for _, t := range in.Trackers {
		line("tracks", "%s %s", t.Kind, strings.Join(nonempty(t.Name, t.Status, t.Effect), ", "))
	}
	for _, t := range in.Troubles {
		line("trouble", "%s", t)
	}
	if in.Last != nil {
		line("last", "%s", in.Last.Line())
		for _, l := range in.Last.Details() {
			line("", "%s", l)
		}
	}
}

// rest is what is not of one instance.
func (s *Status) rest(b *strings.Builder) {
	t := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	if len(s.Groups) > 0 {
		fmt.Fprintln(t, "\nGROUP\tSTATE\tMEMBERS")
	}
	for _, g := range s.Groups {
		fmt.Fprintf(t, "%s\t%s\t%s\n", clean(g.Name), g.State, clean(strings.Join(g.Members, " ")))
	}
	if len(s.Connections) > 0 {
		fmt.Fprintln(t, "\nPEER\tCONNECTION\tFOR\tROUND TRIP\tSENT\tRECEIVED\tSTALE\tREFUSED\tREASON")
	}
	for _, c := range s.Connections {
		state, trip := "down", "-"
		if c.Up {
			state = "up"
		}
		if c.RTTMS > 0 {
			trip = fmt.Sprintf("%.2f ms", c.RTTMS)
		}
		fmt.Fprintf(t, "%s\t%s %s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n",
			c.Peer, c.Transport, state, ago(s.Time, c.Since), trip, c.Sent, c.Received, c.Stale, c.Refused, clean(c.Reason))
	}
	if len(s.Trackers) > 0 {
		fmt.Fprintln(t, "\nTRACKED\tSTATUS\tFOR\tREASON\tLAST RUN")
	}
	for i := range s.Trackers {
		k := &s.Trackers[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", clean(k.Kind+" "+k.Name), k.Status, ago(s.Time, k.Since), clean(k.Reason), clean(k.lastRun(s.Time)))
	}
	for i := range s.Trackers {
		if r := s.Trackers[i].Last; r != nil && r.Output != "" {
			fmt.Fprintf(t, "\n%s printed at the end:\n%s\n", clean(s.Trackers[i].Name), r.printed())
		}
	}
	fmt.Fprintln(t, "\nTIMES\tCOUNT\tHALF WITHIN\t99 % WITHIN\tLONGEST")
	for _, h := range s.Timings {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\n", h.Name, h.Count, span(h.P50US), span(h.P99US), span(h.MaxUS))
	}
	_ = t.Flush() // a Builder takes everything
}

// lastRun says what became of the last run, and for how long one goes on.
func (k *Tracker) lastRun(now time.Time) string {
	var parts []string
	if r := k.Last; r != nil {
		parts = append(parts, fmt.Sprintf("%s after %s, %s ago", r.Outcome, span(r.TookUS), ago(now, r.Ended)))
	}
	if !k.Running.IsZero() {
		parts = append(parts, "running for "+ago(now, k.Running))
	}
	return strings.Join(parts, "; ")
}

// fewLines is how much of what a script printed is shown to people.
const fewLines = 5

// printed is the end of what a script printed, with an indent.
func (r *Result) printed() string {
	lines := strings.Split(strings.TrimRight(r.Output, "\n"), "\n")
	var b strings.Builder
	for i, l := range lines[max(len(lines)-fewLines, 0):] {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("    " + clean(l))
	}
	return b.String()
}

// Line is an event in one line.
func (e *Event) Line() string {
	var b strings.Builder
	b.WriteString(e.Time.Format(clockForm + ".000000"))
	switch e.Kind {
	case KindTransition:
		fmt.Fprintf(&b, "  %s  %s -> %s  %s", e.Name, e.From, e.To, e.Why)
		if e.Text != "" {
			b.WriteString(": " + e.Text)
		}
		if e.Peer != "" {
			fmt.Fprintf(&b, " (%s, priority %d)", e.Peer, e.PeerPriority)
		}
	case KindGroup:
		fmt.Fprintf(&b, "  group %s  -> %s", e.Name, e.To)
	default:
		fmt.Fprintf(&b, "  %s: %s", e.Kind, e.Text)
	}
	return clean(b.String())
}

// Details says where the time went, a line each.
func (e *Event) Details() (out []string) {
	var parts []string
	for i, s := range e.Steps {
		if i == 0 {
			continue
		}
		parts = append(parts, fmt.Sprintf("+%s %s", span(s.AtUS), s.Step))
	}
	if len(parts) > 0 {
		out = append(out, strings.Join(parts, ", "))
	}
	for _, s := range e.Scripts {
		text := fmt.Sprintf("%s: +%s queued", s.What, span(s.QueuedUS))
		if s.StartedUS != nil {
			text += fmt.Sprintf(", +%s started", span(*s.StartedUS))
		} else {
			text += ", not started"
		}
		switch {
		case s.EndedUS != nil:
			text += fmt.Sprintf(", +%s ended", span(*s.EndedUS))
		case s.StartedUS != nil:
			text += ", still running"
		}
		if s.Fail != "" {
			text += " (" + s.Fail + ")"
		}
		out = append(out, clean(text))
	}
	if e.Slowest != "" {
		out = append(out, "slow: "+clean(e.Slowest))
	}
	return out
}

// span is a time in microseconds for people.
func span(us float64) string { return brief(time.Duration(us * float64(time.Microsecond))) }

// ago is how long something is past.
func ago(now, at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	d := now.Sub(at)
	if d < 10*time.Second {
		return max(d, 0).Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func nonempty(list ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// clean takes control characters out of what others have named.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
