package poll

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

type item struct{ from, n int }

// TestInboxOrder: nothing is lost or swapped between one producer and the consumer, whichever way it was put.
func TestInboxOrder(t *testing.T) {
	t.Parallel()
	p := newPoller(t)
	q := NewInbox[item](8, p.Wake, nil)
	const producers, each = 4, 2000
	var all sync.WaitGroup
	for from := range producers {
		all.Go(func() {
			for n := range each {
				if from%2 == 0 || q.Put(item{from, n}) != nil {
					if err := q.PutWait(t.Context(), item{from, n}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	var next [producers]int
	for got := 0; got < producers*each; {
		if !wait(t, p).Woken {
			t.Error("returned without a wake-up")
		}
		for _, it := range q.Take() {
			if next[it.from] != it.n {
				t.Fatalf("producer %d: got %d, want %d", it.from, it.n, next[it.from])
			}
			next[it.from]++
			got++
		}
	}
	all.Wait()
	if rest := q.Take(); rest != nil {
		t.Errorf("more came: %v", rest)
	}
}

// TestInboxFull: what does not fit is refused and counted, or merged.
func TestInboxFull(t *testing.T) {
	t.Parallel()
	wakes := 0
	q := NewInbox(3, func() { wakes++ }, func(waiting []item, v item) bool {
		for i, w := range slices.Backward(waiting) {
			if w.from == v.from {
				waiting[i] = v
				return true
			}
		}
		return false
	})
	for i, c := range []struct {
		v    item
		full bool
	}{
		{item{1, 1}, false},
		{item{1, 2}, false}, // in place of the one before
		{item{2, 1}, false},
		{item{4, 1}, false}, // full from here on
		{item{3, 1}, true},
		{item{1, 3}, false},
	} {
		if err := q.Put(c.v); (err != nil) != c.full || err != nil && !errors.Is(err, ErrFull) {
			t.Errorf("item %d: %v", i, err)
		}
	}
	if want := []item{{1, 3}, {2, 1}, {4, 1}}; !slices.Equal(q.Take(), want) {
		t.Errorf("took %v, want %v", q.taken, want)
	}
	if q.Refused() != 1 || wakes != 6 {
		t.Errorf("refused %d, woken %d times", q.Refused(), wakes)
	}
	if got := q.Take(); got != nil {
		t.Errorf("took %v of nothing", got)
	}
	if err := NewInbox[int](-1, func() {}, nil).Put(1); err != nil {
		t.Errorf("the smallest inbox holds nothing: %v", err)
	}
}

// TestInboxWaitEnds: a producer that waits for room gives up with its context.
func TestInboxWaitEnds(t *testing.T) {
	t.Parallel()
	q := NewInbox[int](1, func() {}, nil)
	if err := q.Put(1); err != nil {
		t.Fatal(err)
	}
	why := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(5*time.Millisecond, func() { cancel(why) })
	if err := q.PutWait(ctx, 2); !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
	if got := q.Take(); !slices.Equal(got, []int{1}) {
		t.Errorf("took %v", got)
	}
}

// TestInboxNeverBlocks: while a producer holds the queue, Take finds nothing; a wake-up comes after the producer let go, also if there was
// no room for what it brought.
func TestInboxNeverBlocks(t *testing.T) {
	t.Parallel()
	for _, merged := range []bool{true, false} {
		p := newPoller(t)
		inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan error)
		q := NewInbox(1, p.Wake, func([]int, int) bool {
			close(inside)
			<-leave
			return merged
		})
		if err := q.Put(1); err != nil {
			t.Fatal(err)
		}
		wait(t, p)
		go func() { left <- q.Put(2) }()
		<-inside
		if got := q.Take(); got != nil {
			t.Errorf("took %v from a queue that is held", got)
		}
		close(leave)
		if !wait(t, p).Woken {
			t.Error("not woken")
		}
		if got := q.Take(); !slices.Equal(got, []int{1}) {
			t.Errorf("took %v", got)
		}
		if err := <-left; (err == nil) != merged {
			t.Errorf("merged %v: %v", merged, err)
		}
	}
}

// TestInboxLetsGo: what was taken is not held on to, and nothing is allocated.
func TestInboxLetsGo(t *testing.T) {
	q := NewInbox[*int](4, func() {}, nil)
	v := new(int)
	if n := testing.AllocsPerRun(100, func() {
		for range 4 {
			_ = q.Put(v)
		}
		q.Take()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	q.Take()
	q.Take()
	for _, s := range [][]*int{q.waiting[:4], q.taken[:4]} {
		for _, p := range s {
			if p != nil {
				t.Error("an item that was taken is still held")
			}
		}
	}
}
