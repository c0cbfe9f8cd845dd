// Package schema is the configuration language as data: every block, keyword, argument and entry option of
// keepalived.conf, what it takes, where it may stand and what it means; and one parser that works from these tables.
// Parser, documentation, completion and coverage test all read the same rows.
package schema

import "holdfast.dev/config/diag"

// Block is a list of keywords that may stand together: the top level, the inside of a keyword's braces, or the lines
// of an entry list.
type Block struct {
	// Path names the block as "vrrp_instance/authentication"; "root" is the top level.
	Path string
	// Means says in one line what the block is for.
	Means string
	// Noun names one entry in messages: "ip address".
	Noun string
	// Frame is a minimal valid file around a line of this block: the line stands where "%s" is. For examples and tests.
	Frame string
	// Keys are the keywords. A block of entries has the single keyword [Entry].
	Keys []Keyword

	index map[string]*Keyword
}

// Entry is the name of the keyword that stands for one line of a list block.
const Entry = "<entry>"

// Keyword is one row of the language.
type Keyword struct {
	// Name is the word, or [Entry].
	Name string
	// Args are what follows the word.
	Args []Arg
	// Opens says what the keyword's braces hold: nothing, keywords, entry lines, or words.
	Opens Opening
	// Body is the path of the block that the braces hold, where that is not the path of this block and Name.
	Body string
	// Each describes the words of a word list.
	Each *Arg
	// Repeat says what a second use in the same block does.
	Repeat Repeat
	// Means is the meaning in one line; Default what holds without the keyword, empty for nothing.
	Means, Default string
	// Lack says what becomes of a use without a required argument.
	Lack Lack
	// Named marks a block whose first argument is its name: required, and a second block of that name is skipped.
	Named bool
	// Exact marks a keyword that is ignored, with an error, when more words follow than it takes.
	Exact bool
	// Alias is the preferred keyword that this one is another name of.
	Alias string
	// Old says since when the keyword is deprecated, or empty; Loud when its use is an error of class Deprecated.
	Old  string
	Loud bool
	// Since is the keepalived version that brought the keyword, empty for 2.2.7 and before; "holdfast" marks our own.
	Since string
	// Quiet marks a keyword whose mistakes keepalived logs without counting them as errors of the file.
	Quiet bool
	// Skips says what is wrong with the arguments of a block that is passed over for it, or nothing; nil for a block that is
	// read whatever its arguments are.
	Skips func(n *Node) (problem string)
	// Directive marks what the preprocessor does: a line that reaches the parser is an unknown keyword.
	Directive bool
	// Excludes is a keyword that can't stand beside this one.
	Excludes string
	// Good and Bad are a valid and an invalid line; With are lines of the top level that Good needs.
	Good, Bad, With string
	// Secret marks a keyword whose line has a secret, which no finding shows.
	Secret bool
	// Built tells how much of the effect is implemented; see [Keyword.Asks].
	Built Built

	block *Block
	body  *Block
}

// Opening is what the braces after a keyword hold.
type Opening uint8

// The kinds of braces.
const (
	NoBlock  Opening = iota // the keyword opens nothing
	Keywords                // a block of keywords
	Entries                 // a list with one entry a line
	Words                   // a list of words over any number of lines
)

// Repeat is what a second use of a keyword in the same block does.
type Repeat uint8

// The rules of repetition.
const (
	Last    Repeat = iota // the later use replaces the earlier
	First                 // the later use is an error and ignored
	Many                  // every use counts
	Replace               // the later use replaces the earlier, which is an error
)

// Lack is what becomes of a use of a keyword without a required argument.
type Lack uint8

// The fates of a keyword without its argument.
const (
	Exit   Lack = iota // keepalived leaves with status 2, whatever it was doing
	Ignore             // an error; the line is ignored
	Skip               // an error; the block is skipped
)

// Built tells how much of a keyword's effect is implemented.
type Built uint8

// The degrees of implementation.
const (
	No         Built = iota // not yet: a use is refused at start
	Yes                     // wholly
	UnlessTrue              // a use that says "false" asks for nothing and may pass; any other is refused
	Detail                  // not yet, but it only shapes the effect of other keywords, which are refused themselves
)

// Own marks keywords of ours in Keyword.Since.
const Own = "holdfast"

// Find is the keyword of that name in the block, or nil.
func (b *Block) Find(name string) *Keyword { return b.index[name] }

// Block is where the keyword stands.
func (k *Keyword) Block() *Block { return k.block }

// Content is the block that the keyword's braces hold, nil unless Opens is Keywords or Entries.
func (k *Keyword) Content() *Block { return k.body }

// Asks reports whether a use of the keyword asks for something that is not built.
func (k *Keyword) Asks(n *Node) bool {
	switch k.Built {
	case Yes, Detail:
		return false
	case UnlessTrue:
		return !(len(n.Args) > 0 && n.Args[0].Arg.Kind == Bool && n.Args[0].OK && n.Args[0].Int == 0)
	}
	return true
}

// Kind is the type of an argument.
type Kind uint8

// The types of arguments.
const (
	Word    Kind = iota // any word, up to Arg.Max bytes where that is not 0
	Number              // a decimal integer between Min and Max
	Decimal             // a decimal with up to Places decimals; Min, Max and values count units of 10^-Places
	Bool                // true, on, yes, false, off, no
	Choice              // one of Choices
	Iface               // an interface name
	Addr                // an IPv4 or IPv6 address
	Prefix              // an address with an optional prefix length
	Command             // a program to run, read by the script rules; user and group may follow
	Options             // any number of Opts in any order
	Form                // text of a certain form: see Arg.Check
)

// Arg is one argument of a keyword or option.
type Arg struct {
	Name     string // as shown: "SECONDS"
	Kind     Kind
	Min, Max int64
	Places   int      // decimals of a Decimal
	Unit     string   // "s", "us", "ms", "bytes"; empty for a count
	Choices  []string // of a Choice
	Fold     bool     // a Choice that does not mind case
	AnyBase  bool     // a Number that may be written 0x1f or 017
	Clamp    bool     // a Number outside its range becomes the nearest inside, with an error
	Family   int      // of an Addr or Prefix: 4, 6, or 0 for both
	Group    bool     // an Addr that must be multicast
	Tail     bool     // an Addr behind which "/24" or "-9" is passed over, with a warning
	Named    bool     // an Addr in whose place a DNS name may stand: see Value.Named
	Optional bool     // may be absent
	Rest     bool     // takes all further words, at least one unless Optional
	Opts     []Option // of Options
	Exits    bool     // of Options: keepalived leaves with status 2 at an option without its argument
	Plain    *Option  // of Options: what a word that is no option is, or nil
	Typed    bool     // of Options: a number from 0 to 255 is the type of what must follow it
	Check    Checker  // of Form
}

// Checker reports what is wrong with a word of kind Form; empty when it is right.
type Checker func(word string) (problem string)

// Option is one optional part of an entry or argument list, such as "dev IFNAME".
type Option struct {
	// Words are its names, the first being the preferred; empty for Arg.Plain.
	Words []string
	Args  []Arg
	// Opts may follow it.
	Opts []Option
}

// Node is one use of a keyword.
type Node struct {
	Key  *Keyword
	Pos  diag.Pos
	Args []Value
	Opts []Use
	// Body are the keywords or entries between the braces, in the order of the text.
	Body []Node
	// List are the words of a word list.
	List []Value
}

// Value is one argument as given.
type Value struct {
	Arg  *Arg
	Text string
	Pos  diag.Pos
	// OK is false when the value could not be used: a fallback takes its place. It has been reported.
	OK bool
	// Int is the value of a Number, of a Decimal in units of 10^-Places, of a Bool (0 or 1), the index of a Choice, or
	// the prefix length of a Prefix (-1 for none).
	Int int64
	// Addr is the address of an Addr or Prefix.
	Addr Address
	// Argv is the program and arguments of a Command.
	Argv []string
}

// Named reports whether a DNS name stands in the place of an address.
func (v *Value) Named() bool { return v.OK && v.Arg.Named && !v.Addr.IsValid() }

// Use is one use of an option.
type Use struct {
	Opt  *Option
	Word string
	Pos  diag.Pos
	Args []Value
	Opts []Use
	// OK is false when an argument is missing.
	OK bool
}

// Name is the preferred name of the option; empty for a plain word.
func (u *Use) Name() string {
	if len(u.Opt.Words) == 0 {
		return ""
	}
	return u.Opt.Words[0]
}

// Arg is the i'th argument of the node; ok is false when it was not given or was no good.
func (n *Node) Arg(i int) (v Value, ok bool) {
	if i >= len(n.Args) || !n.Args[i].OK {
		return Value{}, false
	}
	return n.Args[i], true
}

// Name is the text of the first argument, empty when there is none.
func (n *Node) Name() string {
	if len(n.Args) == 0 {
		return ""
	}
	return n.Args[0].Text
}
