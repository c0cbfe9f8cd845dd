package view

import (
	"fmt"
	"net/netip"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/status/dump"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

func (s *Source) instance(in *config.Instance, snap *dump.Snapshot) Instance {
	st := snap.Of(in)
	v := Instance{
		Name: in.Name, Interface: in.Interface, VRID: in.VRID, Family: 4, Version: in.Version, Group: in.SyncGroup,
		State: st.State.String(), Since: s.wall(st.Since.Wall), Why: st.Cause.Why.String(), Source: text(st.Source),
		AdvertIntervalMS: float64(st.Interval) / float64(time.Millisecond), Master: text(st.Master), MasterPriority: st.MasterPriority,
		Peers: []Peer{}, Addresses: []Address{}, Held: st.Standing, Trackers: []Tracked{}, Counters: counters(&st),
	}
	if in.Family == config.IPv6 {
		v.Family = 6
	}
	if st.State == vrrp.Backup && st.Master.IsValid() && st.LastHeard != 0 {
		v.Peers = append(v.Peers, Peer{st.Master.String(), st.MasterPriority, s.at(st.LastHeard)})
	}
	for _, p := range st.Speakers {
		if p.Addr.IsValid() && (st.State != vrrp.Backup || p.Addr != st.Master) {
			v.Peers = append(v.Peers, Peer{p.Addr.String(), p.Priority, s.at(p.At)})
		}
	}
	held := "no"
	switch {
	case dump.Held(in, &st):
		held = "yes"
	case st.Addresses > 0:
		held = "some"
	}
	for _, list := range [][]config.Address{in.Addresses, in.Excluded} {
		for i := range list {
			v.Addresses = append(v.Addresses, Address{list[i].Prefix.String(), list[i].Dev, held})
		}
	}
	v.Priority = priority(in, &st, snap.Sources, &v)
	v.Conflicts = s.conflicts(&st)
	v.Troubles = s.instanceTroubles(&st, v.Conflicts)
	return v
}

func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func counters(st *vrrp.Status) Counters {
	n := &st.Stats
	c := Counters{
		Received: n.Received, Sent: n.Sent, BecameMaster: n.BecomeMaster, ReleaseMaster: n.ReleaseMaster, PutOff: n.PutOff, Slept: n.Slept,
		AddressLost: n.AddressLost, Announced: n.Announced, Dropped: map[string]uint64{},
	}
	for i, count := range n.Dropped {
		if count > 0 {
			c.Dropped[wire.Reason(i).String()] = count
		}
	}
	return c
}

// kinds are the kinds of sources that the configuration names.
var kinds = map[config.TrackKind]track.Kind{config.OfFile: track.OfFile, config.OfProcess: track.OfProcess, config.OfCheck: track.OfCheck}

// priority works out what each tracker does, and names what is left over: that comes of interfaces, whose states are not known here.
func priority(in *config.Instance, st *vrrp.Status, states map[track.ID]track.State, v *Instance) Priority {
	p := Priority{Base: st.BasePriority, Now: st.Priority, Why: []string{}}
	left := int(st.Priority) - int(st.BasePriority)
	note := func(b track.Binding) {
		state := states[b.ID()]
		t := Tracked{Kind: b.Kind.String(), Name: b.Source, Weight: b.Weight, Status: state.Status.String()}
		switch e := b.Effect(state); {
		case e.Fault:
			t.Effect = "fault"
		case e.Pending:
			t.Effect = "waited for"
		case e.Delta != 0:
			t.Effect = fmt.Sprintf("%+d", e.Delta)
			p.Why = append(p.Why, fmt.Sprintf("%s %s is %s", t.Effect, b.ID(), t.Status))
			left -= e.Delta
		}
		v.Trackers = append(v.Trackers, t)
	}
	for _, t := range in.Track.Scripts {
		note(track.Binding{Kind: track.OfScript, Source: t.Name, Weight: t.Weight, Reverse: t.Reverse})
	}
	for _, t := range in.Track.Others {
		if kind, ok := kinds[t.Kind]; ok {
			note(track.Binding{Kind: kind, Source: t.Name, Weight: int(t.Weight), Reverse: t.Reverse})
		}
	}
	for _, t := range in.Track.Interfaces {
		v.Trackers = append(v.Trackers, Tracked{Kind: "interface", Name: t.Name, Weight: t.Weight})
	}
	if left != 0 && p.Now != p.Base {
		p.Why = append(p.Why, fmt.Sprintf("%+d by tracked interfaces, or by the limits of a priority", left))
	}
	return p
}

// instanceTroubles are what is wrong with an instance, in words.
func (s *Source) instanceTroubles(st *vrrp.Status, conflicts []Conflict) []string {
	out := []string{}
	add := func(when bool, format string, args ...any) {
		if when {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(st.Fault != "" && st.Faults <= 1, "%s", st.Fault)
	add(st.Fault != "" && st.Faults > 1, "%s, and %d other faults", st.Fault, st.Faults-1)
	add(st.Contested, "somebody keeps taking the addresses away")
	add(st.Refused > 0, "the kernel refuses %d addresses, routes or rules", st.Refused)
	add(st.SendError != "", "adverts can't be sent: %s", st.SendError)
	for i := range conflicts {
		add(true, "%s", conflicts[i].String())
	}
	add(st.MoreTroubles > 0, "%d more of this kind", st.MoreTroubles)
	if at := st.Refusal.At.Mono; len(conflicts) == 0 && at != 0 && s.Now.Mono.Sub(at) < recently {
		add(true, "an advert of %s was not taken: %s", st.Refusal.From, st.Refusal.Reason)
	}
	return out
}

// recently is how long the last refused advert is a trouble.
const recently = time.Minute
