package conformance

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// root of the project, seen from this folder.
const root = ".."

// names is what the tests of one folder are called.
type names struct {
	dir   string
	funcs map[string]bool
	words map[string]bool // every string literal, as go test writes it in the name of a subtest
}

var folders = map[string]*names{}

// namesOf reads the tests of a folder.
func namesOf(dir string) (*names, error) {
	if n := folders[dir]; n != nil {
		return n, nil
	}
	n := &names{dir: filepath.Join(root, dir), funcs: map[string]bool{}, words: map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(n.dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no tests in %s", dir)
	}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return nil, err
		}
		n.read(f)
	}
	folders[dir] = n
	return n, nil
}

func (n *names) read(f *ast.File) {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
			n.funcs[fn.Name.Name] = true
		}
	}
	ast.Inspect(f, func(node ast.Node) bool {
		if lit, ok := node.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				n.words[rewrite(s)] = true
			}
		}
		return true
	})
}

// rewrite is what go test makes of the name of a subtest.
func rewrite(s string) string { return strings.ReplaceAll(s, " ", "_") }

var testName = regexp.MustCompile(`^([a-z0-9/]+):((?:Test|Fuzz)[A-Za-z0-9_]+)((?:/[^/ ]+)*)$`)

// exists reports whether there is a test, or subtest, of that name: folder:Test/sub. A subtest is a literal of the folder's tests, a file in
// testdata, or a case "=== name" of the file before it.
func exists(test string) error {
	m := testName.FindStringSubmatch(test)
	if m == nil {
		return fmt.Errorf("%q is not folder:Test/sub", test)
	}
	n, err := namesOf(m[1])
	switch {
	case err != nil:
		return err
	case !n.funcs[m[2]]:
		return fmt.Errorf("there is no %s in %s", m[2], m[1])
	}
	file := ""
	for sub := range strings.SplitSeq(strings.TrimPrefix(m[3], "/"), "/") {
		switch {
		case sub == "":
		case n.words[sub]:
		case file == "" && n.testdata(sub) != "":
			file = n.testdata(sub)
		case file != "" && hasCase(file, sub):
		default:
			return fmt.Errorf("%s: no test, file or case is called %q", test, sub)
		}
	}
	return nil
}

// testdata is the file of a subtest.
func (n *names) testdata(sub string) string {
	for _, pattern := range []string{"testdata/" + sub + ".txt", "testdata/*/" + sub + ".txt", "testdata/*/" + sub + ".txtar"} {
		if found, _ := filepath.Glob(filepath.Join(n.dir, pattern)); len(found) == 1 {
			return found[0]
		}
	}
	return ""
}

func hasCase(file, name string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if head, ok := strings.CutPrefix(strings.TrimSpace(line), "=== "); ok && rewrite(head) == name {
			return true
		}
	}
	return false
}

// The names that must be found, and those that must not.
func TestNames(t *testing.T) {
	for test, want := range map[string]bool{
		"conformance:TestNames":                         true,
		"conformance:TestName":                          false,
		"conformance:rewrite":                           false,
		"nowhere:TestNames":                             false,
		"vrrp:TestScenarios/takeover_v3":                true,
		"vrrp:TestScenarios/takeover_v4":                false,
		"vrrp/wire:FuzzDecode":                          true,
		"config:TestGolden/completion/A1_no_VRID":       true,
		"config:TestGolden/completion/A1_no_such_thing": false,
		"interop:TestMismatch/version":                  true,
		"TestNames":                                     false,
	} {
		if err := exists(test); (err == nil) != want {
			t.Errorf("%s: %v", test, err)
		}
	}
}
