package expand

import (
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

// version is a file that was read: its facts then, its text, and where.
type version struct {
	id   Identity
	text string
	pos  diag.Pos
}

// include takes an include line; ok is false when it is none. The files' lines come when nothing is pending any more.
func (r *Reader) include(it item) (ok bool) {
	s := it.text.S
	if !strings.HasPrefix(s, "include") {
		return false
	}
	end := strings.IndexAny(s, " \t")
	if end < 0 {
		return false
	}
	checks, ok := forms[s[:end]]
	if !ok {
		return false
	}
	pattern := it.text.Slice(end, len(s)).Trim()
	pos := it.pos.At(pattern.Col(0))
	if len(r.pending) > 0 && r.hasMore() {
		r.report(pos, diag.Warning, diag.OK, "the rest of the loop or definition comes before the lines of this include",
			"keepalived reads files last; put the loop into the file, or end the definition with the include")
	}
	if !r.within(len(r.frames) < MaxIncludes, pos, "includes are nested more than 1000 deep") {
		return true
	}
	top := r.frames[len(r.frames)-1]
	inherit := top.checks
	paths := r.matches(pattern.S, top.dir, pos, checks|inherit)
	r.enter(paths, top.dir, pos, checks|inherit, inherit)
	return true
}

// hasMore reports whether any loop or definition still has lines to give.
func (r *Reader) hasMore() bool {
	for _, s := range r.pending {
		switch s := s.(type) {
		case *expansion:
			if s.at < len(s.def.lines) {
				return true
			}
		case *sequence:
			if s.left > 0 {
				return true
			}
		case *rounds:
			if len(s.values) > 0 {
				return true
			}
		}
	}
	return false
}

// openMain starts with the files that path matches. What can't be read is refused, as everything is checked here but
// braces.
func (r *Reader) openMain(path string) {
	const checks = CheckRead | CheckMatch | CheckWildcard
	res := glob(r.files, "", path, &r.entries)
	if len(res.paths) == 0 {
		r.report(diag.Pos{}, diag.Fatal, diag.OK, "Config files missing '"+path+"'.", "name the file with -f")
		return
	}
	if len(res.paths) > 1 {
		r.report(diag.Pos{}, diag.Error, diag.MultipleFiles, "WARNING, multiple configuration file matches of "+path+
			", starting with "+res.paths[0], "all of them are read, in this order")
	}
	r.enter(res.paths, "", diag.Pos{}, checks, r.env.Checks)
}

// matches is what an include pattern matches. What is wrong with it is reported, and counts if its class is enabled.
func (r *Reader) matches(pattern, dir string, pos diag.Pos, checks Checks) []string {
	res := glob(r.files, dir, pattern, &r.entries)
	switch {
	case res.over:
		r.report(pos, diag.Error, diag.GeneralError, "the pattern '"+clip(pattern)+"' stands for too many files",
			"a pattern may have 1024 brace alternatives and 10000 matches, and a whole read may look at 1000000 files")
	case len(res.paths) == 0 && res.wild:
		r.problem(pos, checks&CheckWildcard, diag.Note, "No config files matched '"+pattern+"'.", "")
	case len(res.paths) == 0:
		r.problem(pos, checks&CheckMatch, diag.Warning, "Config files missing '"+pattern+"'.", whyMissing(pattern, dir))
	case res.missing:
		r.problem(pos, checks&CheckBrace, diag.Warning, "Some config files missing: \""+pattern+"\".", "")
	}
	return res.paths
}

// whyMissing is a hint for a name that does not exist.
func whyMissing(pattern, dir string) string {
	switch {
	case strings.ContainsAny(pattern, `"'`):
		return "quotes are part of the name here"
	case strings.Count(pattern, "{") != strings.Count(pattern, "}"):
		return "the whole rest of the line is the name, braces too"
	case dir != "" && !strings.HasPrefix(pattern, "/"):
		return "a relative name counts from " + dir
	}
	return ""
}

// clip keeps a text for a message short.
func clip(s string) string {
	if len(s) > 100 {
		return s[:100] + "..."
	}
	return s
}

// problem reports a problem with an include: one that counts if enabled is not 0, else one of severity s.
func (r *Reader) problem(pos diag.Pos, enabled Checks, s diag.Severity, text, hint string) {
	class := diag.OK
	if enabled != 0 {
		s, class = diag.Fatal, diag.FileNotFound
	}
	r.report(pos, s, class, text, hint)
}

// enter reads those of paths that can be read and opens the first of them; the others follow when it ends.
func (r *Reader) enter(paths []string, dir string, from diag.Pos, checks, inherit Checks) {
	var first, last *frame
	for _, p := range paths {
		if r.stopped {
			return
		}
		f := r.open(p, dir, from, checks&CheckRead)
		if f == nil {
			continue
		}
		f.checks = inherit
		if first == nil {
			first = f
		} else {
			last.after = f
		}
		last = f
	}
	if first != nil {
		r.frames = append(r.frames, first)
	}
}

// open reads the file at path, counted from dir; nil when it is skipped.
func (r *Reader) open(path, dir string, from diag.Pos, enabled Checks) *frame {
	full := join(dir, path)
	skip := func(why, hint string) *frame {
		r.problem(from, enabled, diag.Warning, "Configuration file '"+path+"' "+why+" - skipping", hint)
		return nil
	}
	facts, err := r.files.Stat(full)
	switch {
	case err != nil:
		return skip("open problem ("+err.Error()+")", "")
	case facts.Dir:
		return skip("is a directory", "name the files in it, for example with *.conf")
	case !facts.Regular:
		return skip("is not a regular non-executable file", "only a regular file can be read")
	case facts.Exec:
		return skip("is not a regular non-executable file", "take its execute bits away")
	}
	v, known := r.known[full]
	if !known || v.id != facts.ID {
		v.text, facts, err = r.files.Read(full)
		if err != nil {
			return skip("open problem ("+err.Error()+")", "")
		}
		v.id, v.pos = facts.ID, from
		r.known[full] = v
	}
	if !r.charge(from, len(v.text)) {
		return nil
	}
	file := &diag.File{Name: full, Text: v.text, From: from, Seq: r.seq}
	r.seq++
	r.opened = append(r.opened, file)
	f := &frame{file: file, scan: lex.NewScanner(v.text), dir: dir}
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		f.dir = full[:len(full)-len(path)+i+1]
	}
	return f
}

// close ends the innermost file and goes on with the next one of its include, or with the file that included it.
func (r *Reader) close() {
	n := len(r.frames) - 1
	if next := r.frames[n].after; next != nil {
		r.frames[n] = next
		return
	}
	r.frames = r.frames[:n]
}

// finish looks once more at the files that were read: what was replaced meanwhile may not belong together.
func (r *Reader) finish() {
	r.stopped = true
	for _, f := range r.opened {
		v, ok := r.known[f.Name]
		if !ok {
			continue
		}
		delete(r.known, f.Name) // once for each name
		if now, err := r.files.Stat(f.Name); err != nil || now.ID != v.id {
			r.report(diag.Pos{File: f, Line: 1}, diag.Warning, diag.OK, "the file was changed or replaced while the configuration was read",
				"load the configuration again")
		}
	}
}
