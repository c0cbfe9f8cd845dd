package vrrp

import (
	"net/netip"

	"holdfast.dev/clock"
)

// TroubleKind is what is wrong between a router and the others on its network.
type TroubleKind uint8

// The kinds of trouble. docs/troubles.md says for each what it means and what to do.
const (
	NoTrouble      TroubleKind = iota
	TwoMasters                 // another router advertises while we are MASTER, and goes on
	OtherAddresses             // a router of our VRID announces other virtual addresses
	VRIDTaken                  // a router of our VRID announces none of our virtual addresses: it is another virtual router
	OtherVersion               // a router of our VRID speaks another version of VRRP
	OtherInterval              // a router of our VRID has another advertisement interval
	OtherAuth                  // what authenticates the adverts of a router of our VRID is not what is configured here
	OtherSum                   // the checksums of a router of our VRID have another form than ours, or none
	OwnPacket                  // our own adverts come back to us
	SameSource                 // another router sends from our source address
	Unacceptable               // adverts of our VRID come another way than they should: TTL, unicast, multicast, an unknown peer
	AddressClaimed             // another station says that one of the virtual addresses is at it
	OneWay                     // a peer says that it hears nothing of us (Spec.Transport)
	PeerDead                   // the daemon of a peer died as MASTER and its machine lives, so its addresses may be there still
	troubleEnd
)

// TroubleKinds is the number of kinds, NoTrouble included.
const TroubleKinds = int(troubleEnd)

// Trouble is one trouble that a router has, with the evidence.
type Trouble struct {
	Kind  TroubleKind
	From  netip.Addr // who shows it: the source of the adverts, or the virtual address that is claimed
	MAC   [6]byte    // of the station that claims a virtual address; else zero
	Since clock.Now  // the first packet of it
	Last  clock.Now  // the newest
	Count uint64     // packets that showed it
	Text  string     // what it said, and what was expected
}

// troubleText has for each kind its name, for programs, and what to do about it, for the log.
var troubleText = [TroubleKinds]struct{ name, advice string }{
	NoTrouble: {"none", ""},
	TwoMasters: {
		"two_masters",
		"make its adverts and ours reach each other and be taken: the same authentication, version and interval, unicast_peer, " +
			"multicast through the switches, protocol 112 through the firewalls",
	},
	OtherAddresses: {"other_addresses", "give both the same virtual_ipaddress block"},
	VRIDTaken:      {"vrid_taken", "another virtual router on this network has our virtual_router_id: give one of them another"},
	OtherVersion:   {"other_version", "set version, or vrrp_version, to the same on both"},
	OtherInterval:  {"other_interval", "set advert_int to the same on both"},
	OtherAuth:      {"other_authentication", "make authentication or auth_hmac the same on both, and their clocks"},
	OtherSum:       {"other_checksum", "set v3_checksum_as_v2 and old_unicast_checksum to the same on both; if they are, look for what damages packets"},
	OwnPacket:      {"own_packet", "look for a loop, a bridge or a mirror port that sends packets back"},
	SameSource:     {"same_source", "give one of them another address, or mcast_src_ip"},
	Unacceptable:   {"unacceptable", "if it is meant to take part, make its unicast_peer, TTL and group fit; if not, keep it out"},
	OneWay:         {"one_way", "look for what lets its packets through and not ours: a firewall, a route, another configuration that refuses our adverts"},
	PeerDead:       {"peer_dead", "start its daemon again, or have 'holdfast sweep' remove the addresses there, as ExecStopPost of the unit does"},
	AddressClaimed: {"address_claimed", "find the station with that hardware address and take the address from it"},
}

// String is the name of the kind, a word of lower-case letters.
func (k TroubleKind) String() string {
	if int(k) < len(troubleText) {
		return troubleText[k].name
	}
	return "unknown"
}

// Advice says what to do about it.
func (k TroubleKind) Advice() string {
	if int(k) < len(troubleText) {
		return troubleText[k].advice
	}
	return ""
}
