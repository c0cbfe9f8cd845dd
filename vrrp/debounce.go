package vrrp

import (
	"time"

	"holdfast.dev/clock"
)

// debounced is how the routers see a link (rule L1).
type debounced struct {
	up     bool          // what counts
	seenUp bool          // it was up once: from then on changes are delayed
	due    clock.Instant // when what it is now counts; 0 when that counts already
}

// isUp reports whether the link counts as up.
func (e *Engine) isUp(name string) bool {
	l := e.links[name]
	return l != nil && l.up
}

// debounce carries over what counts from the last description of a link to c, the newest. A link that was made anew is another one.
func (e *Engine) debounce(c, old *link) {
	up := c.IsUp()
	if old == nil || old.Index != c.Index {
		c.debounced = debounced{up: up, seenUp: up}
		delete(e.settling, c.Name)
		return
	}
	c.debounced = old.debounced
	defer func() { c.seenUp = c.seenUp || up }()
	if up == c.up {
		c.due = 0
		delete(e.settling, c.Name)
		return
	}
	if c.due == 0 {
		c.due = e.now.Mono.Add(e.linkDelay(c))
	}
	if e.now.Mono < c.due {
		e.settling[c.Name] = c
		return
	}
	c.up, c.due = up, 0
	delete(e.settling, c.Name)
}

// linkDelay is how long a change of the link waits. It never outlasts what a peer would wait for (rule A24), also when a MASTER with a
// shorter interval was heard meanwhile (rule Z8).
func (e *Engine) linkDelay(c *link) time.Duration {
	if !c.seenUp {
		return 0
	}
	d := e.cfg.Debounce[c.Name].Down
	if c.IsUp() {
		d = e.cfg.Debounce[c.Name].Up
	}
	for _, r := range e.index.byLink[c.Name] {
		if r.spec.Link == c.Name {
			i := r.interval()
			d = min(d, max(time.Duration(r.spec.DownAdverts-1)*i-i/256, 0))
		}
	}
	return d
}

// settlesAt is when the next change of a link counts; 0 for never.
func (e *Engine) settlesAt() (at clock.Instant) {
	for _, l := range e.settling {
		at = clock.Min(at, l.due)
	}
	return at
}

// settle lets changes count whose delay is over.
func (e *Engine) settle() {
	for name, l := range e.settling {
		if e.now.Mono < l.due {
			continue
		}
		l.up, l.due = l.IsUp(), 0
		delete(e.settling, name)
		e.reassess(e.index.byLink[name], WhyRecovered)
	}
}
