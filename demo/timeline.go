package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// timeline prints what happens, one line an event, with the time since the demonstration began. Events reach us by different ways, so a
// line is held back for a moment: what happened at the same time, to a hundredth of a second, is told as cause and effect.
type timeline struct {
	out   io.Writer
	start time.Time

	mu      sync.Mutex
	pending []happening // in the order in which they became known
	stop    chan struct{}
	done    chan struct{}
}

type happening struct {
	at        time.Duration
	rank      int
	who, text string
}

// holdBack is how long a line may wait for an earlier one.
const holdBack = 50 * time.Millisecond

// newTimeline begins a timeline, which must be closed.
func newTimeline(out io.Writer) *timeline {
	t := &timeline{out: out, start: time.Now(), stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(t.done)
		tick := time.NewTicker(holdBack / 2)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				t.mu.Lock()
				t.flush(time.Since(t.start) - holdBack)
				t.mu.Unlock()
			case <-t.stop:
				return
			}
		}
	}()
	return t
}

// close prints what is held back.
func (t *timeline) close() {
	close(t.stop)
	<-t.done
	t.settle()
}

// settle prints all that is held back: what comes after it happened later.
func (t *timeline) settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush(time.Hour)
}

// flush prints what happened up to a time. mu is held.
func (t *timeline) flush(until time.Duration) {
	until = until.Truncate(precision)
	slices.SortStableFunc(t.pending, func(a, b happening) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return a.rank - b.rank
	})
	n := 0
	for ; n < len(t.pending) && t.pending[n].at <= until; n++ {
		h := &t.pending[n]
		fmt.Fprintf(t.out, "%7.2f s  %-7s %s\n", h.at.Seconds(), h.who, h.text)
	}
	t.pending = slices.Delete(t.pending, 0, n)
}

// precision is to what the times are shown.
const precision = 10 * time.Millisecond

// say notes an event: what we do ourselves, of a router, or of the client.
func (t *timeline) say(who, format string, args ...any) {
	h := happening{who: who, text: fmt.Sprintf(format, args...), rank: 1}
	switch who {
	case "":
		h.rank = 0
	case "client":
		h.rank = 2
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	h.at = time.Since(t.start).Truncate(precision)
	t.pending = append(t.pending, h)
}

func (t *timeline) title(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	t.text("\n%s\n%s", text, strings.Repeat("-", len(text)))
}

// text prints something after all that has happened so far.
func (t *timeline) text(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush(time.Hour)
	fmt.Fprintf(t.out, format+"\n", args...)
}

// explained are the lines of the log that matter here, with what they mean.
var explained = []struct{ part, meaning string }{
	{"Entering BACKUP STATE", "is BACKUP: it listens for adverts"},
	{"Entering MASTER STATE", "is MASTER: it takes the address and tells everybody on the network"},
	{"Entering FAULT STATE", "is out of order (FAULT) and stays out of the election"},
	{"Receive advertisement timeout", "has waited long enough: no advert that counts has come"},
	{"with higher priority", "hears that one of higher priority is MASTER, and gives way"},
	{"received lower priority", "hears a MASTER of lower priority than its own, and will replace it"},
	{"sent 0 priority", goodbye},
	{"the addresses stay until", "goes on answering for the address until somebody else has it"},
	{"all addresses have been taken over", "sees that somebody else has the address, and lets go of it"},
	{"has taken over: the addresses are given up", "hears its successor, and lets go of the address"},
	{"Backup received priority 0", "hears the goodbye: its turn comes after a moment instead of after 3 adverts"},
	{"Netlink reports eth0 down", unplugged},
	{"interface eth0 down", unplugged},
	{"Netlink reports eth0 up", plugged},
}

// What more than the words depends on.
const (
	goodbye   = `says goodbye (an advert of priority 0: "do not wait for me")`
	unplugged = "notices that its cable is unplugged"
	plugged   = "notices that its cable is plugged in"
)

// meaning translates a line of a daemon's log; empty if it does not matter here.
func meaning(line string) string {
	for _, e := range explained {
		if strings.Contains(line, e.part) {
			return e.meaning
		}
	}
	return ""
}
