package expand

import "strings"

// hasWildcard reports whether a pattern has *, ? or a bracket expression outside escapes.
func hasWildcard(p string) bool {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '*', '?':
			return true
		case '[':
			if _, _, ok := bracket(p[i:], 0); ok {
				return true
			}
		}
	}
	return false
}

// unescape removes the backslashes that protect the byte after them.
func unescape(p string) string {
	if strings.IndexByte(p, '\\') < 0 {
		return p
	}
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] == '\\' && i+1 < len(p) {
			i++
		}
		b.WriteByte(p[i])
	}
	return b.String()
}

// match reports whether a file name matches a pattern without slashes, as fnmatch(3) does with FNM_PERIOD. The time is
// at most the product of the lengths.
func match(p, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(p, ".") && !strings.HasPrefix(p, `\.`) {
		return false
	}
	star, back := -1, 0 // where the last * stands, and where its match may end
	i, j := 0, 0
	for j < len(name) {
		if i < len(p) && p[i] == '*' {
			star, back = i, j
			i++
			continue
		}
		if n, ok := matchOne(p[i:], name[j]); ok {
			i += n
			j++
			continue
		}
		if star < 0 {
			return false
		}
		back++
		i, j = star+1, back
	}
	return strings.Trim(p[i:], "*") == ""
}

// matchOne matches the first element of p with one byte, and returns the length of that element.
func matchOne(p string, c byte) (n int, ok bool) {
	if p == "" {
		return 0, false
	}
	switch p[0] {
	case '?':
		return 1, true
	case '[':
		if n, in, closed := bracket(p, c); closed {
			return n, in
		}
	case '\\':
		if len(p) > 1 {
			return 2, p[1] == c
		}
	}
	return 1, p[0] == c
}

// bracket reads the bracket expression at the beginning of p: its length, and whether c is in it. ok is false when it
// is not closed, so that the bracket stands for itself.
func bracket(p string, c byte) (n int, in, ok bool) {
	i := 1
	negated := i < len(p) && (p[i] == '!' || p[i] == '^')
	if negated {
		i++
	}
	for first := true; i < len(p); first = false {
		if p[i] == ']' && !first {
			return i + 1, in != negated, true
		}
		if n, hit, found := class(p[i:], c); found {
			in = in || hit
			i += n
			continue
		}
		lo, n := element(p[i:])
		i += n
		hi := lo
		if i+1 < len(p) && p[i] == '-' && p[i+1] != ']' {
			hi, n = element(p[i+1:])
			i += 1 + n
		}
		in = in || lo <= c && c <= hi
	}
	return 0, false, false
}

// element is the byte at the beginning of p and how long it is written.
func element(p string) (c byte, n int) {
	if p[0] == '\\' && len(p) > 1 {
		return p[1], 2
	}
	return p[0], 1
}

// class reads a character class such as [:digit:] at the beginning of p.
func class(p string, c byte) (n int, in, ok bool) {
	if !strings.HasPrefix(p, "[:") {
		return 0, false, false
	}
	name, _, found := strings.Cut(p[2:], ":]")
	if !found {
		return 0, false, false
	}
	in, ok = inClass(name, c)
	return len(name) + 4, in, ok
}

// inClass reports whether c is in a class of the C locale; ok is false for a name that is no class.
func inClass(name string, c byte) (in, ok bool) {
	upper, lower := c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z'
	number, graph := c >= '0' && c <= '9', c > ' ' && c < 0x7f
	switch name {
	case "alpha":
		return upper || lower, true
	case "digit":
		return number, true
	case "alnum":
		return upper || lower || number, true
	case "upper":
		return upper, true
	case "lower":
		return lower, true
	case "space":
		return c == ' ' || c >= '\t' && c <= '\r', true
	case "blank":
		return c == ' ' || c == '\t', true
	case "punct":
		return graph && !upper && !lower && !number, true
	case "print":
		return graph || c == ' ', true
	case "graph":
		return graph, true
	case "cntrl":
		return c < ' ' || c == 0x7f, true
	case "xdigit":
		return number || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F', true
	}
	return false, false
}
