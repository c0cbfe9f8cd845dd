package config

import (
	"reflect"
	"strings"
)

// compact gives every text of the model memory of its own, once for all that are equal: what the words of a file point
// into is the whole file. Lists keep no room for more.
func compact(c *Config) {
	p := packer{texts: make(map[string]string), kinds: make(map[reflect.Type]bool), fields: make(map[reflect.Type][]int)}
	p.value(reflect.ValueOf(c).Elem())
}

// packer walks through the model.
type packer struct {
	texts  map[string]string
	kinds  map[reflect.Type]bool  // whether a type holds texts or lists
	fields map[reflect.Type][]int // which fields of a struct do
}

// holds reports whether values of a type can hold a text or list of ours.
func (p *packer) holds(t reflect.Type) (yes bool) {
	if known, ok := p.kinds[t]; ok {
		return known
	}
	p.kinds[t] = false
	switch t.Kind() {
	case reflect.String, reflect.Slice:
		yes = true
	case reflect.Pointer:
		yes = p.holds(t.Elem())
	case reflect.Struct:
		if t.PkgPath() != posType.PkgPath() || t == posType {
			break
		}
		for i := range t.NumField() {
			yes = p.holds(t.Field(i).Type) || yes
		}
	}
	p.kinds[t] = yes
	return yes
}

// holding are the fields of a struct that can hold a text or list of ours.
func (p *packer) holding(t reflect.Type) []int {
	fields, known := p.fields[t]
	if !known {
		for i := range t.NumField() {
			if p.holds(t.Field(i).Type) {
				fields = append(fields, i)
			}
		}
		p.fields[t] = fields
	}
	return fields
}

func (p *packer) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.Len() > 0 {
			v.SetString(p.text(v.String()))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			p.value(v.Elem())
		}
	case reflect.Slice:
		p.list(v)
	case reflect.Struct:
		for _, i := range p.holding(v.Type()) {
			p.value(v.Field(i))
		}
	}
}

func (p *packer) list(v reflect.Value) {
	if v.Cap() > v.Len() {
		exact := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(exact, v)
		if v.Len() == 0 {
			exact = reflect.Zero(v.Type())
		}
		v.Set(exact)
	}
	if p.holds(v.Type().Elem()) {
		for i := range v.Len() {
			p.value(v.Index(i))
		}
	}
}

func (p *packer) text(s string) string {
	if t, ok := p.texts[s]; ok {
		return t
	}
	s = strings.Clone(s)
	p.texts[s] = s
	return s
}
