package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// burden is a node's full set of virtual routers beside an equal one of the other node.
type burden struct {
	count  int
	every  time.Duration
	vmac   bool
	theirs bool // keepalived is measured too
	rt     bool // at a real-time priority, as one has it who advertises that often
}

// loads are what scale measures unless it is told otherwise.
var loads = []burden{
	{count: 1000, every: time.Second, theirs: true},
	{count: 4000, every: time.Second},
	{count: 1000, every: 100 * time.Millisecond},
	{count: 1000, every: 100 * time.Millisecond, rt: true},
	{count: 1000, every: time.Second, vmac: true},
	{count: 4000, every: time.Second, vmac: true},
}

// readLoads reads "4000/1s,1000/100ms/vmac,1000/1s/keepalived".
func readLoads(text string) (out []burden, err error) {
	for word := range strings.SplitSeq(text, ",") {
		parts := strings.Split(word, "/")
		if len(parts) < 2 {
			return nil, fmt.Errorf("%q is not like 4000/1s", word)
		}
		var l burden
		if l.count, err = strconv.Atoi(parts[0]); err != nil || l.count < 1 || l.count > perLink*200 {
			return nil, fmt.Errorf("%q: a number from 1 to %d is missing", word, perLink*200)
		}
		if l.every, err = time.ParseDuration(parts[1]); err != nil || l.every < 10*time.Millisecond || l.every > 40*time.Second {
			return nil, fmt.Errorf("%q: an interval from 10ms to 40s is missing", word)
		}
		for _, p := range parts[2:] {
			switch p {
			case "vmac":
				l.vmac = true
			case "keepalived":
				l.theirs = true
			case "rt":
				l.rt = true
			default:
				return nil, fmt.Errorf("%q: %q is neither vmac, rt nor keepalived", word, p)
			}
		}
		out = append(out, l)
	}
	return out, nil
}

func (l burden) String() string {
	text := fmt.Sprintf("%d every %v", l.count, l.every)
	if l.vmac {
		text += ", use_vmac"
	}
	if l.rt {
		text += ", vrrp_rt_priority 50"
	}
	return text
}

// scales measures what many virtual routers miss, and what they take, on two nodes of the same kind.
func (b *bench) scales() error {
	for _, l := range b.loads {
		for _, s := range b.sides {
			if s.name == theirs && !l.theirs {
				continue
			}
			if err := b.scale(s, l); err != nil {
				return fmt.Errorf("%s, %s: %w", s.name, l, err)
			}
		}
	}
	return nil
}

// readyWithin is how long a node may take until it is MASTER of all: with virtual MACs it makes an interface for each.
const readyWithin = 4 * time.Minute

func (b *bench) scale(s *side, l burden) error {
	f := &file{priority: both, interval: l.every, count: l.count, vmac: l.vmac}
	if l.rt {
		f.global = []string{"vrrp_rt_priority 50"}
	}
	w, err := newWorld(f.links())
	if err != nil {
		return err
	}
	defer w.close()
	begin := time.Now().UnixNano()
	if err := b.start(w.nodes[0], s, f); err != nil {
		return err
	}
	all := func() bool { return w.cap.masters(0, begin) == l.count }
	if err := await("the first node becomes master of all", readyWithin, all); err != nil {
		return fmt.Errorf("%w: of %d only %d", err, l.count, w.cap.masters(0, begin))
	}
	time.Sleep(5 * time.Second)
	if err := b.start(w.nodes[1], s, f); err != nil {
		return err
	}
	settled := 10*time.Second + 3*f.down()
	if l.vmac {
		settled += time.Duration(l.count) * 10 * time.Millisecond
	}
	time.Sleep(settled)
	_ = await("one master each", settleWithin, func() bool {
		return w.cap.masters(1, time.Now().Add(-f.down()-time.Second).UnixNano()) == 0
	})
	return b.watchLoad(w, s, l)
}

// watchLoad follows the adverts for the window and adds what was found.
func (b *bench) watchLoad(w *world, s *side, l burden) error {
	var before, after [2]usage
	var err error
	for i, n := range w.nodes {
		if before[i], err = n.usage(); err != nil {
			return err
		}
	}
	time.Sleep(time.Second)
	w.cap.forget()
	w.cap.lost()
	t := newTally(l.every)
	begin := time.Now()
	for end := begin.Add(b.window(b.scaleWindow)); time.Now().Before(end); {
		time.Sleep(min(5*time.Second, time.Until(end)))
		t.take(w.cap.take())
	}
	took := time.Since(begin)
	for i, n := range w.nodes {
		if after[i], err = n.usage(); err != nil {
			return err
		}
	}
	const group = "many instances beside an equal backup"
	name := l.String() + ": "
	add := func(what, unit string, v float64) *row { return b.report.add(group, name+what, unit, s.name, v) }
	x := add("adverts missing", "", float64(t.missing(l.count)))
	x.note(s.name, "%d adverts of %d instances in %v%s", t.sent, len(t.last), took.Round(time.Second), t.moments)
	if lost := w.cap.lost(); lost > 0 {
		b.report.trouble("%s, %s: the bench missed %d packets itself", s.name, l, lost)
	}
	add("longest silence", "ms", ms(t.longest))
	add("false take-overs", "", float64(len(t.false1)))
	add("adverts by the wrong node", "", float64(t.wrong))
	for i, who := range []string{"master", "backup"} {
		share := 100 * (after[i].cpu - before[i].cpu).Seconds() / (took + time.Second).Seconds()
		add("processor time of the "+who, "%", share)
		add("memory of the "+who, "MiB", float64(after[i].pss)/(1<<20))
	}
	return nil
}

// tally is what is remembered of the adverts of a window.
type tally struct {
	every   time.Duration
	last    map[[2]int]int64
	sent    int
	gone    int // adverts that did not come where one came before and after
	longest time.Duration
	wrong   int
	false1  map[[2]int]bool
	moments moments
}

// moment is when adverts of several instances did not come: what they have in common is no matter of each.
type moment struct {
	first, last int64 // when the first and the last of them came after all
	instances   int
	gap         time.Duration // the longest
}

type moments []moment

// add notes that an instance was silent for too long until a time.
func (m *moments) add(at int64, gap time.Duration) {
	if n := len(*m); n > 0 && at-(*m)[n-1].last < int64(50*time.Millisecond) {
		l := &(*m)[n-1]
		l.last, l.instances, l.gap = at, l.instances+1, max(l.gap, gap)
		return
	}
	*m = append(*m, moment{at, at, 1, gap})
}

// String lists the first ones, with a comma in front; it is empty if there are none.
func (m moments) String() string {
	if len(m) == 0 {
		return ""
	}
	var b strings.Builder
	for i := range m {
		if i == 12 {
			fmt.Fprintf(&b, ", and %d more", len(m)-i)
			break
		}
		fmt.Fprintf(&b, ", %d instances for up to %d ms within %d ms", m[i].instances, m[i].gap.Milliseconds(), (m[i].last-m[i].first)/1e6)
	}
	return fmt.Sprintf(", silent at %d moments%s", len(m), b.String())
}

func newTally(every time.Duration) *tally {
	return &tally{every: every, last: map[[2]int]int64{}, false1: map[[2]int]bool{}}
}

// take adds adverts, in the order in which they came. The first node is the one that should send them.
func (t *tally) take(list []advert) {
	for _, a := range list {
		key := [2]int{a.link, a.vrid}
		if a.node == 1 && a.priority > 0 {
			t.wrong++
			t.false1[key] = true
		}
		if a.node != 0 {
			continue
		}
		t.sent++
		if last, ok := t.last[key]; ok {
			gap := time.Duration(a.at - last)
			t.longest = max(t.longest, gap)
			if gap > t.every*3/2 {
				t.gone += int((gap+t.every/2)/t.every) - 1
				t.moments.add(a.at, gap)
			}
		}
		t.last[key] = a.at
	}
}

// missing counts adverts that did not come, and the instances that did not send a single one.
func (t *tally) missing(count int) int { return t.gone + count - len(t.last) }
