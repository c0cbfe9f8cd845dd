package node

import (
	"fmt"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/link/poll"
	"holdfast.dev/notify"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/vrrp"
)

// shown is what is in the status page.
type shown struct {
	slots  map[host.Owner]int
	names  map[host.Owner]string
	free   []int
	status vrrp.Status
	record status.Record
}

// complaint keeps an error that comes again and again from filling the log.
type complaint struct {
	text  string
	quiet clock.Instant
}

// complainEvery is how often one and the same trouble is told of.
const complainEvery = 10 * time.Second

// due reports whether the text is to be told.
func (c *complaint) due(text string, now clock.Instant) bool {
	if text == c.text && now < c.quiet {
		return false
	}
	c.text, c.quiet = text, now.Add(complainEvery)
	return true
}

// Announce sends a slice of gratuitous ARPs and unsolicited NAs.
func (l *loop) Announce(items []vrrp.Announcement) {
	for i := range items {
		it := &items[i]
		if it.Addr.Is4() {
			l.announcer.GARP(it.Index, it.MAC, it.Addr)
		} else {
			l.announcer.NA(it.Index, it.MAC, it.Addr, it.Router)
		}
	}
	for _, err := range l.announcer.Flush() {
		if err != nil && l.garp.due(err.Error(), poll.Mono()) {
			l.teller.Say(vrrp.Warning, "cannot announce addresses: "+err.Error())
		}
	}
	l.moves.announced(items, l.driver.Engine)
	if l.detail > 0 {
		l.teller.Sent(items, func(a *vrrp.Announcement) string { return l.shown.names[a.Owner] })
	}
}

// Want hands a desired state to the kernel's keeper.
func (l *loop) Want(o host.Owner, gen uint64, want host.State) { l.kernel.Want(o, gen, want) }

// Forget ends an owner.
func (l *loop) Forget(o host.Owner) {
	l.kernel.Forget(o)
	s := &l.shown
	l.moves.forget(o, s.names[o])
	if i, ok := s.slots[o]; ok {
		delete(s.slots, o)
		delete(s.names, o)
		l.page.Clear(i)
		s.free = append(s.free, i)
	}
}

// Tell queues a notification.
func (l *loop) Tell(ev notify.Event) {
	l.teller.Event(ev)
	l.moves.told(&ev)
}

// Report queues a log line. What nobody asked for is left out here.
func (l *loop) Report(r *vrrp.Report) {
	if r.Detail <= l.detail {
		l.teller.Line(role.Log{Level: int(r.Level), Text: r.Text, Detail: r.Detail, At: time.Now().UnixNano()})
	}
}

// Refused writes every single one to the log for who asks for that much.
func (l *loop) Refused(r *vrrp.Refused) {
	if l.detail > 1 {
		l.teller.Detail(vrrp.Info, 2, fmt.Sprintf("(%s) advert of %s refused: %s", r.Name, r.From, r.Reason))
	}
}

// Moved shows a transition in the status page; the log has its line already.
func (l *loop) Moved(t *vrrp.Transition) { l.moves.begin(t) }

// Publish shows a router in the status page.
func (l *loop) Publish(r *vrrp.Router) {
	if !l.driver.Engine.Has(r.Owner()) {
		return // forgotten within this round
	}
	s, o := &l.shown, r.Owner()
	i, ok := s.slots[o]
	if !ok {
		i = len(s.slots)
		if n := len(s.free); n > 0 {
			i, s.free = s.free[n-1], s.free[:n-1]
		}
		s.slots[o] = i
	}
	if s.names[o] != r.Name() {
		s.names[o] = r.Name()
	}
	l.moves.confirmed(o, l.driver.Engine.Confirmed(o))
	r.Status(&s.status)
	s.record.Set(&s.status)
	l.page.Put(i, &s.record)
}
