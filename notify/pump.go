package notify

import (
	"cmp"
	"slices"
	"time"

	"holdfast.dev/clock"
)

// pump starts what may be started: in the order of the events, as far as the limit on parallel scripts allows. A group whose
// members' scripts have yet to start is passed over.
func (d *Dispatcher) pump(now clock.Now) {
	if d.current == nil {
		return
	}
	for again := true; again; {
		again = false
		for i := 0; i < len(d.ready); i++ {
			o := d.ready[i]
			if o.queue[0].next < len(o.queue[0].steps) {
				if len(d.jobs) >= d.current.limits.Parallel {
					return
				}
				if d.mustWait(now, o) {
					continue
				}
			}
			d.ready = append(d.ready[:i], d.ready[i+1:]...)
			o.ready = false
			i--
			again = d.advance(now, o) || again
		}
	}
}

// mustWait reports whether a group's scripts would start before those of a member's earlier event (rule I10).
func (d *Dispatcher) mustWait(now clock.Now, o *object) bool {
	q := o.queue[0]
	q.until = 0
	if o.object != Group || d.stop != 0 && !now.Mono.Before(d.stop) {
		return false
	}
	for _, name := range o.members {
		m := d.objects[key{Instance, name}]
		if m == nil {
			continue
		}
		for _, mq := range m.queue {
			if mq.ev.Seq >= q.ev.Seq || mq.next == len(mq.steps) {
				continue
			}
			if end := q.at.Add(q.group); now.Mono.Before(end) {
				q.until = end
				return true
			}
			d.say(levelWarn, "GROUP %s: its scripts for state %s do not wait any longer for those of %s", o.name, q.ev.State, name)
			return false
		}
	}
	return false
}

// advance starts the next script of an object, or goes on to its next event. It reports whether others may have waited for it.
func (d *Dispatcher) advance(now clock.Now, o *object) bool {
	q := o.queue[0]
	if q.next < len(q.steps) {
		d.begin(now, o, q)
	} else {
		o.queue[0] = nil
		o.queue = o.queue[1:]
		d.enlist(o)
	}
	if q.next == len(q.steps) {
		d.ack(o, q.ev.Seq)
		return true
	}
	return false
}

func (d *Dispatcher) begin(now clock.Now, o *object, q *delivery) {
	d.lastJob++
	st := q.steps[q.next]
	j := &job{
		id: d.lastJob, obj: o, d: q, what: st.what, limit: st.script.Limit,
		asked: now.Mono, due: now.Mono.Add(st.script.Limit),
	}
	d.jobs[j.id] = j
	d.soonest = clock.Min(d.soonest, j.due)
	o.job = j
	d.do(Run{Job: j.id, Event: q.ev, Step: q.next, What: st.what, Script: st.script, Arrived: q.at})
	q.next++
}

func (d *Dispatcher) ack(o *object, seq uint64) {
	if seq > o.acked {
		o.acked = seq
		d.do(Ack{o.object, o.name, seq})
	}
}

// late is from when on a step is worth a line in the log.
const late = 100 * time.Millisecond

// began notes that the program runs, and names the step that took long on the way there.
func (d *Dispatcher) began(in Began) {
	j := d.jobs[in.Job]
	if j == nil {
		return
	}
	t := &j.d.ev.Times
	worst, where := time.Duration(0), ""
	from := t.Decided
	for _, s := range []struct {
		at clock.Instant
		is string
	}{
		{t.Confirmed, "the kernel took the addresses"},
		{t.Announced, "the addresses were announced"},
		{t.Queued, "it was handed on"},
		{j.d.at, "it reached the process that runs scripts"},
		{j.asked, "what is before it was done"},
		{in.At, "the program was started"},
	} {
		if s.at.IsZero() || from.IsZero() {
			from = max(from, s.at)
			continue
		}
		if took := s.at.Sub(from); took > worst {
			worst, where = took, s.is
		}
		from = max(from, s.at)
	}
	if worst >= late {
		d.say(levelInfo, "%s %s: %s for state %s began late: %v passed until %s",
			j.obj.object, j.obj.name, j.what, j.d.ev.State, worst.Round(time.Millisecond), where)
	}
}

// ended closes a job: the object's next script may begin.
func (d *Dispatcher) ended(in Ended) {
	j := d.jobs[in.Job]
	if j == nil {
		return
	}
	switch {
	case j.signals > 0:
		d.say(levelWarn, "%s %s: %s for state %s was ended after its limit of %v", j.obj.object, j.obj.name, j.what, j.d.ev.State, j.limit)
	case in.Fail != "":
		d.say(levelWarn, "%s %s: %s for state %s %s (after %v)", j.obj.object, j.obj.name, j.what, j.d.ev.State,
			in.Fail, in.Took.Round(time.Millisecond))
	}
	d.finish(j)
}

func (d *Dispatcher) finish(j *job) {
	delete(d.jobs, j.id)
	j.obj.job = nil
	d.enlist(j.obj)
}

// expire sends the signals that are due. A script that does not die holds back nothing for ever.
func (d *Dispatcher) expire(now clock.Now) {
	over := d.stop != 0 && !now.Mono.Before(d.stop)
	if !over && (d.soonest == 0 || now.Mono.Before(d.soonest)) {
		return // each step comes by here, and there may be hundreds of jobs
	}
	for _, j := range d.due(now, over) {
		switch {
		case over:
			d.do(Signal{Job: j.id, Kill: true})
			d.say(levelWarn, "%s %s: %s for state %s was killed because the time to stop is over", j.obj.object, j.obj.name, j.what, j.d.ev.State)
			d.finish(j)
		case j.signals < 2:
			d.do(Signal{Job: j.id, Kill: j.signals == 1})
			j.signals++
			j.due = now.Mono.Add(killAfter)
		default:
			d.say(levelError, "%s %s: %s for state %s can't be killed and is given up", j.obj.object, j.obj.name, j.what, j.d.ev.State)
			d.finish(j)
		}
	}
	d.soonest = 0
	for _, j := range d.jobs {
		d.soonest = clock.Min(d.soonest, j.due)
	}
	if over {
		d.giveUp()
	}
}

// due lists the jobs that want a signal, or all of them, in the order in which they began.
func (d *Dispatcher) due(now clock.Now, all bool) (out []*job) {
	for _, j := range d.jobs {
		if all || !now.Mono.Before(j.due) {
			out = append(out, j)
		}
	}
	slices.SortFunc(out, func(a, b *job) int { return cmp.Compare(a.id, b.id) })
	return out
}

// giveUp empties all queues.
func (d *Dispatcher) giveUp() {
	for _, o := range d.ready {
		d.say(levelWarn, "%s %s: the time to stop is over, %d events were not delivered", o.object, o.name, len(o.queue))
		o.queue, o.ready = nil, false
	}
	d.ready = nil
}
