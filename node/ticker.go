package node

import (
	"time"

	"holdfast.dev/link/poll"
)

// ticker ticks at whole multiples of its interval since the machine has started, so that several of them wake the process at one moment and
// not each at its own: with nothing else to do, waking is what costs.
type ticker struct {
	c     <-chan time.Time
	timer *time.Timer
	every time.Duration
}

func newTicker(every time.Duration) *ticker {
	t := &ticker{every: every, timer: time.NewTimer(every)}
	t.c = t.timer.C
	t.next()
	return t
}

// next arms it again. It is called after each tick.
func (t *ticker) next() { t.timer.Reset(t.every - time.Duration(poll.Mono())%t.every) }

func (t *ticker) stop() { t.timer.Stop() }
