package vrrp

import "holdfast.dev/clock"

// timer is one deadline of a router in a heap. at is zero while it is not set.
type timer struct {
	router *Router
	at     clock.Instant
	pos    int // in the heap, plus one; 0 while it is not in it
}

// heap orders timers by their deadline, so that a node with thousands of routers finds the due ones without a scan.
type heap struct{ timers []*timer }

// set moves t to the deadline at, or takes it out if at is zero.
func (h *heap) set(t *timer, at clock.Instant) {
	t.at = at
	switch {
	case at == 0 && t.pos == 0:
	case at == 0:
		h.remove(t)
	case t.pos == 0:
		h.timers = append(h.timers, t)
		t.pos = len(h.timers)
		h.up(t.pos - 1)
	default:
		if !h.down(t.pos - 1) {
			h.up(t.pos - 1)
		}
	}
}

// first returns the earliest deadline, zero if there is none.
func (h *heap) first() clock.Instant {
	if len(h.timers) == 0 {
		return 0
	}
	return h.timers[0].at
}

// due returns the router whose timer is the earliest of those that are due, or nil.
func (h *heap) due(now clock.Instant) *Router {
	if len(h.timers) == 0 || h.timers[0].at > now {
		return nil
	}
	return h.timers[0].router
}

func (h *heap) remove(t *timer) {
	i, last := t.pos-1, len(h.timers)-1
	t.pos = 0
	if i != last {
		h.timers[i] = h.timers[last]
		h.timers[i].pos = i + 1
	}
	h.timers[last] = nil
	h.timers = h.timers[:last]
	if i < last && !h.down(i) {
		h.up(i)
	}
}

func (h *heap) swap(i, j int) {
	h.timers[i], h.timers[j] = h.timers[j], h.timers[i]
	h.timers[i].pos, h.timers[j].pos = i+1, j+1
}

// less orders timers of the same moment as their routers are configured.
func (h *heap) less(i, j int) bool {
	a, b := h.timers[i], h.timers[j]
	return a.at < b.at || a.at == b.at && a.router.owner < b.router.owner
}

func (h *heap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.less(i, parent) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h *heap) down(i int) (moved bool) {
	for {
		least := 2*i + 1
		if least >= len(h.timers) {
			return moved
		}
		if right := least + 1; right < len(h.timers) && h.less(right, least) {
			least = right
		}
		if !h.less(least, i) {
			return moved
		}
		h.swap(i, least)
		i, moved = least, true
	}
}
