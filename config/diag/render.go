package diag

// Keepalived is d in keepalived's form: "(FILE: Line N) text".
func (d *Diagnostic) Keepalived() string { return "" }

// Render is d for people, in several lines: place, severity and text, the source line with a marker under the column,
// where it was included and defined, and the hint.
func (d *Diagnostic) Render() string { return "" }

// Nearest is the word of known that word was probably meant to be; ok is false when none is near.
func Nearest(word string, known []string) (best string, ok bool) { return "", false }
