package vrrp

import (
	"net/netip"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp/wire"
)

// Speakers is of how many senders a Status tells when they were last heard.
const Speakers = 4

// Speaker is somebody whose valid adverts a router has heard.
type Speaker struct {
	Addr     netip.Addr    // zero for none
	Priority uint8         // of the last advert
	At       clock.Instant // of the last advert
}

// hears notes who spoke, but for the master of a BACKUP: of that everything is known anyway, and adverts of it are nearly all that there are.
func (r *Router) hears(src netip.Addr, adv *wire.Advert) {
	if r.state != Backup || src != r.master {
		r.spoke(Speaker{Addr: src, Priority: adv.Priority, At: r.engine.now.Mono})
	}
}

// spoke notes a sender. Of more senders than there is room for the one that was not heard for longest is forgotten.
func (r *Router) spoke(s Speaker) {
	if r.speakers == nil {
		r.speakers = new([Speakers]Speaker)
	}
	at := 0
	for i := range r.speakers {
		if r.speakers[i].Addr == s.Addr {
			at = i
			break
		}
		if r.speakers[i].At < r.speakers[at].At {
			at = i
		}
	}
	r.speakers[at] = s
}

// partsWith notes the master of a BACKUP that becomes something else.
func (r *Router) partsWith() {
	if r.state == Backup && r.heard != 0 && r.master.IsValid() && r.master != r.source {
		r.spoke(Speaker{Addr: r.master, Priority: r.masterPriority, At: r.heard})
	}
}
