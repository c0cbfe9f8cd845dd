package schema

import (
	"slices"

	"holdfast.dev/config/diag"
)

// Process is one of keepalived's processes. Each reads the whole text, but only its own blocks: over the others it passes by
// counting braces (preprocessor.md section 1).
type Process uint8

// The processes.
const (
	ForAll Process = iota // reads everything: the same where all braces match
	ForParent
	ForVRRP
	ForChecks
	lastProcess = ForChecks
)

// reads reports whether the process reads a keyword of the top level. What several of keepalived's read, VRRP reads.
func (p Process) reads(k *Keyword) bool {
	switch k.Name {
	case "SSL", "virtual_server_group", "virtual_server":
		return p == ForChecks
	case "global_defs":
		return p == ForParent
	}
	if k.Opens == NoBlock {
		return p == ForParent
	}
	return p == ForVRRP
}

// ParseRagged reads a text whose braces do not match as keepalived's processes do, one after the other, and puts together what
// each found. open gives the text anew for each, with what to call for every keyword of global_defs.
func ParseRagged(open func() (Stream, func(*Node)), strict bool, diags *diag.List) []Node {
	type placed struct {
		node Node
		line int
	}
	var all []placed
	for process := ForParent; process <= lastProcess; process++ {
		lines, seen := open()
		p := &Parser{lines: lines, diags: diags, strict: strict, seen: seen, names: make(map[name]bool), process: process}
		nodes := p.keywords(Root(), true)
		p.outline.finish(p)
		for i := range nodes {
			all = append(all, placed{nodes[i], p.order[i]})
		}
	}
	slices.SortStableFunc(all, func(a, b placed) int { return a.line - b.line })
	out := make([]Node, len(all))
	for i := range all {
		out[i] = all[i].node
	}
	return out
}
