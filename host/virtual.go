package host

import "strings"

// LinkKind is the kernel's name for what an interface is (IFLA_INFO_KIND); empty for hardware and what does not tell.
type LinkKind string

// Kinds of interfaces that matter here.
const (
	Macvlan LinkKind = "macvlan"
	Macvtap LinkKind = "macvtap"
	IPVLAN  LinkKind = "ipvlan"
	VRF     LinkKind = "vrf"
)

// Families are the address families that a virtual link is for, as bits.
type Families uint8

// Families of addresses.
const (
	IPv4 Families = 1 << iota
	IPv6
)

// Modes of virtual links as the kernel numbers them (linux/if_link.h).
const (
	MacvlanBridge uint32 = 4
	IPVLANBridge  uint32 = 0
	IPVLANPrivate uint32 = 1
	IPVLANVEPA    uint32 = 2
)

// VirtualLink is a macvlan or ipvlan that is to stand on another interface (rules L5 to L8). A macvlan is up only while somebody who
// wants it says so: one that is down says nothing and answers nothing, whatever the rest of the system does with it.
type VirtualLink struct {
	Name     string // interface name, 1 to 15 octets
	Base     string // name of the interface that it stands on
	Kind     LinkKind
	Mode     uint32   // of that kind
	MAC      [6]byte  // of a macvlan
	Group    uint32   // interface group, if OwnGroup is set; otherwise it is the base's
	OwnGroup bool     //
	For      Families // whose addresses it will have; IPv6 is switched off on it if it has none
	Up       bool
}

// valid reports whether the kernel could be asked for it.
func (v *VirtualLink) valid() bool {
	bad := func(s string) bool {
		return s == "" || len(s) > 15 || s == "." || s == ".." || strings.ContainsAny(s, "/\x00 \t\n:")
	}
	return !bad(v.Name) && !bad(v.Base) && v.Name != v.Base && (v.Kind == Macvlan || v.Kind == IPVLAN)
}

// Key is how a virtual link is called in a Result: its name, and no prefix.
func (v *VirtualLink) Key() Key { return Key{Link: v.Name} }

// LinkMark begins the alias (IFLA_IFALIAS) of every interface that we make. As with addresses the mark alone is never a reason to
// delete one: it must have the name, too, that a configuration or a state file gives.
const LinkMark = "holdfast"

// Ours reports whether we, or an earlier run, made the link.
func (l *Link) Ours() bool {
	return l.Alias == LinkMark || strings.HasPrefix(l.Alias, LinkMark+" ")
}

// LinkAction is what is to be done with a virtual link.
type LinkAction uint8

// Actions on virtual links.
const (
	LinkMake  LinkAction = iota + 1 // create it, down, and give it its settings
	LinkShape                       // give one that exists its settings
	LinkUp
	LinkDown
	LinkDrop // delete it
)

// LinkOp is an operation on a virtual link; that of Op.Index but for LinkMake.
type LinkOp struct {
	Do      LinkAction
	Want    VirtualLink
	Base    int  // the base, by number; 0 if it is gone
	Master  int  // the VRF that the base is in, 0 for none
	Sibling int  // another link of ours on that base, 0 if this is the first one
	Alone   bool // LinkDrop: the base's settings can be what they were before
}

// String is the operation as tests and logs write it: "+vrrp.51@eth0".
func (o *LinkOp) String() string {
	sign := map[LinkAction]string{LinkMake: "+", LinkShape: "~", LinkUp: "up ", LinkDown: "down ", LinkDrop: "-"}[o.Do]
	return sign + o.Want.Name + "@" + o.Want.Base
}

// below is what the kernel will say that the link stands on: a macvlan on a macvlan stands on that one's own base, which may be in another
// network namespace (0), and so does an ipvlan on an ipvlan.
func (v *VirtualLink) below(base *Link) int {
	if base.Kind == v.Kind || base.Kind == Macvtap && v.Kind == Macvlan {
		return base.Base
	}
	return base.Index
}

// fits reports whether l is the link that is wanted, but for settings that can be changed in place.
func (v *VirtualLink) fits(l, base *Link) bool {
	return l.Kind == v.Kind && l.Base == v.below(base) && (l.Ours() || v.Kind == IPVLAN || l.MAC == v.MAC)
}
