package lint_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"holdfast.dev/config/internal/conftest"
	"holdfast.dev/config/lint"
)

var update = flag.Bool("update", false, "rewrite what is expected")

// findings lints two files of a folder and writes down what was found.
func findings(t *testing.T, a, b string) string {
	t.Helper()
	found := lint.Lint(lint.Node{Name: "a", Config: conftest.Load(t, a)}, lint.Node{Name: "b", Config: conftest.Load(t, b)})
	var out strings.Builder
	for _, f := range found {
		fmt.Fprintf(&out, "%s a:%d b:%d %s\n", f.Severity, f.A.Line, f.B.Line, f.Text)
		if f.Hint != "" {
			fmt.Fprintf(&out, "    %s\n", f.Hint)
		}
	}
	return out.String()
}

func TestLint(t *testing.T) {
	dirs, _ := filepath.Glob("testdata/*")
	if len(dirs) < 15 {
		t.Fatal("cases are missing")
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			a, b := filepath.Join(dir, "a.conf"), filepath.Join(dir, "b.conf")
			there := findings(t, a, b)
			conftest.Golden(t, filepath.Join(dir, "want.txt"), there, *update)
			back := findings(t, b, a)
			if strings.Count(there, "\nerror")+strings.Count(there, "error a") != strings.Count(back, "\nerror")+strings.Count(back, "error a") {
				t.Errorf("the other way round it says\n%s", back)
			}
			for _, self := range []string{a, b} {
				if own := findings(t, self, self); strings.Contains(own, "write the same") {
					t.Errorf("a file differs from itself:\n%s", own)
				}
			}
		})
	}
}
