package kernel

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// Attributes of rules (linux/fib_rules.h).
const (
	fraDst         = 1
	fraSrc         = 2
	fraIIF         = 3
	fraGoto        = 4
	fraPriority    = 6
	fraMark        = 10
	fraFlow        = 11
	fraTunnel      = 12
	fraSuppressGrp = 13
	fraSuppressLen = 14
	fraTable       = 15
	fraMask        = 16
	fraOIF         = 17
	fraL3MDev      = 19
	fraUIDs        = 20
	fraProto       = 21
	fraIPProto     = 22
	fraSrcPorts    = 23
	fraDstPorts    = 24

	ruleLen    = 12 // struct fib_rule_hdr
	ruleInvert = 2  // FIB_RULE_INVERT
	none32     = 1<<32 - 1
)

// appendRule appends the request that adds or deletes a rule.
func appendRule(b []byte, op *host.Op, seq uint32) []byte {
	ru := op.Rule
	typ, flags := uint16(unix.RTM_NEWRULE), uint16(unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	if op.Delete {
		typ, flags = unix.RTM_DELRULE, unix.NLM_F_REQUEST|unix.NLM_F_ACK
	}
	b, at := begin(b, typ, flags, seq)
	table := byte(unix.RT_TABLE_UNSPEC)
	if ru.Table < 256 {
		table = byte(ru.Table)
	}
	bits := func(p netip.Prefix) byte { return byte(max(p.Bits(), 0)) }
	b = append(b, family(ru.V6), bits(ru.To), bits(ru.From), ru.TOS, table, 0, 0, ru.Action)
	invert := uint32(0)
	if ru.Not {
		invert = ruleInvert
	}
	b = native.AppendUint32(b, invert)
	b = appendAttr32(b, fraPriority, ru.Priority)
	b = appendAttr(b, fraProto, []byte{ru.Proto})
	if ru.Table >= 256 {
		b = appendAttr32(b, fraTable, ru.Table)
	}
	b = appendSelectors(b, ru)
	if ru.Action == host.ActGoto {
		b = appendAttr32(b, fraGoto, ru.Goto)
	}
	if ru.Realms != 0 {
		b = appendAttr32(b, fraFlow, ru.Realms)
	}
	for _, m := range [...]struct {
		typ uint16
		v   host.Maybe
	}{{fraSuppressLen, ru.SuppressLen}, {fraSuppressGrp, ru.SuppressGrp}} {
		if m.v.Set {
			b = appendAttr32(b, m.typ, m.v.N)
		}
	}
	return end(b, at)
}

// appendSelectors appends which packets the rule is for.
func appendSelectors(b []byte, ru *host.Rule) []byte {
	if ru.From.IsValid() {
		b = appendIP(b, fraSrc, ru.From.Addr())
	}
	if ru.To.IsValid() {
		b = appendIP(b, fraDst, ru.To.Addr())
	}
	if ru.IIF != "" {
		b = appendAttr(b, fraIIF, append([]byte(ru.IIF), 0))
	}
	if ru.OIF != "" {
		b = appendAttr(b, fraOIF, append([]byte(ru.OIF), 0))
	}
	if ru.Mark.Set {
		b = appendAttr32(b, fraMark, ru.Mark.Mark)
		b = appendAttr32(b, fraMask, ru.Mark.Mask)
	}
	if ru.TunnelID != 0 {
		b = appendAttr(b, fraTunnel, be64(ru.TunnelID))
	}
	if ru.L3MDev {
		b = appendAttr(b, fraL3MDev, []byte{1})
	}
	if ru.UIDs.Set {
		b = appendAttr(b, fraUIDs, native.AppendUint32(native.AppendUint32(nil, ru.UIDs.First), ru.UIDs.Last))
	}
	if ru.IPProto != 0 {
		b = appendAttr(b, fraIPProto, []byte{ru.IPProto})
	}
	ports := func(typ uint16, s host.Span) {
		if s.Set {
			b = appendAttr(b, typ, native.AppendUint16(native.AppendUint16(nil, uint16(s.First)), uint16(s.Last)))
		}
	}
	ports(fraSrcPorts, ru.SrcPorts)
	ports(fraDstPorts, ru.DstPorts)
	return b
}

// decodeRule reads a rule from a dump or an event. ok is false for what is not a rule for IPv4 or IPv6.
func decodeRule(b []byte) (ru *host.Rule, ok bool) {
	if len(b) < ruleLen || (b[0] != unix.AF_INET && b[0] != unix.AF_INET6) {
		return nil, false
	}
	ru = &host.Rule{
		V6: b[0] == unix.AF_INET6, TOS: b[3], Table: uint32(b[4]), Action: b[7], Not: native.Uint32(b[8:])&ruleInvert != 0,
	}
	var from, to netip.Addr
	for a := (attrs{b: b[ruleLen:]}); a.next(); {
		switch a.typ {
		case fraSrc:
			from, _ = netip.AddrFromSlice(a.val)
		case fraDst:
			to, _ = netip.AddrFromSlice(a.val)
		default:
			takeRule(ru, a.typ, a.val)
		}
	}
	okFrom, okTo := true, true
	if b[2] > 0 {
		ru.From, okFrom = network(from, b[2], ru.V6)
	}
	if b[1] > 0 {
		ru.To, okTo = network(to, b[1], ru.V6)
	}
	if ru.Action != host.ActLookup {
		ru.Table = 0
	}
	return ru, okFrom && okTo
}

func takeRule(ru *host.Rule, typ uint16, val []byte) {
	octet := func() byte {
		if len(val) == 0 {
			return 0
		}
		return val[0]
	}
	switch typ {
	case fraIIF:
		ru.IIF = text(val)
	case fraOIF:
		ru.OIF = text(val)
	case fraGoto:
		ru.Goto = u32(val)
	case fraPriority:
		ru.Priority = u32(val)
	case fraMark:
		ru.Mark.Set, ru.Mark.Mark = true, u32(val)
	case fraMask:
		ru.Mark.Set, ru.Mark.Mask = true, u32(val)
	case fraFlow:
		ru.Realms = u32(val)
	case fraTunnel:
		if len(val) >= 8 {
			ru.TunnelID = binary.BigEndian.Uint64(val)
		}
	case fraSuppressGrp:
		ru.SuppressGrp = maybe(val)
	case fraSuppressLen:
		ru.SuppressLen = maybe(val)
	case fraTable:
		ru.Table = u32(val)
	case fraL3MDev:
		ru.L3MDev = octet() != 0
	case fraUIDs:
		ru.UIDs = span(val, 4)
	case fraProto:
		ru.Proto = octet()
	case fraIPProto:
		ru.IPProto = octet()
	case fraSrcPorts:
		ru.SrcPorts = span(val, 2)
	case fraDstPorts:
		ru.DstPorts = span(val, 2)
	}
}

// maybe reads a number of which the largest means none.
func maybe(val []byte) host.Maybe {
	if n := u32(val); len(val) >= 4 && n != none32 {
		return host.Maybe{Set: true, N: n}
	}
	return host.Maybe{}
}

// span reads two numbers of size octets each.
func span(val []byte, size int) host.Span {
	switch {
	case len(val) < 2*size:
		return host.Span{}
	case size == 4:
		return host.Span{Set: true, First: native.Uint32(val), Last: native.Uint32(val[4:])}
	}
	return host.Span{Set: true, First: uint32(native.Uint16(val)), Last: uint32(native.Uint16(val[2:]))}
}
