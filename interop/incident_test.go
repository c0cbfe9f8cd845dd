package interop

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

var allOfIncident1 = flag.Bool("interop.incident1.all", false, "run every case of incident 1, not a sample")

// incident is a case of incident 1: two nodes start together with vrrp_startup_delay 4, and somebody sends SIGHUP.
// keepalived 2.3.1 ended up with two masters for ever.
type incident struct {
	priority [2]int
	state    [2]string
	hup      [2]bool
	after    []time.Duration // since the start
}

func (c incident) String() string {
	who := map[[2]bool]string{{true, false}: "first", {false, true}: "second", {true, true}: "both"}[c.hup]
	return fmt.Sprintf("%d-%d/%s-%s/%s/%v", c.priority[0], c.priority[1], c.state[0], c.state[1], who, c.after)
}

const startupDelay = 4 * time.Second

// incidents is the whole grid.
func incidents() (all []incident) {
	var after [][]time.Duration
	for _, ms := range []int{200, 500, 1000, 2000, 3000, 3500, 3900, 3990, 4010, 4100, 4500, 5500, 6500, 7200, 7600, 8500} {
		after = append(after, []time.Duration{time.Duration(ms) * time.Millisecond})
	}
	after = append(after, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second},
		[]time.Duration{3500 * time.Millisecond, 4500 * time.Millisecond})
	for _, at := range after {
		for _, priority := range [][2]int{{200, 100}, {100, 100}, {255, 100}} {
			for _, state := range [][2]string{{"MASTER", "MASTER"}, {"MASTER", "BACKUP"}} {
				for _, hup := range [][2]bool{{true, false}, {false, true}, {true, true}} {
					all = append(all, incident{priority, state, hup, at})
				}
			}
		}
	}
	return all
}

// TestIncident1 wants exactly one node to hold the address in the end, every time. The whole grid takes a quarter of an hour:
//
//	go test ./interop -run Incident1 -interop.incident1.all -timeout 40m
//
// With the defect put into ours, that a reload during the delay leaves the process deaf to adverts, half of the sample fails: all
// cases in which a node that should yield gets its SIGHUP within the delay.
func TestIncident1(t *testing.T) {
	t.Parallel()
	all := incidents()
	step := 1
	if !*allOfIncident1 {
		step = 29 // has no divisor in common with the sizes of the grid's dimensions, so that the sample has some of each
	}
	for i := 0; i < len(all); i += step {
		t.Run(all[i].String(), func(t *testing.T) {
			t.Parallel()
			all[i].run(t)
		})
	}
}

func (c incident) run(t *testing.T) {
	long(t)
	l := lab.New(t, lab.Options{Nodes: 2})
	var files [2]lab.File
	for i, n := range l.Nodes {
		r := media[0].router(n, l.Nodes[1-i], c.priority[i])
		r.State = c.state[i]
		files[i] = lab.File{StartupDelay: startupDelay, Routers: []lab.Router{r}}
	}
	s := l.Scene(files[0].Routers[0].VR())
	program := ours(t)
	began := time.Now()
	for i, n := range l.Nodes {
		n.Start(program, files[i].Text())
	}
	started := time.Now()
	for _, n := range l.Nodes {
		// Until then a SIGHUP ends a process: it has had no time to ask for anything else.
		n.Daemon().WaitLog(0, "Startup complete", 0)
	}
	for _, after := range c.after {
		l.Pass(time.Until(began.Add(after)))
		for i, n := range l.Nodes {
			if c.hup[i] {
				n.Daemon().Signal(unix.SIGHUP)
			}
		}
	}
	within := time.Until(started.Add(max(files[0].Settled(), files[1].Settled())))
	if c.priority[0] == c.priority[1] {
		s.ElectAny(max(within, 0))
	} else {
		s.Elect(l.Nodes[0], max(within, 0))
	}
	s.Stay(files[1].Routers[0].Down()) // as long as a router can be silent without the other noticing
}
