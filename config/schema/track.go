package schema

func trackBlocks() []*Block {
	return []*Block{
		{Path: "vrrp_script", Means: "tracking script definition", Frame: "vrrp_script chk {\nscript /bin/true\n%s\n}\nvrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress { 10.0.0.1 }\ntrack_script { chk }\n}", Keys: vrrpScriptKeys},
		{Path: "vrrp_check", Means: "check that needs no script", Frame: "vrrp_check chk {\nfile_exists /run/ok\n%s\n}\nvrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress { 10.0.0.1 }\ntrack_check { chk }\n}", Keys: vrrpCheckKeys},
		{Path: "vrrp_track_process", Means: "tracked process definition", Frame: "vrrp_track_process p {\nprocess sshd\n%s\n}", Keys: vrrpTrackProcessKeys},
		{Path: "track_file", Means: "file whose integer content is tracked", Frame: "track_file f {\nfile /run/ha.track\n%s\n}", Keys: trackFileKeys},
		{Path: "vrrp_track_file", Means: "deprecated alias of track_file", Frame: "vrrp_track_file f {\nfile /run/ha.track\n%s\n}", Keys: vrrpTrackFileKeys},
	}
}

var vrrpScriptKeys = []Keyword{
	{Name: "script", Args: command(), Lack: Ignore, Means: "command", Quiet: true, Good: "script \"/usr/bin/test -e /run/ok\"", Bad: "script", Built: Yes},
	{Name: "interval", Args: list(millis("SECONDS", "s", 0, 4294000000)), Means: "run period", Default: "1", Good: "interval 2.5", Bad: "interval -1", Built: Yes},
	{Name: "timeout", Args: list(millis("SECONDS", "s", 0, 4294000000)), Means: "time before termination", Default: "0 = interval", Good: "timeout 2", Bad: "timeout never", Built: Yes},
	{Name: "weight", Args: weight(253, "reverse"), Means: "priority adjustment; 0 = FAULT on failure", Default: "0", Good: "weight -20", Bad: "weight 300", Built: Yes},
	{Name: "rise", Args: list(num("N", 1, maxInt32)), Means: "successes to be up", Default: "1", Good: "rise 3", Bad: "rise 0", Built: Yes},
	{Name: "fall", Args: list(num("N", 1, maxInt32)), Means: "failures to be down", Default: "1", Good: "fall 3", Bad: "fall 0", Built: Yes},
	{Name: "user", Args: who(), Means: "run as", Default: "script_user", Good: "user nobody", Bad: "user no_such_user", Built: Yes},
	{Name: "init_fail", Means: "start in failed state", Good: "init_fail", Bad: "init_fail now", Built: Yes},
}

var vrrpCheckKeys = []Keyword{
	{Name: "tcp", Args: list(addr(0), num("PORT", 1, 65535)), Repeat: Replace, Excludes: "file_exists", Means: "a TCP connection to the port is accepted", Since: Own, Good: "tcp 10.0.0.9 80", Bad: "tcp 10.0.0.9 http", Built: Yes},
	{Name: "http", Args: list(form("URL", httpURL), options(option("status", form("LOW[-HIGH]", httpStatus)), option("insecure"))), Repeat: Replace, Excludes: "file_exists", Means: "the answer to a GET has a status that is wanted: 200 to 299 unless said otherwise; redirects are not followed, and insecure takes any certificate", Since: Own, Good: "http http://10.0.0.9:8080/health status 200-399", Bad: "http 10.0.0.9", Built: Yes},
	{Name: "systemd_unit", Args: list(form("UNIT", unitName)), Repeat: Replace, Excludes: "file_exists", Means: "systemd says that the unit is active", Since: Own, Good: "systemd_unit nginx.service", Bad: "systemd_unit nginx", Built: Yes},
	{Name: "file_exists", Args: list(form("PATH", absolutePath)), Repeat: Replace, Means: "there is a file or anything else of that name", Since: Own, Good: "file_exists /run/ready", Bad: "file_exists ready", Built: Yes},
	{Name: "default_route", Args: list(optional(choice("FAMILY", "inet", "inet6")), options(option("dev", iface()))), Repeat: Replace, Excludes: "file_exists", Means: "the main routing table has a default route, through the interface if one is named", Since: Own, Good: "default_route inet dev eth0", Bad: "default_route inet dev", Built: Yes},
	{Name: "interval", Args: list(millis("SECONDS", "s", 1, 4294000000)), Means: "from the beginning of a check to that of the next", Default: "1", Since: Own, Good: "interval 0.2", Bad: "interval 0", Built: Yes},
	{Name: "timeout", Args: list(millis("SECONDS", "s", 1, 4294000000)), Means: "time until a check that has not ended counts as failed", Default: "the interval", Since: Own, Good: "timeout 0.5", Bad: "timeout never", Built: Yes},
	{Name: "weight", Args: weight(253, "reverse"), Means: "priority adjustment; 0 = FAULT on failure", Default: "0", Since: Own, Good: "weight -20", Bad: "weight 300", Built: Yes},
	{Name: "rise", Args: list(num("N", 1, maxInt32)), Means: "successes to be up", Default: "1", Since: Own, Good: "rise 3", Bad: "rise 0", Built: Yes},
	{Name: "fall", Args: list(num("N", 1, maxInt32)), Means: "failures to be down", Default: "1", Since: Own, Good: "fall 3", Bad: "fall 0", Built: Yes},
}

var vrrpTrackProcessKeys = []Keyword{
	{Name: "process", Args: list(rest(word("PATH"))), Repeat: First, Means: "process name, or full command when params given", Good: "process sshd", Bad: "process", Built: Yes},
	{Name: "param_match", Args: list(optional(choice("HOW", "initial", "partial"))), Means: "parameter comparison", Default: "none", Good: "param_match initial", Bad: "param_match some", Built: Yes},
	{Name: "weight", Args: weight(254, "reverse"), Lack: Ignore, Repeat: First, Means: "priority adjustment", Default: "0", Good: "weight 10", Bad: "weight 300", Built: Yes},
	{Name: "quorum", Args: list(num("N", 1, 65535)), Means: "minimum processes", Default: "1", Good: "quorum 2", Bad: "quorum 0", Built: Yes},
	{Name: "quorum_max", Args: list(num("N", 0, 65535)), Means: "maximum processes; 0 = none may run", Default: "unlimited", Good: "quorum_max 9", Bad: "quorum_max 70000", Built: Yes},
	{Name: "delay", Args: list(seconds(1, 3600000000)), Means: "sets fork_delay and terminate_delay", Default: "0", Good: "delay 2.5", Bad: "delay 4000", Built: Yes},
	{Name: "terminate_delay", Args: list(seconds(1, 3600000000)), Means: "wait before counting loss", Good: "terminate_delay 2.5", Bad: "terminate_delay 4000", Built: Yes},
	{Name: "fork_delay", Args: list(seconds(1, 3600000000)), Means: "wait before counting gain", Good: "fork_delay 2.5", Bad: "fork_delay 4000", Built: Yes},
	{Name: "full_command", Means: "match /proc/PID/cmdline instead of comm", Default: "off", Good: "full_command", Bad: "full_command now", Built: Yes},
}

var trackFileKeys = []Keyword{
	{Name: "file", Args: list(word("PATH")), Lack: Ignore, Repeat: First, Means: "tracked file", Good: "file /run/ha.track", Bad: "file", Built: Yes},
	{Name: "weight", Args: weight(254, "reverse"), Lack: Ignore, Repeat: First, Means: "multiplier of file value (VRRP) ", Default: "1", Good: "weight 2", Bad: "weight 300", Built: Yes},
	{Name: "init_file", Args: list(Arg{Kind: Options, Optional: true, Opts: []Option{option("overwrite")}, Plain: &Option{Args: list(num("VALUE", -maxInt32-1, maxInt32))}}), Means: "create (or overwrite) the file at start", Default: "0, warn outside", Good: "init_file 5 overwrite", Bad: "init_file five", Built: Yes},
}

var vrrpTrackFileKeys = []Keyword{
	{Name: "file", Args: list(word("PATH")), Lack: Ignore, Repeat: First, Means: "tracked file", Good: "file /run/ha.track", Bad: "file", Built: Yes},
	{Name: "weight", Args: weight(254, "reverse"), Lack: Ignore, Repeat: First, Means: "multiplier of file value (VRRP) ", Default: "1", Good: "weight 2", Bad: "weight 300", Built: Yes},
	{Name: "init_file", Args: list(Arg{Kind: Options, Optional: true, Opts: []Option{option("overwrite")}, Plain: &Option{Args: list(num("VALUE", -maxInt32-1, maxInt32))}}), Means: "create (or overwrite) the file at start", Default: "0, warn outside", Good: "init_file 5 overwrite", Bad: "init_file five", Built: Yes},
}
