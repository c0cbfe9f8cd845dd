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

// Slot says what a frame is about. A later one about the same replaces it.
type Slot struct {
	RouterID
	what uint8
}

// AdvertSlot is that of a router's adverts.
func AdvertSlot(r RouterID) Slot { return Slot{r, 0} }

// ReportSlot is that of a router's reports.
func ReportSlot(r RouterID) Slot { return Slot{r, 1} }

// HandSlot is that of a router's words in hand-overs.
func HandSlot(r RouterID) Slot { return Slot{r, 2} }

func (s Slot) advert() bool { return s.what == 0 }

// Outbox holds the newest frame about everything that one peer is told. Lanes say which of them still have to go where.
type Outbox struct {
	places   map[Slot]int
	letters  []*letter
	Sent     uint64 // adverts that were taken, counted once for each connection
	Replaced uint64 // adverts that were replaced before they had left by any
	Stale    uint64 // adverts that had become too old to be sent
}

type letter struct {
	slot  Slot
	frame []byte
	until clock.Instant // after that it means nothing any more
	life  time.Duration
	taken bool
}

// Put replaces what is known about slot, and returns its place. The frame is copied. After life has passed it is not sent any more.
func (o *Outbox) Put(now clock.Instant, s Slot, life time.Duration, frame []byte) int {
	at, known := o.places[s]
	if !known {
		if o.places == nil {
			o.places = map[Slot]int{}
		}
		at = len(o.letters)
		o.places[s] = at
		o.letters = append(o.letters, &letter{slot: s, taken: true})
	}
	l := o.letters[at]
	if !l.taken && s.advert() {
		o.Replaced++
	}
	l.frame, l.until, l.life, l.taken = append(l.frame[:0], frame...), now.Add(life), life, false
	return at
}

// forget drops what means nothing any more. Lanes must be filled anew.
func (o *Outbox) forget(now clock.Instant) {
	kept := o.letters[:0]
	clear(o.places)
	for _, l := range o.letters {
		if now.Before(l.until.Add(l.life)) {
			o.places[l.slot] = len(kept)
			kept = append(kept, l)
		}
	}
	clear(o.letters[len(kept):])
	o.letters = kept
}

// Latest calls f for the newest advert of every router that is younger than two of the lives it was given, which is what whoever is MASTER has
// said last.
func (o *Outbox) Latest(now clock.Instant, f func(frame []byte)) {
	for _, l := range o.letters {
		if l.slot.advert() && now.Before(l.until.Add(l.life)) {
			f(l.frame)
		}
	}
}

// lane is what still has to go over one connection, in the order in which it was put: places in the outbox.
type lane struct {
	order  []int
	queued []uint64 // a bit for each place
}

func (l *lane) push(at int) {
	for at/64 >= len(l.queued) {
		l.queued = append(l.queued, 0)
	}
	if bit := uint64(1) << (at % 64); l.queued[at/64]&bit == 0 {
		l.queued[at/64] |= bit
		l.order = append(l.order, at)
	}
}

func (l *lane) empty() bool { return len(l.order) == 0 }

func (l *lane) reset() {
	l.order = l.order[:0]
	clear(l.queued)
}

// fill pushes all that still means something, for a connection that is new.
func (o *Outbox) fill(now clock.Instant, l *lane) {
	for at, letter := range o.letters {
		if now.Before(letter.until) {
			l.push(at)
		}
	}
}

// take appends frames of the lane to b, at most room octets, and leaves out what has become too old.
func (o *Outbox) take(now clock.Instant, l *lane, b []byte, room int) []byte {
	end := len(b) + room
	done := 0
	for _, at := range l.order {
		letter := o.letters[at]
		if len(b)+len(letter.frame) > end {
			break
		}
		done++
		l.queued[at/64] &^= 1 << (at % 64)
		advert := letter.slot.advert()
		if !now.Before(letter.until) {
			if advert && !letter.taken {
				o.Stale++
			}
			letter.taken = true
			continue
		}
		b = append(b, letter.frame...)
		letter.taken = true
		if advert {
			o.Sent++
		}
	}
	l.order = l.order[:copy(l.order, l.order[done:])]
	return b
}
