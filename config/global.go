package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

// The default destinations of adverts (RFC 9568 section 5.1.1.2 and 5.1.2.2).
var (
	defaultGroup4 = netip.MustParseAddr("224.0.0.18")
	defaultGroup6 = netip.MustParseAddr("ff02::12")
)

const (
	defaultAdverts   = 3
	defaultGarpDelay = 5 * time.Second
	defaultGarpCount = 5
	defaultRTTime    = 10 * time.Millisecond
	defaultChildWait = 5 * time.Second
	defaultInterface = "eth0"
	defaultRxFactor  = 3
	slowGarp         = time.Second // a longer gap is probably a mistake
	longDelay        = time.Minute // a longer startup delay is probably a mistake
)

// globalDraft is what global_defs says, before the defaults that depend on each other.
type globalDraft struct {
	*Global
	pos          diag.Pos
	alertChecker opt[bool]
	syncID       bool
	garp         garpDraft
	alert        opt[bool] // smtp_alert
	alertVRRP    opt[bool]
	user         *schema.Node
}

// garpDraft is a Garp of which not everything is set.
type garpDraft struct {
	delay, refresh, lowerDelay   opt[time.Duration]
	repeat, refreshRepeat, lower opt[int]
}

// globals reads all global_defs blocks; the defaults of everything else depend on them.
func (b *builder) globals(tree []schema.Node) {
	g := &globalDraft{Global: &b.cfg.Global}
	g.VRRP.Version, g.VRRP.DownTimerAdverts = 2, defaultAdverts
	g.VRRP.Group4, g.VRRP.Group6 = defaultGroup4, defaultGroup6
	g.VRRP.ReceiveBufferFactor = defaultRxFactor
	g.RouterID = b.hostName()
	for _, p := range []*ProcessTuning{&g.VRRPProcess, &g.CheckerProcess, &g.BFDProcess} {
		p.RTTime = defaultRTTime
	}
	b.cfg.Process.ChildWait = defaultChildWait
	g.systemDefaults()
	for i := range tree {
		if tree[i].Key.Name != "global_defs" {
			continue
		}
		if !g.pos.IsValid() {
			g.pos, g.Pos = tree[i].Pos, at(tree[i].Pos)
		}
		for j := range tree[i].Body {
			b.global(g, &tree[i].Body[j])
		}
	}
	g.VRRP.Garp = g.garp.complete(Garp{Delay: defaultGarpDelay, Repeat: defaultGarpCount, RefreshRepeat: 1}, false)
	g.VRRP.SMTPAlert = g.alertVRRP.or(g.alert.or(false))
	b.defaultIface()
	b.defaultUser(g)
	early := b.earlyUser(tree)
	b.finishSystem(g)
	b.globalPos = g.pos
	for i := range tree {
		for j := range tree[i].Body {
			if tree[i].Key.Name == "global_defs" {
				b.globalScripts(g, &tree[i].Body[j], early)
			}
		}
	}
}

func (b *builder) hostName() string {
	if b.env.Expand.NodeName == "" {
		return "[unknown]"
	}
	return b.env.Expand.NodeName
}

// defaultIface is eth0 where there is one and nothing else was said.
func (b *builder) defaultIface() {
	v := &b.cfg.Global.VRRP
	if v.DefaultInterface != "" {
		return
	}
	if _, exists, known := b.iface(defaultInterface); exists || !known {
		v.DefaultInterface = defaultInterface
	}
}

// complete fills what is not set from inherited values: those of global_defs for an instance, the defaults for global_defs,
// where those for lower-priority adverts follow the others.
func (d *garpDraft) complete(inherited Garp, instance bool) Garp {
	g := Garp{
		Delay: d.delay.or(inherited.Delay), Repeat: d.repeat.or(inherited.Repeat),
		Refresh: d.refresh.or(inherited.Refresh), RefreshRepeat: d.refreshRepeat.or(inherited.RefreshRepeat),
	}
	g.LowerPrioDelay, g.LowerPrioCount = g.Delay, g.Repeat
	if instance {
		g.LowerPrioDelay, g.LowerPrioCount = inherited.LowerPrioDelay, inherited.LowerPrioCount
	}
	g.LowerPrioDelay, g.LowerPrioCount = d.lowerDelay.or(g.LowerPrioDelay), d.lower.or(g.LowerPrioCount)
	return g
}

// global reads one keyword of global_defs.
func (b *builder) global(g *globalDraft, n *schema.Node) {
	name := n.Key.Name
	set, ok := globalKeys[name]
	if !ok {
		set, ok = systemKeys[name]
	}
	if ok {
		set(b, g, n)
		return
	}
	if readCarry(&b.transport, n) {
		return
	}
	for prefix, p := range map[string]*ProcessTuning{
		"vrrp_": &g.VRRPProcess, "checker_": &g.CheckerProcess, "bfd_": &g.BFDProcess,
	} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && b.tuning(p, rest, strings.TrimSuffix(prefix, "_"), n) {
			return
		}
	}
}

type globalKey func(b *builder, g *globalDraft, n *schema.Node)

// globalKeys says where each keyword of global_defs goes.
var globalKeys = map[string]globalKey{
	"process_names":                       func(_ *builder, g *globalDraft, _ *schema.Node) { g.defaultNames() },
	"process_name":                        func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.ProcessNames.Parent, n) },
	"vrrp_process_name":                   func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.ProcessNames.VRRP, n) },
	"checker_process_name":                func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.ProcessNames.Checker, n) },
	"lvs_process_name":                    func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.ProcessNames.Checker, n) },
	"bfd_process_name":                    func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.ProcessNames.BFD, n) },
	"use_symlink_paths":                   func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.SymlinkPaths, n) },
	"router_id":                           func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.RouterID, n) },
	"random_seed":                         func(_ *builder, g *globalDraft, n *schema.Node) { g.seed(n) },
	"include_check":                       func(*builder, *globalDraft, *schema.Node) {}, // done while reading: see steer
	"script_user":                         func(b *builder, g *globalDraft, n *schema.Node) { b.namedUser(g, n) },
	"enable_script_security":              func(_ *builder, g *globalDraft, _ *schema.Node) { g.ScriptSecurity = true },
	"smtp_alert":                          func(_ *builder, g *globalDraft, n *schema.Node) { putFlag(&g.alert, n) },
	"smtp_alert_vrrp":                     func(_ *builder, g *globalDraft, n *schema.Node) { putFlag(&g.alertVRRP, n) },
	"no_email_faults":                     func(_ *builder, g *globalDraft, _ *schema.Node) { g.VRRP.NoEmailFaults = true },
	"dynamic_interfaces":                  func(b *builder, g *globalDraft, n *schema.Node) { g.dynamic(n) },
	"default_interface":                   func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.VRRP.DefaultInterface, n) },
	"v3_checksum_as_v2":                   func(_ *builder, g *globalDraft, _ *schema.Node) { g.VRRP.ChecksumAsV2 = true },
	"vrrp_mcast_group4":                   func(_ *builder, g *globalDraft, n *schema.Node) { setAddr(&g.VRRP.Group4, n) },
	"vrrp_mcast_group6":                   func(b *builder, g *globalDraft, n *schema.Node) { b.group6(g, n) },
	"vrrp_garp_master_delay":              func(_ *builder, g *globalDraft, n *schema.Node) { putTime(&g.garp.delay, n) },
	"vrrp_garp_master_repeat":             func(b *builder, g *globalDraft, n *schema.Node) { b.atLeastOne(&g.garp.repeat, "", n) },
	"vrrp_garp_master_refresh":            func(_ *builder, g *globalDraft, n *schema.Node) { putTime(&g.garp.refresh, n) },
	"vrrp_garp_master_refresh_repeat":     func(b *builder, g *globalDraft, n *schema.Node) { b.atLeastOne(&g.garp.refreshRepeat, "", n) },
	"vrrp_garp_lower_prio_delay":          func(_ *builder, g *globalDraft, n *schema.Node) { putTime(&g.garp.lowerDelay, n) },
	"vrrp_garp_lower_prio_repeat":         func(_ *builder, g *globalDraft, n *schema.Node) { putInt(&g.garp.lower, n) },
	"vrrp_min_garp":                       func(_ *builder, g *globalDraft, n *schema.Node) { g.minGarp(n) },
	"vrrp_down_timer_adverts":             func(_ *builder, g *globalDraft, n *schema.Node) { setInt(&g.VRRP.DownTimerAdverts, n) },
	"vrrp_garp_interval":                  func(b *builder, g *globalDraft, n *schema.Node) { b.garpGap(&g.VRRP.GarpInterval, n) },
	"vrrp_gna_interval":                   func(b *builder, g *globalDraft, n *schema.Node) { b.garpGap(&g.VRRP.GNAInterval, n) },
	"vrrp_lower_prio_no_advert":           func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.VRRP.LowerPrioNoAdvert, n) },
	"vrrp_higher_prio_send_advert":        func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.VRRP.HigherPrioAdvert, n) },
	"vrrp_version":                        func(_ *builder, g *globalDraft, n *schema.Node) { setInt(&g.VRRP.Version, n) },
	"vrrp_check_unicast_src":              func(_ *builder, g *globalDraft, _ *schema.Node) { g.VRRP.CheckUnicastSource = true },
	"vrrp_skip_check_adv_addr":            func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.VRRP.SkipCheckAddresses, n) },
	"vrrp_strict":                         func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.VRRP.Strict, n) },
	"vrrp_notify_priority_changes":        func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.VRRP.NotifyPriority, n) },
	"fifo_write_vrrp_states_on_reload":    func(_ *builder, g *globalDraft, _ *schema.Node) { g.VRRP.FIFOStatesOnReload = true },
	"vrrp_netlink_cmd_rcv_bufs":           func(_ *builder, g *globalDraft, n *schema.Node) { setInt(&g.VRRP.NetlinkCommand.Bytes, n) },
	"vrrp_netlink_cmd_rcv_bufs_force":     func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.VRRP.NetlinkCommand.Force, n) },
	"vrrp_netlink_monitor_rcv_bufs":       func(_ *builder, g *globalDraft, n *schema.Node) { setInt(&g.VRRP.NetlinkMonitor.Bytes, n) },
	"vrrp_netlink_monitor_rcv_bufs_force": func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.VRRP.NetlinkMonitor.Force, n) },
	"vrrp_rx_bufs_policy":                 func(_ *builder, g *globalDraft, n *schema.Node) { g.rxPolicy(n) },
	"vrrp_rx_bufs_multiplier":             func(_ *builder, g *globalDraft, n *schema.Node) { setInt(&g.VRRP.ReceiveBufferFactor, n) },
	"vrrp_startup_delay":                  func(b *builder, g *globalDraft, n *schema.Node) { b.startupDelay(&g.VRRP.StartupDelay, n) },
	"vrrp_delay_after_boot":               func(b *builder, g *globalDraft, n *schema.Node) { b.startupDelay(&g.VRRP.DelayAfterBoot, n) },
	"log_unknown_vrids":                   func(_ *builder, g *globalDraft, _ *schema.Node) { g.VRRP.LogUnknownVRIDs = true },
	"vrrp_owner_ignore_adverts":           func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.VRRP.OwnerIgnoreAdverts, n) },
	"vrrp_lost_address":                   func(_ *builder, g *globalDraft, n *schema.Node) { setInt(&g.LostAddress, n) },
	"vrrp_notify_superseded":              func(_ *builder, g *globalDraft, n *schema.Node) { setFlagChoice(&g.Notify.Merge, n) },
	"vrrp_notify_timeout":                 func(_ *builder, g *globalDraft, n *schema.Node) { setTime(&g.Notify.Limit, n) },
	"vrrp_notify_webhook":                 (*builder).webhook,
	"unicast_peer_resolve":                func(_ *builder, g *globalDraft, n *schema.Node) { setTime(&g.Resolve, n) },
	"vrrp_broken_script":                  func(_ *builder, g *globalDraft, n *schema.Node) { setFlagChoice(&g.BrokenFails, n) },
}

func setAddr(p *netip.Addr, n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		*p = v.Addr
	}
}

// defaultNames is the keyword process_names; names given explicitly stay.
func (g *globalDraft) defaultNames() {
	set := func(p *string, s string) {
		if *p == "" {
			*p = s
		}
	}
	set(&g.ProcessNames.VRRP, "keepalived_vrrp")
	set(&g.ProcessNames.Checker, "keepalived_lvs")
	set(&g.ProcessNames.BFD, "keepalived_bfd")
}

func (g *globalDraft) seed(n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		seed := uint32(v.Int)
		g.RandomSeed = &seed
	}
}

func (g *globalDraft) dynamic(n *schema.Node) {
	g.VRRP.DynamicInterfaces = DynamicOn
	if _, ok := n.Arg(0); ok {
		g.VRRP.DynamicInterfaces = DynamicChanges
	}
}

func (b *builder) group6(g *globalDraft, n *schema.Node) {
	v, ok := n.Arg(0)
	if !ok {
		return
	}
	if !v.Addr.IsLinkLocalMulticast() {
		b.errorf(v.Pos, "", "vrrp_mcast_group6 [%s] is not a link-local multicast address", v.Addr)
	}
	g.VRRP.Group6 = v.Addr
}

// minGarp is one gratuitous ARP and no more, where nothing was said before this line.
func (g *globalDraft) minGarp(n *schema.Node) {
	if on, ok := n.Flag(); !on || !ok {
		return
	}
	d := &g.garp
	for _, o := range []*opt[time.Duration]{&d.delay, &d.refresh} {
		o.put(o.or(0))
	}
	d.repeat.put(d.repeat.or(1))
	d.refreshRepeat.put(d.refreshRepeat.or(0))
}

// atLeastOne reads a count for which 0 becomes 1.
func (b *builder) atLeastOne(o *opt[int], who string, n *schema.Node) {
	putInt(o, n)
	if v, ok := n.Arg(0); ok && v.Int == 0 {
		b.errorf(n.Pos, who, "%s must be greater than 0, setting to 1", n.Key.Name)
		o.put(1)
	}
}

func (b *builder) garpGap(p *time.Duration, n *schema.Node) {
	setTime(p, n)
	if *p >= slowGarp {
		b.notef(n.Pos, "", "The %s is very large - %s seconds", n.Key.Name, n.Name())
	}
}

func (b *builder) startupDelay(p *time.Duration, n *schema.Node) {
	setTime(p, n)
	if *p >= longDelay {
		b.notef(n.Pos, "", "%s of %s seconds is very long", n.Key.Name, n.Name())
	}
}

// rxPolicy reads any number of policies: a size beats MTU, which beats ADVERT.
func (g *globalDraft) rxPolicy(n *schema.Node) {
	rank := map[RxPolicy]int{RxSystem: 0, RxAdvert: 1, RxMTU: 2, RxBytes: 3}
	for _, v := range n.Args {
		if !v.OK {
			continue
		}
		policy := RxBytes
		switch {
		case strings.EqualFold(v.Text, "MTU"):
			policy = RxMTU
		case strings.EqualFold(v.Text, "ADVERT"):
			policy = RxAdvert
		default:
			size, _ := strconv.ParseUint(v.Text, 10, 32)
			g.VRRP.ReceiveBufferSize = uint32(size)
		}
		if rank[policy] > rank[g.VRRP.ReceiveBufferPolicy] {
			g.VRRP.ReceiveBufferPolicy = policy
		}
	}
}

// tuning reads a keyword about the scheduling of one process; ok is false when it is none.
func (b *builder) tuning(p *ProcessTuning, key, process string, n *schema.Node) (ok bool) {
	switch key {
	case "priority":
		setInt(&p.Nice, n)
	case "no_swap":
		p.NoSwap = true
	case "rt_priority":
		setInt(&p.RealTime, n)
	case "rlimit_rttime", "rlimit_rtime":
		setTime(&p.RTTime, n)
		if p.RTTime == time.Microsecond {
			p.RTTime *= 2 // the soft limit is half of it
		}
	case "cpu_affinity":
		b.cpus(p, process, n)
	default:
		return false
	}
	return true
}

// cpus reads a set of CPU numbers; a bad one clears the set.
func (b *builder) cpus(p *ProcessTuning, process string, n *schema.Node) {
	p.CPUs = nil
	for _, v := range n.Args {
		if !v.OK || b.env.CPUs > 0 && v.Int >= int64(b.env.CPUs) {
			b.say(v.Pos, diag.Error, diag.GeneralError, "",
				fmt.Sprintf("Invalid cpu_id:%s specified for %s process", v.Text, process), "no CPU set is used then")
			p.CPUs = nil
			return
		}
		p.CPUs = append(p.CPUs, int(v.Int))
	}
	slices.Sort(p.CPUs)
	p.CPUs = slices.Compact(p.CPUs)
}
