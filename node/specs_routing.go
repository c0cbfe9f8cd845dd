package node

import (
	"slices"

	"holdfast.dev/config"
	"holdfast.dev/host/specs"
	"holdfast.dev/vrrp"
)

// routingSpec adds the routes and rules of an instance. The interfaces that those which are tracked name are tracked too
// (rules K9, K11).
func routingSpec(s *vrrp.Spec, in *config.Instance) {
	if in.Routing == nil {
		return
	}
	for i := range in.Routing.Routes {
		rt := &in.Routing.Routes[i]
		s.Routes = append(s.Routes, vrrp.Route{Route: specs.Route(rt), NoTrack: rt.NoTrack})
		if !rt.NoTrack {
			trackLink(s, rt.Dev)
		}
	}
	for i := range in.Routing.Rules {
		ru := &in.Routing.Rules[i]
		s.Rules = append(s.Rules, vrrp.Rule{Rule: specs.Rule(ru), NoTrack: ru.NoTrack})
		if !ru.NoTrack {
			trackLink(s, ru.IIF)
			trackLink(s, ru.OIF)
		}
	}
}

// trackLink has the failure of a link be a fault, unless it is tracked already, be it with a weight.
func trackLink(s *vrrp.Spec, link string) {
	if link == "" || link == s.Link && !s.DontTrackPrimary ||
		slices.ContainsFunc(s.Links, func(b vrrp.LinkBinding) bool { return b.Link == link }) {
		return
	}
	s.Links = append(s.Links, vrrp.LinkBinding{Link: link})
}

// trackBelow has the interfaces tracked that virtual ones stand on: a virtual one of ours is down while its router is not MASTER, and that is no failure.
func trackBelow(s *vrrp.Spec, at *config.Layout) {
	s.Links = slices.DeleteFunc(s.Links, func(b vrrp.LinkBinding) bool { return virtualBase(at, b.Link) == s.Link && s.Link != "" })
	for i := range s.Links {
		if base := virtualBase(at, s.Links[i].Link); base != "" {
			s.Links[i].Link = base
		}
	}
}

// virtualBase is the interface that a virtual one stands on; empty if it is none of ours.
func virtualBase(at *config.Layout, link string) string {
	for _, p := range at.Links {
		if p.Name == link {
			return p.Base
		}
	}
	return ""
}
