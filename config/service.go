package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

// Defaults of virtual servers.
const (
	defaultDelayLoop   = time.Minute
	defaultTimeout     = 5 * time.Second
	defaultPersistence = 360 * time.Second
	defaultScheduler   = "wlc"
)

// serviceDraft is a virtual_server while it is read.
type serviceDraft struct {
	Service
	n       *schema.Node
	label   string // as in messages
	pass    checkDefaults
	method  opt[Forwarding]
	alert   opt[bool]
	weight  int32
	inhibit bool
	sorry   opt[Forwarding]
}

// checkDefaults are the values that real servers and checkers inherit (rule S1).
type checkDefaults struct {
	retry              opt[uint32]
	delay, timeout     opt[time.Duration]
	retryDelay, warmup opt[time.Duration]
	alpha, logAll      opt[bool]
}

// over is d where it is set, else the values of outer.
func (d checkDefaults) over(outer *checkDefaults) checkDefaults {
	first(&d.retry, &outer.retry)
	first(&d.delay, &outer.delay)
	first(&d.timeout, &outer.timeout)
	first(&d.retryDelay, &outer.retryDelay)
	first(&d.warmup, &outer.warmup)
	first(&d.alpha, &outer.alpha)
	first(&d.logAll, &outer.logAll)
	return d
}

func first[T any](o, outer *opt[T]) {
	if !o.set {
		*o = *outer
	}
}

// read takes a keyword that virtual servers, real servers and checkers share; ok is false for another one.
func (d *checkDefaults) read(k *schema.Node) (ok bool) {
	switch k.Key.Name {
	case "retry", "nb_get_retry":
		putInt(&d.retry, k)
	case "delay_before_retry":
		putTime(&d.retryDelay, k)
	case "warmup":
		putTime(&d.warmup, k)
	case "connect_timeout":
		putTime(&d.timeout, k)
	case "delay_loop":
		putTime(&d.delay, k)
	case "alpha":
		putFlag(&d.alpha, k)
	case "log_all_failures":
		putFlag(&d.logAll, k)
	default:
		return false
	}
	return true
}

// virtualServer reads a virtual_server block.
func (b *builder) virtualServer(n *schema.Node) {
	d := &serviceDraft{n: n, weight: 1}
	d.Pos, d.Quorum = at(n.Pos), 1
	d.pass.delay.v, d.pass.timeout.v = defaultDelayLoop, defaultTimeout
	b.schedulerFlags(n)
	if !b.serviceName(d) {
		return
	}
	for i := range n.Body {
		b.serviceKey(d, &n.Body[i])
	}
	if find(n.Body, "real_server") == nil {
		b.errorf(n.Pos, "", "Virtual server %s has no real servers - ignoring", d.label)
		return
	}
	b.serviceDefaults(d)
	if b.realServers(d); len(d.Servers) == 0 {
		b.errorf(n.Pos, "", "Virtual server %s has no real servers - ignoring", d.label)
		return
	}
	b.finishService(d)
	b.cfg.Parts.Checker = true
	b.cfg.Services = append(b.cfg.Services, d.Service)
}

// serviceName reads what the service is for; ok is false when that is no good.
func (b *builder) serviceName(d *serviceDraft) (ok bool) {
	n := d.n
	d.label = "[" + n.Name() + "]"
	if n.Name() == "fwmark" || n.Name() == "group" {
		return b.indirectName(d)
	}
	addr, err := netip.ParseAddr(schema.HostPart(n.Name()))
	if err != nil || addr.Zone() != "" || len(n.Args) > 1 && !port(n.Args[1].Text) {
		b.errorf(n.Pos, "", "Invalid virtual server IP address/port %s - skipping", n.Name())
		return false
	}
	d.Addr, d.Family = addr, familyOf(addr)
	if len(n.Args) > 1 {
		p, _ := portNumber(n.Args[1].Text)
		d.Port = uint16(p)
	}
	return true
}

// indirectName reads "fwmark N" and "group NAME".
func (b *builder) indirectName(d *serviceDraft) (ok bool) {
	n := d.n
	if len(n.Args) < 2 {
		b.errorf(n.Pos, "", "virtual_server %s needs a number or name - skipping", n.Name())
		return false
	}
	if n.Name() == "fwmark" {
		d.HasMark = true
		return b.serviceMark(d, n.Args[1])
	}
	d.Group = n.Args[1].Text
	d.label = "[" + d.Group + "]"
	g := b.serviceGroups[d.Group]
	if g == nil {
		b.notef(n.Pos, "", "Virtual server group %s is not configured - removing the virtual server", d.Group)
		return false
	}
	d.Family = g.family()
	return true
}

// family is the one that all entries have, or 0.
func (g *ServiceGroup) family() (f Family) {
	for i := range g.Entries {
		e := &g.Entries[i]
		c := e.Family
		if !e.HasMark {
			c = familyOf(e.First)
		}
		if f != 0 && c != 0 && c != f {
			return 0
		}
		f = max(f, c)
	}
	return f
}

// serviceKey reads one keyword of the block.
func (b *builder) serviceKey(d *serviceDraft, k *schema.Node) {
	if d.pass.read(k) || d.serviceFlag(k) {
		return
	}
	switch k.Key.Name {
	case "ip_family":
		b.serviceFamily(d, k)
	case "lb_algo", "lvs_sched":
		setText(&d.Scheduler, k)
	case "lb_kind", "lvs_method":
		b.forwarding(&d.method, k)
	case "persistence_engine":
		setText(&d.Engine, k)
	case "persistence_timeout":
		if d.Persistence = defaultPersistence; len(k.Args) > 0 {
			d.Persistence = 0
			setTime(&d.Persistence, k)
		}
	case "persistence_granularity":
		b.granularity(d, k)
	case "protocol":
		if v, ok := k.Arg(0); ok {
			d.Protocol = [...]Protocol{TCP, UDP, SCTP}[v.Int]
		}
	case "smtp_alert":
		putFlag(&d.alert, k)
	case "virtualhost":
		setText(&d.VirtualHost, k)
	case "snmp_name":
		setText(&d.SNMPName, k)
	case "quorum_up":
		b.otherScript(&d.QuorumUp, k, &b.checkUses)
	case "quorum_down":
		b.otherScript(&d.QuorumDown, k, &b.checkUses)
	case "quorum":
		setInt(&d.Quorum, k)
	case "hysteresis":
		setInt(&d.Hysteresis, k)
	case "weight":
		setInt(&d.weight, k)
	default:
		b.sorryKey(d, k)
	}
}

// serviceFlag reads keywords without an argument; ok is false for another one.
func (d *serviceDraft) serviceFlag(k *schema.Node) (ok bool) {
	switch k.Key.Name {
	case "inhibit_on_failure":
		d.inhibit = true
	case "ops":
		d.OnePacket = true
	case "flag-1":
		d.Flags |= SchedFlag1
	case "flag-2":
		d.Flags |= SchedFlag2
	case "flag-3":
		d.Flags |= SchedFlag3
	case "sh-fallback", "mh-fallback":
		if strings.HasPrefix(k.Key.Name, d.Scheduler) && d.Scheduler != "" {
			d.Flags |= SchedFlag1
		}
	case "sh-port", "mh-port":
		if strings.HasPrefix(k.Key.Name, d.Scheduler) && d.Scheduler != "" {
			d.Flags |= SchedFlag2
		}
	case "ha_suspend":
		d.HASuspend = true
	case "omega":
		d.Omega = true
	default:
		return false
	}
	return true
}

// sorryKey reads what is about the sorry server; it must stand after the line that names it.
func (b *builder) sorryKey(d *serviceDraft, k *schema.Node) {
	switch k.Key.Name {
	case "sorry_server":
		v, ok := k.Arg(0)
		if !ok {
			return
		}
		d.Sorry, d.sorry = &SorryServer{Pos: at(k.Pos), Addr: v.Addr}, opt[Forwarding]{}
		if p, ok := k.Arg(1); ok {
			d.Sorry.Port = uint16(p.Int)
		}
	case "sorry_server_inhibit":
		if d.Sorry != nil {
			d.Sorry.Inhibit = true
		}
	case "sorry_server_lvs_method":
		if d.Sorry != nil {
			b.forwarding(&d.sorry, k)
		}
	}
}

func (b *builder) serviceFamily(d *serviceDraft, k *schema.Node) {
	v, ok := k.Arg(0)
	if !ok {
		return
	}
	f := [...]Family{IPv4, IPv6}[v.Int]
	if d.Family != 0 && d.Family != f {
		b.errorf(k.Pos, "", "Virtual server specified family %s conflicts with server family", v.Text)
		return
	}
	d.Family = f
}

// granularity reads a mask for IPv4 or a prefix length for IPv6; it makes the service persistent.
func (b *builder) granularity(d *serviceDraft, k *schema.Node) {
	v, ok := k.Arg(0)
	if !ok {
		return
	}
	if a, err := netip.ParseAddr(v.Text); err == nil {
		d.GranularityV4 = a
	} else {
		n, _ := portNumber(v.Text)
		d.Granularity = uint8(n)
	}
	if d.Persistence == 0 {
		d.Persistence = defaultPersistence
	}
}

// forwarding reads a method with its tunnel options.
func (b *builder) forwarding(o *opt[Forwarding], k *schema.Node) {
	v, ok := k.Arg(0)
	if !ok {
		return
	}
	f := Forwarding{Method: NAT + ForwardMethod(v.Int)}
	for i := range k.Opts {
		u := &k.Opts[i]
		if !u.OK {
			continue
		}
		switch u.Name() {
		case "type":
			f.Tunnel = TunnelType(u.Args[0].Int)
		case "port":
			f.Port = uint16(u.Args[0].Int)
		case "csum":
			f.Checksum = Checksum
		case "remcsum":
			f.Checksum = RemoteChecksum
		}
	}
	if f.Method == TUN {
		b.tunnel(&f, k)
	}
	o.put(f)
}

// tunnel checks which options go together.
func (b *builder) tunnel(f *Forwarding, k *schema.Node) {
	switch {
	case (f.Tunnel == GUE) != (f.Port != 0):
		b.errorf(k.Pos, "", "gue tunnels require port, otherwise cannot have port.")
	case f.Tunnel == IPIP && f.Checksum != NoChecksum:
		b.errorf(k.Pos, "", "ipip tunnels do not support checksum option.")
	case f.Tunnel == GRE && f.Checksum == RemoteChecksum:
		b.errorf(k.Pos, "", "gre tunnels do not support remote checksum option.")
	default:
		return
	}
	*f = Forwarding{Method: TUN}
}

// serviceDefaults says which defaults are used (rule T13); keepalived counts each as an error.
func (b *builder) serviceDefaults(d *serviceDraft) {
	n := d.n
	protocol := last(n.Body, "protocol")
	switch {
	case d.HasMark && protocol != nil:
		b.errorf(protocol.Pos, "", "Warning: Virtual server FWM %s: protocol specified for fwmark - protocol will be ignored", n.Args[1].Text)
		d.Protocol = 0
	case d.Group != "" && b.serviceGroups[d.Group].onlyMarks():
	case !d.HasMark && d.Protocol == 0:
		d.Protocol = UDP
		if protocol == nil {
			b.errorf(n.Pos, "", "Virtual server %s: no protocol set - defaulting to UDP", d.label)
		}
	}
	if d.Scheduler == "" {
		d.Scheduler = defaultScheduler
		if last(n.Body, "lvs_sched") == nil && last(n.Body, "lb_algo") == nil {
			b.errorf(n.Pos, "", "Virtual server %s: no scheduler set, setting default 'wlc'", d.label)
		}
	}
	if last(n.Body, "lvs_method") == nil && last(n.Body, "lb_kind") == nil && !b.allMethods(n) {
		b.errorf(n.Pos, "", "Virtual server %s: no forwarding method set, setting default NAT", d.label)
	}
	d.Method = d.method.or(Forwarding{Method: NAT})
	if ops := last(n.Body, "ops"); ops != nil && protocol != nil && d.Protocol != UDP {
		b.errorf(ops.Pos, "", "Virtual server %s: one packet scheduling requires UDP - resetting", d.label)
		d.OnePacket = false
	}
	zero := d.Group != "" && b.serviceGroups[d.Group].hasZeroPort()
	if (zero || d.Addr.IsValid() && len(n.Args) < 2) && last(n.Body, "persistence_timeout") == nil {
		b.errorf(n.Pos, "", "Virtual server %s: zero port only valid for persistent services - setting", d.label)
	}
	if (zero || d.Addr.IsValid() && d.Port == 0) && d.Persistence == 0 {
		d.Persistence = defaultPersistence
	}
	if d.HasMark && d.HASuspend {
		d.HASuspend = false
	}
	d.SMTPAlert = d.alert.or(b.cfg.Global.Mail.Checker)
	d.Alpha = d.pass.alpha.or(false)
}

// allMethods reports whether every real server names its own forwarding method.
func (b *builder) allMethods(n *schema.Node) bool {
	for i := range n.Body {
		if n.Body[i].Key.Name == "real_server" && last(n.Body[i].Body, "lvs_method") == nil {
			return false
		}
	}
	return true
}

// schedulerFlags checks keywords that only count after the scheduler or sorry server that they are about.
func (b *builder) schedulerFlags(n *schema.Node) {
	scheduler, sorry := "", false
	for i := range n.Body {
		k := &n.Body[i]
		switch name := k.Key.Name; name {
		case "lvs_sched", "lb_algo":
			scheduler = k.Name()
		case "sorry_server":
			_, sorry = k.Arg(0)
		case "sorry_server_inhibit", "sorry_server_lvs_method":
			if !sorry {
				b.errorf(k.Pos, "", "Ignoring %s used before or without sorry_server", name)
			}
		case "sh-port", "sh-fallback", "mh-port", "mh-fallback", "hashed":
			want := strings.TrimSuffix(strings.TrimSuffix(name, "-port"), "-fallback")
			if name == "hashed" {
				want = "sh"
			}
			if scheduler != want && !(name == "hashed" && scheduler == "mh") && !(want == "sh" && scheduler == "mh") {
				b.say(k.Pos, diag.Error, diag.GeneralError, "", fmt.Sprintf("%s only applies to %s scheduler - ignoring", name, want),
					"it must stand after the line that names the scheduler")
			}
		}
	}
}

// finishService is rule T9.
func (b *builder) finishService(d *serviceDraft) {
	if d.Family == 0 && d.HasMark {
		if d.Family = IPv4; len(d.Servers) > 0 {
			d.Family = familyOf(d.Servers[0].Addr)
		}
	}
	sum := int64(0)
	for i := range d.Servers {
		sum += int64(d.Servers[i].Weight)
	}
	if total := uint32(min(sum, 1<<32-1)); d.Quorum > total {
		b.say(d.n.Pos, diag.Error, diag.GeneralError, "",
			fmt.Sprintf("Warning - quorum %d for %s exceeds total weight of real servers %d, reducing quorum to %d", d.Quorum, d.label, total, total), "")
		d.Quorum = total
	}
	if d.Quorum == 0 {
		d.Quorum = 1
	}
	if d.Hysteresis >= d.Quorum {
		b.errorf(d.n.Pos, "", "Virtual server %s: hysteresis %d >= quorum %d; setting hysteresis to %d", d.label, d.Hysteresis, d.Quorum, d.Quorum-1)
		d.Hysteresis = d.Quorum - 1
	}
	b.finishSorry(d)
}

// finishSorry is what a sorry server inherits, and the part of rule T13 about its port.
func (b *builder) finishSorry(d *serviceDraft) {
	if d.Sorry == nil {
		return
	}
	d.Sorry.Method = d.sorry.or(d.Method)
	if d.Addr.IsValid() && d.Addr.Is4() != d.Sorry.Addr.Is4() && d.Sorry.Method.Method != TUN {
		b.errorf(last(d.n.Body, "sorry_server").Pos, "", "Address family of virtual server and sorry server %s don't match - skipping sorry server.", d.Sorry.Addr)
		d.Sorry = nil
		return
	}
	if d.Sorry.Method.Method == NAT {
		if d.Sorry.Port == 0 {
			d.Sorry.Port = d.Port
		}
		return
	}
	switch {
	case d.HasMark && d.Sorry.Port != 0:
		b.errorf(d.n.Pos, "", "WARNING - virtual server FWM %d, sorry server has port specified - clearing", d.Mark)
		d.Sorry.Port = 0
	case d.Addr.IsValid() && d.Sorry.Port != d.Port:
		if d.Sorry.Port != 0 {
			b.errorf(d.n.Pos, "", "WARNING - virtual server %s and sorry server ports don't match - resetting", d.label)
		}
		d.Sorry.Port = d.Port
	}
}
