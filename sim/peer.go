package sim

import (
	"net/netip"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp/wire"
)

// Peer is a router of another make: RFC 9568 section 6.4, or RFC 3768, to the letter and not a line more. It has no faults of its own.
type Peer struct {
	w       *World
	id      int
	name    string
	routers []peerRouter
}

// peerRouter is one of its virtual routers.
type peerRouter struct {
	r        *instance
	template wire.Template
	expect   wire.Expect
	src      netip.Addr
	master   bool
	learnt   time.Duration // Active_Adver_Interval
	at       clock.Instant // Adver_Timer or Active_Down_Timer
}

func newPeer(w *World, id int, s *NodeShape) *Peer {
	p := &Peer{w: w, id: id, name: s.Name}
	for i := range s.File.routers {
		r := &s.File.routers[i]
		params := wire.Params{Version: r.version, VRID: r.vrid, Interval: r.interval, Sum: wire.DefaultForm(r.version, false)}
		if r.password != "" {
			params.AuthType = wire.AuthPass
			copy(params.Password[:], r.password)
		}
		for _, a := range r.addresses {
			params.Addrs = append(params.Addrs, netip.MustParsePrefix(a).Addr())
		}
		t, err := wire.NewTemplate(params)
		if err != nil {
			w.fail("peer", "%v", err)
		}
		q := peerRouter{r: r, template: t, src: hostAddr(r.link, false, id), learnt: r.interval}
		q.expect = wire.Expect{Version: r.version, AuthType: params.AuthType, Password: params.Password, Interval: r.interval, Accept: params.Sum}
		if r.priority == wire.PriorityOwner {
			q.master, q.at = true, w.now // section 6.4.1 (100)
		} else {
			q.at = w.now.Add(q.downTime())
		}
		p.routers = append(p.routers, q)
	}
	return p
}

// skew is Skew_Time.
func (q *peerRouter) skew() time.Duration {
	whole := time.Second
	if q.r.version == wire.V3 {
		whole = q.learnt
	}
	return whole * time.Duration(256-int(q.r.priority)) / 256
}

// downTime is Active_Down_Interval.
func (q *peerRouter) downTime() time.Duration { return 3*q.learnt + q.skew() }

func (p *Peer) wake() (at clock.Instant) {
	for i := range p.routers {
		at = clock.Min(at, p.routers[i].at)
	}
	return at
}

func (p *Peer) run() {
	for i := range p.routers {
		q := &p.routers[i]
		if q.at > p.w.now {
			continue
		}
		if !q.master {
			q.master = true
			p.w.Log.line(p.w, p.name, "state", "%s BACKUP -> MASTER", q.r.name)
			p.w.checks.election.moved(nil)
		}
		p.send(q)
	}
}

func (p *Peer) send(q *peerRouter) {
	q.at = p.w.now.Add(q.r.interval)
	dst := wire.Group4()
	b, err := q.template.Append(nil, q.r.priority, q.src, dst)
	if err != nil {
		p.w.fail("peer", "%v", err)
		return
	}
	p.w.put(&packet{link: linkOf(q.r.link), from: int16(p.id), src: q.src, dst: dst, ttl: wire.HopLimit, payload: b})
}

func (p *Peer) hears(k *packet) bool { return k.dst == wire.Group4() }

// arrive is the receiving of sections 6.4.2 and 6.4.3.
func (p *Peer) arrive(slot int32) bool {
	k := &p.w.packets[slot]
	for i := range p.routers {
		q := &p.routers[i]
		if linkOf(q.r.link) != k.link || len(k.payload) < 2 || k.payload[1] != q.r.vrid || k.ttl != wire.HopLimit || k.ah {
			continue
		}
		a, reason := wire.Decode(k.payload, k.src, k.dst, wire.Options{})
		if reason != wire.OK || a.Check(&q.expect) != wire.OK || a.Interval == 0 {
			continue
		}
		if q.master {
			p.asActive(q, k.src, &a)
		} else {
			p.asBackup(q, &a)
		}
	}
	return false
}

func (p *Peer) asBackup(q *peerRouter, a *wire.Advert) {
	switch {
	case a.Priority == wire.PriorityRelease:
		q.at = p.w.now.Add(q.skew())
	case a.Priority >= q.r.priority:
		q.learn(a)
		q.at = p.w.now.Add(q.downTime())
	}
}

func (p *Peer) asActive(q *peerRouter, src netip.Addr, a *wire.Advert) {
	switch {
	case a.Priority == wire.PriorityRelease:
		p.send(q)
	case a.Priority > q.r.priority, a.Priority == q.r.priority && src.Compare(q.src) > 0:
		q.learn(a)
		q.master = false
		q.at = p.w.now.Add(q.downTime())
		p.w.Log.line(p.w, p.name, "state", "%s MASTER -> BACKUP", q.r.name)
		p.w.checks.election.moved(nil)
	case q.r.version == wire.V3:
		p.send(q) // section 6.4.3 (745): assert at once
	}
}

func (q *peerRouter) learn(a *wire.Advert) {
	if q.r.version == wire.V3 {
		q.learnt = a.Interval
	}
}
