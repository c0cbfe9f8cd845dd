// Package host describes what a machine's kernel should hold on behalf of us, as plain values, and
// works out the difference to what it does hold. It is pure: host/kernel talks to the kernel.
package host

import (
	"net/netip"
)

// Owner names who wants a piece of kernel state: a virtual router, or Static. Owners are handed out by the
// engine that uses them and are never reused within a process.
type Owner uint32

// Static owns the addresses that are held independently of any election (static_ipaddress).
const Static Owner = 0

// State is what one owner wants the kernel to hold. The zero State wants nothing.
type State struct {
	Addresses []Address     // wanted, in the order in which they are to be added
	Routes    []Route       // wanted, added after the addresses (rule K10)
	Rules     []Rule        // wanted, added after the routes
	Links     []VirtualLink // wanted; addresses on one of them wait until it is there and up
	Promote   []string      // links whose promote_secondaries is to be on
	Wall      Wall          // the firewall for addresses that are Barred, wanted by Static for all owners; the zero Wall for none
	Absent    []Key         // to be deleted once if present, whoever added them: what an earlier run may have left (rule C5)
	// AbsentRoutes and AbsentRules are the same for routes and rules. One counts as present if it is the same in everything
	// that its Key tells, the protocol that it is marked with among it.
	AbsentRoutes []Route
	AbsentRules  []Rule
}

// Key identifies an item of a State. Of an address it has Link and Prefix. The prefix length is part of the identity: 10.1.0.3/24 and 10.1.0.3/32
// are two addresses of the kernel's. Of an address with a peer the kernel's prefix length is the peer's, and keepalived's
// peers are /32 and /128 whatever is written behind the address. Two IPv4 addresses with peers in two networks are two as well.
type Key struct {
	Link   string // interface name
	Prefix netip.Prefix
	Net    netip.Prefix `json:",omitzero"` // IPv4, with a peer that is not in the network of Prefix: the peer's; otherwise the zero Prefix
	Entry  string       `json:",omitzero"` // of a route or a rule, and nothing else then: what Key of the Route or Rule says
}

// IsLink reports whether it is the key of a virtual link.
func (k Key) IsLink() bool { return k.Entry == "" && k.Prefix == (netip.Prefix{}) }

// IsEntry reports whether it is the key of a route or rule.
func (k Key) IsEntry() bool { return k.Entry != "" }

// Address is one address as it is to stand on an interface.
type Address struct {
	Key
	Peer      netip.Prefix // remote end of a point-to-point address, its length replaces that of Key; the zero Prefix for none
	Broadcast netip.Addr   // IPv4 broadcast address; the zero Addr for none
	Label     string       // IPv4 label; empty for none
	Scope     uint8        // RT_SCOPE_*: 0 global, 200 site, 253 link, 254 host
	Flags     uint32       // IFA_F_*: NODAD, HOMEADDRESS, MANAGETEMPADDR, NOPREFIXROUTE, MCAUTOJOIN
	Barred    bool         // packets to it are not taken, and none is sent from it (rule N1): it stands only behind the Wall
	Preferred uint32       // IPv6: preferred lifetime in seconds; Forever for no limit, 0 makes it deprecated at once (rule K7). IPv4: ignored, as keepalived does
}

// Forever is the lifetime that never ends (INFINITY_LIFE_TIME).
const Forever = ^uint32(0)

// Flags of addresses as the kernel numbers them (linux/if_addr.h).
const (
	FlagSecondary     uint32 = 0x01 // IPv4: another address of the same network came first. IPv6: a temporary address
	FlagNoDAD         uint32 = 0x02
	FlagHomeAddress   uint32 = 0x10
	FlagDADFailed     uint32 = 0x08
	FlagDeprecated    uint32 = 0x20
	FlagTentative     uint32 = 0x40
	FlagPermanent     uint32 = 0x80
	FlagManageTemp    uint32 = 0x100
	FlagNoPrefixRoute uint32 = 0x200
	FlagMCAutoJoin    uint32 = 0x400
)

// ProtoMark is the IFA_PROTO value put on every address that we add, where the kernel knows it (5.18 on), and the protocol
// of routes and rules that are configured without one (rule K8). It is keepalived's number, so that whatever people have
// told their network managers about keepalived holds for us.
// The mark alone is never a reason to delete anything: another daemon may own it.
const ProtoMark uint8 = 18

// Link is one network interface as the kernel last described it, with its addresses.
type Link struct {
	Name      string
	Index     int
	Up        bool // IFF_UP
	Running   bool // IFF_RUNNING: the carrier is there
	Multicast bool // IFF_MULTICAST
	Loopback  bool
	NoARP     bool // IFF_NOARP: nothing is announced on it (rule M6)
	Type      uint16
	MTU       int
	Kind      LinkKind // what kind of virtual interface it is, if it is one
	Mode      uint32   // of a macvlan or ipvlan
	Base      int      // the interface that it stands on, 0 for none or one of another network namespace
	Master    int      // the bridge, bond or VRF that it is in, 0 for none
	Alias     string
	MAC       [6]byte    // zero where the hardware address does not have 6 octets
	VRFTable  uint32     // the routing table of a VRF, 0 of any other link
	Forward6  bool       // net.ipv6.conf.<link>.forwarding: sets the router flag of unsolicited NAs (rule M3)
	Addrs     []LinkAddr // but for those that we hold ourselves: they come and go without a report
}

// IsUp reports whether the link can carry packets: rule J3.
func (l *Link) IsUp() bool { return l != nil && l.Up && l.Running }

// LinkAddr is an address that the kernel holds on a link.
type LinkAddr struct {
	Prefix    netip.Prefix // the local address
	Peer      netip.Prefix // the zero Prefix for none
	Flags     uint32
	Scope     uint8
	Proto     uint8 // IFA_PROTO, 0 where the kernel does not tell
	Broadcast netip.Addr
	Label     string // IPv4; empty where it is the link's name
	Preferred uint32 // seconds at the time of reading, Forever for no limit
	Valid     uint32 // seconds at the time of reading, Forever for no limit
	Metric    uint32 // IFA_RT_PRIORITY, 0 for the kernel's own choice
}

// Result is what became of one wanted item.
type Result struct {
	Key Key
	Err string // the kernel's own words; empty when the item stands
}

// Applied tells an owner what the kernel made of generation Gen of its State. It may arrive in parts, so that the first
// addresses can be announced while the last are still on their way; Final is set in the last.
//
// Results has every address that is wanted, once per generation; those that stood already too. Later it may have more:
// an address that waited for its link, or came back with it, gives another Applied of the same generation.
type Applied struct {
	Owner     Owner
	Gen       uint64
	Results   []Result
	Unremoved []Result // what should be gone and the kernel refused to delete
	Final     bool
}

// Lost tells an owner that an address which stood is gone and that we did not remove it.
type Lost struct {
	Owner Owner
	Key   Key
	// LinkDown is set when the kernel dropped the address because its link went down or away (IPv6 does, without
	// keep_addr_on_down): nobody deleted it, and it comes back with the link for as long as it is wanted.
	LinkDown bool
}
