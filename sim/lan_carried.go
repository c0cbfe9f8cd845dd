package sim

import "slices"

// launch puts a packet of a connection, or a datagram for a carrier, on a wire.
func (w *World) launch(g *segment, link uint8) {
	from, to := w.nodes[g.source].(*Node), g.to.n.id
	g.link = link
	if !g.gram && g.what == syn && w.Plan.Shape.Nodes[to].Hidden {
		g.spoilt()
		return
	}
	if from.off || from.asleep > w.now || !from.nics[link].up || w.lan.cut[link][g.source][to] || g.f != nil && (g.f.forgotten || g.f.stalled) {
		g.spoilt()
		return
	}
	if w.lan.slow > 0 || w.lan.dials > 0 {
		g.spoilt()
	}
	times := 1
	if w.lan.loss > 0 && w.net.chance(w.lan.loss) {
		times = 0
	}
	if w.lan.twice > 0 && w.net.chance(w.lan.twice) {
		times++
	}
	if times == 0 {
		g.spoilt()
	}
	for range times {
		at := w.now.Add(w.lan.delay)
		if w.lan.jitter > 0 {
			at = at.Add(w.net.upTo(w.lan.jitter))
		}
		if w.lan.slow > 0 {
			at = at.Add(w.net.upTo(w.lan.slow))
		}
		if w.lan.dials > 0 && g.what == syn && !g.gram {
			at = at.Add(w.net.upTo(w.lan.dials))
		}
		w.push(entry{at: at, what: landing, arg: w.fly(g)})
	}
}

// spoilt notes that something has happened to a packet.
func (g *segment) spoilt() {
	g.to.spoil()
	g.to.w.nodes[g.source].(*Node).carriage.spoil()
}

// fly finds room for a segment.
func (w *World) fly(g *segment) int32 {
	if last := len(w.landed) - 1; last >= 0 {
		slot := w.landed[last]
		w.landed = w.landed[:last]
		w.flying[slot] = *g
		return slot
	}
	w.flying = append(w.flying, *g)
	return int32(len(w.flying) - 1)
}

// land gives a segment to the machine that it is for.
func (w *World) land(slot int32) {
	g := w.flying[slot]
	w.flying[slot] = segment{}
	w.landed = append(w.landed, slot)
	m := g.to
	switch {
	case !m.hears(g.link), g.f != nil && (g.f.forgotten || g.f.stalled):
		g.spoilt()
	case !g.gram:
		g.f.ends[1-g.from].arrive(&g)
	case m.carrier != nil && len(m.grams) < gramRoom:
		from := w.nodes[g.source].(*Node).carriage.sourceAddr(g.link)
		m.grams = append(m.grams, gram{from: from, to: hostAddr(linkName(g.link), false, m.n.id), data: slices.Clone(g.data)})
		m.rouse()
	}
}
