package vrrp

import (
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
)

// Virtual links (rules L5 to L8) are there from the configuration on, and up only while the router has its addresses: a macvlan that is down
// says nothing and answers nothing, so that nobody hears the virtual hardware address from a BACKUP. Adverts do not need it: they leave
// through the interface that it stands on.

// configureLinks replaces the virtual links; those that stay keep what is known about them. It reports whether anything changed.
func (k *keeper) configureLinks(links []host.VirtualLink) (changed bool) {
	next := make([]virtual, len(links))
	for i, l := range links {
		next[i].link = l
		for _, was := range k.links {
			if was.link == l {
				next[i] = was
			}
		}
	}
	changed = !slices.EqualFunc(k.links, next, func(a, b virtual) bool { return a.link == b.link })
	k.links = next
	return changed
}

// desiredLinks is what the kernel should hold. An ipvlan has its base's hardware address and may always be up.
func (k *keeper) desiredLinks() (links []host.VirtualLink) {
	if k.ended && !k.wanted {
		return nil
	}
	for i := range k.links {
		l := k.links[i].link
		l.Up = k.wanted || l.Kind == host.IPVLAN
		links = append(links, l)
	}
	return links
}

// appliedLink takes in what the kernel made of a virtual link. That its base does not exist is no refusal: it will be made when that
// appears.
func (k *keeper) appliedLink(res *host.Result, now clock.Instant) {
	for i := range k.links {
		v := &k.links[i]
		switch {
		case v.link.Name != res.Key.Link:
		case res.Err != "" && res.Err != host.NoSuchInterface:
			v.err = res.Err
			v.holdUntil = now.Add(backoff(v.tries, time.Second, retryMax))
			v.tries++
		case now < v.holdUntil: // it is there, but it could not be up a moment ago
		default:
			v.err, v.holdUntil = "", 0
			if k.wanted {
				v.tries = 0
			}
		}
	}
}

// linkFault is what is wrong with the virtual links; empty for nothing.
func (k *keeper) linkFault() string {
	for i := range k.links {
		if v := &k.links[i]; v.err != "" {
			return "interface " + v.link.Name + ": " + v.err
		}
	}
	return ""
}

// releaseLinks lets what was refused be tried again, and reports whether there was anything.
func (k *keeper) releaseLinks(now clock.Instant) (released bool) {
	for i := range k.links {
		if v := &k.links[i]; v.holdUntil != 0 && v.holdUntil <= now {
			v.err, v.holdUntil, released = "", 0, true
		}
	}
	k.refresh()
	return released
}

// isVirtual reports whether addresses of the router have a virtual hardware address. Then another router that has them looks like us, and
// only adverts tell who is who.
func (s *Spec) isVirtual() bool {
	return slices.ContainsFunc(s.Virtual, func(l host.VirtualLink) bool { return l.Kind == host.Macvlan })
}

// makes reports whether the link is one of the router's virtual ones: that it is not there yet is no fault.
func (s *Spec) makes(link string) bool {
	return slices.ContainsFunc(s.Virtual, func(l host.VirtualLink) bool { return l.Name == link })
}

// endLinks gives the virtual links up, now or with the addresses.
func (r *Router) endLinks() {
	if r.keeper.ended = true; len(r.keeper.links) > 0 {
		r.engine.touch(&r.keeper)
	}
}
