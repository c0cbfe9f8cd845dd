package schema

import (
	"fmt"
	"slices"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

// args reads the words of one line into a node.
type args struct {
	*Parser
	n     *Node
	line  *lex.Line
	words []lex.Word
	i     int // the next word
}

// read takes the words as the keyword says; use is false when the line is to be passed over.
func (a *args) read() (use bool) {
	list := a.n.Key.Args
	if a.n.Key.Named && len(a.words) > len(list) {
		a.fail(a.n.Key.Name+" must have a name - skipping", "a name is one word; in double quotes it may hold blanks")
		return false
	}
	if a.n.Key.Exact && len(a.words) > len(list) {
		a.fail(fmt.Sprintf("%s takes exactly one argument - ignoring", a.n.Key.Name), "")
		return false
	}
	if len(a.words) > 0 && len(list) > 0 {
		a.n.Args = a.room.arguments(min(len(list), len(a.words)))
	}
	for i := range list {
		arg := &list[i]
		if arg.Kind == Options {
			a.n.Opts = a.options(arg, arg.Opts, false)
			continue
		}
		if a.i >= len(a.words) {
			if arg.Optional {
				continue
			}
			return a.lack()
		}
		if arg.Optional && i+1 < len(list) && arg.Kind == Choice && !arg.fits(a.words[a.i].Text) {
			continue
		}
		a.take(arg)
	}
	a.extra()
	return true
}

// fits reports whether a choice knows the word.
func (a *Arg) fits(word string) bool {
	v := Value{Arg: a, Text: word, OK: true}
	v.readChoice()
	return v.OK
}

// take reads one word, or all that are left.
func (a *args) take(arg *Arg) {
	for {
		w := a.words[a.i]
		a.i++
		v := a.value(a.n.Key, arg, w, a.line.Pos)
		if arg.Kind == Command {
			a.command(&v)
		}
		a.n.Args = append(a.n.Args, v)
		if !arg.Rest || a.i >= len(a.words) {
			return
		}
	}
}

// command splits a command into program and arguments.
func (a *args) command(v *Value) {
	argv, missing := lex.SplitCommand(v.Text)
	if missing != 0 {
		v.OK = false
		a.report(v.Pos, diag.Error, diag.UnmatchedQuote,
			fmt.Sprintf("String '%s': missing terminating %c", clip(v.Text), missing), "")
		return
	}
	v.Argv, v.OK = argv, len(argv) > 0
	if v.OK {
		return
	}
	severity, class := diag.Warning, diag.OK // keepalived takes "" as no script
	if slices.Contains(neverEmpty, a.n.Key.Name) {
		severity, class = diag.Error, diag.GeneralError
	}
	a.report(v.Pos, severity, class, fmt.Sprintf("%s has an empty command", a.n.Key.Name), "")
}

// neverEmpty are the keywords for which an empty command is an error.
var neverEmpty = []string{"script", "misc_path", "startup_script", "shutdown_script"}

// lack deals with an argument that is not there.
func (a *args) lack() (use bool) {
	key := a.n.Key
	if key.Lack == Exit {
		a.missing(key.Name, key.writing())
		return false
	}
	text := fmt.Sprintf("%s requires an argument - ignoring", key.Name)
	if key.Named {
		text = key.Name + " must have a name"
	}
	a.fail(text, key.writing())
	return false
}

// missing reports what keepalived leaves for: nothing after word.
func (a *args) missing(word, hint string) {
	position := len(a.words) + 2
	if a.n.Key.Name == Entry {
		position-- // there is no keyword before the words
	}
	a.report(a.line.Pos, diag.Fatal, diag.MissingParameter,
		fmt.Sprintf("*** Configuration line starting `%s` is missing a parameter after keyword `%s` at word position %d",
			a.line.Keyword(), clip(word), position), hint)
}

func (a *args) fail(text, hint string) {
	a.report(a.line.Pos, diag.Error, a.n.Key.class(diag.GeneralError), text, hint)
}

// extra warns of words that keepalived reads over.
func (a *args) extra() {
	if a.i >= len(a.words) {
		return
	}
	w := a.words[a.i]
	if len(a.n.Key.Args) == 0 && (a.n.Key.Opens == Entries || a.n.Key.Opens == Words) {
		a.fail(fmt.Sprintf("Block %s has extra parameters %s ...", a.n.Key.Name, clip(w.Text)), a.n.Key.writing())
		return
	}
	hint := "write it as: " + a.n.Key.Usage()
	if a.n.Key.isCommand() {
		hint = "a command with arguments must stand in quotes"
	}
	a.report(at(a.line.Pos, w), diag.Warning, diag.OK,
		fmt.Sprintf("'%s' after %s has no effect", clip(w.Text), a.label()), hint)
}

func (a *args) label() string {
	if a.n.Key.Name == Entry {
		return "the entry"
	}
	return a.n.Key.Name
}

// options reads any number of options. Options of an option end at the first word that is none of them.
func (a *args) options(arg *Arg, opts []Option, inner bool) []Use {
	var uses []Use
	for a.i < len(a.words) {
		w := a.words[a.i]
		opt := find(opts, w.Text)
		if name, number := routeNumber(w.Text); opt == nil && arg.Typed && number {
			if a.i+1 == len(a.words) {
				a.missing(w.Text, "a number is the type of a route here: its destination must follow; is a word such as metric left out before it?")
				a.i++
				return uses
			}
			opt = find(opts, name)
		}
		if opt == nil && !inner && arg.Plain != nil {
			u := a.option(arg, arg.Plain, w, false)
			uses = append(uses, u)
			a.stop(arg, u.OK)
			continue
		}
		if opt == nil && inner {
			return uses
		}
		a.i++
		if opt == nil {
			a.unknownOption(opts, w)
			a.stop(arg, false)
			continue
		}
		u := a.option(arg, opt, w, true)
		uses = append(uses, u)
		a.stop(arg, u.OK)
	}
	return uses
}

// stop passes over the rest of the line if keepalived reads no further behind a word that is no good.
func (a *args) stop(arg *Arg, ok bool) {
	if !ok && arg.Exits {
		a.i = len(a.words)
	}
}

// routeTypes are the types of routes by their numbers in the kernel (linux/rtnetlink.h).
var routeTypes = [...]string{1: "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw", "nat", "xresolve"}

// routeNumber reports whether a word is the type of a route as a number, and the name of that type, if it has one.
func routeNumber(word string) (name string, ok bool) {
	n, what := lex.Uint(word, 0, 0, 255, true)
	if n < uint64(len(routeTypes)) {
		name = routeTypes[n]
	}
	return name, what == lex.NumberOK
}

func find(opts []Option, word string) *Option {
	for i := range opts {
		if slices.Contains(opts[i].Words, word) {
			return &opts[i]
		}
	}
	return nil
}

// option reads the arguments of one option, whose word was taken unless it is a plain one.
func (a *args) option(arg *Arg, opt *Option, w lex.Word, named bool) Use {
	u := Use{Opt: opt, Word: w.Text, Pos: at(a.line.Pos, w), OK: true}
	for i := range opt.Args {
		oa := &opt.Args[i]
		if a.i >= len(a.words) && oa.Optional {
			continue // what follows may be required
		}
		if a.i >= len(a.words) {
			u.OK = false
			if arg.Exits {
				a.missing(w.Text, "write it as: "+optionUsage(opt))
				return u
			}
			a.report(u.Pos, diag.Error, diag.GeneralError,
				fmt.Sprintf("No %s parameter specified for %s", w.Text, clip(a.subject())), "")
			return u
		}
		word := a.words[a.i]
		if oa.Optional && oa.Kind == Choice && !oa.fits(word.Text) {
			continue
		}
		a.i++
		v := a.value(a.n.Key, oa, word, a.line.Pos)
		u.OK = u.OK && v.OK
		u.Args = append(u.Args, v)
	}
	if named && len(opt.Opts) > 0 {
		u.Opts = a.options(arg, opt.Opts, true)
	}
	return u
}

// subject is what the line is about: its first word, or that after its keyword.
func (a *args) subject() string {
	if len(a.n.Args) > 0 {
		return a.n.Args[0].Text
	}
	return a.label()
}

func (a *args) unknownOption(opts []Option, w lex.Word) {
	var known []string
	for i := range opts {
		known = append(known, opts[i].Words...)
	}
	hint := ""
	if a.hints++; a.hints > maxHints {
		known = nil
	}
	if best, ok := diag.Nearest(w.Text, known); ok {
		hint = "did you mean '" + best + "'?"
	}
	noun := a.n.Key.block.Noun
	if noun == "" {
		noun = a.label()
	}
	a.report(at(a.line.Pos, w), diag.Error, diag.GeneralError,
		fmt.Sprintf("Unknown configuration entry '%s' for %s - ignoring", clip(w.Text), noun), hint)
}
