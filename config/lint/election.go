package lint

import (
	"time"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
	"holdfast.dev/config/explain"
)

// priorities checks who wins.
func (p *pair) priorities() {
	a, b := p.a, p.b
	switch {
	case a.Owner() && b.Owner():
		p.say(diag.Error, "only the node that has the address on its interface anyway may have 255", "both nodes have priority 255 and take themselves for the owner: both become master at once")
		return
	case a.Priority == b.Priority && !tracked(a) && !tracked(b):
		p.say(diag.Warning, "give one node a higher priority, or nopreempt to both if it does not matter who is master",
			"both have priority %d: the higher address wins, which no file shows; when both start together both may be master for a moment", a.Priority)
	case a.WantMaster && b.WantMaster:
		p.say(diag.Note, "", "both say \"state MASTER\": it means nothing for the election, the priorities %d and %d decide", a.Priority, b.Priority)
	}
	if high, low, nl := p.ranked(); high.Priority > low.Priority && low.WantMaster && !high.WantMaster {
		p.say(diag.Warning, "set state BACKUP on both and let the priority decide", "%s says \"state MASTER\" and has the lower priority (%d against %d): the other node wins", nl.Name, low.Priority, high.Priority)
	}
	if a.Preempt != b.Preempt && !a.Owner() && !b.Owner() {
		with := p.na
		if a.Preempt {
			with = p.nb
		}
		p.say(diag.Warning, "set nopreempt on both, with state BACKUP", "nopreempt is on %s only: the other node still takes the addresses back", with.Name)
	}
}

func tracked(i *config.Instance) bool { return len(explain.Weights(i)) > 0 }

// ranked is the instance with the higher priority and that with the lower, and the node of the latter.
func (p *pair) ranked() (high, low *config.Instance, lower *Node) {
	if p.a.Priority >= p.b.Priority {
		return p.a, p.b, p.nb
	}
	return p.b, p.a, p.na
}

// weights reports weighted trackers that can never change who is master.
func (p *pair) weights() {
	p.useless(p.a, p.b, p.na, p.nb)
	p.useless(p.b, p.a, p.nb, p.na)
}

// useless checks the trackers of i against the range of priorities of its peer.
func (p *pair) useless(i, peer *config.Instance, ni, np *Node) {
	if !tracked(i) || i.Owner() {
		return
	}
	low, high := explain.Bounds(ni.Config, i)
	plow, phigh := explain.Bounds(np.Config, peer)
	switch {
	case low > phigh:
		p.say(diag.Warning, "the weights must bring the priority below that of the other node, or be 0, which is FAULT",
			"whatever the trackers of %s say, its priority stays between %d and %d, above that of %s (at most %d): they never move the addresses", ni.Name, low, high, np.Name, phigh)
	case high < plow:
		p.say(diag.Warning, "the weights must bring the priority above that of the other node",
			"whatever the trackers of %s say, its priority stays between %d and %d, below that of %s (at least %d): they never move the addresses", ni.Name, low, high, np.Name, plow)
	}
}

// flapping reports a node that takes the addresses back at once when a script that may fail now and then succeeds again.
func (p *pair) flapping() {
	high, low, _ := p.ranked()
	if high.Priority == low.Priority || !high.Preempt || high.PreemptDelay > 0 || high.Owner() {
		return
	}
	n := p.na
	if high == p.b {
		n = p.nb
	}
	for _, t := range high.Track.Scripts {
		s, ok := n.Config.Script(t.Name)
		if !ok || s.Rise > 1 && s.Fall > 1 {
			continue
		}
		if t.Weight != 0 && !moves(high, low, t.Weight, t.Reverse) {
			continue
		}
		p.say(diag.Warning, "set fall and rise of "+t.Name+" to 2 or more, or preempt_delay, or nopreempt",
			"one bad run of script %s on %s (every %s) moves the addresses away, and one good run moves them back %s later: every hiccup is two moves", t.Name, n.Name, seconds(s.Interval), seconds(back(high)))
	}
}

// moves reports whether a weight brings one instance to the other side of the other's base priority.
func moves(i, peer *config.Instance, weight int, reverse bool) bool {
	if reverse {
		weight = -weight
	}
	now, then := int(i.Priority)+max(weight, 0), int(i.Priority)+min(weight, 0)
	return now > int(peer.Priority) && then < int(peer.Priority)
}

// back is how long after its recovery a node takes over from one with a lower priority.
func back(i *config.Instance) time.Duration { return explain.Down(i, int(i.Priority)) }
