package node

import (
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/link/poll"
	"holdfast.dev/notify"
	"holdfast.dev/status"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
)

// moves notes in the status page when transitions come to their steps. All of it is the election thread's. In steady state it costs a look
// at an empty map for every advert.
type moves struct {
	page  *status.Page
	open  map[host.Owner]openMove // transitions to MASTER on their way
	woken clock.Instant           // when the round began
	late  time.Duration           // how late that was
	move  status.Move
	// regular is set while adverts are sent only because it is time for them: those are not part of a transition. The last other one may be
	// that of the transition which is told of next.
	regular bool
	advert  struct {
		owner host.Owner
		at    clock.Instant
	}
	// untold are the transitions whose notification is to come, by the name of the router.
	untold map[string]untold
}

// openMove is a transition to MASTER with what is known of it.
type openMove struct {
	id                 uint64
	decided, confirmed clock.Instant
	sent, announced    bool
}

type untold struct {
	id      uint64
	decided clock.Instant
}

// begin notes a transition.
func (m *moves) begin(t *vrrp.Transition) {
	m.page.Timing(status.Decision).Add(poll.Mono().Sub(m.woken))
	m.move = status.Move{
		Name: t.Name, Text: t.Cause.Text, From: t.From, To: t.To, Why: t.Cause.Why, Peer: t.Cause.From, PeerPriority: t.Cause.Priority,
		Priority: t.Priority, Wall: t.At.Wall, Late: m.late,
	}
	at := &m.move.At
	at[status.Caused], at[status.Woken], at[status.Decided] = t.Cause.At, m.woken, t.At.Mono
	v := openMove{decided: t.At.Mono}
	if t.To == vrrp.Master && m.advert.owner == t.Owner && m.advert.at >= t.At.Mono { // it leaves first
		v.sent, at[status.Sent] = true, m.advert.at
		m.page.Timing(status.Sending).Add(m.advert.at.Sub(t.At.Mono))
	}
	id := m.page.AddMove(&m.move)
	m.untold[t.Name] = untold{id, t.At.Mono}
	if t.To == vrrp.Master {
		v.id = id
		m.put(t.Owner, v)
	} else {
		delete(m.open, t.Owner)
	}
}

// told notes that the notification of a transition was handed on. That of MASTER comes later than the transition.
func (m *moves) told(ev *notify.Event) {
	if ev.Object != notify.Instance {
		return
	}
	if v, ok := m.untold[ev.Name]; ok && v.decided == ev.Times.Decided {
		m.page.SetStep(v.id, status.Queued, ev.Times.Queued)
		delete(m.untold, ev.Name)
	}
}

// sent notes that an advert of a router has left.
func (m *moves) sent(o host.Owner) {
	if m.regular && len(m.open) == 0 {
		return
	}
	v, ok := m.open[o]
	if m.regular && (!ok || v.sent) {
		return
	}
	now := poll.Mono()
	if m.advert.owner, m.advert.at = o, now; !ok || v.sent {
		return
	}
	m.page.SetStep(v.id, status.Sent, now)
	m.page.Timing(status.Sending).Add(now.Sub(v.decided))
	v.sent = true
	m.put(o, v)
}

// confirmed notes that the kernel holds all that a router wants.
func (m *moves) confirmed(o host.Owner, at clock.Instant) {
	if at == 0 || len(m.open) == 0 {
		return
	}
	v, ok := m.open[o]
	if !ok || v.confirmed != 0 || at < v.decided {
		return
	}
	m.page.SetStep(v.id, status.Confirmed, at)
	m.page.Timing(status.Kernel).Add(at.Sub(v.decided))
	v.confirmed = at
	m.put(o, v)
}

// announced notes that gratuitous packets of some routers have left.
func (m *moves) announced(items []vrrp.Announcement, e *vrrp.Engine) {
	if len(m.open) == 0 {
		return
	}
	now := poll.Mono()
	for i := range items {
		o := items[i].Owner
		v, ok := m.open[o]
		if !ok || v.announced {
			continue
		}
		m.confirmed(o, e.Confirmed(o)) // in the same Step, often
		if v, ok = m.open[o]; !ok {
			continue
		}
		m.page.SetStep(v.id, status.Announced, now)
		from := v.decided
		if v.confirmed != 0 {
			from = v.confirmed
		}
		m.page.Timing(status.Garp).Add(now.Sub(from))
		v.announced = true
		m.put(o, v)
	}
}

// put keeps what is not complete.
func (m *moves) put(o host.Owner, v openMove) {
	if v.sent && v.announced && v.confirmed != 0 {
		delete(m.open, o)
	} else {
		m.open[o] = v
	}
}

func (m *moves) forget(o host.Owner, name string) {
	delete(m.open, o)
	delete(m.untold, name)
}

// shownSources shows the states of tracked sources in the status page.
type shownSources struct {
	page   *status.Page
	places map[track.ID]int
	free   []int
}

// show shows a state. More sources than there is room for are not shown.
func (s *shownSources) show(st *track.State, wall int64) {
	i, ok := s.places[st.ID()]
	if !ok {
		if i = len(s.places); len(s.free) > 0 {
			i, s.free = s.free[len(s.free)-1], s.free[:len(s.free)-1]
		}
		if i >= status.Sources {
			return
		}
		s.places[st.ID()] = i
	} else if old, since, shown := s.page.Source(i); shown && old.Status == st.Status {
		wall = since // the reason or a number may have changed, the state has not
	}
	s.page.PutSource(i, st, wall)
}

// keep forgets all sources that a configuration does not track.
func (s *shownSources) keep(c *vrrp.Config) {
	used := map[track.ID]bool{}
	for i := range c.Routers {
		for j := range c.Routers[i].Trackers {
			used[c.Routers[i].Trackers[j].ID()] = true
		}
	}
	for id, i := range s.places {
		if !used[id] {
			delete(s.places, id)
			s.free = append(s.free, i)
			s.page.PutSource(i, nil, 0)
		}
	}
}
