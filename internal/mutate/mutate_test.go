package mutate

import (
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

const sample = `package p

import "fmt"

const limit = 3

type t struct {
	a [4]int
}

func (x *t) f(a, b int, on bool) (n int) {
	_ = fmt.Sprint(a, max(a, b))
	for i := 0; i < a; i++ {
		if on && a-b == limit {
			continue
		}
		x.a[1] = a
	}
	if !on {
		n = 2
		return
	}
	switch {
	case x.ok():
		n = len(x.a[a:])
	}
	return n
}
`

func TestOf(t *testing.T) {
	found, err := Of("p.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range found {
		m := &found[i]
		if _, err := parser.ParseFile(token.NewFileSet(), "p.go", m.Apply([]byte(sample)), 0); err != nil {
			t.Errorf("%s: %v", m, err)
		}
		got = append(got, strings.TrimPrefix(m.String(), "p.go:"))
	}
	want := []string{
		"5 () plus or minus one: 3 -> 4",
		"5 () plus or minus one: 3 -> 2",
		"5 () change a constant: 3 -> 6",
		"12 (f) swap operands: a, max(a, b) -> max(a, b), a",
		"13 (f) delete a statement: for i := 0; i < a; i++ { if on && a-b == limit { continue } x.a[1] ... -> nothing",
		"13 (f) negate a condition: < -> >=",
		"13 (f) plus or minus one: < -> <=",
		"13 (f) swap operands: i < a -> a < i",
		"13 (f) plus or minus one: 0 -> 1",
		"14 (f) delete a statement: if on && a-b == limit { continue } -> nothing",
		"14 (f) negate a condition: on -> !(on)",
		"14 (f) negate a condition: && -> ||",
		"14 (f) negate a condition: == -> !=",
		"14 (f) swap operands: a-b -> b - a",
		"15 (f) delete a statement: continue -> nothing",
		"17 (f) delete a statement: x.a[1] = a -> nothing",
		"17 (f) plus or minus one: 1 -> 2",
		"17 (f) plus or minus one: 1 -> 0",
		"19 (f) negate a condition: !on -> !(!on)",
		"20 (f) delete a statement: n = 2 -> nothing",
		"20 (f) change a constant: 2 -> 4",
		"21 (f) delete a statement: return -> nothing",
		"24 (f) negate a condition: x.ok() -> !(x.ok())",
		"25 (f) plus or minus one: a -> a+1",
		"25 (f) plus or minus one: a -> a-1",
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("missing: %s", w)
		}
	}
	if slices.Contains(got, "12 (f) swap operands: a, b -> b, a") {
		t.Error("the greater of two is the same either way round")
	}
	if t.Failed() {
		t.Log(strings.Join(got, "\n"))
	}
	ids := map[string]bool{}
	for i := range found {
		if id := found[i].ID(); ids[id] {
			t.Errorf("%s has the same ID as another", &found[i])
		} else {
			ids[id] = true
		}
	}
}

func TestOfWhatIsNoGo(t *testing.T) {
	if _, err := Of("p.go", []byte("no Go")); err == nil {
		t.Error("no error")
	}
}

func TestDraw(t *testing.T) {
	all, err := Of("p.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := Draw(all, 1), Draw(all, 1), Draw(all, 2)
	if !slices.Equal(a, b) || slices.Equal(a, c) || slices.Equal(a, all) || len(a) != len(all) {
		t.Error("an order that the seed does not give")
	}
}
