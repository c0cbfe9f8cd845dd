package durations

import (
	"fmt"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// tolerance is how far from what is due anything may be.
const tolerance = 2 * time.Millisecond

// cases are virtual routers that differ in what their timers depend on. Priorities are those of the backup.
var cases = []lab.Router{
	{VRID: 1, Version: 2, Priority: 253, Interval: time.Second},
	{VRID: 2, Version: 2, Priority: 100, Interval: time.Second},
	{VRID: 3, Version: 2, Priority: 1, Interval: time.Second},
	{VRID: 4, Version: 2, Priority: 150, Interval: 2 * time.Second},
	{VRID: 5, Version: 3, Priority: 253, Interval: time.Second},
	{VRID: 6, Version: 3, Priority: 100, Interval: time.Second},
	{VRID: 7, Version: 3, Priority: 1, Interval: time.Second},
	{VRID: 8, Version: 3, Priority: 100, Interval: 100 * time.Millisecond},
	{VRID: 9, Version: 3, Priority: 200, Interval: 10 * time.Millisecond},
	{VRID: 10, Version: 3, Priority: 1, Interval: 10 * time.Millisecond},
}

// files are the configurations of a master, at priority 254, and of a backup.
func files(cases []lab.Router) (master, backup lab.File) {
	for _, c := range cases {
		c.Name, c.VIPs = fmt.Sprintf("VI_%d", c.VRID), []string{fmt.Sprintf("10.0.0.%d/32", 100+int(c.VRID))}
		backup.Routers = append(backup.Routers, c)
		c.Priority = 254
		master.Routers = append(master.Routers, c)
	}
	return master, backup
}

func name(r lab.Router) string {
	return fmt.Sprintf("v%d, %v, priority %d", r.Version, r.Interval, r.Priority)
}

func TestTakeOver(t *testing.T) {
	for _, p := range []program{ours, reference} {
		t.Run(p.name, func(t *testing.T) { takeOver(t, p) })
	}
}

func takeOver(t *testing.T, p program) {
	w := newWorld(t, 2)
	r1, r2 := w.routers[0], w.routers[1]
	master, backup := files(cases)
	r1.start(p, master)
	time.Sleep(10 * time.Second)
	r2.start(p, backup)
	time.Sleep(10 * time.Second)
	r1.freeze()
	time.Sleep(10 * time.Second)
	for _, c := range backup.Routers {
		all := w.adverts(4, c.VRID)
		var last, first time.Time
		for _, a := range all {
			if a.from == r1 {
				last = a.at
			} else if first.IsZero() {
				first = a.at
			}
		}
		if last.IsZero() || first.IsZero() {
			t.Errorf("%s: nobody took over: %d adverts", name(c), len(all))
			continue
		}
		judge(t, p, name(c), first.Sub(last), c.Down())
	}
}

// judge holds a duration against what is due. That of the reference is only told.
func judge(t *testing.T, p program, what string, got, due time.Duration) {
	t.Helper()
	off := got - due
	t.Logf("%s: %s: %v, due %v, off by %v", p.name, what, got, due, off)
	if p == ours && (off < 0 || off > tolerance) {
		t.Errorf("%s: took %v, due %v: off by %v", what, got, due, off)
	}
}
