package iptables

import (
	"fmt"
	"strings"

	"holdfast.dev/host"
)

// family is one of the two, with its programs.
type family struct {
	six           bool
	save, restore string
	program       string // as people know it
}

var (
	ipv4 = family{save: "iptables-save", restore: "iptables-restore", program: "iptables"}
	ipv6 = family{six: true, save: "ip6tables-save", restore: "ip6tables-restore", program: "ip6tables"}
)

// families of a firewall.
func families(w *host.Wall) (list []family) {
	if w.V4 {
		list = append(list, ipv4)
	}
	if w.V6 {
		list = append(list, ipv6)
	}
	return list
}

// rule is one rule of ours.
type rule struct{ chain, args string }

// addressRules are those for one address, in order (rule N1).
func addressRules(w *host.Wall, b host.Bar) (list []rule) {
	for _, side := range sides(w) {
		who := fmt.Sprintf("-%c %s", side.addr, b.Addr)
		if b.Link != "" {
			who += fmt.Sprintf(" -%c %s", side.link, b.Link)
		}
		list = append(list, side.rules(w, who, b.Addr.Is6())...)
	}
	return list
}

// setRules are those that ask the sets, in order.
func setRules(w *host.Wall, six bool) (list []rule) {
	c := &w.Chains
	for _, side := range sides(w) {
		if !six {
			list = append(list, side.rules(w, "-m set --match-set "+c.Set4+" "+side.ask, false)...)
			continue
		}
		list = append(list, side.rules(w, "-m set --match-set "+c.Set6+" "+side.ask, true)...)
		list = append(list, side.rules(w, "-m set --match-set "+c.Local+" "+side.ask+","+side.askLink, true)...)
	}
	return list
}

// side is what comes in or goes out.
type side struct {
	chain        string
	addr, link   rune   // the options for our address and our interface
	ask, askLink string // the same of a set
}

func sides(w *host.Wall) []side {
	list := []side{{w.Chains.In, 'd', 'i', "dst", "src"}}
	if w.Chains.Out != "" {
		list = append(list, side{w.Chains.Out, 's', 'o', "src", "dst"})
	}
	return list
}

// rules drop what is of an address, but for neighbour discovery (RFC 9568 section 6.1).
func (s *side) rules(w *host.Wall, who string, six bool) (list []rule) {
	comment := ` -m comment --comment "` + w.Mark + `" -j `
	if six {
		for _, typ := range [...]int{135, 136} {
			list = append(list, rule{s.chain, fmt.Sprintf("%s -p ipv6-icmp -m icmp6 --icmpv6-type %d%sACCEPT", who, typ, comment)})
		}
	}
	return append(list, rule{s.chain, who + comment + "DROP"})
}

// table collects what is to be done to the table filter of one family in one transaction.
type table struct {
	b     strings.Builder
	place map[string]int // by chain: how many rules were inserted at its beginning
}

func (t *table) delete(r rule) { fmt.Fprintf(&t.b, "-D %s %s\n", r.chain, r.args) }
func (t *table) append(r rule) { fmt.Fprintf(&t.b, "-A %s %s\n", r.chain, r.args) }

// insert puts a rule at the beginning of its chain, behind those inserted before.
func (t *table) insert(r rule) {
	if t.place == nil {
		t.place = map[string]int{}
	}
	t.place[r.chain]++
	fmt.Fprintf(&t.b, "-I %s %d %s\n", r.chain, t.place[r.chain], r.args)
}

// text is the input of iptables-restore, empty if there is nothing to do.
func (t *table) text() string {
	if t.b.Len() == 0 {
		return ""
	}
	return "*filter\n" + t.b.String() + "COMMIT\n"
}

// saved is what iptables-save says, as far as it is our business.
type saved struct {
	chains map[string]bool
	ours   []rule          // in our chains, with our mark
	sets   map[string]bool // that those ask
}

// parse reads the output of iptables-save.
func parse(text string, name *host.WallName) saved {
	s := saved{chains: map[string]bool{}, sets: map[string]bool{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, ":"):
			chain, _, _ := strings.Cut(line[1:], " ")
			s.chains[chain] = true
		case strings.HasPrefix(line, "-A "):
			chain, args, _ := strings.Cut(line[3:], " ")
			if chain != name.Chains.In && (chain != name.Chains.Out || chain == "") {
				continue
			}
			words := split(args)
			if after(words, "--comment") != name.Mark {
				continue
			}
			s.ours = append(s.ours, rule{chain, args})
			if set := after(words, "--match-set"); set != "" {
				s.sets[set] = true
			}
		}
	}
	return s
}

// after is the word behind an option; empty if it is not there.
func after(words []string, option string) string {
	for i, w := range words {
		if w == option && i+1 < len(words) {
			return words[i+1]
		}
	}
	return ""
}

// split separates words as iptables-restore does: quotes keep blanks, a backslash within them the next character.
func split(s string) (words []string) {
	var word strings.Builder
	quoted, escaped, any := false, false, false
	for _, c := range s {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted, any = !quoted, true
		case c == ' ' && !quoted:
			if any {
				words = append(words, word.String())
			}
			word.Reset()
			any = false
		default:
			word.WriteRune(c)
			any = true
		}
	}
	if any {
		words = append(words, word.String())
	}
	return words
}
