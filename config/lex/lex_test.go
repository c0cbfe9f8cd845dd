package lex

import (
	"math"
	"slices"
	"strings"
	"testing"

	"holdfast.dev/config/diag"
)

// show writes words as TEXT@COLUMN, quoted ones in double quotes.
func show(words []Word) string {
	var out []string
	for _, w := range words {
		s := w.Text
		if w.Quoted {
			s = `"` + s + `"`
		}
		out = append(out, s+"@"+string(rune('0'+w.Col)))
	}
	return strings.Join(out, " ")
}

func TestSection9Words(t *testing.T) {
	for _, c := range []struct {
		in, want string
		matched  bool
	}{
		{"", "", true},
		{"a b", "a@1 b@3", true},
		{" a\t\tb ", "a@2 b@5", true},
		{`"a b" c`, `"a b"@1 c@7`, true},
		{`"q"r`, `"q"@1 r@4`, true},
		{`r"q"`, `r@1 "q"@2`, true},
		{`""`, `""@1`, true},
		{`a "b`, "a@1", false},
		{`a"b`, "a@1", false},
		{`'a b'`, "'a@1 b'@4", true},
		{`a\"b"`, `a\@1 "b"@3`, true},
	} {
		got, matched := AppendWords(nil, NewText(c.in, 1))
		if show(got) != c.want || matched != c.matched {
			t.Errorf("%q gives %s, %v; want %s, %v", c.in, show(got), matched, c.want, c.matched)
		}
	}
}

func TestSection9ScriptWords(t *testing.T) {
	for _, c := range []struct {
		in, want string
		missing  byte
	}{
		{`notify /bin/x`, "notify@1 /bin/x@8", 0},
		{`s "/bin/x a" u g`, `s@1 "/bin/x a"@3 u@> g@@`, 0},
		{`s '/bin/x "a b"'`, `s@1 "/bin/x "a b""@3`, 0},
		{`s /a'b c'"d"e`, `s@1 "/ab cde"@3`, 0},
		{`s a\ b\x41`, `s@1 a\@3 b\x41@6`, 0},
		{`s "a\"b"`, `s@1`, '"'},
		{`s 'a`, `s@1`, '\''},
		{`s "a'b"`, `s@1 "a'b"@3`, 0},
		{`s ""`, `s@1 ""@3`, 0},
		{"s a\rb", "s@1 a@3 b@5", 0},
	} {
		var line Line
		line.Set(NewText(c.in, 1), diag.Pos{})
		got, missing := line.ScriptWords()
		if show(got) != c.want || missing != c.missing {
			t.Errorf("%q gives %s, %q; want %s, %q", c.in, show(got), missing, c.want, c.missing)
		}
	}
}

func TestSection9SplitCommand(t *testing.T) {
	for _, c := range []struct {
		in      string
		want    []string
		missing byte
	}{
		{"", nil, 0},
		{"/bin/x  a\tb", []string{"/bin/x", "a", "b"}, 0},
		{`/x 'a  b' "c d"e`, []string{"/x", "a  b", "c de"}, 0},
		{`\a\b\E\f\n\r\t\v`, []string{"\a\b\x1b\f\n\r\t\v"}, 0},
		{`\x41\x4\x4142 \xg`, []string{"A\x04A42", "xg"}, 0},
		{`\cA\c? \c`, []string{"\x01\x1f", "c"}, 0},
		{`\101\7\1011\777`, []string{"A\aA1\xff"}, 0},
		{`\q\\\"\' \8`, []string{`q\"'`, "8"}, 0},
		{`a\ b "\"q\"" '\''`, []string{"a b", `"q"`, "'"}, 0},
		{`"" ''`, []string{"", ""}, 0},
		{`end\`, []string{"end"}, 0},
		{`a "b`, []string{"a"}, '"'},
		{`a 'b"`, []string{"a"}, '\''},
	} {
		got, missing := SplitCommand(c.in)
		if !slices.Equal(got, c.want) || missing != c.missing {
			t.Errorf("%q gives %q, %q; want %q, %q", c.in, got, missing, c.want, c.missing)
		}
	}
}

func TestSection9Braces(t *testing.T) {
	for in, want := range map[string][2]string{
		"a":       {"a", ""},
		"a { b }": {"a", "{ b }"},
		"{ b }":   {"{", "b }"},
		"{":       {"{", ""},
		"}x":      {"}", "x"},
		`"{" {`:   {`"{"`, "{"},
		`'{'`:     {"'", "{'"},
		`a\{b`:    {`a\`, "{b"},
	} {
		first, rest := SplitBrace(NewText(in, 1))
		if first.S != want[0] || rest.S != want[1] {
			t.Errorf("%q splits into %q and %q, want %q", in, first.S, rest.S, want)
		}
	}
}

func TestSection3Decomment(t *testing.T) {
	for _, c := range []struct {
		in, want string
		closed   bool
	}{
		{" a ", "a", true},
		{"a#b", "a", true},
		{"a !b", "a", true},
		{"#", "", true},
		{`a\#b\!c\d`, `a#b!c\d`, true},
		{`"a#b" #`, `"a#b"`, true},
		{`"a\#b"`, `"a\#b"`, true},
		{`a\"b#c`, `a\"b`, true},
		{`"a\"#b" c#d`, `"a\"#b" c`, true},
		{`a "b`, `a "b`, false},
		{`a "b # c`, `a "b # c`, false},
		{`z\\#a`, `z\\`, true},
		{`z\`, `z\`, true},
	} {
		got, closed := Decomment(NewText(c.in, 1))
		if got.S != c.want || closed != c.closed {
			t.Errorf("%q gives %q, %v; want %q, %v", c.in, got.S, closed, c.want, c.closed)
		}
	}
}

func TestColumnsSurviveEdits(t *testing.T) {
	d := &diag.Def{Name: "$X"}
	text, _ := Decomment(NewText(`  a\#b $X c\!d`, 1))
	i := strings.IndexByte(text.S, '$')
	text = text.Replace(i, i+2, "one two", d)
	var l Line
	l.Set(text, diag.Pos{})
	if got := show(l.Words); got != "a#b@3 one@8 two@8 c!d@;" {
		t.Errorf("columns are %s", got)
	}
	if l.WordPos(0).Def != nil || l.WordPos(1).Def != d || l.WordPos(2).Def != d || l.WordPos(3).Def != nil {
		t.Error("the definition of a word is wrong")
	}
	if l.WordPos(9) != l.Pos {
		t.Error("a word that is not there has a place of its own")
	}
}

func TestSection2Physical(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name, in string
		want     []Physical
	}{
		{"no end", "a", []Physical{{Text: Text{S: "a"}, Line: 1}}},
		{"empty lines", "\n\n", []Physical{{Line: 1}, {Line: 2}}},
		{"line ends", " a\t\r\n\tb\r\r\n", []Physical{{Text: Text{S: "a"}, Line: 1}, {Text: Text{S: "b"}, Line: 2}}},
		{"longest", x(1022) + "\na", []Physical{{Text: Text{S: x(1022)}, Line: 1}, {Text: Text{S: "a"}, Line: 2}}},
		{"longest at the end", x(1023), []Physical{{Text: Text{S: x(1023)}, Line: 1}}},
		{"too long", x(1023) + "\na", []Physical{
			{Line: 1, Problem: LineTooLong}, {Line: 1}, {Text: Text{S: "a"}, Line: 2},
		}},
		{"much too long", x(2046) + "yy\na", []Physical{
			{Line: 1, Problem: LineTooLong},
			{Line: 1, Problem: LineTooLong},
			{Text: Text{S: "yy"}, Line: 1},
			{Text: Text{S: "a"}, Line: 2},
		}},
		{"NUL", "a\x00b\nc", []Physical{{Line: 1, Problem: LineNUL}, {Text: Text{S: "c"}, Line: 2}}},
	} {
		s := NewScanner(c.in)
		var got []Physical
		for p, ok := s.Next(); ok; p, ok = s.Next() {
			p.Text = Text{S: p.Text.S}
			got = append(got, p)
		}
		same := func(a, b Physical) bool {
			return a.Text.S == b.Text.S && a.Line == b.Line && a.Problem == b.Problem
		}
		if !slices.EqualFunc(got, c.want, same) {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
}

func TestSection12Integers(t *testing.T) {
	for _, c := range []struct {
		in        string
		want      int64
		test, run NumberProblem
	}{
		{"7", 7, NumberOK, NumberOK},
		{"+7", 7, NumberOK, NumberOK},
		{" 7", 7, NumberOK, NumberOK},
		{"-7", -7, NumberOK, NumberOK},
		{"", 0, NumberOK, NumberOK},
		{"007", 7, NumberOK, NumberOK},
		{"7x", 7, NumberInvalid, NumberLoose},
		{"7 ", 7, NumberInvalid, NumberLoose},
		{"0x7", 0, NumberInvalid, NumberLoose},
		{"x", 0, NumberInvalid, NumberInvalid},
		{"+", 0, NumberInvalid, NumberInvalid},
		{" ", 0, NumberInvalid, NumberInvalid},
		{"300", 0, NumberRange, NumberRange},
		{"300x", 0, NumberInvalid, NumberRange},
		{"-11", 0, NumberRange, NumberRange},
		{"99999999999999999999", 0, NumberOverflow, NumberOverflow},
	} {
		for test, want := range map[bool]NumberProblem{true: c.test, false: c.run} {
			got, p := Int(c.in, 10, -10, 255, test)
			if p != want || p.OK() && got != c.want {
				t.Errorf("Int(%q, test %v) is %d, %d; want %d, %d", c.in, test, got, p, c.want, want)
			}
			u, p := Uint(c.in, 10, 0, 255, test)
			if strings.Contains(c.in, "-") {
				want = NumberNegative
			}
			if p != want || p.OK() && int64(u) != c.want {
				t.Errorf("Uint(%q, test %v) is %d, %d; want %d, %d", c.in, test, u, p, c.want, want)
			}
		}
	}
	if v, p := Uint("18446744073709551615", 10, 0, math.MaxUint64, true); v != math.MaxUint64 && p != NumberOverflow {
		t.Errorf("the largest number is %d, %d", v, p)
	}
}

func TestSection12BaseZero(t *testing.T) {
	for in, want := range map[string]int64{"0x1F": 31, "017": 15, "17": 17, "0": 0, "-0x10": -16} {
		if got, p := Int(in, 0, -100, 100, true); got != want || p != NumberOK {
			t.Errorf("%q is %d, %d", in, got, p)
		}
	}
	for _, in := range []string{"0x", "08", "0xg"} {
		if _, p := Int(in, 0, -100, 100, true); p != NumberInvalid {
			t.Errorf("%q gives %d", in, p)
		}
	}
}

func TestSection12Decimals(t *testing.T) {
	for _, c := range []struct {
		in        string
		want      int64
		test, run NumberProblem
	}{
		{"1", 1000, NumberOK, NumberOK},
		{"1.5", 1500, NumberOK, NumberOK},
		{".5", 500, NumberOK, NumberOK},
		{"1.", 1000, NumberOK, NumberOK},
		{".", 0, NumberOK, NumberOK},
		{" 1", 1000, NumberOK, NumberOK},
		{"1.234", 1234, NumberOK, NumberOK},
		{"1.2344", 1234, NumberDecimals, NumberDecimals},
		{"1.2345", 1235, NumberDecimals, NumberDecimals},
		{"1.9995", 2000, NumberDecimals, NumberDecimals},
		{"+1", 0, NumberInvalid, NumberInvalid},
		{"-1", 0, NumberNegative, NumberNegative},
		{"1e0", 1000, NumberInvalid, NumberLoose},
		{"1.5x", 1500, NumberInvalid, NumberLoose},
		{"1 ", 1000, NumberInvalid, NumberLoose},
		{"x", 0, NumberInvalid, NumberInvalid},
		{"10.001", 0, NumberRange, NumberRange},
		{"99999999999999999999", 0, NumberOverflow, NumberOverflow},
		{"9999999999999999", 0, NumberOverflow, NumberOverflow},
	} {
		for test, want := range map[bool]NumberProblem{true: c.test, false: c.run} {
			got, p := Decimal(c.in, 3, 0, 10_000, test)
			if p != want || p.OK() && got != c.want {
				t.Errorf("Decimal(%q, test %v) is %d, %d; want %d, %d", c.in, test, got, p, c.want, want)
			}
		}
	}
	for v, want := range map[int64]string{0: "0.000000", 10_000: "0.010000", 255_000_000: "255.000000"} {
		if got := FormatDecimal(v, 6); got != want {
			t.Errorf("%d is written %s", v, got)
		}
	}
	if got := NumberRange.Text("300", "0.010000", "255.000000"); got != "number '300' outside range [0.010000, 255.000000]" {
		t.Error(got)
	}
}

func TestSection12Booleans(t *testing.T) {
	for in, want := range map[string][2]bool{
		"true": {true, true}, "on": {true, true}, "yes": {true, true}, "false": {false, true}, "off": {false, true},
		"no": {false, true}, "True": {}, "1": {}, "": {},
	} {
		if v, ok := Bool(in); v != want[0] || ok != want[1] {
			t.Errorf("%q is %v, %v", in, v, ok)
		}
	}
}
