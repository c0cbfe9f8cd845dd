// Package getopt reads a command line as glibc's getopt_long does: clusters of short options, optional arguments that are
// glued on (-g/var/log/x, --log-file=x), unique abbreviations of long names, and options after other words.
package getopt

import (
	"fmt"
	"strings"
)

// Arg says whether an option takes an argument.
type Arg uint8

// The kinds of options.
const (
	None     Arg = iota
	Required     // glued on or the next word, whatever that looks like; after a long name it must not be empty
	Optional     // glued on only
)

// Option is one option of a program. Short is 0 and Long is empty where there is no such form.
type Option struct {
	Short byte
	Long  string
	Arg   Arg
}

// Found is one option as it was given. Index is that of the Option in the list.
type Found struct {
	Index int
	Value string
	Given bool // there was an argument, perhaps an empty one
}

// Parse reads args, without the program's name. It goes on after a mistake, so that all of them can be told. Other words
// are the ones that are not options, in their order.
func Parse(args []string, options []Option) (found []Found, other []string, mistakes []error) {
	p := parser{args: args, options: options}
	for len(p.args) > 0 {
		word := p.take()
		switch {
		case word == "--":
			p.other = append(p.other, p.args...)
			p.args = nil
		case strings.HasPrefix(word, "--"):
			p.long(word)
		case len(word) > 1 && word[0] == '-':
			p.cluster(word[1:])
		default:
			p.other = append(p.other, word)
		}
	}
	return p.found, p.other, p.mistakes
}

type parser struct {
	args     []string
	options  []Option
	found    []Found
	other    []string
	mistakes []error
}

func (p *parser) take() string {
	word := p.args[0]
	p.args = p.args[1:]
	return word
}

func (p *parser) mistake(format string, args ...any) {
	p.mistakes = append(p.mistakes, fmt.Errorf(format, args...))
}

// long reads one word that begins with two dashes.
func (p *parser) long(word string) {
	name, value, given := strings.Cut(word[2:], "=")
	i, candidates := p.lookup(name)
	switch {
	case len(candidates) > 1:
		p.mistake("Unknown option %s: it could be %s", word, strings.Join(candidates, ", "))
		return
	case i < 0 || given && p.options[i].Arg == None:
		p.mistake("Unknown option %s", word)
		return
	}
	if p.options[i].Arg == Required {
		if !given && len(p.args) > 0 {
			value, given = p.take(), true
		}
		if value == "" {
			p.mistake("Missing parameter for option --%s", p.options[i].Long)
			return
		}
	}
	p.found = append(p.found, Found{Index: i, Value: value, Given: given})
}

// lookup finds a long option by its name or by the beginning of only one name.
func (p *parser) lookup(name string) (index int, candidates []string) {
	index = -1
	for i := range p.options {
		long := p.options[i].Long
		if long == "" || name == "" {
			continue
		}
		if long == name {
			return i, nil
		}
		if strings.HasPrefix(long, name) {
			index, candidates = i, append(candidates, "--"+long)
		}
	}
	if len(candidates) > 1 {
		index = -1
	}
	return index, candidates
}

// cluster reads short options that stand in one word.
func (p *parser) cluster(letters string) {
	for j := 0; j < len(letters); j++ {
		i := p.short(letters[j])
		if i < 0 {
			p.mistake("Unknown option -%s", printable(letters[j]))
			continue
		}
		f := Found{Index: i}
		rest := letters[j+1:]
		if p.options[i].Arg == None {
			p.found = append(p.found, f)
			continue
		}
		if rest != "" {
			f.Value, f.Given = rest, true
		} else if p.options[i].Arg == Required {
			if len(p.args) == 0 {
				p.mistake("Missing parameter for option -%c", letters[j])
				return
			}
			f.Value, f.Given = p.take(), true
		}
		p.found = append(p.found, f)
		return
	}
}

func (p *parser) short(letter byte) int {
	for i := range p.options {
		if p.options[i].Short == letter && letter != 0 {
			return i
		}
	}
	return -1
}

func printable(b byte) string {
	if b < ' ' || b > '~' {
		return fmt.Sprintf("\\x%02x", b)
	}
	return string(rune(b))
}
