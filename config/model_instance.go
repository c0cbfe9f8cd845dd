package config

import (
	"net/netip"
	"time"

	"holdfast.dev/transport"
)

// Family is an address family.
type Family uint8

// The address families of VRRP.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// Instance is one vrrp_instance. Every inherited value is final here.
type Instance struct {
	Pos       Pos    `json:",omitzero"`
	Name      string // unique
	Interface string `json:",omitzero"` // empty only for unicast with a source address (rule A1)
	VRID      uint8  // 1..255
	Family    Family // rule A2
	Version   uint8  // 2 or 3 (rule A3)
	Priority  uint8  // base priority 1..255; 255 is the address owner
	// WantMaster is the initial state wished for. It does not hasten the first election (rule C3): it has already
	// decided Priority, Preempt and PreemptDelay, and a management view may show it.
	WantMaster         bool        `json:",omitzero"`
	Strict             bool        `json:",omitzero"`
	TrackSource        bool        `json:",omitzero"` // FAULT while Source is not on the interface
	CheckSource        bool        `json:",omitzero"` // drop unicast adverts from others than peers, and enforce their TTL range
	TTL                uint8       `json:",omitzero"` // of unicast adverts; 0 is the kernel's default (IPv6 only)
	ExpiredBackup      uint8       `json:",omitzero"` // timer_expired_backup: the highest priority of the others; 0 is off
	Accept             bool        // take packets to the addresses when not owner (rule A18)
	Preempt            bool        // false is nopreempt
	LowerPrioNoAdvert  bool        `json:",omitzero"`
	HigherPrioAdvert   bool        `json:",omitzero"` // one more advert before yielding (rule E4)
	OwnerIgnore        bool        `json:",omitzero"` // owner_ignore_adverts (rule A21)
	SkipCheckAddrs     bool        `json:",omitzero"` // check the address list only when the master changes (rule D6)
	ChecksumAsV2       bool        `json:",omitzero"` // v3 over IPv4 without pseudo-header (rule F3)
	OldChecksum        OldChecksum `json:",omitzero"` // v3 unicast checksum of keepalived before 1.3.6 (rule F4)
	DontTrackPrimary   bool        `json:",omitzero"` // ignore faults of the instance's own interface
	PromoteSecondaries bool        `json:",omitzero"`
	SMTPAlert          bool        `json:",omitzero"` // rule A22
	NotifyPriority     bool        `json:",omitzero"` // rule A22
	UseVMACAddr        bool        `json:",omitzero"` // virtual interfaces for addresses on other interfaces (rule L12)
	Debug              uint8       `json:",omitzero"` // 0..4, stored only
	ReceiveBuffer      uint32      `json:",omitzero"` // kernel_rx_buf_size in bytes; 0 is by the global policy

	AdvertInterval   time.Duration // v2: whole seconds 1..255; v3: multiples of 10 ms up to 40.95 s (rule A23)
	DownTimerAdverts int           // intervals without an advert before take-over, 1..100
	PreemptDelay     time.Duration `json:",omitzero"`
	Garp             *Garp         // never nil after Load

	Source    netip.Addr `json:",omitzero"` // configured source address; zero is the interface's own
	Group     netip.Addr `json:",omitzero"` // multicast destination; zero for unicast
	Peers     []Peer     `json:",omitzero"` // unicast destinations; empty for multicast
	Auth      Auth       `json:",omitzero"`
	Addresses []Address  `json:",omitzero"` // in adverts, in this order
	Excluded  []Address  `json:",omitzero"` // not in adverts; includes what did not fit (rule A13)

	Track     Tracking `json:",omitzero"`
	Notify    *Notify  // never nil after Load
	SyncGroup string   `json:",omitzero"` // the group that this instance is a member of
	Faults    []Fault  `json:",omitzero"` // why it must stay in FAULT whatever happens (rules A9, A11, A13, A30)
	Ports     []string `json:",omitzero"` // interfaces of its addresses that it follows besides its own (rule A27)

	HMAC    *HMAC        `json:",omitzero"` // auth_hmac in force
	Virtual *VirtualLink `json:",omitzero"` // the macvlan or ipvlan that it runs on
	Routing *Routing     `json:",omitzero"` // routes and rules while MASTER
	Rare    *Rare        `json:",omitzero"` // what few have; nil is none of it
}

// Owner reports whether the instance owns its addresses (base priority 255).
func (i *Instance) Owner() bool { return i.Priority == 255 }

// Unicast reports whether adverts go to a list of peers instead of a multicast group.
func (i *Instance) Unicast() bool { return len(i.Peers) > 0 || len(i.PeerNames()) > 0 }

// Transport is how the adverts travel.
func (i *Instance) Transport() transport.Kind {
	if c := i.Carry(); c != nil {
		return c.Kind
	}
	return transport.IP
}

// Carry says how adverts travel; nil is IP protocol 112.
func (i *Instance) Carry() *Carry {
	if i.Rare == nil {
		return nil
	}
	return i.Rare.Carry
}

// PeerNames are the unicast destinations that the file gives by DNS name (ours). Their addresses are among Peers once they are known.
func (i *Instance) PeerNames() []PeerName {
	if i.Rare == nil {
		return nil
	}
	return i.Rare.PeerNames
}

// Fault is a reason in the configuration for an instance to stay in FAULT.
type Fault string

// The reasons for a fault in the configuration.
const (
	FaultNoPeer      Fault = "no unicast peer"                        // rule A9
	FaultNoMulticast Fault = "interface does not support multicast"   // rule A11
	FaultNoEthernet  Fault = "interface is not ethernet"              // rule A11
	FaultNoSource    Fault = "ipvlan without a source address"        // rule L13
	FaultVMAC        Fault = "virtual interface name or MAC is taken" // rule A31
	FaultClash       Fault = "duplicate VRID on interface"            // rule A30
	FaultNoAddress   Fault = "no address of any unicast_peer is known yet"
)

// Peer is one line of unicast_peer.
type Peer struct {
	Pos    Pos `json:",omitzero"`
	Addr   netip.Addr
	MinTTL uint8  // enforced only while Instance.CheckSource (rule O4); default 0
	MaxTTL uint8  // default 255
	Proof  *Proof `json:",omitzero"` // nil for nothing of that
}

// OldChecksum says how the old unicast checksum of VRRPv3 over IPv4 is treated.
type OldChecksum uint8

// The values of old_unicast_checksum.
const (
	OldChecksumDetect OldChecksum = iota // accept it and then send it too
	OldChecksumForce                     // always send it
	OldChecksumNever                     // never accept it
)

// AuthType is the kind of VRRPv2 authentication.
type AuthType uint8

// The kinds of VRRPv2 authentication.
const (
	AuthNone AuthType = iota
	AuthPass          // RFC 2338 simple text, up to 8 bytes
	AuthAH            // RFC 2338 IP authentication header
)

// Auth is the authentication block of an instance that has one in force (rule A7).
type Auth struct {
	Type     AuthType `json:",omitzero"`
	Password string   `json:",omitzero"` // 1..8 bytes
}

// Tracking is what an instance follows besides its own interface. Entries of its sync group are included, and rules
// A26, A35 and A36 have been applied.
type Tracking struct {
	Interfaces []TrackInterface `json:",omitzero"`
	Scripts    []TrackScript    `json:",omitzero"`
	Others     []Tracker        `json:",omitzero"` // files, processes and BFD sessions
}

// TrackInterface is one tracked interface.
type TrackInterface struct {
	Pos       Pos    `json:",omitzero"`
	Name      string // the interface
	Weight    int    `json:",omitzero"` // -253..253; 0 is FAULT while it is down (rule J1)
	Reverse   bool   `json:",omitzero"`
	FromGroup bool   `json:",omitzero"` // it is the sync group's entry
}

// TrackScript is one tracked script.
type TrackScript struct {
	Pos       Pos    `json:",omitzero"`
	Name      string // of a Config.Scripts element
	Weight    int    `json:",omitzero"` // -253..253; 0 is FAULT while it fails (rule J1)
	Reverse   bool   `json:",omitzero"`
	FromGroup bool   `json:",omitzero"`
}

// Notify holds the scripts of an instance or group. A nil script is not configured, or was disabled (rule R4).
type Notify struct {
	Master      *Command `json:",omitzero"`
	Backup      *Command `json:",omitzero"`
	Fault       *Command `json:",omitzero"`
	Stop        *Command `json:",omitzero"`
	Any         *Command `json:",omitzero"` // notify: gets kind, name, state and priority as further arguments
	LowerPrio   *Command `json:",omitzero"` // notify_master_rx_lower_pri; instances only
	Trouble     *Command `json:",omitzero"` // notify_trouble; instances only, gets what it is about as further arguments
	Deleted     *Command `json:",omitzero"` // instances only
	TellDeleted bool     `json:",omitzero"` // notify_deleted is there: a removed instance is told as DELETED, not FAULT
}

// Command is a program to run.
type Command struct {
	Pos  Pos         `json:",omitzero"`
	Args []string    // program and arguments; the program is an absolute path where it could be found (rule R3)
	User Credentials // who runs it
	// Open is the path of a command written "</path": nothing is run, it succeeds when the file can be opened (rule R7).
	Open string `json:",omitzero"`
}

// Credentials are the user and group that a script runs as.
type Credentials struct {
	User string `json:",omitzero"` // name as written, empty for the daemon's own
	UID  uint32 `json:",omitzero"`
	GID  uint32 `json:",omitzero"`
}
