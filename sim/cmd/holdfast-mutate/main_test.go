package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast.dev/internal/mutate"
)

func command(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var b bytes.Buffer
	args = append([]string{"-root", filepath.Join("..", "..", ".."), "-results", filepath.Join(t.TempDir(), "results")}, args...)
	code = run(context.Background(), args, &b, &b)
	return code, b.String()
}

// The same seed draws the same mutants, of all targets.
func TestList(t *testing.T) {
	_, a := command(t, "-list")
	_, b := command(t, "-list")
	_, c := command(t, "-list", "-seed", "2")
	if a != b || a == c || strings.Count(a, "\n") < 3000 {
		t.Errorf("%d lines, %d, %d", strings.Count(a, "\n"), strings.Count(b, "\n"), strings.Count(c, "\n"))
	}
	for _, file := range []string{"vrrp/timers.go", "vrrp/wire/sum.go", "host/plan.go", "node/driver.go"} {
		if !strings.Contains(a, file+":") {
			t.Errorf("nothing of %s", file)
		}
	}
	for _, args := range [][]string{{"-only", "("}, {"-root", "/nowhere"}, {"odd"}, {"-odd"}} {
		if code, out := command(t, args...); code != 2 {
			t.Errorf("%v: %d, %s", args, code, out)
		}
	}
}

// What is in the file of results is not tried again, unless the text has changed; a table is made of it.
func TestResults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results")
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.go"), []byte("package a"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := mutate.Mutant{File: "a.go", Op: mutate.Delete}
	b, err := openResults(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{survivor, killed} {
		if err := b.add(result{ID: m.ID(), Text: sum([]byte("package a")), File: "a.go", Op: mutate.Delete, Verdict: v}); err != nil {
			t.Fatal(err)
		}
	}
	b.Close()
	if b, err = openResults(path); err != nil {
		t.Fatal(err)
	}
	l := &lab{root: root}
	if r, ok := b.known(l, &m); !ok || r.Verdict != killed {
		t.Errorf("%v %v", r, ok)
	}
	if err := os.WriteFile(filepath.Join(root, "a.go"), []byte("package b"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := b.known(l, &m); ok {
		t.Error("known, although the file has changed")
	}
	b.Close()
	var out bytes.Buffer
	n, err := printTable(&out, 3, []result{
		{File: "vrrp/a.go", Op: mutate.Delete, Verdict: killed}, {File: "host/a.go", Op: mutate.Delete, Verdict: survivor, Was: "x()"},
	})
	if err != nil || n != 1 || !strings.Contains(out.String(), "| delete a statement | 0 / 1 | 1 / 1 | 1 / 2 |") ||
		!strings.Contains(out.String(), "survived: host/a.go") {
		t.Errorf("%d, %v\n%s", n, err, out.String())
	}
	if err := os.WriteFile(path, []byte("junk\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openResults(path); err == nil {
		t.Error("junk is read")
	}
}

// A mutant that the tests notice, and one that does not compile.
func TestTry(t *testing.T) {
	if testing.Short() {
		t.Skip("builds")
	}
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLab(&options{root: root, worlds: 1, budget: 1e10})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	text, err := os.ReadFile(filepath.Join(root, "vrrp/wire/sum.go"))
	if err != nil {
		t.Fatal(err)
	}
	for becomes, want := range map[string]string{"\nfunc init() { panic(1) }\n": killed, "\nvar _ int = true\n": broken} {
		m := mutate.Mutant{File: "vrrp/wire/sum.go", Start: len(text), End: len(text), Becomes: becomes}
		r, err := l.try(context.Background(), &m)
		if err != nil || r.Verdict != want || want == killed && !strings.Contains(r.By, "vrrp/wire: panic: 1") {
			t.Errorf("%q: %+v, %v", becomes, r, err)
		}
	}
}
