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

// hears notes who spoke. Of more senders than there is room for the one that was not heard for longest is forgotten.
func (r *Router) hears(src netip.Addr, adv *wire.Advert) {
	at := 0
	for i := range r.speakers {
		if r.speakers[i].Addr == src {
			at = i
			break
		}
		if r.speakers[i].At < r.speakers[at].At {
			at = i
		}
	}
	r.speakers[at] = Speaker{Addr: src, Priority: adv.Priority, At: r.engine.now.Mono}
}
