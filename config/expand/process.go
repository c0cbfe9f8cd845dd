package expand

import (
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

// process takes a line through the steps of section 4. ok is false when nothing is left of it for the keywords.
func (r *Reader) process(it item) (out item, ok bool) {
	if r.collecting != nil {
		r.collect(it)
		return item{}, false
	}
	if it.text.S == "" {
		return item{}, false
	}
	if it, ok = r.condition(it); !ok {
		return item{}, false
	}
	if r.define(it) || r.loop(it) {
		return item{}, false
	}
	if r.wholeUse(it) {
		return item{}, false
	}
	if it.text.S[0] != '~' && it.marks.Dollar() {
		if it, ok = r.substituted(it); !ok {
			return item{}, false
		}
	}
	if r.include(it) {
		return item{}, false
	}
	return r.splitBrace(it), true
}

// condition drops a line whose @ID or @^ID does not hold, and takes the condition off one whose does (section 5).
func (r *Reader) condition(it item) (item, bool) {
	s := it.text.S
	if s[0] != '@' {
		return it, true
	}
	end := strings.IndexAny(s, " \t")
	if end < 0 {
		r.report(it.pos.At(it.text.Col(0)), diag.Warning, diag.OK, "'"+clip(s)+"' is a condition with nothing behind it - the line has no effect",
			"\"@ID TEXT\" keeps TEXT where the configuration ID is ID; no other line can begin with @")
		return item{}, false
	}
	id, not := strings.CutPrefix(s[1:end], "^")
	if (id == r.env.ConfigID) == not {
		return item{}, false
	}
	it.text = it.text.Slice(end, len(s)).Trim()
	return it, it.text.S != ""
}

// substituted replaces the definitions in a line and removes the comments that came with them, until nothing changes,
// and starts a loop that only now shows. A condition or a definition that only now shows is not one (section 4 step 7).
func (r *Reader) substituted(it item) (item, bool) {
	left := MaxReplacements
	for again := true; again; {
		var changed bool
		it.text, changed, again = r.substitute(it.text, it.pos, true, &left)
		if r.stopped {
			return item{}, false
		}
		if !changed {
			break
		}
		var closed bool
		if it.text, closed = lex.Decomment(it.text); !closed {
			r.unterminated(it)
		}
	}
	if it.text.S == "" || it.text.S[0] == '~' && r.loop(it) {
		return item{}, false
	}
	it.marks = lex.MarksOf(it.text.S)
	return it, true
}

// splitBrace cuts a line at its first brace; what is left comes next and goes through all steps again.
func (r *Reader) splitBrace(it item) item {
	if !it.marks.Braced() {
		return it
	}
	var rest lex.Text
	it.text, rest = lex.SplitBrace(it.text)
	if rest.S != "" {
		r.rest = item{text: rest, pos: it.pos, marks: it.marks}
	}
	return it
}

func (r *Reader) unterminated(it item) {
	r.report(it.pos.At(it.text.Col(max(0, strings.LastIndexByte(it.text.S, '"')))), diag.Error, diag.GeneralError,
		"Unterminated quote '"+it.text.S+"'", "add the closing double quote")
}

// physical is the next usable line of the open files.
func (r *Reader) physical() (item, bool) {
	for len(r.frames) > 0 && !r.stopped {
		f := r.frames[len(r.frames)-1]
		p, ok := f.scan.Next()
		if !ok {
			r.close()
			continue
		}
		it := item{text: p.Text, marks: p.Marks, pos: diag.Pos{File: f.file, Line: int32(p.Line), Col: 1}}
		if !r.spend(it.pos, 0) {
			break
		}
		switch p.Problem {
		case lex.LineTooLong:
			r.report(it.pos, diag.Error, diag.GeneralError, "line too long - ignoring",
				"a line holds at most 1022 bytes; the rest of this one is read as a line of its own")
			continue
		case lex.LineNUL:
			r.report(it.pos, diag.Error, diag.GeneralError, "configuration appears to have embedded NULs - ignoring line",
				"is this a text file?")
			continue
		}
		it.pos = it.pos.At(p.Text.Col(0))
		it.blank = p.Text.S == ""
		if p.Marks.Commented() {
			var closed bool
			if it.text, closed = lex.Decomment(p.Text); !closed {
				r.unterminated(it)
			}
		}
		return it, true
	}
	return item{}, false
}
