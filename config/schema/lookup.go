package schema

import (
	"slices"
	"strings"
	"sync/atomic"

	"holdfast.dev/config/diag"
)

// linked is the whole of the tables, linked. It is built when it is first asked for, for of the processes of a daemon only one reads
// configurations, and never changes.
var linked atomic.Pointer[lang]

func language() *lang {
	if l := linked.Load(); l != nil {
		return l
	}
	linked.CompareAndSwap(nil, link(tables())) // two at a time build two, of which one counts
	return linked.Load()
}

type lang struct {
	root   *Block
	blocks []*Block
	byPath map[string]*Block
	where  map[string][]string // keyword → paths of the blocks that know it
}

// tables lists all blocks.
func tables() []*Block {
	return slices.Concat(rootBlocks(), globalBlocks(), staticBlocks(), vrrpBlocks(), trackBlocks(),
		virtualServerBlocks(), checkerBlocks(), bfdBlocks())
}

// link connects keywords with the blocks that they stand in and open.
func link(blocks []*Block) *lang {
	l := &lang{blocks: blocks, byPath: make(map[string]*Block), where: make(map[string][]string)}
	for _, b := range blocks {
		l.byPath[b.Path] = b
		b.Keys = slices.Clone(b.Keys) // others may be at the same
		b.index = make(map[string]*Keyword, len(b.Keys))
		for i := range b.Keys {
			k := &b.Keys[i]
			k.block = b
			b.index[k.Name] = k
			l.where[k.Name] = append(l.where[k.Name], b.Path)
		}
	}
	l.root = l.byPath["root"]
	for _, b := range blocks {
		for i := range b.Keys {
			k := &b.Keys[i]
			if k.Opens == Keywords || k.Opens == Entries {
				k.body = l.byPath[k.bodyPath()]
			}
		}
	}
	return l
}

func (k *Keyword) bodyPath() string {
	switch {
	case k.Body != "":
		return k.Body
	case k.block.Path == "root":
		return k.Name
	}
	return k.block.Path + "/" + k.Name
}

// Root is the block of the top level.
func Root() *Block { return language().root }

// Blocks lists all blocks. The caller must not change them.
func Blocks() []*Block { return language().blocks }

// Lookup is the block of that path, or nil.
func Lookup(path string) *Block { return language().byPath[path] }

// Where lists the paths of the blocks that know a keyword.
func Where(keyword string) []string { return language().where[keyword] }

// Suggest is a hint for a word that block b does not know: where the word would be legal, or what was meant.
func Suggest(b *Block, word string) string {
	if hint := bygone(word); hint != "" {
		return hint
	}
	if k := b.Find(aliasOf(word)); k != nil {
		return "did you mean '" + k.Name + "'?"
	}
	if places := Where(word); len(places) > 0 && word != Entry {
		if places = slices.Clone(places); places[0] == "root" {
			places[0] = "the top level"
		}
		if len(places) > 3 {
			places = append(places[:3], "others")
		}
		return "'" + word + "' belongs into " + strings.Join(places, ", ") + ", not " + place(b)
	}
	known := make([]string, 0, len(b.Keys))
	for i := range b.Keys {
		known = append(known, b.Keys[i].Name)
	}
	if best, ok := diag.Nearest(word, known); ok {
		return "did you mean '" + best + "'?"
	}
	return ""
}

// aliasOf is the keyword that word is another name of somewhere, or empty.
func aliasOf(word string) string {
	for _, path := range Where(word) {
		if k := Lookup(path).Find(word); k.Alias != "" {
			return k.Alias
		}
	}
	return ""
}

func place(b *Block) string {
	if b.Path == "root" {
		return "the top level"
	}
	return b.Path
}

// longest is how long a usage may be that is shown as a hint.
const longest = 160

// writing is a hint that shows how the keyword is written.
func (k *Keyword) writing() string {
	usage := k.Usage()
	switch {
	case len(usage) <= longest:
		return "write it as: " + usage
	case k.Name == Entry:
		return "holdfast explain " + k.block.Path + " shows how it is written"
	}
	return "holdfast explain " + k.block.Path + "/" + k.Name + " shows how it is written"
}

// Usage shows how the keyword is written.
func (k *Keyword) Usage() string {
	var b strings.Builder
	if k.Name != Entry {
		b.WriteString(k.Name)
	}
	for i := range k.Args {
		b.WriteByte(' ')
		b.WriteString(k.Args[i].usage())
	}
	switch k.Opens {
	case Keywords, Entries:
		b.WriteString(" { ... }")
	case Words:
		b.WriteString(" { " + k.Each.Name + " ... }")
	}
	return strings.TrimSpace(b.String())
}

func (a *Arg) usage() string {
	s := a.Name
	switch a.Kind {
	case Choice:
		s = strings.Join(a.Choices, "|")
	case Options:
		s := optionsUsage(a.Opts, a.Plain)
		if !a.Optional && a.Plain != nil {
			s = strings.Replace(s, "["+optionUsage(a.Plain)+"]", optionUsage(a.Plain), 1)
		}
		return s
	}
	if a.Rest {
		s += " ..."
	}
	if a.Optional {
		s = "[" + s + "]"
	}
	return s
}

func optionsUsage(opts []Option, plain *Option) string {
	var b strings.Builder
	for i := range opts {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("[" + optionUsage(&opts[i]) + "]")
	}
	if plain != nil {
		b.WriteString(" [" + optionUsage(plain) + "]")
	}
	return b.String()
}

func optionUsage(o *Option) string {
	s := strings.Join(o.Words, "|")
	for i := range o.Args {
		s += " " + o.Args[i].usage()
	}
	if len(o.Opts) > 0 {
		s += " " + optionsUsage(o.Opts, nil)
	}
	return strings.TrimSpace(s)
}
