package schema

func virtualServerBlocks() []*Block {
	return []*Block{
		{Path: "virtual_server_group", Means: "set of IPVS service addresses", Frame: "virtual_server_group g {\n%s\n}\nvirtual_server group g {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\n}\n}", Keys: virtualServerGroupKeys()},
		{Path: "virtual_server", Means: "IPVS virtual service", Frame: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\n%s\nreal_server 10.1.0.1 80 {\n}\n}", Keys: virtualServerKeys()},
		{Path: "virtual_server/real_server", Means: "real server", Frame: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\n%s\n}\n}", Keys: virtualServerRealKeys()},
	}
}

func virtualServerGroupKeys() []Keyword {
	return []Keyword{
		{Name: Entry, Args: list(form("ADDR|fwmark", service), optional(form("PORT|N", portOrMark)), optional(choice("FAMILY", "inet", "inet6"))), Repeat: Many, Means: "service address, range or firewall mark", Good: "10.0.0.7-9 80", Bad: "10.0.0.7 http"},
	}
}

func virtualServerKeys() []Keyword {
	return []Keyword{
		{Name: "ip_family", Args: list(choice("FAMILY", "inet", "inet6")), Means: "family of fwmark service", Default: "from address, RS, else inet", Good: "ip_family inet", Bad: "ip_family ipx"},
		{Name: "retry", Args: list(num("N", 1, maxUint32)), Means: "default retry count", Default: "per checker", Good: "retry 2", Bad: "retry 0"},
		{Name: "delay_before_retry", Args: list(seconds(0, 4294967295000000)), Means: "default gap between retries", Default: "per checker", Good: "delay_before_retry 2.5", Bad: "delay_before_retry -1"},
		{Name: "warmup", Args: list(seconds(0, 4294967295000000)), Means: "default max random initial delay", Default: "delay_loop", Good: "warmup 2.5", Bad: "warmup -1"},
		{Name: "connect_timeout", Args: list(seconds(1, 4294967295)), Means: "default connect timeout", Default: "5", Good: "connect_timeout 3", Bad: "connect_timeout 0"},
		{Name: "delay_loop", Args: list(seconds(1, 4294967295000000)), Means: "default check period", Default: "60", Good: "delay_loop 2.5", Bad: "delay_loop -1"},
		{Name: "inhibit_on_failure", Means: "weight 0 instead of removal, default for RS", Default: "off", Good: "inhibit_on_failure", Bad: "inhibit_on_failure maybe"},
		{Name: "lb_algo", Args: list(choice("SCHEDULER", "rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos")), Alias: "lvs_sched", Means: "IPVS scheduler", Default: "wlc (with message)", Good: "lb_algo wrr", Bad: "lb_algo fastest"},
		{Name: "lvs_sched", Args: list(choice("SCHEDULER", "rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos")), Means: "IPVS scheduler", Good: "lvs_sched wrr", Bad: "lvs_sched fastest"},
		{Name: "hashed", Means: "accepted, no effect except an error message unless sched is sh/mh", Good: "lvs_sched sh\nhashed", Bad: "hashed"},
		{Name: "ops", Means: "one packet scheduling", Default: "off", Good: "protocol UDP\nops", Bad: "ops"},
		{Name: "flag-1", Means: "scheduler flag 1", Default: "off", Good: "flag-1", Bad: "flag-1 now"},
		{Name: "flag-2", Means: "scheduler flag 2", Default: "off", Good: "flag-2", Bad: "flag-2 now"},
		{Name: "flag-3", Means: "scheduler flag 3", Default: "off", Good: "flag-3", Bad: "flag-3 now"},
		{Name: "sh-port", Means: "include port in sh hash", Default: "off", Good: "lvs_sched sh\nsh-port", Bad: "sh-port"},
		{Name: "sh-fallback", Means: "sh fallback", Default: "off", Good: "lvs_sched sh\nsh-fallback", Bad: "sh-fallback"},
		{Name: "mh-port", Means: "include port in mh hash", Default: "off", Good: "lvs_sched mh\nmh-port", Bad: "mh-port"},
		{Name: "mh-fallback", Means: "mh fallback", Default: "off", Good: "lvs_sched mh\nmh-fallback", Bad: "mh-fallback"},
		{Name: "lb_kind", Args: forwarding(), Alias: "lvs_method", Means: "default forwarding method", Default: "NAT (with message)", Good: "lb_kind TUN type gue port 6080", Bad: "lb_kind BRIDGE"},
		{Name: "lvs_method", Args: forwarding(), Means: "default forwarding method", Good: "lvs_method TUN type gue port 6080", Bad: "lvs_method BRIDGE"},
		{Name: "persistence_engine", Args: list(short("NAME", 16)), Means: "IPVS persistence engine (sip)", Good: "persistence_engine sip", Bad: "persistence_engine a_name_that_is_too_long"},
		{Name: "persistence_timeout", Args: list(optional(unit("s", num("SECONDS", 1, 2678400)))), Means: "persistence time", Default: "0 = none", Good: "persistence_timeout 600", Bad: "persistence_timeout 0"},
		{Name: "persistence_granularity", Args: list(form("NETMASK|PREFIX", granularity)), Means: "persistence client grouping", Default: "all bits", Good: "persistence_granularity 255.255.255.0", Bad: "persistence_granularity 24x"},
		{Name: "protocol", Args: list(fold(choice("PROTOCOL", "TCP", "UDP", "SCTP"))), Means: "service protocol", Default: "UDP with error if addressed", Good: "protocol UDP", Bad: "protocol ICMP"},
		{Name: "ha_suspend", Means: "suspend checkers while VIP absent from system", Default: "off", Good: "ha_suspend", Bad: "ha_suspend now"},
		{Name: "smtp_alert", Args: yesNo(), Means: "mail quorum changes", Default: "smtp_alert_checker, smtp_alert, else off", Good: "smtp_alert true", Bad: "smtp_alert maybe", Built: UnlessTrue},
		{Name: "virtualhost", Args: list(word("STRING")), Lack: Ignore, Repeat: Replace, Means: "default Host header", Good: "virtualhost www.example.org", Bad: "virtualhost"},
		{Name: "snmp_name", Args: list(word("STRING")), Lack: Ignore, Exact: true, Means: "name exposed by SNMP", Good: "snmp_name web", Bad: "snmp_name"},
		{Name: "alpha", Means: "RS start as down until checked", Default: "off", Good: "alpha", Bad: "alpha now"},
		{Name: "omega", Means: "run down notifies at shutdown", Default: "off", Good: "omega", Bad: "omega now"},
		{Name: "quorum_up", Args: script(), Repeat: First, Means: "script on gaining quorum", Good: "quorum_up \"/usr/bin/test -e /run/ok\"", Bad: "quorum_up"},
		{Name: "quorum_down", Args: script(), Repeat: First, Means: "script on losing quorum", Good: "quorum_down \"/usr/bin/test -e /run/ok\"", Bad: "quorum_down"},
		{Name: "quorum", Args: list(num("N", 1, maxUint32)), Means: "minimum live weight", Default: "1", Good: "quorum 1", Bad: "quorum 0"},
		{Name: "hysteresis", Args: list(num("N", 0, maxUint32)), Means: "quorum margin", Default: "0", Good: "hysteresis 0", Bad: "hysteresis -1"},
		{Name: "weight", Args: list(num("N", 1, maxInt32)), Means: "default RS weight", Default: "1", Good: "weight 5", Bad: "weight 0"},
		{Name: "sorry_server", Args: list(addr(0), optional(num("PORT", 1, 65535))), Means: "server used when quorum is lost", Good: "sorry_server 192.0.2.9 80", Bad: "sorry_server 192.0.2.9 0"},
		{Name: "sorry_server_inhibit", Means: "keep sorry server at weight 0 instead of removing", Default: "off", Good: "sorry_server 192.0.2.9 80\nsorry_server_inhibit", Bad: "sorry_server_inhibit"},
		{Name: "sorry_server_lvs_method", Args: forwarding(), Lack: Ignore, Means: "forwarding method of sorry server", Default: "vs method", Good: "sorry_server 192.0.2.9 80\nsorry_server_lvs_method TUN type gue port 6080", Bad: "sorry_server_lvs_method BRIDGE"},
		{Name: "real_server", Args: list(addr(0), optional(num("PORT", 0, 65535))), Opens: Keywords, Repeat: Many, Means: "real server", Good: "real_server 10.1.0.2 80 {\n}", Bad: "real_server 10.1.0 80 {\n}"},
	}
}

func virtualServerRealKeys() []Keyword {
	return []Keyword{
		{Name: "weight", Args: list(num("N", 0, maxInt32)), Means: "weight", Default: "vs weight", Good: "weight 5", Bad: "weight -1"},
		{Name: "lvs_method", Args: forwarding(), Means: "forwarding method", Default: "vs", Good: "lvs_method TUN type gue port 6080", Bad: "lvs_method BRIDGE"},
		{Name: "uthreshold", Args: list(num("N", 0, maxUint32)), Means: "max connections", Default: "0", Good: "uthreshold 100", Bad: "uthreshold -1"},
		{Name: "lthreshold", Args: list(num("N", 0, maxUint32)), Means: "min connections", Default: "0", Good: "lthreshold 100", Bad: "lthreshold -1"},
		{Name: "inhibit_on_failure", Args: yesNo(), Means: "weight 0 on failure instead of removal", Default: "vs", Good: "inhibit_on_failure true", Bad: "inhibit_on_failure maybe", Built: UnlessTrue},
		{Name: "notify_up", Args: script(), Repeat: First, Means: "script when RS comes up", Good: "notify_up \"/usr/bin/test -e /run/ok\"", Bad: "notify_up"},
		{Name: "notify_down", Args: script(), Repeat: First, Means: "script when RS goes down", Good: "notify_down \"/usr/bin/test -e /run/ok\"", Bad: "notify_down"},
		{Name: "alpha", Args: yesNo(), Means: "start as down", Default: "vs", Good: "alpha true", Bad: "alpha maybe", Built: UnlessTrue},
		{Name: "retry", Args: list(num("N", 1, maxUint32)), Means: "default retry count", Default: "vs", Good: "retry 2", Bad: "retry 0"},
		{Name: "delay_before_retry", Args: list(seconds(0, 4294967295000000)), Means: "default gap between retries", Default: "vs", Good: "delay_before_retry 2.5", Bad: "delay_before_retry -1"},
		{Name: "warmup", Args: list(seconds(0, 4294967295000000)), Means: "default max random initial delay", Default: "vs", Good: "warmup 2.5", Bad: "warmup -1"},
		{Name: "connect_timeout", Args: list(seconds(1, 4294967295)), Means: "default connect timeout", Default: "vs", Good: "connect_timeout 3", Bad: "connect_timeout 0"},
		{Name: "delay_loop", Args: list(seconds(1, 4294967295000000)), Means: "default check period", Default: "vs", Good: "delay_loop 2.5", Bad: "delay_loop -1"},
		{Name: "smtp_alert", Args: yesNo(), Means: "mail RS state changes", Default: "smtp_alert_checker, smtp_alert, else ON", Good: "smtp_alert true", Bad: "smtp_alert maybe", Built: UnlessTrue},
		{Name: "virtualhost", Args: list(word("STRING")), Lack: Ignore, Means: "default Host header", Good: "virtualhost www.example.org", Bad: "virtualhost"},
		{Name: "snmp_name", Args: list(word("STRING")), Lack: Ignore, Exact: true, Means: "name exposed by SNMP", Good: "snmp_name web", Bad: "snmp_name"},
		{Name: "MISC_CHECK", Opens: Keywords, Repeat: Many, Means: "external script checker", Default: "retry 0", Good: "MISC_CHECK {\n\tmisc_path /bin/true\n}", Bad: "MISC_CHECK now {\n\tmisc_path /bin/true\n}"},
		{Name: "SMTP_CHECK", Opens: Keywords, Repeat: Many, Means: "SMTP dialogue checker", Default: "retry 1, delay 1 s", Good: "SMTP_CHECK {\n}", Bad: "SMTP_CHECK now {\n}"},
		{Name: "TCP_CHECK", Opens: Keywords, Repeat: Many, Means: "TCP connect checker", Default: "retry 1, delay 1 s", Good: "TCP_CHECK {\n}", Bad: "TCP_CHECK now {\n}"},
		{Name: "PING_CHECK", Opens: Keywords, Repeat: Many, Means: "ICMP echo checker", Default: "retry 1, delay 1 s", Good: "PING_CHECK {\n}", Bad: "PING_CHECK now {\n}"},
		{Name: "UDP_CHECK", Opens: Keywords, Repeat: Many, Means: "UDP send / reply checker", Default: "retry 1, delay 1 s", Good: "UDP_CHECK {\n}", Bad: "UDP_CHECK now {\n}"},
		{Name: "HTTP_GET", Opens: Keywords, Repeat: Many, Means: "HTTP checker", Default: "retry 1, delay 3 s", Good: "HTTP_GET {\n\turl {\n\t\tpath /\n\t}\n}", Bad: "HTTP_GET now {\n\turl {\n\t\tpath /\n\t}\n}"},
		{Name: "SSL_GET", Opens: Keywords, Repeat: Many, Means: "HTTPS checker", Default: "retry 1, delay 3 s", Good: "SSL_GET {\n\turl {\n\t\tpath /\n\t}\n}", Bad: "SSL_GET now {\n\turl {\n\t\tpath /\n\t}\n}"},
		{Name: "DNS_CHECK", Opens: Keywords, Repeat: Many, Means: "DNS query checker", Default: "retry 3, delay = delay_loop", Good: "DNS_CHECK {\n}", Bad: "DNS_CHECK now {\n}"},
		{Name: "FILE_CHECK", Opens: Keywords, Repeat: Many, Means: "tracked file checker", With: "track_file f {\n\tfile /run/ha.track\n}", Good: "FILE_CHECK {\n\ttrack_file f\n}", Bad: "FILE_CHECK now {\n\ttrack_file f\n}"},
		{Name: "BFD_CHECK", Opens: Keywords, Repeat: Many, Means: "BFD session checker", With: "bfd_instance b {\n\tneighbor_ip 10.0.0.2\n}", Good: "BFD_CHECK {\n\tname b\n}", Bad: "BFD_CHECK now {\n\tname b\n}"},
	}
}
