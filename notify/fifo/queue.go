package fifo

import (
	"container/list"

	"holdfast.dev/notify"
)

// queue keeps lines, oldest first. Every operation takes constant time: while a reader is slow it is full, and scripts wait for whoever fills
// it. The zero queue is empty.
type queue struct {
	order  list.List // of *line
	over   list.List // of *line: those with a later one of their object behind them, in the order in which those came
	newest map[object]*line
}

type object struct {
	kind notify.Object
	name string
}

type line struct {
	ev       *notify.Event
	seq      uint64
	text     string
	at, over *list.Element // in the queue's lists; over is nil for the newest of an object
}

func (l *line) object() object { return object{l.ev.Object, l.ev.Name} }

func (q *queue) len() int { return q.order.Len() }

// first is the oldest line, nil for none.
func (q *queue) first() *line { return lineOf(q.order.Front()) }

// after is the next line, nil for none.
func (l *line) after() *line { return lineOf(l.at.Next()) }

func lineOf(e *list.Element) *line {
	if e == nil {
		return nil
	}
	return e.Value.(*line)
}

func (q *queue) push(l *line) {
	if q.newest == nil {
		q.newest = map[object]*line{}
	}
	key := l.object()
	if before := q.newest[key]; before != nil {
		before.over = q.over.PushBack(before)
	}
	q.newest[key] = l
	l.at = q.order.PushBack(l)
}

func (q *queue) remove(l *line) {
	q.order.Remove(l.at)
	if l.over != nil {
		q.over.Remove(l.over)
	}
	if key := l.object(); q.newest[key] == l {
		delete(q.newest, key)
	}
}

// drop makes room: by the line that was superseded first by a later one of its object, or else by the oldest. The first of all stays if
// it is busy, for it is on its way.
func (q *queue) drop(busy bool) {
	for _, victim := range []*list.Element{q.over.Front(), q.order.Front()} {
		if busy && victim != nil && lineOf(victim) == q.first() {
			victim = victim.Next()
		}
		if victim != nil {
			q.remove(lineOf(victim))
			return
		}
	}
}
