package status

import (
	"net/netip"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// Record is one virtual router in the page: fixed in size and without pointers.
type Record struct {
	name, group, link, fault, sendErr text
	told                              [24]byte
	source, master, mcast             [16]byte
	since, sinceWall                  int64
	lastSent, lastBoot, lastHeard     int64
	interval, masterInterval          int64
	stats                             vrrp.Stats // numbers only
	refusedFrom                       [16]byte
	refusedAt, refusedWall            int64
	standing, addresses, refused      uint32
	faults, sequence                  uint32
	speakers                          [vrrp.Speakers]speaker
	spoken                            [vrrp.Speakers]uint8 // their priorities
	state, vrid, family, base         uint8
	priority, masterPriority, why     uint8
	refusal                           uint8
	flags                             uint8
	troubleCount, moreTroubles        uint8
	troubles                          [vrrp.ShownTroubles]trouble
}

// trouble is vrrp.Trouble without pointers.
type trouble struct {
	text            [96]byte
	from            [16]byte
	mac             [6]byte
	kind            uint8
	since, last     int64
	sinceWall, wall int64
	count           uint64
}

type text [64]byte

type speaker struct {
	addr [16]byte
	at   int64
}

const (
	flagContested = 1 << iota
	flagUnicast
)

func put(dst []byte, s string) { clear(dst[copy(dst, s):]) }

func get(src []byte) string {
	for i, c := range src {
		if c == 0 {
			return string(src[:i])
		}
	}
	return string(src)
}

func putAddr(dst *[16]byte, a netip.Addr) {
	*dst = [16]byte{}
	if a.IsValid() {
		*dst = a.As16()
	}
}

func getAddr(src [16]byte) netip.Addr {
	if src == [16]byte{} {
		return netip.Addr{}
	}
	return netip.AddrFrom16(src).Unmap()
}

// Set fills the record from s. It does not allocate. Names longer than 64 bytes are cut.
func (r *Record) Set(s *vrrp.Status) {
	put(r.name[:], s.Name)
	put(r.group[:], s.Group)
	put(r.link[:], s.Identity.Link)
	put(r.fault[:], s.Fault)
	put(r.sendErr[:], s.SendError)
	put(r.told[:], s.Told)
	putAddr(&r.source, s.Source)
	putAddr(&r.master, s.Master)
	r.flags = 0
	if s.Identity.Group.IsValid() {
		putAddr(&r.mcast, s.Identity.Group)
	} else {
		putAddr(&r.mcast, s.Identity.Source)
		r.flags |= flagUnicast
	}
	if s.Contested {
		r.flags |= flagContested
	}
	r.since, r.sinceWall = int64(s.Since.Mono), s.Since.Wall
	r.lastSent, r.lastBoot, r.lastHeard = int64(s.LastSent.Mono), int64(s.LastSent.Boot), int64(s.LastHeard)
	r.interval, r.masterInterval = int64(s.Interval), int64(s.MasterInterval)
	r.stats, r.sequence = s.Stats, s.Sequence
	putAddr(&r.refusedFrom, s.Refusal.From)
	r.refusal, r.refusedAt, r.refusedWall = uint8(s.Refusal.Reason), int64(s.Refusal.At.Mono), s.Refusal.At.Wall
	r.standing, r.addresses, r.refused, r.faults = uint32(s.Standing), uint32(s.Addresses), uint32(s.Refused), uint32(s.Faults)
	r.state, r.vrid, r.base, r.priority = uint8(s.State), s.Identity.VRID, s.BasePriority, s.Priority
	r.masterPriority, r.why = s.MasterPriority, uint8(s.Cause.Why)
	for i := range s.Speakers {
		from := &s.Speakers[i]
		if !from.Addr.IsValid() && r.speakers[i].at == 0 {
			continue // as nearly always
		}
		r.speakers[i].at, r.spoken[i] = int64(from.At), from.Priority
		putAddr(&r.speakers[i].addr, from.Addr)
	}
	r.setTroubles(s)
	r.family = 4
	if s.Identity.IPv6 {
		r.family = 6
	}
}

// setTroubles takes over the first of them; text that is too long is cut.
func (r *Record) setTroubles(s *vrrp.Status) {
	r.troubleCount, r.moreTroubles = uint8(s.TroubleCount), uint8(min(s.MoreTroubles, 255))
	for i := range s.TroubleCount {
		t, from := &r.troubles[i], &s.Troubles[i]
		put(t.text[:], from.Text)
		putAddr(&t.from, from.From)
		t.mac, t.kind, t.count = from.MAC, uint8(from.Kind), from.Count
		t.since, t.sinceWall, t.last, t.wall = int64(from.Since.Mono), from.Since.Wall, int64(from.Last.Mono), from.Last.Wall
	}
}

func (r *Record) getTroubles(s *vrrp.Status) {
	s.TroubleCount, s.MoreTroubles = min(int(r.troubleCount), vrrp.ShownTroubles), int(r.moreTroubles)
	for i := range s.TroubleCount {
		t := &r.troubles[i]
		s.Troubles[i] = vrrp.Trouble{
			Kind: vrrp.TroubleKind(t.kind), From: getAddr(t.from), MAC: t.mac, Count: t.count, Text: get(t.text[:]),
			Since: clock.Now{Mono: clock.Instant(t.since), Wall: t.sinceWall}, Last: clock.Now{Mono: clock.Instant(t.last), Wall: t.wall},
		}
	}
}

// Status gives back what Set was given, as far as the record holds it.
func (r *Record) Status() vrrp.Status {
	s := vrrp.Status{
		Name: get(r.name[:]), Group: get(r.group[:]), Identity: r.identity(), State: vrrp.State(r.state),
		Since: clock.Now{Mono: clock.Instant(r.since), Wall: r.sinceWall}, Cause: vrrp.Cause{Why: vrrp.Why(r.why)},
		Fault: get(r.fault[:]), BasePriority: r.base, Priority: r.priority,
		Source: getAddr(r.source), Master: getAddr(r.master), MasterPriority: r.masterPriority,
		MasterInterval: time.Duration(r.masterInterval), Interval: time.Duration(r.interval),
		LastSent:  clock.Now{Mono: clock.Instant(r.lastSent), Boot: clock.Instant(r.lastBoot)},
		LastHeard: clock.Instant(r.lastHeard), Standing: int(r.standing), Addresses: int(r.addresses), Refused: int(r.refused),
		Contested: r.flags&flagContested != 0, Told: get(r.told[:]), SendError: get(r.sendErr[:]),
	}
	for i, from := range r.speakers {
		s.Speakers[i] = vrrp.Speaker{Addr: getAddr(from.addr), Priority: r.spoken[i], At: clock.Instant(from.at)}
	}
	s.Faults = int(r.faults)
	s.Stats, s.Sequence = r.stats, r.sequence
	s.Refusal = vrrp.Refusal{
		Reason: wire.Reason(r.refusal), From: getAddr(r.refusedFrom),
		At: clock.Now{Mono: clock.Instant(r.refusedAt), Wall: r.refusedWall},
	}
	r.getTroubles(&s)
	return s
}

func (r *Record) identity() vrrp.Identity {
	id := vrrp.Identity{IPv6: r.family == 6, VRID: r.vrid, Link: get(r.link[:])}
	if r.flags&flagUnicast != 0 {
		id.Source = getAddr(r.mcast)
	} else {
		id.Group = getAddr(r.mcast)
	}
	return id
}

// Resume is what a restarted process needs to know of the router.
func (r *Record) Resume() vrrp.Resume {
	return vrrp.Resume{
		Identity: r.identity(), Name: get(r.name[:]), State: vrrp.State(r.state), Sequence: r.sequence, LastAdvert: clock.Instant(r.lastBoot),
		Interval: time.Duration(r.interval), Told: get(r.told[:]),
	}
}
