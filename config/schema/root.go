package schema

func rootBlocks() []*Block {
	return []*Block{
		{Path: "root", Means: "what may stand outside all braces", Frame: "%s", Keys: rootKeys},
	}
}

var rootKeys = []Keyword{
	{Name: "linkbeat_use_polling", Means: "poll all interfaces (MII/ETHTOOL/IOCTL) for link state instead of relying on netlink", Default: "off", Good: "linkbeat_use_polling", Bad: "linkbeat_use_polling now", Built: Yes},
	{Name: "net_namespace", Args: list(word("NAME")), Repeat: First, Lack: Ignore, Means: "run in existing network namespace /run/netns/NAME", Good: "net_namespace blue", Bad: "net_namespace", Built: Yes},
	{Name: "net_namespace_ipvs", Args: list(optional(word("NAME"))), Repeat: First, Means: "namespace used for IPVS netlink/sockopt", Default: "namespace (/proc/1/ns/net)", Good: "net_namespace_ipvs blue", Bad: "net_namespace_ipvs blue red"},
	{Name: "namespace_with_ipsets", Means: "allow ipsets in a namespace on kernels < 3.13", Default: "off", Good: "namespace_with_ipsets", Bad: "namespace_with_ipsets now", Built: Yes},
	{Name: "use_pid_dir", Means: "put pid files in RUNSTATEDIR/keepalived/", Default: "off", Good: "use_pid_dir", Bad: "use_pid_dir now", Built: Yes},
	{Name: "instance", Args: list(word("NAME")), Repeat: First, Lack: Ignore, Means: "instance name, used for syslog ident, pid file names, log file names", Good: "instance east", Bad: "instance", Built: Yes},
	{Name: "child_wait_time", Args: list(unit("s", num("SECONDS", 0, maxUint32))), Means: "time parent waits for children at shutdown before SIGKILL", Default: "5 s", Good: "child_wait_time 8", Bad: "child_wait_time soon", Built: Yes},
	{Name: "global_defs", Opens: Keywords, Repeat: Many, Means: "global settings block", Good: "global_defs {\n}", Bad: "global_defs all {\n}", Built: Yes},
	{Name: "track_group", Args: list(word("NAME")), Opens: Keywords, Repeat: Many, Lack: Skip, Named: true, Means: "static-entry track group", Good: "track_group tg {\n}", Bad: "track_group {\n}", Built: Yes},
	{Name: "static_ipaddress", Opens: Entries, Repeat: Many, Means: "addresses maintained independently of VRRP state", Good: "static_ipaddress {\n\t10.0.0.5/24 dev eth0 scope link\n}", Bad: "static_ipaddress now {\n\t10.0.0.5/24 dev eth0 scope link\n}", Built: Yes},
	{Name: "static_routes", Opens: Entries, Repeat: Many, Means: "routes maintained independently of VRRP state", Good: "static_routes {\n\t10.9.0.0/16 via 10.0.0.254 dev eth0 metric 20\n}", Bad: "static_routes now {\n\t10.9.0.0/16 via 10.0.0.254 dev eth0 metric 20\n}", Built: Yes},
	{Name: "static_rules", Opens: Entries, Repeat: Many, Means: "ip rules maintained independently of VRRP state", Good: "static_rules {\n\tfrom 10.9.0.0/16 table 100 priority 20\n}", Bad: "static_rules now {\n\tfrom 10.9.0.0/16 table 100 priority 20\n}", Built: Yes},
	{Name: "vrrp_sync_group", Args: list(word("NAME")), Opens: Keywords, Repeat: Many, Lack: Skip, Named: true, Means: "set of instances that change state together", Good: "vrrp_sync_group G1 {\n\tgroup {\n\t\tVI_1\n\t\tVI_2\n\t}\n}\nvrrp_instance VI_1 {\n\tinterface eth0\n\tvirtual_router_id 51\n\tvirtual_ipaddress {\n\t\t10.0.0.1\n\t}\n}\nvrrp_instance VI_2 {\n\tinterface eth0\n\tvirtual_router_id 52\n\tvirtual_ipaddress {\n\t\t10.0.0.2\n\t}\n}", Bad: "vrrp_sync_group {\n}", Built: Yes},
	{Name: "garp_group", Opens: Keywords, Repeat: Many, Means: "rate limit of GARP/NA for a set of interfaces", Good: "garp_group {\n\tgarp_interval 0.1\n\tinterface eth0\n}", Bad: "garp_group all {\n\tgarp_interval 0.1\n\tinterface eth0\n}", Built: Yes},
	{Name: "linkbeat_interfaces", Opens: Entries, Repeat: Many, Means: "interfaces whose link is polled", Good: "linkbeat_interfaces {\n\teth0 ETHTOOL\n}", Bad: "linkbeat_interfaces now {\n\teth0 ETHTOOL\n}", Built: Yes},
	{Name: "vrrp_instance", Args: list(word("NAME")), Opens: Keywords, Repeat: Many, Lack: Skip, Named: true, Means: "VRRP virtual router", Good: "vrrp_instance VI_1 {\n\tinterface eth0\n\tvirtual_router_id 51\n\tvirtual_ipaddress {\n\t\t10.0.0.1\n\t}\n}", Bad: "vrrp_instance {\n}", Built: Yes},
	{Name: "vrrp_script", Args: list(word("NAME")), Opens: Keywords, Repeat: Many, Means: "tracking script definition", Good: "vrrp_script ok {\n\tscript /bin/true\n}\nvrrp_instance VI_1 {\n\tinterface eth0\n\tvirtual_router_id 51\n\tvirtual_ipaddress {\n\t\t10.0.0.1\n\t}\n\ttrack_script {\n\t\tok\n\t}\n}", Bad: "vrrp_script {\n}", Built: Yes},
	{Name: "vrrp_check", Args: list(word("NAME")), Opens: Keywords, Repeat: Many, Lack: Skip, Named: true, Means: "check that needs no script", Since: Own, Good: "vrrp_check web {\n\ttcp 10.0.0.9 80\n\tinterval 0.5\n}\nvrrp_instance VI_1 {\n\tinterface eth0\n\tvirtual_router_id 51\n\tvirtual_ipaddress {\n\t\t10.0.0.1\n\t}\n\ttrack_check {\n\t\tweb\n\t}\n}", Bad: "vrrp_check {\n}", Built: Yes},
	{Name: "vrrp_track_process", Args: list(word("NAME")), Opens: Keywords, Repeat: Many, Means: "tracked process definition", Good: "vrrp_track_process ssh {\n\tprocess sshd\n}", Bad: "vrrp_track_process {\n}", Built: Yes},
	{Name: "interface_up_down_delays", Opens: Entries, Repeat: Many, Means: "debounce of interface state changes", Good: "interface_up_down_delays {\n\teth0 2.5 1\n}", Bad: "interface_up_down_delays now {\n\teth0 2.5 1\n}", Built: Yes},
	{Name: "SSL", Opens: Keywords, Repeat: Replace, Means: "TLS client material for SSL_GET", Good: "SSL {\n}", Bad: "SSL all {\n}", Built: Detail},
	{Name: "virtual_server_group", Args: list(word("NAME")), Opens: Entries, Repeat: Many, Means: "set of IPVS service addresses", Good: "virtual_server_group g {\n\t10.0.0.7-9 80\n}", Bad: "virtual_server_group {\n}", Built: Detail},
	{Name: "virtual_server", Args: list(word("VIP|fwmark|group"), optional(word("PORT|N|NAME"))), Skips: badService, Opens: Keywords, Repeat: Many, Means: "IPVS virtual service", Good: "virtual_server 10.0.0.1 80 {\n\tprotocol TCP\n\tlvs_sched rr\n\tlvs_method NAT\n\treal_server 10.1.0.1 80 {\n\t}\n}", Bad: "virtual_server {\n}"},
	{Name: "bfd_instance", Args: list(short("NAME", 31)), Opens: Keywords, Repeat: Many, Means: "BFD session", Good: "bfd_instance b {\n\tneighbor_ip 10.0.0.2\n}", Bad: "bfd_instance {\n}"},
	{Name: "track_file", Args: list(word("NAME")), Opens: Keywords, Repeat: Many, Means: "file whose integer content is tracked", Good: "track_file f {\n\tfile /run/ha.track\n}", Bad: "track_file {\n}", Built: Yes},
	{Name: "vrrp_track_file", Args: list(word("NAME")), Opens: Keywords, Repeat: Many, Means: "deprecated alias of track_file", Alias: "track_file", Old: "deprecated after 2.0.20", Good: "vrrp_track_file f {\n\tfile /run/ha.track\n}", Bad: "vrrp_track_file {\n}", Built: Yes},
	{Name: "include", Args: list(rest(word("PATH"))), Repeat: Many, Means: "include files, silent when missing", Directive: true, Good: "include other*.conf", Bad: "include", Built: Yes},
	{Name: "includer", Args: list(rest(word("PATH"))), Repeat: Many, Means: "include; error if a match is unreadable, a directory or not a plain non-executable file", Directive: true, Good: "includer other*.conf", Bad: "includer", Built: Yes},
	{Name: "includem", Args: list(rest(word("PATH"))), Repeat: Many, Means: "include; as includer plus error when a non-wildcard path has no match", Directive: true, Good: "includem other*.conf", Bad: "includem", Built: Yes},
	{Name: "includew", Args: list(rest(word("PATH"))), Repeat: Many, Means: "include; as includem plus error when a wildcard matches nothing", Directive: true, Good: "includew other*.conf", Bad: "includew", Built: Yes},
	{Name: "includeb", Args: list(rest(word("PATH"))), Repeat: Many, Means: "include; as includer plus every brace alternative must match", Directive: true, Good: "includeb other*.conf", Bad: "includeb", Built: Yes},
	{Name: "includea", Args: list(rest(word("PATH"))), Repeat: Many, Means: "include with all checks", Directive: true, Good: "includea other*.conf", Bad: "includea", Built: Yes},
}
