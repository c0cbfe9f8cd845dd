package host

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
)

// Wall is a firewall of ours, a table of nftables or rules in chains of iptables: packets to an address that is barred are not taken, and
// none is sent from it (rule N1). Neighbour discovery passes, and so does what the machine forwards. The zero Wall is none.
type Wall struct {
	WallName
	Priority int32 // of its chains, which see input and output
	V4, V6   bool  // which families have addresses that may be barred; the other's table is not made
	ByIndex  bool  // a link-local address goes with the number of its interface instead of the name (rule N5)
	Counters bool  // what is dropped is counted
}

// WallName says which one it is.
type WallName struct {
	Table string `json:"table,omitzero"` // of nftables: its name, in the families ip and ip6; empty where there are Chains
	// Mark is the comment of its sets, or of its rules in Chains, at most MaxMark octets. What has another one is not ours.
	Mark   string `json:"mark"`
	Chains Chains `json:"iptables,omitzero"`
}

// Chains are somebody else's chains in the table filter of iptables and ip6tables which rules of ours are put into, and the sets of ipset that
// these ask. The zero Chains are none.
type Chains struct {
	In    string `json:"in"`            // sees what comes in
	Out   string `json:"out,omitzero"`  // sees what goes out; empty for none, which bars nothing that is sent
	Set4  string `json:"set4,omitzero"` // of IPv4 addresses; empty for a rule for each address, then all three are
	Set6  string `json:"set6,omitzero"`
	Local string `json:"local,omitzero"` // of link-local addresses with their interfaces
}

// String is the firewall as people write it: "table keepalived", "chains INPUT, OUTPUT".
func (n *WallName) String() string {
	switch {
	case n.Chains.Out != "":
		return "chains " + n.Chains.In + ", " + n.Chains.Out
	case n.Chains.In != "":
		return "chain " + n.Chains.In
	}
	return "table " + n.Table
}

// Key is how a firewall is called in a Result.
func (n *WallName) Key() Key { return Key{Entry: wallKey + n.String()} }

const wallKey = "firewall, "

// IsWall reports whether it is the key of a firewall.
func (k Key) IsWall() bool { return strings.HasPrefix(k.Entry, wallKey) }

// Same reports whether two names are of one firewall.
func (n *WallName) Same(o *WallName) bool { return n.Table == o.Table && n.Chains == o.Chains }

// MaxMark is the longest Mark.
const MaxMark = 120

// Bar is an address that is barred. One that is link-local is so on its link only, or in the VRF that this is in: Link or Index tells which.
type Bar struct {
	Addr  netip.Addr
	Link  string
	Index int
}

// WallAction says what a WallOp does.
type WallAction uint8

// What can be done to the firewall, each in one transaction: a packet meets either what was before or what is after.
const (
	WallWrite  WallAction = iota // make the tables anew, with Add in them
	WallChange                   // bar Add, and Remove no more
	WallDrop                     // delete the tables
)

// WallOp is an Op that changes the firewall.
type WallOp struct {
	Do          WallAction
	Wall        Wall
	Add, Remove []Bar
}

// String is the operation as tests and logs write it: "wall keepalived +10.0.0.3 -fe80::1%eth0".
func (o *WallOp) String() string {
	var b strings.Builder
	switch b.WriteString("wall " + cmp.Or(o.Wall.Table, o.Wall.Chains.In)); o.Do {
	case WallWrite:
		b.WriteString(" anew")
	case WallDrop:
		b.WriteString(" gone")
	}
	for _, bar := range o.Add {
		b.WriteString(" +" + bar.String())
	}
	for _, bar := range o.Remove {
		b.WriteString(" -" + bar.String())
	}
	return b.String()
}

// String is the address as people write it: "10.0.0.3", "fe80::1%eth0".
func (b Bar) String() string {
	switch {
	case b.Index != 0:
		return fmt.Sprintf("%s%%%d", b.Addr, b.Index)
	case b.Link != "":
		return b.Addr.String() + "%" + b.Link
	}
	return b.Addr.String()
}
