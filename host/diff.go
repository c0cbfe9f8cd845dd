package host

// Diff returns the operations that turn what the links hold into what is wanted, in an order that never leaves a link
// without an address where that can be avoided: new addresses first, except in an IPv4 network that loses its primary
// address, then secondary addresses before their primary one, then what the kernel drops on that occasion and should
// stay. Absent is deleted whoever added it, unless it is wanted too; nothing else is. It marks additions with mark.
// Addresses for links that do not exist are left out.
func Diff(have []Link, want []Address, absent []Key, mark uint8) []Op {
	r := New(mark)
	r.Sync(have)
	r.Want(Static, 0, State{Addresses: want, Absent: absent})
	return r.Next(int(^uint(0) >> 1))
}
