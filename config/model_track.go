package config

import (
	"fmt"
	"net/netip"
	"time"
)

// TrackFile is a track_file: a file whose content is a number.
type TrackFile struct {
	Pos       Pos    `json:",omitzero"`
	Name      string // unique
	Path      string
	Weight    int  // multiplier, default 1 (rule J11)
	Reverse   bool `json:",omitzero"`
	Init      *int `json:",omitzero"` // init_file: the value that a missing file is made with
	Overwrite bool `json:",omitzero"` // also over a file that is there
}

// TrackProcess is a vrrp_track_process (rule J12).
type TrackProcess struct {
	Pos            Pos           `json:",omitzero"`
	Name           string        // unique
	Process        string        // name or path
	Params         []string      `json:",omitzero"`
	Match          ParamMatch    `json:",omitzero"`
	FullCommand    bool          `json:",omitzero"` // compare /proc/PID/cmdline instead of comm
	Weight         int           `json:",omitzero"` // default for those who track it
	Reverse        bool          `json:",omitzero"`
	Quorum         int           // at least so many; default 1
	QuorumMax      *int          `json:",omitzero"` // at most so many; nil is any number
	ForkDelay      time.Duration `json:",omitzero"` // before a gain counts
	TerminateDelay time.Duration `json:",omitzero"` // before a loss counts
}

// TrackCheck is a vrrp_check, which keepalived does not have: a check that needs no script.
type TrackCheck struct {
	Pos      Pos    `json:",omitzero"`
	Name     string // unique
	Does     ProbeKind
	Addr     netip.AddrPort `json:",omitzero"` // of ProbeTCP
	URL      string         `json:",omitzero"` // of ProbeHTTP
	Low, Top int            `json:",omitzero"` // of ProbeHTTP: the statuses that are wanted
	Insecure bool           `json:",omitzero"` // of ProbeHTTP: any certificate will do
	Unit     string         `json:",omitzero"` // of ProbeUnit
	Path     string         `json:",omitzero"` // of ProbeFile
	IPv6     bool           `json:",omitzero"` // of ProbeRoute
	Dev      string         `json:",omitzero"` // of ProbeRoute: the interface that it leads through; empty for any
	Interval time.Duration  // from 1 ms; default 1 s
	Timeout  time.Duration  // default the interval
	Rise     int            // default 1
	Fall     int            // default 1
	Weight   int            `json:",omitzero"` // default for those who track it
	Reverse  bool           `json:",omitzero"`
}

// ProbeKind says what a TrackCheck looks at.
type ProbeKind uint8

// What a vrrp_check can look at.
const (
	ProbeTCP ProbeKind = iota + 1
	ProbeHTTP
	ProbeUnit
	ProbeFile
	ProbeRoute
)

// String is the word of the language.
func (k ProbeKind) String() string {
	return [...]string{"", "tcp", "http", "systemd_unit", "file_exists", "default_route", "", ""}[k&7]
}

// ParamMatch is how the parameters of a process are compared.
type ParamMatch uint8

// The values of param_match.
const (
	MatchNone    ParamMatch = iota // not at all
	MatchExact                     // all of them
	MatchInitial                   // those given are the first, the last of them perhaps only in part
	MatchPartial                   // those given are the first
)

// TrackKind says what a Tracker names.
type TrackKind uint8

// What trackers without fields of their own name.
const (
	OfFile    TrackKind = iota + 1 // a Config.Files element
	OfProcess                      // a Config.Processes element
	OfBFD                          // a Config.BFD element
	OfCheck                        // a Config.Checks element
)

// String is the word of the language.
func (k TrackKind) String() string {
	return [...]string{"", "track_file", "track_process", "track_bfd", "track_check", "", "", ""}[k&7]
}

// Tracker is one tracked file, process, BFD session or check.
type Tracker struct {
	Pos       Pos `json:",omitzero"`
	Name      string
	Weight    int16 `json:",omitzero"` // final; for files the multiplier. 0 is FAULT while it fails (rules J1, J11)
	Kind      TrackKind
	Reverse   bool `json:",omitzero"`
	FromGroup bool `json:",omitzero"`
}

// BFDSession is a bfd_instance (section W of the rules).
type BFDSession struct {
	Pos        Pos    `json:",omitzero"`
	Name       string // unique, up to 31 bytes
	Neighbour  netip.Addr
	Source     netip.Addr    `json:",omitzero"` // zero is any
	MinRx      time.Duration // default 10 ms
	MinTx      time.Duration // default 10 ms
	IdleTx     time.Duration // while not Up; at least 1 s
	Multiplier uint8         // default 5
	TTL        uint8         // sent; default 255 for IPv4, 64 for IPv6
	MaxHops    int           `json:",omitzero"` // received TTL is at least TTL-MaxHops; -1 is any
	Passive    bool          `json:",omitzero"`
	Multihop   bool          `json:",omitzero"`
	ToVRRP     bool          `json:",omitzero"` // events go to the VRRP process
	ToChecker  bool          `json:",omitzero"` // events go to the health checkers
	Weight     int           `json:",omitzero"` // default for those who track it
	Reverse    bool          `json:",omitzero"`
}

// Linkbeat is one line of linkbeat_interfaces.
type Linkbeat struct {
	Pos       Pos `json:",omitzero"`
	Interface string
	Method    string `json:",omitzero"` // MII, ETHTOOL, IOCTL; empty is the first that works
}

// HMAC is an auth_hmac block that is in force (rules G3 to G9, A8).
type HMAC struct {
	Pos       Pos           `json:",omitzero"`
	Keys      []HMACKey     // ascending by ID
	Active    uint8         // the ID of the key that signs; one of Keys
	Monotonic bool          `json:",omitzero"` // anti_replay monotonic
	Mode      HMACMode      `json:",omitzero"`
	Window    time.Duration // accepted clock skew, whole seconds 1..300
}

// HMACKey is one key.
type HMACKey struct {
	ID     uint8 // 1..255
	Secret Secret
}

// Secret is 32 to 64 bytes that nothing prints.
type Secret []byte

// String says that there is something, and not what.
func (s Secret) String() string { return "(secret)" }

// Format does so for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// HMACMode says what is signed and what is accepted (rule G9).
type HMACMode uint8

// The values of mode.
const (
	HMACEnforce HMACMode = iota
	HMACPermissive
	HMACReceiveOnly
)

// VirtualLink is the macvlan or ipvlan that an instance runs on (use_vmac, use_ipvlan).
type VirtualLink struct {
	Pos       Pos          `json:",omitzero"`
	IPVLAN    bool         `json:",omitzero"`
	Name      string       // the name wished for; where it is taken another is made (rule L6)
	Named     bool         `json:",omitzero"` // the file gave the name
	MAC       HardwareAddr `json:",omitzero"` // of a macvlan; default 00:00:5e:00:01 or 02 and the VRID
	XmitBase  bool         `json:",omitzero"` // vmac_xmit_base (rule L9)
	NotifyMsg bool         `json:",omitzero"` // netlink_notify_msg
	Group     *uint32      `json:",omitzero"` // interface group; nil is that of the base
	Mode      IPVLANMode   `json:",omitzero"`
	Addr      netip.Prefix `json:",omitzero"` // of an ipvlan
}

// IPVLANMode is how ipvlans of one base see each other.
type IPVLANMode uint8

// The modes of ipvlans.
const (
	IPVLANBridge IPVLANMode = iota
	IPVLANPrivate
	IPVLANVEPA
)

// Rare are settings of an instance that few have.
type Rare struct {
	VRF              string        `json:",omitzero"` // of unicast without an interface
	GarpExtra        time.Duration `json:",omitzero"` // garp_extra_if: period of gratuitous packets on extra virtual interfaces
	GarpExtraAll     bool          `json:",omitzero"` // on any extra interface
	LVSSyncInterface string        `json:",omitzero"` // lvs_sync_daemon_interface
	LinkbeatPolling  bool          `json:",omitzero"` // linkbeat_use_polling
	Carry            *Carry        `json:",omitzero"` // see Instance.Carry
	PeerNames        []PeerName    `json:",omitzero"` // see Instance.PeerNames
}
