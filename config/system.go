package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
	"holdfast.dev/config/schema"
)

// systemDefaults are those of global_defs that concern more than VRRP.
func (g *globalDraft) systemDefaults() {
	g.Mail.Timeout = 30 * time.Second
	g.Firewall.Priority, g.LVS.Priority, g.LVS.FirstMark = -1, -1, 1000
	g.Auto.Delay = time.Second
	g.Programs.StartTimeout, g.Programs.StopTimeout = 10*time.Second, 10*time.Second
	g.Dirs.IprouteUsr, g.Dirs.IprouteEtc, g.Dirs.JSONVersion = iprouteUsr, iprouteEtc, 1
	g.SNMP.VSInterval = 5 * time.Second
	g.VRRP.VMACPrefix = "vrrp"
}

// finishSystem fills in defaults that depend on each other.
func (b *builder) finishSystem(g *globalDraft) {
	if g.Mail.Server != "" {
		if g.Mail.Port == 0 {
			g.Mail.Port = 25
		}
		if g.Mail.From == "" {
			g.Mail.From = "keepalived@" + b.hostName()
		}
	}
	if g.Mail.Helo == "" {
		g.Mail.Helo = b.hostName()
	}
	g.Mail.Checker, g.Mail.Real = g.alertChecker.or(g.alert.or(false)), g.alertChecker.or(g.alert.or(true))
	if g.SNMP.RSInterval == 0 {
		g.SNMP.RSInterval = g.SNMP.VSInterval
	}
	if g.VRRP.VMACAddrPrefix == "" {
		g.VRRP.VMACAddrPrefix = g.VRRP.VMACPrefix
	}
	if g.DBus.Service == "" {
		g.DBus.Service = "org.keepalived.Vrrp1"
	}
}

// systemKeys says where the other keywords of global_defs go.
var systemKeys = map[string]globalKey{
	"notification_email_from":  func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.Mail.From, n) },
	"notification_email":       func(_ *builder, g *globalDraft, n *schema.Node) { g.Mail.To = append(g.Mail.To, texts(n.List)...) },
	"smtp_server":              (*builder).smtpServer,
	"smtp_helo_name":           func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.Mail.Helo, n) },
	"smtp_connect_timeout":     (*builder).smtpTimeout,
	"smtp_alert_checker":       func(_ *builder, g *globalDraft, n *schema.Node) { putFlag(&g.alertChecker, n) },
	"startup_script_timeout":   func(_ *builder, g *globalDraft, n *schema.Node) { setTime(&g.Programs.StartTimeout, n) },
	"shutdown_script_timeout":  func(_ *builder, g *globalDraft, n *schema.Node) { setTime(&g.Programs.StopTimeout, n) },
	"max_auto_priority":        func(_ *builder, g *globalDraft, n *schema.Node) { g.autoMax(n) },
	"min_auto_priority_delay":  func(_ *builder, g *globalDraft, n *schema.Node) { setTime(&g.Auto.Delay, n) },
	"checker_log_all_failures": func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.LVS.LogAll, n) },
	"disable_local_igmp":       func(_ *builder, g *globalDraft, n *schema.Node) { g.VRRP.NoLocalIGMP = true; g.fixed(n) },
	"lvs_timeouts":             func(_ *builder, g *globalDraft, n *schema.Node) { g.timeouts(n) },
	"lvs_flush":                func(_ *builder, g *globalDraft, _ *schema.Node) { g.LVS.Flush = true },
	"lvs_flush_on_stop":        func(_ *builder, g *globalDraft, n *schema.Node) { g.flushOnStop(n) },
	"lvs_flush_onstop":         func(_ *builder, g *globalDraft, n *schema.Node) { g.flushOnStop(n) },
	"lvs_sync_daemon":          (*builder).syncDaemon,
	"vrrp_garp_extra_if": func(b *builder, g *globalDraft, n *schema.Node) {
		b.garpExtra(&g.VRRP.GarpExtra, &g.VRRP.GarpExtraAll, n)
	},
	"vrrp_vmac_garp_intvl": func(b *builder, g *globalDraft, n *schema.Node) {
		b.garpExtra(&g.VRRP.GarpExtra, &g.VRRP.GarpExtraAll, n)
	},
	"vrrp_iptables":                 func(_ *builder, g *globalDraft, n *schema.Node) { g.iptables(n) },
	"vrrp_ipsets":                   func(_ *builder, g *globalDraft, n *schema.Node) { g.ipsets(n) },
	"nftables":                      func(_ *builder, g *globalDraft, n *schema.Node) { g.table(&g.Firewall.Nftables, n, "keepalived") },
	"nftables_priority":             func(_ *builder, g *globalDraft, n *schema.Node) { setInt(&g.Firewall.Priority, n) },
	"nftables_ifindex":              func(_ *builder, g *globalDraft, _ *schema.Node) { g.Firewall.IfIndex = true },
	"nftables_counters":             func(_ *builder, g *globalDraft, _ *schema.Node) { g.Firewall.Counters = true },
	"nftables_ipvs":                 func(_ *builder, g *globalDraft, n *schema.Node) { g.table(&g.LVS.Nftables, n, "keepalived_ipvs") },
	"nftables_ipvs_priority":        func(_ *builder, g *globalDraft, n *schema.Node) { setInt(&g.LVS.Priority, n) },
	"nftables_ipvs_start_fwmark":    func(_ *builder, g *globalDraft, n *schema.Node) { setInt(&g.LVS.FirstMark, n) },
	"notify_fifo":                   func(b *builder, g *globalDraft, n *schema.Node) { b.fifo(&g.FIFO.All, n) },
	"vrrp_notify_fifo":              func(b *builder, g *globalDraft, n *schema.Node) { b.fifo(&g.FIFO.VRRP, n) },
	"lvs_notify_fifo":               func(b *builder, g *globalDraft, n *schema.Node) { b.fifo(&g.FIFO.LVS, n) },
	"snmp_socket":                   func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.SNMP.Socket, n) },
	"enable_traps":                  func(_ *builder, g *globalDraft, _ *schema.Node) { g.SNMP.Traps = true },
	"enable_snmp_vrrp":              func(_ *builder, g *globalDraft, _ *schema.Node) { g.SNMP.VRRP = true },
	"enable_snmp_keepalived":        func(_ *builder, g *globalDraft, _ *schema.Node) { g.SNMP.VRRP = true },
	"enable_snmp_rfc":               func(_ *builder, g *globalDraft, _ *schema.Node) { g.SNMP.RFC2787, g.SNMP.RFC6527 = true, true },
	"enable_snmp_rfcv2":             func(_ *builder, g *globalDraft, _ *schema.Node) { g.SNMP.RFC2787 = true },
	"enable_snmp_rfcv3":             func(_ *builder, g *globalDraft, _ *schema.Node) { g.SNMP.RFC6527 = true },
	"enable_snmp_checker":           func(_ *builder, g *globalDraft, _ *schema.Node) { g.SNMP.Checker = true },
	"snmp_vs_stats_update_interval": func(_ *builder, g *globalDraft, n *schema.Node) { setTime(&g.SNMP.VSInterval, n) },
	"snmp_rs_stats_update_interval": func(_ *builder, g *globalDraft, n *schema.Node) { setTime(&g.SNMP.RSInterval, n) },
	"enable_dbus":                   func(_ *builder, g *globalDraft, _ *schema.Node) { g.DBus.Enable = true },
	"dbus_service_name":             func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.DBus.Service, n) },
	"dbus_no_interface_name":        func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.DBus.NoIface, n) },
	"process_monitor_rcv_bufs":      func(_ *builder, g *globalDraft, n *schema.Node) { setInt(&g.VRRP.ProcessMonitor.Bytes, n) },
	"process_monitor_rcv_bufs_force": func(_ *builder, g *globalDraft, n *schema.Node) {
		setFlag(&g.VRRP.ProcessMonitor.Force, n)
	},
	"lvs_netlink_cmd_rcv_bufs":           func(_ *builder, g *globalDraft, n *schema.Node) { setInt(&g.LVS.Command.Bytes, n) },
	"lvs_netlink_cmd_rcv_bufs_force":     func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.LVS.Command.Force, n) },
	"lvs_netlink_monitor_rcv_bufs":       func(_ *builder, g *globalDraft, n *schema.Node) { setInt(&g.LVS.Monitor.Bytes, n) },
	"lvs_netlink_monitor_rcv_bufs_force": func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.LVS.Monitor.Force, n) },
	"rs_init_notifies":                   func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.LVS.InitNotifies, n) },
	"no_checker_emails":                  func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.LVS.NoCheckerEmails, n) },
	"vmac_prefix":                        func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.VRRP.VMACPrefix, n) },
	"vmac_addr_prefix":                   func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.VRRP.VMACAddrPrefix, n) },
	"umask":                              func(_ *builder, g *globalDraft, n *schema.Node) { g.umask(n) },
	"reload_check_config": func(_ *builder, g *globalDraft, n *schema.Node) {
		g.Reload.Check = true
		setText(&g.Reload.CheckLog, n)
	},
	"reload_time_file":     func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.Reload.TimeFile, n) },
	"reload_repeat":        func(_ *builder, g *globalDraft, _ *schema.Node) { g.Reload.Repeat = true },
	"reload_file":          func(_ *builder, g *globalDraft, n *schema.Node) { g.Reload.File = true; setText(&g.Reload.FilePath, n) },
	"config_save_dir":      func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.Dirs.Save, n) },
	"tmp_config_directory": func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.Dirs.Temp, n); g.fixed(n) },
	"data_use_instance":    func(_ *builder, g *globalDraft, n *schema.Node) { setFlag(&g.Dirs.UseInstance, n) },
	"json_version":         func(_ *builder, g *globalDraft, n *schema.Node) { setInt(&g.Dirs.JSONVersion, n) },
	"iproute_usr_dir":      func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.Dirs.IprouteUsr, n) },
	"iproute_etc_dir":      func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.Dirs.IprouteEtc, n) },
	"state_dump_file":      func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.Dirs.State, n) },
	"stats_dump_file":      func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.Dirs.Stats, n) },
	"json_dump_file":       func(_ *builder, g *globalDraft, n *schema.Node) { setText(&g.Dirs.JSON, n) },
}

// fixed keeps the words of a keyword that a reload can't change (rule P2).
func (g *globalDraft) fixed(n *schema.Node) { g.Rest = append(g.Rest, item(n)) }

func texts(values []schema.Value) (out []string) {
	for _, v := range values {
		out = append(out, v.Text)
	}
	return out
}

func (b *builder) smtpServer(g *globalDraft, n *schema.Node) {
	setText(&g.Mail.Server, n)
	if v, ok := n.Arg(1); ok {
		p, _ := portNumber(v.Text)
		g.Mail.Port = uint16(p)
	}
	if v, ok := n.Arg(0); ok && b.env.Host != nil && !b.env.Host(v.Text) {
		b.say(v.Pos, diag.Error, diag.GeneralError, "", fmt.Sprintf("Invalid smtp server %s", v.Text),
			"the name is not known here: is it misspelt, or is there no name server?")
	}
}

func (b *builder) smtpTimeout(g *globalDraft, n *schema.Node) {
	setTime(&g.Mail.Timeout, n)
	if v, ok := n.Arg(0); ok && v.Int == 0 {
		b.errorf(n.Pos, "", "smtp_connect_timeout must be greater than 0, setting to 1")
		g.Mail.Timeout = time.Second
	}
}

// maxWebhooks bounds them: each has a queue of its own.
const maxWebhooks = 64

func (b *builder) webhook(g *globalDraft, n *schema.Node) {
	v, ok := n.Arg(0)
	if !ok {
		return
	}
	h := Webhook{URL: v.Text, Timeout: 5 * time.Second, Tries: 5}
	for i := range n.Opts {
		u := &n.Opts[i]
		switch {
		case !u.OK:
		case u.Name() == "timeout":
			h.Timeout = duration(u.Args[0])
		case u.Name() == "tries":
			h.Tries = int(u.Args[0].Int)
		}
	}
	for i := range g.Notify.Webhooks {
		if g.Notify.Webhooks[i].URL == h.URL {
			g.Notify.Webhooks[i] = h
			return
		}
	}
	if len(g.Notify.Webhooks) == maxWebhooks {
		b.errorf(n.Pos, "", "vrrp_notify_webhook: more than %d", maxWebhooks)
		return
	}
	g.Notify.Webhooks = append(g.Notify.Webhooks, h)
}

func (g *globalDraft) autoMax(n *schema.Node) {
	g.Auto.Max = 99
	setInt(&g.Auto.Max, n)
}

func (g *globalDraft) timeouts(n *schema.Node) {
	for i := range n.Opts {
		if u := &n.Opts[i]; u.OK {
			*map[string]*uint32{"tcp": &g.LVS.TCP, "tcpfin": &g.LVS.TCPFin, "udp": &g.LVS.UDP}[u.Name()] = uint32(u.Args[0].Int)
		}
	}
}

func (g *globalDraft) flushOnStop(n *schema.Node) {
	g.LVS.FlushOnStop = FlushAll
	if _, ok := n.Arg(0); ok {
		g.LVS.FlushOnStop = FlushServices
	}
}

// garpExtra reads "[all] SECONDS" in any order, as often as they stand there; the last time counts.
func (b *builder) garpExtra(p *time.Duration, all *bool, n *schema.Node) {
	every, times := time.Duration(0), 0
	for _, u := range n.Opts {
		switch {
		case !u.OK:
			return
		case u.Name() == "all":
			*all = true
		default:
			every = duration(u.Args[0])
			times++
		}
	}
	if times == 0 {
		b.say(n.Pos, diag.Error, diag.GeneralError, "", n.Key.Name+" specified without time - ignoring", "write it as: "+n.Key.Usage())
		return
	}
	*p = every
}

func (b *builder) readGarpExtra(d *draft, n *schema.Node) {
	var every time.Duration
	b.garpExtra(&every, &d.garpAll, n)
	d.garpExtra.put(every)
}

func (g *globalDraft) iptables(n *schema.Node) {
	g.Firewall.Iptables, g.Firewall.Chains = true, texts(n.Args)
	if len(n.Args) == 0 {
		g.Firewall.Chains = []string{"INPUT", "OUTPUT"}
	}
}

func (g *globalDraft) ipsets(n *schema.Node) {
	g.Firewall.Ipsets, g.Firewall.NoIpsets = texts(n.Args), len(n.Args) == 0
}

func (g *globalDraft) table(p *string, n *schema.Node, def string) {
	g.fixed(n)
	if *p = def; len(n.Args) > 0 {
		*p = n.Name()
	}
}

// umask is a number, or names of permission bits joined by "|", blanks allowed.
func (g *globalDraft) umask(n *schema.Node) {
	var mask uint32
	for _, v := range n.Args {
		if !v.OK {
			return
		}
		if num, what := lex.Uint(v.Text, 0, 0, 0o777, true); what == lex.NumberOK {
			mask |= uint32(num)
			continue
		}
		for bit := range strings.SplitSeq(v.Text, "|") {
			mask |= permission(bit)
		}
	}
	g.Umask = &mask
}

// permission is the value of a name such as IRUSR or IRWXU.
func permission(name string) uint32 {
	if len(name) != 5 {
		return 0
	}
	if who := strings.IndexByte("OGU", name[4]); who >= 0 && name[1:4] == "RWX" {
		return 7 << (3 * who)
	}
	who := slices.Index([]string{"OTH", "GRP", "USR"}, name[2:])
	what := strings.IndexByte("XWR", name[1])
	if who < 0 || what < 0 {
		return 0
	}
	return 1 << (3*who + what)
}

// syncDaemon reads lvs_sync_daemon, in its old form with the instance and ID by their places too.
func (b *builder) syncDaemon(g *globalDraft, n *schema.Node) {
	v, ok := n.Arg(0)
	if !ok {
		return
	}
	s := &SyncDaemon{Interface: v.Text}
	plain := 0
	for i := range n.Opts {
		u := &n.Opts[i]
		if !u.OK {
			continue
		}
		a := u.Args[0]
		switch u.Name() {
		case "inst":
			s.Instance = a.Text
		case "id":
			s.ID, g.syncID = uint8(a.Int), true
		case "maxlen":
			s.MaxLen = uint16(a.Int)
		case "port":
			s.Port = uint16(a.Int)
		case "ttl":
			s.TTL = uint8(a.Int)
		case "group":
			s.Group = a.Addr
		case "":
			if plain++; plain == 1 {
				s.Instance = a.Text
			} else if id, err := strconv.ParseUint(a.Text, 10, 8); err == nil {
				s.ID, g.syncID = uint8(id), true
			}
		}
	}
	g.LVS.Sync = s
	b.syncID = g.syncID
}

// finishSync is rules V2 and V4.
func (b *builder) finishSync() {
	s := b.cfg.Global.LVS.Sync
	if s == nil || s.Instance == "" {
		return
	}
	for _, d := range b.drafts {
		if d.Name == s.Instance {
			if !b.syncID {
				s.ID = d.VRID
			}
			return
		}
	}
	b.notef(b.globalPos, "", "lvs_sync_daemon: the instance %s is not there - no sync daemon", s.Instance)
	b.cfg.Global.LVS.Sync = nil
}

// fifo reads the path and owner of a pipe.
func (b *builder) fifo(p **FIFO, n *schema.Node) {
	v, ok := n.Arg(0)
	if !ok {
		return
	}
	f := &FIFO{Path: v.Text, User: Credentials{UID: b.env.UID, GID: b.env.GID}}
	if len(n.Args) > 1 {
		var known bool
		if f.User, known = b.account(n.Args[1:]); !known {
			b.notef(n.Args[1].Pos, "", "Unable to set uid/gid for %s: unknown user or group", n.Key.Name)
			return
		}
	}
	if old := *p; old != nil {
		f.Script = old.Script
	}
	*p = f
}

// globalScripts reads the programs that global_defs names, once it is known who runs programs.
// early tells that the default user was wanted before it was known, which has been reported.
func (b *builder) globalScripts(g *globalDraft, n *schema.Node, early bool) {
	var c *Command
	uses := &b.scriptUses
	switch n.Key.Name {
	case "startup_script", "shutdown_script":
		uses = &b.startUses
	case "lvs_notify_fifo_script":
		uses = &b.checkUses
	case "notify_fifo_script", "vrrp_notify_fifo_script":
	default:
		return
	}
	switch {
	case len(n.Args) > 1:
		b.otherScript(&c, n, uses)
	case !early && (!b.userFailed || b.badUser == scriptUser):
		b.program(&c, n, g.ScriptUser, uses)
	}
	if c == nil {
		return
	}
	switch n.Key.Name {
	case "startup_script":
		g.Programs.Start = c
	case "shutdown_script":
		g.Programs.Stop = c
	case "notify_fifo_script":
		b.checkUses++ // whoever runs starts it
		fifoScript(g.FIFO.All, c)
	case "vrrp_notify_fifo_script":
		fifoScript(g.FIFO.VRRP, c)
	case "lvs_notify_fifo_script":
		fifoScript(g.FIFO.LVS, c)
	}
}

func fifoScript(f *FIFO, c *Command) {
	if f != nil {
		f.Script = c
	}
}
