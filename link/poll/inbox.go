package poll

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// ErrFull is returned by Put when there is no room.
var ErrFull = errors.New("the inbox is full")

// Inbox is a bounded queue from many goroutines to one, which it wakes.
//
// The consumer never waits, not even for the queue's lock: if a producer holds it, Take finds nothing, and since every producer wakes
// the consumer after letting go, what waits is found in the next round.
//
// An Inbox allocates nothing after NewInbox.
type Inbox[T any] struct {
	wake  func()
	merge func(waiting []T, v T) bool

	mu      sync.Mutex
	waiting []T // guarded by mu
	taken   []T // the consumer's until the next Take

	blocked atomic.Int32  // producers in PutWait
	room    chan struct{} // one token: there may be room
	refused atomic.Uint64
}

// NewInbox makes a queue of at most capacity items, at least one. wake is called, in the producer's goroutine, after every attempt
// to put something in; Poller.Wake is meant.
//
// merge, which may be nil, is asked before something is put behind something else: it is given what waits, oldest first, and may fold v into
// one of them, in place ("the newest state of this link wins"), and say so by returning true. It runs under the queue's lock and must be
// short; whether there is room is told by len and cap.
func NewInbox[T any](capacity int, wake func(), merge func(waiting []T, v T) bool) *Inbox[T] {
	capacity = max(capacity, 1)
	return &Inbox[T]{
		wake: wake, merge: merge,
		waiting: make([]T, 0, capacity), taken: make([]T, 0, capacity),
		room: make(chan struct{}, 1),
	}
}

// Put queues v and never waits. With ErrFull it was neither queued nor merged, and was counted.
func (q *Inbox[T]) Put(v T) error {
	if !q.put(v) {
		q.refused.Add(1)
		return ErrFull
	}
	return nil
}

func (q *Inbox[T]) put(v T) bool {
	q.mu.Lock()
	ok := true
	switch {
	case q.merge != nil && len(q.waiting) > 0 && q.merge(q.waiting, v):
	case len(q.waiting) < cap(q.waiting):
		q.waiting = append(q.waiting, v)
	default:
		ok = false
	}
	q.mu.Unlock()
	q.wake() // also if v was refused: the consumer may have come meanwhile and found the queue held
	return ok
}

// PutWait queues v and waits for room if there is none, until ctx ends; then it returns the cause. It is for what must
// not get lost and whose producer can wait.
func (q *Inbox[T]) PutWait(ctx context.Context, v T) error {
	if q.put(v) {
		return nil
	}
	q.blocked.Add(1)
	defer q.blocked.Add(-1)
	for !q.put(v) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-q.room:
		}
	}
	q.signalRoom() // there may be more, for the next who waits
	return nil
}

// Take returns everything that waits, oldest first, and nil if that is nothing. The slice is good until the next Take; only one
// goroutine takes.
func (q *Inbox[T]) Take() []T {
	clear(q.taken) // lets go of what the items point to
	q.taken = q.taken[:0]
	if !q.mu.TryLock() {
		return nil
	}
	q.waiting, q.taken = q.taken, q.waiting
	q.mu.Unlock()
	q.signalRoom()
	if len(q.taken) == 0 {
		return nil
	}
	return q.taken
}

func (q *Inbox[T]) signalRoom() {
	if q.blocked.Load() > 0 {
		select {
		case q.room <- struct{}{}:
		default:
		}
	}
}

// Refused is how many items Put has refused.
func (q *Inbox[T]) Refused() uint64 { return q.refused.Load() }
