package node

import (
	"container/list"

	"holdfast.dev/notify"
	"holdfast.dev/supervisor/role"
)

// maxBacklog is how many notifications wait for the runner at most. Of more, the oldest that a later one of the same object has
// superseded is left out; the last one of an object never is.
const maxBacklog = 1 << 16

// backlog keeps notifications, in the order in which they were decided, until the runner has dealt with them. Every operation takes
// constant time, for the election thread waits for it. The zero backlog is empty.
type backlog struct {
	order      list.List // of *waiting
	superseded list.List // of *waiting: those with a later one of the same object behind them
	objects    map[object]*chain
	unsent     *list.Element // the first that the present runner was not told; nil for none
	dropped    uint64
}

type object struct {
	kind notify.Object
	name string
}

// chain is what waits of one object, oldest first. What is removed is always the first.
type chain struct{ first, last *waiting }

type waiting struct {
	ev       notify.Event
	at, over *list.Element // in order; in superseded, or nil
	next     *waiting      // of the same object
}

// push adds an event.
func (b *backlog) push(ev notify.Event) {
	if b.objects == nil {
		b.objects = map[object]*chain{}
	}
	w := &waiting{ev: ev}
	w.at = b.order.PushBack(w)
	if b.unsent == nil {
		b.unsent = w.at
	}
	key := object{ev.Object, ev.Name}
	if c := b.objects[key]; c == nil {
		b.objects[key] = &chain{w, w}
	} else {
		c.last.over = b.superseded.PushBack(c.last)
		c.last.next, c.last = w, w
	}
	if oldest := b.superseded.Front(); b.order.Len() > maxBacklog && oldest != nil {
		b.shift(oldest.Value.(*waiting))
		b.dropped++
	}
}

// shift removes the first of a chain.
func (b *backlog) shift(w *waiting) {
	if b.unsent == w.at {
		b.unsent = w.at.Next()
	}
	b.order.Remove(w.at)
	if w.over != nil {
		b.superseded.Remove(w.over)
	}
	key := object{w.ev.Object, w.ev.Name}
	if c := b.objects[key]; w.next != nil {
		c.first = w.next
	} else {
		delete(b.objects, key)
	}
}

// take appends up to n events that the runner was not told yet. They stay until they are delivered.
func (b *backlog) take(to []notify.Event, n int) []notify.Event {
	for ; n > 0 && b.unsent != nil; n-- {
		to = append(to, b.unsent.Value.(*waiting).ev)
		b.unsent = b.unsent.Next()
	}
	return to
}

// rewind begins anew, for a runner that was told nothing.
func (b *backlog) rewind() { b.unsent = b.order.Front() }

// delivered forgets what the runner has dealt with.
func (b *backlog) delivered(d *role.Delivered) {
	c := b.objects[object{d.Object, d.Name}]
	for c != nil && c.first.ev.Seq <= d.Seq {
		last := c.first == c.last
		b.shift(c.first)
		if last {
			return
		}
	}
}

// clear forgets everything.
func (b *backlog) clear() { *b = backlog{dropped: b.dropped} }

func (b *backlog) len() int { return b.order.Len() }
