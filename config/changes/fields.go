package changes

import (
	"encoding/json"
	"fmt"
	"reflect"

	"holdfast.dev/config"
)

// named compares two lists whose elements have names.
func named[T any](d *differ, kind string, was, now []T, name func(*T) string) {
	old := make(map[string]*T, len(was))
	for i := range was {
		old[name(&was[i])] = &was[i]
	}
	for i := range now {
		n := name(&now[i])
		o, ok := old[n]
		if !ok {
			d.add(Add, kind+" "+n, "is added")
			continue
		}
		delete(old, n)
		d.fields(kind+" "+n, reflect.ValueOf(*o), reflect.ValueOf(now[i]), "")
	}
	for i := range was {
		if n := name(&was[i]); old[n] == &was[i] {
			d.add(Remove, kind+" "+n, "is removed")
		}
	}
}

var (
	posType    = reflect.TypeFor[config.Pos]()
	secretType = reflect.TypeFor[config.Secret]()
	configPath = posType.PkgPath()
)

// fields reports every field in which two values differ, with both values. Positions do not count, secrets are not shown.
func (d *differ) fields(what string, a, b reflect.Value, path string) {
	switch {
	case a.Type() == posType || path == "Rest" || path == "Password" || a.Type() == secretType:
		if a.Type() != posType && path != "Rest" && !reflect.DeepEqual(a.Interface(), b.Interface()) {
			d.add(Update, what, "%s changes", path)
		}
	case a.Kind() == reflect.Pointer && !a.IsNil() && !b.IsNil():
		d.fields(what, a.Elem(), b.Elem(), path)
	case a.Kind() == reflect.Struct && a.Type().PkgPath() == configPath:
		for i := range a.NumField() {
			name := a.Type().Field(i).Name
			if path != "" && name != "Password" {
				name = path + "." + name
			}
			d.fields(what, a.Field(i), b.Field(i), name)
		}
	case a.Kind() == reflect.Slice && a.Len() == b.Len():
		for i := range a.Len() {
			d.fields(what, a.Index(i), b.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case !reflect.DeepEqual(a.Interface(), b.Interface()):
		d.add(Update, what, "%s: %s -> %s", path, show(a), show(b))
	}
}

// show is a value in short.
func show(v reflect.Value) string {
	if s, ok := v.Interface().(fmt.Stringer); ok && v.Kind() != reflect.Pointer {
		return s.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "none"
		}
		return show(v.Elem())
	case reflect.Slice:
		return fmt.Sprintf("%d entries", v.Len())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[config.HMAC]() {
			return "set" // and its keys are nobody's business
		}
		text, err := json.Marshal(v.Interface())
		if err == nil && len(text) < 200 {
			return string(text)
		}
		return "other values"
	}
	if v.Kind() == reflect.String && v.Len() == 0 {
		return "none"
	}
	return fmt.Sprintf("%v", v.Interface())
}
