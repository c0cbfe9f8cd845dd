package expand

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata want")

// TestGolden runs the cases in testdata. A case is an archive: settings and the reason in the comment, then files, then
// "want": the lines as FILE:LINE COLUMN:WORD ..., and the diagnostics.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) { golden(t, name) })
	}
}

func golden(t *testing.T, name string) {
	a, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	files := &tree{text: make(map[string]string), facts: make(map[string]Facts), bad: make(map[string]error)}
	want := -1
	for i, f := range a.Files {
		if f.Name == "want" {
			want = i
			continue
		}
		s := strings.NewReplacer("<NUL>", "\x00", "<CR>", "\r", "<1000>", strings.Repeat("x", 1000)).Replace(string(f.Data))
		files.text[f.Name] = s
	}
	env := Env{NodeName: "vm.example.org", Dir: "/etc/keepalived", Seed: 1, Lookup: func(n string) (string, bool) {
		return "value of " + n, n == "SITE"
	}}
	main := settings(t, string(a.Comment), files, &env)
	got := stream(New(files, main, env, new(diag.List)))
	if want < 0 {
		a.Files = append(a.Files, txtar.File{Name: "want"})
		want = len(a.Files) - 1
	}
	if *update {
		a.Files[want].Data = []byte(got)
		if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(a.Files[want].Data) != got {
		t.Errorf("got\n%s\nwant\n%s", got, a.Files[want].Data)
	}
}

// settings reads lines KEY: VALUE of a case's comment.
func settings(t *testing.T, comment string, files *tree, env *Env) (main string) {
	main = "main"
	for line := range strings.Lines(comment) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		switch key {
		case "main":
			main = value
		case "id":
			env.ConfigID = value
		case "checks":
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			env.Checks = Checks(n)
		case "exec":
			files.facts[value] = Facts{Regular: true, Exec: true}
		case "fifo":
			files.facts[value] = Facts{}
		case "unreadable":
			files.bad[value] = errors.New("permission denied")
		default:
			t.Fatalf("unknown setting %q", key)
		}
	}
	return main
}

// stream shows what a reader gives. The keywords include_check and random_seed act as they do in the schema.
func stream(r *Reader) string {
	var b strings.Builder
	for line, ok := r.Next(); ok; line, ok = r.Next() {
		switch {
		case line.Keyword() == "include_check":
			r.SetIncludeCheck(CheckAll)
		case line.Keyword() == "random_seed" && len(line.Words) > 1:
			n, _ := lex.Uint(line.Words[1].Text, 10, 0, 1<<32-1, true)
			r.SetSeed(uint32(n))
		}
		showLine(&b, line)
	}
	for _, d := range r.diags.All() {
		b.WriteString(d.Severity.String() + " " + d.Class.String() + ": " + d.Render())
	}
	fmt.Fprintf(&b, "exit %d\n", r.diags.ExitCode())
	return b.String()
}

func showLine(b *strings.Builder, l *lex.Line) {
	fmt.Fprintf(b, "%s:%d", l.Pos.Name(), l.Pos.Line)
	var last *diag.Def
	for i, w := range l.Words {
		show := w.Text
		if w.Quoted {
			show = strconv.Quote(show)
		}
		fmt.Fprintf(b, " %d:%s", w.Col, show)
		if d := l.WordPos(i).Def; d != last {
			for last = d; d != nil; d = d.Next {
				fmt.Fprintf(b, " <%s %v>", d.Name, d.Pos)
			}
		}
	}
	if l.Unmatched {
		b.WriteString(" (unmatched quote)")
	}
	b.WriteByte('\n')
}
