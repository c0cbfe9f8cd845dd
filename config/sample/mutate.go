package sample

import (
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// Mutate is s with one or two things wrong in one of its files.
func (s Set) Mutate(seed uint64) Set {
	w := &writer{Rand: rand.New(rand.NewPCG(seed, 2))}
	out := maps.Clone(s)
	path := pick(w, slices.Sorted(maps.Keys(out))...)
	for range pick(w, "x", "x", "x", "x", "xx") {
		out[path] = w.mutate(out[path])
	}
	return out
}

var (
	number  = regexp.MustCompile(`\d+`)
	address = regexp.MustCompile(`\d+\.\d+\.\d+\.\d+(/\d+)?`)
	words   = vocabulary()
)

// vocabulary is every word of the grammar.
func vocabulary() []string {
	all := regexp.MustCompile(`[A-Za-z_0-9./:-]{2,}`).FindAllString(linesText+productsText, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

// mutate changes one line, or its place.
func (w *writer) mutate(text string) string {
	lines := strings.Split(text, "\n")
	var full []int
	for i, l := range lines {
		if strings.TrimSpace(l) != "" {
			full = append(full, i)
		}
	}
	if len(full) == 0 {
		return text
	}
	i, j := full[w.IntN(len(full))], full[w.IntN(len(full))]
	switch w.IntN(12) {
	case 0:
		lines = slices.Delete(lines, i, i+1)
	case 1:
		lines = slices.Insert(lines, i, lines[i])
	case 2:
		lines[i], lines[j] = lines[j], lines[i]
	case 3:
		l := lines[i]
		lines = slices.Insert(slices.Delete(lines, i, i+1), min(j, len(lines)-1), l)
	case 4:
		if i+1 < len(lines) {
			lines[i] += " " + lines[i+1]
			lines = slices.Delete(lines, i+1, i+2)
		}
	case 5:
		if head, tail, ok := strings.Cut(strings.TrimSpace(lines[i]), " "); ok {
			lines[i] = head
			lines = slices.Insert(lines, i+1, tail)
		}
	case 6:
		lines = slices.Insert(lines, i, w.expand(pick(w, "<instance-line>", "<global-line>", "<service-line>", "<extra>", "<checker>", "<script-line>")))
	default:
		lines[i] = w.line(lines[i])
	}
	return strings.Join(lines, "\n")
}

// line is a line with something wrong in it.
func (w *writer) line(l string) string {
	f := strings.Fields(l)
	p := w.IntN(len(l))
	switch w.IntN(10) {
	case 0:
		if len(f) > 1 {
			k := 1 + w.IntN(len(f)-1)
			return strings.Join(slices.Delete(f, k, k+1), " ")
		}
	case 1:
		return strings.Join(slices.Insert(f, w.IntN(len(f)+1), pick(w, words...)), " ")
	case 2:
		return replace(l, number, pick(w, "0", "-1", "256", "99999999999", "1.5", "abc", "300", "65536", "4294967296", "1000", "0x10", "007", "3s", ""))
	case 3:
		return l[:p] + l[p+1:]
	case 4:
		return l[:p] + pick(w, strings.Split("abz019{}\"'#!$@~/.:-_ \t,;=*\\", "")...) + l[p:]
	case 5:
		return strings.Map(swapCase, l)
	case 6:
		return strings.NewReplacer("{", "", "}", "").Replace(l)
	case 7:
		return l + pick(w, " ;", " # c", " ! c", ";", " extra", ` "`, " {", " }", ` "q q"`, " yes", " no")
	case 8:
		return replace(l, address, pick(w, "10.0.0.300", "10.0.0", "10.0.0.1/33", "fe80::1", "2001:db8::5/64", "host.example",
			"10.0.0.9", "224.0.0.1", "0.0.0.0", "::", "10.0.0.1/24/24", "10.0.0.1:80"))
	default:
		f[len(f)-1] = pick(w, words...)
		return strings.Join(f, " ")
	}
	return l
}

// replace puts s in the place of the first match.
func replace(l string, re *regexp.Regexp, s string) string {
	if m := re.FindStringIndex(l); m != nil {
		return l[:m[0]] + s + l[m[1]:]
	}
	return l
}

func swapCase(c rune) rune {
	switch {
	case c >= 'a' && c <= 'z':
		return c - 'a' + 'A'
	case c >= 'A' && c <= 'Z':
		return c - 'A' + 'a'
	}
	return c
}
