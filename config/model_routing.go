package config

import "net/netip"

// Routing is what an instance puts into the routing tables while it is MASTER.
type Routing struct {
	Routes []Route `json:",omitzero"` // virtual_routes, in the order of the file
	Rules  []Rule  `json:",omitzero"` // virtual_rules, in the order of the file
}

// Route is one entry of static_routes or virtual_routes. Numbers are those of linux/rtnetlink.h; all names have been
// resolved.
type Route struct {
	Pos        Pos          `json:",omitzero"`
	Family     Family       // of Dst
	Op         RouteOp      `json:",omitzero"`
	Type       uint8        // RTN_*: 1 unicast, 6 blackhole, ...
	Scope      uint8        `json:",omitzero"` // RT_SCOPE_*; as written, else that of all addresses but for the types local, broadcast, anycast
	TOS        uint8        `json:",omitzero"`
	Protocol   uint8        // RTPROT_*; 18 for every route that is tracked (rule K8)
	Preference uint8        `json:",omitzero"` // RTA_PREF: 0 medium, 1 high, 3 low; IPv6 only
	OnLink     bool         `json:",omitzero"`
	NoTrack    bool         `json:",omitzero"` // its loss is no reason to step down (rule K1)
	Expires    uint32       `json:",omitzero"` // seconds; IPv6 only; 0 is never
	Table      uint32       `json:",omitzero"` // default 254, main; 0 is that of VRF
	Metric     uint32       `json:",omitzero"`
	Realms     uint32       `json:",omitzero"` // source realm << 16 | destination realm; IPv4 only
	Dst        netip.Prefix // masked
	From       netip.Prefix `json:",omitzero"` // source-specific routing; IPv6 only
	Source     netip.Addr   `json:",omitzero"` // preferred source address
	Via        netip.Addr   `json:",omitzero"` // may be of the other family
	Dev        string       `json:",omitzero"`
	VRF        string       `json:",omitzero"`
	TrackGroup string       `json:",omitzero"` // static routes only
	Encap      *Encap       `json:",omitzero"`
	Metrics    []Metric     `json:",omitzero"` // in the order of the entry
	Congestion string       `json:",omitzero"` // congctl: the name of an algorithm
	CongLock   bool         `json:",omitzero"`
	TTLProp    *bool        `json:",omitzero"` // ttl-propagate; nil is the kernel's default
	Hops       []NextHop    `json:",omitzero"` // of a multipath route; Via and Dev are empty then
}

// RouteOp is how a route enters the table.
type RouteOp uint8

// The ways for a route into the table (flags of RTM_NEWROUTE).
const (
	RoutePrepend RouteOp = iota // NLM_F_CREATE alone
	RouteAdd                    // and NLM_F_EXCL: fails when it is there
	RouteAppend                 // and NLM_F_APPEND
)

// Metric is one metric of a route (RTAX_*). Times are in milliseconds.
type Metric struct {
	Kind  uint8 // RTAX_*
	Lock  bool  `json:",omitzero"`
	Value uint32
}

// NextHop is one way of a multipath route.
type NextHop struct {
	Via    netip.Addr `json:",omitzero"`
	Dev    string     `json:",omitzero"`
	Weight uint16     // 1..256
	OnLink bool       `json:",omitzero"`
	Realms uint32     `json:",omitzero"`
	Encap  *Encap     `json:",omitzero"`
}

// Encap is a lightweight tunnel of a route.
type Encap struct {
	Kind   EncapKind
	TOS    uint8      `json:",omitzero"` // tos or tc
	TTL    uint8      `json:",omitzero"` // ttl or hoplimit
	Flags  uint16     `json:",omitzero"`
	ID     uint64     `json:",omitzero"`
	Dst    netip.Addr `json:",omitzero"`
	Src    netip.Addr `json:",omitzero"`
	Labels []uint32   `json:",omitzero"` // MPLS, outermost first
	ILA    uint64     `json:",omitzero"` // locator
}

// EncapKind is the kind of a lightweight tunnel (LWTUNNEL_ENCAP_*).
type EncapKind uint8

// The kinds of lightweight tunnels.
const (
	EncapMPLS EncapKind = 1
	EncapIP   EncapKind = 2
	EncapILA  EncapKind = 3
	EncapIP6  EncapKind = 4
)

// Rule is one entry of static_rules or virtual_rules: which packets look where.
type Rule struct {
	Pos         Pos `json:",omitzero"`
	Family      Family
	Action      RuleAction   `json:",omitzero"`
	Not         bool         `json:",omitzero"`
	NoTrack     bool         `json:",omitzero"`
	L3MDev      bool         `json:",omitzero"`
	HasMark     bool         `json:",omitzero"`
	TOS         uint8        `json:",omitzero"`
	Protocol    uint8        // RTPROT_*; 18 for every rule that is tracked (rule K8)
	IPProto     uint8        `json:",omitzero"`
	Table       uint32       `json:",omitzero"` // of the action lookup
	Goto        uint32       `json:",omitzero"` // priority of the rule to go on with
	Priority    uint32       // default 16384, and one less with each rule of the file that has none
	Mark        uint32       `json:",omitzero"`
	MarkMask    uint32       `json:",omitzero"`
	Realms      uint32       `json:",omitzero"`
	TunnelID    uint64       `json:",omitzero"`
	From        netip.Prefix `json:",omitzero"`
	To          netip.Prefix `json:",omitzero"`
	IIF         string       `json:",omitzero"`
	OIF         string       `json:",omitzero"`
	SuppressLen *uint32      `json:",omitzero"` // suppress_prefixlength
	SuppressGrp *uint32      `json:",omitzero"` // suppress_ifgroup, the group's number
	UIDs        *Range       `json:",omitzero"`
	SourcePorts *Range       `json:",omitzero"`
	DestPorts   *Range       `json:",omitzero"`
	TrackGroup  string       `json:",omitzero"` // static rules only
}

// Range is from First to Last, both included.
type Range struct{ First, Last uint32 }

// RuleAction is what becomes of a packet that a rule is for.
type RuleAction uint8

// The actions of rules (FR_ACT_*).
const (
	RuleLookup RuleAction = iota
	RuleGoto
	RuleNop
	RuleBlackhole
	RuleUnreachable
	RuleProhibit
)
