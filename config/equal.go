package config

import "reflect"

// Equal reports whether two configurations mean the same. Positions in the text do not count: a comment added at the
// top of a file changes nothing.
func (c *Config) Equal(other *Config) bool { return same(c, other) }

// Equal reports whether two instances mean the same; their positions do not count.
func (i *Instance) Equal(other *Instance) bool { return same(i, other) }

// Equal reports whether two groups mean the same; their positions do not count.
func (g *SyncGroup) Equal(other *SyncGroup) bool { return same(g, other) }

// Equal reports whether two scripts mean the same; their positions do not count.
func (s *Script) Equal(other *Script) bool { return same(s, other) }

// Equal reports whether two addresses are the same in every attribute; their positions do not count.
func (a *Address) Equal(other *Address) bool { return same(a, other) }

// Equal reports whether global settings mean the same; their positions do not count.
func (g *Global) Equal(other *Global) bool { return same(g, other) }

func same[T any](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return equal(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem())
}

var posType = reflect.TypeFor[Pos]()

// equal compares two values of one type, passing over every Pos.
func equal(a, b reflect.Value) bool {
	switch {
	case a.Type() == posType:
		return true
	case a.Kind() == reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return equal(a.Elem(), b.Elem())
	case a.Kind() == reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case a.Kind() == reflect.Struct && a.Type().PkgPath() == posType.PkgPath():
		for i := range a.NumField() {
			if !equal(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return a.Equal(b) // numbers, text, and values of net/netip
}
