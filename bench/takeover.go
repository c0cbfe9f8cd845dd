package main

import (
	"fmt"
	"time"
)

const both = 100 // the priority of both routers: with nopreempt each of them may be the master

var intervals = []time.Duration{time.Second, 100 * time.Millisecond, 10 * time.Millisecond}

// takeovers measures how much later than the protocol says the survivor sends its first advert: last advert of the old master
// to first of the new, minus its down time.
func (b *bench) takeovers() error {
	for _, every := range b.intervals(intervals) {
		reps := b.times(15, 2)
		if every == time.Second {
			reps = b.times(6, 2)
		}
		for _, s := range append([]*side{b.floor}, b.sides...) {
			late, err := b.takeover(s, every, reps)
			if err != nil {
				return fmt.Errorf("%s, %v: %w", s.name, every, err)
			}
			b.report.add("take-over beyond the protocol's time", "adverts every "+every.String(), "ms", s.name, late...)
		}
	}
	return nil
}

// pair starts two routers and waits until the first is the master and the second has heard it.
func (b *bench) pair(w *world, s *side, f *file) error { return b.pairOf(w, s, f, f) }

// pairOf is pair with a file for each of them.
func (b *bench) pairOf(w *world, s *side, f, second *file) error {
	begin := time.Now().UnixNano()
	if err := b.start(w.nodes[0], s, f); err != nil {
		return err
	}
	err := await("the first router becomes master of all", 3*f.down()+20*time.Second, func() bool {
		return w.cap.masters(0, begin) == f.count
	})
	if err != nil {
		return err
	}
	if err := b.start(w.nodes[1], s, second); err != nil {
		return err
	}
	time.Sleep(f.interval + time.Second) // it starts, and hears every master at least once
	return nil
}

func (b *bench) takeover(s *side, every time.Duration, reps int) (late []float64, err error) {
	w, err := newWorld(1)
	if err != nil {
		return nil, err
	}
	defer w.close()
	f := &file{priority: both, interval: every, count: 1}
	if err := b.pair(w, s, f); err != nil {
		return nil, err
	}
	for i := range reps {
		old := w.nodes[i%2]
		if err := w.agreed(old, f); err != nil {
			b.report.trouble("%s, take-over at %v: %v, after %d of %d", s.name, every, err, i, reps)
			return late, nil
		}
		beyond, err := w.succeed(old, f)
		if err != nil {
			return nil, err
		}
		late = append(late, ms(beyond))
		if err := w.revive(old); err != nil {
			return nil, err
		}
		if err := b.start(old, s, f); err != nil {
			return nil, err
		}
		time.Sleep(every + time.Second)
		w.cap.forget()
		time.Sleep(every + every/7*time.Duration(i%7)) // not always at the same phase
	}
	return late, nil
}

// agreed waits until the one is the master and the other has not been for longer than its down time: on a machine that stands
// still for a while a backup is right to take over.
func (w *world) agreed(master *node, f *file) error {
	return await("the routers agree who is the master", time.Minute, func() bool {
		past := time.Now().Add(-f.down() - 2*f.interval).UnixNano()
		return w.cap.masters(master.number, past) == f.count && w.cap.masters(1-master.number, past) == 0
	})
}

// succeed lets the master die and waits for its successor.
func (w *world) succeed(old *node, f *file) (beyond time.Duration, err error) {
	if err := w.die(old); err != nil {
		return 0, err
	}
	survivor := w.other(old).number
	last := w.cap.ends(old.number, time.Now().UnixNano(), true)[[2]int{0, 1}]
	if last == 0 {
		return 0, fmt.Errorf("the old master has sent nothing")
	}
	var first int64
	err = await("the survivor takes over", f.down()+5*time.Second, func() bool {
		first = w.cap.ends(survivor, last, false)[[2]int{0, 1}]
		return first != 0
	})
	return time.Duration(first-last) - f.down(), err
}
