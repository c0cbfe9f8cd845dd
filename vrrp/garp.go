package vrrp

import (
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
)

// announcer sends bursts of gratuitous ARP and unsolicited NA, a slice at a time, so that thousands of addresses never hold back an
// advert. Jobs take turns round by round: every address is announced once before any is announced twice (rule M1).
type announcer struct {
	jobs []job
	next clock.Instant // when the next slice is due; zero while there is nothing to send
	sent map[linkFamily]clock.Instant
	out  Announce
}

// job is what remains of one burst.
type job struct {
	router *Router
	since  clock.Now // of the router's state; a router that has changed its state meanwhile announces nothing
	items  []int32   // indices into the keeper's items; nil for all
	pos    int
	rounds int
}

type linkFamily struct {
	link string
	ipv6 bool
}

// burst announces all standing addresses of the router the given number of times.
func (r *Router) burst(rounds int) {
	if rounds > 0 && r.state == Master {
		r.engine.garp.add(r, nil, rounds)
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
	if len(items) > 0 {
		r.engine.garp.add(r, items, r.spec.Garp.Repeat)
	}
}

func (a *announcer) add(r *Router, items []int32, rounds int) {
	if items == nil {
		for i := range a.jobs { // a burst over everything that is still going on is prolonged instead of doubled
			if j := &a.jobs[i]; j.router == r && j.items == nil && j.since == r.since {
				j.rounds = max(j.rounds, rounds)
				return
			}
		}
	}
	a.jobs = append(a.jobs, job{router: r, since: r.since, items: items, rounds: rounds})
	a.next = r.engine.now.Mono
}

// slice emits at most SlicePackets announcements.
func (a *announcer) slice(e *Engine) {
	if a.next == 0 || a.next > e.now.Mono {
		return
	}
	a.out.Items = a.out.Items[:0]
	wait := clock.Instant(0) // the earliest moment at which a job that must keep a gap may go on
	for blocked := 0; len(a.jobs) > blocked && len(a.out.Items) < SlicePackets; {
		j := &a.jobs[0]
		at := a.round(e, j)
		if j.rounds == 0 || j.router.state != Master || j.since != j.router.since {
			a.jobs = append(a.jobs[:0], a.jobs[1:]...)
			continue
		}
		if at != 0 {
			wait = clock.Min(wait, at)
			blocked++
			a.rotate()
		} else if j.pos == 0 {
			a.rotate()
		}
	}
	switch {
	case len(a.jobs) == 0:
		a.next = 0
	case len(a.out.Items) == SlicePackets || wait == 0:
		a.next = e.now.Mono
	default:
		a.next = wait
	}
	if len(a.out.Items) > 0 {
		e.do(&a.out)
	}
}

func (a *announcer) rotate() {
	first := a.jobs[0]
	copy(a.jobs, a.jobs[1:])
	a.jobs[len(a.jobs)-1] = first
}

// round goes on with the current round of j until it ends, the slice is full, or a gap has to be kept: then it returns when the
// job may go on.
func (a *announcer) round(e *Engine, j *job) (at clock.Instant) {
	r := j.router
	if r.state != Master || j.since != r.since {
		return 0
	}
	n := len(j.items)
	if j.items == nil {
		n = len(r.keeper.items)
	}
	for ; j.pos < n && len(a.out.Items) < SlicePackets; j.pos++ {
		i := j.pos
		if j.items != nil {
			i = int(j.items[i])
		}
		if i >= len(r.keeper.items) {
			continue // the configuration has changed under a burst
		}
		if at = a.announce(e, r, &r.keeper.items[i]); at != 0 {
			return at
		}
	}
	if j.pos >= n {
		j.pos = 0
		j.rounds--
	}
	return 0
}

// announce adds one item to the slice, or returns when it may be.
func (a *announcer) announce(e *Engine, r *Router, it *item) (at clock.Instant) {
	link := e.links[it.address.Link]
	if !it.standing || link == nil || !link.IsUp() || link.NoARP || link.MAC == [6]byte{} {
		return 0
	}
	addr := it.address.Prefix.Addr()
	if gap := e.gap(addr.Is6()); gap > 0 {
		key := linkFamily{it.address.Link, addr.Is6()}
		if last, ok := a.sent[key]; ok && last.Add(gap) > e.now.Mono {
			return last.Add(gap)
		}
		if a.sent == nil {
			a.sent = map[linkFamily]clock.Instant{}
		}
		a.sent[key] = e.now.Mono
	}
	a.out.Items = append(a.out.Items, Announcement{
		Owner: r.owner, Index: link.Index, MAC: link.MAC, Addr: addr, Router: addr.Is6() && link.Forward6,
	})
	r.stats.Announced++
	return 0
}

func (e *Engine) gap(ipv6 bool) time.Duration {
	if ipv6 {
		return e.cfg.NAInterval
	}
	return e.cfg.GarpInterval
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
