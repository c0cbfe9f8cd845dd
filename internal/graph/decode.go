package graph

import (
	"bytes"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"unsafe"
)

// ErrLayout is returned by Decode for what a program with other types has written.
var ErrLayout = errors.New("graph: written by a program whose types are laid out otherwise")

// maxMemory bounds what is made of a text, in octets.
const maxMemory = 1 << 30

type decoder struct {
	types   []reflect.Type
	objects []reflect.Value // addressable
	maps    []reflect.Value
	used    uintptr
}

// Decode makes what Encode wrote, and sets root, which is a pointer to a pointer of that type, to it. The text may come from anybody.
func Decode(text []byte, root any) error {
	v := reflect.ValueOf(root)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Pointer {
		return fmt.Errorf("graph: %T is no pointer to a pointer", root)
	}
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		return fmt.Errorf("graph: %w", err)
	}
	t := v.Type().Elem().Elem()
	if doc.Layout != Layout(t) {
		return ErrLayout
	}
	d := &decoder{types: typesOf(t)}
	if err := d.make(&doc); err != nil {
		return fmt.Errorf("graph: %w", err)
	}
	if err := d.fill(&doc); err != nil {
		return fmt.Errorf("graph: %w", err)
	}
	if doc.Root < 0 || doc.Root >= len(d.objects) || d.objects[doc.Root].Type() != t {
		return fmt.Errorf("graph: the root is no %s", t)
	}
	v.Elem().Set(d.objects[doc.Root].Addr())
	return nil
}

// make makes all objects and maps, empty, so that they can be pointed to.
func (d *decoder) make(doc *document) error {
	for i := range doc.Objects {
		w := &doc.Objects[i]
		t, err := d.typ(w.Type)
		if err != nil {
			return err
		}
		if w.Count < 0 || w.Count > len(w.Value) {
			return fmt.Errorf("object %d is an array of %d", i, w.Count)
		}
		if d.used += t.Size() * uintptr(max(w.Count, 1)); d.used > maxMemory {
			return fmt.Errorf("more than %d octets", maxMemory)
		}
		if w.Count > 0 {
			t = reflect.ArrayOf(w.Count, t)
		}
		d.objects = append(d.objects, reflect.New(t).Elem())
	}
	for i := range doc.Maps {
		t, err := d.typ(doc.Maps[i].Type)
		if err != nil {
			return err
		}
		if t.Kind() != reflect.Map {
			return fmt.Errorf("map %d is a %s", i, t)
		}
		d.maps = append(d.maps, reflect.MakeMap(t))
	}
	return nil
}

func (d *decoder) typ(i int) (reflect.Type, error) {
	if i < 0 || i >= len(d.types) {
		return nil, fmt.Errorf("there is no type %d", i)
	}
	return d.types[i], nil
}

func (d *decoder) fill(doc *document) error {
	for i := range doc.Objects {
		if err := d.read(doc.Objects[i].Value, d.objects[i]); err != nil {
			return fmt.Errorf("object %d: %w", i, err)
		}
	}
	for i := range doc.Maps {
		var list []json.RawMessage
		if err := json.Unmarshal(doc.Maps[i].Value, &list); err != nil {
			return err
		}
		if len(list)%2 != 0 {
			return fmt.Errorf("map %d has a key without a value", i)
		}
		t := d.maps[i].Type()
		for n := 0; n < len(list); n += 2 {
			key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			if err := errors.Join(d.read(list[n], key), d.read(list[n+1], value)); err != nil {
				return fmt.Errorf("map %d: %w", i, err)
			}
			d.maps[i].SetMapIndex(key, value)
		}
	}
	return nil
}

// read sets v, which has an address, to what is written.
func (d *decoder) read(text json.RawMessage, v reflect.Value) error {
	t := v.Type()
	if isText(t) {
		s, err := readText(text)
		if err != nil {
			return err
		}
		return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
	}
	switch v.Kind() {
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return readOctets(text, v)
		}
		return d.list(text, v.Len(), v.Index)
	case reflect.Struct:
		return d.list(text, v.NumField(), func(i int) reflect.Value { return field(v, i) })
	case reflect.String:
		s, err := readText(text)
		v.SetString(s)
		return err
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return d.reference(text, v)
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return nil
	}
	return readPlain(text, v)
}

func readPlain(text json.RawMessage, v reflect.Value) error {
	s := string(text)
	size := v.Type().Bits
	switch {
	case v.Kind() == reflect.Bool && (s == "true" || s == "false"):
		v.SetBool(s == "true")
	case v.CanInt():
		n, err := strconv.ParseInt(s, 10, size())
		v.SetInt(n)
		return err
	case v.CanUint():
		n, err := strconv.ParseUint(s, 10, size())
		v.SetUint(n)
		return err
	case v.CanFloat():
		n, err := strconv.ParseFloat(s, 64)
		v.SetFloat(n)
		return err
	default:
		return fmt.Errorf("%.20s is no %s", s, v.Type())
	}
	return nil
}

func (d *decoder) list(text json.RawMessage, n int, at func(int) reflect.Value) error {
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	if len(list) != n {
		return fmt.Errorf("%d values, want %d", len(list), n)
	}
	for i := range n {
		if err := d.read(list[i], at(i)); err != nil {
			return err
		}
	}
	return nil
}

func readText(text json.RawMessage) (s string, err error) {
	if !bytes.HasPrefix(text, []byte("[")) {
		err = json.Unmarshal(text, &s)
		return s, err
	}
	var list []string
	if err := json.Unmarshal(text, &list); err != nil || len(list) != 1 {
		return "", errors.Join(err, errors.New("no text"))
	}
	b, err := hex.DecodeString(list[0])
	return string(b), err
}

func readOctets(text json.RawMessage, v reflect.Value) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	b, err := hex.DecodeString(s)
	if err == nil && len(b) != v.Len() {
		err = fmt.Errorf("%d octets, want %d", len(b), v.Len())
	}
	reflect.Copy(v.Slice(0, v.Len()), reflect.ValueOf(b).Convert(reflect.SliceOf(v.Type().Elem())))
	return err
}

// reference sets a pointer, slice or map. Only what is of the right type is pointed to.
func (d *decoder) reference(text json.RawMessage, v reflect.Value) error {
	if string(text) == "null" {
		return nil
	}
	t := v.Type()
	if v.Kind() == reflect.Map {
		id, err := strconv.Atoi(string(text))
		if err != nil || id < 0 || id >= len(d.maps) || d.maps[id].Type() != t {
			return fmt.Errorf("%s is no map of type %s", text, t)
		}
		v.Set(d.maps[id])
		return nil
	}
	var at []int
	if err := json.Unmarshal(text, &at); err != nil {
		return err
	}
	want := 2
	if v.Kind() == reflect.Slice {
		want = 3
	}
	if len(at) == 3 && at[0] == -1 {
		return d.empty(at[2], v)
	}
	if len(at) != want || at[0] < 0 || at[0] >= len(d.objects) || at[1] < 0 {
		return fmt.Errorf("%s leads nowhere", text)
	}
	o := d.objects[at[0]]
	count, ok := within(o.Type(), t.Elem(), uintptr(at[1]))
	if !ok || want == 3 && (at[2] < 1 || at[2] > count) {
		return fmt.Errorf("%s leads to no %s", text, t)
	}
	place := reflect.NewAt(t.Elem(), unsafe.Add(o.Addr().UnsafePointer(), at[1]))
	if v.Kind() == reflect.Pointer {
		v.Set(place)
		return nil
	}
	array := reflect.NewAt(reflect.ArrayOf(at[2], t.Elem()), place.UnsafePointer())
	v.Set(array.Elem().Slice3(0, at[2], at[2]))
	return nil
}

// empty sets a slice or pointer that holds nothing and still is not nil.
func (d *decoder) empty(n int, v reflect.Value) error {
	t := v.Type()
	if n < 0 || n > 0 && t.Elem().Size() > 0 {
		return fmt.Errorf("a slice of %d without an array", n)
	}
	switch {
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(t, n, n))
	case t.Elem().Size() == 0:
		v.Set(reflect.New(t.Elem()))
	default:
		return errors.New("a pointer to nothing")
	}
	return nil
}
