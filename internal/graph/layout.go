// Package graph writes a value with everything that it points to as text, and makes the same again: what was one thing with two pointers to
// it is so afterwards, also where a pointer leads into the middle of something. Unexported fields are included, so only a program whose types
// are laid out the same can read what another has written; Layout tells.
//
// What an interface holds is left out, and is nil afterwards. Functions and channels can't be written unless they are nil.
package graph

import (
	"encoding"
	"fmt"
	"hash/fnv"
	"reflect"
	"strconv"
	"sync"
	"unsafe"
)

// Layout names the way in which the type and all that it may point to are laid out in memory.
func Layout(t reflect.Type) string {
	h := fnv.New64a()
	for _, t := range typesOf(t) {
		fmt.Fprintf(h, "%s %s %d\n", t.PkgPath(), t, t.Size())
		if t.Kind() == reflect.Struct {
			for i := range t.NumField() {
				f := t.Field(i)
				fmt.Fprintf(h, " %s %s %d\n", f.Name, f.Type, f.Offset)
			}
		}
	}
	return strconv.FormatUint(h.Sum64(), 16)
}

// typesOf lists a type and all that can be reached from it, always in the same order.
func typesOf(root reflect.Type) (list []reflect.Type) {
	seen := map[reflect.Type]bool{}
	var add func(t reflect.Type)
	add = func(t reflect.Type) {
		if seen[t] {
			return
		}
		seen[t] = true
		list = append(list, t)
		if isText(t) {
			return
		}
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array:
			add(t.Elem())
		case reflect.Map:
			add(t.Key())
			add(t.Elem())
		case reflect.Struct:
			for i := range t.NumField() {
				add(t.Field(i).Type)
			}
		}
	}
	add(root)
	return list
}

var (
	marshals   = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshals = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// isText reports whether values are written as the text that they make of themselves. Some, as an IP address, have pointers inside
// that must not be copied.
func isText(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	if known, ok := texts.Load(t); ok {
		return known.(bool)
	}
	is := t.Implements(marshals) && reflect.PointerTo(t).Implements(unmarshals)
	texts.Store(t, is)
	return is
}

// texts has the answers of isText: to find out takes longer than to write a value.
var texts sync.Map

// field gives access to a field of an addressable struct, exported or not.
func field(v reflect.Value, i int) reflect.Value {
	f := v.Field(i)
	return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
}

// addressable returns a copy of v that has an address.
func addressable(v reflect.Value) reflect.Value {
	n := reflect.New(v.Type()).Elem()
	n.Set(v)
	return n
}

// within finds what of type want lies at an offset of a value of type t, and how many of the kind follow it in its array, itself included.
func within(t, want reflect.Type, offset uintptr) (count int, ok bool) {
	for count = 1; ; {
		if offset == 0 && t == want {
			return count, true
		}
		switch {
		case t.Kind() == reflect.Array && t.Len() > 0 && t.Elem().Size() > 0:
			size := t.Elem().Size()
			at := int(offset / size)
			if at >= t.Len() {
				return 0, false
			}
			count, offset, t = t.Len()-at, offset%size, t.Elem()
		case t.Kind() == reflect.Struct && !isText(t):
			f, found := fieldAt(t, want, offset)
			if !found {
				return 0, false
			}
			count, offset, t = 1, offset-f.Offset, f.Type
		default:
			return 0, false
		}
	}
}

func fieldAt(t, want reflect.Type, offset uintptr) (f reflect.StructField, found bool) {
	for i := range t.NumField() {
		f = t.Field(i)
		if offset >= f.Offset && offset < f.Offset+f.Type.Size() && f.Type.Size() >= want.Size() {
			return f, true
		}
	}
	return f, false
}
