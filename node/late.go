package node

import (
	"bytes"
	"fmt"
	"math/bits"
	"os"
	"strconv"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/link/poll"
	"holdfast.dev/vrrp"
)

// lateness is what the election thread knows of its own delays: from a deadline to the beginning of the round that it was set for. It
// covers the life of the process.
type lateness struct {
	deadline clock.Instant // of the next round
	max      time.Duration
	rounds   uint64 // that had a deadline behind them
	counts   [lateBuckets]uint64
}

// A bucket is an eighth of a power of two wide, from 1 µs up; the last holds everything from 4 s up.
const (
	lateUnit    = 10 // bits of a nanosecond count that are not told apart
	lateBuckets = 22 * 8
)

func (l *lateness) add(d time.Duration) {
	l.rounds++
	l.max = max(l.max, d)
	l.counts[bucket(d)]++
}

func bucket(d time.Duration) int {
	n := uint64(max(d, 0)) >> (lateUnit - 3)
	if n < 8 {
		return 0
	}
	exp := bits.Len64(n) - 4
	return min(exp*8+int(n>>exp)-8, lateBuckets-1)
}

// upper is the end of a bucket.
func upper(i int) time.Duration {
	return time.Duration(uint64(i%8+9) << (i / 8) << (lateUnit - 3))
}

// quantile is how late at most the given part of all rounds was, to an eighth of its value.
func (l *lateness) quantile(part float64) time.Duration {
	left := l.rounds - uint64(part*float64(l.rounds))
	for i := lateBuckets - 1; i >= 0; i-- {
		if l.counts[i] >= left && l.counts[i] > 0 {
			return min(upper(i), l.max)
		}
		left -= l.counts[i]
	}
	return 0
}

// lateRound is a round that was so late that it could have cost an election.
type lateRound struct {
	deadline clock.Instant
	late     time.Duration
	interval time.Duration // the shortest of the configuration
}

// lateWatch says why rounds were late, as far as a process can know. It has a goroutine of its own: reading what the kernel counts is
// nothing for the election thread.
type lateWatch struct {
	counts *os.File // schedstat of the election thread; nil where the kernel has none
	say    func(text string)
	rounds chan lateRound

	history [4]waited // the latest readings, oldest first
	quiet   clock.Instant
	more    int // rounds since the last line
	worst   time.Duration
}

// waited is how long the thread had waited for a processor in all.
type waited struct {
	at  clock.Instant
	sum time.Duration
}

const (
	lateSample = time.Second
	lateQuiet  = 10 * time.Second // between two lines
)

// watchLateness begins to watch the calling thread. Its rounds are told through the channel, which the caller closes at the end.
func watchLateness(say func(text string)) chan<- lateRound {
	w := &lateWatch{say: say, rounds: make(chan lateRound, 1)}
	w.counts, _ = os.Open("/proc/thread-self/schedstat") // without it we know less
	go w.run()
	return w.rounds
}

func (w *lateWatch) run() {
	tick := newTicker(lateSample)
	defer tick.stop()
	if w.counts != nil {
		defer w.counts.Close()
	}
	w.sample(poll.Mono())
	for {
		select {
		case <-tick.c:
			tick.next()
			w.sample(poll.Mono())
		case r, ok := <-w.rounds:
			if !ok {
				return
			}
			w.late(poll.Mono(), r)
		}
	}
}

// late tells of a round, or counts it if one was told of a moment ago.
func (w *lateWatch) late(now clock.Instant, r lateRound) {
	if now < w.quiet {
		w.more++
		w.worst = max(w.worst, r.late)
		return
	}
	text := fmt.Sprintf("a round of the election was %s late, more than half of the shortest advert interval (%s): %s",
		brief(r.late), brief(r.interval), w.why(now, r))
	if w.more > 0 {
		text += fmt.Sprintf("; since the last such line %d others were late, by up to %s", w.more, brief(w.worst))
	}
	w.say(text)
	w.quiet, w.more, w.worst = now.Add(lateQuiet), 0, 0
}

// why compares the thread's wait for a processor with what it was before the deadline.
func (w *lateWatch) why(now clock.Instant, r lateRound) string {
	before := w.history[0]
	for _, h := range w.history[1:] {
		if h.at != 0 && h.at <= r.deadline {
			before = h
		}
	}
	w.sample(now)
	after := w.history[len(w.history)-1]
	if before.at == 0 || after.at < before.at || w.counts == nil {
		return "the kernel does not tell how long its thread waited for a processor"
	}
	run := after.sum - before.sum
	if run >= r.late/2 {
		return fmt.Sprintf("its thread waited %s for a processor; vrrp_rt_priority helps against that", brief(run))
	}
	return fmt.Sprintf("its thread waited %s for a processor, so the process was stopped, waited for memory, or the whole machine stood still",
		brief(run))
}

// sample reads the counter.
func (w *lateWatch) sample(now clock.Instant) {
	sum, ok := readWaited(w.counts)
	if !ok {
		return
	}
	copy(w.history[:], w.history[1:])
	w.history[len(w.history)-1] = waited{now, sum}
}

// readWaited reads the second number of a schedstat file: nanoseconds on a run queue.
func readWaited(f *os.File) (time.Duration, bool) {
	if f == nil {
		return 0, false
	}
	var buf [128]byte
	n, _ := f.ReadAt(buf[:], 0) // it ends before the buffer does, which is an error of its own
	fields := bytes.Fields(buf[:n])
	if len(fields) < 2 {
		return 0, false
	}
	ns, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return time.Duration(ns), err == nil
}

// brief leaves out digits that nobody wants.
func brief(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Microsecond).String()
}

// tooLate reports whether a delay could have cost an election.
func tooLate(late, interval time.Duration) bool { return interval > 0 && late > interval/2 }

// shortest is the smallest advert interval of a configuration; 0 for none.
func shortest(c *vrrp.Config) time.Duration {
	var least time.Duration
	for i := range c.Routers {
		if d := c.Routers[i].Interval; d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	return least
}
