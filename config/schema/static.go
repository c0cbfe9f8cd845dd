package schema

func staticBlocks() []*Block {
	return []*Block{
		{Path: "track_group", Means: "static-entry track group", Frame: "track_group tg {\n%s\n}", Keys: trackGroupKeys},
		{Path: "static_ipaddress", Means: "addresses maintained independently of VRRP state", Noun: "ip address", Frame: "static_ipaddress {\n%s\n}", Keys: staticIpaddressKeys},
		{Path: "static_routes", Means: "routes maintained independently of VRRP state", Noun: "route", Frame: "static_routes {\n%s\n}", Keys: staticRoutesKeys},
		{Path: "static_rules", Means: "ip rules maintained independently of VRRP state", Noun: "rule", Frame: "static_rules {\n%s\n}", Keys: staticRulesKeys},
		{Path: "linkbeat_interfaces", Means: "interfaces whose link is polled", Frame: "linkbeat_interfaces {\n%s\n}", Keys: linkbeatInterfacesKeys},
		{Path: "interface_up_down_delays", Means: "debounce of interface state changes", Frame: "interface_up_down_delays {\n%s\n}", Keys: interfaceUpDownDelaysKeys},
		{Path: "garp_group", Means: "rate limit of GARP/NA for a set of interfaces", Frame: "garp_group {\n%s\ninterface eth0\ngarp_interval 0.5\n}", Keys: garpGroupKeys},
		{Path: "SSL", Means: "TLS client material for SSL_GET", Frame: "SSL {\n%s\n}", Keys: sslKeys},
	}
}

var trackGroupKeys = []Keyword{
	{Name: "group", Opens: Words, Each: each(word("INSTANCE")), Repeat: First, Means: "vrrp_instances the group depends on", Good: "group {\nVI_1 VI_2\n}", Bad: "group now {\nVI_1 VI_2\n}", Built: Yes},
}

var staticIpaddressKeys = []Keyword{
	{Name: Entry, Args: list(prefix(0), addressOptions(true)), Repeat: Many, Means: "static address with options", Good: "10.0.0.5/24 dev eth0 scope link", Bad: "10.0.0.300", Built: Yes},
}

var staticRoutesKeys = []Keyword{
	{Name: Entry, Args: routeOptions(true), Repeat: Many, Means: "static route", Good: "10.9.0.0/16 via 10.0.0.254 dev eth0 metric 20", Bad: "10.9.0.0/16 via nowhere", Built: Yes},
}

var staticRulesKeys = []Keyword{
	{Name: Entry, Args: ruleOptions(true), Repeat: Many, Means: "static policy rule", Good: "from 10.9.0.0/16 table 100 priority 20", Bad: "from nowhere table 100", Built: Yes},
}

var linkbeatInterfacesKeys = []Keyword{
	{Name: Entry, Args: list(iface(), optional(choice("METHOD", "MII", "ETHTOOL", "IOCTL"))), Repeat: Many, Means: "interface to poll", Good: "eth0 ETHTOOL", Bad: "eth0 MAGIC", Built: Yes},
}

var interfaceUpDownDelaysKeys = []Keyword{
	{Name: Entry, Args: list(iface(), optional(seconds(0, 255000000)), optional(seconds(0, 255000000))), Repeat: Many, Means: "debounce delays before acting on down/up", Default: "0", Good: "eth0 2.5 1", Bad: "eth0 300", Built: Yes},
}

var garpGroupKeys = []Keyword{
	{Name: "garp_interval", Args: list(seconds(0, 4294967295)), Means: "gap between GARPs in the group", Good: "garp_interval 0.01", Bad: "garp_interval 5000", Built: Yes},
	{Name: "gna_interval", Args: list(seconds(0, 4294967295)), Means: "gap between NAs in the group", Good: "gna_interval 0.01", Bad: "gna_interval 5000", Built: Yes},
	{Name: "interface", Args: list(iface()), Repeat: Many, Means: "single member interface", Good: "interface eth1", Bad: "interface a_name_that_is_too_long", Built: Yes},
	{Name: "interfaces", Opens: Words, Each: each(iface()), Means: "member interfaces", Good: "interfaces {\neth0 eth1\n}", Bad: "interfaces now {\neth0 eth1\n}", Built: Yes},
}

var sslKeys = []Keyword{
	{Name: "password", Args: list(word("STRING")), Lack: Ignore, Repeat: Replace, Means: "password of the private key", Good: "password secret", Bad: "password"},
	{Name: "ca", Args: list(word("PATH")), Lack: Ignore, Repeat: Replace, Means: "CA file", Good: "ca /etc/ssl/ha.pem", Bad: "ca"},
	{Name: "certificate", Args: list(word("PATH")), Lack: Ignore, Repeat: Replace, Means: "client certificate file", Good: "certificate /etc/ssl/ha.pem", Bad: "certificate"},
	{Name: "key", Args: list(word("PATH")), Lack: Ignore, Repeat: Replace, Means: "private key file", Good: "key /etc/ssl/ha.pem", Bad: "key"},
}
