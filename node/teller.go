package node

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"holdfast.dev/host"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/supervisor/sched"
	"holdfast.dev/vrrp"
)

// teller carries log lines and notifications from the election thread to the other processes. The thread only appends to a list; two
// goroutines of the teller's do the rest, so that nobody's full queue is felt, and no notification waits for a log.
type teller struct {
	ctl   *role.Conn
	names func(index int) string // of interfaces, for the lines about announcements

	mu      sync.Mutex
	lines   []role.Log
	lost    uint64
	frames  []frame // announcements to be told of one by one
	outlets map[role.Name]*outlet

	lineWake, eventWake chan struct{}
	stop                chan struct{}
	done                sync.WaitGroup

	announced map[announced]int64 // when an address was last told of; flushLines' alone
}

// announced names an address of a router.
type announced struct {
	owner host.Owner
	addr  netip.Addr
}

// frame is an announcement that was sent.
type frame struct {
	vrrp.Announcement
	router string
	at     int64 // CLOCK_REALTIME, nanoseconds
}

// Bounds of what waits to be logged; more is counted.
const (
	maxLines  = 8192
	maxFrames = 16384
	// lineBatch is how many lines or notifications are sent at once: fewer than the connection's queue takes, and so few that no thread is
	// busy for long with them, for at real-time priority the kernel kills what never sleeps. Then comes a pause, which also lets the reader
	// keep up.
	lineBatch = 64
	linePause = 4 * time.Millisecond
	lineWait  = time.Second
	// burstGap is how long an address was not announced when the next announcement counts as the beginning of a burst.
	burstGap = 500 * time.Millisecond
	// maxAnnounced is how many addresses are remembered for that.
	maxAnnounced = 1 << 16
)

func newTeller(ctl *role.Conn, names func(index int) string) *teller {
	t := &teller{
		ctl: ctl, names: names, outlets: map[role.Name]*outlet{role.Runner: {}, role.Aux: {}},
		lineWake: make(chan struct{}, 1), eventWake: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	t.done.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		t.serve(t.lineWake, func() {
			defer sched.Relax()() // thousands of lines take long, and nobody waits for them
			t.flushLines()
		})
	})
	t.done.Go(func() { t.serve(t.eventWake, t.flushEvents) })
	return t
}

// Line queues a log line. It does not wait.
func (t *teller) Line(l role.Log) {
	t.mu.Lock()
	if len(t.lines) < maxLines {
		l.Dropped, t.lost = t.lost, 0
		t.lines = append(t.lines, l)
	} else {
		t.lost++
	}
	t.mu.Unlock()
	poke(t.lineWake)
}

// Say logs a line of the role's own.
func (t *teller) Say(level vrrp.Level, text string) { t.Detail(level, 0, text) }

// Detail logs a line that is shown only with so many -D.
func (t *teller) Detail(level vrrp.Level, detail int, text string) {
	t.Line(role.Log{Level: int(level), Detail: detail, Text: text, At: time.Now().UnixNano()})
}

// Sent queues a line for every announcement of a slice. They are put into words elsewhere.
func (t *teller) Sent(items []vrrp.Announcement, router func(*vrrp.Announcement) string) {
	now := time.Now().UnixNano()
	t.mu.Lock()
	for i := range items {
		if len(t.frames) == maxFrames {
			t.lost += uint64(len(items) - i)
			break
		}
		t.frames = append(t.frames, frame{items[i], router(&items[i]), now})
	}
	t.mu.Unlock()
	poke(t.lineWake)
}

func poke(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// serve calls flush whenever it is woken, and a last time at the end.
func (t *teller) serve(wake <-chan struct{}, flush func()) {
	for {
		select {
		case <-wake:
			flush()
		case <-t.stop:
			flush()
			return
		}
	}
}

// flushLines sends what waits to be logged, not faster than the supervisor reads. If that reads nothing for a second, lines are dropped
// and counted.
func (t *teller) flushLines() {
	t.mu.Lock()
	lines, frames := t.lines, t.frames
	t.lines, t.frames = nil, nil
	t.mu.Unlock()
	n := 0
	send := func(l *role.Log) {
		_ = t.ctl.Send(role.Msg{Log: l}) // counted by the connection when its queue is full
		if n++; n%lineBatch == 0 {
			ctx, cancel := context.WithTimeout(context.Background(), lineWait)
			_ = t.ctl.Flush(ctx) // if nobody reads it is not for us to do anything about it
			cancel()
			time.Sleep(linePause)
		}
	}
	for i := range lines {
		send(&lines[i])
	}
	for i := range frames {
		t.sayFrame(&frames[i], send)
	}
}

// sayFrame puts an announcement into keepalived's words (outputs.md section 2.6).
func (t *teller) sayFrame(f *frame, send func(*role.Log)) {
	one, all := "gratuitous ARP", "gratuitous ARPs"
	if f.Addr.Is6() {
		one, all = "unsolicited Neighbour Advert", "Unsolicited Neighbour Adverts"
	}
	link := t.names(f.Index)
	if f.router != "" && t.begins(f) {
		send(&role.Log{Detail: 1, At: f.at, Text: fmt.Sprintf("(%s) Sending/queueing %s on %s for %s", f.router, all, link, f.Addr)})
	}
	send(&role.Log{Detail: 1, At: f.at, Text: fmt.Sprintf("Sending %s on %s for %s", one, link, f.Addr)})
}

// begins reports whether a frame begins a burst.
func (t *teller) begins(f *frame) bool {
	key := announced{f.Owner, f.Addr}
	last, ok := t.announced[key]
	if t.announced == nil || len(t.announced) >= maxAnnounced {
		t.announced = map[announced]int64{}
	}
	t.announced[key] = f.at
	return !ok || f.at-last > int64(burstGap)
}

// Close sends what is left and ends the teller.
func (t *teller) Close() {
	close(t.stop)
	t.done.Wait()
}
