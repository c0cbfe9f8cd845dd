package config

import (
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

func hasAny(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// findUnbuilt lists the uses of keywords whose effect is not there yet. Inside a block that is itself listed nothing
// more is said.
func (b *builder) findUnbuilt(tree []schema.Node) {
	early := b.early
	for i := range tree {
		if n := &tree[i]; isEarly(n) {
			b.cfg.Uses = append(b.cfg.Uses, early[0].uses...)
			early = early[1:]
		} else {
			b.unbuilt(n)
		}
	}
}

func (b *builder) unbuilt(n *schema.Node) {
	if n.Key.Asks(n) {
		b.use(n.Pos, n.Key, n.Key.Name)
		return
	}
	for i := range n.Body {
		b.unbuilt(&n.Body[i])
	}
}

func (b *builder) use(pos diag.Pos, k *schema.Keyword, keyword string) {
	b.cfg.Uses = append(b.cfg.Uses, Use{Pos: at(pos), Block: k.Block().Path, Keyword: keyword, Part: partOf(k)})
}
