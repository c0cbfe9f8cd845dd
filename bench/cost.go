package main

import (
	"fmt"
	"time"
)

const startUp = "start-up: first advert of the last instance after the start, priority 255"

// costs measures start-up time, and processor time and memory of a master and of a backup.
func (b *bench) costs() error {
	for _, count := range []int{1, 250, 1000} {
		for _, s := range b.sides {
			if err := b.asMaster(s, count); err != nil {
				return fmt.Errorf("%s, master of %d: %w", s.name, count, err)
			}
			if err := b.asBackup(s, count); err != nil {
				return fmt.Errorf("%s, backup of %d: %w", s.name, count, err)
			}
		}
	}
	return nil
}

func (b *bench) asMaster(s *side, count int) error {
	f := &file{state: "MASTER", priority: 255, interval: time.Second, count: count, preempt: true}
	w, err := newWorld(f.links())
	if err != nil {
		return err
	}
	defer w.close()
	n := w.nodes[0]
	var starts []float64
	for i := range b.times(3, 1) {
		if i > 0 {
			n.kill()
			if err := w.revive(n); err != nil {
				return err
			}
		}
		w.cap.forget()
		if err := b.start(n, s, f); err != nil {
			return err
		}
		err := await("master of all", time.Minute, func() bool { return w.cap.masters(0, n.daemon.born) == count })
		if err != nil {
			return err
		}
		last := int64(0)
		for _, at := range w.cap.ends(0, n.daemon.born, false) {
			last = max(last, at)
		}
		starts = append(starts, ms(time.Duration(last-n.daemon.born)))
	}
	b.report.add(startUp, instances(count), "ms", s.name, starts...)
	return b.spend(n, s, "master of "+instances(count))
}

// asBackup has a master of another kind, so that no page of its programs is shared with what is measured.
func (b *bench) asBackup(s *side, count int) error {
	f := &file{priority: both, interval: time.Second, count: count}
	w, err := newWorld(f.links())
	if err != nil {
		return err
	}
	defer w.close()
	begin := time.Now().UnixNano()
	if err := b.start(w.nodes[1], b.peer, f); err != nil {
		return err
	}
	err = await("the peer is master of all", time.Minute, func() bool { return w.cap.masters(1, begin) == count })
	if err != nil {
		return err
	}
	time.Sleep(time.Second)
	if err := b.start(w.nodes[0], s, f); err != nil {
		return err
	}
	return b.spend(w.nodes[0], s, "backup of "+instances(count))
}

func instances(n int) string {
	if n == 1 {
		return "1 instance"
	}
	return fmt.Sprintf("%d instances", n)
}

// spend adds what a router uses once it has settled.
func (b *bench) spend(n *node, s *side, what string) error {
	time.Sleep(b.window(12 * time.Second))
	before, err := n.usage()
	if err != nil {
		return err
	}
	begin := time.Now()
	time.Sleep(b.window(15 * time.Second))
	after, err := n.usage()
	if err != nil {
		return err
	}
	share := 100 * (after.cpu - before.cpu).Seconds() / time.Since(begin).Seconds()
	b.report.add("processor time of the whole tree, adverts every 1s", what, "%", s.name, share)
	x := b.report.add("memory of the whole tree, shared pages in proportion", what, "MiB", s.name, float64(after.pss)/(1<<20))
	b.report.add("memory of the whole tree if it were alone, shared pages once", what, "MiB", s.name, float64(after.alone)/(1<<20))
	x.note(s.name, "%d processes, %d threads", after.processes, after.threads)
	return nil
}
