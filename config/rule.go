package config

import (
	"strconv"
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
	"holdfast.dev/config/schema"
)

var ipProtocols = map[string]uint8{
	"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "ipv6-icmp": 58,
	"ospf": 89, "vrrp": 112, "sctp": 132, "udplite": 136,
}

var ruleActions = map[string]RuleAction{
	"nop": RuleNop, "blackhole": RuleBlackhole, "unreachable": RuleUnreachable, "prohibit": RuleProhibit,
}

// ruleDraft is a rule while it is read.
type ruleDraft struct {
	Rule
	priority opt[uint32]
	protocol opt[uint8]
	from, to string
	acts     int
	known    bool // an address has said the family
	mixed    bool
	bad      bool
}

// readRules reads virtual_rules or static_rules.
func (b *builder) readRules(n *schema.Node, who string) (rules []Rule) {
	for i := range n.Body {
		if r, ok := b.rule(&n.Body[i], who); ok {
			rules = append(rules, r)
		}
	}
	return rules
}

// rule reads one entry; ok is false for one that is left out.
func (b *builder) rule(e *schema.Node, who string) (r Rule, ok bool) {
	d := new(ruleDraft)
	d.Pos = at(e.Pos)
	for j := range e.Opts {
		u := &e.Opts[j]
		if !u.OK {
			d.bad = true
			continue
		}
		if !b.ruleSelector(d, u) {
			b.ruleAction(d, u)
		}
	}
	if d.bad || !b.ruleFamily(d, e, who) {
		return Rule{}, false
	}
	switch {
	case d.acts == 0:
		b.errorf(e.Pos, who, "No action specified for rule - ignoring")
		return Rule{}, false
	case d.acts > 1:
		b.errorf(e.Pos, who, "Cannot specify more than one of table/nop/goto/blackhole/prohibit/unreachable/l3mdev for rule - ignoring")
		return Rule{}, false
	}
	if d.Priority = d.priority.v; !d.priority.set {
		d.Priority = ruleTop - b.unranked
		b.unranked++
		b.errorf(e.Pos, who, "Rule has no preference specified - setting to %d. This is probably not what you want.", d.Priority)
	}
	d.Protocol = d.protocol.or(protoKeepalived)
	if !d.NoTrack && d.Protocol != protoKeepalived {
		b.errorf(e.Pos, who, "Rule cannot be tracked if protocol is not RTPROT_KEEPALIVED(18), resetting protocol")
		d.Protocol = protoKeepalived
	}
	return d.Rule, true
}

// ruleSelector applies what says which packets the rule is for; ok is false for another option.
func (b *builder) ruleSelector(d *ruleDraft, u *schema.Use) (ok bool) {
	word := ""
	if len(u.Args) > 0 {
		word = u.Args[0].Text
	}
	switch u.Name() {
	case "inet":
		d.Family = b.ruleWord(u, IPv4)
	case "inet6":
		d.Family = b.ruleWord(u, IPv6)
	case "from":
		d.network(&d.from, word)
	case "to":
		d.network(&d.to, word)
	case "not":
		d.Not = true
	case "tos":
		n, known := b.lookup(fieldNames, word)
		d.bad = d.bad || b.unknownName(known, u, word)
		d.TOS = uint8(n)
	case "fwmark":
		d.mark(word)
	case "realms":
		d.Realms = b.realms(u)
	case "dev":
		b.needIface(u.Pos, word, "rule")
		d.IIF = word
	case "oif":
		b.needIface(u.Pos, word, "rule")
		d.OIF = word
	case "tunnel-id":
		d.TunnelID = uint64(u.Args[0].Int)
	case "uidrange":
		d.UIDs = span(word)
	case "sport":
		d.SourcePorts = span(word)
	case "dport":
		d.DestPorts = span(word)
	case "ipproto":
		d.IPProto, d.bad = b.ipProtocol(u, word, d.bad)
	default:
		return false
	}
	return true
}

// ruleWord is rule Z3: keepalived does not look at the word after inet and inet6.
func (b *builder) ruleWord(u *schema.Use, f Family) Family {
	if len(u.Args) > 0 {
		b.say(u.Args[0].Pos, diag.Warning, diag.OK, "", "'"+u.Args[0].Text+"' after "+u.Name()+" has no effect",
			"keepalived passes over the word after "+u.Name()+"; leave "+u.Name()+" out, the addresses tell the family")
	}
	return f
}

func (b *builder) ipProtocol(u *schema.Use, word string, bad bool) (n uint8, stillBad bool) {
	if v, what := lex.Uint(word, 0, 0, 255, true); what == lex.NumberOK {
		return uint8(v), bad
	}
	n, known := ipProtocols[strings.ToLower(word)]
	return n, b.unknownName(known, u, word) || bad
}

// unknownName reports a name that is not known.
func (b *builder) unknownName(known bool, u *schema.Use, word string) bool {
	if !known {
		b.errorf(u.Args[0].Pos, "", "Unknown %s '%s' in a rule - ignoring the rule", u.Name(), word)
	}
	return !known
}

// ruleAction applies what becomes of the packets, and the rest.
func (b *builder) ruleAction(d *ruleDraft, u *schema.Use) {
	word := ""
	if len(u.Args) > 0 {
		word = u.Args[0].Text
	}
	if a, ok := ruleActions[u.Name()]; ok {
		d.Action = a
		d.acts++
		return
	}
	switch u.Name() {
	case "table":
		n, known := b.lookup(tableNames, word)
		if known && n == 0 {
			known = false
		}
		d.bad = d.bad || b.unknownName(known, u, word)
		d.Action, d.Table = RuleLookup, n
		d.acts++
	case "goto":
		d.Action, d.Goto = RuleGoto, uint32(u.Args[0].Int)
		d.acts++
	case "l3mdev":
		d.L3MDev = true
		d.acts++
	case "preference":
		d.priority.put(uint32(u.Args[0].Int))
	case "suppress_prefixlength":
		n := uint32(u.Args[0].Int)
		d.SuppressLen = &n
	case "suppress_ifgroup":
		n, known := b.lookup(groupNames, word)
		d.bad = d.bad || b.unknownName(known, u, word)
		d.SuppressGrp = &n
	case "protocol":
		d.protocol.put(uint8(u.Args[0].Int))
	case "no_track":
		d.NoTrack = true
	case "track_group":
		d.TrackGroup = b.trackGroupName(u)
	}
}

// network takes a network of from or to. A word for all addresses after an address counts as one of the other family, as in
// keepalived; before it, it does not.
func (d *ruleDraft) network(p *string, word string) {
	_, explicit := parseNet(word, 0)
	d.mixed = d.mixed || d.known && !explicit
	d.known = d.known || explicit
	*p = word
}

func (b *builder) ruleFamily(d *ruleDraft, e *schema.Node, who string) (ok bool) {
	if d.mixed {
		b.errorf(e.Pos, who, "rule specification has mixed IPv4 and IPv6")
		return false
	}
	f := d.Family
	for _, text := range []string{d.from, d.to} {
		p, explicit := parseNet(text, 0)
		if !explicit {
			continue
		}
		if c := familyOf(p.Addr()); f != 0 && c != f {
			b.errorf(e.Pos, who, "rule specification has mixed IPv4 and IPv6")
			return false
		} else if f == 0 {
			f = c
		}
	}
	if f == 0 {
		f = IPv4
	}
	d.Family = f
	if d.from != "" {
		d.From, _ = parseNet(d.from, f)
	}
	if d.to != "" {
		d.To, _ = parseNet(d.to, f)
	}
	return true
}

// mark reads N or N/MASK.
func (d *ruleDraft) mark(word string) {
	n, mask, both := strings.Cut(word, "/")
	v, _ := strconv.ParseUint(n, 0, 32)
	d.HasMark, d.Mark = true, uint32(v)
	if v != 0 {
		d.MarkMask = 1<<32 - 1 // 0 without a mask is any mark, as to the kernel
	}
	if both {
		m, _ := strconv.ParseUint(mask, 0, 32)
		d.MarkMask = uint32(m)
	}
}

// span reads A-B.
func span(word string) *Range {
	lo, hi, _ := strings.Cut(word, "-")
	a, _ := strconv.ParseUint(lo, 10, 32)
	z, _ := strconv.ParseUint(hi, 10, 32)
	return &Range{uint32(a), uint32(z)}
}
