package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// row is one figure. Less is better in all of them but those with More, whose ratio is therefore keepalived's to ours: below 1 is
// better everywhere.
type row struct {
	Group string           `json:"group"`
	Name  string           `json:"name"`
	Unit  string           `json:"unit"`
	More  bool             `json:"more,omitempty"`
	Sides map[string]*stat `json:"sides"`
}

// report is all that a run found out.
type report struct {
	Begin    time.Time         `json:"begin"`
	End      time.Time         `json:"end"`
	Kernel   string            `json:"kernel"`
	CPUs     int               `json:"cpus"`
	Versions map[string]string `json:"versions"`
	Noise    noise             `json:"noise"`
	Rows     []*row            `json:"rows"`
	Troubles []string          `json:"troubles,omitempty"` // what could not be measured to its end

	before times
}

// noise is what else the machine did.
type noise struct {
	LoadBegin float64 `json:"load_begin"`
	LoadEnd   float64 `json:"load_end"`
	Wakeup    *stat   `json:"wakeup_us"` // lateness of a sleep of 1 ms, of an ordinary locked thread, before the run
	Steal     float64 `json:"steal"`     // share of all processor time that the hypervisor gave to others
	Busy      float64 `json:"busy"`      // share that was used, by the bench too
}

const (
	theirs = "keepalived"
	ours   = "holdfast"
	least  = "floor"
)

func newReport(sides []*side) *report {
	var uts unix.Utsname
	_ = unix.Uname(&uts)
	r := &report{
		Begin: time.Now(), Kernel: unix.ByteSliceToString(uts.Release[:]), CPUs: runtime.NumCPU(),
		Versions: map[string]string{}, before: readTimes(),
	}
	for _, s := range sides {
		r.Versions[s.name] = s.version
	}
	r.Noise.LoadBegin, r.Noise.Wakeup = load(), wakeups()
	return r
}

func (r *report) finish() {
	r.End = time.Now()
	groups := map[string]int{} // scenarios add to several groups in turn
	for _, x := range r.Rows {
		if _, ok := groups[x.Group]; !ok {
			groups[x.Group] = len(groups)
		}
	}
	slices.SortStableFunc(r.Rows, func(a, b *row) int { return groups[a.Group] - groups[b.Group] })
	r.Noise.LoadEnd = load()
	now := readTimes()
	if all := now.all - r.before.all; all > 0 {
		r.Noise.Steal = (now.steal - r.before.steal) / all
		r.Noise.Busy = 1 - (now.idle-r.before.idle)/all
	}
}

// times are sums of /proc/stat.
type times struct{ all, idle, steal float64 }

func readTimes() (t times) {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	for i, f := range strings.Fields(line) {
		var v float64
		if _, err := fmt.Sscan(f, &v); err != nil || i > 8 { // from 9 on: guests, which are counted already
			continue
		}
		t.all += v
		switch i {
		case 4, 5:
			t.idle += v
		case 8:
			t.steal += v
		}
	}
	return t
}

func load() (v float64) {
	text, _ := os.ReadFile("/proc/loadavg")
	_, _ = fmt.Sscan(string(text), &v)
	return v
}

// wakeups measures how late an ordinary thread wakes up.
func wakeups() *stat {
	done := make(chan []float64)
	go func() {
		runtime.LockOSThread()
		var late []float64
		for next := mono() + 1e6; len(late) < 2000; next = mono() + 1e6 {
			ts := unix.NsecToTimespec(next)
			_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil)
			late = append(late, us(time.Duration(mono()-next)))
		}
		done <- late
	}()
	return sum(<-done)
}

// add adds values to a figure, which is made when it is first named. What comes in repetitions adds up.
func (r *report) add(group, name, unit, side string, values ...float64) *row {
	var at *row
	for _, x := range r.Rows {
		if x.Group == group && x.Name == name {
			at = x
		}
	}
	if at == nil {
		at = &row{Group: group, Name: name, Unit: unit, Sides: map[string]*stat{}}
		r.Rows = append(r.Rows, at)
	}
	if s := sum(values); s != nil {
		at.Sides[side] = s
	}
	return at
}

// trouble notes that something could not be measured to its end: on a machine that stands still for longer than the down time two
// routers need not agree.
func (r *report) trouble(format string, args ...any) {
	r.Troubles = append(r.Troubles, fmt.Sprintf(format, args...))
}

// note says something about one side of a figure.
func (x *row) note(side, format string, args ...any) {
	if x.Sides[side] == nil {
		x.Sides[side] = &stat{}
	}
	x.Sides[side].Note = fmt.Sprintf(format, args...)
}

// ratio of ours to theirs, of one of the sums, or of theirs to ours where more is better; ok is false where there is none.
func (x *row) ratio(of func(*stat) float64) (v float64, ok bool) {
	a, b := x.Sides[ours], x.Sides[theirs]
	if x.More {
		a, b = b, a
	}
	if a == nil || b == nil || a.N == 0 || b.N == 0 || of(b) <= 0 || of(a) < 0 {
		return 0, false
	}
	return of(a) / of(b), true
}

func median(s *stat) float64 { return s.P50 }
func tail(s *stat) float64   { return s.P99 }

// table is the report as text.
func (r *report) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; %s; kernel %s, %d processors\n", r.Versions[theirs], r.Versions[ours], r.Kernel, r.CPUs)
	n := &r.Noise
	fmt.Fprintf(&b, "load %.2f at the beginning, %.2f at the end; busy %.0f %%, stolen %.1f %%; an ordinary thread wakes %.0f µs late, "+
		"%.0f µs at p99\n", n.LoadBegin, n.LoadEnd, 100*n.Busy, 100*n.Steal, n.Wakeup.P50, n.Wakeup.P99)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	group := ""
	for _, x := range r.Rows {
		if x.Group != group {
			group = x.Group
			fmt.Fprintf(w, "\n%s\tunit\tkeepalived p50\tp99\tmax\tholdfast p50\tp99\tmax\tratio p50\tp99\tfloor p50\tp99\n", group)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.Name, x.Unit, cells(x.Sides[theirs], true), cells(x.Sides[ours], true),
			showRatio(x, median), showRatio(x, tail), cells(x.Sides[least], false), notes(x))
	}
	_ = w.Flush()
	for _, t := range r.Troubles {
		b.WriteString(t + "\n")
	}
	return b.String()
}

func cells(s *stat, most bool) string {
	three := "\t"
	if most {
		three = "\t\t"
	}
	if s == nil || s.N == 0 {
		return "-" + three
	}
	out := number(s.P50) + "\t" + number(s.P99)
	if most {
		out += "\t" + number(s.Max)
	}
	return out
}

func number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 100 || v <= -100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10 || v <= -10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func showRatio(x *row, of func(*stat) float64) string {
	v, ok := x.ratio(of)
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%.2f", v)
}

func notes(x *row) string {
	var out []string
	for _, side := range []string{theirs, ours} {
		if s := x.Sides[side]; s != nil && s.Note != "" {
			out = append(out, side+" "+s.Note)
		}
	}
	return strings.Join(out, "; ")
}

func (r *report) json() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}
