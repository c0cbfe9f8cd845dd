package mutate

import (
	"go/ast"
	"go/token"
	"strconv"
)

// finder collects the mutants of a file.
type finder struct {
	file  string
	name  string // of the function
	src   []byte
	fset  *token.FileSet
	found []Mutant
}

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

func (f *finder) text(n ast.Node) string {
	return string(f.src[f.offset(n.Pos()):f.offset(n.End())])
}

func (f *finder) add(op Op, from, to token.Pos, becomes string) {
	m := Mutant{
		File: f.file, Line: f.fset.Position(from).Line, Func: f.name, Op: op,
		Start: f.offset(from), End: f.offset(to), Becomes: becomes,
	}
	m.Was = string(f.src[m.Start:m.End])
	f.found = append(f.found, m)
}

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.Field: // of a struct or a signature: no code
		return false
	case *ast.IfStmt:
		f.condition(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			f.condition(n.Cond)
		}
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.SliceExpr:
		f.bounds(n)
	case *ast.CallExpr:
		f.arguments(n)
	case *ast.BasicLit:
		f.literal(n)
	case *ast.Ident:
		f.truth(n)
	case *ast.BlockStmt:
		f.statements(n.List)
	case *ast.CaseClause:
		f.statements(n.Body)
		if len(n.List) == 1 {
			f.caseCondition(n.List[0])
		}
	}
	return true
}

// negations are the opposites of comparisons; boundaries move them by one.
var (
	negations = map[token.Token]token.Token{
		token.EQL: token.NEQ, token.NEQ: token.EQL, token.LSS: token.GEQ, token.GEQ: token.LSS, token.GTR: token.LEQ, token.LEQ: token.GTR,
	}
	boundaries = map[token.Token]token.Token{
		token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	}
	ordered = map[token.Token]bool{
		token.SUB: true, token.QUO: true, token.REM: true, token.SHL: true, token.SHR: true, token.AND_NOT: true,
	}
)

// condition negates what is no comparison and no combination: those are negated where their operators are.
func (f *finder) condition(cond ast.Expr) {
	if b, ok := ast.Unparen(cond).(*ast.BinaryExpr); ok && (negations[b.Op] != 0 || b.Op == token.LAND || b.Op == token.LOR) {
		return
	}
	f.add(Negate, cond.Pos(), cond.End(), "!("+f.text(cond)+")")
}

// caseCondition negates a case that is a call or a negation, of a switch over conditions. What is no condition then does not compile.
func (f *finder) caseCondition(cond ast.Expr) {
	switch n := ast.Unparen(cond).(type) {
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			f.condition(cond)
		}
	case *ast.CallExpr:
		f.condition(cond)
	}
}

func (f *finder) binary(n *ast.BinaryExpr) {
	end := n.OpPos + token.Pos(len(n.Op.String()))
	if op, ok := negations[n.Op]; ok {
		f.add(Negate, n.OpPos, end, op.String())
	}
	if op, ok := boundaries[n.Op]; ok {
		f.add(PlusOne, n.OpPos, end, op.String())
	}
	switch {
	case n.Op == token.LAND || n.Op == token.LOR:
		f.condition(n.X)
		f.condition(n.Y)
		f.add(Negate, n.OpPos, end, map[token.Token]string{token.LAND: "||", token.LOR: "&&"}[n.Op])
	case ordered[n.Op] || boundaries[n.Op] != 0:
		f.add(Swap, n.Pos(), n.End(), f.operand(n.Y)+" "+n.Op.String()+" "+f.operand(n.X))
	}
}

// operand is an expression that may stand on either side of an operator.
func (f *finder) operand(n ast.Expr) string {
	if _, ok := n.(*ast.BinaryExpr); ok {
		return "(" + f.text(n) + ")"
	}
	return f.text(n)
}

func (f *finder) bounds(n *ast.SliceExpr) {
	for _, b := range [...]ast.Expr{n.Low, n.High} {
		if _, isLit := b.(*ast.BasicLit); b != nil && !isLit {
			f.add(PlusOne, b.Pos(), b.End(), f.operand(b)+"+1")
			f.add(PlusOne, b.Pos(), b.End(), f.operand(b)+"-1")
		}
	}
}

// arguments swaps neighbours. Where they are of different types that does not compile. The lesser and the greater of two are the same either
// way round.
func (f *finder) arguments(n *ast.CallExpr) {
	switch fun := n.Fun.(type) {
	case *ast.Ident:
		if fun.Name == "min" || fun.Name == "max" {
			return
		}
	case *ast.SelectorExpr:
		if fun.Sel.Name == "Min" || fun.Sel.Name == "Max" {
			return
		}
	}
	for i := 0; i+1 < len(n.Args); i++ {
		a, b := n.Args[i], n.Args[i+1]
		if f.text(a) != f.text(b) && !n.Ellipsis.IsValid() {
			f.add(Swap, a.Pos(), b.End(), f.text(b)+", "+f.text(a))
		}
	}
}

func (f *finder) literal(n *ast.BasicLit) {
	switch n.Kind {
	case token.INT:
		v, err := strconv.ParseInt(n.Value, 0, 64)
		if err != nil {
			return
		}
		f.add(PlusOne, n.Pos(), n.End(), strconv.FormatInt(v+1, 10))
		if v > 0 {
			f.add(PlusOne, n.Pos(), n.End(), strconv.FormatInt(v-1, 10))
		}
		if v > 1 {
			f.add(Constant, n.Pos(), n.End(), strconv.FormatInt(2*v, 10))
		}
	case token.FLOAT:
		f.add(Constant, n.Pos(), n.End(), "2*"+n.Value)
	}
}

func (f *finder) truth(n *ast.Ident) {
	switch n.Name {
	case "true":
		f.add(Constant, n.Pos(), n.End(), "false")
	case "false":
		f.add(Constant, n.Pos(), n.End(), "true")
	}
}

func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		if deletable(s) {
			f.add(Delete, s.Pos(), s.End(), "")
		}
	}
}

// deletable reports whether a function may well compile without the statement.
func deletable(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.SendStmt, *ast.DeferStmt, *ast.GoStmt, *ast.BranchStmt, *ast.RangeStmt, *ast.ForStmt, *ast.SwitchStmt:
		return true
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			return false
		}
		for _, left := range s.Lhs {
			if id, ok := left.(*ast.Ident); !ok || id.Name != "_" {
				return true
			}
		}
	case *ast.ReturnStmt:
		return len(s.Results) == 0
	case *ast.IfStmt:
		return s.Else == nil
	}
	return false
}
