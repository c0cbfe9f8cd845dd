package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// outages measures how long a client gets no answer: when the master dies, less the down time of its successor, and when it is
// told to stop.
func (b *bench) outages() error {
	for _, every := range b.intervals(intervals) {
		for _, s := range b.sides {
			dead, stopped, err := b.outage(s, every)
			if err != nil {
				return fmt.Errorf("%s, %v: %w", s.name, every, err)
			}
			b.report.add("client's outage", "master dies, adverts every "+every.String()+", whole", "ms", s.name, dead...)
			b.report.add("client's outage", "master is told to stop, adverts every "+every.String(), "ms", s.name, stopped...)
		}
	}
	return nil
}

func (b *bench) outage(s *side, every time.Duration) (dead, stopped []float64, err error) {
	w, err := newWorld(1)
	if err != nil {
		return nil, nil, err
	}
	defer w.close()
	f := &file{priority: both, interval: every, count: 1}
	if err := b.pair(w, s, f); err != nil {
		return nil, nil, err
	}
	for i := range b.times(8, 4) {
		if err := w.agreed(w.nodes[i%2], f); err != nil {
			b.report.trouble("%s, outage at %v: %v, after %d", s.name, every, err, i)
			return dead, stopped, nil
		}
		p, err := w.ping(vip(0, 1))
		if err != nil {
			return nil, nil, err
		}
		time.Sleep(1200 * time.Millisecond)
		old := w.nodes[i%2]
		begin := time.Now().UnixNano()
		if i%4 < 2 {
			err = w.die(old)
		} else {
			err = old.daemon.cmd.Process.Signal(unix.SIGTERM)
		}
		if err != nil {
			p.stop(begin)
			return nil, nil, err
		}
		time.Sleep(f.down() + time.Second)
		longest, again := p.stop(begin)
		if !again {
			return nil, nil, fmt.Errorf("the client was never answered again")
		}
		if i%4 < 2 {
			dead = append(dead, ms(longest))
		} else {
			stopped = append(stopped, ms(longest))
			if err := old.stop(); err != nil {
				return nil, nil, err
			}
		}
		if err := w.revive(old); err != nil {
			return nil, nil, err
		}
		if err := b.start(old, s, f); err != nil {
			return nil, nil, err
		}
		time.Sleep(every + time.Second)
	}
	return dead, stopped, nil
}
