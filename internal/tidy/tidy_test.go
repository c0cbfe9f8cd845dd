// Package tidy holds the rules of the house, as tests.
package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "holdfast.dev/"

// Limits of length. Tables do not count: a function that only returns a literal is one.
const (
	fileLines     = 500
	functionLines = 70
)

type source struct {
	path string // from the root of the project, with slashes
	file *ast.File
	fset *token.FileSet
	text []byte
}

func (s *source) dir() string  { return filepath.ToSlash(filepath.Dir(s.path)) }
func (s *source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }
func (s *source) lines() int   { return strings.Count(string(s.text), "\n") }
func (s *source) imports() (paths []string) {
	for _, i := range s.file.Imports {
		paths = append(paths, strings.Trim(i.Path.Value, `"`))
	}
	return paths
}

var read = sync.OnceValues(readSources)

func sources(t *testing.T) []*source {
	t.Helper()
	all, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("only %d files found: looking in the wrong place?", len(all))
	}
	return all
}

func readSources() ([]*source, error) {
	root := filepath.Join("..", "..")
	var all []*source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		all = append(all, &source{filepath.ToSlash(rel), f, fset, text})
		return err
	})
	return all, err
}

// pure lists the packages that never do I/O, read a clock or start a goroutine, with what each may import of the project.
var pure = map[string][]string{
	"clock":             {},
	"vrrp/wire":         {},
	"link/frame":        {},
	"host":              {},
	"host/specs":        {"config", "host"},
	"track":             {"clock"},
	"vrrp":              {"clock", "host", "notify", "track", "transport", "vrrp/wire"},
	"transport":         {"clock"},
	"transport/wire":    {"transport"},
	"transport/local":   {"transport"},
	"transport/specs":   {"config", "transport"},
	"transport/pairing": {"clock", "transport", "transport/local", "transport/wire"},
	"status":            {"clock", "vrrp", "host", "vrrp/wire", "track", "transport", "transport/local"},
	"status/dump":       {"config", "status", "track", "vrrp", "vrrp/wire"},
	"status/view":       {"clock", "config", "status", "status/dump", "track", "vrrp", "vrrp/wire"},
	"config/diag":       {},
	"config/lex":        {"config/diag"},
	"config/expand":     {"config/diag", "config/lex"},
	"config/schema":     {"config/diag", "config/lex", "config/expand"},
	"config":            {"config/diag", "config/lex", "config/expand", "config/schema", "transport"},
	"host/hosttest":     {"host", "clock"},
}

// forbidden in pure packages: what does I/O or synchronises. sync/atomic is allowed for memory that processes share.
var forbidden = regexp.MustCompile(`^(os|net|log|sync|context|syscall|io/ioutil|math/rand|math/rand/v2|runtime)(/|$)`)

var allowed = []string{"net/netip", "net/url", "sync/atomic"}

// TestPurePackages: the engines can be tested in virtual time and simulated because they only know what they are told.
func TestPurePackages(t *testing.T) {
	for _, s := range sources(t) {
		may, ok := pure[s.dir()]
		if !ok || s.isTest() {
			continue
		}
		for _, p := range s.imports() {
			switch own, isOwn := strings.CutPrefix(p, module); {
			case isOwn && !slices.Contains(may, own):
				t.Errorf("%s imports %s: %s may import only %v of the project", s.path, p, s.dir(), may)
			case !isOwn && strings.Contains(p, "."):
				t.Errorf("%s imports %s: a pure package needs no module", s.path, p)
			case forbidden.MatchString(p) && !slices.Contains(allowed, p):
				t.Errorf("%s imports %s: a pure package does no I/O", s.path, p)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a pure package starts no goroutine", s.fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && x.Obj == nil && readsClock[n.Sel.Name] {
					t.Errorf("%s: time.%s: a pure package is told the time", s.fset.Position(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	}
}

var readsClock = map[string]bool{
	"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true, "NewTimer": true,
	"NewTicker": true, "Tick": true,
}

// layers lists what packages with I/O may import of the project besides themselves and what is below them. Only node, sim and cmd
// know all.
var layers = map[string][]string{
	"link":              {"clock", "link/frame", "vrrp/wire"},
	"link/poll":         {"clock"},
	"host/kernel":       {"host", "clock"},
	"transport/carrier": {"clock", "link/poll", "supervisor/role", "transport", "transport/local", "transport/pairing", "transport/proof", "transport/wire"},
	"track/watch":       {"track", "clock"},
	"track/watch/probe": {"track", "clock"},
	"notify":            {"clock"},
	"config/files":      {"config/expand", "config/diag", "config/lex"},
	"api":               {"status/view"},
	"host/iptables":     {"host"},
	"supervisor/role":   {"clock", "config", "host", "notify", "track", "transport"},
}

// TestImportsGoOneWay: whoever has read a package's folder knows all that it depends on.
func TestImportsGoOneWay(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		dir := s.dir()
		may, held := layers[dir]
		for _, p := range s.imports() {
			own, isOwn := strings.CutPrefix(p, module)
			if !isOwn {
				continue
			}
			if held && !strings.HasPrefix(own, "internal/") && !slices.Contains(may, own) {
				t.Errorf("%s imports %s: %s may import only %v", s.path, own, dir, may)
			}
			for _, top := range []string{"node", "sim", "demo", "interop", "cmd"} {
				if (own == top || strings.HasPrefix(own, top+"/")) && !knowsAll(dir) {
					t.Errorf("%s imports %s: only node, sim, demo and cmd know all", s.path, own)
				}
			}
		}
	}
}

func knowsAll(dir string) bool {
	for _, top := range []string{"node", "sim", "demo", "interop", "cmd", "bench"} {
		if dir == top || strings.HasPrefix(dir, top+"/") {
			return true
		}
	}
	return false
}

// TestLengths: a file can be read at a sitting, a function at a glance.
func TestLengths(t *testing.T) {
	for _, s := range sources(t) {
		if n := s.lines(); n > fileLines && !s.isTest() {
			t.Errorf("%s has %d lines, the limit is %d", s.path, n, fileLines)
		}
		if s.isTest() {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1
			if n > functionLines && !isTable(f) && !slices.Contains(long, s.path+":"+f.Name.Name) {
				t.Errorf("%s: %s has %d lines, the limit is %d", s.fset.Position(f.Pos()), f.Name.Name, n, functionLines)
			}
		}
	}
}

// long functions that cannot be cut, with the reason.
var long = []string{
	"notify/script/fork.go:fork", // between fork and exec a child may call nothing
}

func isTable(f *ast.FuncDecl) bool {
	if len(f.Body.List) != 1 {
		return false
	}
	_, ok := f.Body.List[0].(*ast.ReturnStmt)
	return ok
}

// TestExportedNamesAreExplained: a reader should not have to guess units and ranges.
func TestExportedNamesAreExplained(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() || s.file.Name.Name == "main" {
			continue
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
					t.Errorf("%s: %s has no comment", s.fset.Position(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					ts, ok := spec.(*ast.TypeSpec)
					if ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil && ts.Comment == nil {
						t.Errorf("%s: %s has no comment", s.fset.Position(ts.Pos()), ts.Name.Name)
					}
				}
			}
		}
	}
}

// exportedReceiver reports whether d is no method, or one of an exported type that does more than satisfy fmt.Stringer or error.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	if name := d.Name.Name; name == "String" || name == "Error" || name == "Unwrap" || name == "Is" {
		return false
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if index, ok := typ.(*ast.IndexExpr); ok {
		typ = index.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}
