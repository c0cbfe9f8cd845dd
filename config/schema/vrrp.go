package schema

func vrrpBlocks() []*Block {
	return []*Block{
		{Path: "vrrp_instance/virtual_ipaddress", Means: "VIPs in adverts", Noun: "ip address", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {\n%s\n}\n}", Keys: vrrpInstanceVirtualIpaddressKeys},
		{Path: "vrrp_instance/virtual_ipaddress_excluded", Means: "VIPs not in adverts", Noun: "ip address", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress_excluded {\n%s\n}\nvirtual_ipaddress { 10.0.0.1 }\n}", Keys: vrrpInstanceVirtualIpaddressExcludedKeys},
		{Path: "vrrp_instance/virtual_routes", Means: "routes while MASTER", Noun: "route", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nvirtual_routes {\n%s\n}\nvirtual_ipaddress { 10.0.0.1 }\n}", Keys: vrrpInstanceVirtualRoutesKeys},
		{Path: "vrrp_instance/virtual_rules", Means: "rules while MASTER", Noun: "rule", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nvirtual_rules {\n%s\n}\nvirtual_ipaddress { 10.0.0.1 }\n}", Keys: vrrpInstanceVirtualRulesKeys},
		{Path: "vrrp_sync_group", Means: "set of instances that change state together", Frame: "vrrp_sync_group G1 {\ngroup { VI_1 VI_2 }\n%s\n}\nvrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 10.0.0.1 }\n}\nvrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 2\nvirtual_ipaddress { 10.0.0.2 }\n}\n", Keys: vrrpSyncGroupKeys},
		{Path: "vrrp_sync_group/track_interface", Means: "interfaces tracked for all members", Frame: "vrrp_sync_group G1 {\ngroup { VI_1 VI_2 }\ntrack_interface {\n%s\n}\n}\nvrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 10.0.0.1 }\n}\nvrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 2\nvirtual_ipaddress { 10.0.0.2 }\n}\n", Keys: vrrpSyncGroupTrackInterfaceKeys},
		{Path: "vrrp_instance/track_interface", Means: "interfaces to track", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\ntrack_interface {\n%s\n}\nvirtual_ipaddress { 10.0.0.1 }\n}", Keys: vrrpInstanceTrackInterfaceKeys},
		{Path: "vrrp_sync_group/track_script", Means: "scripts tracked for all members", Frame: "vrrp_sync_group G1 {\ngroup { VI_1 VI_2 }\ntrack_script {\n%s\n}\n}\nvrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 10.0.0.1 }\n}\nvrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 2\nvirtual_ipaddress { 10.0.0.2 }\n}\n", Keys: vrrpSyncGroupTrackScriptKeys},
		{Path: "vrrp_instance/track_script", Means: "scripts to track", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\ntrack_script {\n%s\n}\nvirtual_ipaddress { 10.0.0.1 }\n}", Keys: vrrpInstanceTrackScriptKeys},
		{Path: "vrrp_sync_group/track_file", Means: "files tracked for all members", Frame: "vrrp_sync_group G1 {\ngroup { VI_1 VI_2 }\ntrack_file {\n%s\n}\n}\nvrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 10.0.0.1 }\n}\nvrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 2\nvirtual_ipaddress { 10.0.0.2 }\n}\n", Keys: vrrpSyncGroupTrackFileKeys},
		{Path: "vrrp_instance/track_file", Means: "files to track", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\ntrack_file {\n%s\n}\nvirtual_ipaddress { 10.0.0.1 }\n}", Keys: vrrpInstanceTrackFileKeys},
		{Path: "vrrp_sync_group/track_process", Means: "processes tracked for all members", Frame: "vrrp_sync_group G1 {\ngroup { VI_1 VI_2 }\ntrack_process {\n%s\n}\n}\nvrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 10.0.0.1 }\n}\nvrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 2\nvirtual_ipaddress { 10.0.0.2 }\n}\n", Keys: vrrpSyncGroupTrackProcessKeys},
		{Path: "vrrp_instance/track_process", Means: "processes to track", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\ntrack_process {\n%s\n}\nvirtual_ipaddress { 10.0.0.1 }\n}", Keys: vrrpInstanceTrackProcessKeys},
		{Path: "vrrp_sync_group/track_check", Means: "checks tracked for all members", Frame: "vrrp_sync_group G1 {\ngroup { VI_1 VI_2 }\ntrack_check {\n%s\n}\n}\nvrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 10.0.0.1 }\n}\nvrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 2\nvirtual_ipaddress { 10.0.0.2 }\n}\n", Keys: vrrpSyncGroupTrackCheckKeys},
		{Path: "vrrp_instance/track_check", Means: "checks to track", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\ntrack_check {\n%s\n}\nvirtual_ipaddress { 10.0.0.1 }\n}", Keys: vrrpInstanceTrackCheckKeys},
		{Path: "vrrp_sync_group/track_bfd", Means: "BFD sessions tracked for all members", Frame: "vrrp_sync_group G1 {\ngroup { VI_1 VI_2 }\ntrack_bfd {\n%s\n}\n}\nvrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 10.0.0.1 }\n}\nvrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 2\nvirtual_ipaddress { 10.0.0.2 }\n}\n", Keys: vrrpSyncGroupTrackBfdKeys},
		{Path: "vrrp_instance/track_bfd", Means: "BFD sessions to track", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\ntrack_bfd {\n%s\n}\nvirtual_ipaddress { 10.0.0.1 }\n}", Keys: vrrpInstanceTrackBfdKeys},
		{Path: "vrrp_instance/unicast_peer", Means: "send adverts to these peers instead of multicast", Noun: "unicast peer", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nunicast_src_ip 10.0.0.9\nunicast_peer {\n%s\n}\nvirtual_ipaddress { 10.0.0.1 }\n}", Keys: vrrpInstanceUnicastPeerKeys},
		{Path: "vrrp_instance", Means: "VRRP virtual router", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress { 10.0.0.1 }\n%s\n}", Keys: vrrpInstanceKeys},
		{Path: "vrrp_instance/authentication", Means: "legacy VRRPv2 authentication", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nauthentication {\nauth_type PASS\nauth_pass secret\n%s\n}\nvirtual_ipaddress { 10.0.0.1 }\n}", Keys: vrrpInstanceAuthenticationKeys},
		{Path: "vrrp_instance/auth_hmac", Means: "HMAC trailer authentication (any version)", Frame: "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nauth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nactive_key 1\n%s\n}\nvirtual_ipaddress { 10.0.0.1 }\n}", Keys: vrrpInstanceAuthHmacKeys},
	}
}

var vrrpInstanceVirtualIpaddressKeys = []Keyword{
	{Name: Entry, Args: list(prefix(0), addressOptions(false)), Repeat: Many, Means: "VIP carried in adverts", Good: "10.0.0.5/24 brd + dev eth0 label eth0:1", Bad: "10.0.0.300", Built: Yes},
}

var vrrpInstanceVirtualIpaddressExcludedKeys = []Keyword{
	{Name: Entry, Args: list(prefix(0), addressOptions(false)), Repeat: Many, Means: "VIP not carried in adverts, any family", Good: "2001:db8::5/64 preferred_lft 0 -nodad", Bad: "2001:db8::g", Built: Yes},
}

var vrrpInstanceVirtualRoutesKeys = []Keyword{
	{Name: Entry, Args: routeOptions(false), Repeat: Many, Means: "route present while MASTER", Good: "default via 10.0.0.254 dev eth0 table 100", Bad: "default via nowhere", Built: Yes},
}

var vrrpInstanceVirtualRulesKeys = []Keyword{
	{Name: Entry, Args: ruleOptions(false), Repeat: Many, Means: "policy rule present while MASTER", Good: "to 10.9.0.0/16 lookup 100 priority 20", Bad: "to 10.9.0.0/16 fwmark none", Built: Yes},
}

var vrrpSyncGroupKeys = []Keyword{
	{Name: "group", Opens: Words, Each: each(word("INSTANCE")), Repeat: First, Means: "member instances", Good: "group {\nVI_1 VI_2\n}", Bad: "group now {\nVI_1 VI_2\n}", Built: Yes},
	{Name: "track_interface", Opens: Entries, Repeat: Many, Means: "interfaces tracked for all members", Good: "track_interface {\n\teth1\n}", Bad: "track_interface now {\n\teth1\n}", Built: Yes},
	{Name: "track_script", Opens: Entries, Repeat: Many, Means: "scripts tracked for all members", With: "vrrp_script x {\n\tscript /bin/true\n}", Good: "track_script {\n\tx\n}", Bad: "track_script now {\n\tx\n}", Built: Yes},
	{Name: "track_file", Opens: Entries, Repeat: Many, Means: "files tracked for all members", With: "track_file x {\n\tfile /run/ha.track\n}", Good: "track_file {\n\tx\n}", Bad: "track_file now {\n\tx\n}", Built: Yes},
	{Name: "track_process", Opens: Entries, Repeat: Many, Means: "processes tracked for all members", With: "vrrp_track_process x {\n\tprocess sshd\n}", Good: "track_process {\n\tx\n}", Bad: "track_process now {\n\tx\n}", Built: Yes},
	{Name: "track_check", Opens: Entries, Repeat: Many, Means: "checks tracked for all members", Since: Own, With: "vrrp_check x {\n\tfile_exists /run/ok\n}", Good: "track_check {\n\tx\n}", Bad: "track_check now {\n\tx\n}", Built: Yes},
	{Name: "track_bfd", Opens: Entries, Repeat: Many, Means: "BFD sessions tracked for all members", With: "bfd_instance x {\n\tneighbor_ip 10.0.0.2\n}", Good: "track_bfd {\n\tx\n}", Bad: "track_bfd now {\n\tx\n}"},
	{Name: "notify_backup", Args: script(), Repeat: First, Means: "script on group BACKUP", Good: "notify_backup \"/usr/bin/test -e /run/ok\"", Bad: "notify_backup", Built: Yes},
	{Name: "notify_master", Args: script(), Repeat: First, Means: "script on group MASTER", Good: "notify_master \"/usr/bin/test -e /run/ok\"", Bad: "notify_master", Built: Yes},
	{Name: "notify_fault", Args: script(), Repeat: First, Means: "script on group FAULT", Good: "notify_fault \"/usr/bin/test -e /run/ok\"", Bad: "notify_fault", Built: Yes},
	{Name: "notify_stop", Args: script(), Repeat: First, Means: "script at stop", Good: "notify_stop \"/usr/bin/test -e /run/ok\"", Bad: "notify_stop", Built: Yes},
	{Name: "notify", Args: script(), Repeat: First, Means: "generic group script", Good: "notify \"/usr/bin/test -e /run/ok\"", Bad: "notify", Built: Yes},
	{Name: "smtp_alert", Args: yesNo(), Means: "mail group state changes", Default: "global", Good: "smtp_alert true", Bad: "smtp_alert maybe", Built: Yes},
	{Name: "global_tracking", Alias: "sync_group_tracking_weight", Means: "same effect as sync_group_tracking_weight", Default: "off", Old: "deprecated", Loud: true, Good: "global_tracking", Bad: "global_tracking now", Built: Yes},
	{Name: "sync_group_tracking_weight", Means: "allow weighted tracking inside the group", Default: "off", Good: "sync_group_tracking_weight", Bad: "sync_group_tracking_weight now", Built: Yes},
	{Name: "notify_priority_changes", Args: yesNo(), Means: "FIFO event on member priority change", Default: "unset", Good: "notify_priority_changes true", Bad: "notify_priority_changes maybe", Built: Yes},
}

var vrrpSyncGroupTrackInterfaceKeys = []Keyword{
	{Name: Entry, Args: list(iface(), trackOptions(254, "reverse")), Repeat: Many, Means: "tracked interface", Default: "0", Good: "eth1", Bad: "eth1 weight 300", Built: Yes},
}

var vrrpInstanceTrackInterfaceKeys = []Keyword{
	{Name: Entry, Args: list(iface(), trackOptions(254, "reverse")), Repeat: Many, Means: "tracked interface", Default: "0", Good: "eth1 weight 20 reverse", Bad: "eth1 weight 300", Built: Yes},
}

var vrrpSyncGroupTrackScriptKeys = []Keyword{
	{Name: Entry, Args: list(word("SCRIPT_NAME"), trackOptions(254, "reverse", "noreverse")), Repeat: Many, Means: "tracked script", Default: "from vrrp_script", Good: "x", Bad: "x weight 300", With: "vrrp_script x {\n\tscript /bin/true\n}", Built: Yes},
}

var vrrpInstanceTrackScriptKeys = []Keyword{
	{Name: Entry, Args: list(word("SCRIPT_NAME"), trackOptions(254, "reverse", "noreverse")), Repeat: Many, Means: "tracked script", Default: "from vrrp_script", Good: "x weight 20", Bad: "x weight 300", With: "vrrp_script x {\n\tscript /bin/true\n}", Built: Yes},
}

var vrrpSyncGroupTrackFileKeys = []Keyword{
	{Name: Entry, Args: list(word("FILE_NAME"), trackOptions(254, "reverse", "noreverse")), Repeat: Many, Means: "tracked file", Default: "from track_file", Good: "x", Bad: "x weight 300", With: "track_file x {\n\tfile /run/ha.track\n}", Built: Yes},
}

var vrrpInstanceTrackFileKeys = []Keyword{
	{Name: Entry, Args: list(word("FILE_NAME"), trackOptions(254, "reverse", "noreverse")), Repeat: Many, Means: "tracked file", Default: "from track_file", Good: "x weight 20", Bad: "x weight 300", With: "track_file x {\n\tfile /run/ha.track\n}", Built: Yes},
}

var vrrpSyncGroupTrackProcessKeys = []Keyword{
	{Name: Entry, Args: list(word("PROCESS_NAME"), trackOptions(254, "reverse", "noreverse")), Repeat: Many, Means: "tracked process", Default: "from vrrp_track_process", Good: "x", Bad: "x weight 300", With: "vrrp_track_process x {\n\tprocess sshd\n}", Built: Yes},
}

var vrrpInstanceTrackProcessKeys = []Keyword{
	{Name: Entry, Args: list(word("PROCESS_NAME"), trackOptions(254, "reverse", "noreverse")), Repeat: Many, Means: "tracked process", Default: "from vrrp_track_process", Good: "x weight 20", Bad: "x weight 300", With: "vrrp_track_process x {\n\tprocess sshd\n}", Built: Yes},
}

var vrrpSyncGroupTrackCheckKeys = []Keyword{
	{Name: Entry, Args: list(word("CHECK_NAME"), trackOptions(253, "reverse", "noreverse")), Repeat: Many, Means: "tracked check", Default: "from vrrp_check", Since: Own, Good: "x", Bad: "x weight 300", With: "vrrp_check x {\n\tfile_exists /run/ok\n}", Built: Yes},
}

var vrrpInstanceTrackCheckKeys = []Keyword{
	{Name: Entry, Args: list(word("CHECK_NAME"), trackOptions(253, "reverse", "noreverse")), Repeat: Many, Means: "tracked check", Default: "from vrrp_check", Since: Own, Good: "x weight 20", Bad: "x weight 300", With: "vrrp_check x {\n\tfile_exists /run/ok\n}", Built: Yes},
}

var vrrpSyncGroupTrackBfdKeys = []Keyword{
	{Name: Entry, Args: list(word("BFD_NAME"), trackOptions(253, "reverse", "noreverse")), Repeat: Many, Means: "tracked BFD session", Default: "from bfd_instance", Good: "x", Bad: "x weight 300", With: "bfd_instance x {\n\tneighbor_ip 10.0.0.2\n}"},
}

var vrrpInstanceTrackBfdKeys = []Keyword{
	{Name: Entry, Args: list(word("BFD_NAME"), trackOptions(253, "reverse", "noreverse")), Repeat: Many, Means: "tracked BFD session", Default: "from bfd_instance", Good: "x weight 20", Bad: "x weight 300", With: "bfd_instance x {\n\tneighbor_ip 10.0.0.2\n}"},
}

var vrrpInstanceUnicastPeerKeys = []Keyword{
	{Name: Entry, Args: list(named(host(addr(0))), options(option("min_ttl", num("N", 0, 255)), option("max_ttl", num("N", 0, 255)), option("tls_name", form("NAME", dnsName)), option("tls_pin", form("sha256:BASE64", pin)))), Repeat: Many, Means: "unicast peer. Ours: a DNS name in the place of the address; tls_name, the name that its certificate must be for with transport tls (else the DNS name, else the address); tls_pin, the SHA-256 of its public key (SubjectPublicKeyInfo), which counts instead of name and CA", Default: "0, max default 255", Good: "10.0.0.2 min_ttl 250 max_ttl 255", Bad: "10.0.0.2 min_ttl 256", Built: Yes},
}

var vrrpInstanceKeys = []Keyword{
	{Name: "use_vmac", Args: list(options(option("name", word("IFNAME")), option("netlink_notify_msg"), option("group", word("GROUP"))).or(word("IFNAME|MAC"))), Means: "run on a macvlan with the virtual MAC", Good: "use_vmac vrrp.51", Bad: "use_vmac group", Built: Yes},
	{Name: "use_vmac_addr", Means: "make VMACs for VIPs on other interfaces/families", Default: "off", Good: "use_vmac_addr", Bad: "use_vmac_addr now", Built: Yes},
	{Name: "vmac_xmit_base", Means: "send/receive adverts on base interface", Default: "off", Good: "vmac_xmit_base\nuse_vmac", Bad: "vmac_xmit_base now\nuse_vmac", Built: Yes},
	{Name: "use_ipvlan", Args: list(options(option("name", word("IFNAME")), option("bridge"), option("private"), option("vepa"), option("group", word("GROUP"))).or(word("IFNAME|ADDR"))), Means: "run on an l2 ipvlan", Default: "bridge", Good: "use_ipvlan ipv51 10.0.0.9/24 bridge", Bad: "use_ipvlan group", Built: Yes},
	{Name: "unicast_peer", Opens: Entries, Repeat: Many, Means: "send adverts to these peers instead of multicast", Good: "unicast_peer {\n\t10.0.0.2 min_ttl 250 max_ttl 255\n}", Bad: "unicast_peer now {\n\t10.0.0.2 min_ttl 250 max_ttl 255\n}", Built: Yes},
	{Name: "unicast_fault_no_peer", Means: "FAULT instead of multicast if no peers", Default: "off", Good: "unicast_fault_no_peer\nunicast_peer {\n\t10.0.0.2\n}", Bad: "unicast_fault_no_peer now", Built: Yes},
	{Name: "check_unicast_src", Means: "drop unicast adverts from non-peers", Default: "off", Good: "check_unicast_src\nunicast_peer {\n\t10.0.0.2\n}", Bad: "check_unicast_src now", Built: Yes},
	{Name: "old_unicast_checksum", Args: list(optional(choice("never", "never"))), Means: "pre-1.3.6 VRRPv3 unicast checksum", Default: "auto-detect", Good: "old_unicast_checksum never\nunicast_peer {\n\t10.0.0.2\n}", Bad: "old_unicast_checksum always", Built: Yes},
	{Name: "native_ipv6", Means: "force IPv6 family and version 3", Good: "native_ipv6\nvirtual_ipaddress {\n\tfe80::1\n}", Bad: "native_ipv6 now", Built: Yes},
	{Name: "state", Args: list(choice("STATE", "MASTER", "BACKUP")), Means: "initial state wish", Default: "from priority (255 = MASTER) else BACKUP", Good: "state BACKUP", Bad: "state SLAVE", Built: Yes},
	{Name: "interface", Args: list(iface()), Means: "interface to run on", Good: "interface eth0", Bad: "interface a_name_that_is_too_long", Built: Yes},
	{Name: "vrf", Args: list(iface()), Means: "VRF for interface-less unicast", Excludes: "interface", Good: "vrf eth0\nunicast_src_ip 10.0.0.9\nunicast_peer {\n\t10.0.0.2\n}", Bad: "vrf a_name_that_is_too_long", Built: Yes},
	{Name: "dont_track_primary", Means: "ignore faults of the instance's own interface", Default: "off", Good: "dont_track_primary", Bad: "dont_track_primary now", Built: Yes},
	{Name: "track_interface", Opens: Entries, Repeat: Many, Means: "interfaces to track", Good: "track_interface {\n\teth1 weight 20 reverse\n}", Bad: "track_interface now {\n\teth1 weight 20 reverse\n}", Built: Yes},
	{Name: "track_script", Opens: Entries, Repeat: Many, Means: "scripts to track", With: "vrrp_script x {\n\tscript /bin/true\n}", Good: "track_script {\n\tx weight 20\n}", Bad: "track_script now {\n\tx weight 20\n}", Built: Yes},
	{Name: "track_file", Opens: Entries, Repeat: Many, Means: "files to track", With: "track_file x {\n\tfile /run/ha.track\n}", Good: "track_file {\n\tx weight 20\n}", Bad: "track_file now {\n\tx weight 20\n}", Built: Yes},
	{Name: "track_process", Opens: Entries, Repeat: Many, Means: "processes to track", With: "vrrp_track_process x {\n\tprocess sshd\n}", Good: "track_process {\n\tx weight 20\n}", Bad: "track_process now {\n\tx weight 20\n}", Built: Yes},
	{Name: "track_check", Opens: Entries, Repeat: Many, Means: "checks to track", Since: Own, With: "vrrp_check x {\n\tfile_exists /run/ok\n}", Good: "track_check {\n\tx weight 20\n}", Bad: "track_check now {\n\tx weight 20\n}", Built: Yes},
	{Name: "track_bfd", Opens: Entries, Repeat: Many, Means: "BFD sessions to track", With: "bfd_instance x {\n\tneighbor_ip 10.0.0.2\n}", Good: "track_bfd {\n\tx weight 20\n}", Bad: "track_bfd now {\n\tx weight 20\n}"},
	{Name: "mcast_src_ip", Args: list(host(addr(0))), Means: "source address of adverts", Default: "primary address of interface (link-local for IPv6)", Good: "mcast_src_ip 10.0.0.9", Bad: "mcast_src_ip 10.0.0", Built: Yes},
	{Name: "unicast_src_ip", Args: list(host(addr(0))), Means: "source address of unicast adverts", Good: "unicast_src_ip 10.0.0.9\nunicast_peer {\n\t10.0.0.2\n}", Bad: "unicast_src_ip 10.0.0", Built: Yes},
	{Name: "mcast_dst_ip", Args: list(host(group(0))), Means: "destination multicast address", Default: "vrrp_mcast_group4/6", Good: "mcast_dst_ip 224.0.0.20", Bad: "mcast_dst_ip 10.0.0.1", Built: Yes},
	{Name: "track_src_ip", Means: "FAULT when configured source address is missing", Default: "off", Good: "track_src_ip", Bad: "track_src_ip now", Built: Yes},
	{Name: "virtual_router_id", Args: list(num("N", 1, 255)), Means: "VRID", Good: "virtual_router_id 51", Bad: "virtual_router_id 256", Built: Yes},
	{Name: "unicast_ttl", Args: list(num("N", 0, 255)), Means: "TTL/hop limit of unicast adverts", Default: "255 (IPv4), kernel default (IPv6)", Good: "unicast_ttl 64\nunicast_peer {\n\t10.0.0.2\n}", Bad: "unicast_ttl 256", Built: Yes},
	{Name: "version", Args: list(num("VERSION", 2, 3)), Means: "protocol version", Default: "global vrrp_version (IPv6: 3)", Good: "version 3", Bad: "version 4", Built: Yes},
	{Name: "priority", Args: list(num("N", 1, 255)), Means: "base priority", Default: "100 (255 if state MASTER and unset)", Good: "priority 150", Bad: "priority 300", Built: Yes},
	{Name: "advert_int", Args: list(seconds(10000, 255000000)), Means: "advert interval", Default: "1", Good: "advert_int 2", Bad: "advert_int 300", Built: Yes},
	{Name: "virtual_ipaddress", Opens: Entries, Repeat: Many, Means: "VIPs in adverts", Good: "virtual_ipaddress {\n\t10.0.0.5/24 brd + dev eth0 label eth0:1\n}", Bad: "virtual_ipaddress now {\n\t10.0.0.5/24 brd + dev eth0 label eth0:1\n}", Built: Yes},
	{Name: "virtual_ipaddress_excluded", Opens: Entries, Repeat: Many, Means: "VIPs not in adverts", Good: "virtual_ipaddress_excluded {\n\t2001:db8::5/64 preferred_lft 0 -nodad\n}", Bad: "virtual_ipaddress_excluded now {\n\t2001:db8::5/64 preferred_lft 0 -nodad\n}", Built: Yes},
	{Name: "no_virtual_ipaddress", Means: "do not complain about no VIPs", Default: "off", Since: "2.3", Good: "no_virtual_ipaddress", Bad: "no_virtual_ipaddress now", Built: Yes},
	{Name: "promote_secondaries", Means: "set promote_secondaries sysctl on interface", Default: "off", Good: "promote_secondaries", Bad: "promote_secondaries now", Built: Yes},
	{Name: "linkbeat_use_polling", Means: "poll own interface", Default: "off", Old: "deprecated", Loud: true, Good: "linkbeat_use_polling", Bad: "linkbeat_use_polling now", Built: Yes},
	{Name: "v3_checksum_as_v2", Args: yesNo(), Means: "VRRPv3 IPv4 checksum without pseudo header", Default: "global", Since: "2.3", Good: "v3_checksum_as_v2 true", Bad: "v3_checksum_as_v2 maybe", Built: Yes},
	{Name: "virtual_routes", Opens: Entries, Repeat: Many, Means: "routes while MASTER", Good: "virtual_routes {\n\tdefault via 10.0.0.254 dev eth0 table 100\n}", Bad: "virtual_routes now {\n\tdefault via 10.0.0.254 dev eth0 table 100\n}", Built: Yes},
	{Name: "virtual_rules", Opens: Entries, Repeat: Many, Means: "rules while MASTER", Good: "virtual_rules {\n\tto 10.9.0.0/16 lookup 100 priority 20\n}", Bad: "virtual_rules now {\n\tto 10.9.0.0/16 lookup 100 priority 20\n}", Built: Yes},
	{Name: "accept", Means: "accept packets to VIPs when not owner", Default: "on unless strict (then only for priority 255)", Good: "accept", Bad: "accept now", Built: Yes},
	{Name: "no_accept", Means: "drop packets to VIPs when not owner", Good: "no_accept", Bad: "no_accept now", Built: Yes},
	{Name: "skip_check_adv_addr", Args: yesNo(), Means: "check VIP list only when advert source changes", Default: "global", Good: "skip_check_adv_addr true", Bad: "skip_check_adv_addr maybe", Built: Yes},
	{Name: "strict_mode", Args: yesNo(), Means: "enforce RFC compliance", Default: "global vrrp_strict", Good: "strict_mode true", Bad: "strict_mode maybe", Built: Yes},
	{Name: "preempt", Means: "clear nopreempt", Good: "preempt", Bad: "preempt now", Built: Yes},
	{Name: "nopreempt", Means: "do not take over from lower priority master", Default: "off", Good: "nopreempt", Bad: "nopreempt now", Built: Yes},
	{Name: "preempt_delay", Args: list(seconds(0, 1000000000)), Means: "delay before preempting a lower priority master", Default: "0", Good: "preempt_delay 10.5", Bad: "preempt_delay 2000", Built: Yes},
	{Name: "debug", Args: list(num("N", 0, 4)), Means: "debug level", Default: "0", Good: "debug 1", Bad: "debug 9", Built: Yes},
	{Name: "notify_backup", Args: script(), Repeat: First, Means: "script on BACKUP", Good: "notify_backup \"/usr/bin/test -e /run/ok\"", Bad: "notify_backup", Built: Yes},
	{Name: "notify_master", Args: script(), Repeat: First, Means: "script on MASTER", Good: "notify_master \"/usr/bin/test -e /run/ok\"", Bad: "notify_master", Built: Yes},
	{Name: "notify_fault", Args: script(), Repeat: First, Means: "script on FAULT", Good: "notify_fault \"/usr/bin/test -e /run/ok\"", Bad: "notify_fault", Built: Yes},
	{Name: "notify_stop", Args: script(), Repeat: First, Means: "script at stop", Good: "notify_stop \"/usr/bin/test -e /run/ok\"", Bad: "notify_stop", Built: Yes},
	{Name: "notify_deleted", Args: optionalScript(), Repeat: First, Means: "notify DELETED when reload removes the instance", Good: "notify_deleted \"/usr/bin/test -e /run/ok\"", Bad: "notify_deleted \"/usr/bin/test", Built: Yes},
	{Name: "notify", Args: script(), Repeat: First, Means: "generic script", Good: "notify \"/usr/bin/test -e /run/ok\"", Bad: "notify", Built: Yes},
	{Name: "notify_master_rx_lower_pri", Args: script(), Repeat: First, Means: "script when MASTER receives lower priority advert", Good: "notify_master_rx_lower_pri \"/usr/bin/test -e /run/ok\"", Bad: "notify_master_rx_lower_pri", Built: Yes},
	{Name: "notify_trouble", Args: script(), Repeat: First, Means: "script when something begins or ceases to be wrong with the other routers on the network (docs/troubles.md); it gets INSTANCE, the name, TROUBLE or TROUBLE_OVER, the kind, who shows it, and the evidence", Since: Own, Good: "notify_trouble \"/usr/bin/test -e /run/ok\"", Bad: "notify_trouble", Built: Yes},
	{Name: "smtp_alert", Args: yesNo(), Means: "mail state changes", Default: "smtp_alert_vrrp then smtp_alert then off", Good: "smtp_alert true", Bad: "smtp_alert maybe", Built: Yes},
	{Name: "notify_priority_changes", Args: yesNo(), Means: "FIFO event on effective priority change", Default: "group then global", Good: "notify_priority_changes true", Bad: "notify_priority_changes maybe", Built: Yes},
	{Name: "lvs_sync_daemon_interface", Args: list(iface()), Means: "IPVS sync daemon bound to this instance", Old: "deprecated after 1.2.19", Loud: true, Good: "lvs_sync_daemon_interface eth0", Bad: "lvs_sync_daemon_interface"},
	{Name: "garp_master_delay", Args: list(unit("s", num("SECONDS", 0, 4294))), Means: "delay of second GARP burst", Default: "global", Good: "garp_master_delay 10", Bad: "garp_master_delay 5000", Built: Yes},
	{Name: "garp_master_refresh", Args: list(unit("s", num("SECONDS", 0, maxUint32))), Means: "periodic GARP", Default: "global", Good: "garp_master_refresh 60", Bad: "garp_master_refresh -1", Built: Yes},
	{Name: "garp_master_repeat", Args: list(num("N", 0, maxUint32)), Means: "GARPs per burst", Default: "global", Good: "garp_master_repeat 3", Bad: "garp_master_repeat -1", Built: Yes},
	{Name: "garp_master_refresh_repeat", Args: list(num("N", 0, maxUint32)), Means: "GARPs per refresh", Default: "global", Good: "garp_master_refresh_repeat 3", Bad: "garp_master_refresh_repeat -1", Built: Yes},
	{Name: "garp_lower_prio_delay", Args: list(unit("s", num("SECONDS", 0, 4294))), Means: "second burst after lower priority advert", Default: "global (0 strict)", Good: "garp_lower_prio_delay 10", Bad: "garp_lower_prio_delay 5000", Built: Yes},
	{Name: "garp_lower_prio_repeat", Args: list(num("N", 0, maxInt32)), Means: "GARPs after lower priority advert", Default: "global (0 strict)", Good: "garp_lower_prio_repeat 3", Bad: "garp_lower_prio_repeat -1", Built: Yes},
	{Name: "down_timer_adverts", Args: list(num("N", 1, 100)), Means: "missed adverts before takeover", Default: "global 3", Good: "down_timer_adverts 4", Bad: "down_timer_adverts 0", Built: Yes},
	{Name: "timer_expired_backup", Args: list(optional(num("PRIO", 1, 254))), Means: "go to BACKUP if a scheduling stall may have let a peer take over; PRIO = highest other priority", Default: "254", Since: "2.3", Good: "timer_expired_backup 200\nnopreempt", Bad: "timer_expired_backup 300", Built: Yes},
	{Name: "thread_timer_expired", Args: list(optional(num("PRIO", 1, 254))), Means: "alias of timer_expired_backup", Alias: "timer_expired_backup", Old: "deprecated alias", Loud: true, Since: "2.3", Good: "thread_timer_expired 200\nnopreempt", Bad: "thread_timer_expired 300", Built: Yes},
	{Name: "garp_extra_if", Args: list(required(options(option("all")).or(unit("s", num("SECONDS", 0, 86400))))), Means: "periodic GARP on extra VMACs", Default: "global", Good: "garp_extra_if all 30", Bad: "garp_extra_if 100000", Built: Yes},
	{Name: "vmac_garp_intvl", Args: list(required(options(option("all")).or(unit("s", num("SECONDS", 0, 86400))))), Means: "alias of garp_extra_if", Alias: "garp_extra_if", Old: "deprecated after 2.2.2 (CONFIG_DEPRECATED)", Loud: true, Good: "vmac_garp_intvl all 30", Bad: "vmac_garp_intvl 100000", Built: Yes},
	{Name: "lower_prio_no_advert", Args: yesNo(), Means: "do not answer lower priority adverts", Default: "global (true strict)", Good: "lower_prio_no_advert true", Bad: "lower_prio_no_advert maybe", Built: Yes},
	{Name: "higher_prio_send_advert", Args: yesNo(), Means: "advert before yielding", Default: "global (false strict)", Good: "higher_prio_send_advert true", Bad: "higher_prio_send_advert maybe", Built: Yes},
	{Name: "owner_ignore_adverts", Args: yesNo(), Means: "owner drops adverts", Default: "global", Since: "2.3", Good: "owner_ignore_adverts true\npriority 255", Bad: "owner_ignore_adverts maybe", Built: Yes},
	{Name: "kernel_rx_buf_size", Args: list(unit("bytes", num("BYTES", 0, maxUint32))), Lack: Ignore, Exact: true, Means: "receive socket buffer", Good: "kernel_rx_buf_size 65536", Bad: "kernel_rx_buf_size many", Built: Yes},
	{Name: "transport", Args: list(choice("TRANSPORT", "ip", "udp", "tcp", "tls")), Means: "how adverts to unicast_peer travel: IP protocol 112, or, between nodes that all run holdfast, UDP, a TCP connection or mutually authenticated TLS (docs/transport.md)", Default: "global, else ip", Since: Own, Good: "transport tcp\nunicast_peer {\n\t10.0.0.2\n}", Bad: "transport sctp\nunicast_peer {\n\t10.0.0.2\n}", Built: Yes},
	{Name: "transport_port", Args: list(num("PORT", 1, 65535)), Means: "UDP or TCP port of both sides", Default: "global, else 1112", Since: Own, Good: "transport_port 2112", Bad: "transport_port 65536", Built: Yes},
	{Name: "transport_id", Args: list(num("ID", 0, 65535)), Means: "with transport udp, tcp or tls: tells instances apart that have one virtual_router_id and reach one peer, because they are on different interfaces; the same number on both sides", Default: "0", Since: Own, Good: "transport_id 7", Bad: "transport_id 65536", Built: Yes},
	{Name: "transport_certificate", Args: list(word("FILE")), Means: "certificate in PEM that transport tls shows, with what leads to the CA; it is read with the configuration", Default: "global", Since: Own, Good: "transport_certificate /etc/keepalived/node.pem", Bad: "transport_certificate", Built: Yes},
	{Name: "transport_key", Args: list(word("FILE")), Means: "private key of transport_certificate in PEM", Default: "global", Since: Own, Good: "transport_key /etc/keepalived/node.key", Bad: "transport_key", Built: Yes},
	{Name: "transport_ca", Args: list(word("FILE")), Means: "certificates in PEM of those whose signature on a peer's certificate is believed; not for a peer with tls_pin", Default: "global", Since: Own, Good: "transport_ca /etc/keepalived/ca.pem", Bad: "transport_ca", Built: Yes},
	{Name: "fast_fail", Args: yesNo(), Means: "with transport tcp or tls: take over at once from a master whose daemon is found dead by its connection and confirmed so by a fresh one", Default: "global, else off", Since: Own, Good: "fast_fail on\ntransport tcp\nunicast_peer {\n\t10.0.0.2\n}", Bad: "fast_fail maybe", Built: Yes},
	{Name: "authentication", Opens: Keywords, Repeat: Many, Means: "legacy VRRPv2 authentication", Good: "authentication {\n\tauth_type PASS\n\tauth_pass s3cret\n}", Bad: "authentication PASS {\n\tauth_type PASS\n\tauth_pass s3cret\n}", Built: Yes},
	{Name: "auth_hmac", Opens: Keywords, Repeat: Many, Means: "HMAC trailer authentication (any version)", Since: "2.3", Good: "auth_hmac {\n\tkey 1 0123456789abcdef0123456789abcdef\n\tactive_key 1\n}", Bad: "auth_hmac now {\n\tkey 1 0123456789abcdef0123456789abcdef\n\tactive_key 1\n}", Built: Yes},
}

var vrrpInstanceAuthenticationKeys = []Keyword{
	{Name: "auth_type", Args: list(choice("TYPE", "PASS", "AH")), Means: "authentication type", Default: "none", Good: "auth_type PASS", Bad: "auth_type MD5", Built: Yes},
	{Name: "auth_pass", Args: list(word("STRING")), Means: "shared secret", Good: "auth_pass s3cret", Bad: "auth_pass much_too_long_a_password", Secret: true, Built: Yes},
}

var vrrpInstanceAuthHmacKeys = []Keyword{
	{Name: "key", Args: list(num("ID", 1, 255), word("VALUE")), Repeat: Many, Means: "key for signing/verification", Since: "2.3", Good: "key 1 0123456789abcdef0123456789abcdef", Bad: "key 300 0123456789abcdef0123456789abcdef", Secret: true, Built: Yes},
	{Name: "active_key", Args: list(num("ID", 1, 255)), Means: "key used to sign", Since: "2.3", Good: "active_key 1", Bad: "active_key 0", Built: Yes},
	{Name: "time_window", Args: list(unit("s", num("SECONDS", 1, 300))), Means: "accepted clock skew", Default: "3*advert_int clamped to", Since: "2.3", Good: "time_window 30", Bad: "time_window 301", Built: Yes},
	{Name: "anti_replay", Args: list(choice("METHOD", "time", "monotonic")), Means: "freshness method", Default: "time", Since: "2.3", Good: "anti_replay monotonic", Bad: "anti_replay never", Built: Yes},
	{Name: "mode", Args: list(choice("MODE", "enforce", "permissive", "receive-only")), Means: "acceptance of unauthenticated adverts / whether to sign", Default: "enforce", Since: "2.3", Good: "mode permissive", Bad: "mode lax", Built: Yes},
}
