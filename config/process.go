package config

import "holdfast.dev/config/schema"

// process reads the keywords of the top level that concern the program, and keeps the rest as it is.
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
		if !b.wanting(n) {
			return
		}
		b.define(n)
		b.routes(n)
		b.otherScripts(n, &b.checkUses)
		if n.Key.Name == "virtual_server" && !b.virtualServer(n) {
			return
		}
		b.part(n)
		b.cfg.Rest = append(b.cfg.Rest, item(n))
	}
}

// part notes which process a block of the top level asks for.
func (b *builder) part(n *schema.Node) {
	switch n.Key.Name {
	case "static_routes", "static_rules":
		b.cfg.Parts.VRRP = true
	case "virtual_server":
		b.cfg.Parts.Checker = true
	case "bfd_instance":
		b.cfg.Parts.BFD = true
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
