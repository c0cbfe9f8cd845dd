package vrrp

import (
	"net/netip"
	"time"

	"holdfast.dev/host"
	"holdfast.dev/track"
	"holdfast.dev/transport"
	"holdfast.dev/vrrp/wire"
)

// Config is everything that an Engine is configured with. It is immutable, and so is all that it points to.
type Config struct {
	Routers []Spec
	Groups  []GroupSpec
	Static  []host.Address // held whatever the elections say
	// StaticRoutes and StaticRules are too.
	StaticRoutes []host.Route
	StaticRules  []host.Rule
	Wall         host.Wall // the firewall for addresses that are Barred; the zero Wall for none
	// StartupDelay is vrrp_startup_delay: no router leaves BACKUP before it has passed since the process started (rule B8).
	StartupDelay time.Duration
	// DelayAfterBoot is the same, measured from the boot of the machine; the later end counts.
	DelayAfterBoot time.Duration
	// Restore is false for keepalived's rule K1: a MASTER steps down when somebody deletes one of its addresses.
	Restore bool
	// Debounce are the delays before a change of an interface counts, by its name (rule L1).
	Debounce map[string]Debounce
	// GarpInterval and NAInterval are the least gaps between two announcements on one link; 0 is none (rule M5).
	GarpInterval, NAInterval time.Duration
	// GarpGroups are links that share such gaps. A link is in one group at most.
	GarpGroups []GarpGroup
	// LogUnknownVRIDs tells of adverts that no router is configured for (rule F12).
	LogUnknownVRIDs bool
	// RepeatStates tells readers of pipes after a reload the states that it has not changed (fifo_write_vrrp_states_on_reload).
	RepeatStates bool
}

// Debounce is how long an interface must be down, or up, before that counts. A change back within that time is as if nothing had been.
type Debounce struct{ Down, Up time.Duration }

// Identity is what makes two virtual routers the same one for the network: a reload that keeps it keeps the state (rule P5).
type Identity struct {
	IPv6   bool
	VRID   uint8
	Link   string
	Source netip.Addr // unicast only
	Group  netip.Addr // multicast only
}

// Spec is one virtual router as configured, with all defaults filled in.
type Spec struct {
	Name    string
	VRID    uint8 // 1 to 255
	IPv6    bool
	Version uint8      // 2 or 3
	Link    string     // interface; empty only for unicast with a Source
	Source  netip.Addr // configured source address; the zero Addr takes the link's own
	Group   netip.Addr // multicast destination; the zero Addr for unicast
	Peers   []Peer     // unicast destinations; empty for multicast
	TTL     uint8      // of unicast adverts; 0 leaves it to the kernel (IPv6)
	Via     string     // interface that adverts leave and come through, if not Link: an ipvlan that has the source address
	Named   bool       // peers are given by names, so it is unicast even while none is known
	// Transport is how adverts to peers travel. One that is carried has its source and peers told apart by package carrier, whatever the
	// addresses on the way are.
	Transport transport.Kind
	// TransportID tells routers of one VRID apart that share a transport and peers, because they are on different links.
	TransportID uint16
	// FastFail: a master whose daemon is dead (PeerDied) need not be waited for.
	FastFail bool
	VRF      string // of unicast without a Link: the interface of the VRF that Source is in; empty for none

	Priority     uint8         // base priority, 1 to 255; 255 is the address owner
	Interval     time.Duration // Advertisement_Interval
	DownAdverts  int           // adverts that may be missing before the master counts as down, 1 to 100; 3 in the RFCs
	NoPreempt    bool
	PreemptDelay time.Duration
	StateMaster  bool // "state MASTER": with priority 255 a start as MASTER

	AuthType uint8 // version 2: wire.AuthNone, wire.AuthPass or, over IPv4, wire.AuthAH
	Password [wire.AuthLen]byte
	HMAC     *HMAC     // nil for none; not together with another authentication
	Sum      wire.Form // form of the checksum that is sent; 0 is the default of version and family
	Accept   wire.Form // forms that are taken
	// LearnGroupSum switches the sent form to wire.FormGroup once a peer's advert fits only that (rule F4).
	LearnGroupSum bool

	CheckPeers         bool // drop adverts from others than the peers, and enforce their TTL range (rules O3, O4)
	SkipCheckAddrs     bool
	OwnerIgnore        bool
	LowerPrioNoAdvert  bool
	HigherPrioAdvert   bool
	TimerExpiredBackup bool

	Addresses []Address // in adverts, in this order; then those that are not (Excluded)
	Promote   bool      // promote_secondaries of Link is on for as long as the router is configured (rule K12)
	// Virtual are the macvlans and ipvlans that addresses stand on (use_vmac). Whether they are up is the engine's business.
	Virtual []host.VirtualLink
	// MAC is the virtual hardware address that multicast adverts are sent from; zero for the interface's own.
	MAC    [6]byte
	Routes []Route // while MASTER, when the addresses stand
	Rules  []Rule  // while MASTER
	Garp   Garp

	DontTrackPrimary bool
	TrackSource      bool // FAULT while Source is not on the link (rule K4)
	NotifyPriority   bool
	TellDeleted      bool // notify_deleted: a removal is told as DELETED, else as FAULT (rule P8)
	Mail             bool // smtp_alert
	Links            []LinkBinding
	Trackers         []track.Binding
	Statics          []host.Key // of Config: FAULT while the kernel refuses one of them (track_group)
	ConfigFault      string     // why it must stay in FAULT (rules A9, A11); empty for none
}

// Peer is one unicast destination.
type Peer struct {
	Addr           netip.Addr
	MinTTL, MaxTTL uint8
}

// Address is one virtual address.
type Address struct {
	host.Address
	Excluded bool // not carried in adverts
	NoTrack  bool // its loss does not matter (rule K1)
	Extra    bool // it stands on another link than the router's own, and is announced with Garp.Extra as its period
}

// Route is one virtual route.
type Route struct {
	host.Route
	NoTrack bool // its loss does not matter (rule K1)
}

// Rule is one virtual rule.
type Rule struct {
	host.Rule
	NoTrack bool // its loss does not matter (rule K1)
}

// LinkBinding is one tracked interface (rule J1).
type LinkBinding struct {
	Link    string
	Weight  int // -253 to 253; 0 makes its failure a fault
	Reverse bool
}

// Garp says when and how often the addresses of a MASTER are announced (rule M1).
type Garp struct {
	Delay         time.Duration // from becoming MASTER to the second burst; 0 is none
	Repeat        int           // packets per address and burst, at least 1
	Refresh       time.Duration // 0 is none
	RefreshRepeat int
	LowerDelay    time.Duration // from a lower-priority advert to the second burst; 0 is none
	LowerRepeat   int           // 0 is none
	Extra         time.Duration // period of addresses that are Extra; 0 is none
}

// GroupSpec is one sync group.
type GroupSpec struct {
	Name    string
	Members []string // names of routers; unknown ones are ignored
	Mail    bool     // smtp_alert
}

// Unicast reports whether adverts go to peers instead of a multicast group.
func (s *Spec) Unicast() bool { return len(s.Peers) > 0 || s.Named }

// Owner reports whether the router owns its addresses (RFC 9568 section 1.7).
func (s *Spec) Owner() bool { return s.Priority == wire.PriorityOwner }

// Identity of the router.
func (s *Spec) Identity() Identity {
	id := Identity{IPv6: s.IPv6, VRID: s.VRID, Link: s.Link}
	if s.Unicast() {
		id.Source = s.Source
	} else {
		id.Group = s.Group
	}
	return id
}

// PortID names the socket that a router hears and speaks through: one per link, family and protocol, or one per source
// address, and VRF, where there is no link.
type PortID struct {
	Link  string
	IPv6  bool
	AH    bool       // adverts behind an Authentication Header
	Local netip.Addr // only where Link is empty
	VRF   string     // only where Link is empty
	// Transport is set for what goes through the carrier: of that there is one port for each kind, family and ID, and Link, Local and VRF are empty.
	// What the carrier tells of a peer as such comes through that with ID 0, and concerns them all.
	Transport transport.Kind
	ID        uint16 `json:",omitzero"`
}

// Device is the interface that the socket is bound to; empty for none.
func (p *PortID) Device() string {
	if p.Link != "" {
		return p.Link
	}
	return p.VRF
}

// Port of the router.
func (s *Spec) Port() PortID {
	if s.Transport.Carried() {
		p := carriedPort(s.Transport, s.IPv6)
		p.ID = s.TransportID
		return p
	}
	p := PortID{Link: s.Link, IPv6: s.IPv6, AH: s.AuthType == wire.AuthAH}
	switch {
	case s.Via != "":
		p.Link = s.Via
	case s.Link == "":
		p.Local, p.VRF = s.Source, s.VRF
	}
	return p
}

// hears lists the sockets that the router listens to, its own first. One with an Authentication Header also hears adverts without: it
// takes none of them, but can say that there is a peer that knows nothing of it.
func (s *Spec) hears() []PortID {
	p := s.Port()
	if !p.AH {
		return []PortID{p}
	}
	plain := p
	plain.AH = false
	return []PortID{p, plain}
}

// params are the unchanging parts of the router's adverts.
func (s *Spec) params() wire.Params {
	p := wire.Params{
		Version: s.Version, IPv6: s.IPv6, VRID: s.VRID, AuthType: s.AuthType, Interval: s.Interval, Sum: s.Sum, Group: s.Group,
	}
	if s.AuthType == wire.AuthPass {
		p.Password = s.Password // that of AH is a key and stays here
	}
	if s.IPv6 {
		p.Sum = wire.FormZero // the kernel fills it in (IPV6_CHECKSUM)
	} else if p.Sum == 0 {
		p.Sum = wire.DefaultForm(s.Version, false)
	}
	if s.Unicast() || !p.Group.IsValid() || p.Group.Is6() {
		p.Group = netip.Addr{}
	}
	for i := range s.Addresses {
		if !s.Addresses[i].Excluded {
			p.Addrs = append(p.Addrs, s.Addresses[i].Prefix.Addr())
		}
	}
	return p
}
