// Package mutate makes faults out of Go source: small changes, one at a time, that a good set of tests has to notice. The faults are
// generated from the syntax tree, not chosen, so that nobody can leave out what his tests do not see.
package mutate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// Op is the kind of a change.
type Op string

// The kinds. Texts are never changed, for they decide nothing.
const (
	Negate   Op = "negate a condition"
	PlusOne  Op = "plus or minus one"
	Delete   Op = "delete a statement"
	Swap     Op = "swap operands"
	Constant Op = "change a constant"
)

// Mutant is one change of one file: the octets from Start up to End are replaced.
type Mutant struct {
	File       string // as it was given to Of
	Line       int    // 1 is the first
	Func       string // the function it is in; empty outside of functions
	Op         Op
	Start, End int
	Becomes    string
	Was        string // what is replaced
}

// ID names a mutant of a text: it stays the same for as long as the change is the same in the same function.
func (m *Mutant) ID() string {
	h := fnv.New32a()
	fmt.Fprintf(h, "%s %s %d %d %s %s", m.File, m.Func, m.Start, m.End, m.Was, m.Becomes)
	return fmt.Sprintf("%08x", h.Sum32())
}

// Apply returns src with the change in it.
func (m *Mutant) Apply(src []byte) []byte {
	out := make([]byte, 0, len(src)+len(m.Becomes))
	out = append(out, src[:m.Start]...)
	out = append(out, m.Becomes...)
	return append(out, src[m.End:]...)
}

// String is the change in one line.
func (m *Mutant) String() string {
	return fmt.Sprintf("%s:%d (%s) %s: %s -> %s", m.File, m.Line, m.Func, m.Op, brief(m.Was), brief(m.Becomes))
}

const briefLen = 70

// brief is a text on one line.
func brief(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > briefLen {
		s = s[:briefLen-3] + "..."
	}
	if s == "" {
		s = "nothing"
	}
	return s
}

// Of lists all mutants of a file in the order of the text. Some of them do not compile, for types are not looked at.
func Of(file string, src []byte) ([]Mutant, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := finder{file: file, src: src, fset: fset}
	for _, d := range tree.Decls {
		f.name = ""
		if fn, ok := d.(*ast.FuncDecl); ok {
			f.name = fn.Name.Name
		}
		if gen, ok := d.(*ast.GenDecl); ok && gen.Tok == token.IMPORT {
			continue
		}
		ast.Inspect(d, f.visit)
	}
	return f.found, nil
}

// Draw puts mutants into an order that the seed gives.
func Draw(all []Mutant, seed uint64) []Mutant {
	out := make([]Mutant, len(all))
	for i, j := range rand.New(rand.NewPCG(seed, 0x6d7574)).Perm(len(all)) {
		out[i] = all[j]
	}
	return out
}
