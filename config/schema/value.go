package schema

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

// Address is a netip.Addr; the alias keeps tables short.
type Address = netip.Addr

// MaxIface is the longest name of an interface (IFNAMSIZ - 1).
const MaxIface = 15

// value reads one word as arg says and reports what is wrong with it.
func (p *Parser) value(key *Keyword, arg *Arg, w lex.Word, pos diag.Pos) Value {
	v := Value{Arg: arg, Text: w.Text, Pos: at(pos, w), OK: true}
	problem, hint := v.read(p.strict)
	if problem != "" {
		p.report(v.Pos, diag.Error, key.class(classOf(arg)), problem, cmp.Or(unfilled(w.Text), unset(key, w.Text), hint))
	} else if arg.Tail && !v.Named() && len(HostPart(v.Text)) < len(v.Text) {
		p.report(v.Pos, diag.Warning, diag.OK, fmt.Sprintf("%s is read as %s", clip(v.Text), v.Addr), "one address without a prefix length or range is meant here")
	}
	return v
}

// class is c, or none for a keyword whose mistakes do not count.
func (k *Keyword) class(c diag.Class) diag.Class {
	if k.Quiet {
		return diag.OK
	}
	return c
}

func classOf(a *Arg) diag.Class {
	if a.Kind == Number || a.Kind == Decimal {
		return diag.InvalidNumber
	}
	return diag.GeneralError
}

// read sets v from its text. A problem does not always make it unusable.
func (v *Value) read(strict bool) (problem, hint string) {
	switch v.Arg.Kind {
	case Number, Decimal:
		return v.readNumber(strict)
	case Bool:
		return v.readBool()
	case Choice:
		return v.readChoice()
	case Iface:
		if len(v.Text) > MaxIface {
			v.OK = false
			return fmt.Sprintf("Interface name '%s' is too long", clip(v.Text)), "at most 15 characters"
		}
	case Addr:
		return v.readAddr()
	case Prefix:
		return v.readPrefix()
	case Form:
		if why := v.Arg.Check(v.Text); why != "" {
			v.OK = false
			return fmt.Sprintf("%s '%s' is not valid", v.Arg.Name, clip(v.Text)), why
		}
	case Word:
		if v.Arg.Max > 0 && len(v.Text) > int(v.Arg.Max) {
			long := v.Text
			v.Text = v.Text[:v.Arg.Max]
			return fmt.Sprintf("%s '%s' is too long - using '%s'", v.Arg.Name, clip(long), v.Text),
				fmt.Sprintf("at most %d characters", v.Arg.Max)
		}
	}
	return "", ""
}

func (v *Value) readNumber(strict bool) (problem, hint string) {
	a := v.Arg
	var what lex.NumberProblem
	v.Int, what = a.number(v.Text, strict)
	v.OK = what.OK()
	if what == lex.NumberOK {
		return "", ""
	}
	if what == lex.NumberRange && a.Clamp {
		v.clamp(strict)
	}
	hint = a.expects()
	if v.OK && what == lex.NumberRange {
		hint += "; " + a.show(v.Int) + " is used"
	}
	if what == lex.NumberLoose {
		hint = "only the leading number is used"
	}
	return what.Text(clip(v.Text), a.show(a.Min), a.show(a.Max)), hint
}

// number reads s by the rules of the argument's kind.
func (a *Arg) number(s string, strict bool) (int64, lex.NumberProblem) {
	base := 10
	if a.AnyBase {
		base = 0
	}
	switch {
	case a.Kind == Decimal:
		return lex.Decimal(s, a.Places, a.Min, a.Max, strict)
	case a.Min < 0:
		return lex.Int(s, base, a.Min, a.Max, strict)
	}
	n, what := lex.Uint(s, base, uint64(a.Min), uint64(a.Max), strict)
	return int64(n), what
}

// clamp takes the nearest value inside the range.
func (v *Value) clamp(strict bool) {
	n, what := lex.Int(v.Text, 10, -1<<62, 1<<62, strict)
	if what.OK() {
		v.Int, v.OK = min(max(n, v.Arg.Min), v.Arg.Max), true
	}
}

// show prints a bound as keepalived does: decimals with all their places.
func (a *Arg) show(n int64) string {
	if a.Kind == Number || a.Places == 0 {
		return strconv.FormatInt(n, 10)
	}
	return lex.FormatDecimal(n, a.Places)
}

// expects says in words what a number must be.
func (a *Arg) expects() string {
	unit := ""
	if a.Unit != "" {
		unit = " " + a.Unit
	}
	return fmt.Sprintf("a number from %s to %s%s", a.show(a.Min), a.show(a.Max), unit)
}

func (v *Value) readBool() (problem, hint string) {
	on, ok := lex.Bool(v.Text)
	if on {
		v.Int = 1
	}
	if v.OK = ok; !ok {
		return fmt.Sprintf("invalid value '%s'", clip(v.Text)), "one of true, on, yes, false, off, no"
	}
	return "", ""
}

func (v *Value) readChoice() (problem, hint string) {
	for i, c := range v.Arg.Choices {
		if v.Text == c || v.Arg.Fold && strings.EqualFold(v.Text, c) {
			v.Int = int64(i)
			return "", ""
		}
	}
	v.OK = false
	hint = "one of " + strings.Join(v.Arg.Choices, ", ")
	if best, ok := diag.Nearest(v.Text, v.Arg.Choices); ok {
		hint = "did you mean '" + best + "'?"
	}
	return fmt.Sprintf("%s '%s' is not known", v.Arg.Name, clip(v.Text)), hint
}

func (v *Value) readAddr() (problem, hint string) {
	text := v.Text
	if v.Arg.Named && dnsName(text) == "" {
		return "", ""
	}
	if v.Arg.Tail {
		text = HostPart(text)
	}
	addr, err := netip.ParseAddr(text)
	v.OK = err == nil && addr.Zone() == ""
	if !v.OK {
		return fmt.Sprintf("malformed address %s", clip(v.Text)), "an address such as " + v.Arg.sample()
	}
	v.Addr = addr
	switch {
	case v.Arg.Family == 4 && !addr.Is4(), v.Arg.Family == 6 && addr.Is4():
		v.OK = false
		return fmt.Sprintf("address %s is of the wrong family", v.Text), "an address such as " + v.Arg.sample()
	case v.Arg.Group && !addr.IsMulticast():
		v.OK = false
		return fmt.Sprintf("address %s is not a multicast address", v.Text), "an address such as " + v.Arg.sample()
	}
	return "", ""
}

// HostPart is text up to a prefix length or the end of a range: where keepalived wants one address it reads no further.
func HostPart(text string) string {
	if i := strings.IndexAny(text, "/-"); i >= 0 {
		return text[:i]
	}
	return text
}

func (a *Arg) sample() string {
	switch {
	case a.Family == 6 && a.Group:
		return "ff02::12"
	case a.Family == 6:
		return "fe80::1"
	case a.Group:
		return "224.0.0.18"
	}
	return "192.0.2.1"
}

func (v *Value) readPrefix() (problem, hint string) {
	text, bits, slash := strings.Cut(v.Text, "/")
	addr, err := netip.ParseAddr(text)
	v.Int, v.OK = -1, err == nil && addr.Zone() == ""
	if !v.OK {
		return fmt.Sprintf("VRRP parsed invalid IP %s. skipping IP...", clip(v.Text)), "an address such as 192.0.2.1/24"
	}
	v.Addr = addr
	if !slash {
		return "", ""
	}
	n, what := lex.Uint(bits, 10, 0, uint64(addr.BitLen()), true)
	if what != lex.NumberOK {
		return fmt.Sprintf("Invalid address prefix len %s for address %s - using %d", clip(bits), clip(v.Text), addr.BitLen()),
			fmt.Sprintf("a number from 0 to %d", addr.BitLen())
	}
	v.Int = int64(n)
	return "", ""
}

// Flag reports whether the node says yes; a keyword without its optional BOOL does.
func (n *Node) Flag() (on, ok bool) {
	if len(n.Args) == 0 {
		return true, true
	}
	return n.Args[0].Int == 1, n.Args[0].OK
}

// Has reports whether any argument is the word s.
func (n *Node) Has(s string) bool {
	return slices.ContainsFunc(n.Args, func(v Value) bool { return v.Text == s })
}

// clip keeps messages short whatever the file holds.
func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "..."
	}
	return s
}

// at is the place of word w in the line at pos.
func at(pos diag.Pos, w lex.Word) diag.Pos { return pos.At(int(w.Col)) }

// Bounds says in words what a number must be: "from 1 to 255 s".
func (a *Arg) Bounds() string {
	short := func(n int64) string {
		s := a.show(n)
		if strings.Contains(s, ".") {
			s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
		return s
	}
	return strings.TrimRight(fmt.Sprintf("from %s to %s %s", short(a.Min), short(a.Max), a.Unit), " ")
}
