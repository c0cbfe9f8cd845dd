package diag

import (
	"strconv"
	"strings"
)

// MaxChain is how many includes or definitions Render names; a chain that is longer ends with a count.
const MaxChain = 8

// maxShown is how many bytes of a source line Render shows; of a longer line it shows the part around the column.
const maxShown = 160

// Keepalived is d in keepalived's form: "(FILE: Line N) text", or the bare text where there is no place.
func (d *Diagnostic) Keepalived() string {
	if !d.Pos.IsValid() {
		return d.Text
	}
	return "(" + d.Pos.Name() + ": Line " + itoa(int(d.Pos.Line)) + ") " + d.Text
}

// Render is d for people, in lines that end in a newline: place, severity and text; the source line with a marker under
// the column; where the text was defined; where the file was included; the hint. Bytes that a terminal could obey are
// shown as escapes.
func (d *Diagnostic) Render() string {
	var b strings.Builder
	if d.Pos.IsValid() {
		b.WriteString(clean(d.Pos.String()) + ": ")
	}
	b.WriteString(d.Severity.String() + ": " + clean(d.Text) + "\n")
	excerpt(&b, d.Pos)
	n := 0
	for def := d.Pos.Def; def != nil; def, n = def.Next, n+1 {
		if n < MaxChain {
			b.WriteString("  from " + clean(def.Name) + ", written at " + clean(def.Pos.String()) + "\n")
		}
	}
	more(&b, n, "definitions")
	chain := d.Pos.Chain()
	for i, at := range chain {
		if i < MaxChain {
			b.WriteString("  included at " + clean(at.String()) + "\n")
		}
	}
	more(&b, len(chain), "includes")
	if d.Hint != "" {
		b.WriteString("  hint: " + clean(d.Hint) + "\n")
	}
	return b.String()
}

func more(b *strings.Builder, n int, what string) {
	if n > MaxChain {
		b.WriteString("  ... and " + itoa(n-MaxChain) + " more " + what + "\n")
	}
}

// excerpt shows the source line of p and marks its column.
func excerpt(b *strings.Builder, p Pos) {
	line, ok := p.Source()
	if !ok {
		return
	}
	col := min(max(int(p.Col)-1, 0), len(line))
	start := 0
	if len(line) > maxShown && col > maxShown/2 {
		start = min(col-maxShown/2, len(line)-maxShown)
	}
	shown := line[start:min(len(line), start+maxShown)]
	b.WriteString("    " + clean(shown) + "\n")
	if p.Col > 0 {
		b.WriteString("    " + blankOut(clean(shown[:col-start])) + "^\n")
	}
}

// blankOut is as wide as s: tabs stay, everything else becomes blank.
func blankOut(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\t':
			b.WriteByte('\t')
		case wide(r):
			b.WriteString("  ")
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// wide reports whether a terminal shows r in two columns: the scripts of East Asia, and pictures.
func wide(r rune) bool {
	return r >= 0x1100 && r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff ||
		r >= 0xfe30 && r <= 0xfe4f || r >= 0xff00 && r <= 0xff60 || r >= 0xffe0 && r <= 0xffe6 || r >= 0x1f300 && r <= 0x1faff || r >= 0x20000 && r <= 0x3fffd
}

// clean is s with everything escaped that is not printable, except tabs.
func clean(s string) string {
	if plain(s) {
		return s
	}
	q := strconv.Quote(strings.ReplaceAll(s, "\t", "\x00"))
	q = strings.NewReplacer(`\x00`, "\t", `\"`, `"`, `\\`, `\`).Replace(q[1 : len(q)-1])
	return q
}

func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}
