package notify

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
)

// bench drives a Dispatcher and writes down what it wants, a line per action.
type bench struct {
	t     *testing.T
	d     *Dispatcher
	now   clock.Now
	seq   uint64
	out   []string
	names map[string]uint64 // running job by "object keyword"
}

var epoch = clock.Now{Mono: 1e12, Boot: 1e12, Wall: 1e18}

func newBench(t *testing.T, s *Spec) *bench {
	b := &bench{t: t, d: NewDispatcher(), now: epoch, names: make(map[string]uint64)}
	b.commit(s)
	return b
}

func (b *bench) commit(s *Spec) {
	b.d.Prepare(s)
	if !b.d.Commit(s.Gen) {
		b.t.Fatal("commit")
	}
}

func (b *bench) step(in Input) {
	for _, a := range b.d.Step(b.now, in) {
		switch a := a.(type) {
		case Run:
			b.names[a.Event.Name+" "+a.What] = a.Job
			b.out = append(b.out, fmt.Sprintf("run %s", strings.Join(a.Script.Args, " ")))
		case Signal:
			b.out = append(b.out, fmt.Sprintf("signal kill=%v", a.Kill))
		case Ack:
			b.out = append(b.out, fmt.Sprintf("ack %s %d", a.Name, a.Seq))
		case Say:
			b.out = append(b.out, "say "+a.Text)
		}
	}
}

func (b *bench) event(o Object, name, state string) {
	b.seq++
	b.step(Arrived{Event{Seq: b.seq, Gen: 1, Object: o, Name: name, State: state, Priority: 100}})
}

func (b *bench) end(what string) {
	b.t.Helper()
	id, ok := b.names[what]
	if !ok {
		b.t.Fatalf("%s does not run", what)
	}
	delete(b.names, what)
	b.step(Ended{Job: id})
}

func (b *bench) wait(d time.Duration) {
	end := b.now.Mono.Add(d)
	for n := 0; ; n++ {
		at, ok := b.d.Deadline()
		if !ok || end.Before(at) {
			break
		}
		if n > 1000 {
			b.t.Fatal("deadline stands still")
		}
		if b.now.Mono.Before(at) {
			b.now = b.now.Add(at.Sub(b.now.Mono))
		}
		b.step(Wakeup{})
	}
	b.now = b.now.Add(end.Sub(b.now.Mono))
}

func (b *bench) want(lines ...string) {
	b.t.Helper()
	if got, want := strings.Join(b.out, "\n"), strings.Join(lines, "\n"); got != want {
		b.t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	b.out = nil
}

func scripts(name string, states ...string) map[string]Script {
	m := make(map[string]Script)
	for _, s := range states {
		m[s] = Script{Args: []string{name + "-" + strings.ToLower(s)}}
	}
	return m
}

// twoAndGroup: A and B with all scripts, in group G.
func twoAndGroup(l Limits) *Spec {
	all := []string{Master, Backup, Fault, Stop, MasterRxLowPrio}
	s := &Spec{Gen: 1, Limits: l}
	for _, n := range []string{"A", "B"} {
		s.Objects = append(s.Objects, ObjectSpec{
			Object: Instance, Name: n, Scripts: scripts(n, all...), Any: &Script{Args: []string{n + "-any", "x y"}},
		})
	}
	s.Objects = append(s.Objects, ObjectSpec{
		Object: Group, Name: "G", Members: []string{"A", "B"}, Scripts: scripts("G", all...), Any: &Script{Args: []string{"G-any"}},
	})
	return s
}

// outputs.md 3.1: state script, then the generic one with its words; one at a time, in order.
func TestOrderPerObject(t *testing.T) {
	b := newBench(t, twoAndGroup(Limits{}))
	b.event(Instance, "A", Backup)
	b.event(Instance, "A", Master)
	b.event(Instance, "B", Backup)
	b.want("run A-backup", "run B-backup")
	b.end("A notify_backup")
	b.want("run A-any x y INSTANCE A BACKUP 100", "ack A 1")
	b.end("A notify")
	b.want("run A-master")
	b.end("A notify_master")
	b.end("A notify")
	b.end("B notify_backup")
	b.end("B notify")
	b.want("run A-any x y INSTANCE A MASTER 100", "ack A 2", "run B-any x y INSTANCE B BACKUP 100", "ack B 3")
	if !b.d.Idle() {
		t.Error("not idle")
	}
}

func TestRxLowerPrioHasNoGenericScript(t *testing.T) {
	b := newBench(t, twoAndGroup(Limits{}))
	b.event(Instance, "A", MasterRxLowPrio)
	b.end("A notify_master_rx_lower_pri")
	b.want("run A-master_rx_lower_pri", "ack A 1")
}

// Rule I10: the group's scripts start after those of its members, and its priority is 0.
func TestGroupAfterMembers(t *testing.T) {
	b := newBench(t, twoAndGroup(Limits{}))
	b.event(Instance, "A", Master)
	b.event(Instance, "B", Master)
	b.event(Group, "G", Master)
	b.want("run A-master", "run B-master")
	b.end("A notify_master")
	b.want("run A-any x y INSTANCE A MASTER 100", "ack A 1")
	b.end("B notify_master")
	b.want("run B-any x y INSTANCE B MASTER 100", "ack B 2", "run G-master")
	b.end("G notify_master")
	b.want("run G-any GROUP G MASTER 0", "ack G 3")
}

func TestGroupDoesNotWaitForEver(t *testing.T) {
	b := newBench(t, twoAndGroup(Limits{}))
	b.event(Instance, "A", Master)
	b.event(Group, "G", Master)
	b.wait(999 * time.Millisecond)
	b.want("run A-master")
	b.wait(time.Millisecond)
	b.want("say GROUP G: its scripts for state MASTER do not wait any longer for those of A", "run G-master")
}

func TestTimeLimit(t *testing.T) {
	b := newBench(t, twoAndGroup(Limits{Run: 10 * time.Second}))
	b.event(Instance, "A", Master)
	b.event(Instance, "A", Backup)
	b.wait(9 * time.Second)
	b.want("run A-master")
	b.wait(2 * time.Second)
	b.want("signal kill=false")
	b.wait(time.Second)
	b.want("signal kill=true")
	b.step(Ended{Job: 1, Fail: "ended by signal 9"})
	b.want("say INSTANCE A: notify_master for state MASTER was ended after its limit of 10s",
		"run A-any x y INSTANCE A MASTER 100", "ack A 1")
	// One that can't be killed is given up, and its late end changes nothing.
	b.wait(14 * time.Second)
	b.want("signal kill=false", "signal kill=true",
		"say INSTANCE A: notify for state MASTER can't be killed and is given up", "run A-backup")
	b.step(Ended{Job: 2})
	b.want()
}

func TestFailureIsTold(t *testing.T) {
	b := newBench(t, twoAndGroup(Limits{}))
	b.event(Instance, "A", MasterRxLowPrio)
	b.step(Ended{Job: 1, Fail: "exited with status 3", Took: 1500 * time.Millisecond})
	b.want("run A-master_rx_lower_pri", "ack A 1",
		"say INSTANCE A: notify_master_rx_lower_pri for state MASTER_RX_LOWER_PRI exited with status 3 (after 1.5s)")
}

func TestParallelLimit(t *testing.T) {
	s := &Spec{Gen: 1, Limits: Limits{Parallel: 2}}
	for i := range 4 {
		n := fmt.Sprint(i)
		s.Objects = append(s.Objects, ObjectSpec{Object: Instance, Name: n, Scripts: scripts(n, Master)})
	}
	b := newBench(t, s)
	for i := range 4 {
		b.event(Instance, fmt.Sprint(i), Master)
	}
	b.want("run 0-master", "ack 0 1", "run 1-master", "ack 1 2")
	b.end("1 notify_master")
	b.end("0 notify_master")
	b.want("run 2-master", "ack 2 3", "run 3-master", "ack 3 4")
}

func TestSupersededStates(t *testing.T) {
	one := &Spec{Gen: 1, Limits: Limits{Queue: 3}, Objects: []ObjectSpec{
		{Object: Instance, Name: "A", Scripts: scripts("A", Master, Backup, Fault, MasterRxLowPrio)},
	}}
	b := newBench(t, one)
	for _, s := range []string{Master, Backup, MasterRxLowPrio, Fault} {
		b.event(Instance, "A", s)
	}
	b.want("run A-master", "ack A 1") // three wait: nothing is left out by default
	b.event(Instance, "A", Backup)
	b.want("say INSTANCE A: its scripts are too slow, 2 superseded states were left out")
	b.end("A notify_master")
	b.want("run A-master_rx_lower_pri", "ack A 3")
	b.end("A notify_master_rx_lower_pri")
	b.want("run A-backup", "ack A 5")
	b.end("A notify_backup")

	one.Gen, one.Limits = 2, Limits{Merge: true}
	b.commit(one)
	for _, s := range []string{Master, Backup, Master, Backup} {
		b.event(Instance, "A", s)
	}
	b.end("A notify_master")
	b.want("run A-master", "ack A 6", "run A-backup", "ack A 9")
}

func TestSentAgain(t *testing.T) {
	b := newBench(t, twoAndGroup(Limits{}))
	ev := Event{Seq: 7, Gen: 1, Object: Instance, Name: "A", State: MasterRxLowPrio}
	b.step(Arrived{ev})
	b.step(Arrived{ev})
	b.want("run A-master_rx_lower_pri", "ack A 7", "ack A 7")
	b.end("A notify_master_rx_lower_pri")
	// Another process counts anew: its first event has a smaller number and is another one.
	b.step(Renewed{})
	ev.Seq = 1
	b.step(Arrived{ev})
	b.want("run A-master_rx_lower_pri", "ack A 1")
}

// What a former process had begun is not begun again; what it had not still is.
func TestResume(t *testing.T) {
	b := newBench(t, twoAndGroup(Limits{}))
	b.step(Resume{Seq: 5, Decided: 50, Steps: 1})
	b.step(Resume{Seq: 6, Decided: 60, Steps: 2})
	ev := Event{Seq: 5, Gen: 1, Object: Instance, Name: "A", State: Master, Priority: 9, Times: Times{Decided: 50}}
	b.step(Arrived{ev})
	b.want("say INSTANCE A: notify_master was begun before this process was restarted and is not run again",
		"run A-any x y INSTANCE A MASTER 9", "ack A 5")
	b.end("A notify")
	ev.Seq, ev.Times.Decided = 6, 60
	b.step(Arrived{ev})
	b.want("say INSTANCE A: notify was begun before this process was restarted and is not run again", "ack A 6")
	// The same number of another process is another event.
	ev.Seq, ev.Times.Decided, ev.Name = 5, 51, "B"
	b.step(Arrived{ev})
	b.want("run B-master")
}

// Rule P8, outputs.md 3.1: a removed instance is told in the terms of the generation that had it.
func TestDeleted(t *testing.T) {
	any := &Script{Args: []string{"any"}}
	b := newBench(t, &Spec{Gen: 1, Objects: []ObjectSpec{
		{Object: Instance, Name: "plain", Any: any, Scripts: scripts("plain", Fault)},
		{Object: Instance, Name: "told", Any: any, Scripts: scripts("told", Deleted), TellDeleted: true},
		{Object: Instance, Name: "faulty", Any: any},
	}})
	b.event(Instance, "faulty", Fault)
	b.end("faulty notify")
	b.out = nil
	b.commit(&Spec{Gen: 2})
	b.event(Instance, "plain", Deleted)
	b.event(Instance, "told", Deleted)
	b.event(Instance, "faulty", Deleted)
	b.end("told notify_deleted")
	b.want("run any INSTANCE plain FAULT 100", "ack plain 2", "run told-deleted", "ack faulty 4",
		"run any INSTANCE told DELETED 100", "ack told 3")
}

// Rule P8, by a MASTER that hands over while the file is reloaded again and again: it is told in the terms of the last generation that had it.
func TestDeletedLongAgo(t *testing.T) {
	with := func(gen uint64, names ...string) *Spec {
		s := &Spec{Gen: gen}
		for _, n := range names {
			s.Objects = append(s.Objects, ObjectSpec{Object: Instance, Name: n, Scripts: scripts(n, Deleted), TellDeleted: true})
		}
		return s
	}
	b := newBench(t, with(1, "A", "B", "C"))
	b.commit(with(2, "A", "B"))
	b.commit(with(3, "A"))
	b.commit(with(4, "A"))
	b.commit(with(5, "A", "C")) // another of the same name
	tell := func(name string, gen uint64) {
		b.seq++
		b.step(Arrived{Event{Seq: b.seq, Gen: gen, Object: Instance, Name: name, State: Deleted, Priority: 100}})
	}
	tell("B", 2)
	tell("C", 1)
	b.end("B notify_deleted")
	b.end("C notify_deleted")
	b.want("run B-deleted", "ack B 1", "run C-deleted", "ack C 2")
	b.commit(with(6, "A"))
	b.commit(with(7, "A"))
	tell("B", 2) // told already
	tell("C", 5)
	b.end("C notify_deleted")
	b.want("ack B 3", "run C-deleted", "ack C 4")
	if b.commit(with(8)); len(b.d.gone) != 1 || len(b.d.objects) != 0 {
		t.Errorf("%d are waited for, %d objects are known", len(b.d.gone), len(b.d.objects))
	}
}

// An end that is never told is not waited for without end: of ever more instances that come and go, the oldest are forgotten.
func TestDeletedAndNeverTold(t *testing.T) {
	b := newBench(t, &Spec{Gen: 1})
	for gen := uint64(2); gen < 3*maxGone/16; gen++ {
		s := &Spec{Gen: gen}
		for i := range 16 {
			s.Objects = append(s.Objects, ObjectSpec{Object: Instance, Name: fmt.Sprint(gen, i), Scripts: scripts("x", Deleted)})
		}
		b.commit(s)
	}
	if n := len(b.d.gone); n > maxGone || n < maxGone/2 {
		t.Errorf("%d are waited for", n)
	}
}

func TestGenerations(t *testing.T) {
	spec := func(gen uint64, name string) *Spec {
		return &Spec{Gen: gen, Objects: []ObjectSpec{{Object: Instance, Name: "A", Scripts: scripts(name, Master)}}}
	}
	b := newBench(t, spec(1, "one"))
	b.d.Prepare(spec(2, "two"))
	ev := Event{Object: Instance, Name: "A", State: Master}
	at := func(gen uint64) {
		ev.Seq, ev.Gen = ev.Seq+1, gen
		b.step(Arrived{ev})
		b.end("A notify_master")
	}
	at(1)
	at(2) // the sender has committed before us
	b.d.Abort(2)
	at(2)
	b.commit(spec(3, "three"))
	at(1) // decided before the reload
	at(3)
	b.want("run one-master", "ack A 1", "run two-master", "ack A 2", "run one-master", "ack A 3",
		"run one-master", "ack A 4", "run three-master", "ack A 5")
	if b.d.Commit(9) {
		t.Error("committed what was not prepared")
	}
}

func TestStop(t *testing.T) {
	b := newBench(t, twoAndGroup(Limits{}))
	b.event(Instance, "A", Master)
	b.event(Instance, "A", Stop)
	b.event(Group, "G", Stop)
	b.step(Stopping{Until: b.now.Mono.Add(5 * time.Second)})
	b.end("A notify_master")
	b.end("A notify")
	b.out = nil
	b.wait(1100 * time.Millisecond) // rule Y6: a second for the instance's script
	b.want("signal kill=false", "say GROUP G: its scripts for state STOP do not wait any longer for those of A", "run G-stop")
	b.end("A notify_stop")
	b.end("A notify")
	b.want("say INSTANCE A: notify_stop for state STOP was ended after its limit of 1s",
		"run A-any x y INSTANCE A STOP 100", "ack A 2")
	if b.d.Idle() {
		t.Error("idle too early")
	}
	b.wait(10 * time.Second)
	b.want("signal kill=true", "say GROUP G: notify_stop for state STOP was killed because the time to stop is over",
		"say GROUP G: the time to stop is over, 1 events were not delivered")
	if !b.d.Idle() {
		t.Error("not idle")
	}
}

func TestLateStepIsNamed(t *testing.T) {
	b := newBench(t, twoAndGroup(Limits{}))
	at := b.now.Mono
	b.step(Arrived{Event{Seq: 1, Gen: 1, Object: Instance, Name: "A", State: Master, Times: Times{
		Cause: at.Add(-400 * time.Millisecond), Decided: at.Add(-300 * time.Millisecond), Confirmed: at.Add(-120 * time.Millisecond),
		Announced: at.Add(-110 * time.Millisecond), Queued: at.Add(-110 * time.Millisecond),
	}}})
	b.step(Began{Job: 1, At: at.Add(time.Millisecond)})
	b.want("run A-master",
		"say INSTANCE A: notify_master for state MASTER began late: 180ms passed until the kernel took the addresses")
	b.end("A notify_master")
	b.out = nil
	b.step(Began{Job: 2, At: at.Add(250 * time.Millisecond)})
	b.want("say INSTANCE A: notify for state MASTER began late: 250ms passed until the program was started")
}

func TestUnknownObjectIsAcknowledged(t *testing.T) {
	b := newBench(t, &Spec{Gen: 1})
	b.event(Instance, "Z", Master)
	b.want("ack Z 1")
	d := NewDispatcher()
	if got := len(d.Step(epoch, Arrived{Event{Seq: 1, Object: Instance, Name: "Z", State: Master}})); got != 2 {
		t.Errorf("%d actions without a configuration", got)
	}
}

// What is written to pipes only runs no script, supersedes no state and changes nothing about what was told last.
func TestOnlyForPipes(t *testing.T) {
	b := newBench(t, twoAndGroup(Limits{Merge: true}))
	b.event(Instance, "A", Backup)
	b.event(Instance, "A", Master)
	for _, state := range []string{MasterPriority, BackupPriority} {
		b.event(Instance, "A", state)
	}
	b.seq++
	b.step(Arrived{Event{Seq: b.seq, Gen: 1, Object: Instance, Name: "A", State: Backup, Again: true}})
	b.end("A notify_backup")
	b.end("A notify")
	b.end("A notify_master")
	b.end("A notify")
	b.want("run A-backup", "run A-any x y INSTANCE A BACKUP 100", "ack A 1", "run A-master", "run A-any x y INSTANCE A MASTER 100", "ack A 2",
		"ack A 3", "ack A 4", "ack A 5")
	if !b.d.Idle() {
		t.Error("not idle")
	}
}

// A process that takes the place of another gets the deleted instances of which nobody was told yet.
func TestDepartedAreHandedOn(t *testing.T) {
	s := twoAndGroup(Limits{})
	b := newBench(t, s)
	next := *s
	next.Gen, next.Objects = 2, s.Objects[1:]
	b.commit(&next)
	list := b.d.Departed()
	if len(list) != 1 || list[0].Gen != 1 || list[0].Spec.Name != "A" {
		t.Fatalf("%+v", list)
	}
	after := newBench(t, &next)
	after.d.Restore(append(list, Departed{Gen: 1}))
	after.event(Instance, "A", Deleted)
	after.want("run A-any x y INSTANCE A FAULT 100", "ack A 1")
	if len(after.d.Departed()) != 0 {
		t.Error("it is still on the list")
	}
}
