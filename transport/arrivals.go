package transport

import (
	"time"

	"holdfast.dev/clock"
)

// Verdict says whether an advert that came in counts.
type Verdict uint8

// The verdicts. Only what is Fresh reaches the engine.
const (
	Fresh     Verdict = iota
	Overtaken         // the same one, or a later one of its router, came before
	Stale             // it was under way for too long
	Former            // it is of an earlier life of the peer
)

// window is how long the shortest time under way is remembered, at least; at most twice as long.
const window = 30 * time.Second

// lead is by how much a stamp may be ahead of its sender's clock, in µs: what is said of many routers in one microsecond is stamped with one
// after the other. Without it, that would look as if the clock had stood still.
const lead = 2000

// formerFor is for how long a life of the peer that another one has followed is not listened to.
const formerFor = time.Minute

// Arrivals judges what comes from one peer, over however many connections. It estimates how old an advert is by the difference between
// the sender's clock and ours, of which the least lately is that of a packet that was not held up.
//
// The estimate can't see what all packets have in common, and errs towards young. It errs towards old only when the sender's clock has
// stood still (a machine that was paused): the answer to a PING corrects that, see Answered.
type Arrivals struct {
	known, hadFormer bool
	epoch, former    uint32
	formerUntil      clock.Instant
	least, before    int64 // µs, in this window and the one before; none is the highest value
	turn             clock.Instant
	last             map[Slot]uint64 // Sent of the last one that counted
}

// maxHeard bounds the memory for what a peer sends. It is several times what any configuration has.
const maxHeard = 1 << 15

const none = int64(^uint64(0) >> 1)

// Sample notes that something sent at sent (µs of the peer's clock) has come in now. It reports false for an earlier life of the peer.
func (a *Arrivals) Sample(now clock.Instant, epoch uint32, sent uint64) bool {
	if a.hadFormer && epoch == a.former && now.Before(a.formerUntil) {
		return false
	}
	if !a.known || epoch != a.epoch {
		a.begin(now, epoch)
	}
	if now.Sub(a.turn) >= window {
		a.before, a.least = a.least, none
		if now.Sub(a.turn) >= 2*window {
			a.before = none
		}
		a.turn = now
	}
	a.least = min(a.least, difference(now, sent))
	return true
}

// begin forgets an earlier life of the peer.
func (a *Arrivals) begin(now clock.Instant, epoch uint32) {
	former, had := a.epoch, a.known
	clear(a.last)
	*a = Arrivals{last: a.last, known: true, epoch: epoch, least: none, before: none, turn: now}
	if had {
		a.hadFormer, a.former, a.formerUntil = true, former, now.Add(formerFor)
	}
}

// Answered notes the answer to a PING that left at asked: the peer's clock was clock in between. If that says that the least difference
// known is no longer possible, the sender's clock has stood still, and it is measured anew.
func (a *Arrivals) Answered(now, asked clock.Instant, epoch uint32, clockNow uint64) {
	if !a.Sample(now, epoch, clockNow) {
		return
	}
	if possible := difference(asked, clockNow) - lead; a.floor() < possible {
		a.least, a.before, a.turn = possible, none, now // the answer may have been held up, and the next one makes up for the question's way
	}
}

// Judge says whether an advert counts, and how long it was under way beyond the least lately. life is how old it may be.
func (a *Arrivals) Judge(now clock.Instant, epoch uint32, sent uint64, r RouterID, life time.Duration) (time.Duration, Verdict) {
	return a.judge(now, epoch, sent, AdvertSlot(r), life)
}

// JudgeReport does the same for a report, which has no interval.
func (a *Arrivals) JudgeReport(now clock.Instant, epoch uint32, sent uint64, r RouterID) (time.Duration, Verdict) {
	return a.judge(now, epoch, sent, ReportSlot(r), ReportLife)
}

// JudgeHand does the same for a word in a hand-over.
func (a *Arrivals) JudgeHand(now clock.Instant, epoch uint32, sent uint64, r RouterID) (time.Duration, Verdict) {
	return a.judge(now, epoch, sent, HandSlot(r), HandLife)
}

func (a *Arrivals) judge(now clock.Instant, epoch uint32, sent uint64, s Slot, life time.Duration) (age time.Duration, v Verdict) {
	if !a.Sample(now, epoch, sent) {
		return 0, Former
	}
	age = time.Duration(difference(now, sent)-a.floor()) * time.Microsecond
	newest, known := a.last[s]
	if known && sent <= newest || sent == 0 {
		return age, Overtaken
	}
	if !known && len(a.last) >= maxHeard {
		clear(a.last)
	}
	if a.last == nil {
		a.last = map[Slot]uint64{}
	}
	a.last[s] = sent // also of a stale one: what was sent before it is older still
	if age > life {
		return age, Stale
	}
	return age, Fresh
}

func (a *Arrivals) floor() int64 { return min(a.least, a.before) }

func difference(now clock.Instant, sent uint64) int64 {
	return int64(now)/int64(time.Microsecond) - int64(min(sent, 1<<62))
}

// Known reports whether anything of the peer has come in, and Epoch which life of it that was.
func (a *Arrivals) Known() bool { return a.known }

// Epoch is the present life of the peer.
func (a *Arrivals) Epoch() uint32 { return a.epoch }
