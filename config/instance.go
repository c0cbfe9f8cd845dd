package config

import (
	"net/netip"
	"time"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

const maxPassword = 8

// draft is an instance while it is read: what is set, and where, before defaults and rules A1 to A36.
type draft struct {
	Instance
	pos  diag.Pos
	node *schema.Node

	state      opt[bool] // true is MASTER
	priority   opt[uint8]
	version    opt[uint8]
	advert     opt[time.Duration]
	adverts    opt[int] // down_timer_adverts
	strict     opt[bool]
	accept     opt[bool]
	ttl        opt[uint8]
	group      netip.Addr // mcast_dst_ip
	garp       garpDraft
	garpExtra  opt[time.Duration]
	garpAll    bool // garp_extra_if all
	noPreempt  bool
	noVIP      bool // no_virtual_ipaddress
	unicast    bool // a unicast keyword was used
	peerless   bool // unicast_fault_no_peer
	native6    bool
	lowerPrio  opt[bool]
	higherPrio opt[bool]
	owner      opt[bool] // owner_ignore_adverts
	skipCheck  opt[bool]
	checksum   opt[bool]
	alert      opt[bool]
	notifyPrio opt[bool]
	expired    opt[uint8]
	wantCheck  bool // check_unicast_src
	peerTTL    bool // a peer has a TTL range
	auth       authDraft
	hmac       hmacDraft
	vmac       bool
	vridMAC    bool // the last octet of the MAC is the VRID
	xmitBase   bool
	ipvlan     bool
	vmacNames  []string // name and MAC given to use_vmac
	member     *groupDraft
	transport  *carryDraft
}

// authDraft is an authentication block as written.
type authDraft struct {
	pos  diag.Pos
	kind AuthType
	pass string
	used bool
}

// instance reads one vrrp_instance block.
func (b *builder) instance(n *schema.Node) *draft {
	d := &draft{pos: n.Pos, node: n, transport: nothingCarried}
	d.Name, d.Pos = n.Name(), at(n.Pos)
	d.Preempt, d.Notify = true, new(Notify)
	for i := range n.Body {
		k := &n.Body[i]
		if read, ok := instanceKeys[k.Key.Name]; ok {
			read(b, d, k)
			continue
		}
		if readCarry(&d.transport, k) {
			continue
		}
		b.tracked(&d.Track, d.Name, k)
	}
	return d
}

// at is where the last of these keywords stands in the block; the block itself without any.
func (d *draft) at(keys ...string) diag.Pos {
	for _, key := range keys {
		if k := last(d.node.Body, key); k != nil {
			return k.Pos
		}
	}
	return d.pos
}

type instanceKey func(b *builder, d *draft, n *schema.Node)

// instanceKeys says where each keyword of vrrp_instance goes.
var instanceKeys = map[string]instanceKey{
	"state":                      (*builder).readState,
	"interface":                  (*builder).readInterface,
	"virtual_router_id":          (*builder).readVRID,
	"priority":                   (*builder).readPriority,
	"version":                    (*builder).readVersion,
	"advert_int":                 (*builder).readAdvert,
	"native_ipv6":                (*builder).readNative6,
	"mcast_src_ip":               (*builder).readSource,
	"unicast_src_ip":             (*builder).readSource,
	"mcast_dst_ip":               (*builder).readGroup,
	"unicast_peer":               (*builder).readPeers,
	"virtual_ipaddress":          (*builder).readAddresses,
	"virtual_ipaddress_excluded": (*builder).readExcluded,
	"authentication":             (*builder).readAuth,
	"track_interface":            func(b *builder, d *draft, n *schema.Node) { b.trackInterfaces(&d.Track, d.Name, n) },
	"track_script":               func(b *builder, d *draft, n *schema.Node) { b.trackScripts(&d.Track, d.Name, n) },
	"preempt_delay":              (*builder).readPreemptDelay,
	"vrf":                        (*builder).readVRF,
	"dont_track_primary":         func(_ *builder, d *draft, _ *schema.Node) { d.DontTrackPrimary = true },
	"track_src_ip":               func(_ *builder, d *draft, _ *schema.Node) { d.TrackSource = true },
	"unicast_ttl":                func(_ *builder, d *draft, n *schema.Node) { putInt(&d.ttl, n) },
	"unicast_fault_no_peer":      func(_ *builder, d *draft, _ *schema.Node) { d.unicast, d.peerless = true, true },
	"check_unicast_src":          func(_ *builder, d *draft, _ *schema.Node) { d.unicast, d.wantCheck = true, true },
	"old_unicast_checksum":       (*builder).readOldChecksum,
	"no_virtual_ipaddress":       func(_ *builder, d *draft, _ *schema.Node) { d.noVIP = true },
	"promote_secondaries":        func(_ *builder, d *draft, _ *schema.Node) { d.PromoteSecondaries = true },
	"v3_checksum_as_v2":          func(_ *builder, d *draft, n *schema.Node) { putFlag(&d.checksum, n) },
	"accept":                     func(_ *builder, d *draft, _ *schema.Node) { d.accept.put(true) },
	"no_accept":                  func(_ *builder, d *draft, _ *schema.Node) { d.accept.put(false) },
	"skip_check_adv_addr":        (*builder).readSkipCheck,
	"strict_mode":                func(_ *builder, d *draft, n *schema.Node) { putFlag(&d.strict, n) },
	"preempt":                    func(_ *builder, d *draft, _ *schema.Node) { d.noPreempt = false },
	"nopreempt":                  func(_ *builder, d *draft, _ *schema.Node) { d.noPreempt = true },
	"debug":                      func(_ *builder, d *draft, n *schema.Node) { setInt(&d.Debug, n) },
	"smtp_alert":                 func(_ *builder, d *draft, n *schema.Node) { putFlag(&d.alert, n) },
	"notify_priority_changes":    func(_ *builder, d *draft, n *schema.Node) { putFlag(&d.notifyPrio, n) },
	"garp_master_delay":          func(_ *builder, d *draft, n *schema.Node) { putTime(&d.garp.delay, n) },
	"garp_master_refresh":        func(_ *builder, d *draft, n *schema.Node) { putTime(&d.garp.refresh, n) },
	"garp_master_repeat":         func(b *builder, d *draft, n *schema.Node) { b.atLeastOne(&d.garp.repeat, d.Name, n) },
	"garp_master_refresh_repeat": func(b *builder, d *draft, n *schema.Node) { b.atLeastOne(&d.garp.refreshRepeat, d.Name, n) },
	"garp_lower_prio_delay":      func(_ *builder, d *draft, n *schema.Node) { putTime(&d.garp.lowerDelay, n) },
	"garp_lower_prio_repeat":     func(_ *builder, d *draft, n *schema.Node) { putInt(&d.garp.lower, n) },
	"down_timer_adverts":         func(_ *builder, d *draft, n *schema.Node) { putInt(&d.adverts, n) },
	"timer_expired_backup":       (*builder).readExpired,
	"thread_timer_expired":       (*builder).readExpired,
	"lower_prio_no_advert":       func(_ *builder, d *draft, n *schema.Node) { putFlag(&d.lowerPrio, n) },
	"higher_prio_send_advert":    func(_ *builder, d *draft, n *schema.Node) { putFlag(&d.higherPrio, n) },
	"owner_ignore_adverts":       func(_ *builder, d *draft, n *schema.Node) { putFlag(&d.owner, n) },
	"kernel_rx_buf_size":         func(_ *builder, d *draft, n *schema.Node) { setInt(&d.ReceiveBuffer, n) },
	"notify_master":              func(b *builder, d *draft, n *schema.Node) { b.notify(&d.Notify.Master, d.Name, n) },
	"notify_backup":              func(b *builder, d *draft, n *schema.Node) { b.notify(&d.Notify.Backup, d.Name, n) },
	"notify_fault":               func(b *builder, d *draft, n *schema.Node) { b.notify(&d.Notify.Fault, d.Name, n) },
	"notify_stop":                func(b *builder, d *draft, n *schema.Node) { b.notify(&d.Notify.Stop, d.Name, n) },
	"notify":                     func(b *builder, d *draft, n *schema.Node) { b.notify(&d.Notify.Any, d.Name, n) },
	"notify_master_rx_lower_pri": func(b *builder, d *draft, n *schema.Node) { b.notify(&d.Notify.LowerPrio, d.Name, n) },
	"notify_trouble":             func(b *builder, d *draft, n *schema.Node) { b.notify(&d.Notify.Trouble, d.Name, n) },
	"notify_deleted":             (*builder).readDeleted,
	"use_vmac":                   (*builder).readVMAC,
	"use_vmac_addr":              func(_ *builder, d *draft, _ *schema.Node) { d.UseVMACAddr = true },
	"vmac_xmit_base":             func(_ *builder, d *draft, _ *schema.Node) { d.xmitBase = true },
	"auth_hmac":                  (*builder).readHMAC,
	"virtual_routes": func(b *builder, d *draft, n *schema.Node) {
		d.routing().Routes = append(d.routing().Routes, b.readRoutes(n, "")...)
	},
	"virtual_rules": func(b *builder, d *draft, n *schema.Node) {
		d.routing().Rules = append(d.routing().Rules, b.readRules(n, "")...)
	},
	"garp_extra_if":             (*builder).readGarpExtra,
	"vmac_garp_intvl":           (*builder).readGarpExtra,
	"lvs_sync_daemon_interface": func(_ *builder, d *draft, n *schema.Node) { setText(&d.rare().LVSSyncInterface, n) },
	"linkbeat_use_polling":      func(_ *builder, d *draft, _ *schema.Node) { d.rare().LinkbeatPolling = true },
	"use_ipvlan":                (*builder).readIPVLAN,
}

func (b *builder) readState(d *draft, n *schema.Node) {
	v, ok := n.Arg(0)
	switch {
	case ok && v.Text == "MASTER":
		d.state.put(true)
	case d.state.or(false):
		b.errorf(n.Pos, d.Name, "state previously set as MASTER - ignoring %s", n.Name())
	default:
		d.state.put(false) // an unknown word means BACKUP
	}
}

func (b *builder) readInterface(d *draft, n *schema.Node) {
	v, ok := n.Arg(0)
	if !ok {
		return
	}
	if facts, exists, _ := b.iface(v.Text); exists && facts.Loopback {
		b.errorf(v.Pos, d.Name, "cannot use a loopback interface (%s) for vrrp - ignoring", v.Text)
		d.Interface = ""
		return
	}
	b.needIface(v.Pos, v.Text, "vrrp_instance "+d.Name)
	d.Interface = v.Text
}

func (b *builder) readVRID(d *draft, n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		d.VRID = uint8(v.Int)
		return
	}
	b.errorf(n.Pos, d.Name, "VRID '%s' not valid - must be between 1 & 255", n.Name())
}

func (b *builder) readPriority(d *draft, n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		d.priority.put(uint8(v.Int))
		return
	}
	b.errorf(n.Pos, d.Name, "Priority not valid! must be between 1 & 255. Using default %d", defaultPriority)
	d.priority.put(defaultPriority)
}

func (b *builder) readVersion(d *draft, n *schema.Node) {
	v, ok := n.Arg(0)
	switch {
	case !ok:
		b.errorf(n.Pos, d.Name, "Version must be either 2 or 3")
	case d.version.set && d.version.v != uint8(v.Int) && d.native6:
		b.errorf(n.Pos, d.Name, "vrrp_version conflicts with configured or deduced version; ignoring version %d", v.Int)
	default:
		d.version.put(uint8(v.Int))
	}
}

func (b *builder) readAdvert(d *draft, n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		d.advert.put(duration(v))
		return
	}
	b.errorf(n.Pos, d.Name, "Advert interval (%s) not valid! Must be > 0 - ignoring", n.Name())
}

func (b *builder) readNative6(d *draft, n *schema.Node) {
	if d.Family == IPv4 {
		b.errorf(n.Pos, d.Name, "Cannot specify native_ipv6 with IPv4 addresses")
		return
	}
	if d.version.or(3) == 2 {
		b.errorf(n.Pos, d.Name, "Cannot use IPv6 with VRRP version 2; setting version 3")
	}
	d.Family, d.native6 = IPv6, true
	d.version.put(3)
}

func (b *builder) readSource(d *draft, n *schema.Node) {
	d.unicast = d.unicast || n.Key.Name == "unicast_src_ip"
	v, ok := n.Arg(0)
	if !ok {
		return
	}
	if !d.fits(v.Addr) {
		b.errorf(v.Pos, "", "Configuration error: VRRP instance[%s] and src address[%s] MUST be of the same family !!! Skipping...", d.Name, v.Addr)
		return
	}
	d.Source = v.Addr
}

// fits takes the family of the first address that the instance names, and reports whether a later one has it too.
func (d *draft) fits(a netip.Addr) bool {
	family := IPv6
	if a.Is4() {
		family = IPv4
	}
	if d.Family == 0 {
		d.Family = family
	}
	return d.Family == family
}

func (b *builder) readGroup(d *draft, n *schema.Node) {
	v, ok := n.Arg(0)
	if !ok {
		return
	}
	switch {
	case !d.fits(v.Addr):
		b.errorf(v.Pos, d.Name, "mcast_dst_ip %s is of the wrong address family - ignoring", v.Addr)
	case v.Addr.Is6() && !v.Addr.IsLinkLocalMulticast():
		b.errorf(v.Pos, d.Name, "mcast_dst_ip %s is not a link-local multicast address - ignoring", v.Addr)
	default:
		d.group = v.Addr
	}
}

func (b *builder) readVRF(d *draft, n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		b.needIface(v.Pos, v.Text, "the VRF of "+d.Name)
		d.rare().VRF = v.Text
	}
}

func (b *builder) readOldChecksum(d *draft, n *schema.Node) {
	d.unicast = true
	d.OldChecksum = OldChecksumForce
	if len(n.Args) > 0 {
		d.OldChecksum = OldChecksumNever
		if !n.Args[0].OK {
			d.OldChecksum = OldChecksumDetect
		}
	}
}

// readSkipCheck sets the flag whatever its argument says, as keepalived does (rule Z1); a false is worth a warning.
func (b *builder) readSkipCheck(d *draft, n *schema.Node) {
	if on, ok := n.Flag(); ok && !on {
		b.notef(n.Pos, d.Name, "skip_check_adv_addr %s switches it on: keepalived does not look at the word", n.Name())
	}
	d.skipCheck.put(true)
}

func (b *builder) readPreemptDelay(d *draft, n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		d.PreemptDelay = duration(v)
		return
	}
	b.errorf(n.Pos, d.Name, "Preempt_delay not valid! must be between 0-1000")
}

func (b *builder) readExpired(d *draft, n *schema.Node) {
	const all = 254
	if len(n.Args) == 0 {
		d.expired.put(all)
	}
	putInt(&d.expired, n)
}

func (b *builder) readDeleted(d *draft, n *schema.Node) {
	d.Notify.TellDeleted = true
	if len(n.Args) > 0 {
		b.notify(&d.Notify.Deleted, d.Name, n)
	}
}

func (d *draft) routing() *Routing {
	if d.Routing == nil {
		d.Routing = new(Routing)
	}
	return d.Routing
}

func (d *draft) rare() *Rare {
	if d.Rare == nil {
		d.Rare = new(Rare)
	}
	return d.Rare
}

func (b *builder) readAuth(d *draft, n *schema.Node) {
	d.auth.used, d.auth.pos = true, n.Pos
	for i := range n.Body {
		k := &n.Body[i]
		v, ok := k.Arg(0)
		if !ok {
			continue
		}
		if k.Key.Name == "auth_type" {
			d.auth.kind = [...]AuthType{AuthPass, AuthAH}[v.Int]
			continue
		}
		d.auth.pass = v.Text
		if len(v.Text) > maxPassword {
			b.errorf(k.Pos, "", "Truncating auth_pass to %d characters", maxPassword)
			d.auth.pass = v.Text[:maxPassword]
		}
	}
}
