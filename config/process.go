package config

import "holdfast.dev/config/schema"

// process reads the keywords of the top level that concern the program, and hands on the rest.
func (b *builder) process(n *schema.Node) {
	p := &b.cfg.Process
	switch n.Key.Name {
	case "instance":
		setText(&p.Instance, n)
		p.UsePidDir = true
	case "use_pid_dir":
		p.UsePidDir = true
	case "child_wait_time":
		setTime(&p.ChildWait, n)
	case "net_namespace":
		setText(&p.Namespace, n)
		p.UsePidDir = true
	case "net_namespace_ipvs":
		name := n.Name()
		p.NamespaceIPVS = &name
	case "namespace_with_ipsets":
		p.NamespaceWithIpsets = true
	case "linkbeat_use_polling":
		p.LinkbeatPolling = true
	default:
		b.part(n)
	}
}

// part reads a block of the top level that is for one process or another.
func (b *builder) part(n *schema.Node) {
	switch n.Key.Name {
	case "static_routes":
		b.cfg.Parts.VRRP = true
		b.cfg.Routes = append(b.cfg.Routes, b.readRoutes(n, "")...)
	case "static_rules":
		b.cfg.Parts.VRRP = true
		b.cfg.Rules = append(b.cfg.Rules, b.readRules(n, "")...)
	case "linkbeat_interfaces":
		b.linkbeats(n)
	case "track_file", "vrrp_track_file":
		b.trackFile(n)
	case "vrrp_check":
		b.check(n)
	case "vrrp_track_process":
		b.trackProcess(n)
	case "bfd_instance":
		b.bfd(n)
	case "SSL":
		b.tls(n)
	case "virtual_server_group":
		b.serviceGroup(n)
	case "virtual_server":
		if !b.fromEarly(n) {
			b.virtualServer(n)
		}
	}
}

// tls reads the SSL block; a second one replaces the first.
func (b *builder) tls(n *schema.Node) {
	t := &TLS{Pos: at(n.Pos)}
	b.cfg.TLS = t
	for i := range n.Body {
		k := &n.Body[i]
		setText(map[string]*string{"password": &t.Password, "ca": &t.CA, "certificate": &t.Certificate, "key": &t.Key}[k.Key.Name], k)
	}
}

// partOf is the process that a keyword at this place belongs to.
func partOf(k *schema.Keyword) Part {
	name := k.Block().Path
	if name == "root" || name == "global_defs" {
		name = k.Name
	}
	switch {
	case hasAny(name, "vrrp", "static_", "track_group", "garp_", "linkbeat", "interface_up", "v3_", "dynamic_", "disable_local", "no_email", "fifo_", "vmac_", "log_unknown"),
		name == "nftables" || name == "nftables_priority" || name == "nftables_ifindex":
		return PartVRRP
	case hasAny(name, "virtual_server", "lvs_", "checker_", "SSL", "nftables_ipvs", "net_namespace_ipvs", "smtp_alert_checker", "rs_init", "no_checker"):
		return PartChecker
	case hasAny(name, "bfd_"):
		return PartBFD
	}
	return PartAll
}
