package expand

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast.dev/config/diag"
)

// read reads files["main"] to its end and returns the number of lines, the reader and the diagnostics.
func read(files Files) (lines int, r *Reader, l *diag.List) {
	l = new(diag.List)
	r = New(files, "main", Env{NodeName: "n", Dir: "/"}, l)
	for _, ok := r.Next(); ok; _, ok = r.Next() {
		lines++
	}
	return lines, r, l
}

func memory(pairs ...string) *tree {
	t := &tree{text: make(map[string]string)}
	for i := 0; i < len(pairs); i += 2 {
		t.text[pairs[i]] = pairs[i+1]
	}
	return t
}

// TestBombs holds that every bomb ends, with the diagnostic that names it, within the limits that are documented.
func TestBombs(t *testing.T) {
	deep := strings.Builder{}
	for i := range 3 * MaxPending {
		fmt.Fprintf(&deep, "$D%d=\\\n $D%d\\\n x\n\n", i, i+1)
	}
	for _, c := range []struct {
		name, main, want string
	}{
		{"include itself", "include main\ninclude main\n", "includes are nested more than 1000 deep"},
		{"include itself as a glob", "include m*\n", "includes are nested more than 1000 deep"},
		{"many rounds", "~SEQ(I,1000000000) x\n", "~SEQ has more than 4000000 rounds"},
		{"extreme numbers", "~SEQ(I,-9223372036854775807,9223372036854775807) x\n", "~SEQ has more than 4000000 rounds"},
		{"nested rounds", "~SEQ(I,100000) ~SEQ(J,100000) $X=1\n", "the configuration has more than 4000000 lines"},
		{"rounds over an empty definition", "$E=\n~SEQ(I,3000) ~SEQ(J,3000) ${E}\n", "the configuration makes more than 256 MiB of text"},
		{"lines without end", "$A=\\\n a \\\n $B\n\n$B=\\\n b \\\n $A\n\n$A\n", "nested more than 100 deep"},
		{"lines in themselves", "$A=\\\n $A\n\n$A\n", "nested more than 100 deep"},
		{"deep definitions", deep.String() + "$D0\n", "nested more than 100 deep"},
		{"mutual", "$A=${B}\n$B=${A}\nx $A\n", "definitions refer to each other without end"},
		{"growing", "$A=a${B}${B}\n$B=b${A}${A}\nx ${A}\n", "would make the line too long"},
		{
			"many long substitutions", "$S=${S}\n~SEQ(I,3000000) " + strings.Repeat("x", 900) + "${S}\n",
			"the configuration makes more than 256 MiB of text",
		},
		{"many braces", "include " + strings.Repeat("{a,b}", 100) + "\n", "stands for too many files"},
		{"many definitions", "~SEQ(I,200000) x\n~SEQ(I,200000) @^y $X=1\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lines, r, l := read(memory("main", c.main))
			found := slices.ContainsFunc(l.All(), func(d diag.Diagnostic) bool {
				return d.Severity >= diag.Error && strings.Contains(d.Text, c.want)
			})
			if c.want != "" && !found {
				t.Errorf("%d lines, but no error %q: %v", lines, c.want, l.All())
			}
			if r.lines > MaxLines+1 || r.bytes > MaxBytes+MaxIncludes*1024 || len(l.All()) > diag.MaxKept+diag.MaxFatal {
				t.Errorf("took %d lines, %d bytes, %d diagnostics", r.lines, r.bytes, len(l.All()))
			}
			if r.Next(); r.frames != nil && !r.stopped {
				t.Error("the reader did not stop")
			}
		})
	}
}

func TestLoopNamesAreDefinitions(t *testing.T) {
	var b strings.Builder
	for i := range 1200 {
		fmt.Fprintf(&b, "~LST({")
		for j := range 100 {
			fmt.Fprintf(&b, "a%d_%d,", i, j)
		}
		b.WriteString("z},{}) x\n")
	}
	_, _, l := read(memory("main", b.String()))
	if !l.Fatal() || !strings.Contains(l.All()[0].Text, "more than 100000 definitions") {
		t.Errorf("got %v", l.All())
	}
}

func TestLongLineIsLinear(t *testing.T) {
	lines, r, l := read(memory("main", strings.Repeat("x", 10<<20)+"\nend\n"))
	if lines != 2 || r.lines > 10<<20/1023+3 {
		t.Errorf("%d lines of %d taken", lines, r.lines)
	}
	if len(l.All()) != 1 {
		t.Errorf("one line is too long, not %d", len(l.All()))
	}
}

func TestReplacedWhileRead(t *testing.T) {
	files := memory("main", "include a\ninclude a\ninclude b\n", "a", "a\n", "b", "b\n")
	files.facts = make(map[string]Facts)
	files.onRead = func(p string) {
		if p == "b" {
			files.facts["a"] = Facts{Regular: true, ID: Identity{Inode: 77}}
		}
	}
	lines, r, l := read(files)
	if lines != 3 || len(l.All()) != 1 || l.All()[0].Pos.String() != "a:1" || l.ExitCode() != 0 {
		t.Errorf("%d lines, %v", lines, l.All())
	}
	if files.reads != 3 || len(r.Opened()) != 4 {
		t.Errorf("%d reads for %d openings", files.reads, len(r.Opened()))
	}
}

func TestChangedBetweenTwoIncludesIsReadAgain(t *testing.T) {
	files := memory("main", "include a\ninclude b\ninclude a\n", "a", "old\n", "b", "b\n")
	files.onRead = func(p string) {
		if p == "b" {
			files.text["a"] = "newer\n"
		}
	}
	l := new(diag.List)
	r := New(files, "main", Env{}, l)
	var got []string
	for line, ok := r.Next(); ok; line, ok = r.Next() {
		got = append(got, line.Text)
	}
	if !slices.Equal(got, []string{"old", "b", "newer"}) {
		t.Errorf("got %q", got)
	}
}

func TestReaderReadsNoFurther(t *testing.T) {
	files := memory("main", "first\ninclude a\n", "a", "a\n")
	r := New(files, "main", Env{}, new(diag.List))
	if line, _ := r.Next(); line.Text != "first" || files.reads != 1 {
		t.Errorf("%q after %d reads", line.Text, files.reads)
	}
	r.SetIncludeCheck(CheckRead)
	r.Next()
	if r.IncludeCheck() != CheckRead {
		t.Error("an included file does not inherit the checks")
	}
}

func TestSection6Random(t *testing.T) {
	var r random
	r.seed(1)
	got := []uint32{r.next(), r.next(), r.next(), r.next(), r.next()}
	if want := []uint32{1804289383, 846930886, 1681692777, 1714636915, 1957747793}; !slices.Equal(got, want) {
		t.Errorf("got %d, want %d", got, want)
	}
	r.seed(0)
	if r.next() != 1804289383 {
		t.Error("seed 0 is not seed 1")
	}
}

func TestSection8Glob(t *testing.T) {
	files := memory("a", "", "b", "", "ab", "", "a*", "", "[x", "", "d/a", "", "d/e/f", "", ".h", "", "{}", "", "x y", "")
	for pattern, want := range map[string]string{
		"a":                "a",
		"*":                "[x a a* ab b d/ x y {}",
		"?":                "a b d/",
		"a?":               "a* ab",
		`a\*`:              "a*",
		"[ab]":             "a b",
		"[!a]":             "b d/",
		"[^a]":             "b d/",
		"[a-c]":            "a b",
		"[[:alpha:]]":      "a b d/",
		"[x":               "[x",
		".*":               ".h",
		"[.]h":             "",
		"{b,a}":            "b a",
		"{b,a*}":           "b a a* ab",
		"{a,{b,ab}}":       "a b ab",
		"a{,b}":            "a ab",
		"{}":               "{}",
		"{a":               "",
		"d":                "d/",
		"d/*":              "d/a d/e/",
		"*/*/f":            "d/e/f",
		"*/":               "d/",
		"d/../a":           "d/../a",
		"x y":              "x y",
		"nope":             "",
		"*x*y*z*":          "",
		"*" + "*********a": "a",
	} {
		entries := MaxEntries
		got := glob(files, "", pattern, &entries)
		if s := strings.Join(got.paths, " "); s != want || got.over {
			t.Errorf("%q matches %q, want %q", pattern, s, want)
		}
	}
}

func TestGlobLimits(t *testing.T) {
	files := &tree{text: make(map[string]string)}
	for i := range 200 {
		files.text[fmt.Sprintf("f%03d", i)] = ""
	}
	entries := 150
	if got := glob(files, "", "*", &entries); !got.over || len(got.paths) > 150 {
		t.Errorf("%d paths with 150 entries to look at", len(got.paths))
	}
	entries = MaxEntries
	if got := glob(files, "", "{"+strings.Repeat("*,", 100)+"*}", &entries); !got.over || len(got.paths) > MaxMatches+200 {
		t.Errorf("%d paths", len(got.paths))
	}
}

func TestListThatFails(t *testing.T) {
	_, _, l := read(&tree{text: map[string]string{"main": "includea x/*\n"}, bad: map[string]error{"x": errors.New("no")}})
	if !l.Fatal() || l.ExitCode() != diag.ExitSecurity {
		t.Errorf("got %v", l.All())
	}
}
