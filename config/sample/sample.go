package sample

import (
	"math/rand/v2"
	"strings"
)

// Main is the file that is read first.
const Main = "keepalived.conf"

// NodeName is the name of the host that the conditions of a Set are about.
const NodeName = "node1"

// Interfaces are those that the files name, but for some mistakes. The first has the address 10.0.0.9/24.
var Interfaces = []string{"eth0", "eth1", "ens33", "bond0", "bond0.100"}

// Set is a configuration: the text of its files by their paths, which are relative.
type Set map[string]string

// New is the configuration of a seed. If few, only interfaces eth0 and eth1 are in it.
func New(seed uint64, few bool) Set {
	w := &writer{Rand: rand.New(rand.NewPCG(seed, 1)), chosen: make(map[string]string)}
	if few {
		w.chosen["iface"] = "eth0"
	}
	text := w.expand("<file>")
	if few {
		text = strings.NewReplacer("ens33", "eth1", "bond0.100", "eth1", "bond0", "eth1").Replace(text)
	}
	s := make(Set)
	main := ""
	for i, part := range strings.Split(text, "\n>>> ") {
		if i == 0 {
			main = part
			continue
		}
		head, rest, _ := strings.Cut(part, "\n<<<")
		path, body, _ := strings.Cut(head, "\n")
		s[path] = w.lay(body)
		main += rest
	}
	s[Main] = w.spoil(w.lay(main))
	return s
}

// lay gives a text the looks of somebody's files.
func (w *writer) lay(text string) string {
	indent := pick(w, "    ", "  ", "\t", "   ", "", " ", "        ")
	brace := pick(w, " {", " {", " {", " {", " {", " {", "{", "\n{", "  {  ", " { # x")
	newline := pick(w, "\n", "\n", "\n", "\n", "\n", "\r\n")
	var b strings.Builder
	depth := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "}") {
			depth = max(0, depth-1)
		}
		margin := strings.Repeat(indent, depth)
		if strings.HasSuffix(line, " {") && line[0] != '#' && line[0] != '!' {
			depth++
			line = strings.ReplaceAll(strings.TrimSuffix(line, " {")+brace, "\n", "\n"+margin)
		}
		if w.IntN(20) == 0 && line == "}" {
			b.WriteString("\n")
		}
		if w.IntN(60) == 0 && !strings.HasSuffix(line, `\`) {
			line += pick(w, " # comment", "   ", " ! {", ";")
		}
		b.WriteString(margin + line + "\n")
	}
	return strings.ReplaceAll(b.String(), "\n", newline)
}

// spoil does to one of twelve texts what happens to files.
func (w *writer) spoil(text string) string {
	switch w.IntN(60) {
	case 0:
		return "\ufeff" + text
	case 1:
		return strings.Replace(text, "    ", "\u00a0   ", 1)
	case 2:
		return text[:max(0, len(text)-3)]
	case 3:
		return strings.Replace(text, "}\n", "\n", 1)
	case 4:
		return strings.TrimRight(text, "\r\n")
	}
	return text
}

func pick(w *writer, list ...string) string { return list[w.IntN(len(list))] }
