package config

import (
	"slices"
	"time"

	"holdfast.dev/config/schema"
)

// opt is a value that may not be set.
type opt[T any] struct {
	v   T
	set bool
}

func (o *opt[T]) put(v T) { o.v, o.set = v, true }

// or is the value, or def where it is not set.
func (o *opt[T]) or(def T) T {
	if o.set {
		return o.v
	}
	return def
}

// putFlag sets o from a keyword with an optional BOOL; a bad one leaves it alone.
func putFlag(o *opt[bool], n *schema.Node) {
	if on, ok := n.Flag(); ok {
		o.put(on)
	}
}

// setFlag sets *p from a keyword with an optional BOOL; a bad one leaves it alone.
func setFlag(p *bool, n *schema.Node) {
	if on, ok := n.Flag(); ok {
		*p = on
	}
}

// number is an integer that fits what the model keeps.
type number interface {
	~int | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32
}

func putInt[T number](o *opt[T], n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		o.put(T(v.Int))
	}
}

func setInt[T number](p *T, n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		*p = T(v.Int)
	}
}

// duration is a number or decimal as time. The unit is that of the schema; a number without unit counts seconds.
func duration(v schema.Value) time.Duration {
	unit := time.Second
	switch v.Arg.Unit {
	case "us":
		unit = time.Microsecond
	case "ms":
		unit = time.Millisecond
	}
	if v.Arg.Kind == schema.Decimal {
		for range v.Arg.Places {
			unit /= 10
		}
	}
	return time.Duration(v.Int) * unit
}

func putTime(o *opt[time.Duration], n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		o.put(duration(v))
	}
}

func setTime(p *time.Duration, n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		*p = duration(v)
	}
}

func setText(p *string, n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		*p = v.Text
	}
}

// item turns a part of the tree into its generic form.
func item(n *schema.Node) Item {
	it := Item{Pos: at(n.Pos), Words: []string{n.Key.Name}}
	if n.Key.Name == schema.Entry {
		it.Words = nil
	}
	for _, v := range n.Args {
		it.Words = append(it.Words, v.Text)
	}
	it.Words = append(it.Words, useWords(n.Opts)...)
	for _, v := range n.List {
		it.Words = append(it.Words, v.Text)
	}
	for i := range n.Body {
		it.Block = append(it.Block, item(&n.Body[i]))
	}
	return it
}

func useWords(uses []schema.Use) []string {
	var words []string
	for _, u := range uses {
		if u.Name() != "" {
			words = append(words, u.Name())
		}
		for _, v := range u.Args {
			words = append(words, v.Text)
		}
		words = append(words, useWords(u.Opts)...)
	}
	return words
}

// set remembers what was there. Lists in a file may be long: searching them for every entry would take for ever.
type set[T comparable] map[T]struct{}

// add reports whether v is new.
func (s set[T]) add(v T) bool {
	if s.has(v) {
		return false
	}
	s[v] = struct{}{}
	return true
}

func (s set[T]) has(v T) bool {
	_, ok := s[v]
	return ok
}

// seen is what a list of the model holds already. It is kept from one block of the file to the next: a file may fill a list
// with as many blocks as entries.
func seen[E any, T comparable](b *builder, list *[]E, key func(*E) T) set[T] {
	if s, ok := b.seen[list].(set[T]); ok {
		return s
	}
	s := setOf(*list, key)
	b.seen[list] = s
	return s
}

// setOf is the set of what key gives for each element.
func setOf[E any, T comparable](list []E, key func(*E) T) set[T] {
	s := make(set[T], len(list))
	for i := range list {
		s.add(key(&list[i]))
	}
	return s
}

// distinct is list without repetitions.
func distinct(list []string) []string {
	s := make(set[string], len(list))
	return slices.DeleteFunc(list, func(v string) bool { return !s.add(v) })
}
