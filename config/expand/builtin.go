package expand

import (
	"path"
	"strconv"
	"strings"

	"holdfast.dev/config/diag"
)

// maxRandom is the largest value of ${_RANDOM} unless its parameters say otherwise.
const maxRandom = 32767

// builtins are the definitions that are there from the start (section 6). Each may be redefined.
func builtins() map[string]*definition {
	defs := make(map[string]*definition)
	for name, f := range map[string]func(r *Reader, pos diag.Pos, params []string) (string, bool){
		"_PWD":      plain(func(r *Reader) string { return r.pwd() }),
		"_INSTANCE": plain(func(r *Reader) string { return r.env.ConfigID }),
		"_HASH":     plain(func(*Reader) string { return "#" }),
		"_BANG":     plain(func(*Reader) string { return "!" }),
		"_RANDOM":   randomValue,
		"_ENV":      envValue,
	} {
		defs[name] = &definition{name: name, builtin: f}
	}
	return defs
}

// plain is a value that takes no parameters.
func plain(f func(r *Reader) string) func(*Reader, diag.Pos, []string) (string, bool) {
	return func(r *Reader, _ diag.Pos, params []string) (string, bool) {
		if len(params) > 0 {
			return "", false
		}
		return f(r), true
	}
}

// pwd is the absolute directory that relative includes count from.
func (r *Reader) pwd() string {
	dir := r.env.Dir
	if n := len(r.frames); n > 0 {
		dir = join(strings.TrimSuffix(dir, "/")+"/", r.frames[n-1].dir)
	}
	if res, ok := r.files.(Resolver); ok {
		if real, err := res.Resolve(dir); err == nil {
			return real
		}
	}
	return path.Clean(dir)
}

// randomValue is ${_RANDOM}, ${_RANDOM MIN} or ${_RANDOM MIN MAX}.
func randomValue(r *Reader, pos diag.Pos, params []string) (string, bool) {
	limits := [2]uint64{0, maxRandom}
	if len(params) > len(limits) {
		return "", false
	}
	for i, p := range params {
		v, err := strconv.ParseUint(p, 10, 31)
		if err != nil || p[0] == '+' {
			return "", false
		}
		limits[i] = v
	}
	if limits[0] > limits[1] {
		r.report(pos, diag.Error, diag.GeneralError, "${_RANDOM "+strings.Join(params, " ")+"} has a minimum above its maximum",
			"the minimum is used")
		return strconv.FormatUint(limits[0], 10), true
	}
	v := limits[0] + uint64(r.random.next())%(limits[1]-limits[0]+1)
	return strconv.FormatUint(v, 10), true
}

// envValue is ${_ENV NAME}; a variable that is not set is empty.
func envValue(r *Reader, pos diag.Pos, params []string) (string, bool) {
	if len(params) != 1 {
		return "", false
	}
	if r.env.Lookup != nil {
		if v, ok := r.env.Lookup(params[0]); ok {
			return v, true
		}
	}
	r.report(pos, diag.Warning, diag.OK, "environment variable "+params[0]+" is not set", "its value is taken as empty")
	return "", true
}
