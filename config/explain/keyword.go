// Package explain says in plain English what a keyword is, and what a configuration will do.
package explain

import (
	"fmt"
	"slices"
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

// Keyword explains a keyword in every block that knows it, a block, or one of both as "vrrp_instance/priority". ok is false
// for a word that nothing knows; then text says what was probably meant.
func Keyword(word string) (text string, ok bool) {
	var parts []string
	for _, b := range schema.Blocks() {
		for i := range b.Keys {
			k := &b.Keys[i]
			if k.Name != schema.Entry && (k.Name == word || b.Path+"/"+k.Name == word) {
				parts = append(parts, describe(k))
			}
		}
	}
	if b := schema.Lookup(word); b != nil {
		parts = append(parts, contents(b))
	}
	if len(parts) == 0 {
		parts = optionUses(word)
	}
	if len(parts) > 0 {
		return strings.Join(parts, "\n"), true
	}
	text = fmt.Sprintf("no keyword, block or option is called %q", word)
	if best, ok := diag.Nearest(word, Words(word[:strings.LastIndexByte(word, '/')+1])); ok {
		text += fmt.Sprintf("; did you mean %q?", best)
	}
	return text + "\n", false
}

// Words are all keywords and blocks that begin so, sorted, for completion: "prio", "vrrp_instance/prio".
func Words(begun string) []string {
	var words []string
	add := func(word string) {
		if strings.HasPrefix(word, begun) {
			words = append(words, word)
		}
	}
	for _, b := range schema.Blocks() {
		if b.Path != "root" {
			add(b.Path)
		}
		for i := range b.Keys {
			switch name := b.Keys[i].Name; {
			case name == schema.Entry:
			case !strings.Contains(begun, "/"):
				add(name)
			case b.Path != "root":
				add(b.Path + "/" + name)
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// where names the block of a keyword for people.
func where(b *schema.Block) string {
	if b.Path == "root" {
		return "at the top level"
	}
	return "in " + b.Path
}

// describe is all there is to say about one keyword.
func describe(k *schema.Keyword) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n    %s\n", k.Name, where(k.Block()), Sentence(k.Means))
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "    %-9s %s\n", name+":", value)
		}
	}
	line("write", k.Usage())
	for _, a := range Takes(k) {
		line("takes", a)
	}
	line("default", k.Default)
	line("again", repeats[k.Repeat])
	if k.Excludes != "" {
		line("not with", k.Excludes)
	}
	if k.Alias != "" {
		line("same as", k.Alias)
	}
	line("old", k.Old)
	line("since", Since(k))
	line("built", Built(k))
	for i, l := range strings.Split(k.Good, "\n") {
		name := "example:"
		if i > 0 {
			name = ""
		}
		fmt.Fprintf(&b, "    %-9s %s\n", name, strings.ReplaceAll(l, "\t", "  "))
	}
	return b.String()
}

var repeats = map[schema.Repeat]string{
	schema.First:   "the first counts, a later one is an error",
	schema.Replace: "the last counts, which is an error",
	schema.Many:    "every one counts",
}

// Sentence begins with a capital and ends in a full stop.
func Sentence(s string) string {
	if s = strings.TrimSpace(s); s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// Since is the version that brought a keyword, in words; empty for what has always been there.
func Since(k *schema.Keyword) string {
	switch k.Since {
	case "":
		return ""
	case schema.Own:
		return "holdfast only; keepalived reports an unknown keyword"
	}
	return "a keepalived later than 2.2.7"
}

// Built says whether the effect is there; empty when it is.
func Built(k *schema.Keyword) string {
	switch {
	case k.Built == schema.Yes || k.Directive:
		return ""
	case k.Built == schema.Detail:
		return "read and checked; it shapes what is not built yet"
	case k.Built == schema.UnlessTrue:
		return "not yet; a file that switches it on passes a test but can't be started with"
	}
	return "not yet; a file with it passes a test but can't be started with"
}

// Takes says for each argument that has something to say what it may be.
func Takes(k *schema.Keyword) (out []string) {
	for i := range k.Args {
		if s := argument(&k.Args[i]); s != "" {
			out = append(out, s)
		}
	}
	if k.Each != nil {
		out = append(out, "any number of "+k.Each.Name)
	}
	return out
}

func argument(a *schema.Arg) string {
	s := ""
	switch a.Kind {
	case schema.Number, schema.Decimal:
		s = "a number " + a.Bounds()
	case schema.Bool:
		s = "true, on, yes, false, off or no"
	case schema.Choice:
		s = "one of " + strings.Join(a.Choices, ", ")
	case schema.Iface:
		s = "an interface name of at most 15 characters"
	case schema.Addr, schema.Prefix:
		s = "an address" + map[int]string{4: " of IPv4", 6: " of IPv6"}[a.Family]
		if a.Group {
			s = "a multicast" + strings.TrimPrefix(s, "an")
		}
		if a.Kind == schema.Prefix {
			s += ", perhaps with /LENGTH"
		}
	case schema.Command:
		s = "a command; with arguments it must stand in quotes"
	case schema.Word:
		if a.Max > 0 {
			s = fmt.Sprintf("at most %d characters", a.Max)
		}
	}
	if s == "" {
		return ""
	}
	return a.Name + " is " + s
}

// contents lists what may stand in a block.
func contents(b *schema.Block) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s { ... }\n    %s\n", b.Path, Sentence(b.Means))
	for i := range b.Keys {
		k := &b.Keys[i]
		name := k.Name
		if name == schema.Entry {
			name = "each line"
		}
		fmt.Fprintf(&out, "    %-28s %s\n", name, k.Means)
	}
	return out.String()
}

// optionUses finds a word among the options of entries, such as "preferred_lft".
func optionUses(word string) (parts []string) {
	for _, b := range schema.Blocks() {
		for i := range b.Keys {
			k := &b.Keys[i]
			for j := range k.Args {
				if hasOption(k.Args[j].Opts, word) {
					parts = append(parts, fmt.Sprintf("%s, an option %s\n    write:    %s\n", word, entryOf(k), k.Usage()))
					break
				}
			}
		}
	}
	return parts
}

func entryOf(k *schema.Keyword) string {
	if k.Name == schema.Entry {
		return "of the lines in " + k.Block().Path
	}
	return "of " + k.Name + " " + where(k.Block())
}

func hasOption(opts []schema.Option, word string) bool {
	return slices.ContainsFunc(opts, func(o schema.Option) bool {
		return slices.Contains(o.Words, word) || hasOption(o.Opts, word)
	})
}
