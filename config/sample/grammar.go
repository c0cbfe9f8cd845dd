package sample

import (
	_ "embed"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

// A grammar is a list of rules. A rule begins with "=== NAME" and has alternatives: texts of several lines with "---"
// between them or, after "=== NAME lines", one on each line, in which " | " ends a line and "(nothing)" is an empty one.
// Rules of the same name add up. In a text, <NAME> stands for one alternative of that rule, <NAME?> for one or none,
// <NAME+3> for one to three different ones and <NAME*3> for none to three; "once" in the head of a rule makes its
// choice hold for the whole configuration. <n> is a number that no <n> before had, <m> the last such. Any other word in
// angles is text.
type grammar map[string]*rule

type rule struct {
	texts []string
	once  bool
}

//go:embed lines.txt
var linesText string

//go:embed products.txt
var productsText string

var rules = parse(linesText + productsText)

func parse(text string) grammar {
	g := make(grammar)
	for _, part := range strings.Split("\n"+text, "\n=== ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		words := strings.Fields(head)
		r := g[words[0]]
		if r == nil {
			r = new(rule)
			g[words[0]] = r
		}
		body = strings.TrimSuffix(body, "\n")
		separator := "\n---\n"
		for _, w := range words[1:] {
			r.once = r.once || w == "once"
			if w == "lines" {
				separator = "\n"
				body = strings.NewReplacer(" | ", "\x00", "(nothing)", "").Replace(body)
			}
		}
		for t := range strings.SplitSeq(body, separator) {
			r.texts = append(r.texts, strings.ReplaceAll(t, "\x00", "\n"))
		}
	}
	return g
}

// writer expands a grammar.
type writer struct {
	*rand.Rand
	chosen map[string]string
	number int
}

var reference = regexp.MustCompile(`<([a-z][a-z0-9-]*)([?+*]?)(\d*)>`)

// expand replaces the references in a text.
func (w *writer) expand(text string) string {
	return reference.ReplaceAllStringFunc(text, func(s string) string {
		m := reference.FindStringSubmatch(s)
		switch r := rules[m[1]]; {
		case m[1] == "n":
			w.number++
			return strconv.Itoa(w.number%253 + 1)
		case m[1] == "m":
			return strconv.Itoa(w.number%253 + 1)
		case r == nil:
			return s
		case r.once:
			if w.chosen[m[1]] == "" {
				w.chosen[m[1]] = r.texts[w.IntN(len(r.texts))]
			}
			return w.chosen[m[1]]
		default:
			most, _ := strconv.Atoi(m[3])
			return w.some(r, m[2], most)
		}
	})
}

// some is as many different alternatives of a rule as the mark behind its name says.
func (w *writer) some(r *rule, mark string, most int) string {
	n := 1
	switch mark {
	case "?":
		n = w.IntN(2)
	case "+":
		n += w.IntN(most)
	case "*":
		n = w.IntN(most + 1)
	}
	var out []string
	for _, i := range w.Perm(len(r.texts)) {
		if len(out) < n {
			out = append(out, w.expand(r.texts[i]))
		}
	}
	for len(out) < n { // there are fewer alternatives than wanted
		out = append(out, w.expand(r.texts[w.IntN(len(r.texts))]))
	}
	return strings.Join(out, "\n")
}
