package notify

import (
	"strconv"
	"time"
)

// step is one script of an event.
type step struct {
	what   string
	script Script
}

// table is a Spec made ready for look-ups.
type table struct {
	spec    *Spec
	limits  Limits
	objects map[key]*ObjectSpec
}

type key struct {
	object Object
	name   string
}

func newTable(s *Spec) *table {
	t := &table{spec: s, limits: s.Limits.withDefaults(), objects: make(map[key]*ObjectSpec, len(s.Objects))}
	for i := range s.Objects {
		o := &s.Objects[i]
		t.objects[key{o.Object, o.Name}] = o
	}
	return t
}

// keywords that configure the script of a state.
var keywords = map[string]string{
	Master: "notify_master", Backup: "notify_backup", Fault: "notify_fault", Stop: "notify_stop",
	Deleted: "notify_deleted", MasterRxLowPrio: "notify_master_rx_lower_pri",
	Trouble: "notify_trouble", TroubleOver: "notify_trouble",
}

// steps lists the scripts of an event in the order of outputs.md section 3.1: that of the state, then the generic one, which
// has no part in MASTER_RX_LOWER_PRI (rule Y9), nor in what keepalived has no word for.
func (t *table) steps(ev *Event, last string) []step {
	o := t.objects[key{ev.Object, ev.Name}]
	if o == nil || !ev.News() {
		return nil
	}
	state := ev.State
	var out []step
	if s, ok := o.Scripts[state]; ok {
		s.Limit = t.limit(ev, &s, false)
		if tr := &ev.Trouble; *tr != (Evidence{}) {
			s.Args = append(s.Args[:len(s.Args):len(s.Args)], string(ev.Object), ev.Name, state, tr.Kind, tr.Who, tr.Text)
		}
		out = append(out, step{keywords[state], s})
	}
	if state == Deleted && !o.TellDeleted {
		state = Fault // rule P8: and nothing at all if that is what was said last
		if last == Fault {
			return out
		}
	}
	if o.Any == nil || !ev.IsState() {
		return out
	}
	s := *o.Any
	prio := ev.Priority
	if ev.Object == Group {
		prio = 0
	}
	s.Args = append(s.Args[:len(s.Args):len(s.Args)], string(ev.Object), ev.Name, state, strconv.Itoa(int(prio)))
	s.Limit = t.limit(ev, &s, true)
	return append(out, step{"notify", s})
}

// limit is how long a script may run; see Limits.Stop.
func (t *table) limit(ev *Event, s *Script, generic bool) (d time.Duration) {
	d = or(s.Limit, t.limits.Run)
	if ev.State == Stop && (generic || ev.Object == Instance) {
		d = min(d, t.limits.Stop)
	}
	return d
}
