package host

import "slices"

// Machine is what a kernel holds.
type Machine struct {
	Links  []Link
	Routes []Route
	Rules  []Rule
}

// Asks returns what has to be read of the routing tables and rules before Diff can be asked.
func Asks(links []Link, want State) []Query {
	r := New(0)
	r.Sync(links)
	r.Want(Static, 0, want)
	return r.Queries()
}

// Diff returns the operations that turn what the machine holds into what is wanted, in an order that never leaves a link
// without an address where that can be avoided: new addresses first, except in an IPv4 network that loses its primary
// address, then secondary addresses before their primary one, then what the kernel drops on that occasion and should
// stay. Rules and routes go before addresses and come after them (rule K10). What is to be absent is deleted whoever added
// it, unless it is wanted too; nothing else is. It marks additions of addresses with mark. What needs links that do not
// exist is left out.
func Diff(have Machine, want State, mark uint8) []Op {
	r := New(mark)
	r.Sync(have.Links)
	r.Want(Static, 0, want)
	r.Entries(have.Routes, slices.Clone(have.Rules))
	var all []Op
	for {
		ops := r.Next(int(^uint(0) >> 1))
		if len(ops) == 0 {
			return all
		}
		all = append(all, ops...)
		r.Done(make([]OpResult, len(ops)))
	}
}
