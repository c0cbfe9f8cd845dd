package schema

import "holdfast.dev/config/diag"

// room is where the parser makes its nodes: a configuration has one for each line, and most have one argument.
type room struct {
	open   []Node  // of the blocks that are being read, the outer ones first
	spare  []*Node // for the next lines
	nodes  arena[Node]
	values arena[Value]
}

// mark begins a block of the top level, which drop may take back.
func (r *room) mark() {
	r.nodes.mark()
	r.values.mark()
}

// drop takes back everything since the mark; nobody may look at it any more.
func (r *room) drop() {
	r.nodes.drop()
	r.values.drop()
}

// node is an empty node to work on until release.
func (r *room) node() *Node {
	if k := len(r.spare); k > 0 {
		n := r.spare[k-1]
		r.spare = r.spare[:k-1]
		return n
	}
	return new(Node)
}

func (r *room) release(n *Node) {
	*n = Node{}
	r.spare = append(r.spare, n)
}

// add puts a copy of n behind the other nodes of its block.
func (r *room) add(n *Node) { r.open = append(r.open, *n) }

// body ends the block whose nodes begin at base, and returns them.
func (r *room) body(base int) []Node {
	done := r.open[base:]
	if len(done) == 0 {
		return nil
	}
	out := r.nodes.take(len(done))
	copy(out, done)
	clear(done)
	r.open = r.open[:base]
	return out
}

// arguments is an empty list with room for n values.
func (r *room) arguments(n int) []Value { return r.values.take(n)[:0] }

// uses are the first uses of keywords that may stand once in a block.
type uses []firstUse

type firstUse struct {
	key *Keyword
	pos diag.Pos
}

func (u uses) find(key *Keyword) (pos diag.Pos, ok bool) {
	for i := range u {
		if u[i].key == key {
			return u[i].pos, true
		}
	}
	return diag.Pos{}, false
}
