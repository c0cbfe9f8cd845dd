package lex

import (
	"strings"
	"testing"

	"holdfast.dev/config/diag"
)

// FuzzLex holds what must be true of any text: each line takes bytes, lines and columns stay inside the text, and no
// reading of a line makes more of it than it was.
func FuzzLex(f *testing.F) {
	f.Add("vrrp_instance \"V 1\" { # comment\n\tnotify '/bin/x \\x41' user\n}\r\n")
	f.Add("a\\#b!\x00\n" + strings.Repeat("x", 1024) + "\n\"")
	f.Add("3.1415926 +0x7fffffffffffffffffff \\777\\x\\c\\")
	f.Fuzz(func(t *testing.T, in string) {
		s := NewScanner(in)
		for n := 0; ; n++ {
			p, ok := s.Next()
			if !ok {
				break
			}
			if n > strings.Count(in, "\n")+len(in)/MaxText+1 || p.Line > strings.Count(in, "\n")+1 {
				t.Fatalf("line %d (number %d) of a text of %d bytes", n, p.Line, len(in))
			}
			oneLine(t, p.Text, len(in))
		}
		argv, _ := SplitCommand(in)
		if n := len(strings.Join(argv, "")) + len(argv); n > len(in)+1 {
			t.Fatalf("a command of %d bytes has %d in its arguments", len(in), n)
		}
		for _, base := range []int{0, 10} {
			if v, p := Int(in, base, -5, 5, false); p.OK() && (v < -5 || v > 5) {
				t.Fatalf("%d is out of range", v)
			}
		}
		if v, p := Decimal(in, 6, 10, 20, true); p.OK() && (v < 10 || v > 20) {
			t.Fatalf("%d is out of range", v)
		}
	})
}

func oneLine(t *testing.T, text Text, size int) {
	text, _ = Decomment(text)
	for rounds := 0; text.S != ""; rounds++ {
		if rounds > MaxText {
			t.Fatal("a line splits without end")
		}
		var first Text
		first, text = SplitBrace(text)
		if first.S == "" {
			continue
		}
		var l Line
		l.Set(first, diag.Pos{})
		script, _ := l.ScriptWords()
		for _, words := range [][]Word{l.Words, script} {
			total := 0
			for _, w := range words {
				total += len(w.Text)
				if w.Col < 1 || int(w.Col) > size {
					t.Fatalf("column %d in a text of %d bytes", w.Col, size)
				}
			}
			if total > len(first.S) {
				t.Fatalf("%q has words of %d bytes", first.S, total)
			}
		}
	}
}
