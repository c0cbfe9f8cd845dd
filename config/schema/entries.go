package schema

// Option sets of the entries of lists.

// addressOptions are those of an address; static ones know track_group instead of use_vmac.
func addressOptions(static bool) Arg {
	opts := []Option{
		option("dev", word("IFNAME")), // a name that is too long is an interface that does not exist
		option("scope", word("SCOPE")),
		either([]string{"brd", "broadcast"}, word("ADDR|+|-")),
		option("label", word("LABEL")),
		option("peer", word("ADDR")),
		option("home"),
		option("-nodad"),
		option("mngtmpaddr"),
		option("noprefixroute"),
		option("autojoin"),
		option("no_track"),
		option("preferred_lft", word("SECONDS|forever")),
	}
	if static {
		return options(append(opts, option("track_group", word("GROUP")))...)
	}
	return options(append(opts, option("use_vmac"))...)
}

func lockable(name string) Option {
	return option(name, optional(choice("lock", "lock")), num("N", 0, maxUint32))
}

func lockedTime(name string) Option {
	return option(name, optional(choice("lock", "lock")), form("TIME", metricTime))
}

// routeOptions are those of a route, whose destination is the word that is no option.
func routeOptions(static bool) []Arg {
	opts := append(routePlace(), routeMetrics()...)
	opts = append(opts, Option{Words: []string{"nexthop"}, Opts: hopOptions()})
	if static {
		opts = append(opts, option("track_group", word("GROUP")))
	}
	types := option("to", optional(routeType()), form("PREFIX", network))
	a := options(append(opts, types)...)
	a.Exits, a.Typed = true, true
	for _, t := range routeType().Choices {
		a.Opts = append(a.Opts, option(t, form("PREFIX", network)))
	}
	return list(a.or(form("PREFIX", network)))
}

func routeType() Arg {
	return choice("TYPE", "unicast", "local", "nat", "broadcast", "brd", "anycast", "multicast", "prohibit",
		"unreachable", "blackhole", "xresolve", "throw")
}

func family() Arg { return optional(choice("FAMILY", "inet", "inet6")) }

// routePlace says where a route leads and which packets it is for.
func routePlace() []Option {
	return []Option{
		option("inet"), option("inet6"),
		option("src", addr(0)),
		option("as", rest(word("X"))),
		either([]string{"via", "gw"}, family(), addr(0)),
		option("from", form("ADDR[/LEN]", network)),
		either([]string{"tos", "dsfield"}, word("DSFIELD")),
		option("table", word("TABLE")),
		option("protocol", word("PROTO")),
		option("scope", word("SCOPE")),
		either([]string{"metric", "priority", "preference"}, num("N", 0, maxUint32)),
		either([]string{"dev", "oif"}, iface()),
		option("onlink"),
		{Words: []string{"encap"}, Opts: encapOptions()},
		option("or", addr(0)),
		option("no_track"),
		option("vrf", iface()),
		option("add"), option("prepend"), option("append"),
	}
}

func routeMetrics() []Option {
	return []Option{
		option("expires", unit("s", num("SECONDS", 0, maxUint32))),
		lockable("mtu"), option("hoplimit", num("N", 0, 255)), lockable("advmss"),
		lockedTime("rtt"), lockedTime("rttvar"), lockable("reordering"), option("window", num("N", 0, maxUint32)),
		lockable("cwnd"), lockable("ssthresh"), option("realms", word("[SRC/]DST")), lockedTime("rto_min"),
		option("initcwnd", num("N", 0, maxUint32)), option("initrwnd", num("N", 0, maxUint32)),
		option("features", choice("FEATURE", "ecn")), option("quickack", num("N", 0, 1)),
		option("congctl", optional(choice("lock", "lock")), word("NAME")),
		option("pref", word("low|medium|high|N")),
		option("ttl-propagate", choice("STATE", "enabled", "disabled")),
		option("fastopen_no_cookie", num("N", 0, 1)),
	}
}

func encapOptions() []Option {
	return []Option{
		option("ip"), option("ip6"),
		option("mpls", form("LABEL[/LABEL...]", labels)), option("ila", word("LOCATOR64")),
		option("id", num("N", 0, maxUint32)), option("dst", addr(0)), option("src", addr(0)),
		option("tos", word("DSFIELD")), option("tc", word("DSFIELD")),
		option("ttl", num("N", 0, 255)), option("hoplimit", num("N", 0, 255)), option("flags", num("N", 0, 65535)),
	}
}

func hopOptions() []Option {
	return []Option{
		either([]string{"via", "gw"}, family(), addr(0)),
		either([]string{"dev", "oif"}, iface()),
		option("weight", num("N", 1, 256)),
		option("onlink"),
		{Words: []string{"encap"}, Opts: encapOptions()},
		option("realms", word("R")),
	}
}

// ruleOptions are those of a policy rule.
func ruleOptions(static bool) []Arg {
	opts := append([]Option{
		option("inet", optional(word("SKIPPED"))), option("inet6", optional(word("SKIPPED"))), // rule Z3
		option("from", form("PREFIX", network)), option("to", form("PREFIX", network)),
		either([]string{"table", "lookup"}, word("TABLE")),
		option("not"),
		either([]string{"preference", "order", "priority"}, anyBase(num("N", 0, maxUint32))),
		either([]string{"tos", "dsfield"}, word("DSFIELD")),
		option("fwmark", form("N[/MASK]", markMask)),
		option("realms", word("[SRC/]DST")),
		either([]string{"suppress_prefixlength", "sup_pl"}, num("N", 0, 128)),
		either([]string{"suppress_ifgroup", "sup_group"}, word("GROUP")),
		either([]string{"dev", "iif"}, iface()), option("oif", iface()),
	}, ruleActions()...)
	if static {
		opts = append(opts, option("track_group", word("GROUP")))
	}
	a := options(opts...)
	a.Exits = true
	return list(a)
}

func ruleActions() []Option {
	return []Option{
		option("tunnel-id", num("N", 0, 1<<62)),
		option("uidrange", form("A-B", span)),
		option("l3mdev"),
		option("protocol", num("N", 0, 255)),
		option("ipproto", word("NAME|N")),
		option("sport", form("A-B", span)), option("dport", form("A-B", span)),
		option("no_track"),
		option("type"),
		option("goto", num("PREF", 0, maxUint32)),
		option("nop"), option("blackhole"), option("unreachable"), option("prohibit"),
	}
}

func anyBase(a Arg) Arg { a.AnyBase = true; return a }
