package expand

import (
	"math"
	"strconv"
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

// maxSeqParams is how long the parameters of ~SEQ behind the name may be, in bytes after definitions were replaced.
const maxSeqParams = 63

// loop takes a line that begins with ~SEQ or ~LST (section 7); ok is false when it is no such line.
func (r *Reader) loop(it item) (ok bool) {
	s := it.text.S
	word := "~SEQ"
	if !strings.HasPrefix(s, word) {
		word = "~LST"
		if !strings.HasPrefix(s, word) {
			return false
		}
	}
	var src source
	var problem string
	if word == "~SEQ" {
		src, problem = r.sequence(it)
	} else {
		src, problem = list(it)
	}
	if problem != "" {
		r.report(it.pos, diag.Error, diag.GeneralError, "Invalid "+word+" specification '"+s+"'", problem)
	} else if src != nil {
		r.push(it.pos, src)
	}
	return true
}

// sequence is a ~SEQ that is under way.
type sequence struct {
	name     string
	left     uint64
	at, step int64
	hex      bool
	text     lex.Text
	pos      diag.Pos
}

func (q *sequence) next(r *Reader) (item, bool) {
	if q.left == 0 {
		return item{}, false
	}
	value := strconv.FormatInt(q.at, 10)
	if q.hex {
		value = strconv.FormatInt(q.at, 16)
	}
	q.left--
	q.at += q.step
	if !r.set(&definition{name: q.name, value: value}) {
		return item{}, false
	}
	return round(item{text: q.text, pos: q.pos, marks: lex.MarksOf(q.text.S)}, "~SEQ "+q.name+"="+value), true
}

// round is one round of a loop over it.
func round(it item, name string) item {
	it.pos.Def = &diag.Def{Name: name, Pos: it.pos, Next: it.pos.Def}
	return it
}

// sequence reads ~SEQ(VAR, [START, [STEP,]] END) TEXT.
func (r *Reader) sequence(it item) (src source, problem string) {
	t := it.text
	from := len("~SEQ")
	q := &sequence{pos: it.pos}
	if strings.HasPrefix(t.S[from:], "x") {
		q.hex = true
		from++
	}
	open, closing := parentheses(t.S, from)
	comma := strings.IndexByte(t.S, ',')
	if closing < 0 || comma < 0 || comma > closing {
		return nil, "write ~SEQ(NAME, START, STEP, END) TEXT"
	}
	q.name = strings.Trim(t.S[open+1:comma], " \t")
	left := MaxReplacements
	params, _, _ := r.substitute(t.Slice(comma+1, closing).Trim(), it.pos, false, &left)
	if len(params.S) > maxSeqParams {
		return nil, "the parameters behind the name are longer than 63 bytes"
	}
	if problem = q.numbers(strings.Split(params.S, ",")); problem != "" {
		return nil, problem
	}
	q.text = t.Slice(closing+1, len(t.S)).Trim()
	if r.stopped {
		return nil, ""
	}
	if !r.within(q.left <= MaxLines, it.pos, "~SEQ has more than 4000000 rounds") {
		return nil, ""
	}
	return q, ""
}

// parentheses finds the pair that begins at byte i of s, after blanks; closing is negative when there is none.
func parentheses(s string, i int) (open, closing int) {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	if i == len(s) || s[i] != '(' {
		return 0, -1
	}
	return i, strings.IndexByte(s, ')')
}

// numbers takes END, or START and END, or START, STEP and END.
func (q *sequence) numbers(params []string) (problem string) {
	var n [3]int64
	if len(params) > len(n) {
		return "there are at most three numbers: START, STEP, END"
	}
	for i, p := range params {
		p = strings.Trim(p, " \t")
		v, bad := lex.Int(p, 0, math.MinInt64+1, math.MaxInt64, true)
		if p == "" || !bad.OK() {
			return "'" + p + "' is not a number"
		}
		n[i] = v
	}
	end := q.span(n, len(params))
	switch {
	case q.step == 0:
		return "the step is zero"
	case q.step > 0 && end < q.at || q.step < 0 && end > q.at:
		return "the step leads away from the end"
	case q.hex && (q.at < 0 || end < 0):
		return "~SEQx is only valid for positive numbers"
	}
	q.count(end)
	return ""
}

// span sets start and step from given numbers, and returns the end.
func (q *sequence) span(n [3]int64, given int) (end int64) {
	switch given {
	case 1:
		q.at, q.step, end = 1, 1, n[0]
		if end < 0 {
			q.at = -1
		}
		if end < 1 {
			q.step = -1
		}
	case 2:
		q.at, q.step, end = n[0], 1, n[1]
		if end < q.at {
			q.step = -1
		}
	default:
		q.at, q.step, end = n[0], n[1], n[2]
	}
	return end
}

// count works out how many rounds lead to end.
func (q *sequence) count(end int64) {
	way, step := uint64(end)-uint64(q.at), uint64(q.step)
	if q.step < 0 {
		way, step = uint64(q.at)-uint64(end), -uint64(q.step)
	}
	q.left = way / step
	if q.left < math.MaxUint64 {
		q.left++
	}
}
