package role

import (
	"container/list"
	"fmt"
	"os"

	"holdfast.dev/notify"
	"holdfast.dev/track"
)

// Limits of a send queue, per kind of message.
const (
	MaxLogs    = 1024    // lines; more are counted
	MaxEvents  = 1 << 16 // transitions; of more, overtaken ones are left out
	MaxControl = 256     // everything that is neither a log line nor replaced by a later one
	MaxSources = 1 << 16 // track states and delivery reports, one per source or object

	maxText  = 4 << 10 // bytes of a log line, and of its attributes together
	maxAttrs = 32
)

type kind uint8

const (
	control kind = iota
	logLine
	event
	latest // a later one of the same subject replaces it
)

// subject is what a message is about, as far as messages of one kind can replace each other.
type subject struct {
	kind   byte
	object notify.Object
	source track.Kind
	name   string
}

type entry struct {
	kind    kind
	msg     Msg
	data    []byte // already encoded; nil for what is encoded by the sender, off the caller's time
	fds     []int  // ours
	subject subject
	over    *list.Element // events: its place among the overtaken
}

// bytes encodes the entry.
func (e *entry) bytes() ([]byte, error) {
	if e.data != nil {
		return e.data, nil
	}
	return encode(&e.msg)
}

// newEntry checks and sorts a message. Log lines and events are the ones that the election thread sends: they are only
// measured here, in a way that makes sure that they fit, and encoded later.
func newEntry(m Msg, files []*os.File) (*entry, error) {
	if n := m.set(); n != 1 {
		return nil, fmt.Errorf("%d kinds in one message", n)
	}
	e := &entry{msg: m}
	switch {
	case m.Log != nil:
		e.kind, e.msg.Log = logLine, trim(m.Log)
	case m.Event != nil:
		if len(m.Event.Name)+len(m.Event.State)+len(m.Event.Object) > maxText {
			return nil, fmt.Errorf("event of %q: %w", m.Event.Name[:min(len(m.Event.Name), 32)], ErrTooLong)
		}
		e.kind, e.subject = event, subject{kind: 'e', object: m.Event.Object, name: m.Event.Name}
	case m.Track != nil:
		e.kind, e.subject = latest, subject{kind: 't', source: m.Track.Kind, name: m.Track.Source}
	case m.Delivered != nil:
		e.kind, e.subject = latest, subject{kind: 'd', object: m.Delivered.Object, name: m.Delivered.Name}
	}
	if e.kind == control || e.kind == latest {
		data, err := encode(&m)
		if err != nil {
			return nil, err
		}
		e.data = data
	}
	var err error
	e.fds, err = dupAll(files)
	return e, err
}

// trim cuts a log line to what surely fits into a message, however it has to be escaped. The caller's line is not changed.
func trim(l *Log) *Log {
	out := *l
	if len(out.Text) > maxText {
		out.Text = out.Text[:maxText] + "..."
	}
	size := 0
	for k, v := range l.Attrs {
		size += len(k) + len(v)
	}
	if size > maxText || len(l.Attrs) > maxAttrs {
		out.Attrs = map[string]string{"attrs": "too many"}
	}
	return &out
}

// queue keeps messages in the order in which they were sent. It is guarded by its owner.
type queue struct {
	order     list.List // of *entry
	overtaken list.List // of *list.Element of order: events with a later one of the same subject behind them, oldest first
	newest    map[subject]*list.Element
	count     [latest + 1]int
	dropped   uint64
}

func (q *queue) init() {
	q.order.Init()
	q.overtaken.Init()
	q.newest = make(map[subject]*list.Element)
}

func (q *queue) len() int { return q.order.Len() }

// push adds e, or does what there is to do when there is no room.
func (q *queue) push(e *entry) error {
	switch e.kind {
	case logLine:
		if q.count[logLine] >= MaxLogs {
			q.dropped += 1 + e.msg.Log.Dropped
			return nil
		}
	case control:
		if q.count[control] >= MaxControl {
			return ErrFull
		}
	case latest:
		if old, ok := q.newest[e.subject]; ok {
			closeFDs(old.Value.(*entry).fds)
			old.Value = e
			return nil
		}
		if q.count[latest] >= MaxSources {
			return ErrFull
		}
	case event:
		q.pushEvent(e)
		return nil
	}
	el := q.order.PushBack(e)
	q.count[e.kind]++
	if e.kind == latest {
		q.newest[e.subject] = el
	}
	return nil
}

// pushEvent adds a transition. No object ever loses its last one: when there are too many, the oldest that has a
// successor in the queue goes. Readers see the gap in Seq.
func (q *queue) pushEvent(e *entry) {
	if old, ok := q.newest[e.subject]; ok {
		old.Value.(*entry).over = q.overtaken.PushBack(old)
	}
	q.newest[e.subject] = q.order.PushBack(e)
	q.count[event]++
	if q.count[event] > MaxEvents {
		if first := q.overtaken.Front(); first != nil {
			closeFDs(q.remove(first.Value.(*list.Element)).fds)
		}
	}
}

// pop takes the oldest message; nil when there is none.
func (q *queue) pop() *entry {
	el := q.order.Front()
	if el == nil {
		return nil
	}
	e := q.remove(el)
	if e.kind == logLine && q.dropped > 0 {
		e.msg.Log.Dropped += q.dropped // trim made this copy ours
		q.dropped = 0
	}
	return e
}

func (q *queue) remove(el *list.Element) *entry {
	e := q.order.Remove(el).(*entry)
	q.count[e.kind]--
	if e.over != nil {
		q.overtaken.Remove(e.over)
	}
	if e.kind == event || e.kind == latest {
		if q.newest[e.subject] == el {
			delete(q.newest, e.subject)
		}
	}
	return e
}

// clear drops everything.
func (q *queue) clear() {
	for e := q.pop(); e != nil; e = q.pop() {
		closeFDs(e.fds)
	}
}
