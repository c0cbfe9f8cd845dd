package durations

import (
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// maxDrift is how far the mean interval may be from the configured one, in parts of a million.
const maxDrift = 20

// Adverts are due at whole intervals after the first, however late one of them was.
func TestCadence(t *testing.T) {
	both(t, func(t *testing.T, p program) {
		const long = 60 * time.Second
		w := newWorld(t, 1)
		file, _ := pair([]lab.Router{
			{VRID: 1, Version: 2, Interval: time.Second},
			{VRID: 2, Version: 3, Interval: time.Second},
			{VRID: 3, Version: 3, Interval: 100 * ms},
			{VRID: 4, Version: 3, Interval: 10 * ms},
		})
		w.routers[0].start(p, file)
		time.Sleep(file.Settled() + time.Second + long)
		end := time.Now() // reading what was captured takes the processor from those who are watched
		for _, c := range file.Routers {
			all := w.adverts(c).until(end)
			if len(all) == 0 || all[0].at.Add(long).After(all[len(all)-1].at.Add(c.Interval)) {
				t.Errorf("%s: %d adverts", name(c), len(all))
				continue
			}
			cadence(t, p, c, all)
		}
	})
}

// seldom is how wrong single intervals may be: there is one processor, nobody is real-time, and once in a minute or so some process of the daemon
// collects its garbage, which takes 2 to 3 ms.
const seldom = 5 * ms

func cadence(t *testing.T, p program, c lab.Router, all list) {
	var off, gap []time.Duration
	worst := 0
	for i, a := range all {
		off = append(off, a.at.Sub(all[0].at)-time.Duration(i)*c.Interval)
		if off[i] > off[worst] {
			worst = i
		}
		if i > 0 {
			gap = append(gap, (a.at.Sub(all[i-1].at) - c.Interval).Abs())
		}
	}
	// The drift is that of the medians of the first and the last tenth: single late adverts are no drift.
	tenth := max(len(off)/10, 1)
	drift := spreadOf(off[len(off)-tenth:]).median - spreadOf(off[:tenth]).median
	ppm := float64(drift) / float64(time.Duration(len(off)-tenth)*c.Interval) * 1e6
	s := spreadOf(gap)
	t.Logf("%s: %s: %d adverts, drift %.2f ppm, error of the interval %v; the latest of all was number %d, %v after the first",
		p.name, name(c), len(all), ppm, s, worst, all[worst].at.Sub(all[0].at))
	if p != ours {
		return
	}
	if ppm < -maxDrift || ppm > maxDrift {
		t.Errorf("%s: drifts by %.2f ppm", name(c), ppm)
	}
	if s.p99 > tolerance || s.most > seldom {
		t.Errorf("%s: an interval was wrong by %v", name(c), s.most)
	}
}
