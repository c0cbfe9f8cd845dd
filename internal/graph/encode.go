package graph

import (
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// document is the written form.
type document struct {
	Layout  string
	Objects []written
	Maps    []written
	Root    int
}

// written is an object (a value of a type, or Count of them in an array) or a map (its keys and values in turn).
type written struct {
	Type  int // in typesOf
	Count int `json:",omitempty"` // of an array; 0 for a single value
	Value json.RawMessage
}

// object is a piece of memory with a type.
type object struct {
	at        unsafe.Pointer
	base, end uintptr      // the same, as numbers
	typ       reflect.Type // of one element
	count     int          // 0 for what is no array
}

type spot struct {
	at    uintptr
	typ   reflect.Type
	count int
}

type encoder struct {
	types   map[reflect.Type]int
	seen    map[spot]bool
	queue   []reflect.Value // objects whose content has still to be looked at
	objects []object
	maps    []reflect.Value
	mapIDs  map[unsafe.Pointer]int
	out     []byte
	err     error
}

// Encode writes what top, which is a pointer, points to. Nothing of it may change meanwhile.
func Encode(top any) ([]byte, error) {
	v := reflect.ValueOf(top)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return nil, fmt.Errorf("graph: %T is no pointer to anything", top)
	}
	e := &encoder{types: map[reflect.Type]int{}, seen: map[spot]bool{}, mapIDs: map[unsafe.Pointer]int{}}
	for i, t := range typesOf(v.Type().Elem()) {
		e.types[t] = i
	}
	e.object(v.Elem(), v.Type().Elem(), 0)
	for len(e.queue) > 0 {
		next := e.queue[len(e.queue)-1]
		e.queue = e.queue[:len(e.queue)-1]
		e.walk(next)
	}
	if e.err == nil {
		e.err = e.merge()
	}
	root, _ := e.find(v.Pointer())
	e.out = fmt.Appendf(nil, `{"Layout":%q,"Root":%d,"Objects":[`, Layout(v.Type().Elem()), root)
	for i := range e.objects {
		e.writeObject(&e.objects[i])
	}
	e.out = append(e.out, `],"Maps":[`...)
	for _, m := range e.maps {
		e.writeMap(m)
	}
	return append(e.out, "]}"...), e.err
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf("graph: "+format, args...)
	}
}

// object notes a piece of memory that something points to.
func (e *encoder) object(v reflect.Value, typ reflect.Type, count int) {
	at := v.UnsafeAddr()
	s := spot{at, typ, count}
	if e.seen[s] || typ.Size() == 0 {
		return
	}
	e.seen[s] = true
	e.objects = append(e.objects, object{v.Addr().UnsafePointer(), at, at + typ.Size()*uintptr(max(count, 1)), typ, count})
	e.queue = append(e.queue, v)
}

// walk finds everything that an addressable value points to.
func (e *encoder) walk(v reflect.Value) {
	t := v.Type()
	if isText(t) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			e.object(v.Elem(), t.Elem(), 0)
		}
	case reflect.Slice:
		if n := v.Len(); n > 0 {
			array := reflect.NewAt(reflect.ArrayOf(n, t.Elem()), v.UnsafePointer()).Elem()
			e.object(array, t.Elem(), n)
		}
	case reflect.Array:
		if !plain(t.Elem()) {
			for i := range v.Len() {
				e.walk(v.Index(i))
			}
		}
	case reflect.Map:
		e.walkMap(v)
	case reflect.Struct:
		for i := range v.NumField() {
			e.walk(field(v, i))
		}
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		if !v.IsZero() {
			e.fail("a %s can't be written", t)
		}
	}
}

// plain reports whether a type has nothing in it that points anywhere.
func plain(t reflect.Type) bool { return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Complex128 }

func (e *encoder) walkMap(v reflect.Value) {
	if v.IsNil() {
		return
	}
	if _, known := e.mapIDs[v.UnsafePointer()]; known {
		return
	}
	e.mapIDs[v.UnsafePointer()] = len(e.maps)
	e.maps = append(e.maps, v)
	for it := v.MapRange(); it.Next(); {
		e.queue = append(e.queue, addressable(it.Key()), addressable(it.Value()))
	}
}

// merge leaves of pieces that lie within others, or overlap them, only the whole.
func (e *encoder) merge() error {
	slices.SortFunc(e.objects, func(a, b object) int {
		switch {
		case a.base != b.base:
			return int(min(max(int64(a.base)-int64(b.base), -1), 1))
		case a.end != b.end:
			return int(min(max(int64(b.end)-int64(a.end), -1), 1))
		}
		return depth(b.typ) - depth(a.typ)
	})
	kept := e.objects[:0]
	for _, o := range e.objects {
		if len(kept) == 0 || o.base >= kept[len(kept)-1].end {
			kept = append(kept, o)
			continue
		}
		last := &kept[len(kept)-1]
		switch {
		case o.end <= last.end:
		case o.typ == last.typ && last.count > 0 && o.count > 0: // two slices of one array
			last.end = o.end
			last.count = int((o.end - last.base) / o.typ.Size())
		default:
			return fmt.Errorf("graph: a %s and a %s overlap", last.typ, o.typ)
		}
	}
	e.objects = kept
	return nil
}

// depth is how many types of the same size are wrapped around each other.
func depth(t reflect.Type) int {
	n := 0
	for t.Kind() == reflect.Struct && t.NumField() > 0 && t.Field(0).Type.Size() == t.Size() {
		t = t.Field(0).Type
		n++
	}
	return n
}

// find gives the object in which an address lies.
func (e *encoder) find(at uintptr) (id int, offset uintptr) {
	i, found := slices.BinarySearchFunc(e.objects, at, func(o object, at uintptr) int {
		switch {
		case o.end <= at:
			return -1
		case o.base > at:
			return 1
		}
		return 0
	})
	if !found {
		return -1, 0
	}
	return i, at - e.objects[i].base
}

func (e *encoder) writeObject(o *object) {
	t := o.typ
	if o.count > 0 {
		t = reflect.ArrayOf(o.count, o.typ)
	}
	e.comma()
	e.out = fmt.Appendf(e.out, `{"Type":%d,"Count":%d,"Value":`, e.types[o.typ], o.count)
	e.write(reflect.NewAt(t, o.at).Elem())
	e.out = append(e.out, '}')
}

func (e *encoder) writeMap(v reflect.Value) {
	e.comma()
	e.out = fmt.Appendf(e.out, `{"Type":%d,"Value":[`, e.types[v.Type()])
	for it := v.MapRange(); it.Next(); {
		e.comma()
		e.write(addressable(it.Key()))
		e.comma()
		e.write(addressable(it.Value()))
	}
	e.out = append(e.out, "]}"...)
}

func (e *encoder) comma() {
	if e.out[len(e.out)-1] != '[' {
		e.out = append(e.out, ',')
	}
}

func (e *encoder) write(v reflect.Value) {
	t := v.Type()
	switch {
	case isText(t):
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			e.fail("%v", err)
		}
		e.text(string(text))
		return
	case t.Kind() == reflect.Array && t.Elem().Kind() == reflect.Uint8:
		e.out = strconv.AppendQuote(e.out, hex.EncodeToString(v.Slice(0, v.Len()).Bytes()))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		e.out = strconv.AppendBool(e.out, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.out = strconv.AppendInt(e.out, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.out = strconv.AppendUint(e.out, v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		e.out = strconv.AppendFloat(e.out, v.Float(), 'g', -1, 64)
	case reflect.String:
		e.text(v.String())
	case reflect.Array:
		e.list(v.Len(), v.Index)
	case reflect.Struct:
		e.list(v.NumField(), func(i int) reflect.Value { return field(v, i) })
	case reflect.Pointer, reflect.Slice, reflect.Map:
		e.reference(v)
	case reflect.Complex64, reflect.Complex128:
		e.fail("a %s can't be written", t)
	default: // an interface, or a nil function
		e.out = append(e.out, "null"...)
	}
}

func (e *encoder) list(n int, at func(int) reflect.Value) {
	e.out = append(e.out, '[')
	for i := range n {
		e.comma()
		e.write(at(i))
	}
	e.out = append(e.out, ']')
}

// text writes a string; one that is no UTF-8 as a list of its octets.
func (e *encoder) text(s string) {
	if utf8.ValidString(s) {
		b, err := json.Marshal(s)
		if err != nil {
			e.fail("%v", err)
		}
		e.out = append(e.out, b...)
		return
	}
	e.out = fmt.Appendf(e.out, "[%q]", hex.EncodeToString([]byte(s)))
}

// reference writes a pointer (object, offset), a slice (object, offset, length) or a map (its number).
func (e *encoder) reference(v reflect.Value) {
	switch {
	case v.IsNil():
		e.out = append(e.out, "null"...)
	case v.Kind() == reflect.Map:
		e.out = strconv.AppendInt(e.out, int64(e.mapIDs[v.UnsafePointer()]), 10)
	case v.Kind() == reflect.Slice && v.Len() == 0 || v.Type().Elem().Size() == 0:
		n := 0
		if v.Kind() == reflect.Slice {
			n = v.Len()
		}
		e.out = fmt.Appendf(e.out, "[-1,0,%d]", n)
	default:
		id, offset := e.find(v.Pointer())
		if e.out = fmt.Appendf(e.out, "[%d,%d", id, offset); v.Kind() == reflect.Slice {
			e.out = fmt.Appendf(e.out, ",%d", v.Len())
		}
		e.out = append(e.out, ']')
	}
}
