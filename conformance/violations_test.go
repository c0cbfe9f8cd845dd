package conformance

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"holdfast.dev/internal/mutate"
)

var commit = flag.Bool("violations", false, "commit each violation in a copy of the code and run the tests that have to notice")

// violation is a way to break a requirement: a change of one file of the project, and the tests that fail then. A requirement names it as "~name".
type violation struct {
	name, what string
	file       string
	old, new   string
	fails      []string
	used       bool
}

// violations reads violations.txt: blocks that begin with "== name: what is wrong then", and go on with lines
//
//	in FILE          - OLD TEXT          + NEW TEXT          fails folder:Test
func violations(t *testing.T) map[string]*violation {
	t.Helper()
	text, err := os.ReadFile("violations.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*violation{}
	var v *violation
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || word == "#":
		case word == "==":
			v = &violation{}
			v.name, v.what, _ = strings.Cut(rest, ": ")
			if all[v.name] != nil || v.what == "" {
				t.Errorf("violations.txt: %q is there twice, or says nothing", v.name)
			}
			all[v.name] = v
		case v == nil:
			t.Fatalf("violations.txt: what is this: %s", line)
		case word == "in":
			v.file = rest
		case word == "-":
			v.old = join(v.old, rest)
		case word == "+":
			v.new = join(v.new, rest)
		case word == "fails":
			v.fails = append(v.fails, rest)
		default:
			t.Fatalf("violations.txt: what is this: %s", line)
		}
	}
	return all
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "\n" + b
}

// TestViolations: each names a text that is in the file it wants to change, and tests that exist. With -violations it is put in, and each of the
// named tests has to fail.
func TestViolations(t *testing.T) {
	for _, v := range violations(t) {
		t.Run(v.name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(root, v.file))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), v.old); v.old == "" || n == 0 {
				t.Fatalf("%s has no %q any more: write down in violations.txt how to break it now", v.file, v.old)
			}
			if len(v.fails) == 0 {
				t.Error("nothing has to fail")
			}
			for _, test := range v.fails {
				if err := exists(test); err != nil {
					t.Error(err)
				}
			}
			if *commit && !t.Failed() {
				v.commit(t, string(text))
			}
		})
	}
}

// commit runs the tests on the changed code, which an overlay puts over the real one.
func (v *violation) commit(t *testing.T, text string) {
	path, err := filepath.Abs(filepath.Join(root, v.file))
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := mutate.Overlay(t.TempDir(), path, []byte(strings.ReplaceAll(text, v.old, v.new)))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range v.fails {
		m := testName.FindStringSubmatch(test)
		pattern := "^" + strings.ReplaceAll(m[2]+m[3], "/", "$/^") + "$"
		cmd := exec.Command("go", "test", "-vet=off", "-overlay", overlay, "-run", pattern, "./"+m[1])
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		switch s := string(out); {
		case err == nil:
			t.Errorf("%s does not notice that %s", test, v.what)
		case !strings.Contains(s, "--- FAIL: "+m[2]) && !strings.Contains(s, "panic:"):
			t.Errorf("%s could not even be run:\n%.2000s", test, s)
		}
	}
}
