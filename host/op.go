package host

import (
	"net/netip"
	"strconv"
	"strings"
)

// MaxBatch is how many operations are given to the kernel at a time: about 1.1 ms of its time (design.md section 5).
const MaxBatch = 64

// Op is one change to be made by the kernel: of a route if Route is not nil, of a rule if Rule is not nil, and otherwise of
// an address.
type Op struct {
	Route   *Route // its links numbered, and Table said
	Rule    *Rule
	Knob    *Knob   // not nil: switch promote_secondaries of the link
	Index   int     // the link, by number: a name may have moved on
	Delete  bool    // delete Address, of which only the key and the peer count then; otherwise add it
	Replace bool    // change lifetimes and flags of an address that stands
	Proto   uint8   // IFA_PROTO to mark it with
	Valid   uint32  // valid lifetime in seconds
	Metric  uint32  // IFA_RT_PRIORITY, 0 for none
	Address Address // Key.Link is for people only; Key.Prefix has the kernel's prefix length
	Link    *LinkOp // it is about a virtual link, and not about an address; nothing else of the Op but Index counts
	Wall    *WallOp // it is about the firewall, and nothing else counts
}

// String is the operation as tests and logs write it: "+10.0.0.3/24 eth0".
func (o Op) String() string {
	switch {
	case o.Link != nil:
		return o.Link.String()
	case o.Wall != nil:
		return o.Wall.String()
	}
	sign := "+"
	if o.Delete || o.Knob != nil && !o.Knob.On {
		sign = "-"
	} else if o.Replace {
		sign = "~"
	}
	return sign + o.Key().String()
}

// Key is that of the item which the operation is about, an address's with the kernel's prefix length.
func (o Op) Key() Key {
	switch {
	case o.Route != nil:
		return o.Route.Key()
	case o.Rule != nil:
		return o.Rule.Key()
	case o.Knob != nil:
		return o.Knob.Key()
	}
	return o.Address.Key
}

// Outcome is what the kernel said to an Op.
type Outcome uint8

// Outcomes. Exists and NotThere are as good as Done (rule H10); that something else is in the way of a route or rule has to
// be found out.
const (
	Done     Outcome = iota
	Exists           // EEXIST: an item to be added stands already
	NotThere         // EADDRNOTAVAIL, for routes ESRCH, for rules ENOENT: an item to be deleted does not exist
	NoLink           // ENODEV: the link does not exist
	Refused          // anything else: see the text
	Unknown          // the kernel's answer did not arrive; the operation may or may not have been carried out
	Later            // of a WallOp only: it is carried out by another process, and the answer comes as an event WallAnswered
)

// OpResult is the kernel's answer to the Op at the same position.
type OpResult struct {
	Outcome Outcome
	Text    string // of Refused and Unknown: the kernel's own words
}

// Texts of a Result that is not the kernel's own.
const (
	NoSuchInterface = "no such interface"
	NotAnAddress    = "not an address that can stand on an interface"
	NotARoute       = "not a route that a kernel could have"
	NotARule        = "not a rule that a kernel could have"
	InTheWay        = "another one that the kernel takes for the same is in the way"
	WouldHit        = "the kernel would delete another rule in its place"
)

// spot is what the kernel tells the addresses of a link apart by.
type spot struct {
	at  netip.Prefix // with the kernel's prefix length
	net netip.Prefix // IPv4, with a peer in another network than its own: that network
}

func spotOf(at, peer netip.Prefix) spot {
	s := spot{at: at}
	if at.Addr().Is4() && peer.IsValid() {
		if n := network(at, peer); n != at.Masked() {
			s.net = n
		}
	}
	return s
}

func (a *LinkAddr) spot() spot { return spotOf(a.Prefix, a.Peer) }

// Key identifies the address on a link of that name.
func (a *LinkAddr) Key(link string) Key { return place{link, a.spot()}.key() }

// place is where an address stands, by the names that owners use: the link's name and how the kernel knows the address.
type place struct {
	link string
	spot
}

func (p place) key() Key { return Key{Link: p.link, Prefix: p.at, Net: p.net} }

func (p place) String() string { return p.at.String() + " " + p.link }

// kernelPrefix is the local address with the prefix length that the kernel will have for it.
func (a *Address) kernelPrefix() netip.Prefix {
	local := a.Prefix.Addr()
	if a.Peer.IsValid() {
		return netip.PrefixFrom(local, a.Peer.Bits())
	}
	return netip.PrefixFrom(local, a.Prefix.Bits())
}

// valid reports whether the kernel could be asked to add a; a nonsensical address must not become a nonsensical message.
func (a *Address) valid() bool {
	local := a.Prefix.Addr()
	if !a.Prefix.IsValid() || local.Is4In6() || local.Zone() != "" || a.Link == "" || len(a.Link) > 15 {
		return false
	}
	if p := a.Peer; p != (netip.Prefix{}) {
		if !p.IsValid() || p.Addr().Is4() != local.Is4() || p.Addr().Is4In6() || p.Addr().Zone() != "" {
			return false
		}
	}
	if a.Broadcast.IsValid() && !(a.Broadcast.Is4() && local.Is4()) {
		return false
	}
	return len(a.Label) <= 15 && !strings.ContainsRune(a.Label, 0) && !strings.ContainsRune(a.Link, 0)
}

// network is the IPv4 network in which an address is the primary or a secondary one: the kernel compares the remote end
// where there is one.
func network(at, peer netip.Prefix) netip.Prefix {
	if peer.IsValid() {
		return netip.PrefixFrom(peer.Addr(), at.Bits()).Masked()
	}
	return at.Masked()
}

// sameSettings reports whether b can be had from a standing a without doing anything, and if not, whether it is enough to
// replace what the kernel lets one replace.
func sameSettings(a, b *Address) (same, replaceable bool) {
	const atAdd = FlagNoDAD | FlagMCAutoJoin // matters only in the moment of adding
	fixed := a.Peer == b.Peer && a.Broadcast == b.Broadcast && a.Label == b.Label && a.Scope == b.Scope
	loose := (a.Flags^b.Flags)&^atAdd == 0
	if a.Prefix.Addr().Is4() {
		return fixed && loose, false
	}
	return fixed && loose && a.Preferred == b.Preferred, fixed
}

// asAddress is a standing address as one would have to add it again.
func (a *LinkAddr) asAddress(link string) Address {
	const settable = FlagHomeAddress | FlagManageTemp | FlagNoPrefixRoute | FlagMCAutoJoin
	return Address{
		Key: a.Key(link), Peer: a.Peer, Broadcast: a.Broadcast, Label: a.Label, Scope: a.Scope,
		Flags: a.Flags & settable, Preferred: a.Preferred,
	}
}

// String is the key as people write it: "10.0.0.3/24 eth0", "route 10.9.0.0/16 via 10.0.0.254", or "vrrp.51" for that of a
// virtual link.
func (k Key) String() string {
	switch {
	case k.IsEntry():
		return k.Entry
	case k.Prefix == (netip.Prefix{}):
		return k.Link
	}
	s := k.Prefix.String()
	if k.Net.IsValid() {
		s += " peer " + k.Net.String()
	}
	return s + " " + k.Link
}

// String is for logs.
func (o Outcome) String() string {
	switch o {
	case Done:
		return "done"
	case Exists:
		return "exists"
	case NotThere:
		return "not there"
	case NoLink:
		return NoSuchInterface
	case Refused:
		return "refused"
	case Unknown:
		return "unknown"
	case Later:
		return "later"
	}
	return "outcome " + strconv.Itoa(int(o))
}
