package config

import (
	"fmt"
	"time"

	"holdfast.dev/config/diag"
)

const (
	defaultPriority = 100
	ownerPriority   = 255
	defaultTTL      = 255
	maxAddresses    = 255 // the count is one byte of the packet
	defaultMTU      = 1500
)

// complete fills in the defaults of an instance and applies the rules A1 to A27. The order is that of dependence: family,
// version and mode first, then who it is, then what it does.
func (b *builder) complete(d *draft) {
	b.identity(d)
	b.priorityAndState(d)
	b.place(d)
	b.delivery(d)
	b.advertInterval(d)
	b.authentication(d)
	b.completeHMAC(d)
	b.carry(d)
	b.virtualLink(d)
	b.addresses(d)
	b.preemption(d)
	b.acceptMode(d)
	b.strictAdverts(d)
	b.inherit(d)
	d.Notify = b.shareNotify(d.Notify)
	b.devices(d)
}

// identity settles family, version and strict mode (rules A2 and A3) and checks the VRID (rule A1).
func (b *builder) identity(d *draft) {
	g := &b.cfg.Global.VRRP
	if d.Family == 0 {
		d.Family = IPv4
	}
	d.Strict = d.strict.or(g.Strict)
	def := g.Version
	if d.Family == IPv6 {
		def = 3
	}
	d.Version = d.version.or(def)
	if d.Family == IPv6 && d.Version == 2 && d.Strict {
		b.errorf(d.at("version"), d.Name, "cannot use IPv6 with VRRP version 2; setting version 3")
		d.Version = 3
	}
	if d.VRID == 0 {
		b.say(d.pos, diag.Fatal, diag.GeneralError, d.Name, "the virtual router id must be set", "virtual_router_id takes a number from 1 to 255")
	}
}

// priorityAndState is rules A4 to A6.
func (b *builder) priorityAndState(d *draft) {
	def := uint8(defaultPriority)
	if d.state.or(false) {
		def = ownerPriority
	}
	d.Priority = d.priority.or(def)
	d.WantMaster = d.state.or(d.Owner())
	if d.Strict && d.WantMaster != d.Owner() {
		b.errorf(d.at("state"), d.Name, "State MASTER must match being address owner")
		d.WantMaster = d.Owner()
	}
}

// place checks the interface (rule A1) and what it can do (rules A10 and A11).
func (b *builder) place(d *draft) {
	if d.Interface == "" {
		if !b.mayFloat(d) {
			b.say(d.pos, diag.Fatal, diag.GeneralError, d.Name, "Unknown interface!",
				"name an interface, or for unicast a source address that is not link-local")
		}
		return
	}
	facts, exists, _ := b.iface(d.Interface)
	if !exists {
		return
	}
	if d.Strict && d.Unicast() && facts.Multicast {
		b.say(d.at("unicast_peer"), diag.Fatal, diag.GeneralError, d.Name,
			"Strict mode does not support unicast on an interface that supports multicast", "remove unicast_peer or strict mode")
	}
	switch {
	case (d.vmac || d.ipvlan) && !facts.Ethernet:
		b.errorf(d.at("interface"), d.Name, "interface %s is not ethernet, a virtual MAC is not possible on it - disabling", d.Interface)
		d.Faults = append(d.Faults, FaultNoEthernet)
	case !d.Unicast() && !facts.Multicast:
		b.errorf(d.at("interface"), d.Name, "interface %s does not support multicast, specify unicast peers - disabling", d.Interface)
		d.Faults = append(d.Faults, FaultNoMulticast)
	}
}

// mayFloat reports whether the instance can do without an interface.
func (b *builder) mayFloat(d *draft) bool {
	return d.Unicast() && !d.vmac && !d.ipvlan && d.Source.IsValid() && !(d.Source.Is6() && d.Source.IsLinkLocalUnicast())
}

// delivery settles where adverts go, and rule A9.
func (b *builder) delivery(d *draft) {
	g := &b.cfg.Global.VRRP
	if d.Unicast() {
		ttl := uint8(defaultTTL)
		if d.Family == IPv6 {
			ttl = 0
		}
		d.TTL = d.ttl.or(ttl)
		if d.group.IsValid() {
			b.errorf(d.at("mcast_dst_ip"), d.Name, "multicast destination specified with unicast - ignoring")
		}
		d.CheckSource = d.wantCheck || d.peerTTL || g.CheckUnicastSource
	} else {
		b.noPeers(d)
		d.OldChecksum = OldChecksumDetect
		if d.Group = g.Group4; d.Family == IPv6 {
			d.Group = g.Group6
		}
		if d.group.IsValid() {
			d.Group = d.group
		}
	}
	b.vmacOptions(d)
	d.TrackSource = d.TrackSource && d.Source.IsValid()
	if d.Rare != nil && d.Rare.VRF != "" && (d.Interface != "" || !d.Unicast()) {
		b.errorf(d.at("vrf"), d.Name, "vrf is only for unicast without an interface - ignoring")
		if d.Rare.VRF = ""; same(d.Rare, &Rare{}) {
			d.Rare = nil
		}
	}
}

// vmacOptions checks keywords that do not go with a virtual MAC, or not without one.
func (b *builder) vmacOptions(d *draft) {
	k := find(d.node.Body, "vmac_xmit_base")
	switch {
	case k == nil:
		if d.Unicast() && (d.vmac || d.ipvlan) {
			b.errorf(d.at("use_vmac"), d.Name, "unicast with use_vmac requires vmac_xmit_base - setting")
		}
	case !d.vmac && !d.ipvlan:
		b.errorf(k.Pos, d.Name, "vmac_xmit_base is only valid with a vmac")
	case d.Strict:
		b.errorf(k.Pos, d.Name, "xmit_base is incompatible with strict mode - resetting")
	}
	if d.ipvlan && d.Family == IPv4 && !d.Source.IsValid() {
		b.errorf(d.at("use_ipvlan"), d.Name, "IPv4 ipvlan requires a source ip address to be configured. setting instance to fault state")
		d.Faults = append(d.Faults, FaultNoSource)
	}
	if d.PromoteSecondaries && (d.vmac || d.ipvlan) {
		b.errorf(d.at("promote_secondaries"), d.Name, "promote_secondaries is automatically set for vmacs - ignoring")
		d.PromoteSecondaries = false
	}
}

func (b *builder) noPeers(d *draft) {
	if d.ttl.set {
		b.errorf(d.at("unicast_ttl"), d.Name, "Cannot use unicast_ttl without unicast peers - resetting")
	}
	switch {
	case d.peerless:
		b.notef(d.pos, d.Name, "No unicast peers specified: the instance stays in FAULT")
		d.Faults = append(d.Faults, FaultNoPeer)
	case d.unicast:
		b.errorf(d.at("unicast_peer", "unicast_src_ip"), d.Name, "A unicast keyword has been specified without any unicast peers. Defaulting to multicast. This usage is deprecated - please update your configuration.")
	}
}

// advertInterval is rule A23.
func (b *builder) advertInterval(d *draft) {
	t := d.advert.or(time.Second)
	if d.Version == 2 {
		d.AdvertInterval = max(t.Round(time.Second), time.Second)
		if d.AdvertInterval != t {
			b.errorf(d.at("advert_int"), d.Name, "VRRPv2 advertisement interval %.6fs must be an integer. rounding", t.Seconds())
		}
		return
	}
	const (
		step = 10 * time.Millisecond
		most = 4095 * step
	)
	d.AdvertInterval = max(t.Round(step), step)
	switch {
	case d.AdvertInterval > most:
		b.errorf(d.at("advert_int"), d.Name, "VRRPv3 advertisement interval %.2fs is out of range. Must be less than 40.96s. Setting to 40.95s", t.Seconds())
		d.AdvertInterval = most
	case d.AdvertInterval != t:
		b.errorf(d.at("advert_int"), d.Name, "VRRPv3 advertisement interval %.6fs must be a multiple of 0.01s. rounding", t.Seconds())
	}
}

// authentication is rule A7.
func (b *builder) authentication(d *draft) {
	if !d.auth.used || d.auth.kind == AuthNone {
		return
	}
	why := ""
	switch {
	case d.hmac.used:
		why = "authentication is replaced by auth_hmac. Ignoring."
	case d.Strict:
		why = "Strict mode does not support authentication. Ignoring."
	case d.Version == 3:
		why = "VRRP version 3 does not support authentication. Ignoring."
	case d.auth.pass == "":
		why = "Authentication specified but no password given. Ignoring"
	case d.auth.kind == AuthAH && d.Family == IPv6:
		why = "Cannot use AH authentication with IPv6. Ignoring"
	}
	if why != "" {
		b.errorf(d.auth.pos, d.Name, "%s", why)
		return
	}
	d.Auth = Auth{Type: d.auth.kind, Password: d.auth.pass}
	if d.auth.kind == AuthAH && d.WantMaster && !d.Owner() { // an owner stays one
		b.errorf(d.auth.pos, d.Name, "Initial state master is incompatible with AH authentication - clearing")
		d.WantMaster = false
	}
}

// addresses is rules A12, A13 and A25.
func (b *builder) addresses(d *draft) {
	allowed := d.noVIP
	if allowed && d.Strict {
		b.errorf(d.at("no_virtual_ipaddress"), d.Name, "no_virtual_ipaddress is incompatible with strict mode - resetting")
		allowed = false
	}
	switch {
	case len(d.Addresses) > 0:
	case allowed:
	case d.Version == 3 || d.Strict:
		b.fatalf(d.pos, d.Name, "No VIP specified; at least one is required")
	default:
		b.say(d.pos, diag.Warning, diag.GeneralError, d.Name, "No VIP specified; at least one is sensible", "")
	}
	if d.Family == IPv6 && !d.Unicast() && len(d.Addresses) > 0 && !d.Addresses[0].Addr().IsLinkLocalUnicast() {
		const text = "the first IPv6 VIP address must be link local"
		if d.Strict {
			b.errorf(d.at("virtual_ipaddress"), d.Name, text)
		} else {
			b.say(d.at("virtual_ipaddress"), diag.Note, diag.OK, d.Name, text, "RFC 9568 section 5.2.9; it works without")
		}
	}
	if most := b.room(d); len(d.Addresses) > most {
		b.errorf(d.at("virtual_ipaddress"), d.Name, "Number of VIPs (%d) exceeds maximum/space available in packet (max %d addresses) - excess moved to eVIPs", len(d.Addresses), most)
		d.Excluded = append(append([]Address(nil), d.Addresses[most:]...), d.Excluded...)
		d.Addresses = d.Addresses[:most:most]
	}
}

// room is how many addresses go into an advert (rule A13). keepalived counts the Ethernet header too, whatever the interface is, and 2.2.7
// refuses an advert with one address more or less than it has itself: so the number must be exactly the same.
func (b *builder) room(d *draft) int {
	mtu := defaultMTU
	if facts, ok, _ := b.iface(d.Interface); ok && facts.MTU > 0 {
		mtu = facts.MTU
	}
	const (
		ethernet, ipv4, ipv6, vrrp, authData, ah, trailer = 14, 20, 40, 8, 8, 24, 28
	)
	headers, size := ethernet+ipv4+vrrp, 4
	if d.Family == IPv6 {
		headers, size = ethernet+ipv6+vrrp, 16
	} else if d.Version == 2 {
		headers += authData
	}
	if d.Auth.Type == AuthAH {
		headers += ah
	}
	if d.HMAC != nil {
		headers += trailer
	}
	return max(min(maxAddresses, (mtu-headers)/size), 0)
}

// preemption is rules A14 to A17.
func (b *builder) preemption(d *draft) {
	switch {
	case d.noPreempt && d.Owner():
		b.errorf(d.at("nopreempt"), d.Name, "nopreempt is incompatible with priority 255. resetting nopreempt")
		d.noPreempt = false
	case d.noPreempt && d.WantMaster:
		b.errorf(d.at("nopreempt"), d.Name, "Warning - nopreempt will not work with initial state MASTER - clearing")
		d.noPreempt = false
	}
	d.Preempt = !d.noPreempt
	if d.PreemptDelay > 0 {
		why := ""
		switch {
		case d.Strict:
			why = "preempt_delay is incompatible with strict mode - resetting"
		case d.WantMaster:
			why = "Warning - preempt delay will not work with initial state MASTER - clearing"
		case d.noPreempt:
			why = "preempt_delay is incompatible with nopreempt mode - resetting"
		}
		if why != "" {
			b.errorf(d.at("preempt_delay"), d.Name, "%s", why)
			d.PreemptDelay = 0
		}
	}
	d.DownTimerAdverts = d.adverts.or(b.cfg.Global.VRRP.DownTimerAdverts)
	if d.Strict && d.DownTimerAdverts != defaultAdverts {
		b.errorf(d.at("down_timer_adverts"), d.Name, "down_timer_adverts is incompatible with strict mode - resetting")
		d.DownTimerAdverts = defaultAdverts
	}
	if d.ExpiredBackup = d.expired.or(0); d.ExpiredBackup > 0 && !d.noPreempt {
		b.errorf(d.at("timer_expired_backup"), d.Name, "timer_expired_backup requires nopreempt - resetting")
		d.ExpiredBackup = 0
	}
}

// acceptMode is rule A18.
func (b *builder) acceptMode(d *draft) {
	d.Accept = d.accept.or(d.Owner() || !d.Strict)
	if d.Strict && d.Version == 2 && !d.Owner() && d.accept.or(false) {
		b.errorf(d.at("accept"), d.Name, "warning - accept mode for VRRP version 2 does not comply with RFC3768 - resetting")
		d.Accept = false
	}
}

// strictAdverts is rules A20 and A21.
func (b *builder) strictAdverts(d *draft) {
	g := &b.cfg.Global.VRRP
	garp := d.garp.complete(g.Garp, true)
	d.LowerPrioNoAdvert, d.HigherPrioAdvert = d.lowerPrio.or(g.LowerPrioNoAdvert), d.higherPrio.or(g.HigherPrioAdvert)
	if d.Strict {
		if d.garp.lower.or(0) > 0 {
			b.errorf(d.at("garp_lower_prio_repeat"), d.Name, "Strict mode requires no repeat garps. resetting")
		}
		if d.garp.lowerDelay.or(0) > 0 {
			b.errorf(d.at("garp_lower_prio_delay"), d.Name, "Strict mode requires no repeat garp delay. resetting")
		}
		if !d.lowerPrio.or(true) {
			b.errorf(d.at("lower_prio_no_advert"), d.Name, "Strict mode requires no lower priority advert. resetting")
		}
		if d.higherPrio.or(false) {
			b.errorf(d.at("higher_prio_send_advert"), d.Name, "strict mode requires higher_prio_send_advert to be clear. resetting")
		}
		garp.LowerPrioCount, garp.LowerPrioDelay = 0, 0
		d.LowerPrioNoAdvert, d.HigherPrioAdvert = true, false
	}
	d.Garp = b.shareGarp(garp)
	every, all := g.GarpExtra, g.GarpExtraAll
	if d.garpExtra.set {
		every, all = d.garpExtra.v, d.garpAll
	}
	if every > 0 {
		d.rare().GarpExtra, d.rare().GarpExtraAll = every, all
	}
	switch {
	case !d.Owner():
		if d.owner.or(false) {
			b.errorf(d.at("owner_ignore_adverts"), d.Name, "owner_ignore_adverts requires priority 255 - resetting")
		}
	case d.owner.set && !d.owner.v:
		b.errorf(d.at("owner_ignore_adverts"), d.Name, "strict mode requires owner_ignore_adverts to be set for an address owner - setting")
		d.OwnerIgnore = true
	default:
		d.OwnerIgnore = d.owner.or(d.Strict || g.OwnerIgnoreAdverts)
	}
}

// shareGarp is one value for all instances that are alike.
func (b *builder) shareGarp(g Garp) *Garp {
	p := b.garps[g]
	if p == nil {
		p = &g
		b.garps[g] = p
	}
	return p
}

// shareNotify is one value for all instances without scripts.
func (b *builder) shareNotify(n *Notify) *Notify {
	if *n == (Notify{}) {
		return b.silent
	}
	return n
}

// inherit takes the remaining defaults from the group and the global settings (rule A22).
func (b *builder) inherit(d *draft) {
	g := &b.cfg.Global.VRRP
	d.SMTPAlert = d.alert.or(g.SMTPAlert)
	d.SkipCheckAddrs = d.skipCheck.or(g.SkipCheckAddresses)
	d.ChecksumAsV2 = d.checksum.or(g.ChecksumAsV2)
	def := g.NotifyPriority
	if d.member != nil && d.member.NotifyPriority != nil {
		def = *d.member.NotifyPriority
	}
	d.NotifyPriority = d.notifyPrio.or(def)
}

// devices gives every address its interface (rule A33) and collects those that the instance follows (rule A27).
func (b *builder) devices(d *draft) {
	seen := make(set[string])
	for _, list := range [][]Address{d.Addresses, d.Excluded} {
		for i := range list {
			a := &list[i]
			if a.Dev == "" {
				a.Dev = d.Interface
			}
			if a.Dev == "" {
				a.Dev = b.cfg.Global.VRRP.DefaultInterface
			}
			if a.Dev == "" {
				b.fatalf(d.pos, d.Name, "No interface for address %s", a.Addr())
			}
			if a.Dev != d.Interface && a.Dev != "" && !a.NoTrack && !d.DontTrackPrimary {
				if seen.add(a.Dev) {
					d.Ports = append(d.Ports, a.Dev)
				}
			}
		}
	}
}

// String is IPv4 or IPv6.
func (f Family) String() string { return fmt.Sprintf("IPv%d", uint8(f)) }
