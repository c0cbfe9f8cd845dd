package format

import (
	"errors"
	"slices"
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/expand"
)

// maxIDs is how many conditions are tried.
const maxIDs = 8

// same reports whether two texts give the same lines of keywords, under every condition that the first names.
func same(a, b string) bool {
	for _, id := range ids(a) {
		if !slices.Equal(stream(a, id), stream(b, id)) {
			return false
		}
	}
	return true
}

// ids are the configuration ids that a text's conditions name, and one that none does.
func ids(text string) []string {
	out := []string{"\x01"}
	scan(text, func(line string) {
		t := strings.TrimLeft(line, " \t")
		if !strings.HasPrefix(t, "@") || len(out) > maxIDs {
			return
		}
		id := strings.TrimPrefix(t[1:], "^")
		if i := strings.IndexAny(id, " \t"); i >= 0 {
			id = id[:i]
		}
		if id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	})
	return out
}

// stream is what the reader makes of a text: the words of every line by both rules, and what it had to say.
func stream(text, id string) []string {
	var diags diag.List
	r := expand.New(alone(text), name, expand.Env{ConfigID: id, Dir: "/"}, &diags)
	var out []string
	for {
		line, ok := r.Next()
		if !ok {
			break
		}
		var b strings.Builder
		for _, w := range line.Words {
			b.WriteString(w.Text + "\x00")
		}
		words, missing := line.ScriptWords()
		for _, w := range words {
			b.WriteString("\x01" + w.Text)
		}
		b.WriteByte(missing)
		out = append(out, b.String())
	}
	for _, d := range diags.All() {
		out = append(out, d.Text)
	}
	return out
}

const name = "/file"

// alone is a file system with one file: what it includes is not there.
type alone string

var errNone = errors.New("no such file or directory")

func (a alone) Stat(path string) (expand.Facts, error) {
	if path != name {
		return expand.Facts{}, errNone
	}
	return expand.Facts{Regular: true}, nil
}

func (a alone) Read(path string) (string, expand.Facts, error) {
	facts, err := a.Stat(path)
	return string(a), facts, err
}

func (a alone) List(string) ([]string, error) { return nil, errNone }
