package durations

import (
	"fmt"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// Rules B9, D1, D2: the delay begins with the first advert of a lower priority; until its end adverts put the take-over off,
// after it they do not.
func TestPreemptDelay(t *testing.T) {
	both(t, func(t *testing.T, p program) {
		const delay = 2500 * ms
		w := newWorld(t, 2)
		master, better := pair([]lab.Router{
			{VRID: 1, Version: 2, Priority: 200, Interval: time.Second},
			{VRID: 2, Version: 3, Priority: 220, Interval: time.Second},
		})
		for i := range better.Routers {
			master.Routers[i].Priority = 100
			better.Routers[i].Lines = []string{fmt.Sprintf("preempt_delay %g", delay.Seconds())}
		}
		w.routers[0].start(p, master)
		time.Sleep(master.Settled() + time.Second)
		// Router 2 shall be listening when the next adverts come, so it starts soon after some.
		last, ok := w.adverts(master.Routers[0]).last()
		if !ok {
			t.Fatal("router 1 is not master")
		}
		time.Sleep(time.Until(last.at.Add(time.Second + 50*ms)))
		started := w.routers[1].start(p, better)
		time.Sleep(12 * time.Second)
		for _, c := range better.Routers {
			heard := w.adverts(c).of(w.routers[0]).since(started)
			first, ok1 := heard.first()
			took, ok2 := w.adverts(c).of(w.routers[1]).first()
			if !ok1 || !ok2 {
				t.Errorf("%s: did not take over", name(c))
				continue
			}
			counts := first.at
			for _, a := range heard {
				if a.at.Before(first.at.Add(delay)) {
					counts = a.at
				}
			}
			judge(t, p, name(c)+", from the last advert within the delay", took.at.Sub(counts), c.Down())
		}
	})
}

// Rule B8: with a start-up delay the down time begins at the end of the delay. From when on the daemon counts is its own
// affair, but the same every time: so two delays differ in the result by what they differ.
func TestStartupDelay(t *testing.T) {
	both(t, func(t *testing.T, p program) {
		_, backup := pair(cases[:10])
		took := func(delay time.Duration) (out []time.Duration) {
			w := newWorld(t, 1)
			backup.StartupDelay = delay
			started := w.routers[0].start(p, backup)
			time.Sleep(backup.Settled() + time.Second)
			for _, c := range backup.Routers {
				first, ok := w.adverts(c).first()
				if !ok {
					t.Fatalf("%s: never became master", name(c))
				}
				out = append(out, first.at.Sub(started)-c.Down()-delay)
			}
			w.routers[0].end()
			return out
		}
		none, short, long := took(0), took(3*time.Second), took(20*time.Second)
		for i, c := range backup.Routers {
			t.Logf("%s: %s: from start to master, beyond down time and delay: %v without a delay, %v with 3 s, %v with 20 s",
				p.name, name(c), none[i], short[i], long[i])
			if off := (long[i] - short[i]).Abs(); p == ours && off > startNoise {
				t.Errorf("%s: a delay of 20 s and one of 3 s do not differ by 17 s, but by %v more or less", name(c), off)
			}
			if p == ours && (short[i] < 0 || short[i] > startLimit) {
				t.Errorf("%s: the delay began %v after the start", name(c), short[i])
			}
		}
	})
}

// startNoise is by how much two starts may differ before the daemon counts: its program is read from the disk, at the host's pace.
const startNoise = 40 * ms

// startLimit is how long a daemon may take to start, in the guest: it is there to notice what goes badly wrong.
const startLimit = 200 * ms
