package node

import (
	"fmt"
	"time"

	"holdfast.dev/notify"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/vrrp"
)

// outlet is a role that delivers notifications, with what it has not dealt with yet.
type outlet struct {
	wants  func(*notify.Event) bool // nil for nothing
	events backlog
	conn   *role.Conn // nil while there is none
}

// Event queues a notification for those who want it. It does not wait.
func (t *teller) Event(ev notify.Event) {
	t.mu.Lock()
	for _, o := range t.outlets {
		if o.wants != nil && o.wants(&ev) {
			o.events.push(ev)
		}
	}
	t.mu.Unlock()
	poke(t.eventWake)
}

// Want says which notifications a role is to be told of; nil for none. Then none are kept either: what happened before somebody wants to
// know is not news.
func (t *teller) Want(name role.Name, wants func(*notify.Event) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.outlets[name]
	if o.wants = wants; wants == nil && o.conn == nil {
		o.events.clear()
	}
}

// Meet switches to a new connection to a role, which is told everything that the old one did not acknowledge.
func (t *teller) Meet(name role.Name, c *role.Conn) {
	t.mu.Lock()
	o := t.outlets[name]
	o.events.rewind()
	o.conn = c
	t.mu.Unlock()
	poke(t.eventWake)
}

// Gone is told of the end of a connection. Until there is another one notifications wait.
func (t *teller) Gone(name role.Name, c *role.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.outlets[name]
	if o.conn != c {
		return
	}
	o.conn = nil
	if o.wants == nil {
		o.events.clear()
	}
}

// Delivered forgets what a role has dealt with.
func (t *teller) Delivered(name role.Name, d role.Delivered) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outlets[name].events.delivered(&d)
}

// Waiting is how many notifications a role has not dealt with yet.
func (t *teller) Waiting(name role.Name) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.outlets[name].events.len()
}

// flushEvents tells every role what it does not know yet.
func (t *teller) flushEvents() {
	for name, o := range t.outlets {
		t.flushOutlet(name, o)
	}
}

// flushOutlet tells one role. A failure means that it is gone: another one will be told again.
func (t *teller) flushOutlet(name role.Name, o *outlet) {
	var events []notify.Event
	for {
		t.mu.Lock()
		conn, dropped := o.conn, o.events.dropped
		o.events.dropped = 0
		if events = events[:0]; conn != nil {
			events = o.events.take(events, lineBatch)
		}
		t.mu.Unlock()
		if dropped > 0 {
			t.Say(vrrp.Warning, fmt.Sprintf("%d notifications that later ones had superseded were left out: the %s process is too slow", dropped, name))
		}
		if len(events) == 0 {
			return
		}
		for _, ev := range events {
			_ = conn.Send(role.Msg{Event: &ev})
		}
		if len(events) == lineBatch {
			time.Sleep(linePause)
		}
	}
}
