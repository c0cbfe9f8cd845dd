package lex

import (
	"math"
	"strconv"
	"strings"
)

// NumberProblem says what is wrong with a number.
type NumberProblem uint8

const (
	// NumberOK is a number by the rules.
	NumberOK NumberProblem = iota
	// NumberLoose is a number with garbage behind it, whose value is used all the same: a warning, and never in a test.
	NumberLoose
	// NumberDecimals has more decimals than its unit; it is rounded half up and used.
	NumberDecimals
	// NumberInvalid is no number.
	NumberInvalid
	// NumberNegative has a sign that is not allowed.
	NumberNegative
	// NumberOverflow is too large for any integer.
	NumberOverflow
	// NumberRange is outside its range.
	NumberRange
)

// OK reports whether the value may be used.
func (p NumberProblem) OK() bool { return p <= NumberDecimals }

// Text says in keepalived's words what is wrong with s, whose range is printed as lo to hi. It is empty for NumberOK.
func (p NumberProblem) Text(s, lo, hi string) string {
	switch p {
	case NumberLoose:
		return "WARNING - invalid number '" + s + "'"
	case NumberDecimals:
		return "number '" + s + "' has too many decimal places"
	case NumberInvalid:
		return "invalid number '" + s + "'"
	case NumberNegative:
		return "negative number '" + s + "'"
	case NumberOverflow:
		return "number '" + s + "' outside integer range"
	case NumberRange:
		return "number '" + s + "' outside range [" + lo + ", " + hi + "]"
	}
	return ""
}

// Int reads a signed integer from lo to hi (preprocessor.md section 12). Base is 10, or 0 for C's prefixes 0x and 0.
// Blanks and a sign may stand before the digits. Garbage behind them is NumberInvalid in a test and NumberLoose
// otherwise. The empty string is 0, as in keepalived.
func Int(s string, base int, lo, hi int64, test bool) (int64, NumberProblem) {
	neg, digits := sign(s)
	n, rest, over := magnitude(digits, base)
	if p := garbage(s, digits, rest, test); !p.OK() {
		return 0, p
	} else if over || n > math.MaxInt64 {
		return 0, NumberOverflow
	} else {
		v := int64(n)
		if neg {
			v = -v
		}
		if v < lo || v > hi {
			return 0, NumberRange
		}
		return v, p
	}
}

// Uint reads an unsigned integer from lo to hi. The rules are those of Int; a minus sign is NumberNegative.
func Uint(s string, base int, lo, hi uint64, test bool) (uint64, NumberProblem) {
	neg, digits := sign(s)
	if neg {
		return 0, NumberNegative
	}
	n, rest, over := magnitude(digits, base)
	if p := garbage(s, digits, rest, test); !p.OK() {
		return 0, p
	} else if over {
		return 0, NumberOverflow
	} else if n < lo || n > hi {
		return 0, NumberRange
	} else {
		return n, p
	}
}

// Decimal reads a number with at most places decimals (at most 9) and returns it times 10^places; lo and hi are such
// values too (preprocessor.md section 12). Further decimals are rounded half up and reported; there is neither sign nor
// exponent; "1.", ".5" and "." are numbers.
func Decimal(s string, places int, lo, hi int64, test bool) (int64, NumberProblem) {
	digits := strings.TrimLeftFunc(s, func(r rune) bool { return r < 0x80 && isSpace(byte(r)) })
	if strings.HasPrefix(digits, "-") {
		return 0, NumberNegative
	}
	whole, rest, over := magnitude(digits, 10)
	frac := ""
	if strings.HasPrefix(rest, ".") {
		rest = rest[1:]
		n := 0
		for n < len(rest) && digit(rest[n]) < 10 {
			n++
		}
		frac, rest = rest[:n], rest[n:]
	}
	p := garbage(s, digits, rest, test)
	if !p.OK() {
		return 0, p
	}
	scale := uint64(1)
	for range places {
		scale *= 10
	}
	if over || whole > (math.MaxInt64-scale)/scale {
		return 0, NumberOverflow
	}
	v := int64(whole*scale) + fraction(frac, places)
	switch {
	case v < lo || v > hi:
		return 0, NumberRange
	case p == NumberOK && len(frac) > places:
		p = NumberDecimals
	}
	return v, p
}

// fraction is the decimals frac times 10^places, rounded half up on the first dropped digit.
func fraction(frac string, places int) int64 {
	v := int64(0)
	for i := range places {
		v *= 10
		if i < len(frac) {
			v += int64(frac[i] - '0')
		}
	}
	if len(frac) > places && frac[places] >= '5' {
		v++
	}
	return v
}

// FormatDecimal writes v, a number times 10^places that is not negative, with exactly that many decimals.
func FormatDecimal(v int64, places int) string {
	s := strconv.FormatInt(v, 10)
	if places == 0 {
		return s
	}
	if n := places + 1 - len(s); n > 0 {
		s = strings.Repeat("0", n) + s
	}
	return s[:len(s)-places] + "." + s[len(s)-places:]
}

// Bool reads a switch: true, on, yes, false, off, no, in lower case.
func Bool(s string) (value, ok bool) {
	switch s {
	case "true", "on", "yes":
		return true, true
	case "false", "off", "no":
		return false, true
	}
	return false, false
}

// sign takes the blanks and the sign before the digits.
func sign(s string) (neg bool, digits string) {
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		return s[i] == '-', s[i+1:]
	}
	return false, s[i:]
}

// magnitude takes the digits at the beginning of s; over is true for more than 64 bits.
func magnitude(s string, base int) (n uint64, rest string, over bool) {
	if base == 0 {
		base, s = prefix(s)
	}
	i := 0
	for ; i < len(s) && int(digit(s[i])) < base; i++ {
		next := n*uint64(base) + uint64(digit(s[i]))
		over = over || n > (math.MaxUint64-15)/uint64(base)
		n = next
	}
	return n, s[i:], over
}

// prefix is the base that C takes s to be written in. The 0 of an octal number stays, it is a digit.
func prefix(s string) (base int, digits string) {
	if len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && digit(s[2]) < 16 {
		return 16, s[2:]
	}
	if strings.HasPrefix(s, "0") {
		return 8, s
	}
	return 10, s
}

// garbage judges what is left of s behind the number that began at digits.
func garbage(s, digits, rest string, test bool) NumberProblem {
	switch {
	case s == "" || rest == "" && digits != "":
		return NumberOK
	case len(rest) == len(digits) || test:
		return NumberInvalid
	}
	return NumberLoose
}
