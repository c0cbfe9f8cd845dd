package vrrp

import (
	"net/netip"

	"holdfast.dev/vrrp/wire"
)

// send emits one advert to the group, or one to each peer (rule O1), with the same IPv4 identification.
func (r *Router) send(priority uint8) {
	e := r.engine
	r.lastSent = e.now
	if !r.source.IsValid() {
		return // rule H5; nothing could be sent from
	}
	if r.ipID++; r.ipID == 0 {
		r.ipID = 1
	}
	if priority == wire.PriorityRelease {
		r.stats.ZeroSent++
		r.report(Info, 1, "sent 0 priority")
	}
	r.stats.Sent++
	seq := r.nextSequences()
	if !r.spec.Unicast() {
		r.sendTo(r.spec.Group, wire.HopLimit, priority, seq)
	}
	for i := range r.spec.Peers {
		r.sendTo(r.spec.Peers[i].Addr, r.spec.TTL, priority, seq)
	}
	r.changed()
}

// noHeader is room for an Authentication Header.
var noHeader [wire.AHLen]byte

func (r *Router) sendTo(dst netip.Addr, ttl, priority uint8, seq sequences) {
	e := r.engine
	if e.sent == len(e.sends) {
		e.sends = append(e.sends, &Send{})
	}
	s := e.sends[e.sent]
	payload := s.Payload[:0]
	if r.ah != nil {
		payload = append(payload, noHeader[:]...)
	}
	payload, err := r.template.Append(payload, priority, r.source, dst)
	if err != nil {
		return // the families were checked when the configuration was loaded
	}
	payload = r.seal(payload, dst, ttl, seq)
	e.sent++
	*s = Send{Owner: r.owner, Port: r.spec.Port(), Src: r.source, Dst: dst, TTL: ttl, ID: r.ipID, Payload: payload}
	if l := e.links[r.spec.Link]; r.spec.MAC != [6]byte{} && l != nil {
		s.MAC, s.Index = r.spec.MAC, l.Index
	}
	e.do(s)
}

// answerLimit is how many adverts of others are answered or told of within one interval. Any honest network needs fewer; a forger must not
// make us flood it, or our log.
const answerLimit = 10

// mayAnswer counts an answer, and reports whether there were not too many.
func (r *Router) mayAnswer() bool {
	if now := r.engine.now.Mono; r.answeredAt == 0 || now.Sub(r.answeredAt) >= r.spec.Interval {
		r.answeredAt, r.answers = now, 0
	}
	r.answers++
	return r.answers <= answerLimit
}
