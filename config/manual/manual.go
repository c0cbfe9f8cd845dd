// Package manual makes the reference of the language from the schema: a page in Markdown for every block, and a manual page
// in the form of man(7). A test keeps the files in docs current.
package manual

import (
	"fmt"
	"strings"

	"holdfast.dev/config/explain"
	"holdfast.dev/config/schema"
)

// Page is one file.
type Page struct {
	Name string // relative to docs
	Text string
}

const made = "Made from config/schema by `go test ./config/manual -update`; change it there."

// Pages are all files, in the order of the schema.
func Pages() []Page {
	var pages []Page
	index := new(strings.Builder)
	fmt.Fprintf(index, "# The configuration language\n\n%s\n\nBelow the keywords are quoting, includes, definitions, loops and conditions; see [language.md](language.md). "+
		"Tools: `holdfast check`, `fmt`, `explain`, `diff`, `lint`; see [tools.md](tools.md).\n\n| block | what for |\n|---|---|\n", made)
	for _, b := range schema.Blocks() {
		name := file(b)
		fmt.Fprintf(index, "| [%s](%s) | %s |\n", b.Path, name, cell(b.Means))
		pages = append(pages, Page{"config/" + name, block(b)})
	}
	return append([]Page{{"config/README.md", index.String()}, {"man/holdfast.conf.5", man()}}, pages...)
}

func file(b *schema.Block) string {
	return strings.ReplaceAll(b.Path, "/", ".") + ".md"
}

// cell keeps a text inside a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// block is the page of one block.
func block(b *schema.Block) string {
	w := new(strings.Builder)
	title := b.Path
	if title == "root" {
		title = "The top level"
	}
	fmt.Fprintf(w, "# %s\n\n%s %s\n", title, explain.Sentence(b.Means), made)
	if b.Path != "root" {
		fmt.Fprintf(w, "\nIt stands in %s.\n", outer(b))
	}
	for i := range b.Keys {
		keyword(w, &b.Keys[i])
	}
	return w.String()
}

// outer links the block that a block stands in.
func outer(b *schema.Block) string {
	path := "root"
	if i := strings.LastIndexByte(b.Path, '/'); i >= 0 {
		path = b.Path[:i]
	}
	o := schema.Lookup(path)
	if path == "root" {
		return "[the top level](root.md)"
	}
	return fmt.Sprintf("[%s](%s)", path, file(o))
}

func keyword(w *strings.Builder, k *schema.Keyword) {
	name := k.Name
	if name == schema.Entry {
		name = "each line"
	}
	fmt.Fprintf(w, "\n## %s\n\n%s\n\n```\n%s\n```\n\n", name, explain.Sentence(k.Means), k.Usage())
	for _, f := range facts(k) {
		fmt.Fprintf(w, "- %s\n", f)
	}
	if c := k.Content(); c != nil {
		fmt.Fprintf(w, "- what stands in it: [%s](%s)\n", c.Path, file(c))
	}
	fmt.Fprintf(w, "\nExample:\n\n```\n%s\n```\n", strings.ReplaceAll(k.Good, "\t", "    "))
}

// facts are what there is to say about a keyword besides its meaning.
func facts(k *schema.Keyword) (out []string) {
	add := func(name, text string) {
		if text != "" {
			out = append(out, name+": "+text)
		}
	}
	out = append(out, explain.Takes(k)...)
	add("default", k.Default)
	add("not with", k.Excludes)
	add("another name of", k.Alias)
	add("old", k.Old)
	add("since", explain.Since(k))
	add("not built yet", strings.TrimPrefix(explain.Built(k), "not yet; "))
	return out
}

// man is the manual page of the whole language.
func man() string {
	w := new(strings.Builder)
	w.WriteString(".\\\" " + strings.ReplaceAll(made, "`", "") + "\n")
	w.WriteString(".TH HOLDFAST.CONF 5\n.SH NAME\nholdfast.conf, keepalived.conf \\- configuration of holdfast\n.SH DESCRIPTION\n" +
		"holdfast reads the configuration of keepalived as it is. \\fBholdfast explain\\fR KEYWORD shows any entry below.\n")
	for _, b := range schema.Blocks() {
		title := strings.ToUpper(b.Path)
		if b.Path == "root" {
			title = "TOP LEVEL"
		}
		fmt.Fprintf(w, ".SH %s\n%s\n", roff(title), roff(explain.Sentence(b.Means)))
		for i := range b.Keys {
			k := &b.Keys[i]
			fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roff(k.Usage()), roff(explain.Sentence(k.Means)))
			for _, f := range facts(k) {
				fmt.Fprintf(w, ".br\n%s\n", roff(explain.Sentence(f)))
			}
		}
	}
	w.WriteString(".SH SEE ALSO\n.BR holdfast (8)\n")
	return w.String()
}

// roff escapes what the formatter would obey.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(s)
	if s != "" && (s[0] == '.' || s[0] == '\'') {
		s = `\&` + s
	}
	return s
}
