package host

import (
	"fmt"
	"net/netip"
	"strings"
)

// Rule is one policy rule: which packets are looked up where. It is comparable; what two rules have in common but for the
// order in which they were added can't be told apart by anybody. Numbers are those of linux/fib_rules.h.
type Rule struct {
	V6          bool         `json:",omitzero"`
	Not         bool         `json:",omitzero"`
	L3MDev      bool         `json:",omitzero"` // the table is that of the link's VRF
	Action      uint8        // FR_ACT_*
	TOS         uint8        `json:",omitzero"`
	Proto       uint8        `json:",omitzero"` // RTPROT_*: who added it
	IPProto     uint8        `json:",omitzero"`
	Priority    uint32       `json:",omitzero"`
	Table       uint32       `json:",omitzero"` // of ActLookup
	Goto        uint32       `json:",omitzero"` // of ActGoto: a priority
	Realms      uint32       `json:",omitzero"`
	TunnelID    uint64       `json:",omitzero"`
	From, To    netip.Prefix `json:",omitzero"` // masked; the zero Prefix for all
	IIF, OIF    string       `json:",omitzero"`
	Mark        Masked       `json:",omitzero"`
	UIDs        Span         `json:",omitzero"`
	SrcPorts    Span         `json:",omitzero"`
	DstPorts    Span         `json:",omitzero"`
	SuppressLen Maybe        `json:",omitzero"` // routes with at most such a prefix length do not count
	SuppressGrp Maybe        `json:",omitzero"` // routes through links of that group do not count
}

// Maybe is a number or none.
type Maybe struct {
	Set bool
	N   uint32 `json:",omitzero"`
}

// Span is from First to Last, both included, or none.
type Span struct {
	Set         bool
	First, Last uint32 `json:",omitzero"`
}

// Masked is a firewall mark, or none.
type Masked struct {
	Set        bool
	Mark, Mask uint32 `json:",omitzero"`
}

// What becomes of the packets of a rule (FR_ACT_*).
const (
	ActLookup      uint8 = 1
	ActGoto        uint8 = 2
	ActNop         uint8 = 3
	ActBlackhole   uint8 = 6
	ActUnreachable uint8 = 7
	ActProhibit    uint8 = 8
)

var ruleActions = map[uint8]string{
	ActNop: "nop", ActBlackhole: "blackhole", ActUnreachable: "unreachable", ActProhibit: "prohibit",
}

// Key identifies the rule by everything about it.
func (ru *Rule) Key() Key {
	var b strings.Builder
	b.WriteString("rule ")
	if ru.V6 {
		b.WriteString("inet6 ")
	}
	fmt.Fprintf(&b, "%d:", ru.Priority)
	ru.selectors(&b)
	switch name, ok := ruleActions[ru.Action]; {
	case ok:
		b.WriteString(" " + name)
	case ru.Action == ActGoto:
		fmt.Fprintf(&b, " goto %d", ru.Goto)
	case ru.L3MDev:
		b.WriteString(" lookup l3mdev")
	default:
		fmt.Fprintf(&b, " lookup %d", ru.Table)
	}
	for _, m := range [...]struct {
		name string
		v    Maybe
	}{{"suppress_prefixlength", ru.SuppressLen}, {"suppress_ifgroup", ru.SuppressGrp}} {
		if m.v.Set {
			fmt.Fprintf(&b, " %s %d", m.name, m.v.N)
		}
	}
	if ru.Realms != 0 {
		fmt.Fprintf(&b, " realms %d/%d", ru.Realms>>16, ru.Realms&0xffff)
	}
	if ru.Proto != ProtoMark {
		fmt.Fprintf(&b, " proto %d", ru.Proto)
	}
	return Key{Entry: b.String()}
}

// selectors writes which packets the rule is for.
func (ru *Rule) selectors(b *strings.Builder) {
	if ru.Not {
		b.WriteString(" not")
	}
	word := func(name string, set bool, format string, args ...any) {
		if set {
			fmt.Fprintf(b, " "+name+" "+format, args...)
		}
	}
	word("from", ru.From.IsValid(), "%s", ru.From)
	word("to", ru.To.IsValid(), "%s", ru.To)
	word("tos", ru.TOS != 0, "%#x", ru.TOS)
	word("fwmark", ru.Mark.Set, "%#x/%#x", ru.Mark.Mark, ru.Mark.Mask)
	word("iif", ru.IIF != "", "%s", ru.IIF)
	word("oif", ru.OIF != "", "%s", ru.OIF)
	word("tunnel-id", ru.TunnelID != 0, "%d", ru.TunnelID)
	word("uidrange", ru.UIDs.Set, "%d-%d", ru.UIDs.First, ru.UIDs.Last)
	word("ipproto", ru.IPProto != 0, "%d", ru.IPProto)
	word("sport", ru.SrcPorts.Set, "%d-%d", ru.SrcPorts.First, ru.SrcPorts.Last)
	word("dport", ru.DstPorts.Set, "%d-%d", ru.DstPorts.First, ru.DstPorts.Last)
}

// Valid reports whether the kernel could be asked to add it.
func (ru *Rule) Valid() bool {
	for _, p := range [...]netip.Prefix{ru.From, ru.To} {
		if p != (netip.Prefix{}) && (!plain(p) || p.Addr().Is6() != ru.V6 || p.Bits() == 0) {
			return false
		}
	}
	return linkName(ru.IIF) && linkName(ru.OIF) && ru.Action != 0
}

// Meets reports whether the kernel, told to delete ru, would take have for it: what ru does not ask for counts as
// anything.
func (ru *Rule) Meets(have *Rule) bool {
	span := func(a, b Span) bool { return !a.Set || a == b }
	return ru.V6 == have.V6 && ru.Action == have.Action &&
		(ru.Priority == 0 || ru.Priority == have.Priority) && (ru.Table == 0 || ru.Table == have.Table) &&
		(ru.Proto == 0 || ru.Proto == have.Proto) && (!ru.From.IsValid() || ru.From == have.From) &&
		(!ru.To.IsValid() || ru.To == have.To) && (ru.IIF == "" || ru.IIF == have.IIF) && (ru.OIF == "" || ru.OIF == have.OIF) &&
		(!ru.Mark.Set || ru.Mark == have.Mark) && (ru.TunnelID == 0 || ru.TunnelID == have.TunnelID) &&
		(!ru.L3MDev || have.L3MDev) && span(ru.UIDs, have.UIDs) && (ru.IPProto == 0 || ru.IPProto == have.IPProto) &&
		span(ru.SrcPorts, have.SrcPorts) && span(ru.DstPorts, have.DstPorts) && (ru.TOS == 0 || ru.TOS == have.TOS) &&
		(ru.Realms == 0 || ru.V6 || ru.Realms == have.Realms) &&
		(!ru.SuppressLen.Set || ru.SuppressLen == have.SuppressLen) && (!ru.SuppressGrp.Set || ru.SuppressGrp == have.SuppressGrp)
}
