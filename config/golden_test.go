package config_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast.dev/config"
)

var update = flag.Bool("update", false, "rewrite the expected parts of testdata")

// TestGolden runs the cases of testdata/*.txt. A case begins with "=== name", goes on with the file to load, and ends
// with "---" and what is expected: findings, the exit code of a test, and the values that lines "? path" ask for. "run" in the name loads as a start does.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, p := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(p), ".txt"), func(t *testing.T) { goldenFile(t, p) })
	}
}

func goldenFile(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, cases, _ := strings.Cut(string(text), "=== ")
	out := head
	for c := range strings.SplitSeq(cases, "\n=== ") {
		name, body, _ := strings.Cut(c, "\n")
		input, want, _ := strings.Cut(body+"\n", "---\n")
		got := answer(name, input)
		t.Run(name, func(t *testing.T) {
			if want = strings.TrimRight(want, "\n") + "\n"; got != want && !*update {
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", input, got, want)
			}
		})
		out += "=== " + name + "\n" + input + "---\n" + got + "\n"
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.TrimRight(out, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// answer loads one case and writes down what became of it.
func answer(name, input string) string {
	var file, asked []string
	for line := range strings.Lines(input) {
		if q, ok := strings.CutPrefix(line, "? "); ok {
			asked = append(asked, strings.Fields(q)...)
		} else {
			file = append(file, line)
		}
	}
	r := load(strings.Join(file, ""), !strings.Contains(name, "run"))
	var b strings.Builder
	for _, d := range r.Diags.Sorted() {
		fmt.Fprintf(&b, "%s %d:%d %s: %s", d.Severity, d.Pos.Line, d.Pos.Col, d.Class, d.Text)
		if d.Hint != "" {
			fmt.Fprintf(&b, " | %s", d.Hint)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "exit %d\n", r.Diags.ExitCode())
	for _, q := range asked {
		fmt.Fprintf(&b, "%s = %s\n", q, show(lookup(r.Config, q)))
	}
	return b.String()
}

// lookup finds the value that a path such as VI_1.Priority names: an instance, group or script by name, or a field.
func lookup(c *config.Config, path string) reflect.Value {
	if c == nil {
		return reflect.Value{}
	}
	first, rest, _ := strings.Cut(path, ".")
	v := reflect.ValueOf(c).Elem()
	if i, ok := c.Instance(first); ok {
		v = reflect.ValueOf(i).Elem()
	} else if s, ok := c.Script(first); ok {
		v = reflect.ValueOf(s).Elem()
	} else if g := group(c, first); g != nil {
		v = reflect.ValueOf(g).Elem()
	} else {
		rest = path
	}
	for rest != "" {
		first, rest, _ = strings.Cut(rest, ".")
		if v = v.FieldByName(first); !v.IsValid() {
			return v
		}
	}
	return v
}

func group(c *config.Config, name string) *config.SyncGroup {
	for i := range c.Groups {
		if c.Groups[i].Name == name {
			return &c.Groups[i]
		}
	}
	return nil
}

// show prints a value without positions and zero fields.
func show(v reflect.Value) string {
	switch {
	case !v.IsValid():
		return "none"
	case v.Type() == reflect.TypeFor[time.Duration]():
		return time.Duration(v.Int()).String()
	case v.Kind() == reflect.Pointer && v.IsNil():
		return "nil"
	case v.Kind() == reflect.Pointer:
		return show(v.Elem())
	case v.Kind() == reflect.Slice:
		var items []string
		for i := range v.Len() {
			items = append(items, show(v.Index(i)))
		}
		return "[" + strings.Join(items, " ") + "]"
	case v.Kind() == reflect.Struct && strings.HasSuffix(v.Type().PkgPath(), "/config"):
		var fields []string
		for i := range v.NumField() {
			if f := v.Type().Field(i); !v.Field(i).IsZero() && f.Type != reflect.TypeFor[config.Pos]() {
				fields = append(fields, f.Name+":"+show(v.Field(i)))
			}
		}
		return "{" + strings.Join(fields, " ") + "}"
	}
	return fmt.Sprint(v.Interface())
}
