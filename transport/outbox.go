package transport

import (
	"time"

	"holdfast.dev/clock"
)

// ReportLife is for how long a report means something.
const ReportLife = 2 * time.Second

// Said is when the election thread said what the carrier reads now, in nanoseconds of the same clock; 0 for in this moment. What has waited
// because the carrier stood still is no news.
func Said(now clock.Instant, since int64) clock.Instant {
	if since <= 0 {
		return now
	}
	return min(clock.Instant(since), now)
}

// HandLife is for how long a word in a hand-over means something.
const HandLife = time.Second

// slots is how many different things can wait for a peer: adverts, reports and hand-overs of 255 routers and two families.
const slots = 2048

// Slot says what a frame is about. A later one about the same replaces it.
type Slot uint16

// AdvertSlot is that of a router's adverts.
func AdvertSlot(ipv6 bool, vrid uint8) Slot { return Slot(family(ipv6))<<8 | Slot(vrid) }

// ReportSlot is that of a router's reports.
func ReportSlot(ipv6 bool, vrid uint8) Slot { return AdvertSlot(ipv6, vrid) | 1<<9 }

// HandSlot is that of a router's words in hand-overs.
func HandSlot(ipv6 bool, vrid uint8) Slot { return AdvertSlot(ipv6, vrid) | 1<<10 }

func (s Slot) advert() bool { return s < 1<<9 }

// Outbox holds the newest frame about everything that one peer is told. Lanes say which of them still have to go where.
type Outbox struct {
	frames   [slots]*letter
	Sent     uint64 // adverts that were taken, counted once for each connection
	Replaced uint64 // adverts that were replaced before they had left by any
	Stale    uint64 // adverts that had become too old to be sent
}

type letter struct {
	frame []byte
	until clock.Instant // after that it means nothing any more
	life  time.Duration
	taken bool
}

// Put replaces what is known about slot. The frame is copied. After life has passed it is not sent any more.
func (o *Outbox) Put(now clock.Instant, s Slot, life time.Duration, frame []byte) {
	l := o.frames[s%slots]
	if l == nil {
		l = &letter{taken: true}
		o.frames[s%slots] = l
	}
	if !l.taken && s.advert() {
		o.Replaced++
	}
	l.frame, l.until, l.life, l.taken = append(l.frame[:0], frame...), now.Add(life), life, false
}

// Latest calls f for the newest advert of every router that is younger than two of the lives it was given, which is what whoever is MASTER has
// said last.
func (o *Outbox) Latest(now clock.Instant, f func(frame []byte)) {
	for s, l := range o.frames {
		if l != nil && Slot(s).advert() && now.Before(l.until.Add(l.life)) {
			f(l.frame)
		}
	}
}

// lane is what still has to go over one connection, in the order in which it was put.
type lane struct {
	order  []Slot
	queued [slots / 64]uint64
}

func (l *lane) push(s Slot) {
	if bit := uint64(1) << (s % 64); l.queued[s/64]&bit == 0 {
		l.queued[s/64] |= bit
		l.order = append(l.order, s)
	}
}

func (l *lane) empty() bool { return len(l.order) == 0 }

// fill pushes all that still means something, for a connection that is new.
func (o *Outbox) fill(now clock.Instant, l *lane) {
	for s, letter := range o.frames {
		if letter != nil && now.Before(letter.until) {
			l.push(Slot(s))
		}
	}
}

// take appends frames of the lane to b, at most room octets, and leaves out what has become too old.
func (o *Outbox) take(now clock.Instant, l *lane, b []byte, room int) []byte {
	end := len(b) + room
	done := 0
	for _, s := range l.order {
		letter := o.frames[s]
		if len(b)+len(letter.frame) > end {
			break
		}
		done++
		l.queued[s/64] &^= 1 << (s % 64)
		if !now.Before(letter.until) {
			if s.advert() && !letter.taken {
				o.Stale++
			}
			letter.taken = true
			continue
		}
		b = append(b, letter.frame...)
		letter.taken = true
		if s.advert() {
			o.Sent++
		}
	}
	l.order = l.order[:copy(l.order, l.order[done:])]
	return b
}
