package node

import (
	"sync"
	"time"

	"holdfast.dev/notify"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/vrrp"
)

// teller carries log lines and notifications from the election thread to the other processes. The thread only appends to a list; a
// goroutine of the teller's does the rest, so that nobody's full queue is felt.
type teller struct {
	ctl *role.Conn

	mu      sync.Mutex
	lines   []role.Log
	lost    uint64
	events  []notify.Event // not yet sent
	unacked []notify.Event // sent, not yet delivered: sent again when the runner was restarted
	runner  *role.Conn
	wake    chan struct{}
	stop    chan struct{}
	done    chan struct{}
}

// maxLines is how many log lines may wait; more are counted. A transition is never dropped.
const maxLines = 8192

func newTeller(ctl *role.Conn) *teller {
	t := &teller{ctl: ctl, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go t.run()
	return t
}

// Line queues a log line.
func (t *teller) Line(l role.Log) {
	t.mu.Lock()
	if len(t.lines) < maxLines {
		l.Dropped, t.lost = t.lost, 0
		t.lines = append(t.lines, l)
	} else {
		t.lost++
	}
	t.mu.Unlock()
	t.poke()
}

// Say logs a line of the role's own.
func (t *teller) Say(level vrrp.Level, text string) {
	t.Line(role.Log{Level: int(level), Text: text, At: time.Now().UnixNano()})
}

// Event queues a notification.
func (t *teller) Event(ev notify.Event) {
	t.mu.Lock()
	t.events = append(t.events, ev)
	t.mu.Unlock()
	t.poke()
}

// Runner switches to a new connection to the runner, which is told everything that the old one may not have had.
func (t *teller) Runner(c *role.Conn) {
	t.mu.Lock()
	t.events = append(t.unacked, t.events...)
	t.unacked = nil
	t.runner = c
	t.mu.Unlock()
	t.poke()
}

// Delivered forgets what the runner has dealt with.
func (t *teller) Delivered(d role.Delivered) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.unacked[:0]
	for _, ev := range t.unacked {
		if ev.Object != d.Object || ev.Name != d.Name || ev.Seq > d.Seq {
			kept = append(kept, ev)
		}
	}
	t.unacked = kept
}

func (t *teller) poke() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *teller) run() {
	defer close(t.done)
	for {
		t.flush()
		select {
		case <-t.wake:
		case <-t.stop:
			t.flush()
			return
		}
	}
}

// flush sends what waits. Notifications without a runner go on waiting.
func (t *teller) flush() {
	t.mu.Lock()
	lines, runner := t.lines, t.runner
	t.lines = nil
	var events []notify.Event
	if runner != nil {
		events = t.events
		t.unacked = append(t.unacked, events...)
		t.events = nil
	}
	t.mu.Unlock()
	for i := range events {
		// A failure means that the runner is gone: it will be told again on the next connection.
		_ = runner.Send(role.Msg{Event: &events[i]})
	}
	for i := range lines {
		_ = t.ctl.Send(role.Msg{Log: &lines[i]}) // counted by the connection when its queue is full
	}
}

// Close sends what is left and ends the teller.
func (t *teller) Close() {
	close(t.stop)
	<-t.done
}
