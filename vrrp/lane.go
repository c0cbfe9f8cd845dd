package vrrp

import (
	"time"

	"holdfast.dev/clock"
)

// lane holds the jobs that wait because two packets must keep a gap (rule M5): those of one link, or of the links of a group.
type lane struct {
	laneKey
	sent clock.Instant
	jobs queue
}

// laneKey says what keeps the gap.
type laneKey struct {
	link  string // empty for a group
	group int    // 1 + its index in the configuration, 0 for none
	ipv6  bool
}

// GarpGroup is a garp_group: links that share a gap. Where it has none for a family there is none, as in keepalived 2.2.7.
type GarpGroup struct {
	GarpInterval, NAInterval time.Duration // 0 is none
	Links                    []string
}

func (g *GarpGroup) gap(ipv6 bool) time.Duration {
	if ipv6 {
		return g.NAInterval
	}
	return g.GarpInterval
}

// laneOf is what keeps the gap of announcements on a link, and the gap; 0 for none. What leaves through the link below a macvlan counts as
// that one's.
func (e *Engine) laneOf(r *Router, link string, ipv6 bool) (key laneKey, gap time.Duration) {
	if e.unlaned {
		return key, 0
	}
	for i := range r.spec.Virtual {
		if v := &r.spec.Virtual[i]; v.Name == link {
			link = v.Base
			break
		}
	}
	if n := e.index.garpGroup[link]; n > 0 {
		key = laneKey{group: n, ipv6: ipv6}
	} else {
		key = laneKey{link: link, ipv6: ipv6}
	}
	return key, e.gap(key)
}

// gap is that of a lane in the configuration that is in force.
func (e *Engine) gap(k laneKey) time.Duration {
	switch {
	case k.group > len(e.cfg.GarpGroups):
		return 0
	case k.group > 0:
		return e.cfg.GarpGroups[k.group-1].gap(k.ipv6)
	case k.ipv6:
		return e.cfg.NAInterval
	}
	return e.cfg.GarpInterval
}

func (a *announcer) lane(key laneKey) *lane {
	for _, l := range a.lanes {
		if l.laneKey == key {
			return l
		}
	}
	l := &lane{laneKey: key}
	a.lanes = append(a.lanes, l)
	return l
}

// freeAt is when the lane may carry its next packet.
func (l *lane) freeAt(e *Engine) clock.Instant {
	if l.sent == 0 {
		return 0
	}
	return l.sent.Add(e.gap(l.laneKey))
}
