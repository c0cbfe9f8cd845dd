package expand

import (
	"slices"
	"strings"
)

// Limits of patterns. A pattern that exceeds them is refused with an error.
const (
	// MaxAlternatives is how many patterns the braces of one pattern may stand for.
	MaxAlternatives = 1024
	// MaxMatches is how many files one pattern may match.
	MaxMatches = 10_000
	// MaxEntries is how many directory entries a whole read may look at.
	MaxEntries = 1_000_000
)

// globber matches patterns against Files as glob(3) does with GLOB_MARK and GLOB_BRACE in the C locale.
type globber struct {
	files   Files
	dir     string // what relative patterns count from, empty or ending in a slash
	entries *int   // directory entries that may still be looked at
	out     []string
	full    bool // a limit was exceeded
}

// globResult is what a pattern matched. Paths are relative if the pattern was, and directories end in a slash.
type globResult struct {
	paths   []string
	missing bool // an alternative without wildcards matched nothing
	wild    bool // the pattern has a wildcard
	over    bool // a limit was exceeded
}

// glob matches pattern. Each brace alternative is sorted by itself, in the order in which they are written.
func glob(files Files, dir, pattern string, entries *int) globResult {
	var r globResult
	alternatives, ok := braces(pattern)
	if !ok {
		r.over = true
		return r
	}
	g := globber{files: files, dir: dir, entries: entries}
	for _, a := range alternatives {
		g.out = nil
		wild := hasWildcard(a)
		r.wild = r.wild || wild
		root := ""
		if strings.HasPrefix(a, "/") {
			root = "/"
		}
		g.walk(root, a[len(root):])
		if len(g.out) == 0 && !wild {
			r.missing = true
		}
		slices.Sort(g.out)
		r.paths = append(r.paths, g.out...)
		if g.full || len(r.paths) > MaxMatches {
			r.over = true
			return r
		}
	}
	return r
}

// walk matches pattern below prefix, which is empty or ends in a slash.
func (g *globber) walk(prefix, pattern string) {
	for strings.HasPrefix(pattern, "/") {
		prefix, pattern = prefix+"/", pattern[1:]
	}
	part, rest, more := strings.Cut(pattern, "/")
	switch {
	case pattern == "":
		g.found(prefix)
	case !hasWildcard(part):
		path := prefix + unescape(part)
		if more {
			g.walk(path+"/", rest)
		} else {
			g.found(path)
		}
	default:
		g.list(prefix, part, rest, more)
	}
}

// found adds path if it exists.
func (g *globber) found(path string) {
	facts, err := g.files.Stat(g.at(path))
	if err != nil || path == "" {
		return
	}
	if facts.Dir && !strings.HasSuffix(path, "/") {
		path += "/"
	}
	if len(g.out) >= MaxMatches {
		g.full = true
		return
	}
	g.out = append(g.out, path)
}

// list matches part against the entries of the directory prefix.
func (g *globber) list(prefix, part, rest string, more bool) {
	dir := g.at(prefix)
	if dir == "" {
		dir = "."
	}
	names, err := g.files.List(dir)
	if err != nil {
		return
	}
	slices.Sort(names)
	for _, name := range names {
		if *g.entries--; *g.entries < 0 {
			g.full = true
		}
		if g.full {
			return
		}
		if !match(part, name) {
			continue
		}
		if more {
			g.walk(prefix+name+"/", rest)
		} else {
			g.found(prefix + name)
		}
	}
}

// at is path as Files wants it.
func (g *globber) at(path string) string { return join(g.dir, path) }

// join is path counted from dir, which is empty or ends in a slash.
func join(dir, path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return dir + path
}

// braces lists the patterns that the braces of a pattern stand for, in order; ok is false when there are too many. A
// brace without its partner and {} stand for themselves.
func braces(pattern string) (out []string, ok bool) {
	todo := []string{pattern}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		open, alternatives, rest, found := firstBrace(p)
		if !found {
			out = append(out, p)
		} else {
			for _, a := range slices.Backward(alternatives) {
				todo = append(todo, p[:open]+a+rest)
			}
		}
		if len(out)+len(todo) > MaxAlternatives {
			return nil, false
		}
	}
	return out, true
}

// firstBrace finds the first brace expression of p: where it begins, its alternatives, and what follows it.
func firstBrace(p string) (open int, alternatives []string, rest string, found bool) {
	for open = 0; open < len(p); open++ {
		switch p[open] {
		case '\\':
			open++
		case '{':
			if strings.HasPrefix(p[open:], "{}") {
				open++
				continue
			}
			if alternatives, rest, found = alternativesOf(p[open+1:]); found {
				return open, alternatives, rest, true
			}
			return 0, nil, "", false
		}
	}
	return 0, nil, "", false
}

// alternativesOf splits s, which follows an opening brace, at its commas up to the closing brace.
func alternativesOf(s string) (out []string, rest string, found bool) {
	depth, from := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			depth++
		case ',':
			if depth == 0 {
				out = append(out, s[from:i])
				from = i + 1
			}
		case '}':
			if depth == 0 {
				return append(out, s[from:i]), s[i+1:], true
			}
			depth--
		}
	}
	return nil, "", false
}
