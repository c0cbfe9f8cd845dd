package node

import (
	"slices"

	"holdfast.dev/config"
	"holdfast.dev/host"
	"holdfast.dev/host/specs"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// VRRPConfig translates a configuration into what the VRRP engine is told.
func VRRPConfig(c *config.Config) *vrrp.Config {
	g := &c.Global.VRRP
	out := &vrrp.Config{
		StartupDelay: g.StartupDelay, DelayAfterBoot: g.DelayAfterBoot,
		Restore:      c.Global.LostAddress == config.LostRestore,
		GarpInterval: g.GarpInterval, NAInterval: g.GNAInterval,
		LogUnknownVRIDs: g.LogUnknownVRIDs, RepeatStates: g.FIFOStatesOnReload, Wall: specs.Wall(c),
	}
	for i := range c.GarpGroups {
		gg := &c.GarpGroups[i]
		out.GarpGroups = append(out.GarpGroups, vrrp.GarpGroup{GarpInterval: gg.ARP, NAInterval: gg.NA, Links: gg.Interfaces})
	}
	at := c.Layout()
	for i := range c.Instances {
		out.Routers = append(out.Routers, routerSpec(&c.Instances[i], at))
	}
	for i := range c.Groups {
		out.Groups = append(out.Groups, vrrp.GroupSpec{
			Name: c.Groups[i].Name, Members: c.Groups[i].Members, Mail: c.Groups[i].SMTPAlert,
		})
	}
	for i := range c.Debounce {
		d := &c.Debounce[i]
		if out.Debounce == nil {
			out.Debounce = map[string]vrrp.Debounce{}
		}
		out.Debounce[d.Interface] = vrrp.Debounce{Down: d.Down, Up: d.Up}
	}
	for i := range c.Static {
		out.Static = append(out.Static, specs.Address(&c.Static[i], at))
		if n := c.Static[i].TrackGroup; n > 0 {
			depend(out, c.TrackGroups[n-1].Members, out.Static[i].Key)
		}
	}
	for _, p := range at.Links {
		if own, ok := specs.Own(p); ok {
			out.Static = append(out.Static, own)
		}
	}
	for i := range c.Routes {
		out.StaticRoutes = append(out.StaticRoutes, specs.Route(&c.Routes[i]))
		depend(out, trackGroup(c, c.Routes[i].TrackGroup), out.StaticRoutes[i].Key())
	}
	for i := range c.Rules {
		out.StaticRules = append(out.StaticRules, specs.Rule(&c.Rules[i]))
		depend(out, trackGroup(c, c.Rules[i].TrackGroup), out.StaticRules[i].Key())
	}
	return out
}

// trackGroup lists the instances of a track_group; none for an empty name.
func trackGroup(c *config.Config, name string) []string {
	for i := range c.TrackGroups {
		if name != "" && c.TrackGroups[i].Name == name {
			return c.TrackGroups[i].Members
		}
	}
	return nil
}

// depend lets instances depend on a static entry.
func depend(out *vrrp.Config, instances []string, key host.Key) {
	for i := range out.Routers {
		if r := &out.Routers[i]; slices.Contains(instances, r.Name) {
			r.Statics = append(r.Statics, key)
		}
	}
}

func routerSpec(i *config.Instance, at *config.Layout) vrrp.Spec {
	s := vrrp.Spec{
		Name: i.Name, VRID: i.VRID, IPv6: i.Family == config.IPv6, Version: i.Version, Link: i.Interface,
		Source: i.Source, TTL: i.TTL,
		Priority: i.Priority, Interval: i.AdvertInterval, DownAdverts: i.DownTimerAdverts,
		NoPreempt: !i.Preempt, PreemptDelay: i.PreemptDelay, StateMaster: i.WantMaster,
		CheckPeers: i.CheckSource, SkipCheckAddrs: i.SkipCheckAddrs, OwnerIgnore: i.OwnerIgnore,
		LowerPrioNoAdvert: i.LowerPrioNoAdvert, HigherPrioAdvert: i.HigherPrioAdvert, TimerExpiredBackup: i.ExpiredBackup != 0,
		Promote: i.PromoteSecondaries, DontTrackPrimary: i.DontTrackPrimary, TrackSource: i.TrackSource, NotifyPriority: i.NotifyPriority,
		TellDeleted: i.Notify.TellDeleted, Mail: i.SMTPAlert,
		Garp: vrrp.Garp{
			Delay: i.Garp.Delay, Repeat: i.Garp.Repeat, Refresh: i.Garp.Refresh, RefreshRepeat: i.Garp.RefreshRepeat,
			LowerDelay: i.Garp.LowerPrioDelay, LowerRepeat: i.Garp.LowerPrioCount,
		},
	}
	if !i.Unicast() {
		s.Group = i.Group
	}
	s.Named = len(i.PeerNames()) > 0
	if c := i.Carry(); c != nil {
		s.Transport, s.TransportID, s.FastFail = c.Kind, c.ID, c.FastFail
	}
	for _, p := range i.Peers {
		s.Peers = append(s.Peers, vrrp.Peer{Addr: p.Addr, MinTTL: p.MinTTL, MaxTTL: p.MaxTTL})
	}
	if through(&s, i); s.VRF != "" {
		s.Links = append(s.Links, vrrp.LinkBinding{Link: s.VRF})
	}
	if len(i.Faults) > 0 {
		s.ConfigFault = string(i.Faults[0])
	}
	authSpec(&s, i)
	checksumSpec(&s, i)
	trackSpec(&s, i)
	routingSpec(&s, i)
	trackBelow(&s, at)
	virtualSpec(&s, i, at)
	for n := range i.Addresses {
		s.Addresses = append(s.Addresses, vrrp.Address{Address: specs.Address(&i.Addresses[n], at), NoTrack: i.Addresses[n].NoTrack})
	}
	for n := range i.Excluded {
		s.Addresses = append(s.Addresses, vrrp.Address{Address: specs.Address(&i.Excluded[n], at), NoTrack: i.Excluded[n].NoTrack, Excluded: true})
	}
	for n := range s.Addresses {
		s.Addresses[n].Barred = specs.Barred(i)
	}
	extraSpec(&s, i)
	return s
}

// extraSpec translates garp_extra_if: addresses on virtual interfaces other than the instance's own are announced with a period of their own, with
// "all" those on any other interface (rule L12).
func extraSpec(s *vrrp.Spec, i *config.Instance) {
	if i.Rare == nil || i.Rare.GarpExtra == 0 {
		return
	}
	s.Garp.Extra = i.Rare.GarpExtra
	own := []string{s.Link}
	if i.Virtual != nil && len(s.Virtual) > 0 {
		own = append(own, s.Virtual[0].Name)
	}
	for n := range s.Addresses {
		a := &s.Addresses[n]
		virtual := slices.ContainsFunc(s.Virtual, func(v host.VirtualLink) bool { return v.Name == a.Link })
		a.Extra = (virtual || i.Rare.GarpExtraAll) && !slices.Contains(own, a.Link)
	}
}

// virtualSpec translates use_vmac, use_vmac_addr and use_ipvlan.
func virtualSpec(s *vrrp.Spec, i *config.Instance, at *config.Layout) {
	for _, p := range at.Of(i) {
		s.Virtual = append(s.Virtual, specs.Virtual(p))
	}
	v := i.Virtual
	switch {
	case v == nil:
	case v.IPVLAN:
		ipvlanSpec(s, at.Of(i)[0])
	case !v.XmitBase:
		s.MAC = v.MAC
	}
}

// ipvlanSpec is for an ipvlan with an address, which stands whatever the state is.
func ipvlanSpec(s *vrrp.Spec, p *config.VirtualPlace) {
	own, ok := specs.Own(p)
	if !ok {
		return
	}
	s.Statics = append(s.Statics, own.Key)
	if s.Source == own.Prefix.Addr() {
		s.TrackSource = false // if it is missing, that is a fault already
	}
}

// through says what adverts leave and come through if it is not the instance's interface: a VRF, or an ipvlan. Adverts from the address of an ipvlan go
// through the interface below where the kernel permits that: the hardware address is the same, and that interface hears what is sent to the group.
func through(s *vrrp.Spec, i *config.Instance) {
	if i.Rare != nil {
		s.VRF = i.Rare.VRF
	}
	v := i.Virtual
	if v != nil && v.IPVLAN && v.Addr.IsValid() && s.Source == v.Addr.Addr() && (len(i.Peers) > 0 || s.IPv6) {
		s.Via = v.Name
	}
}

func authSpec(s *vrrp.Spec, i *config.Instance) {
	switch i.Auth.Type {
	case config.AuthPass:
		s.AuthType = wire.AuthPass
	case config.AuthAH:
		s.AuthType = wire.AuthAH
	}
	copy(s.Password[:], i.Auth.Password)
	h := i.HMAC
	if h == nil {
		return
	}
	s.HMAC = &vrrp.HMAC{Active: h.Active, Window: h.Window, Monotonic: h.Monotonic, Mode: hmacModes[h.Mode]}
	for n := range h.Keys {
		s.HMAC.Keys = append(s.HMAC.Keys, vrrp.HMACKey{ID: h.Keys[n].ID, Secret: vrrp.Secret(h.Keys[n].Secret)})
	}
}

var hmacModes = map[config.HMACMode]vrrp.HMACMode{
	config.HMACEnforce: vrrp.HMACEnforce, config.HMACPermissive: vrrp.HMACPermissive, config.HMACReceiveOnly: vrrp.HMACReceiveOnly,
}

// checksumSpec says which forms of checksum are sent and taken. Both forms of version 3 over IPv4 are understood; the one that
// keepalived sends by default is sent (rules F2 to F4).
func checksumSpec(s *vrrp.Spec, i *config.Instance) {
	s.Sum = wire.DefaultForm(i.Version, s.IPv6)
	s.Accept = s.Sum
	if i.Version != wire.V3 || s.IPv6 {
		return
	}
	s.Accept |= wire.FormPlain
	if i.ChecksumAsV2 {
		s.Sum = wire.FormPlain
		s.Accept |= wire.FormBad | wire.FormGroup // rule F3
	}
	if s.Unicast() && i.OldChecksum != config.OldChecksumNever {
		s.Accept |= wire.FormGroup
		s.LearnGroupSum = !i.ChecksumAsV2
	}
	if s.Transport.Carried() {
		s.Sum, s.LearnGroupSum = wire.FormPlain, false // any is taken, and addresses may be translated on the way
		return
	}
	if s.Unicast() && i.OldChecksum == config.OldChecksumForce {
		s.Sum, s.LearnGroupSum = wire.FormGroup, false
	}
}

// trackKinds are the kinds of sources that the configuration names. A configuration that tracks BFD sessions is refused before: nobody
// tells of them yet.
var trackKinds = map[config.TrackKind]track.Kind{
	config.OfFile: track.OfFile, config.OfProcess: track.OfProcess, config.OfCheck: track.OfCheck,
}

func trackSpec(s *vrrp.Spec, i *config.Instance) {
	for _, p := range i.Ports {
		s.Links = append(s.Links, vrrp.LinkBinding{Link: p})
	}
	for _, t := range i.Track.Interfaces {
		s.Links = append(s.Links, vrrp.LinkBinding{Link: t.Name, Weight: t.Weight, Reverse: t.Reverse})
	}
	for _, t := range i.Track.Scripts {
		s.Trackers = append(s.Trackers, track.Binding{Source: t.Name, Weight: t.Weight, Reverse: t.Reverse})
	}
	for _, t := range i.Track.Others {
		if kind, ok := trackKinds[t.Kind]; ok {
			s.Trackers = append(s.Trackers, track.Binding{Kind: kind, Source: t.Name, Weight: int(t.Weight), Reverse: t.Reverse})
		}
	}
}
