package vrrp

import (
	"holdfast.dev/clock"
	"holdfast.dev/host"
)

// announcer sends bursts of gratuitous ARP and unsolicited NA, a slice at a time, so that thousands of addresses never hold back an
// advert. Jobs take turns round by round: every address is announced once before any is announced twice (rule M1).
type announcer struct {
	ready queue
	lanes []*lane
	next  clock.Instant // when the next slice is due; zero while there is nothing to send
	heard []*Router     // whose newly confirmed addresses have all been announced once in this slice
	out   Announce
}

// job is what remains of one burst.
type job struct {
	router *Router
	since  clock.Now // of the router's state; a router that has changed its state meanwhile announces nothing
	items  []int32   // indices into the keeper's items; nil for all
	pos    int
	rounds int
	fresh  bool // the first round of newly confirmed addresses is not over
	queued bool
}

// burst announces all standing addresses of the router the given number of times. One that is still going on is prolonged, not doubled.
func (r *Router) burst(rounds int) { r.prolong(&r.all, nil, rounds) }

// burstExtra announces those on other links than its own (garp_extra_if), once.
func (r *Router) burstExtra() {
	var items []int32
	for i := range r.keeper.items {
		if r.keeper.items[i].extra {
			items = append(items, int32(i))
		}
	}
	if len(items) > 0 {
		r.prolong(&r.extra, items, 1)
	}
}

// prolong begins a job of the router, or prolongs it.
func (r *Router) prolong(j *job, items []int32, rounds int) {
	if rounds <= 0 || r.state != Master {
		return
	}
	if j.queued && j.since == r.since {
		j.rounds = max(j.rounds, rounds)
		return
	}
	queued := j.queued
	*j = job{router: r, since: r.since, items: items, rounds: rounds, queued: queued}
	if !queued {
		r.engine.garp.add(r.engine, j)
	}
}

// announceFresh announces the addresses that the kernel has just confirmed.
func (r *Router) announceFresh() {
	var items []int32
	for i := range r.keeper.items {
		if it := &r.keeper.items[i]; it.fresh {
			it.fresh = false
			items = append(items, int32(i))
		}
	}
	if rounds := r.spec.Garp.Repeat; len(items) > 0 && rounds > 0 {
		r.unannounced++
		r.engine.garp.add(r.engine, &job{router: r, since: r.since, items: items, rounds: rounds, fresh: true})
	}
}

// announcing reports whether addresses that the kernel has confirmed wait for their first announcement.
func (r *Router) announcing() bool { return r.unannounced > 0 }

// announceSource tells the peers of a unicast router where it is now (rule M8).
func (r *Router) announceSource() {
	l := r.engine.link(r.spec.Link)
	if silent(l) || !r.source.IsValid() {
		return
	}
	r.stats.Announced++
	r.engine.do(&Announce{Items: []Announcement{{
		Owner: r.owner, Index: l.Index, MAC: l.MAC, Addr: r.source, Router: r.spec.IPv6 && l.Forward6,
	}}})
}

// via is the interface that announcements for a link leave through. Those of a macvlan leave through the interface below it: from the macvlan
// itself the kernel would give a copy of each broadcast to every other macvlan there, of which there may be hundreds.
func via(l *host.Link) int {
	if (l.Kind == host.Macvlan || l.Kind == host.IPVLAN) && l.Base != 0 {
		return l.Base
	}
	return l.Index
}

// silent reports whether nothing can be announced on the link.
func silent(l *host.Link) bool {
	up := l.IsUp() || l != nil && l.Up && l.Ours() // the kernel is late to say that a virtual link runs
	return !up || l.NoARP || l.MAC == [6]byte{}
}

func (a *announcer) add(e *Engine, j *job) {
	j.queued = true
	a.ready.push(j)
	a.next = e.now.Mono
}

// slice emits at most SlicePackets announcements.
func (a *announcer) slice(e *Engine) {
	if a.next == 0 || a.next > e.now.Mono {
		return
	}
	a.out.Items = a.out.Items[:0]
	for len(a.out.Items) < SlicePackets {
		j := a.take(e)
		if j == nil {
			break
		}
		a.run(e, j)
	}
	a.next = a.due(e)
	if len(a.out.Items) > 0 {
		e.do(&a.out)
	}
	for i, r := range a.heard {
		a.heard[i] = nil
		if r.told != nil && r.keeper.confirmed && !r.announcing() {
			r.flushTold()
		}
		if r.former.IsValid() && r.keeper.confirmed && !r.announcing() {
			r.acknowledge()
		}
	}
	a.heard = a.heard[:0]
}

// take returns the next job that may send, or nil.
func (a *announcer) take(e *Engine) *job {
	for _, l := range a.lanes {
		if !l.jobs.empty() && l.freeAt(e) <= e.now.Mono {
			return l.jobs.pop()
		}
	}
	return a.ready.pop()
}

// due works out when there is something to send again, and drops the lanes that nobody needs any more.
func (a *announcer) due(e *Engine) (at clock.Instant) {
	if !a.ready.empty() {
		at = e.now.Mono
	}
	kept := a.lanes[:0]
	for _, l := range a.lanes {
		free := max(l.freeAt(e), e.now.Mono)
		if !l.jobs.empty() {
			at = clock.Min(at, free)
		} else if free == e.now.Mono {
			continue
		}
		kept = append(kept, l)
	}
	clear(a.lanes[len(kept):])
	a.lanes = kept
	return at
}

// run goes on with the current round of j until it ends, the slice is full, or a gap has to be kept.
func (a *announcer) run(e *Engine, j *job) {
	r := j.router
	for {
		n := len(j.items)
		if j.items == nil {
			n = len(r.keeper.items)
		}
		switch {
		case r.state != Master || j.since != r.since:
			j.queued = false
			a.firstRound(j)
			return
		case j.pos >= n:
			a.firstRound(j)
			j.pos = 0
			if j.rounds--; j.rounds > 0 {
				a.ready.push(j)
			} else {
				j.queued = false
			}
			return
		case len(a.out.Items) == SlicePackets:
			a.ready.pushFront(j)
			return
		}
		i := j.pos
		if j.items != nil {
			i = int(j.items[i])
		}
		if i < len(r.keeper.items) { // the configuration may have changed under a burst
			if l := a.announce(e, r, &r.keeper.items[i]); l != nil {
				l.jobs.push(j)
				return
			}
		}
		j.pos++
	}
}

// firstRound notes that newly confirmed addresses were announced once, or never will be.
func (a *announcer) firstRound(j *job) {
	if j.fresh {
		j.fresh = false
		j.router.unannounced--
		a.heard = append(a.heard, j.router)
	}
}

// announce adds one item to the slice, or returns the lane in which it has to wait.
func (a *announcer) announce(e *Engine, r *Router, it *item) *lane {
	link := e.link(it.address.Link)
	if !it.standing || silent(link) {
		return nil
	}
	addr := it.address.Prefix.Addr()
	if key, gap := e.laneOf(r, it.address.Link, addr.Is6()); gap > 0 {
		l := a.lane(key)
		if l.freeAt(e) > e.now.Mono {
			return l
		}
		l.sent = e.now.Mono
	}
	a.out.Items = append(a.out.Items, Announcement{
		Owner: r.owner, Index: via(link), MAC: link.MAC, Addr: addr, Router: addr.Is6() && link.Forward6,
	})
	r.stats.Announced++
	if r.announcedAt == 0 {
		r.announcedAt = e.now.Mono
	}
	return nil
}

// Standing reports whether the kernel has confirmed the address for the owner. For checkers.
func (e *Engine) Standing(o host.Owner, k host.Key) bool {
	kp := e.keeper(o)
	if kp == nil {
		return false
	}
	it := kp.find(k)
	return it != nil && it.standing
}
