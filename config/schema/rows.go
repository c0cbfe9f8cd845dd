package schema

// Short constructors for the tables.

const (
	maxInt32  = 1<<31 - 1
	maxUint32 = 1<<32 - 1
)

func list(a ...Arg) []Arg { return a }

func optional(a Arg) Arg { a.Optional = true; return a }

func rest(a Arg) Arg { a.Rest = true; return a }

func clamped(a Arg) Arg { a.Clamp = true; return a }

func word(name string) Arg { return Arg{Name: name, Kind: Word} }

func short(name string, maximum int64) Arg { return Arg{Name: name, Kind: Word, Max: maximum} }

func num(name string, lo, hi int64) Arg { return Arg{Name: name, Kind: Number, Min: lo, Max: hi} }

func unit(u string, a Arg) Arg { a.Unit = u; return a }

// seconds is a decimal number of seconds with six places, bounds in microseconds.
func seconds(lo, hi int64) Arg {
	return Arg{Name: "SECONDS", Kind: Decimal, Places: 6, Min: lo, Max: hi, Unit: "s"}
}

// millis is a decimal with three places, bounds in thousandths of the unit.
func millis(name, u string, lo, hi int64) Arg {
	return Arg{Name: name, Kind: Decimal, Places: 3, Min: lo, Max: hi, Unit: u}
}

func yesNo() []Arg { return list(Arg{Name: "BOOL", Kind: Bool, Optional: true}) }

func choice(name string, words ...string) Arg { return Arg{Name: name, Kind: Choice, Choices: words} }

func fold(a Arg) Arg { a.Fold = true; return a }

func iface() Arg { return Arg{Name: "IFNAME", Kind: Iface} }

func addr(family int) Arg { return Arg{Name: addrName(family), Kind: Addr, Family: family} }

// host is an address behind which a prefix length or the end of a range may stand, as keepalived has it.
func host(a Arg) Arg { a.Tail = true; return a }

// named is an address in whose place a DNS name may stand.
func named(a Arg) Arg { a.Named = true; return a }

func group(family int) Arg {
	return Arg{Name: addrName(family), Kind: Addr, Family: family, Group: true}
}

func prefix(family int) Arg {
	return Arg{Name: addrName(family) + "[/LEN]", Kind: Prefix, Family: family}
}

func addrName(family int) string {
	switch family {
	case 4:
		return "IPV4"
	case 6:
		return "IPV6"
	}
	return "ADDR"
}

func form(name string, check Checker) Arg { return Arg{Name: name, Kind: Form, Check: check} }

func required(a Arg) Arg { a.Optional = false; return a }

func options(opts ...Option) Arg { return Arg{Kind: Options, Opts: opts, Optional: true} }

// script is a command that may name who runs it.
func script() []Arg {
	return list(Arg{Name: "SCRIPT", Kind: Command}, optional(word("USER")), optional(word("GROUP")))
}

// command is a command without user.
func command() []Arg { return list(Arg{Name: "SCRIPT", Kind: Command}) }

// who is a user and perhaps a group.
func who() []Arg { return list(word("USER"), optional(word("GROUP"))) }

func option(name string, a ...Arg) Option { return Option{Words: []string{name}, Args: a} }

func either(names []string, a ...Arg) Option { return Option{Words: names, Args: a} }

// weight is "W [reverse]", or with noreverse too.
func weight(limit int64, words ...string) []Arg {
	return list(num("W", -limit, limit), optional(choice("reverse", words...)))
}

// trackOptions are the options of a tracker's entry.
func trackOptions(limit int64, words ...string) Arg {
	return options(option("weight", num("W", -limit, limit), optional(choice("reverse", words...))))
}

// or says what a word that is no option is.
func (a Arg) or(plain ...Arg) Arg { a.Plain = &Option{Args: plain}; return a }

func each(a Arg) *Arg { return &a }

func optionalScript() []Arg {
	a := script()
	a[0].Optional = true
	return a
}

// forwarding is how packets reach a real server.
func forwarding() []Arg {
	return list(choice("METHOD", "NAT", "DR", "TUN"), options(
		option("type", choice("TYPE", "ipip", "gue", "gre")),
		option("port", num("PORT", 1, 65535)),
		option("nocsum"), option("csum"), option("remcsum"),
	))
}
