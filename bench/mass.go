package main

import (
	"fmt"
	"net/netip"
	"time"
)

// masses lets a host with many virtual routers die and measures, for each of them, how long after its own down time its address
// is there on the survivor.
func (b *bench) masses() error {
	for _, count := range []int{250, 1000} {
		for _, s := range b.sides {
			if err := b.mass(s, count); err != nil {
				return fmt.Errorf("%s, %d: %w", s.name, count, err)
			}
		}
	}
	return nil
}

// settleWithin is how long two hosts may take until only one of them advertises.
const settleWithin = 40 * time.Second

func (b *bench) mass(s *side, count int) error {
	const group = "a host with many instances dies"
	var beyond, wire []float64
	early, missing, unsettled := 0, 0, 0
	for range b.times(2, 1) {
		w, err := newWorld((&file{count: count}).links())
		if err != nil {
			return err
		}
		one, err := b.massOnce(w, s, count)
		w.close()
		if err != nil {
			return err
		}
		beyond, wire = append(beyond, one.address...), append(wire, one.advert...)
		missing, unsettled = missing+one.missing, unsettled+one.unsettled
	}
	for _, v := range append(append([]float64{}, beyond...), wire...) {
		if v < -1 {
			early++
		}
	}
	x := b.report.add(group, fmt.Sprintf("%d instances, address", count), "ms", s.name, beyond...)
	b.report.add(group, fmt.Sprintf("%d instances, first advert", count), "ms", s.name, wire...)
	if early+missing+unsettled > 0 {
		x.note(s.name, "%d early, %d never, %d with two masters before", early, missing, unsettled)
	}
	return nil
}

// fate is what became of the instances.
type fate struct {
	address, advert    []float64 // ms beyond the instance's own down time
	missing, unsettled int
}

func (b *bench) massOnce(w *world, s *side, count int) (out fate, err error) {
	f := &file{priority: both, interval: time.Second, count: count}
	begin := time.Now().UnixNano()
	if err := b.start(w.nodes[0], s, f); err != nil {
		return out, err
	}
	all := func() bool { return w.cap.masters(0, begin) == count }
	if err := await("the first host becomes master of all", time.Minute, all); err != nil {
		return out, err
	}
	time.Sleep(3 * time.Second)
	if err := b.start(w.nodes[1], s, f); err != nil {
		return out, err
	}
	quiet := func() bool { return w.cap.masters(1, time.Now().Add(-4*time.Second).UnixNano()) == 0 }
	time.Sleep(5 * time.Second)
	_ = await("one master each", settleWithin, quiet)
	out.unsettled = w.cap.masters(1, time.Now().Add(-4*time.Second).UnixNano())
	if err := w.die(w.nodes[0]); err != nil {
		return out, err
	}
	dead := time.Now().UnixNano()
	last := w.cap.ends(0, dead, true)
	_ = await("the second host becomes master of all", 20*time.Second, func() bool {
		return w.cap.masters(1, dead) == count && len(w.nodes[1].watch.came(dead)) == count
	})
	came, first := w.nodes[1].watch.came(dead), w.cap.ends(1, dead, false)
	for key, at := range last {
		due := at + int64(f.down())
		up, ok := came[netip.MustParseAddr(vip(key[0], key[1]))]
		if !ok {
			out.missing++
			continue
		}
		out.address = append(out.address, ms(time.Duration(up-due)))
		if sent, ok := first[key]; ok {
			out.advert = append(out.advert, ms(time.Duration(sent-due)))
		}
	}
	return out, nil
}
