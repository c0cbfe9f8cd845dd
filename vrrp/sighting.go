package vrrp

import (
	"fmt"
	"net/netip"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/notify"
)

// Bounds of what a router remembers of troubles, and the hysteresis: a single packet is none, and neither is a rival that yields to our
// next advert.
const (
	troubleRoom    = 8               // sightings that a router has at a time, of whatever kinds and senders
	troublePackets = 3               // that show a trouble before it is one
	claimPackets   = 2               // the same for a claim of an address: stations ask for others once a minute or so
	quietAdverts   = 4               // intervals without such a packet until it is over
	quietLeast     = 3 * time.Second // but not less
	quietClaim     = 3 * time.Minute // the same for a claim
	tellWindow     = time.Minute     // within which at most
	tellLimit      = 10              // troubles of a router are told; what comes and goes faster is shown only
	settledTerm    = 2 * time.Second // after becoming MASTER claims of addresses are still those of the one before
)

// ShownTroubles is how many troubles Status shows.
const ShownTroubles = 3

// sighting is a trouble, or what may become one: packets of a kind from a sender.
type sighting struct {
	kind  TroubleKind // what it was first taken for; Trouble.Kind is what it turned out to be
	begun bool
	told  bool
	quiet time.Duration // without a packet, then it is over
	// ripe is when a claim is a trouble if we are still MASTER; 0 for none that waits. Who takes over says so by gratuitous ARP, and adverts that
	// are carried arrive later than that.
	ripe clock.Instant
	Trouble
}

// sightings is made when a router first needs it, and never grows.
type sightings struct {
	list   [troubleRoom]sighting  // by sender
	many   [TroubleKinds]sighting // by kind: those of all senders that there was no room for, so that nobody can hide behind forgeries
	used   int                    // of list
	window clock.Instant
	told   int // troubles that were told since window
}

// suspect notes a packet that shows a trouble, from a sender with that interval; 0 is unknown. It returns the sighting once it is enough to be
// a trouble, and the caller then says what it is: see begin. It allocates nothing but the first time.
func (r *Router) suspect(k TroubleKind, from netip.Addr, interval time.Duration) *sighting {
	s := r.sighting(k, from)
	if s == nil {
		return nil
	}
	now := r.engine.now
	s.quiet = max(quietAdverts*max(r.spec.Interval, interval), quietLeast)
	s.note(now)
	if s.begun || s.Count < troublePackets || now.Mono.Sub(s.Since.Mono) < r.spec.Interval*3/2 {
		return nil
	}
	return s
}

// note counts a packet. What was too long ago to be the same trouble does not count.
func (s *sighting) note(now clock.Now) {
	if !s.begun && (s.Count == 0 || now.Mono.Sub(s.Last.Mono) >= s.quiet) {
		s.Since, s.Count = now, 0
	}
	s.Last = now
	s.Count++
}

// sighting finds what is remembered of a kind and a sender, or makes room for it in place of what is no trouble and was not seen for long.
// Where there is no room it is what is remembered of all such senders.
func (r *Router) sighting(k TroubleKind, from netip.Addr) *sighting {
	if r.seen == nil {
		r.seen = &sightings{}
	}
	t, now := r.seen, r.engine.now.Mono
	var free *sighting
	for i := range t.used {
		s := &t.list[i]
		if s.kind == k && s.From == from {
			return s
		}
		if !s.begun && now.Sub(s.Last.Mono) >= s.quiet {
			free = s
		}
	}
	if t.used < troubleRoom {
		free = &t.list[t.used]
		t.used++
	}
	if free != nil {
		*free = sighting{kind: k, Trouble: Trouble{Kind: k, From: from}}
		return free
	}
	s := &t.many[k]
	if !s.begun {
		s.kind, s.Kind, s.From = k, k, from
	}
	return s
}

// all calls f with everything that is a trouble, those of known senders in the order in which they were first seen, and drops what f says
// is over.
func (t *sightings) all(f func(s *sighting) (over bool)) {
	for i := 0; i < t.used; i++ {
		if t.list[i].begun && f(&t.list[i]) {
			t.used--
			copy(t.list[i:], t.list[i+1:t.used+1])
			t.list[t.used] = sighting{}
			i--
		}
	}
	for i := range t.many {
		if t.many[i].begun && f(&t.many[i]) {
			t.many[i] = sighting{}
		}
	}
}

// begin makes a sighting a trouble: it is shown, told and written to the log once.
func (r *Router) begin(s *sighting, format string, args ...any) {
	now := r.engine.now.Mono
	s.begun, s.Text = true, fmt.Sprintf(format, args...)
	r.troubleAt = clock.Min(r.troubleAt, now.Add(s.quiet))
	r.changed()
	r.arm()
	if s.told = r.seen.tellable(now); !s.told {
		return
	}
	r.report(Warning, 0, "trouble %s: %s %s. What to do: %s", s.Kind, s.who(), s.Text, s.Kind.Advice())
	r.tellTrouble(notify.Trouble, s)
}

// end is the opposite. The caller removes the sighting.
func (r *Router) end(s *sighting, why string) {
	r.changed()
	if !s.told {
		return
	}
	r.report(Info, 0, "trouble %s of %s is over: %s, %d packets in %v", s.Kind, s.who(), why, s.Count,
		s.Last.Mono.Sub(s.Since.Mono).Round(time.Millisecond))
	r.tellTrouble(notify.TroubleOver, s)
}

func (r *Router) tellTrouble(state string, s *sighting) {
	r.flushTold()
	ev := r.event(state)
	ev.Times.Cause, ev.Mail = s.Since.Mono, false
	ev.Trouble = notify.Evidence{Kind: s.Kind.String(), Who: s.who(), Text: s.Text}
	r.engine.notify(ev)
}

// who is whom the log blames.
func (s *sighting) who() string {
	if s.MAC != [6]byte{} {
		return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", s.MAC[0], s.MAC[1], s.MAC[2], s.MAC[3], s.MAC[4], s.MAC[5])
	}
	return s.From.String()
}

// tellable counts a trouble that is to be told, and reports whether there were not too many: anybody can send packets from ever new
// addresses.
func (t *sightings) tellable(now clock.Instant) bool {
	if t.window == 0 || now.Sub(t.window) >= tellWindow {
		t.window, t.told = now, 0
	}
	t.told++
	return t.told <= tellLimit
}

// troubleDue ends the troubles that were not seen for long enough.
func (r *Router) troubleDue() {
	now := r.engine.now.Mono
	r.troubleAt = 0
	r.seen.waiting(func(s *sighting) {
		if now < s.ripe {
			r.troubleAt = clock.Min(r.troubleAt, s.ripe)
		} else if s.ripe != 0 {
			r.claimed(s)
		}
	})
	r.seen.all(func(s *sighting) bool {
		if now.Sub(s.Last.Mono) < s.quiet {
			r.troubleAt = clock.Min(r.troubleAt, s.Last.Mono.Add(s.quiet))
			return false
		}
		r.end(s, "not seen for "+now.Sub(s.Last.Mono).Round(time.Millisecond).String())
		return true
	})
}

// endMasters ends what only a MASTER has.
func (r *Router) endMasters() {
	if r.seen == nil {
		return
	}
	r.seen.all(func(s *sighting) bool {
		if s.kind != TwoMasters && s.kind != AddressClaimed {
			return false
		}
		r.end(s, "we are not MASTER any more")
		return true
	})
	r.seen.waiting(func(s *sighting) {
		if s.kind == AddressClaimed { // it was no other station, but our successor
			s.ripe, s.Count = 0, 0
		}
	})
}

// waiting calls f with everything that is no trouble yet.
func (t *sightings) waiting(f func(s *sighting)) {
	for i := range t.used {
		if s := &t.list[i]; !s.begun {
			f(s)
		}
	}
	for i := range t.many {
		if s := &t.many[i]; !s.begun {
			f(s)
		}
	}
}

// untroubled forgets everything without a word: the router ends, or becomes another one.
func (r *Router) untroubled() { r.seen, r.troubleAt = nil, 0 }

// troubles fills in what Status shows: those that began first, and how many more there are.
func (r *Router) troubles(to *[ShownTroubles]Trouble) (shown, more int) {
	if r.seen == nil {
		return 0, 0
	}
	r.seen.all(func(s *sighting) bool {
		if shown < ShownTroubles {
			to[shown] = s.Trouble
			shown++
		} else {
			more++
		}
		return false
	})
	return shown, more
}
