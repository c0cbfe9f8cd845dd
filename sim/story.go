package sim

import (
	"strings"
	"time"

	"holdfast.dev/vrrp"
)

// Story is a world in which a few things happen on purpose: two nodes, n1 of priority 200 and n2 of 100.
type Story struct {
	Name   string
	About  string
	Master string // who is MASTER at the end
	edit   func(r *instance, f *file)
	faults []Fault
}

// Of the stories: n1 begins to be in trouble, and is well again.
const (
	storyFrom = 6 * time.Second
	storyFor  = 5 * time.Second
)

func onFirst(w What, at, last time.Duration) Fault {
	return Fault{What: w, At: at, For: last, A: 2, B: 0}
}

func noPreempt(r *instance, _ *file) { r.noPreempt = true }

func preemptDelay(r *instance, _ *file) { r.preempt = 5 * time.Second }

// Stories are those of docs/elections.md.
func Stories() []Story {
	well := storyFrom + storyFor
	reload := onFirst(ReloadSame, well+2*time.Second, 0)
	blind := Fault{What: Isolate, At: storyFrom + time.Second, For: storyFor + 5*time.Second, A: 2}
	return []Story{
		{"preempt", "n1 loses its power and is back: it takes over again", "n1", func(*instance, *file) {}, []Fault{onFirst(PowerOff, storyFrom, storyFor)}},
		{"nopreempt-fault", "nopreempt: a script of n1 fails, and works again", "n2", noPreempt, []Fault{onFirst(Tracker, storyFrom, storyFor)}},
		{"nopreempt-link", "nopreempt: the interface of n1 goes down, and up again", "n2", noPreempt, []Fault{onFirst(Flap, storyFrom, storyFor)}},
		{"nopreempt-restart", "nopreempt: n1 is stopped and started again, and waits for the first result of a script", "n2", noPreempt, []Fault{onFirst(Restart, storyFrom, storyFor)}},
		{"nopreempt-reload", "nopreempt: the same, and n1 reloads its file then", "n2", noPreempt, []Fault{onFirst(Restart, storyFrom, storyFor), reload}},
		{"nopreempt-reboot", "nopreempt: n1 loses its power and is back", "n2", noPreempt, []Fault{onFirst(PowerOff, storyFrom, storyFor)}},
		{"nopreempt-blind", "nopreempt, and the trap: n1 is back before its network is. It hears nobody, becomes MASTER, and wins when it is heard", "n1", noPreempt, []Fault{onFirst(PowerOff, storyFrom, storyFor), blind}},
		{
			"nopreempt-startup-delay", "the same with vrrp_startup_delay 6: n1 has heard n2 before it decides", "n2",
			func(r *instance, f *file) { r.noPreempt, f.delay = true, 6*time.Second },
			[]Fault{onFirst(PowerOff, 11*time.Second, 3*time.Second), {What: Isolate, At: 12 * time.Second, For: 5 * time.Second, A: 2}},
		},
		{"delay-fault", "preempt_delay 5: a script of n1 fails, and works again", "n1", preemptDelay, []Fault{onFirst(Tracker, storyFrom, storyFor)}},
		{"delay-restart", "preempt_delay 5: n1 is stopped and started again", "n1", preemptDelay, []Fault{onFirst(Restart, storyFrom, storyFor)}},
		{"delay-reload", "preempt_delay 5: the same, and n1 reloads its file while the delay runs", "n1", preemptDelay, []Fault{onFirst(Restart, storyFrom, storyFor), reload}},
		{"delay-reboot", "preempt_delay 5: n1 loses its power and is back", "n1", preemptDelay, []Fault{onFirst(PowerOff, storyFrom, storyFor)}},
		{
			"delay-master-dies", "preempt_delay 5: n2 dies while the delay of n1 runs, which is of no use then", "n1", preemptDelay,
			[]Fault{onFirst(Tracker, storyFrom, storyFor), {What: PowerOff, Node: 1, At: well + 2*time.Second, For: 30 * time.Second, A: 2}},
		},
	}
}

// plan is the world of the story.
func (s *Story) plan() Plan {
	p := Plan{
		Shape: Shape{Seed: 1, Kind: Anything, Delay: 300 * time.Microsecond, Writing: 200 * time.Microsecond}, Episodes: 1, Quiet: 20 * time.Second,
	}
	for i, priority := range []uint8{200, 100} {
		r := instance{
			name: "VI_1", link: "eth0", vrid: 51, version: 3, priority: priority, interval: time.Second, down: 3,
			addresses: []string{"10.0.0.1/32"}, garpDelay: 5 * time.Second, garpRepeat: 1, script: "s0",
		}
		f := file{}
		s.edit(&r, &f)
		f.routers = []instance{r}
		p.Shape.Nodes = append(p.Shape.Nodes, NodeShape{Name: []string{"n1", "n2"}[i], File: f})
	}
	p.Faults = s.faults
	for i := range p.Faults {
		p.Faults[i].ID = i
	}
	return p
}

// Play plays the story, and tells who is MASTER when everything has been well for long.
func (s *Story) Play(log *Timeline) (masters string, f *Failure) {
	w := New(s.plan())
	w.Log = log
	w.start()
	w.trouble()
	w.heal()
	w.Log = nil
	var names []string
	for _, n := range w.real {
		if len(n.watches) > 0 && n.watches[0].state == vrrp.Master {
			names = append(names, n.name)
		}
	}
	w.finish()
	return strings.Join(names, " "), w.failure
}
