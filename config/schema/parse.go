package schema

import (
	"cmp"
	"fmt"
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

// Stream gives lines one after the other; expand.Reader is one.
type Stream interface {
	Next() (line *lex.Line, ok bool)
}

// Parser reads a stream by the tables. Problems are reported and never stop it: what keepalived makes of them is done
// (preprocessor.md sections 10 and 12).
type Parser struct {
	lines  Stream
	diags  *diag.List
	strict bool
	seen   func(*Node)
	done   func(*Node) bool

	held    *lex.Line // a line put back, or nil
	names   map[name]bool
	hints   int // suggestions made
	nodes   int // lines read
	last    diag.Pos
	hidden  []lex.Word // of a line with a secret, the keyword first; nil in others
	outline outline
	process Process // whose blocks are read; ForAll for all
	order   []int   // the number of the line that each node of the top level begins at
	read    int     // lines so far
	braces  bool    // something was said about braces
	room    room
}

// hiddenWord stands in findings for what may be a secret.
const hiddenWord = "(secret)"

// shortest is the length of words that are no secrets, such as the number of a key.
const shortest = 3

// MaxNodes is how many lines with keywords and entries a configuration may have. 1,000 virtual servers with 50,000 real
// servers have about half as many.
const MaxNodes = 1 << 20

// maxHints is how many unknown words are looked up: it takes long, and nobody reads more.
const maxHints = 200

// name is one named block, for finding a second of the same name.
type name struct {
	key  *Keyword
	text string
}

// Parse reads all lines of a configuration. strict makes a number with garbage behind it unusable, as in a
// configuration test. seen, if not nil, is called with every keyword of global_defs as soon as it was read, since some
// change how the rest is read. done, if not nil, is called with every block of the top level when all of it was read;
// where it returns true, the node stays, but without what is in it: a large configuration is many blocks that need not
// be in memory all at a time. ragged tells that the braces do not match: keepalived's processes then see different
// things, which [ParseRagged] finds out.
func Parse(lines Stream, strict bool, diags *diag.List, seen func(*Node), done func(*Node) bool) (nodes []Node, ragged bool) {
	p := &Parser{lines: lines, diags: diags, strict: strict, seen: seen, done: done, names: make(map[name]bool)}
	nodes = p.keywords(Root(), true)
	p.outline.finish(p)
	return nodes, p.braces
}

func (p *Parser) report(pos diag.Pos, s diag.Severity, c diag.Class, text, hint string) {
	for i, w := range p.hidden {
		if i > 0 && len(w.Text) > shortest {
			text = strings.ReplaceAll(text, clip(w.Text), hiddenWord)
		}
	}
	p.braces = p.braces || c == diag.UnexpectedOpen || c == diag.UnexpectedClose || c == diag.MissingOpen || c == diag.MissingClose
	p.diags.Add(diag.Diagnostic{Pos: pos, Severity: s, Class: c, Text: text, Hint: hint})
}

// next is the next line, be it one put back.
func (p *Parser) next() (*lex.Line, bool) {
	if line := p.held; line != nil {
		p.held = nil
		return line, true
	}
	line, ok := p.lines.Next()
	for ok && len(line.Words) == 0 && !line.Unmatched {
		line, ok = p.lines.Next() // nothing but white space that is no blank
	}
	if ok {
		p.last = line.Pos
		p.outline.line(line)
		p.read++
	}
	return line, ok
}

func (p *Parser) putBack(line *lex.Line) { p.held = line }

// keywords reads the lines of a block of keywords up to its closing brace.
func (p *Parser) keywords(b *Block, root bool) []Node {
	base := len(p.room.open)
	var first uses
	for {
		line, ok := p.next()
		switch {
		case !ok:
			return p.room.body(base)
		case line.IsClose():
			if !root {
				return p.room.body(base)
			}
			p.report(line.Pos, diag.Error, diag.UnexpectedClose, "Extra '}' found", "")
		case line.IsOpen():
			p.report(line.Pos, diag.Error, diag.UnexpectedOpen, "Unexpected '{' - ignoring",
				cmp.Or(template(line.Pos), "what stands between the braces is read as part of the block around it"))
		default:
			p.keyword(b, line, &first)
		}
	}
}

// keyword reads one line of a block, and the braces that follow if the keyword has some.
func (p *Parser) keyword(b *Block, line *lex.Line, first *uses) {
	word := line.Keyword()
	key := b.Find(word)
	if key == nil || key.Directive {
		if line.Unmatched {
			p.unmatched(line)
		}
		p.report(line.Pos, diag.Error, diag.UnknownKeyword, fmt.Sprintf("Unknown keyword '%s'", clip(word)), p.suggest(b, word))
		return
	}
	if p.full(line) {
		return
	}
	if p.process != ForAll && b == Root() {
		if !p.process.reads(key) {
			if key.Opens != NoBlock {
				p.skip()
			}
			return
		}
		defer func(at, had int) {
			for range len(p.room.open) - had {
				p.order = append(p.order, at)
			}
		}(p.read, len(p.room.open))
	}
	if key.Old != "" {
		p.deprecated(key, line)
	}
	if key.Secret {
		line.Pos.File.Conceal(line.Pos.Line)
		p.hidden = line.Words
		defer func() { p.hidden = nil }()
	}
	if b == Root() {
		p.room.mark()
	}
	n := p.room.node()
	defer p.room.release(n)
	n.Key, n.Pos = key, line.Pos
	use := p.header(n, line)
	if use && (key.Repeat == First || key.Repeat == Replace) {
		use = !p.repeated(key, first, n) || key.Repeat == Replace
	}
	if !use {
		if key.Opens != NoBlock {
			p.skip()
		}
		return
	}
	p.open(n)
	switch {
	case p.seen != nil && b.Path == "global_defs":
		p.seen(n)
	case p.done != nil && b == Root() && key.Opens != NoBlock && p.done(n):
		*n = Node{Key: key, Pos: n.Pos}
		p.room.drop()
	}
	p.room.add(n)
}

// full counts a line, and reports whether there are too many already.
func (p *Parser) full(line *lex.Line) bool {
	if p.nodes++; p.nodes == MaxNodes+1 {
		p.report(line.Pos, diag.Fatal, diag.GeneralError, fmt.Sprintf("the configuration has more than %d lines - the rest is not read", MaxNodes), "")
	}
	return p.nodes > MaxNodes
}

func (p *Parser) unmatched(line *lex.Line) {
	text := clip(line.Text)
	if p.hidden != nil {
		text = line.Keyword() + " " + hiddenWord
	}
	p.report(line.Pos, diag.Error, diag.UnmatchedQuote, fmt.Sprintf("Unmatched quote: '%s'", text), "")
}

func (p *Parser) deprecated(key *Keyword, line *lex.Line) {
	text := fmt.Sprintf("Keyword \"%s\" is deprecated", key.Name)
	if key.Alias != "" {
		text += fmt.Sprintf(" - please use \"%s\"", key.Alias)
	}
	severity, class := diag.Warning, diag.OK
	if key.Loud {
		class = diag.Deprecated
	}
	p.report(line.Pos, severity, class, text, since(key.Old))
}

func (p *Parser) suggest(b *Block, word string) string {
	if p.hints++; p.hints > maxHints {
		return ""
	}
	return Suggest(b, word)
}

// repeated reports, and says, that key was used before in the block where it should stand once.
func (p *Parser) repeated(key *Keyword, first *uses, n *Node) bool {
	pos, again := first.find(key)
	if !again {
		*first = append(*first, firstUse{key, n.Pos})
		return false
	}
	what := key.Name
	if key.isCommand() {
		what += " script"
	}
	fate := "ignoring"
	if key.Repeat == Replace {
		fate = "replacing"
	}
	p.report(n.Pos, diag.Error, diag.GeneralError,
		strings.TrimRight(fmt.Sprintf("%s already specified - %s %s", what, fate, clip(n.Name())), " "),
		fmt.Sprintf("the first is at %s", pos))
	return true
}

func (k *Keyword) isCommand() bool { return len(k.Args) > 0 && k.Args[0].Kind == Command }

// header reads the arguments of a keyword; use is false when the line, and the block after it, is to be passed over.
func (p *Parser) header(n *Node, line *lex.Line) (use bool) {
	words := line.Words
	switch {
	case n.Key.isCommand():
		var missing byte
		if words, missing = line.ScriptWords(); missing != 0 {
			p.report(line.Pos, diag.Error, diag.UnmatchedQuote,
				fmt.Sprintf("String '%s': missing terminating %c", clip(line.Text), missing), "")
			return false
		}
	case line.Unmatched:
		p.unmatched(line)
	}
	if len(words) > 0 {
		words = words[1:]
	}
	a := args{Parser: p, n: n, line: line, words: words}
	if !a.read() {
		return false
	}
	if n.Key.Skips != nil {
		if problem := n.Key.Skips(n); problem != "" {
			p.report(line.Pos, diag.Error, diag.GeneralError, problem, "the block is passed over")
			return false
		}
	}
	return !n.Key.Named || p.named(n)
}

// named checks that the block's name is new.
func (p *Parser) named(n *Node) bool {
	k := name{n.Key, n.Name()}
	if p.names[k] {
		kind := strings.ReplaceAll(n.Key.Name, "_", " ")
		p.report(n.Pos, diag.Error, diag.GeneralError, fmt.Sprintf("%s %s already defined", kind, clip(k.text)),
			"the second block is passed over")
		return false
	}
	p.names[k] = true
	return true
}

// skip passes over a block by counting braces. A block without an opening brace has nothing to skip.
func (p *Parser) skip() {
	line, ok := p.next()
	if !ok {
		return
	}
	if !line.IsOpen() {
		p.putBack(line)
		return
	}
	for depth := 1; depth > 0; {
		if line, ok = p.next(); !ok {
			return
		}
		switch {
		case line.IsOpen():
			depth++
		case line.IsClose():
			depth--
		}
	}
}

// open reads what the keyword's braces hold.
func (p *Parser) open(n *Node) {
	if n.Key.Opens == NoBlock {
		return
	}
	line, ok := p.next()
	if ok && !line.IsOpen() {
		class := diag.MissingOpen
		if n.Key.Opens != Keywords {
			class = diag.OK // a list without its brace is only logged
		}
		p.braces = true
		p.report(line.Pos, diag.Error, class, "Missing '{' at beginning of configuration block",
			fmt.Sprintf("%s at %s opens a block: put '{' behind it", n.Key.Name, n.Pos))
		p.putBack(line)
	}
	switch n.Key.Opens {
	case Keywords:
		n.Body = p.keywords(n.Key.body, false)
	case Entries:
		p.entries(n)
	case Words:
		p.wordList(n)
	}
}

// entries reads a list with one entry a line.
func (p *Parser) entries(n *Node) {
	key := &n.Key.body.Keys[0]
	base := len(p.room.open)
	p.list(func(line *lex.Line) {
		if p.full(line) {
			return
		}
		e := p.room.node()
		defer p.room.release(e)
		e.Key, e.Pos = key, line.Pos
		a := args{Parser: p, n: e, line: line, words: line.Words}
		if a.read() {
			p.room.add(e)
		}
	})
	n.Body = p.room.body(base)
}

// wordList reads a list of words over any number of lines.
func (p *Parser) wordList(n *Node) {
	p.list(func(line *lex.Line) {
		for _, w := range line.Words {
			n.List = append(n.List, p.value(n.Key, n.Key.Each, w, line.Pos))
		}
	})
	if len(n.List) == 0 {
		p.report(n.Pos, diag.Error, diag.GeneralError, fmt.Sprintf("Warning - empty %s block", n.Key.Name), "")
	}
}

// list calls each with the lines of a list up to its closing brace.
func (p *Parser) list(each func(*lex.Line)) {
	for {
		line, ok := p.next()
		switch {
		case !ok:
			return
		case line.IsClose():
			return
		case line.IsOpen():
			p.report(line.Pos, diag.Error, diag.UnexpectedOpen, "Unexpected '{' - ignoring", "a list holds no blocks")
		default:
			if line.Unmatched {
				if p.unmatched(line); len(line.Words) == 0 {
					continue
				}
			}
			each(line)
		}
	}
}
